#include "tests/serve_scene.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "tests/unit.h"

void serve_scene_init(struct serve_scene *s, const struct linear_times *times)
{
	struct err e;

	memset(s, 0, sizeof *s);
	s->arena = arena_new();
	CU_ASSERT_EQUAL_FATAL(fields_default(serving_fields, &s->spec, s->arena, &e), RC_OK);
	s->setup.spec = &s->spec;
	s->setup.n_pools = 1;
	s->setup.pool[0] = (struct serve_pool){.role = ROLE_BOTH,
	                                       .instances = 1,
	                                       .groups = 1,
	                                       .npus = 1,
	                                       .kv_tokens_count = 1 << 30,
	                                       .times = linear_times_new(times),
	                                       .token_flop = 1};
}

void serve_scene_fini(struct serve_scene *s)
{
	if (s->result.served)
		serve_result_fini(&s->result);
	for (size_t p = 0; p < s->setup.n_pools; p++) {
		if (p == 0 || s->setup.pool[p].times != s->setup.pool[0].times)
			step_times_free(s->setup.pool[p].times);
	}
	request_list_fini(&s->list);
	arena_free(s->arena);
}

void serve_scene_requests(struct serve_scene *s, size_t n, int32_t input, int32_t output)
{
	for (size_t i = 0; i < n; i++)
		request_append(&s->list, &(struct request){.input = input, .output = output});
}

void serve_scene_poisson(struct serve_scene *s, double rate_count, uint64_t seed)
{
	arrivals_make(&s->list, s->list.n, arrival_find("poisson"),
	              &(struct arrival_spec){.rate_count = rate_count, .seed = seed});
}

void serve_scene_run(struct serve_scene *s)
{
	struct err e = {0};

	if (s->result.served)
		serve_result_fini(&s->result);
	CU_ASSERT_EQUAL_FATAL(serve_run(&s->setup, &s->list, &s->result, &e), RC_OK);
}

struct estimate batch_means(const double *value, size_t n)
{
	enum { BATCHES = 30 };
	const double student = 3.659; /* 29 degrees of freedom, 99.9 % two-sided */
	double mean[BATCHES] = {0}, all = 0, square = 0;
	size_t each = n / BATCHES;

	for (size_t b = 0; b < BATCHES; b++) {
		for (size_t i = 0; i < each; i++)
			mean[b] += value[b * each + i] / (double)each;
		all += mean[b] / BATCHES;
	}
	for (size_t b = 0; b < BATCHES; b++)
		square += (mean[b] - all) * (mean[b] - all);
	return (struct estimate){all, student * sqrt(square / (BATCHES - 1) / BATCHES)};
}
