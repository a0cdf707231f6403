#include "sim/sweep_schema.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/digest.h"
#include "sim/source_digest.h"

#define AT(member) offsetof(struct pool_price, member)

const struct schema_number schema_numbers[] = {
        {"time_s", AT(time_s)},
        {"npu_s", AT(npu_s)},
        {"attention_s", AT(phase_s[0])},
        {"exchange_s", AT(phase_s[1])},
        {"gate_s", AT(phase_s[2])},
        {"dispatch_s", AT(phase_s[3])},
        {"expert_s", AT(phase_s[4])},
        {"combine_s", AT(phase_s[5])},
        {"dense_s", AT(phase_s[6])},
        {"head_s", AT(phase_s[7])},
        {"usable_bytes", AT(memory.usable_bytes)},
        {"weights_bytes", AT(memory.weights_bytes)},
        {"buffers_bytes", AT(memory.buffers_bytes)},
        {"work_bytes", AT(memory.work_bytes)},
        {"kv_bytes", AT(memory.kv_bytes)},
        {"total_bytes", AT(memory.total_bytes)},
        {"kv_request_bytes", AT(memory.kv_request_bytes)},
        {NULL, 0},
};

const char *schema_program(void)
{
	return "epsim " EPSIM_VERSION " " EPSIM_SOURCE_DIGEST;
}

/* ---- SQL ---- */

static char *numbers_joined(struct arena *a, const char *before, const char *after)
{
	char *all = arena_string(a, "");

	for (const struct schema_number *n = schema_numbers; n->name; n++)
		all = arena_print(a, "%s, %s%s%s", all, before, n->name, after);
	return all;
}

/* of_decode: what stands before MTP, a knob of decode alone. */
static char *knobs_joined(struct arena *a, const char *before, const char *of_decode)
{
	char *all = arena_string(a, "");

	for (enum knob_id id = 0; id < KNOBS_SHARED; id++)
		all = arena_print(a, "%s, %s%s", all, id == KNOB_MTP ? of_decode : before,
		                  knob_names[id]);
	return all;
}

char *schema_sql(struct arena *a)
{
	return arena_print(
	        a,
	        "BEGIN IMMEDIATE;"
	        "CREATE TABLE scopes (scope BLOB PRIMARY KEY, program TEXT, engine TEXT, machine "
	        "TEXT, model TEXT, workload TEXT, config TEXT) WITHOUT ROWID;"
	        "CREATE TABLE prices (digest BLOB PRIMARY KEY, scope BLOB, shared BLOB, pool TEXT, "
	        "size INTEGER, why_not TEXT, batch_most INTEGER%s%s) WITHOUT ROWID;"
	        "CREATE INDEX by_shared ON prices (shared, pool);"
	        "CREATE VIEW points AS SELECT lower(hex(p.digest) || hex(d.digest)) AS digest, "
	        "machine, model, workload, engine, program%s, d.size AS batch, p.size AS chunk, "
	        "coalesce(p.why_not, d.why_not) AS why_not, p.time_s AS ttft_s, d.time_s AS "
	        "tpot_s, p.npu_s AS prefill_npu_s, d.npu_s AS decode_npu_s, p.total_bytes AS "
	        "prefill_bytes, d.total_bytes AS decode_bytes, d.usable_bytes AS usable_bytes, "
	        "d.batch_most AS batch_most FROM prices AS p JOIN prices AS d ON p.shared = "
	        "d.shared JOIN scopes ON scopes.scope = p.scope WHERE p.pool = 'prefill' AND "
	        "d.pool = 'decode';"
	        "PRAGMA user_version = %d;"
	        "COMMIT",
	        numbers_joined(a, "", " REAL"), knobs_joined(a, "", ""),
	        knobs_joined(a, "p.", "d."), SCHEMA_VERSION);
}

char *schema_get_sql(struct arena *a)
{
	return arena_print(a, "SELECT why_not, batch_most%s FROM prices WHERE digest = ?",
	                   numbers_joined(a, "", ""));
}

