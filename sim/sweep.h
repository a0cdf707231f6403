/* A sweep: every combination of the knobs' values, each with its TTFT, TPOT, tokens/s/NPU and
 * memory, and whether it meets the budgets or the first reason why not.
 *
 * Prefill and decode run on pools of their own, each with the point's schedule: TTFT is that of the
 * workload's prompt on an idle prefill pool, TPOT that of a full decode batch at mean context.
 * Waiting for a place in a batch, and moving the KV cache between pools, are not in these figures.
 */
#pragma once
#include "models/config.h"
#include "sim/step.h"

enum { WHY_SIZE = 96 };

enum reason { /* in the order they are tried */
	      REASON_NONE,
	      REASON_SHAPE,
	      REASON_NPUS,
	      REASON_MEMORY,
	      REASON_TTFT,
	      REASON_TPOT,
	      REASONS
};

struct sweep_point {
	struct schedule schedule;
	const struct flow *flow;
	int64_t npus; /* of one pool's deployment */
	double ttft_s, tpot_s;
	double tokens_per_s_per_npu_count; /* output tokens; both pools' NPUs, matched in rate */
	double prefill_phase_s[MOST_STEP_PHASES]; /* of one full chunk */
	double decode_phase_s[MOST_STEP_PHASES];
	double prefill_buffers_bytes, decode_buffers_bytes;
	double prefill_memory_bytes, decode_memory_bytes, usable_bytes;
	int64_t batch_most;    /* requests of an attention group that fit, by memory */
	double kv_token_bytes; /* one more token of one request takes on a rank */
	/* against relay2 with the same knobs, 0 without it: how many more requests fit, and how
	   many more tokens of KV cache an attention group has room for at this batch */
	int64_t batch_gain;
	double kv_gain_count;
	enum reason reason;
	char why[WHY_SIZE]; /* first reason why not; "" when feasible */
	bool feasible, pareto;
};

struct sweep {
	const struct config *config;
	const struct engine *engine;
	struct sweep_point *points; /* in the order of the knobs, the last knob fastest */
	size_t n_points, n_feasible;
	size_t n_prefill, n_decode; /* steps priced, each shared by many points */
};

struct sweep_options {
	int jobs; /* threads, at least 1; the result does not depend on it */
	void (*progress)(void *data, size_t done, size_t total); /* may be NULL; from one thread */
	void *progress_data;
};

/* Number of points that the sweep has; fails above 2^22. */
enum rc sweep_count(const struct config *c, size_t *out, struct err *e);

/* *out is set on success, and freed by sweep_free(). The config must outlive it. */
enum rc sweep_run(const struct config *c, const struct sweep_options *options, struct sweep **out,
                  struct err *e);
void sweep_free(struct sweep *s);

/* One point, as sweep_run prices it. */
enum rc sweep_one(const struct config *c, const struct engine *engine,
                  const struct schedule *schedule, struct sweep_point *out, struct err *e);

const char *reason_name(enum reason r);
