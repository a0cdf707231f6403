/* Ranks that die: three phases, nobody lost while experts are covered, and an honest no else. */
#include <math.h>
#include <stdlib.h>
#include "tests/serve_scene.h"
#include "tests/unit.h"

enum { N = 4000, GROUPS = 8, EXPERTS = 32 };
static const double fails_at_s = 10, rate = 100;

/* Eight groups that share 32 experts a rank; a step takes 10 ms and more. */
static void scene_init_failing(struct serve_scene *s)
{
	serve_scene_init(s, &(struct linear_times){0.01, 1e-5, 1e-8, 0});
	s->setup.pool[0].groups = s->setup.pool[0].npus = GROUPS;
	s->setup.pool[0].rank_experts_count = EXPERTS;
	s->setup.pool[0].expert_bytes = 1e9;
	s->spec.failure.at_s = fails_at_s;
	s->spec.failure.host_backup = true;
	s->spec.failure.host_Bps = 25e9;
	s->spec.failure.patch_s = 2;
	serve_scene_requests(s, N, 200, 50);
	serve_scene_poisson(s, rate, 1);
}

static size_t count_fate(const struct serve_scene *s, enum serve_fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < s->result.n; i++)
		n += s->result.served[i].fate == (int)fate;
	return n;
}

/* Tokens a second between two times, by the gauge. */
static double rate_between(const struct serve_scene *s, double from_s, double until_s)
{
	const struct gauge *g = &s->result.output;
	double sum = 0;

	for (size_t i = (size_t)(from_s / g->span_s); i < (size_t)(until_s / g->span_s); i++)
		sum += g->area_units[i];
	return sum / (until_s - from_s);
}

static void test_three_phases(void)
{
	struct serve_scene s;
	double reload_s = EXPERTS * 1e9 / ((GROUPS - 1) * 25e9);

	scene_init_failing(&s);
	s.spec.failure.warm_s = 12, s.spec.failure.rejoin_s = 1;
	serve_scene_run(&s);
	CU_ASSERT_EQUAL(count_fate(&s, FATE_DONE), N);
	CU_ASSERT_TRUE(s.result.retried > 0);
	CU_ASSERT_EQUAL(s.result.failed_s, fails_at_s);
	CU_ASSERT_DOUBLE_EQUAL(s.result.resumed_s, fails_at_s + 1 + 2 + reload_s, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(s.result.rejoined_s, s.result.resumed_s + 13, 1e-9);
	/* before: all that comes; in the pause: nothing; after: the rest, and what had waited */
	CU_ASSERT_DOUBLE_EQUAL(rate_between(&s, 4, 10), 50 * rate, 0.15 * 50 * rate);
	CU_ASSERT_EQUAL(rate_between(&s, 10.5, 13), 0);
	CU_ASSERT_TRUE(rate_between(&s, 15, 20) > 50 * rate);
	serve_scene_fini(&s);
}

static double pause_s(int64_t groups, int64_t spares, bool host, double restart_s)
{
	struct serve_scene s;
	double pause;

	scene_init_failing(&s);
	s.spec.failure.groups = groups, s.spec.failure.spares = spares;
	s.spec.failure.host_backup = host, s.spec.failure.restart_s = restart_s;
	serve_scene_run(&s);
	pause = s.result.not_coverable ? HUGE_VAL : s.result.resumed_s - s.result.failed_s;
	CU_ASSERT_EQUAL(count_fate(&s, FATE_DONE) + count_fate(&s, FATE_LOST), N);
	CU_ASSERT_TRUE(s.result.not_coverable == (count_fate(&s, FATE_LOST) > 0));
	serve_scene_fini(&s);
	return pause;
}

/* With a living copy of all lost experts nothing is fetched, however many ranks die. */
static void test_spares(void)
{
	CU_ASSERT_EQUAL(pause_s(1, EXPERTS, false, 0), 3);
	CU_ASSERT_EQUAL(pause_s(2, EXPERTS, false, 0), 3);
	CU_ASSERT_EQUAL(pause_s(4, EXPERTS, false, 0), 3);
	/* the fifth holds the copies of the first, which is dead as well */
	CU_ASSERT_EQUAL(pause_s(5, EXPERTS, false, 0), HUGE_VAL);
	CU_ASSERT_TRUE(pause_s(5, EXPERTS, true, 0) > 3);
	/* half of the copies: half of the bytes */
	CU_ASSERT_DOUBLE_EQUAL(pause_s(1, EXPERTS / 2, true, 0) - 3,
	                       (pause_s(1, 0, true, 0) - 3) / 2, 1e-9);
}

static void test_not_coverable(void)
{
	CU_ASSERT_EQUAL(pause_s(1, EXPERTS - 1, false, 0), HUGE_VAL);
	CU_ASSERT_EQUAL(pause_s(GROUPS, EXPERTS, true, 0), HUGE_VAL);
}

/* A full restart loses no request either, but takes its time. */
static void test_restart(void)
{
	CU_ASSERT_DOUBLE_EQUAL(pause_s(1, 0, false, 348), 349, 1e-9);
}

/* Other instances take what the dead one had. */
static void test_other_instance(void)
{
	struct serve_scene s;

	scene_init_failing(&s);
	s.spec.failure.host_backup = false;
	s.setup.pool[0].instances = 2;
	serve_scene_run(&s);
	CU_ASSERT_TRUE(s.result.not_coverable);
	CU_ASSERT_EQUAL(count_fate(&s, FATE_DONE), N);
	serve_scene_fini(&s);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"before, pause, after", test_three_phases},
	        {"spare copies", test_spares},
	        {"not coverable", test_not_coverable},
	        {"full restart", test_restart},
	        {"another instance takes over", test_other_instance},
	        {0},
	};

	return unit_main("serve_failure", tests);
}
