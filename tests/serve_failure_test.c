/* Ranks that die: three phases, nobody lost while experts are covered, and an honest no else. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/serve_failing.h"
#include "tests/unit.h"

static size_t count_marks(const struct serve_scene *s, enum serve_mark_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < s->result.failures.n_marks; i++)
		n += s->result.failures.mark[i].kind == kind;
	return n;
}

/* When a kind of event came for the nth time; -1: it did not. */
static double mark_at(const struct serve_scene *s, enum serve_mark_kind kind, size_t nth)
{
	for (size_t i = 0; i < s->result.failures.n_marks; i++) {
		if (s->result.failures.mark[i].kind == kind && nth-- == 0)
			return s->result.failures.mark[i].at_s;
	}
	return -1;
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
	const double reload_s = FAILING_EXPERTS * 1e9 / ((FAILING_GROUPS - 1) * 25e9);
	const struct serve_failures *f;
	struct serve_scene s;

	failing_scene_init(&s);
	s.spec.failure.warm_s = 12, s.spec.failure.rejoin_s = 1;
	serve_scene_run(&s);
	f = &s.result.failures;
	CU_ASSERT_EQUAL(failing_count(&s, FATE_DONE), FAILING_REQUESTS);
	CU_ASSERT_TRUE(s.result.retried > 0);
	CU_ASSERT_EQUAL(f->failed_s, 10);
	CU_ASSERT_DOUBLE_EQUAL(f->resumed_s, 10 + 1 + 2 + reload_s, 1e-9);
	/* known at 11; warm 12 s later, taken back at the end of a step */
	CU_ASSERT_DOUBLE_EQUAL(mark_at(&s, MARK_READY, 0), 23, 1e-9);
	CU_ASSERT_TRUE(f->rejoined_s >= 24 && f->rejoined_s < 24 + 0.05);
	/* before: all that comes; in the pause: nothing; after: the rest, and what had waited */
	CU_ASSERT_DOUBLE_EQUAL(rate_between(&s, 4, 10), 50 * 100, 0.15 * 50 * 100);
	CU_ASSERT_EQUAL(rate_between(&s, 10.5, 13), 0);
	CU_ASSERT_TRUE(rate_between(&s, 15, 20) > 50 * 100);
	serve_scene_fini(&s);
}

static double pause_s(double groups, int64_t spares, bool host, double restart_s)
{
	struct serve_scene s;
	double pause;

	failing_scene_init(&s);
	s.spec.failure.groups = (struct field_list){.n = 1, .number = &groups};
	s.spec.failure.spares = spares;
	s.spec.failure.host_backup = host, s.spec.failure.restart_s = restart_s;
	serve_scene_run(&s);
	pause = s.result.failures.not_coverable
	                ? HUGE_VAL
	                : s.result.failures.resumed_s - s.result.failures.failed_s;
	CU_ASSERT_EQUAL(failing_count(&s, FATE_DONE) + failing_count(&s, FATE_LOST),
	                FAILING_REQUESTS);
	CU_ASSERT_TRUE((s.result.failures.not_coverable != NULL) ==
	               (failing_count(&s, FATE_LOST) > 0));
	serve_scene_fini(&s);
	return pause;
}

/* With a living copy of all lost experts nothing is fetched, however many ranks die (peers' copies,
 * which make loads even, cost nothing here). */
static void test_spares(void)
{
	CU_ASSERT_EQUAL(pause_s(1, FAILING_EXPERTS, false, 0), 3);
	CU_ASSERT_EQUAL(pause_s(2, FAILING_EXPERTS, false, 0), 3);
	CU_ASSERT_EQUAL(pause_s(4, FAILING_EXPERTS, false, 0), 3);
	/* the fifth holds the copies of the first, which is dead as well */
	CU_ASSERT_EQUAL(pause_s(5, FAILING_EXPERTS, false, 0), HUGE_VAL);
	/* half of the copies: half of the bytes */
	CU_ASSERT_DOUBLE_EQUAL(pause_s(1, FAILING_EXPERTS / 2, true, 0) - 3,
	                       (pause_s(1, 0, true, 0) - 3) / 2, 1e-9);
}

static const char *reason(double groups, int64_t spares, int64_t slots, bool host)
{
	const char *why;
	struct serve_scene s;

	failing_scene_init(&s);
	s.spec.failure.groups = (struct field_list){.n = 1, .number = &groups};
	s.spec.failure.spares = spares, s.spec.failure.slots = slots;
	s.spec.failure.host_backup = host;
	serve_scene_run(&s);
	why = s.result.failures.not_coverable;
	CU_ASSERT_TRUE(why == NULL || count_marks(&s, MARK_NOT_COVERABLE) == 1);
	CU_ASSERT_TRUE(why == NULL || count_marks(&s, MARK_RESUMED) == 0);
	serve_scene_fini(&s);
	return why ? why : "covered";
}

static void test_not_coverable(void)
{
	CU_ASSERT_STRING_EQUAL(reason(1, FAILING_EXPERTS, 0, false), "covered");
	CU_ASSERT_STRING_EQUAL(reason(1, FAILING_EXPERTS - 1, 0, false),
	                       cover_reasons[COVER_NO_COPY]);
	CU_ASSERT_STRING_EQUAL(reason(FAILING_GROUPS, FAILING_EXPERTS, 0, true),
	                       cover_reasons[COVER_NO_RANK]);
	/* 8 x 32 experts on seven ranks: 37 each */
	CU_ASSERT_STRING_EQUAL(reason(1, 0, 4, true), cover_reasons[COVER_NO_SLOT]);
	CU_ASSERT_STRING_EQUAL(reason(1, 0, 5, true), "covered");
}

