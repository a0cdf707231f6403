/* Random exchanges for the flows of hw/: many layers of different shapes in one launch. */
#pragma once
#include "hw/trial.h"

struct hw_cases {
	int64_t n_ranks, cases;
	uint64_t seed;
	int32_t kernels; /* row of kernels_table[] */
};

/* Runs them, three layers back to back of each, ranks yielding here and there, and returns the
 * verdict of all. A launch that fails fails the test. */
struct verdict hw_cases_run(const struct hw_cases *c, const struct symheap_backend *backend);

/* Runs a trial under all flows and in both phases: is each right, and equal to the others? */
bool hw_trials_equal(struct trial t, const struct symheap_backend *backend);
