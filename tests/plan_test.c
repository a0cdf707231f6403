/* Plans: the fewest NPUs as anyone would find them, limits as they are defined, queues that only
 * ever add, machines as they fill, and a tornado whose ends lie on either side. */
#include "sim/plan.h"
#include "models/plan_cases.h"
#include "sim/plan_compare.h"
#include "sim/plan_queue.h"
#include "sim/plan_swings.h"
#include "tests/exchange.h"
#include "tests/sweeps.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
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
	sweep_set(c, "plan.requests=1000");
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

/* What no list of pools holds is beaten by one that it holds; the first is what plan_make takes. */
static void pools_are_unbeaten(void)
{
	struct config *c = to_plan();
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	struct plan_pool *list;
	struct plan p;
	struct err e;
	int64_t least[PHASES] = {0};

	CU_ASSERT_EQUAL(plan_classes(s), 2); /* of dispatch */
	CU_ASSERT_EQUAL(plan_make(s, 40, all_of_it, &p, &e), RC_OK);
	for (enum phase phase = 0; phase < PHASES; phase++) {
		for (size_t k = 0; k < 2; k++) {
			size_t n = plan_pools(s, phase, k, 40, all_of_it, &list);

			CU_ASSERT_FATAL(n > 0);
			for (size_t i = 1; i < n; i++)
				CU_ASSERT(list[i].npus >= list[i - 1].npus);
			if (p.pool[phase].price->group->place % 2 == k)
				least[phase] = list[0].npus;
			free(list);
		}
	}
	CU_ASSERT_EQUAL(p.npus, least[PHASE_PREFILL] + least[PHASE_DECODE]);
	sweep_free(s);
	config_free(c);
}

/* ---- queues ---- */

static enum rc answered(const struct sweep *s, double rate_count, struct plan_answer *out,
                        struct err *e)
{
	const struct request_list none = {0};

	return plan_answer(s, &none, rate_count, NULL, out, e);
}

static void queues_only_add(void)
{
	struct config *c = to_plan();
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	int64_t before = 0;

	for (int i = 0; i < 4; i++) {
		double rate = 50 * pow(4, i);
		struct plan_answer a;
		struct plan p;
		struct err e = {0};

		CU_ASSERT_EQUAL(answered(s, rate, &a, &e), RC_OK);
		UNIT_TEXT(e.text, "");
		CU_ASSERT_EQUAL(plan_make(s, rate, all_of_it, &p, &e), RC_OK);
		CU_ASSERT_EQUAL(a.npus_by_throughput, p.npus);
		CU_ASSERT(a.plan.npus >= p.npus);
		CU_ASSERT(a.summary.attainment_ratio >= 0.9);
		CU_ASSERT_EQUAL(a.plan.npus,
		                a.plan.pool[PHASE_PREFILL].npus + a.plan.pool[PHASE_DECODE].npus);
		CU_ASSERT(a.plan.npus >= before); /* four times the load */
		before = a.plan.npus;
	}
	sweep_free(s);
	config_free(c);
}

static void looser_budgets_take_no_more(void)
{
	static const char *const ttft[] = {"80ms", "100ms", "300ms", "2s"};
	int64_t before = INT64_MAX;

	for (size_t i = 0; i < sizeof ttft / sizeof *ttft; i++) {
		struct config *c = to_plan();
		struct plan_answer a;
		struct err e = {0};
		struct sweep *s;

		sweep_setf(c, "sweep.budget.ttft=%s", ttft[i]);
		s = sweep_made(c, &(struct sweep_options){.jobs = 1});
		CU_ASSERT_EQUAL(answered(s, 400, &a, &e), RC_OK);
		UNIT_TEXT(e.text, "");
		CU_ASSERT(a.plan.npus <= before);
		before = a.plan.npus;
		sweep_free(s);
		config_free(c);
	}
}