/* A full restart loses no request either, but takes its time; weights come from storage. */
static void test_restart(void)
{
	struct serve_scene s;

	CU_ASSERT_DOUBLE_EQUAL(pause_s(1, 0, false, 348), 349, 1e-9);
	failing_scene_init(&s);
	s.spec.failure.restart_s = 30, s.spec.failure.load_Bps = 1e9;
	s.setup.pool[0].repair.rank_bytes = 20e9;
	serve_scene_run(&s);
	CU_ASSERT_DOUBLE_EQUAL(s.result.failures.rejoined_s, 10 + 1 + 30 + 20, 1e-9);
	serve_scene_fini(&s);
}

/* Other instances take what the dead one had. */
static void test_other_instance(void)
{
	struct serve_scene s;

	failing_scene_init(&s);
	s.spec.failure.host_backup = false;
	s.setup.pool[0].instances = 2;
	serve_scene_run(&s);
	CU_ASSERT_PTR_NOT_NULL(s.result.failures.not_coverable);
	CU_ASSERT_EQUAL(failing_count(&s, FATE_DONE), FAILING_REQUESTS);
	serve_scene_fini(&s);
}

/* ---- one failure after another --------------------------------------------------------------- */

/* Failures at 10 s and a second time; warm-up takes 12 s, joining 1 s, a repair 2 s and reloading.
 */
static void two_failures(struct serve_scene *s, double *at_s, double second_s)
{
	failing_scene_init(s);
	at_s[0] = 10, at_s[1] = second_s;
	s->spec.failure.at_s = (struct field_list){.n = 2, .number = at_s};
	s->spec.failure.slots = 2 * FAILING_EXPERTS;
	s->spec.failure.warm_s = 12, s->spec.failure.rejoin_s = 1;
	serve_scene_run(s);
	CU_ASSERT_EQUAL(failing_count(s, FATE_DONE), FAILING_REQUESTS);
	CU_ASSERT_EQUAL(count_marks(s, MARK_OUT), second_s > 10.9 && second_s < 11 ? 1 : 2);
}

/* The first rank warms on while the others repair, and both come back. */
static void test_while_warming(void)
{
	struct serve_scene s;
	double at_s[2];

	two_failures(&s, at_s, 16);
	CU_ASSERT_DOUBLE_EQUAL(mark_at(&s, MARK_READY, 0), 23, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(mark_at(&s, MARK_READY, 1), 29, 1e-9);
	CU_ASSERT_EQUAL(count_marks(&s, MARK_JOINED), 2);
	serve_scene_fini(&s);
	/* ready while the others still repair: it joins when they have */
	two_failures(&s, at_s, 21.5);
	CU_ASSERT_EQUAL(mark_at(&s, MARK_READY, 0), mark_at(&s, MARK_RESUMED, 1));
	CU_ASSERT_TRUE(mark_at(&s, MARK_READY, 0) > 24.5);
	serve_scene_fini(&s);
}

/* Before the first is known: both are found together, later. */
static void test_while_hanging(void)
{
	struct serve_scene s;
	double at_s[2];

	two_failures(&s, at_s, 10.95);
	CU_ASSERT_DOUBLE_EQUAL(mark_at(&s, MARK_OUT, 0), 11.95, 1e-9);
	CU_ASSERT_EQUAL(count_marks(&s, MARK_JOINED), 1);
	serve_scene_fini(&s);
}

/* Tables are made anew after the second detection; experts of both come together. */
static void test_while_repairing(void)
{
	struct serve_scene s;
	double at_s[2];

	two_failures(&s, at_s, 12); /* while tables are made: all experts are still to come */
	CU_ASSERT_DOUBLE_EQUAL(mark_at(&s, MARK_RESUMED, 0), 13 + 2 + s.result.failures.repair_s,
	                       1e-9);
	serve_scene_fini(&s);
}

/* A rank dies while the others wait to take one back: that one joins later. */
static void test_while_joining(void)
{
	struct serve_scene s;
	double at_s[2];

	two_failures(&s, at_s, 23.5);
	CU_ASSERT_EQUAL(count_marks(&s, MARK_JOINED), 2);
	CU_ASSERT_TRUE(mark_at(&s, MARK_JOINED, 0) > mark_at(&s, MARK_RESUMED, 1));
	serve_scene_fini(&s);
}

static void test_wrong_instance(void)
{
	double instance = 2;
	struct serve_scene s;
	struct serve_result r;
	struct err e = {0};

	failing_scene_init(&s);
	s.spec.failure.instance = (struct field_list){.n = 1, .number = &instance};
	CU_ASSERT_EQUAL(serve_run(&s.setup, &s.list, &r, &e), RC_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "there is no instance 2"));
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
	        {"a failure while a rank warms", test_while_warming},
	        {"a failure before the first is known", test_while_hanging},
	        {"a failure during a repair", test_while_repairing},
	        {"a failure while a rank joins", test_while_joining},
	        {"an instance that is not there", test_wrong_instance},
	        {0},
	};

	return unit_main("serve_failure", tests);
}
