/* A sweep as its file states it: the values of each knob, what must hold between them, the budgets,
 * what is best, the engine. */
#pragma once
#include "models/base/field.h"

#include "models/schedule.h"

/* What makes a schedule better than another that also meets the budgets. */
enum objective {
	OBJECTIVE_THROUGHPUT, /* most output tokens/s/NPU */
	OBJECTIVE_TTFT,       /* least, as those below */
	OBJECTIVE_TPOT,
	OBJECTIVE_NPUS,   /* of a pool's deployment, or of all instances */
	OBJECTIVE_COST,   /* of a million output tokens */
	OBJECTIVE_ENERGY, /* of an output token */
	OBJECTIVES
};
extern const char *const objective_names[]; /* NULL-terminated */

/* Percentiles that a budget may be for, of requests that are served through queues. */
enum budget_percentile { BUDGET_P50, BUDGET_P90, BUDGET_P95, BUDGET_P99, BUDGET_PERCENTILES };
extern const char *const percentile_names[]; /* "p50"; NULL-terminated */

/* What one pool lists for itself, apart from the other. */
struct pool_lists {
	struct field_list flow, ep, tp, dp, pp, weights, dispatch, micro_batches, streams,
	        attention_cores, vector_cores, kernel;
	struct field_list completion, addresses, window, quantise, dedup, local, round_tokens,
	        pipeline;
	struct field_list placement, replicas, shared_slots, replica_choice;
	struct field_list chunk;      /* prefill alone */
	struct field_list batch, mtp; /* decode alone */
	struct field_list instances;  /* deployments */
};

struct sweep_spec {
	const char *name;
	/* an empty list takes the one value of the schedule section; see models/sweep_knobs.h */
	struct field_list flow, ep, tp, dp, pp, batch, chunk, micro_batches, mtp, streams,
	        attention_cores, vector_cores, kernel, dispatch, weights, kv;
	struct field_list completion, addresses, window, quantise, dedup, local, round_tokens,
	        pipeline;
	struct field_list placement, replicas, shared_slots, replica_choice;
	struct pool_lists pool[PHASES]; /* an empty list takes the one above */
	/* names, each tried with each of the others; empty: the file's one; sweep_cases.h */
	struct field_list machines, models, workloads;
	struct field_list constraints; /* texts, models/constraint.h */
	/* of those that are served: names of policies; empty: the serving section's */
	struct field_list router, batching;
	struct {
		double ttft_s, tpot_s; /* 0: no budget */
		int64_t npus;          /* 0: no budget */
		double memory_bytes;   /* of a rank's HBM; 0: all that is usable */
		/* of requests served through queues; 0: no budget */
		double ttft_part_s[BUDGET_PERCENTILES], tpot_part_s[BUDGET_PERCENTILES];
	} budget;
	int objective; /* enum objective */
	const char *engine;
};

extern const struct field sweep_fields[];

/* A list that all pools pass over goes unheard, so it is an error. */
enum rc sweep_spec_check(const struct sweep_spec *s, const char *where, struct err *e);

/* Has every pool that takes the knob values of its own, so that nobody asks for those above? */
bool sweep_pools_have(const struct sweep_spec *s, const char *knob);

bool sweep_has_percentiles(const struct sweep_spec *s); /* among its budgets */
