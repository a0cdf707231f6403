/* estimate and fluid: cases worked out by hand, and laws that hold of any graph. */
#include <math.h>
#include <string.h>
#include "models/base/arena.h"
#include "sim/engine.h"
#include "tests/graphs.h"
#include "tests/reference.h"
#include "tests/unit.h"

static const struct engine_options exact;

static struct timeline price(const struct engine *engine, const struct graph *g)
{
	struct timeline t;
	struct err e;
	timeline_init(&t);
	CU_ASSERT_EQUAL(engine->run(g, &exact, &t, &e), RC_OK);
	return t;
}

static bool close_to(double a, double b, double scale)
{
	return fabs(a - b) <= 1e-12 * scale;
}

/* --- by hand --- */

/* One activity of a case: uses up to three resources. */
struct row {
	double work, latency, share, cap;
	double weight[3];     /* 0: not used */
	int after;            /* the one before which it may not start, or -1 */
	double start, finish; /* expected */
};

struct by_hand {
	const char *name;
	double capacity[3];
	double least;       /* what estimate says */
	struct row rows[6]; /* up to one with finish 0 */
};

static const struct by_hand cases[] = {
        {.name = "two flows share a link, and the longer one then has it alone",
         .capacity = {2},
         .least = 2,
         .rows = {{.work = 1, .weight = {1}, .after = -1, .finish = 1},
                  {.work = 3, .weight = {1}, .after = -1, .finish = 2}}},
        {.name = "what one flow cannot use goes to the others",
         .capacity = {1, 10},
         .least = 1,
         .rows = {{.work = 0.5, .weight = {1, 1}, .after = -1, .finish = 1},
                  {.work = 0.5, .weight = {1}, .after = -1, .finish = 1},
                  {.work = 9.5, .weight = {0, 1}, .after = -1, .finish = 1}}},
        {.name = "a chain of bottlenecks: rates 1, 2 and 5",
         .capacity = {2, 3, 7},
         .least = 1,
         .rows = {{.work = 1, .weight = {1}, .after = -1, .finish = 1},
                  {.work = 1, .weight = {1, 1}, .after = -1, .finish = 1},
                  {.work = 2, .weight = {0, 1, 1}, .after = -1, .finish = 1},
                  {.work = 5, .weight = {0, 0, 1}, .after = -1, .finish = 1}}},
        {.name = "a cap",
         .capacity = {10},
         .least = 2,
         .rows = {{.work = 4, .cap = 2, .weight = {1}, .after = -1, .finish = 2},
                  {.work = 16, .weight = {1}, .after = -1, .finish = 2}}},
        {.name = "a cap above the fair share does nothing",
         .capacity = {10},
         .least = 1,
         .rows = {{.work = 5, .cap = 6, .weight = {1}, .after = -1, .finish = 1},
                  {.work = 5, .weight = {1}, .after = -1, .finish = 1}}},
        {.name = "a cap and no resource",
         .capacity = {1},
         .least = 2.5,
         .rows = {{.work = 4, .cap = 2, .latency = 0.5, .after = -1, .finish = 2.5}}},
        {.name = "three streams against one",
         .capacity = {4},
         .least = 2,
         .rows = {{.work = 3, .share = 3, .weight = {1}, .after = -1, .finish = 1},
                  {.work = 5, .weight = {1}, .after = -1, .finish = 2}}},
        {.name = "a flow that weighs twice has the same rate",
         .capacity = {3},
         .least = 1.5,
         .rows = {{.work = 1, .weight = {2}, .after = -1, .finish = 1},
                  {.work = 2.5, .weight = {1}, .after = -1, .finish = 1.5}}},
        {.name = "latency holds nothing",
         .capacity = {2},
         .least = 2,
         .rows = {{.work = 3, .weight = {1}, .after = -1, .finish = 2},
                  {.work = 1, .latency = 1, .weight = {1}, .after = -1, .finish = 2}}},
        {.name = "no work, or nothing at all",
         .capacity = {1},
         .least = 1,
         .rows = {{.latency = 1, .weight = {1}, .after = -1, .finish = 1},
                  {.after = 0, .start = 1, .finish = 1},
                  {.after = 1, .start = 1, .finish = 1}}},
        {.name = "a barrier",
         .capacity = {1, 1},
         .least = 5,
         .rows = {{.work = 1, .weight = {1}, .after = -1, .finish = 1},
                  {.work = 2, .latency = 1, .weight = {0, 1}, .after = 0, .start = 1, .finish = 4},
                  {.work = 1, .weight = {1}, .after = 1, .start = 4, .finish = 5}}},
        {.name = "estimate knows what comes before and after a busy resource",
         .capacity = {1, 1},
         .least = 8,
         .rows = {{.latency = 1, .after = -1, .finish = 1},
                  {.work = 3, .weight = {1}, .after = 0, .start = 1, .finish = 7},
                  {.work = 3, .weight = {1}, .after = 0, .start = 1, .finish = 7},
                  {.latency = 1, .after = 1, .start = 7, .finish = 8},
                  {.latency = 1, .after = 2, .start = 7, .finish = 8}}},
};