char *schema_put_sql(struct arena *a)
{
	char *more = arena_string(a, "");

	for (const struct schema_number *n = schema_numbers; n->name; n++)
		more = arena_print(a, "%s,?", more);
	for (enum knob_id id = 0; id < KNOBS_SHARED; id++)
		more = arena_print(a, "%s,?", more);
	return arena_print(a, "INSERT OR IGNORE INTO prices VALUES (?,?,?,?,?,?,?%s)", more);
}

/* ---- digests ---- */

static enum rc file_add(struct digest *d, const char *path, struct err *e)
{
	char bytes[1 << 14];
	size_t n;
	FILE *in = fopen(path, "rb");

	if (!in)
		return fail(e, RC_DATA, "%s: %s", path, strerror(errno));
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		digest_add(d, bytes, n);
	fclose(in);
	return RC_OK;
}

/* The sections that a price depends on, without where their numbers come from. */
static const char *scope_text(const struct config *c, struct arena *a)
{
	const enum section sections[] = {SECTION_MACHINE, SECTION_MODEL, SECTION_WORKLOAD,
	                                 SECTION_ROUTING};
	char *bytes = NULL;
	const char *text;
	size_t n;
	FILE *out = open_memstream(&bytes, &n);

	CHECK(out);
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		fprintf(out, "%s:\n", section_names[sections[i]]);
		fields_dump(section_fields(sections[i]), config_object(c, sections[i]), NULL, 2,
		            out);
	}
	CHECK(fclose(out) == 0);
	text = arena_copy(a, bytes, n);
	free(bytes);
	return text;
}

static void digest_short(struct digest *d, unsigned char out[DIGEST_BYTES])
{
	unsigned char all[32];

	digest_end(d, all);
	memcpy(out, all, DIGEST_BYTES);
}

enum rc schema_scope(const struct config *c, const struct engine *engine, struct arena *a,
                     unsigned char digest[DIGEST_BYTES], const char **text, struct err *e)
{
	struct digest d;

	*text = scope_text(c, a);
	digest_init(&d);
	digest_add(&d, schema_program(), strlen(schema_program()) + 1);
	digest_add(&d, engine->name, strlen(engine->name) + 1);
	digest_add(&d, *text, strlen(*text) + 1);
	if (c->routing.kind == ROUTING_FILE)
		TRY(file_add(&d, c->routing.file, e));
	if (*c->routing.statistics.file)
		TRY(file_add(&d, c->routing.statistics.file, e));
	digest_short(&d, digest);
	return RC_OK;
}

void schema_digests(const unsigned char scope[DIGEST_BYTES], enum phase phase,
                    const struct pool_price *p, unsigned char shared[DIGEST_BYTES],
                    unsigned char digest[DIGEST_BYTES])
{
	struct digest d;
	char buf[32];

	digest_init(&d);
	digest_add(&d, scope, DIGEST_BYTES);
	for (enum knob_id id = 0; id < KNOBS_SHARED; id++) {
		const char *text = knob_text(&p->group->schedule, id, buf, sizeof buf);

		if (id == KNOB_MTP)
			continue;

		digest_add(&d, knob_names[id], strlen(knob_names[id]) + 1);
		digest_add(&d, text, strlen(text) + 1);
	}
	digest_short(&d, shared);
	digest_init(&d);
	digest_add(&d, shared, DIGEST_BYTES);
	digest_add(&d, phase_names[phase], strlen(phase_names[phase]) + 1);
	digest_add(&d, buf, (size_t)snprintf(buf, sizeof buf, "%lld", (long long)p->size));
	if (phase == PHASE_DECODE && p->group->schedule.mtp > 0)
		digest_add(&d, buf,
		           (size_t)snprintf(buf, sizeof buf, " mtp %lld %a",
		                            (long long)p->group->schedule.mtp,
		                            p->group->config->serving.mtp.accept_ratio));
	digest_short(&d, digest);
}
