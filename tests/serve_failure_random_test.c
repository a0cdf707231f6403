/* ctest: 120 */
/* Ranks that die at random, under random policies: no request is lost while somebody can serve it,
 * none is served twice, and no KV block or slot is forgotten (serve_run() checks that at its end).
 */
#include <stdlib.h>
#include "models/base/rng.h"
#include "tests/serve_random.h"
#include "tests/unit.h"

enum { MOST_FAILURES = 5, REQUESTS = 200 };

struct failing {
	double at_s[MOST_FAILURES], groups[MOST_FAILURES], pool[MOST_FAILURES],
	        instance[MOST_FAILURES];
};

static void random_repair(struct serve_scene *s, struct rng *r)
{
	for (size_t p = 0; p < s->setup.n_pools; p++) {
		struct serve_pool *pool = &s->setup.pool[p];
		int64_t own = 1 + (int64_t)rng_below(r, 4);

		pool->groups += 3;
		pool->npus = pool->groups * (1 + (int64_t)rng_below(r, 2));
		pool->repair = (struct pool_repair){.experts = own * pool->npus,
		                                    .own_experts = own,
		                                    .expert_bytes = 1e8,
		                                    .rank_bytes = 1e9,
		                                    .host_Bps = 25e9,
		                                    .peer_Bps = 1e11};
		if (rng_below(r, 8) == 0)
			pool->repair = (struct pool_repair){0}; /* dense */
	}
}

static double tenths_s(struct rng *r, uint64_t most)
{
	return 0.1 * (double)rng_below(r, most);
}

static void random_software(struct serving_spec *p, struct rng *r)
{
	p->failure.detect_s = tenths_s(r, 5);
	p->failure.drain_s = tenths_s(r, 3);
	p->failure.patch_s = tenths_s(r, 10);
	p->failure.warm_s = rng_below(r, 4) ? 0.1 + tenths_s(r, 20) : 0;
	p->failure.rejoin_s = tenths_s(r, 10);
	p->failure.restart_s = rng_below(r, 5) ? 0 : 1 + tenths_s(r, 20);
	p->failure.spares = (int64_t)rng_below(r, 5);
	p->failure.slots = p->failure.spares + (int64_t)rng_below(r, 8);
	p->failure.host_backup = rng_below(r, 4) > 0;
}

static void random_failures(struct serve_scene *s, struct failing *f, uint64_t seed)
{
	struct rng r;
	size_t n;
	double at_s = 0;

	rng_init(&r, seed, 1);
	n = 1 + rng_below(&r, MOST_FAILURES);
	for (size_t i = 0; i < n; i++) {
		size_t pool = rng_below(&r, s->setup.n_pools);

		at_s += 0.01 + tenths_s(&r, 20);
		f->at_s[i] = at_s, f->pool[i] = (double)pool;
		f->groups[i] = 1 + (double)rng_below(&r, 3);
		f->instance[i] = (double)rng_below(&r, (uint64_t)s->setup.pool[pool].instances);
	}
	random_repair(s, &r);
	random_software(&s->spec, &r);
	s->spec.failure.at_s = (struct field_list){.n = n, .number = f->at_s};
	s->spec.failure.groups = (struct field_list){.n = n, .number = f->groups};
	s->spec.failure.pool = (struct field_list){.n = n, .number = f->pool};
	s->spec.failure.instance = (struct field_list){.n = n, .number = f->instance};
}

static void check_marks(const struct serve_scene *s)
{
	const struct serve_failures *f = &s->result.failures;
	size_t lost = 0;

	for (size_t i = 1; i < f->n_marks; i++)
		CU_ASSERT_TRUE(f->mark[i].at_s >= f->mark[i - 1].at_s);
	for (size_t i = 0; i < s->result.n; i++)
		lost += s->result.served[i].fate == FATE_LOST;
	/* nobody is given up as long as groups live or come back */
	if (!f->not_coverable && (s->spec.failure.warm_s > 0 || s->spec.failure.restart_s > 0))
		CU_ASSERT_EQUAL(lost, 0);
}

static void test_random_failures(void)
{
	int64_t retried = 0, down = 0, peer = 0, host = 0;

	for (uint64_t seed = 0; seed < 600; seed++) {
		struct failing f;
		struct serve_scene s;

		random_scene(&s, seed, REQUESTS);
		random_failures(&s, &f, seed);
		serve_scene_run(&s);
		random_log_check(&s);
		check_marks(&s);
		retried += s.result.retried, down += s.result.failures.not_coverable != NULL;
		peer += s.result.failures.peer_bytes > 0, host += s.result.failures.host_bytes > 0;
		serve_scene_fini(&s);
	}
	printf("%lld started again, %lld not coverable, copies from peers in %lld, from hosts in "
	       "%lld ",
	       (long long)retried, (long long)down, (long long)peer, (long long)host);
	CU_ASSERT_TRUE(retried > 2000 && down > 50 && peer > 20 && host > 50);
}

/* Runs of decode steps are cut where ranks die, so they change nothing but rounding. */
static void test_runs(void)
{
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct failing f;
		struct serve_scene s[2];

		for (int k = 0; k < 2; k++) {
			random_scene(&s[k], seed, 100);
			random_failures(&s[k], &f, seed);
			s[k].spec.mtp.drafts = 0;
			s[k].setup.single_steps = k == 1;
			serve_scene_run(&s[k]);
		}
		for (size_t i = 0; i < s[0].result.n; i++) {
			const struct served *a = &s[0].result.served[i],
			                    *b = &s[1].result.served[i];

			CU_ASSERT_EQUAL(a->fate, b->fate);
			CU_ASSERT_EQUAL(a->generated_count, b->generated_count);
		}
		serve_scene_fini(&s[0]);
		serve_scene_fini(&s[1]);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"random failures lose and repeat nobody", test_random_failures},
	        {"runs of steps and single ones", test_runs},
	        {0},
	};

	return unit_main("serve_failure_random", tests);
}