static uint32_t append_row(struct graph *g, const struct row *row)
{
	struct use uses[3];
	uint32_t after = (uint32_t)row->after;
	struct activity a = {
	        .label = "row", .uses = uses, .after = &after, .n_after = row->after >= 0};
	a.work_units = row->work;
	a.latency_s = row->latency;
	a.share_count = row->share;
	a.cap_per_s = row->cap;
	for (uint32_t r = 0; r < 3; r++)
		if (row->weight[r] > 0)
			uses[a.n_uses++] = (struct use){r, row->weight[r]};
	return graph_append(g, &a);
}

static void cases_by_hand(void)
{
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		struct graph *g = graph_new();
		double end = 0;
		for (uint32_t r = 0; r < 3; r++)
			graph_resource(g, RES_OTHER, r, fmax(cases[c].capacity[r], 1));
		for (const struct row *row = cases[c].rows; row->finish > 0; row++)
			append_row(g, row);
		struct timeline t = price(&engine_fluid, g), least = price(&engine_estimate, g);
		for (uint32_t i = 0; i < g->n_activities; i++) {
			const struct row *row = &cases[c].rows[i];
			bool ok = close_to(t.start_s[i], row->start, 1) &&
			          close_to(t.finish_s[i], row->finish, 1);
			if (!ok)
				printf("\n%s: activity %u runs from %g to %g\n", cases[c].name, i,
				       t.start_s[i], t.finish_s[i]);
			CU_ASSERT_TRUE(ok);
			end = fmax(end, row->finish);
		}
		CU_ASSERT_TRUE(close_to(t.makespan_s, end, 1));
		CU_ASSERT_TRUE(close_to(least.makespan_s, cases[c].least, 1));
		timeline_check(g, &t, 1e-12);
		timeline_fini(&t);
		timeline_fini(&least);
		graph_free(g);
	}
}

static void an_empty_graph_takes_no_time(void)
{
	struct graph *g = graph_new();
	struct timeline fluid = price(&engine_fluid, g), least = price(&engine_estimate, g);
	CU_ASSERT_EQUAL(fluid.makespan_s, 0);
	CU_ASSERT_EQUAL(least.makespan_s, 0);
	timeline_check(g, &fluid, 0);
	timeline_fini(&fluid);
	timeline_fini(&least);
	graph_free(g);
}

/* --- laws --- */

static double largest_difference(const struct timeline *a, const struct timeline *b)
{
	double most = 0;
	for (uint32_t i = 0; i < a->n_activities; i++) {
		most = fmax(most, fabs(a->start_s[i] - b->start_s[i]));
		most = fmax(most, fabs(a->finish_s[i] - b->finish_s[i]));
	}
	return most;
}

/* All activities one after the other, each alone. */
static double serial_time(const struct graph *g)
{
	double sum = 0;
	for (uint32_t i = 0; i < g->n_activities; i++) {
		double rate = g->cap_per_s[i];
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
			rate = fmin(rate,
			            g->capacity_per_s[g->use_resource[k]] / g->use_weight_ratio[k]);
		sum += g->latency_s[i] + (g->work_units[i] > 0 ? g->work_units[i] / rate : 0);
	}
	return sum;
}

