/* A workload: how long prompts and answers are. Quantiles come from a real request trace, either
 * typed into configs/workloads with their source or measured from a file (`--trace FILE`). */
#pragma once
#include "models/base/field.h"

struct lengths {
	double mean_count, p50_count, p90_count, p99_count; /* tokens */
};

enum length_point { LENGTH_MEAN, LENGTH_P50, LENGTH_P90, LENGTH_P99 };

struct workload {
	const char *name;
	const char *describes;
	struct lengths input, output;
	double context_spread_ratio; /* contexts of a step's attention groups: within mean x (1 +-)
	                              */
	double rate_count;           /* requests a second, in the mean of the trace; 0: not known */
	int prompt; /* enum length_point: the prompt whose TTFT is held against the budget */
};

extern const struct field workload_fields[];

enum rc workload_check(const struct workload *w, const char *where, struct err *e);

double workload_prompt_count(const struct workload *w);  /* tokens of that prompt */
double workload_context_count(const struct workload *w); /* mean context of a decode step:
                                                            the input and half of the output */
double workload_longest_count(const struct workload *w); /* KV room for one request: mean input
                                                            and output */
