/* The knobs of a sweep: one for each field of a schedule, with the values that the sweep lists, or
 * the schedule's own one. A pool that lists values of its own has the knob apart from the other. */
#pragma once
#include "models/schedule.h"
#include "models/sweep_spec.h"

/* In the order of the points, the last fastest: those of both pools, then batch and chunk, which
 * concern one pool each. Of the former those come first that both pools share, then what prefill
 * has apart, then what decode has. */
enum knob_id {
	KNOB_FLOW,
	KNOB_EP,
	KNOB_TP,
	KNOB_DP,
	KNOB_WEIGHTS,
	KNOB_KV,
	KNOB_DISPATCH,
	KNOB_MICRO,
	KNOB_CORES,
	KNOB_STREAMS,
	KNOB_ATTENTION_CORES,
	KNOB_KERNEL,
	KNOB_COMPLETION,
	KNOB_ADDRESSES,
	KNOB_WINDOW,
	KNOB_QUANTISE,
	KNOB_DEDUP,
	KNOB_LOCAL,
	KNOB_ROUND,
	KNOB_PIPELINE,
	KNOB_PLACEMENT,
	KNOB_REPLICAS,
	KNOB_SHARED_SLOTS,
	KNOB_REPLICA_CHOICE,
	KNOB_PP,
	KNOB_MTP, /* of decode alone, so apart when it is listed */
	KNOB_BATCH,
	KNOB_CHUNK,
	KNOBS
};
#define KNOBS_SHARED KNOB_BATCH

extern const char *const knob_names[]; /* as in the schedule section; NULL-terminated */

struct knobs {
	const struct schedule *base;
	const struct field *field[KNOBS];     /* of the schedule */
	const struct field_list *list[KNOBS]; /* of the sweep; n may be 0 */
	size_t n[KNOBS];                      /* values, at least 1; 1 for a knob that is apart */
	bool apart[KNOBS_SHARED], any_apart;
	const struct field_list *pool_list[PHASES][KNOBS_SHARED]; /* of one that is apart */
	size_t pool_n[PHASES][KNOBS_SHARED]; /* its values in that pool; 1 for one that is not */
	const struct field_list *instances[PHASES]; /* deployments of a pool; n may be 0 */
	size_t n_instances[PHASES];                 /* values, at least 1 */
};

void knobs_of(const struct sweep_spec *spec, const struct schedule *base, struct knobs *out);

/* Gives the schedule the i-th value of a knob, or of one that is apart in that pool. */
void knob_set(const struct knobs *k, enum knob_id id, size_t i, struct schedule *s);
void knob_set_pool(const struct knobs *k, enum phase pool, enum knob_id id, size_t i,
                   struct schedule *s);
/* The i-th number of deployments; 0: as many as balance the pools. */
int64_t knob_instances(const struct knobs *k, enum phase pool, size_t i);

/* All combinations of all values. */
double knobs_combinations_count(const struct knobs *k);

/* The values as text: "64", "int8", "direct". buf is used for numbers. */
const char *knob_text(const struct schedule *s, enum knob_id id, char *buf, size_t size);
/* That of a schedule which does not state it. */
const char *knob_usual_text(enum knob_id id);