static void check_laws(const struct graph *g)
{
	struct timeline fluid = price(&engine_fluid, g), least = price(&engine_estimate, g), plain;
	double scale = fluid.makespan_s;
	timeline_init(&plain);
	reference_run(g, &plain);
	CU_ASSERT_TRUE(largest_difference(&fluid, &plain) <= 1e-9 * scale);
	timeline_check(g, &fluid, 1e-12);
	CU_ASSERT_TRUE(least.makespan_s <= scale * (1 + 1e-12));
	CU_ASSERT_TRUE(scale <= serial_time(g) * (1 + 1e-12));
	for (uint32_t i = 0; i < g->n_activities; i++) {
		CU_ASSERT_TRUE(least.start_s[i] <= fluid.start_s[i] + 1e-12 * scale);
		CU_ASSERT_TRUE(least.finish_s[i] <= fluid.finish_s[i] + 1e-12 * scale);
	}
	timeline_fini(&fluid);
	timeline_fini(&least);
	timeline_fini(&plain);
}

static void random_graphs_keep_the_laws(void)
{
	for (uint64_t seed = 0; seed < 5000; seed++) {
		struct rng r;
		rng_init(&r, seed, 1);
		int features = (int)rng_below(&r, ALL_FEATURES + 1);
		struct graph *g = random_graph(&r, features, seed % 50 ? 20 : 100);
		graph_check(g);
		check_laws(g);
		graph_free(g);
	}
}

/* Ports, trunks, mesh and HBM in turn, with what comes in between. */
static void machines_keep_the_laws(void)
{
	for (uint32_t n = 0; n < 24; n++) {
		struct rng r;
		struct all_to_all a = {.shape = n % SHAPES,
		                       .n_ranks = 3 + n / 3,
		                       .with_hbm = n & 1,
		                       .skew_ratio = n % 5 ? 0.8 : 0,
		                       .latency_s = 2e-6,
		                       .stagger_s = n & 2 ? 3e-6 : 0,
		                       .n_stages = 1 + n % 2};
		rng_init(&r, n, 2);
		struct graph *g = all_to_all_graph(&r, &a);
		check_laws(g);
		graph_free(g);
	}
}

static void check_doubles(const struct engine *engine, const struct graph *g)
{
	struct graph *slow = slower_graph(g, 2);
	struct timeline t = price(engine, g), twice = price(engine, slow);
	CU_ASSERT_EQUAL(t.event_count, twice.event_count);
	CU_ASSERT_EQUAL(2 * t.makespan_s, twice.makespan_s);
	for (uint32_t i = 0; i < g->n_activities; i++) {
		CU_ASSERT_EQUAL(2 * t.start_s[i], twice.start_s[i]);
		CU_ASSERT_EQUAL(2 * t.finish_s[i], twice.finish_s[i]);
	}
	timeline_fini(&t);
	timeline_fini(&twice);
	graph_free(slow);
}

/* Latencies doubled, rates halved: all times double, to the last bit. */
static void times_scale_exactly(void)
{
	for (uint64_t seed = 0; seed < 500; seed++) {
		struct rng r;
		rng_init(&r, seed, 3);
		struct graph *g = random_graph(&r, ALL_FEATURES, 40);
		check_doubles(&engine_estimate, g);
		check_doubles(&engine_fluid, g);
		graph_free(g);
	}
}

/* On one resource: when i ends, each other has had as much as i, or all it wanted. */
static void one_resource_has_a_closed_form(void)
{
	enum { N = 300 };
	struct rng r;
	struct graph *g = graph_new();
	struct use use = {graph_resource(g, RES_OTHER, 0, 7), 1};
	rng_init(&r, 0, 4);
	for (int k = 0; k < N; k++)
		graph_append(g, &(struct activity){.label = "a",
		                                   .work_units = (double)(1 + rng_below(&r, 100)),
		                                   .uses = &use,
		                                   .n_uses = 1});
	struct timeline t = price(&engine_fluid, g);
	for (int i = 0; i < N; i++) {
		double sum = 0;
		for (int j = 0; j < N; j++)
			sum += fmin(g->work_units[i], g->work_units[j]);
		CU_ASSERT_TRUE(close_to(t.finish_s[i], sum / 7, t.makespan_s));
	}
	CU_ASSERT_TRUE(t.event_count <= 101); /* one for each size, and the first */
	timeline_fini(&t);
	graph_free(g);
}

