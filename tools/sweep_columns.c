#include "tools/sweep_columns.h"
#include <stdlib.h>
#include <string.h>
#include "sim/streams.h"

bool knob_is_apart(const struct sweep *s, enum knob_id id)
{
	const bool *apart = s->knobs.apart;

	if (id >= KNOBS_SHARED || id == KNOB_MTP)
		return false;
	if (id == KNOB_DP)
		return apart[KNOB_EP] || apart[KNOB_TP] || apart[KNOB_DP];
	if (id == KNOB_CORES) /* all that the flow uses */
		return apart[KNOB_FLOW] || apart[KNOB_CORES];
	return apart[id];
}

bool sweep_has_instances(const struct sweep *s)
{
	return s->knobs.instances[PHASE_PREFILL]->n > 0;
}

static enum phase pool_of(enum knob_id id)
{
	return id == KNOB_BATCH || id == KNOB_MTP ? PHASE_DECODE : PHASE_PREFILL;
}

static const struct pool_price *price_of(const struct sweep_point *p, enum phase pool)
{
	return pool == PHASE_PREFILL ? p->prefill : p->decode;
}

static int64_t number_of(const struct sweep *s, const struct sweep_point *p, enum phase pool,
                         enum knob_id id)
{
	const struct pool_price *price = price_of(p, pool);
	const struct schedule *c = &price->group->schedule;
	const char *slot = (const char *)c + s->knobs.field[id]->offset;

	switch (id) {
	case KNOB_BATCH:
	case KNOB_CHUNK:
		return price_of(p, pool_of(id))->size;
	case KNOB_DP:
		return c->dp > 0 ? c->dp : c->ep / c->tp;
	case KNOB_CORES:
		return flow_vector_cores(price->group->flow, &s->config->machine,
		                         streams_vector_cores(&s->config->machine, c));
	default:
		return *(const int64_t *)(const void *)slot;
	}
}

const char *point_knob_text(const struct sweep *s, const struct sweep_point *p, enum phase pool,
                            enum knob_id id, char *buf, size_t size)
{
	const struct field *f = s->knobs.field[id];
	const char *slot = (const char *)&price_of(p, pool)->group->schedule + f->offset;

	if (f->kind == FIELD_TEXT)
		return *(const char *const *)(const void *)slot;
	if (f->kind == FIELD_CHOICE)
		return f->names[*(const int *)(const void *)slot];
	snprintf(buf, size, "%lld", (long long)number_of(s, p, pool, id));
	return buf;
}

const char *point_knob_cell(const struct sweep *s, const struct sweep_point *p, enum knob_id id,
                            char *buf, size_t size)
{
	char one[KNOB_COLUMN_CHARS], other[KNOB_COLUMN_CHARS];

	if (!knob_is_apart(s, id))
		return point_knob_text(s, p, pool_of(id), id, buf, size);
	snprintf(buf, size, "%s/%s", point_knob_text(s, p, PHASE_PREFILL, id, one, sizeof one),
	         point_knob_text(s, p, PHASE_DECODE, id, other, sizeof other));
	return buf;
}

size_t sweep_options_listed(const struct sweep *s, enum knob_id out[KNOBS])
{
	size_t n = 0;

	for (enum knob_id id = KNOB_CORES + 1; id < KNOBS_SHARED; id++) {
		if (s->knobs.list[id]->n > 0 || s->knobs.apart[id])
			out[n++] = id;
	}
	return n;
}

/* ---- columns --------------------------------------------------------------------------------- */

static void column_add(struct knob_columns *k, enum knob_id id, enum phase pool, const char *before,
                       const char *name)
{
	CHECK(k->n < MOST_KNOB_COLUMNS);
	snprintf(k->name[k->n], KNOB_COLUMN_CHARS, "%s%s%s", before, *before ? "_" : "", name);
	k->at[k->n] = (struct knob_column){id, pool};
	k->n++;
}

static void knob_add(const struct sweep *s, struct knob_columns *k, enum knob_id id)
{
	const char *name = id == KNOB_CHUNK ? "chunk_tokens" : knob_names[id];

	if (!knob_is_apart(s, id)) {
		column_add(k, id, pool_of(id), "", name);
		return;
	}
	for (enum phase pool = 0; pool < PHASES; pool++)
		column_add(k, id, pool, phase_names[pool], name);
}

void knob_columns(const struct sweep *s, struct knob_columns *out)
{
	static const enum knob_id first[] = {KNOB_FLOW,  KNOB_EP,    KNOB_TP,       KNOB_DP,
	                                     KNOB_BATCH, KNOB_CHUNK, KNOB_DISPATCH, KNOB_WEIGHTS,
	                                     KNOB_KV,    KNOB_MICRO, KNOB_CORES};
	enum knob_id id[KNOBS];
	size_t n = sweep_options_listed(s, id);

	out->n = 0;
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		knob_add(s, out, first[i]);
	for (size_t i = 0; i < n; i++)
		knob_add(s, out, id[i]);
	for (enum phase pool = 0; sweep_has_instances(s) && pool < PHASES; pool++)
		column_add(out, KNOBS, pool, phase_names[pool], "instances");
}

bool knob_column_value(const struct sweep *s, const struct sweep_point *p,
                       const struct knob_column *column, char *buf, size_t size, const char **text,
                       int64_t *number)
{
	if (column->id == KNOBS) {
		*number = p->instances[column->pool];
		snprintf(buf, size, "%lld", (long long)*number);
		return *text = buf, true;
	}
	*text = point_knob_text(s, p, column->pool, column->id, buf, size);
	if (s->knobs.field[column->id]->kind != FIELD_INTEGER)
		return false;
	return *number = number_of(s, p, column->pool, column->id), true;
}
