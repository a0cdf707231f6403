/* A sweep as its file states it: the values of each knob, what must hold between them, the budgets,
 * what is best, the engine. */
#pragma once
#include "models/base/field.h"

/* What makes a schedule better than another that also meets the budgets. */
enum objective {
	OBJECTIVE_THROUGHPUT, /* most output tokens/s/NPU */
	OBJECTIVE_TTFT,       /* least, as those below */
	OBJECTIVE_TPOT,
	OBJECTIVE_NPUS, /* of a pool's deployment */
	OBJECTIVE_COST, /* of a million output tokens */
	OBJECTIVES
};
extern const char *const objective_names[]; /* NULL-terminated */

struct sweep_spec {
	const char *name;
	/* an empty list takes the one value of the schedule section; see models/sweep_knobs.h */
	struct field_list flow, ep, tp, dp, batch, chunk, micro_batches, streams, attention_cores,
	        vector_cores, kernel, dispatch, weights, kv;
	struct field_list completion, addresses, window, quantise, dedup, local, round_tokens,
	        pipeline;
	struct field_list placement, replicas, shared_slots, replica_choice;
	/* names, each tried with each of the others; empty: the file's one; sweep_cases.h */
	struct field_list machines, models, workloads;
	struct field_list constraints; /* texts, models/constraint.h */
	struct {
		double ttft_s, tpot_s; /* 0: no budget */
		int64_t npus;          /* 0: no budget */
		double memory_bytes;   /* of a rank's HBM; 0: all that is usable */
	} budget;
	int objective; /* enum objective */
	const char *engine;
};

extern const struct field sweep_fields[];