/* Serving the plan again gives what the answer says; beyond its goodput too many are late. */
static void served_again_it_is_the_same(void)
{
	const struct request_list none = {0};
	struct config *c = to_plan();
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	struct plan_load load = {0};
	struct plan_servers *servers;
	struct serve_summary x;
	struct plan_answer a;
	struct err e = {0};
	struct slo slo;
	double goodput = 0;

	CU_ASSERT_EQUAL(answered(s, 400, &a, &e), RC_OK);
	CU_ASSERT_EQUAL(plan_load_make(c, &none, 400, &load, &e), RC_OK);
	CU_ASSERT_EQUAL(load.list.n, 1000); /* plan.requests */
	CU_ASSERT(load.wanted > 1000);
	servers = plan_servers_new(&load, s->engine, 0, NULL);
	slo = plan_slo(&a.plan);
	CU_ASSERT_EQUAL(plan_serve(servers, &a.plan, 400, &slo, &x, &e), RC_OK);
	CU_ASSERT_EQUAL(x.attainment_ratio, a.summary.attainment_ratio);
	CU_ASSERT_EQUAL(x.ttft.p90_s, a.summary.ttft.p90_s);
	CU_ASSERT_EQUAL(plan_goodput(servers, &a.plan, 0.9, &goodput, &e), RC_OK);
	CU_ASSERT(goodput >= 400);
	CU_ASSERT_EQUAL(plan_serve(servers, &a.plan, goodput, &slo, &x, &e), RC_OK);
	CU_ASSERT(x.attainment_ratio >= 0.9);
	CU_ASSERT_EQUAL(plan_serve(servers, &a.plan, 1.05 * goodput, &slo, &x, &e), RC_OK);
	CU_ASSERT(x.attainment_ratio < 0.9);
	plan_servers_free(servers);
	plan_load_fini(&load);
	sweep_free(s);
	config_free(c);
}

static void too_many_machines_are_refused(void)
{
	struct config *c = to_plan();
	struct plan_answer a;
	struct err e = {0};
	struct sweep *s;

	sweep_set(c, "machine.nodes=2"); /* 32 dies */
	s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	CU_ASSERT_EQUAL(answered(s, 4000, &a, &e), RC_OK);
	CU_ASSERT(a.machines > 1);
	CU_ASSERT((a.machines - 1) * 32 < a.plan.npus + 32 * a.machines);
	CU_ASSERT(a.plan.npus <= 32 * a.machines);
	sweep_setf(c, "plan.machines=%lld", (long long)a.machines);
	CU_ASSERT_EQUAL(answered(s, 4000, &a, &e), RC_OK);
	sweep_setf(c, "plan.machines=%lld", (long long)a.machines - 1);
	CU_ASSERT_EQUAL(answered(s, 4000, &a, &e), RC_NO);
	UNIT_HOLDS(e.text, "machines are needed, and there may be");
	sweep_free(s);
	config_free(c);
}

/* The fewest machines, tried: how many deployments of each kind stand on each. */
static bool fits(int64_t machines, int64_t dies, int64_t a, int64_t n_a, int64_t b, int64_t n_b)
{
	int64_t most[64] = {0}; /* [n of a placed] -> most of b */

	for (int64_t i = 1; i < 64; i++)
		most[i] = -1;
	for (int64_t m = 0; m < machines; m++) {
		for (int64_t placed = n_a; placed >= 0; placed--) {
			for (int64_t here = 0; here * a <= dies && here <= placed; here++) {
				if (most[placed - here] >= 0 &&
				    most[placed - here] + (dies - here * a) / b > most[placed])
					most[placed] = most[placed - here] + (dies - here * a) / b;
			}
		}
	}
	return most[n_a] >= n_b;
}

static void machines_fill_up(void)
{
	struct config *c = to_plan();
	struct rng r;

	sweep_set(c, "machine.nodes=2");
	rng_init(&r, 1, 2);
	for (int i = 0; i < 300; i++) {
		int64_t sizes[PHASES] = {INT64_C(1) << rng_below(&r, 6),
		                         INT64_C(1) << rng_below(&r, 6)};
		struct sweep_group group[PHASES] = {{.config = c}, {.config = c}};
		struct pool_price price[PHASES];
		struct plan p = {0};
		int64_t machines;

		for (enum phase phase = 0; phase < PHASES; phase++) {
			group[phase].schedule = (struct schedule){.ep = sizes[phase], .tp = 1};
			price[phase] = (struct pool_price){.group = &group[phase], .npu_s = 1};
			p.pool[phase].price = &price[phase];
		}
		plan_resize(&p, PHASE_PREFILL, 1); /* needs both prices */
		plan_resize(&p, PHASE_DECODE, 1 + (int64_t)rng_below(&r, 40));
		plan_resize(&p, PHASE_PREFILL, 1 + (int64_t)rng_below(&r, 40));
		machines = plan_machines(&p);
		CU_ASSERT(fits(machines, 32, sizes[0], p.pool[0].deployments, sizes[1],
		               p.pool[1].deployments));
		CU_ASSERT(!fits(machines - 1, 32, sizes[0], p.pool[0].deployments, sizes[1],
		                p.pool[1].deployments));
	}
	config_free(c);
}

/* ---- uncertain numbers ---- */

