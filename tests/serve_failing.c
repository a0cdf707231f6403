#include "tests/serve_failing.h"

static double first_at_s[] = {10};

void failing_scene_init(struct serve_scene *s)
{
	serve_scene_init(s, &(struct linear_times){0.01, 1e-5, 1e-8, 0});
	s->setup.pool[0].groups = s->setup.pool[0].npus = FAILING_GROUPS;
	s->setup.pool[0].repair = (struct pool_repair){.experts = FAILING_GROUPS * FAILING_EXPERTS,
	                                               .own_experts = FAILING_EXPERTS,
	                                               .expert_bytes = 1e9,
	                                               .host_Bps = 25e9};
	s->spec.failure.at_s = (struct field_list){.n = 1, .number = first_at_s};
	s->spec.failure.host_backup = true;
	s->spec.failure.slots = FAILING_EXPERTS;
	s->spec.failure.patch_s = 2;
	serve_scene_requests(s, FAILING_REQUESTS, 200, 50);
	serve_scene_poisson(s, 100, 1);
}

size_t failing_count(const struct serve_scene *s, enum serve_fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < s->result.n; i++)
		n += s->result.served[i].fate == (int)fate;
	return n;
}
