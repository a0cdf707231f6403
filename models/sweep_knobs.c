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
        [KNOB_BATCH] = "batch",
        [KNOB_CHUNK] = "chunk",
        [KNOBS] = NULL,
};

static const struct field *field_named(const struct field *table, const char *key)
{
	while (table->key && strcmp(table->key, key) != 0)
		table++;
	CHECK(table->key);
	return table;
}

void knobs_of(const struct sweep_spec *spec, const struct schedule *base, struct knobs *out)
{
	out->base = base;
	for (enum knob_id id = 0; id < KNOBS; id++) {
		const struct field *of_sweep = field_named(sweep_fields, knob_names[id]);

		out->field[id] = field_named(schedule_fields, knob_names[id]);
		out->list[id] = (const void *)((const char *)spec + of_sweep->offset);
		out->n[id] = out->list[id]->n > 0 ? out->list[id]->n : 1;
	}
}

void knob_set(const struct knobs *k, enum knob_id id, size_t i, struct schedule *s)
{
	const struct field *f = k->field[id];
	char *slot = (char *)s + f->offset;

	if (k->list[id]->n == 0)
		return;
	if (f->kind == FIELD_TEXT)
		*(const char **)slot = k->list[id]->text[i];
	else if (f->kind == FIELD_CHOICE)
		*(int *)slot = (int)k->list[id]->number[i];
	else
		*(int64_t *)slot = (int64_t)k->list[id]->number[i];
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
