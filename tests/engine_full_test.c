/* ctest: full 900 */
/* The long form of the engines' laws: 100,000 random graphs, SimGrid at 64 ranks, and compute
 * beside transfers on one HBM. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "sim/engine_simgrid.h"
#include "tests/graphs.h"
#include "tests/reference.h"
#include "tests/unit.h"

static const struct engine_options exact;

static struct timeline priced(const struct engine *engine, const struct graph *g)
{
	struct timeline t;
	struct err e = {0};

	timeline_init(&t);
	CU_ASSERT_EQUAL_FATAL(engine->run(g, &exact, &t, &e), RC_OK);
	return t;
}

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Against the brute-force solver, relative to the makespan. */
static double reference_difference(const struct graph *g, const struct timeline *t)
{
	struct timeline brute;
	double most = 0;

	timeline_init(&brute);
	reference_run(g, &brute);
	for (uint32_t i = 0; i < g->n_activities; i++)
		most = fmax(most, fabs(t->finish_s[i] - brute.finish_s[i]));
	most /= fmax(brute.makespan_s, 1e-300);
	timeline_fini(&brute);
	return most;
}

/* No byte lost, no capacity exceeded, predecessors and latencies kept (timeline_check), estimate
 * never above, and on every tenth graph the brute-force solver's times. */
static void random_graphs_keep_every_law(void)
{
	enum { GRAPHS = 100000 };
	double *ratio = malloc(GRAPHS * sizeof *ratio), sum = 0;
	size_t n = 0;
	struct rng r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(ratio);
	rng_init(&r, 3, 1);
	for (int k = 0; k < GRAPHS; k++) {
		struct graph *g = random_graph(&r, k % (ALL_FEATURES + 1), 40);
		struct timeline fluid = priced(&engine_fluid, g),
		                bound = priced(&engine_estimate, g);

		timeline_check(g, &fluid, 1e-9);
		CU_ASSERT_TRUE(bound.makespan_s <= fluid.makespan_s * (1 + 1e-12));
		if (fluid.makespan_s > 0)
			sum += ratio[n++] = bound.makespan_s / fluid.makespan_s;
		if (k % 10 == 0)
			CU_ASSERT_TRUE(reference_difference(g, &fluid) <= 1e-9);
		timeline_fini(&fluid);
		timeline_fini(&bound);
		graph_free(g);
	}
	qsort(ratio, n, sizeof *ratio, rising);
	printf("estimate over fluid: mean %.3f, median %.3f, least %.3f ", sum / (double)n,
	       ratio[n / 2], ratio[0]);
	free(ratio);
}

static bool simgrid_here(void)
{
	const char *why_not;
	bool here = engine_simgrid.available(&why_not);

	if (!here)
		printf("skipped: %s ", why_not);
	return here;
}

/* Largest difference of any date, relative to the makespan. */
static double disagreement(const struct graph *g)
{
	struct timeline fluid = priced(&engine_fluid, g), simgrid = priced(&engine_simgrid, g);
	double most = 0;

	for (uint32_t i = 0; i < g->n_activities; i++) {
		most = fmax(most, fabs(fluid.start_s[i] - simgrid.start_s[i]));
		most = fmax(most, fabs(fluid.finish_s[i] - simgrid.finish_s[i]));
	}
	most /= simgrid.makespan_s;
	timeline_fini(&fluid);
	timeline_fini(&simgrid);
	return most;
}

static void simgrid_agrees_at_64_ranks(void)
{
	double worst = 0;

	for (unsigned n = 0; simgrid_here() && n < SHAPES * 8; n++) {
		struct rng r;
		struct all_to_all a = {.shape = n % SHAPES,
		                       .n_ranks = 64,
		                       .with_hbm = n / SHAPES & 1,
		                       .skew_ratio = n / SHAPES & 2 ? 0.8 : 0,
		                       .latency_s = 2e-6,
		                       .stagger_s = n / SHAPES & 4 ? 3e-6 : 0,
		                       .n_stages = 1};
		struct graph *g;

		rng_init(&r, n, 2);
		g = all_to_all_graph(&r, &a);
		worst = fmax(worst, disagreement(g));
		graph_free(g);
	}
	CU_ASSERT_TRUE(worst <= 1e-9);
	printf("worst %.1e ", worst);
}

/* An all-to-all whose arrivals and reads weigh on each rank's HBM, and an operator there that
 * counts as `streams`. Sets the indices of operators and their number. */
static struct graph *compute_beside(uint32_t n_ranks, double hbm_per_s, double streams,
                                    uint32_t *first_op)
{
	struct graph *g = graph_new();

	for (uint32_t r = 0; r < 3 * n_ranks; r++)
		graph_resource(g, r < n_ranks ? RES_HBM : RES_OTHER, r % n_ranks,
		               r < n_ranks ? hbm_per_s : 100);
	for (uint32_t from = 0; from < n_ranks; from++) {
		for (uint32_t to = 0; to < n_ranks; to++) {
			struct use uses[] = {{n_ranks + from, 1}, {2 * n_ranks + to, 1}, {to, 1}};

			if (from != to)
				graph_append(g, &(struct activity){.label = "dispatch.put",
				                                   .rank = from,
				                                   .work_units = 50,
				                                   .uses = uses,
				                                   .n_uses = 3});
		}
	}
	*first_op = g->n_activities;
	for (uint32_t r = 0; r < n_ranks; r++) {
		struct use use = {r, 1};

		graph_append(g, &(struct activity){.label = "expert.gemm",
		                                   .rank = r,
		                                   .work_units = 400,
		                                   .share_count = streams,
		                                   .uses = &use,
		                                   .n_uses = 1});
	}
	return g;
}

/* N - 1 = 7 arriving streams and an operator of s share an HBM of 200: while all run, the operator
 * gets 200 s / (7 + s), unless the ports (100, so 100/7 a stream) bind first. */
static void compute_and_transfers_slow_each_other(void)
{
	static const struct {
		double streams, op_alone_s, op_s, put_alone_s;
	} cases[] = {
	        /* s 1: the streams' fair 25 exceed their ports' 100/7, so the ports bind: the
	           operator has 100 left and ends at 4, the transfers at 3.5 s: 350 + 50 more at
	           200: 3.75 */
	        {1, 2, 3.75, 3.5},
	        /* s 7: half each, 100 and 100: the ports bind just so */
	        {7, 2, 3.75, 3.5},
	        /* s 21: a stream gets 200/28, the operator 150: it ends at 400/150, both are slower
	         */
	        {21, 2, 400 / 150.0, 3.5},
	};

	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		uint32_t op;
		struct graph *g = compute_beside(8, 200, cases[k].streams, &op);
		struct timeline t = priced(&engine_fluid, g);

		CU_ASSERT_DOUBLE_EQUAL(t.finish_s[op], cases[k].op_s, 1e-12);
		CU_ASSERT_TRUE(t.finish_s[op] > cases[k].op_alone_s);
		CU_ASSERT_TRUE(t.finish_s[0] >= cases[k].put_alone_s * (1 - 1e-12));
		if (k == 2)
			CU_ASSERT_TRUE(t.finish_s[0] > cases[k].put_alone_s * 1.1);
		if (simgrid_here())
			CU_ASSERT_TRUE(disagreement(g) <= 1e-9);
		timeline_fini(&t);
		graph_free(g);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"random graphs keep every law", random_graphs_keep_every_law},
	        {"SimGrid agrees at 64 ranks", simgrid_agrees_at_64_ranks},
	        {"compute and transfers slow each other", compute_and_transfers_slow_each_other},
	        {0},
	};

	return unit_main("engine full", tests);
}
