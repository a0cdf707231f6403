/* The cases of a sweep: a configuration for each machine, model and workload that it lists. */
#pragma once
#include "models/config.h"

struct sweep_cases {
	struct config **config; /* at least one; the first may be the sweep's own */
	size_t n;
};

/* Machines slowest, workloads fastest. What was set (set:, --set) holds in every case. A sweep that
 * lists none has one case, c itself. Cases live in c's arena; each has passed its checks. */
enum rc sweep_cases(struct config *c, struct sweep_cases *out, struct err *e);
