/* The cases of a plan: a configuration for each of `compare`, and within it for each of `by`. */
#pragma once
#include "models/config.h"

struct plan_case {
	struct config *config;
	const char *text;  /* its settings: "flow=relay2", or "" */
	const char *flags; /* the same for a command line: "--set sweep.flow=relay2" */
};

struct plan_cases {
	struct plan_case *one; /* [case][by] */
	size_t n, n_by;        /* both at least 1 */
};

/* A setting is KEY=VALUE: a section by name (machine, model, workload, routing), a key of the sweep
 * (flow), or a key with its section (routing.max_mean). A plan without cases has one, c itself.
 * They live in c's arena; each has passed its checks. */
enum rc plan_cases(struct config *c, struct plan_cases *out, struct err *e);
