/* The two halves of a point: what its prefill pool does, what its decode pool does. */
#pragma once
#include "sim/sweep.h"

struct prefill_price {
	bool possible, fits;
	char why[WHY_SIZE];
	double ttft_s;
	double npu_s; /* NPU-seconds that the mean prompt takes, chunks full */
	double phase_s[MOST_STEP_PHASES];
	struct memory memory;
};

struct decode_price {
	bool possible, fits;
	char why[WHY_SIZE];
	double tpot_s;
	double npu_s; /* NPU-seconds that the mean answer takes, batch full */
	double phase_s[MOST_STEP_PHASES];
	struct memory memory;
};

/* What all points of a sweep share. */
struct pricer {
	const struct config *config;
	const struct engine *engine;
	struct routing_cache *routings; /* may be NULL */
};

enum rc prefill_price(const struct pricer *p, const struct flow *flow, const struct schedule *s,
                      struct prefill_price *out, struct err *e);
enum rc decode_price(const struct pricer *p, const struct flow *flow, const struct schedule *s,
                     struct decode_price *out, struct err *e);

/* Joins them: throughput, budgets, the first reason why not. */
void point_join(const struct config *c, const struct prefill_price *p, const struct decode_price *d,
                struct sweep_point *point);
