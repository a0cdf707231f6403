/* ctest: full 300 */
/* What --tolerance may cost: the makespan of merged events against the exact one. */
#include <math.h>
#include <stdio.h>
#include "graphs.h"
#include "models/base/rng.h"
#include "sim/engine.h"
#include "unit.h"

/* The stated bound, in tolerances. A late flow may also change the order of others, so that now and
 * then the end is early; that is held to the same bound. */
static const double bound = 1;

/* Relative error of the makespan: above 0 when late. */
static double error_ratio(const struct graph *g, double tolerance_ratio, uint64_t *events)
{
	struct timeline exact, near;
	struct err e = {0};
	double ratio;

	timeline_init(&exact);
	timeline_init(&near);
	CU_ASSERT_EQUAL_FATAL(engine_fluid.run(g, &(struct engine_options){0}, &exact, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(
	        engine_fluid.run(g, &(struct engine_options){tolerance_ratio}, &near, &e), RC_OK);
	ratio = exact.makespan_s > 0 ? near.makespan_s / exact.makespan_s - 1 : near.makespan_s;
	events[0] += exact.event_count, events[1] += near.event_count;
	timeline_fini(&exact);
	timeline_fini(&near);
	return ratio;
}

static void test_all_to_alls(void)
{
	static const double tolerances[] = {1e-4, 1e-3, 1e-2};
	uint64_t events[2] = {0, 0};
	double worst = 0;
	struct rng r;

	rng_init(&r, 1, 1);
	for (uint32_t n = 8; n <= 64; n *= 2) {
		for (int k = 0; k < 3 * SHAPES * 4; k++) {
			double tolerance = tolerances[k % 3];
			struct all_to_all a = {.shape = (enum shape)(k / 3 % SHAPES),
			                       .n_ranks = n,
			                       .with_hbm = k & 1,
			                       .skew_ratio = 0.4 * floor(k / 9.0),
			                       .latency_s = 2e-6,
			                       .stagger_s = k % 2 ? 1e-6 : 0,
			                       .n_stages = 1 + (uint32_t)k % 2};
			struct graph *g = all_to_all_graph(&r, &a);
			double error = error_ratio(g, tolerance, events) / tolerance;

			CU_ASSERT_TRUE(fabs(error) < bound);
			worst = fmax(worst, fabs(error));
			graph_free(g);
		}
	}
	CU_ASSERT_TRUE(events[1] < events[0]);
	printf("worst %.2f tolerances, %.1f times fewer solutions ", worst,
	       (double)events[0] / (double)events[1]);
}

static void test_random_graphs(void)
{
	uint64_t events[2] = {0, 0};
	double late = 0, early = 0;
	struct rng r;

	rng_init(&r, 2, 1);
	for (int k = 0; k < 20000; k++) {
		struct graph *g = random_graph(&r, k % (ALL_FEATURES + 1), 60);
		double error = g->n_activities > 0 ? error_ratio(g, 1e-3, events) / 1e-3 : 0;

		CU_ASSERT_TRUE(fabs(error) < bound);
		late = fmax(late, error), early = fmax(early, -error);
		graph_free(g);
	}
	printf("late by at most %.2f, early by at most %.2f tolerances ", late, early);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"all-to-alls", test_all_to_alls},
	        {"random graphs", test_random_graphs},
	        {0},
	};

	return unit_main("tolerance", tests);
}
