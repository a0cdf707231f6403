#include "models/sweep_knobs.h"
#include <string.h>

const char *const knob_names[] = {
        [KNOB_FLOW] = "flow",
        [KNOB_EP] = "ep",
        [KNOB_TP] = "tp",
        [KNOB_DP] = "dp",
        [KNOB_WEIGHTS] = "weights",
        [KNOB_KV] = "kv",
        [KNOB_DISPATCH] = "dispatch",
        [KNOB_MICRO] = "micro_batches",
        [KNOB_CORES] = "vector_cores",
        [KNOB_STREAMS] = "streams",
        [KNOB_ATTENTION_CORES] = "attention_cores",
        [KNOB_KERNEL] = "kernel",
        [KNOB_COMPLETION] = "completion",
        [KNOB_ADDRESSES] = "addresses",
        [KNOB_WINDOW] = "window",
        [KNOB_QUANTISE] = "quantise",
        [KNOB_DEDUP] = "dedup",
        [KNOB_LOCAL] = "local",
        [KNOB_ROUND] = "round_tokens",
        [KNOB_PIPELINE] = "pipeline",
        [KNOB_PLACEMENT] = "placement",
        [KNOB_REPLICAS] = "replicas",
        [KNOB_SHARED_SLOTS] = "shared_slots",
        [KNOB_REPLICA_CHOICE] = "replica_choice",
        [KNOB_PP] = "pp",
        [KNOB_MTP] = "mtp",
        [KNOB_BATCH] = "batch",
        [KNOB_CHUNK] = "chunk",
        [KNOBS] = NULL,
};

static const struct field *field_find(const struct field *table, const char *key)
{
	while (table->key && strcmp(table->key, key) != 0)
		table++;
	return table->key ? table : NULL;
}

static const struct field *field_named(const struct field *table, const char *key)
{
	const struct field *f = field_find(table, key);

	CHECK(f);
	return f;
}

/* What a pool lists of a key, or NULL when it has no such knob. */
static const struct field_list *pool_list(const struct sweep_spec *spec, enum phase pool,
                                          const char *key)
{
	const struct field *group = field_named(sweep_fields, phase_names[pool]);
	const struct field *f = field_find(group->group, key);

	return f ? (const void *)((const char *)spec + group->offset + f->offset) : NULL;
}

static bool listed(const struct field_list *l)
{
	return l && l->n > 0;
}

static size_t at_least_one(const struct field_list *l)
{
	return listed(l) ? l->n : 1;
}

/* MTP is no knob of prefill, which passes it over. */
static void knob_apart(const struct sweep_spec *spec, enum knob_id id, struct knobs *out)
{
	static const struct field_list none = {0};

	for (enum phase pool = 0; pool < PHASES; pool++) {
		const struct field_list *own = pool_list(spec, pool, knob_names[id]);

		out->pool_list[pool][id] = !own ? &none : listed(own) ? own : out->list[id];
		out->pool_n[pool][id] = at_least_one(out->pool_list[pool][id]);
	}
	out->apart[id] = out->any_apart = true;
	out->n[id] = 1;
}

static bool lists_apart(const struct sweep_spec *spec, enum knob_id id,
                        const struct field_list *both)
{
	return listed(pool_list(spec, PHASE_PREFILL, knob_names[id])) ||
	       listed(pool_list(spec, PHASE_DECODE, knob_names[id])) ||
	       (id == KNOB_MTP && listed(both));
}

static void knob_of(const struct sweep_spec *spec, enum knob_id id, struct knobs *out)
{
	const struct field *of_sweep = field_named(sweep_fields, knob_names[id]);
	const struct field_list *own = NULL;

	out->field[id] = field_named(schedule_fields, knob_names[id]);
	out->list[id] = (const void *)((const char *)spec + of_sweep->offset);
	if (id == KNOB_BATCH || id == KNOB_CHUNK)
		own = pool_list(spec, id == KNOB_CHUNK ? PHASE_PREFILL : PHASE_DECODE,
		                knob_names[id]);
	if (listed(own))
		out->list[id] = own;
	out->n[id] = at_least_one(out->list[id]);
	if (id >= KNOBS_SHARED)
		return;
	out->pool_n[PHASE_PREFILL][id] = out->pool_n[PHASE_DECODE][id] = 1;
	if (lists_apart(spec, id, out->list[id]))
		knob_apart(spec, id, out);
}

void knobs_of(const struct sweep_spec *spec, const struct schedule *base, struct knobs *out)
{
	*out = (struct knobs){.base = base};
	for (enum knob_id id = 0; id < KNOBS; id++)
		knob_of(spec, id, out);
	for (enum phase pool = 0; pool < PHASES; pool++) {
		out->instances[pool] = &spec->pool[pool].instances;
		out->n_instances[pool] = at_least_one(out->instances[pool]);
	}
}

static void value_set(const struct field *f, const struct field_list *list, size_t i,
                      struct schedule *s)
{
	char *slot = (char *)s + f->offset;

	if (list->n == 0)
		return;
	if (f->kind == FIELD_TEXT)
		*(const char **)slot = list->text[i];
	else if (f->kind == FIELD_CHOICE)
		*(int *)slot = (int)list->number[i];
	else
		*(int64_t *)slot = (int64_t)list->number[i];
}

void knob_set(const struct knobs *k, enum knob_id id, size_t i, struct schedule *s)
{
	value_set(k->field[id], k->list[id], i, s);
}

void knob_set_pool(const struct knobs *k, enum phase pool, enum knob_id id, size_t i,
                   struct schedule *s)
{
	value_set(k->field[id], k->pool_list[pool][id], i, s);
}

int64_t knob_instances(const struct knobs *k, enum phase pool, size_t i)
{
	return k->instances[pool]->n > 0 ? (int64_t)k->instances[pool]->number[i] : 0;
}

double knobs_combinations_count(const struct knobs *k)
{
	double n = 1;

	for (enum knob_id id = 0; id < KNOBS; id++)
		n *= (double)k->n[id];
	for (enum phase pool = 0; pool < PHASES; pool++) {
		n *= (double)k->n_instances[pool];
		for (enum knob_id id = 0; id < KNOBS_SHARED; id++)
			n *= (double)k->pool_n[pool][id];
	}
	return n;
}

const char *knob_text(const struct schedule *s, enum knob_id id, char *buf, size_t size)
{
	const struct field *f = field_named(schedule_fields, knob_names[id]);
	const char *slot = (const char *)s + f->offset;

	if (f->kind == FIELD_TEXT)
		return *(const char *const *)slot;
	if (f->kind == FIELD_CHOICE)
		return f->names[*(const int *)slot];
	snprintf(buf, size, "%lld", (long long)*(const int64_t *)slot);
	return buf;
}

const char *knob_usual_text(enum knob_id id)
{
	return field_named(schedule_fields, knob_names[id])->fallback;
}
