/* Plans: the fewest NPUs as anyone would find them, limits as they are defined, and queues that
 * only ever add. */
#include "sim/plan.h"
#include "tests/exchange.h"
#include "tests/sweeps.h"
#include "tests/unit.h"
#include <math.h>
#include <string.h>

static struct config *to_plan(void)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, "sharegpt", &e);
	UNIT_TEXT(e.text, "");
	sweep_set(c, "sweep.flow=relay2,direct");
	sweep_set(c, "sweep.ep=8,16,24");
	sweep_set(c, "sweep.tp=1,2");
	sweep_set(c, "sweep.batch=16,64,256");
	sweep_set(c, "sweep.chunk=1024,4096");
	sweep_set(c, "sweep.dispatch=bf16,int8");
	sweep_set(c, "sweep.budget.ttft=100ms");
	sweep_set(c, "sweep.budget.tpot=20ms");
	return c;
}

static const struct plan_margins all_of_it = {0.8, {1, 1}};

static double needed(const struct pool_price *p, double rate_count)
{
	double npus = (double)schedule_npus(&p->group->schedule);

	return npus * fmax(1, ceil(rate_count * p->npu_s / all_of_it.share_ratio / npus));
}

/* Every pair of feasible points with the same dispatch. */
static double fewest(const struct sweep *s, double rate_count)
{
	double best = HUGE_VAL;

	for (size_t i = 0; i < s->n_points; i++) {
		for (size_t k = 0; k < s->n_points; k++) {
			const struct sweep_point *a = s->points + i, *b = s->points + k;

			if (a->feasible && b->feasible &&
			    a->prefill->group->schedule.dispatch ==
			            b->decode->group->schedule.dispatch)
				best = fmin(best, needed(a->prefill, rate_count) +
				                          needed(b->decode, rate_count));
		}
	}
	return best;
}

static void plans_are_the_fewest(void)
{
	static const double rates[] = {0.1, 3, 40, 700, 5000};
	struct config *c = to_plan();
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 1});

	CU_ASSERT(s->n_feasible > 0);
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		struct plan p = {0};
		struct err e = {0};
		struct plan_limits l;

		CU_ASSERT_EQUAL(plan_make(s, rates[i], all_of_it, &p, &e), RC_OK);
		CU_ASSERT_EQUAL((double)p.npus, fewest(s, rates[i]));
		CU_ASSERT_EQUAL(p.npus, p.pool[PHASE_PREFILL].npus + p.pool[PHASE_DECODE].npus);
		CU_ASSERT(p.pool[PHASE_PREFILL].price->time_s <= c->sweep.budget.ttft_s);
		CU_ASSERT(p.pool[PHASE_DECODE].price->time_s <= c->sweep.budget.tpot_s);
		l = plan_limits(&p, all_of_it.share_ratio);
		CU_ASSERT(l.prefill_rate_count >= rates[i] * (1 - 1e-12));
		CU_ASSERT(l.decode_rate_count >= rates[i] * (1 - 1e-12));
		CU_ASSERT((l.machine_rate_count >= rates[i]) ==
		          (p.npus <= machine_dies(&c->machine)));
	}
	sweep_free(s);
	config_free(c);
}

/* Twice the load never takes more than twice the NPUs; less room for time never fewer. */
static void more_load_takes_more(void)
{
	struct config *c = to_plan();
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	struct plan p, twice, tight;
	struct err e;

	for (int i = 0; i < 8; i++) {
		double rate = pow(3, i);

		CU_ASSERT_EQUAL(plan_make(s, rate, all_of_it, &p, &e), RC_OK);
		CU_ASSERT_EQUAL(plan_make(s, 2 * rate, all_of_it, &twice, &e), RC_OK);
		CU_ASSERT(twice.npus >= p.npus && twice.npus <= 2 * p.npus);
		if (plan_make(s, rate, (struct plan_margins){0.8, {0.7, 1}}, &tight, &e) == RC_OK)
			CU_ASSERT(tight.npus >= p.npus);
	}
	CU_ASSERT_EQUAL(plan_make(s, 1, (struct plan_margins){0.8, {0x1p-20, 1}}, &p, &e), RC_NO);
	UNIT_HOLDS(e.text, "no schedule meets the budgets");
	sweep_free(s);
	config_free(c);
}

static void queues_only_add(void)
{
	struct config *c = to_plan();
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	struct request_list base = {0};
	struct plan p, checked;
	struct plan_served served;
	struct err e = {0};

	request_append(&base, &(struct request){.input = 300, .output = 200});
	CU_ASSERT_EQUAL(plan_make(s, 50, all_of_it, &p, &e), RC_OK);
	checked = p;
	CU_ASSERT_EQUAL(plan_check(&checked, &base, 0.9, &engine_fluid, &served, &e), RC_OK);
	UNIT_TEXT(e.text, "");
	CU_ASSERT(served.summary.attainment_ratio >= 0.9);
	for (enum phase phase = 0; phase < PHASES; phase++)
		CU_ASSERT(checked.pool[phase].deployments >= p.pool[phase].deployments);
	request_list_fini(&base);
	sweep_free(s);
	config_free(c);
}

/* A number that throughput hangs on moves the answer, the better way round. */
static void swings_have_signs(void)
{
	enum { ROOM = 64 };
	struct config *c = to_plan();
	struct plan_swing swing[ROOM];
	struct sweep *s;
	struct plan p;
	struct err e;
	size_t n;
	bool found = false;

	c->sweep.budget.ttft_s = c->sweep.budget.tpot_s = 0;
	s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	CU_ASSERT_EQUAL(plan_make(s, 50, all_of_it, &p, &e), RC_OK);
	n = plan_swings(&p, &engine_fluid, all_of_it.share_ratio, swing, ROOM);
	CU_ASSERT(n > 0);
	for (size_t i = 0; i < n; i++) {
		bool bf16 = strcmp(swing[i].path, "cube.bf16") == 0;

		found |= bf16;
		if (bf16)
			CU_ASSERT(swing[i].low_npus_count >= swing[i].high_npus_count);
	}
	CU_ASSERT(found);
	sweep_free(s);
	config_free(c);
}

static const struct unit_test tests[] = {
        {"plans are the fewest", plans_are_the_fewest},
        {"more load takes more", more_load_takes_more},
        {"queues only add", queues_only_add},
        {"swings have signs", swings_have_signs},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("plan", tests);
}
