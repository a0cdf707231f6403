/* Pruning: drawn sweeps come to the same with and without. */
#include "sim/sweep_front.h"
#include "tests/sweeps.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEPS = 50 };

/* What is feasible is the same, with the same figures; what is not, for the same reason. */
static void same_by_budget(const struct sweep *all, const struct sweep *pruned)
{
	CU_ASSERT_EQUAL_FATAL(all->n_points, pruned->n_points);
	CU_ASSERT_EQUAL(all->n_feasible, pruned->n_feasible);
	for (size_t i = 0; i < all->n_points; i++) {
		const struct sweep_point *a = all->points + i, *b = pruned->points + i;

		CU_ASSERT_EQUAL(a->reason, b->reason);
		CU_ASSERT_EQUAL(a->pareto, b->pareto);
		if (a->feasible) {
			CU_ASSERT(same_price(a->prefill, b->prefill));
			CU_ASSERT(same_price(a->decode, b->decode));
		}
	}
}

/* The front is the same, to the bit; and what is said to be beaten is. */
static void same_front(const struct sweep *all, const struct sweep *pruned)
{
	CU_ASSERT_EQUAL_FATAL(all->n_points, pruned->n_points);
	for (size_t i = 0; i < all->n_points; i++) {
		const struct sweep_point *a = all->points + i, *b = pruned->points + i;

		CU_ASSERT_EQUAL(a->pareto, b->pareto);
		if (a->pareto) {
			CU_ASSERT(same_price(a->prefill, b->prefill));
			CU_ASSERT(same_price(a->decode, b->decode));
		}
		CU_ASSERT(a->feasible || !b->feasible);
		CU_ASSERT(b->reason != REASON_BEATEN || !a->pareto);
	}
}

/* How many of the drawn sweeps have something on the front that only they have. */
struct coverage {
	size_t apart, stages, guesses, instances;
};

static void coverage_add(struct coverage *x, const struct sweep *s)
{
	bool stages = false, guesses = false, instances = false, any = false;

	for (size_t i = 0; i < s->n_points; i++) {
		struct point_choice c = point_choice(s->points + i);

		if (!s->points[i].pareto)
			continue;
		any = true;
		stages |= c.schedule[PHASE_PREFILL].pp > 1 || c.schedule[PHASE_DECODE].pp > 1;
		guesses |= c.schedule[PHASE_DECODE].mtp > 0;
		instances |= c.instances[PHASE_PREFILL] > 0;
	}
	x->apart += any && s->knobs.any_apart;
	x->stages += stages, x->guesses += guesses, x->instances += instances;
}

static void a_sweep_and_its_pruned_forms(struct rng *r, size_t *n_saved, struct coverage *x)
{
	struct config *c = drawn_sweep(r);
	struct sweep *all = sweep_made(c, &(struct sweep_options){.jobs = 1});
	struct sweep *budget =
	        sweep_made(c, &(struct sweep_options){.jobs = 1, .prune = PRUNE_BUDGET});
	struct sweep *front =
	        sweep_made(c, &(struct sweep_options){.jobs = 2, .prune = PRUNE_FRONT});

	coverage_add(x, all);
	same_by_budget(all, budget);
	same_front(all, front);
	CU_ASSERT_EQUAL(all->n_bounds, 0);
	CU_ASSERT(budget->n_bounds <= front->n_bounds);
	n_saved[0] += budget->n_bounds, n_saved[1] += front->n_bounds;
	sweep_free(front);
	sweep_free(budget);
	sweep_free(all);
	config_free(c);
}

static void pruned_sweeps_come_to_the_same(void)
{
	size_t n_saved[2] = {0, 0};
	struct coverage x = {0};
	struct rng r;

	rng_init(&r, 1, 0);
	for (int i = 0; i < SWEEPS; i++)
		a_sweep_and_its_pruned_forms(&r, n_saved, &x);
	CU_ASSERT(n_saved[0] > 0 && n_saved[1] > n_saved[0]);
	CU_ASSERT(x.apart > 2 && x.stages > 2 && x.guesses > 2 && x.instances > 2);
}

/* The estimated front itself always gets the engine's price. */
static void near_prices_the_estimated_front(void)
{
	struct rng r;

	rng_init(&r, 2, 0);
	for (int i = 0; i < 5; i++) {
		struct config *c = drawn_sweep(&r);
		struct sweep *near =
		        sweep_made(c, &(struct sweep_options){
		                              .jobs = 1, .prune = PRUNE_NEAR, .near_ratio = 0.05});
		struct sweep *all = sweep_made(c, &(struct sweep_options){.jobs = 1});

		for (size_t k = 0; k < all->n_points; k++) {
			const struct sweep_point *a = all->points + k, *b = near->points + k;

			CU_ASSERT(a->feasible || !b->feasible);
			if (b->pareto)
				CU_ASSERT(same_price(a->decode, b->decode));
		}
		CU_ASSERT((near->n_feasible > 0) == (all->n_feasible > 0));
		sweep_free(all);
		sweep_free(near);
		config_free(c);
	}
}

/* ---- fronts by the definition ---- */

static bool beats(const struct front_item *a, const struct front_item *b)
{
	if (a->ttft_s > b->ttft_s || a->tpot_s > b->tpot_s || a->rate_count < b->rate_count)
		return false;
	return a->ttft_s < b->ttft_s || a->tpot_s < b->tpot_s || a->rate_count > b->rate_count;
}

enum { ITEMS = 60, STEPS = 6 };

/* Few values, so that ties are common. The place among all is kept in `point`. */
static void items_draw(struct rng *r, struct front_item *x, const struct sweep_point *places)
{
	for (size_t i = 0; i < ITEMS; i++)
		x[i] = (struct front_item){(double)rng_below(r, STEPS), (double)rng_below(r, STEPS),
		                           (double)rng_below(r, STEPS), places + i};
}

static size_t count_unbeaten(const struct front_item *by, const struct front_item *x)
{
	size_t n = 0;

	for (size_t i = 0; i < ITEMS; i++) {
		bool beaten = false;

		for (size_t k = 0; k < ITEMS; k++)
			beaten |= beats(by + k, x + i);
		n += !beaten;
	}
	return n;
}

static void fronts_are_what_nothing_beats(void)
{
	struct sweep_point *places = calloc(ITEMS, sizeof *places);
	struct front_item x[ITEMS], y[ITEMS];
	struct rng r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(places);
	rng_init(&r, 3, 0);
	for (int i = 0; i < 500; i++) {
		size_t n_front, n_left, n;

		items_draw(&r, x, places);
		items_draw(&r, y, places);
		n_front = count_unbeaten(x, x), n_left = count_unbeaten(x, y);
		n = front_keep(x, ITEMS);
		CU_ASSERT_EQUAL(n, n_front);
		CU_ASSERT_EQUAL(front_unbeaten(x, n, y, ITEMS), n_left);
	}
	free(places);
}

static const struct unit_test tests[] = {
        {"pruned sweeps come to the same", pruned_sweeps_come_to_the_same},
        {"near prices the estimated front", near_prices_the_estimated_front},
        {"fronts are what nothing beats", fronts_are_what_nothing_beats},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("sweep_prune", tests);
}
