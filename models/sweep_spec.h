/* A sweep as its file states it: the values of each knob, the budgets, the engine. */
#pragma once
#include "models/base/field.h"

struct sweep_spec {
	const char *name;
	struct field_list flow, ep, tp, dp, batch, chunk, micro_batches, vector_cores, dispatch,
	        weights, kv;
	struct {
		double ttft_s, tpot_s; /* 0: no budget */
		int64_t npus;          /* 0: no budget */
	} budget;
	const char *engine;
};

extern const struct field sweep_fields[];