static void a_symmetric_stage_is_one_event(void)
{
	for (uint32_t n = 2; n <= 40; n++) {
		struct rng r;
		struct all_to_all a = {
		        .n_ranks = n, .with_hbm = n % 2, .latency_s = 1e-6, .n_stages = 3};
		rng_init(&r, n, 5);
		struct graph *g = all_to_all_graph(&r, &a);
		struct timeline t = price(&engine_fluid, g), least = price(&engine_estimate, g);
		CU_ASSERT_EQUAL(t.event_count, 6); /* each stage: work begins, work ends */
		CU_ASSERT_TRUE(close_to(t.makespan_s, least.makespan_s, t.makespan_s));
		timeline_fini(&t);
		timeline_fini(&least);
		graph_free(g);
	}
}

/* Whoever counts resources from the other end gets the same times. */
static void order_of_resources_does_not_matter(void)
{
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct rng r;
		rng_init(&r, seed, 6);
		struct graph *g = random_graph(&r, ALL_FEATURES & ~WITH_TIES, 40);
		struct timeline t = price(&engine_fluid, g);
		uint32_t last = g->n_resources - 1;
		for (uint32_t k = 0; k < g->n_resources / 2; k++) {
			double capacity = g->capacity_per_s[k];
			g->capacity_per_s[k] = g->capacity_per_s[last - k];
			g->capacity_per_s[last - k] = capacity;
		}
		for (size_t k = 0; k < g->n_uses; k++)
			g->use_resource[k] = last - g->use_resource[k];
		struct timeline other = price(&engine_fluid, g);
		CU_ASSERT_TRUE(largest_difference(&t, &other) <= 1e-12 * t.makespan_s);
		timeline_fini(&t);
		timeline_fini(&other);
		graph_free(g);
	}
}

/* Coarser is cheaper, never early, and not far off. */
static void tolerance_merges_events(void)
{
	struct rng r;
	struct err e;
	struct all_to_all a = {.n_ranks = 24, .skew_ratio = 0.8, .n_stages = 2};
	rng_init(&r, 0, 7);
	struct graph *g = all_to_all_graph(&r, &a);
	struct timeline fine = price(&engine_fluid, g), coarse;
	uint64_t count = fine.event_count;
	timeline_init(&coarse);
	for (int k = 0; k < 5; k++) {
		double tolerance = 1e-6 * pow(10, k);
		struct engine_options options = {.tolerance_ratio = tolerance};
		CU_ASSERT_EQUAL(engine_fluid.run(g, &options, &coarse, &e), RC_OK);
		CU_ASSERT_TRUE(coarse.event_count < count);
		CU_ASSERT_TRUE(coarse.makespan_s >= fine.makespan_s * (1 - 1e-12));
		CU_ASSERT_TRUE(coarse.makespan_s <= fine.makespan_s * (1 + 10 * tolerance));
		count = coarse.event_count;
	}
	timeline_fini(&fine);
	timeline_fini(&coarse);
	graph_free(g);
}

static void the_same_graph_gives_the_same_bytes(void)
{
	struct rng r;
	struct all_to_all a = {.n_ranks = 24, .skew_ratio = 1, .stagger_s = 1e-5, .n_stages = 2};
	rng_init(&r, 0, 8);
	struct graph *g = all_to_all_graph(&r, &a);
	struct timeline one = price(&engine_fluid, g), two = price(&engine_fluid, g);
	size_t n_bytes = g->n_activities * sizeof(double);
	CU_ASSERT_EQUAL(memcmp(one.start_s, two.start_s, n_bytes), 0);
	CU_ASSERT_EQUAL(memcmp(one.finish_s, two.finish_s, n_bytes), 0);
	timeline_fini(&one);
	timeline_fini(&two);
	graph_free(g);
}

/* --- timelines --- */

/* pack, two sends of which the second is the longer, and a wait for both. */
static struct graph *small_graph(void)
{
	struct graph *g = graph_new();
	struct use use = {graph_resource(g, RES_OTHER, 0, 1), 1};
	struct activity pack = {.label = "pack", .work_units = 2, .uses = &use, .n_uses = 1};
	struct activity send = {.label = "send", .work_units = 1, .latency_s = 0.5, .uses = &use};
	send.n_uses = send.n_after = 1;
	send.after = (uint32_t[]){0};
	graph_append(g, &pack);
	graph_append(g, &send);
	send.work_units = 4;
	graph_append(g, &send);
	graph_append(g, &(struct activity){.label = "wait",
	                                   .latency_s = 0.25,
	                                   .after = (uint32_t[]){1, 2},
	                                   .n_after = 2});
	return g;
}

