/* Attention groups at unlike contexts: who waits for whom, and what that costs. */
#include <math.h>
#include <string.h>
#include "sim/step_tokens.h"
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"

enum { EP = 8 };

static struct step_result at_context(struct scene *s, double context_count, double spread_ratio)
{
	s->q.context_count = context_count, s->q.context_spread_ratio = spread_ratio;
	return scene_run(s);
}

/* Calls visit with every flow and phase that it serves, TP 1 and 2. */
static void each_scene(void (*visit)(struct scene *s))
{
	for (size_t i = 0; i < flows_count() * PHASES * 2; i++) {
		enum phase phase = (enum phase)(i / 2 % PHASES);
		struct scene s;

		scene_init(&s, "cloudmatrix384", "deepseek-v3.1", EP);
		s.q.flow = flows[i / 2 / PHASES];
		s.schedule.tp = i % 2 ? 2 : 1;
		if (phase == PHASE_DECODE)
			scene_decode(&s, 32, 8000);
		else
			scene_prefill(&s, 2048, 8000);
		if (flow_serves(s.q.flow, phase))
			visit(&s);
		scene_fini(&s);
	}
}

/* ---- contexts ---- */

static void contexts_are_those_of_order_statistics(void)
{
	struct scene s;
	double sum_ratio = 0;

	scene_init(&s, "cloudmatrix384", "deepseek-v3.1", EP);
	s.q.context_count = 1000, s.q.context_spread_ratio = 0.5;
	CU_ASSERT_EQUAL(context_groups_count(&s.q), EP);
	for (int64_t g = 0; g < EP; g++) {
		sum_ratio += context_ratio(&s.q, g);
		CU_ASSERT(fabs(context_ratio(&s.q, g) - 1) < 0.5);
		CU_ASSERT(g == 0 || context_ratio(&s.q, g) > context_ratio(&s.q, g - 1));
	}
	CU_ASSERT_DOUBLE_EQUAL(sum_ratio, EP, 1e-12);
	/* the greatest of eight draws from an even distribution is at 8/9 in the mean */
	CU_ASSERT_DOUBLE_EQUAL(context_most_ratio(&s.q), 1 + 0.5 * (2 * 8.0 / 9 - 1), 1e-15);
	scene_fini(&s);
}

static void one_group_has_one_context(void)
{
	struct scene s;

	scene_init(&s, "cloudmatrix384", "deepseek-v3.1", EP);
	scene_prefill(&s, 2048, 8000);
	s.schedule.tp = EP;
	CU_ASSERT_EQUAL(at_context(&s, 8000, 1).step_s, at_context(&s, 8000, 0).step_s);
	s.schedule.tp = 1; /* nor do groups differ that have no context yet */
	CU_ASSERT_EQUAL(at_context(&s, 0, 1).step_s, at_context(&s, 0, 0).step_s);
	scene_fini(&s);
}

/* ---- steps ---- */

/* All ranks built, and one that stands for all. */
static void a_trace_of_difference_changes_nothing(struct scene *s)
{
	struct step_result one = at_context(s, 8000, 0), all = at_context(s, 8000, 1e-13);

	NEARLY(all.step_s, one.step_s, 1e-9, "%s", s->q.flow->name);
	NEARLY(all.interval_s, one.interval_s, 1e-9, "%s", s->q.flow->name);
}

static void built_or_not_it_is_the_same(void)
{
	each_scene(a_trace_of_difference_changes_nothing);
}

/* Not sooner than with all at the mean. Nor later than with all at the most, but for what rows of
 * those that are through with attention take of the HBM of those that are not: under a thousandth.
 */
static void between_mean_and_most(struct scene *s)
{
	struct step_result mean = at_context(s, 8000, 0), spread = at_context(s, 8000, 1);
	double most_count = 8000 * context_most_ratio(&s->q);
	struct step_result most = at_context(s, most_count, 0);

	AT_MOST(mean.step_s, spread.step_s, 1e-9, "%s", s->q.flow->name);
	AT_MOST(spread.step_s, most.step_s, 1e-3, "%s", s->q.flow->name);
	AT_MOST(spread.interval_s, spread.step_s, 1e-12, "%s", s->q.flow->name);
}

static void a_step_is_between_mean_and_most(void)
{
	each_scene(between_mean_and_most);
}

/* Where ranks wait for each other in every layer the step is as long as the longest attention
 * makes it, and the next one begins for all at its end. Where they do not, it is as long for one
 * rank, but they go on after what their own took: the mean, as attention grows evenly. */
static void who_waits_pays_for_the_longest(struct scene *s)
{
	struct step_result mean = at_context(s, 8000, 0), spread = at_context(s, 8000, 1);

	if (s->q.flow->ranks_apart) {
		NEARLY(spread.interval_s, mean.interval_s, 5e-3, "%s", s->q.flow->name);
		CU_ASSERT(spread.step_s > mean.step_s);
	} else {
		CU_ASSERT_EQUAL(spread.interval_s, spread.step_s);
		CU_ASSERT(spread.interval_s > mean.interval_s);
	}
}

static void waiting_costs_the_longest(void)
{
	each_scene(who_waits_pays_for_the_longest);
}

static void bound_holds(struct scene *s)
{
	struct step_result fluid, bound;

	for (int i = 1; i <= 4; i++) {
		double spread_ratio = 0.25 * i;

		s->q.engine = &engine_fluid;
		fluid = at_context(s, 8000, spread_ratio);
		s->q.engine = &engine_estimate;
		bound = at_context(s, 8000, spread_ratio);
		AT_MOST(bound.step_s, fluid.step_s, 1e-12, "%s", s->q.flow->name);
		AT_MOST(bound.interval_s, fluid.interval_s, 1e-12, "%s", s->q.flow->name);
	}
}

static void an_estimate_stays_below(void)
{
	each_scene(bound_holds);
}

static const struct unit_test tests[] = {
        {"contexts are those of order statistics", contexts_are_those_of_order_statistics},
        {"one group has one context", one_group_has_one_context},
        {"built or not it is the same", built_or_not_it_is_the_same},
        {"a step is between mean and most", a_step_is_between_mean_and_most},
        {"waiting costs the longest", waiting_costs_the_longest},
        {"an estimate stays below", an_estimate_stays_below},
        {0},
};

int main(void)
{
	return unit_main("step contexts", tests);
}