static const struct plan_swing *swing_of(const struct plan_tornado *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->swing[i].path, path) == 0)
			return &t->swing[i];
	}
	return NULL;
}

/* Where a number only ever helps or only ever hurts, the answer lies between. */
static void swings_straddle(void)
{
	static const struct {
		const char *path;
		bool helps;
	} known[] = {{"machine.cube.bf16", true},    {"machine.hbm.rate", true},
	             {"machine.fabric.put", true},   {"machine.sync.kernel", false},
	             {"machine.gemm.peak", true}, /* in a group of its own */
	             {"kernels of dispatch", false}, {"plan.rate", false},
	             {"workload.output.mean", false}};
	struct config *c = to_plan();
	struct arena *a = arena_new();
	struct plan_tornado t = {0};
	struct sweep *s;
	struct plan p;
	struct err e = {0};

	c->plan.rate_count = 5000;
	c->notes[SECTION_PLAN] = &(struct note){.path = "rate", .sd_ratio = 0.2};
	c->notes[SECTION_WORKLOAD] = &(struct note){.path = "output.mean", .sd_ratio = 0.1};
	s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	CU_ASSERT_EQUAL(plan_make(s, 5000, all_of_it, &p, &e), RC_OK);
	CU_ASSERT_EQUAL(plan_tornado(s, &p, a, &t, &e), RC_OK);
	CU_ASSERT(t.npus_count > 0 && t.npus_count <= (double)p.npus);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const struct plan_swing *x = swing_of(&t, known[i].path);

		UNIT_TEXT(x ? x->path : "", known[i].path);
		if (!x)
			continue;
		CU_ASSERT((known[i].helps ? x->high_npus_count : x->low_npus_count) <=
		          t.npus_count);
		CU_ASSERT((known[i].helps ? x->low_npus_count : x->high_npus_count) >=
		          t.npus_count);
	}
	for (size_t i = 0; i < t.n; i++) /* nothing misses a budget both ways */
		CU_ASSERT(isfinite(t.swing[i].low_npus_count) ||
		          isfinite(t.swing[i].high_npus_count));
	sweep_free(s);
	arena_free(a);
	config_free(c);
}

/* ---- cases ---- */

/* Each case is the plan with its settings, whatever stands beside it; and the parts of a difference
 * make the whole. */
static void cases_are_single_plans(void)
{
	struct config *c = to_plan(), *alone = to_plan();
	struct plan_cases cases;
	struct plan_answer a[3];
	struct sweep *s[3];
	struct plan_effect x;
	struct err e = {0};

	sweep_set(c, "plan.compare=flow=relay2,flow=direct");
	CU_ASSERT_EQUAL_FATAL(plan_cases(c, &cases, &e), RC_OK);
	CU_ASSERT_EQUAL(cases.n, 2);
	CU_ASSERT_EQUAL(cases.n_by, 1);
	sweep_set(alone, "sweep.flow=direct");
	for (size_t i = 0; i < 3; i++) {
		s[i] = sweep_made(i < 2 ? cases.one[i].config : alone,
		                  &(struct sweep_options){.jobs = 1});
		CU_ASSERT_EQUAL(answered(s[i], 1000, &a[i], &e), RC_OK);
	}
	CU_ASSERT_EQUAL(a[1].plan.npus, a[2].plan.npus);
	CU_ASSERT_EQUAL(a[1].summary.attainment_ratio, a[2].summary.attainment_ratio);
	CU_ASSERT_EQUAL(plan_effect(&a[0], &a[1], cases.one[1].config, s[1]->engine, &x, &e),
	                RC_OK);
	CU_ASSERT(x.possible);
	CU_ASSERT(x.same_need.npus_count < x.first.npus_count); /* direct is the faster */
	CU_ASSERT(x.own.npus >= a[1].npus_by_throughput);
	CU_ASSERT(a[1].plan.npus >= x.own.npus);
	for (size_t i = 0; i < 3; i++)
		sweep_free(s[i]);
	config_free(c);
	config_free(alone);
}

static const struct unit_test tests[] = {
        {"plans are the fewest", plans_are_the_fewest},
        {"more load takes more", more_load_takes_more},
        {"pools are unbeaten", pools_are_unbeaten},
        {"queues only add", queues_only_add},
        {"looser budgets take no more", looser_budgets_take_no_more},
        {"served again it is the same", served_again_it_is_the_same},
        {"too many machines are refused", too_many_machines_are_refused},
        {"machines fill up", machines_fill_up},
        {"swings straddle", swings_straddle},
        {"cases are single plans", cases_are_single_plans},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("plan", tests);
}