static void time_is_attributed_along_the_last_path(void)
{
	double by_label[3];
	struct graph *g = small_graph();
	struct timeline t = price(&engine_fluid, g);
	timeline_by_label(g, &t, by_label);
	CU_ASSERT_DOUBLE_EQUAL(by_label[0], 2, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(by_label[1], 5.5, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(by_label[2], 0.25, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(t.makespan_s, 7.75, 1e-12);
	timeline_fini(&t);
	graph_free(g);
}

static void attributed_time_sums_to_the_makespan(void)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct rng r;
		double by_label[2] = {0, 0};
		rng_init(&r, seed, 9);
		struct graph *g = random_graph(&r, ALL_FEATURES, 40);
		const struct engine *const both[] = {&engine_estimate, &engine_fluid};
		for (int k = 0; k < 2; k++) {
			struct timeline t = price(both[k], g);
			timeline_by_label(g, &t, by_label);
			double sum = by_label[0] + (g->n_labels > 1 ? by_label[1] : 0);
			CU_ASSERT_TRUE(close_to(sum, t.makespan_s, t.makespan_s));
			timeline_fini(&t);
		}
		graph_free(g);
	}
}

/* Checks the small graph's timeline with one time moved. */
static void check_moved(size_t activity, double start_by, double finish_by)
{
	struct graph *g = small_graph();
	struct timeline t = price(&engine_fluid, g);
	t.start_s[activity] += start_by;
	t.finish_s[activity] += finish_by;
	timeline_check(g, &t, 1e-9);
	timeline_fini(&t);
	graph_free(g);
}

static void start_before_predecessor(void)
{
	check_moved(1, -0.1, 0);
}

static void end_before_latency(void)
{
	check_moved(3, 0, -0.1);
}

static void move_more_than_capacity(void)
{
	check_moved(1, 0, -1.1);
}

static void a_wrong_timeline_is_found(void)
{
	check_moved(1, 0, 0);
	CU_ASSERT_TRUE(unit_aborts(start_before_predecessor));
	CU_ASSERT_TRUE(unit_aborts(end_before_latency));
	CU_ASSERT_TRUE(unit_aborts(move_more_than_capacity));
}

static void engines_are_found_by_name(void)
{
	struct err e = {0};
	const char *why_not = NULL;
	for (int k = 0; engines[k]; k++)
		CU_ASSERT_PTR_EQUAL(engine_find(engines[k]->name, &e), engines[k]);
	CU_ASSERT_PTR_NULL(engine_find("fluit", &e));
	CU_ASSERT_EQUAL(e.rc, RC_CONFIG);
	UNIT_HOLDS(e.text, "fluit");
	UNIT_HOLDS(e.text, "did you mean 'fluid'?");
	CU_ASSERT_TRUE(engine_estimate.available(&why_not) && engine_fluid.available(&why_not));
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"cases by hand", cases_by_hand},
	        {"an empty graph takes no time", an_empty_graph_takes_no_time},
	        {"random graphs keep the laws", random_graphs_keep_the_laws},
	        {"machines keep the laws", machines_keep_the_laws},
	        {"times scale exactly", times_scale_exactly},
	        {"one resource has a closed form", one_resource_has_a_closed_form},
	        {"a symmetric stage is one event", a_symmetric_stage_is_one_event},
	        {"order of resources does not matter", order_of_resources_does_not_matter},
	        {"tolerance merges events", tolerance_merges_events},
	        {"same graph, same bytes", the_same_graph_gives_the_same_bytes},
	        {"time is attributed along the last path", time_is_attributed_along_the_last_path},
	        {"attributed time sums to the makespan", attributed_time_sums_to_the_makespan},
	        {"a wrong timeline is found", a_wrong_timeline_is_found},
	        {"engines are found by name", engines_are_found_by_name},
	        {0},
	};
	return unit_main("engine", tests);
}
