/* Serving set-ups for tests: linear step times, requests drawn by seed. */
#pragma once
#include "sim/serve.h"

struct serve_scene {
	struct serving_spec spec;
	struct serve_setup setup;
	struct request_list list;
	struct serve_result result;
	void *arena; /* struct arena */
};

/* One colocated instance of one group with plenty of KV memory, the spec's defaults. */
void serve_scene_init(struct serve_scene *s, const struct linear_times *times);
void serve_scene_fini(struct serve_scene *s);

/* Appends n requests of fixed lengths; arrivals are all 0. */
void serve_scene_requests(struct serve_scene *s, size_t n, int32_t input, int32_t output);
void serve_scene_poisson(struct serve_scene *s, double rate_count, uint64_t seed);
/* Runs, fails the case where that fails; ends the result of an earlier run. */
void serve_scene_run(struct serve_scene *s);

/* Mean and the half width of its 99.9 % confidence interval, by batch means: values of a queue hang
 * together, means of long batches hardly. */
struct estimate {
	double mean_units, half_units;
};
struct estimate batch_means(const double *value_units, size_t n);
