/* Pools that are apart: every pair of what each may be, at the prices that each has alone; numbers
 * of deployments; MTP, PP and energy as anyone would work them out from prices. */
#include "models/constraint.h"
#include "sim/step_pipeline.h"
#include "sim/sweep_serve.h"
#include "sim/sweep_store.h"
#include "tests/exchange.h"
#include "tests/sweeps.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct config *small(void)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, "sharegpt", &e);
	UNIT_TEXT(e.text, "");
	sweep_set(c, "sweep.flow=relay2,direct");
	sweep_set(c, "sweep.batch=16,64");
	sweep_set(c, "sweep.chunk=1024,2048");
	return c;
}

/* 2 flows x (2 EP x 2 types of prefill) x (2 EP of decode) x 2 x 2. */
static struct config *apart(void)
{
	struct config *c = small();

	sweep_set(c, "sweep.prefill.ep=8,16");
	sweep_set(c, "sweep.prefill.dispatch=bf16,int8");
	sweep_set(c, "sweep.decode.ep=16,32");
	return c;
}

static struct sweep *plain_sweep(struct config *c)
{
	return sweep_made(c, &(struct sweep_options){.jobs = 1});
}

/* ---- every pair ---- */

static void every_pair_in_order(void)
{
	struct config *c = apart();
	struct sweep *s = plain_sweep(c);

	CU_ASSERT_EQUAL_FATAL(s->n_points, 2 * 4 * 2 * 2 * 2);
	CU_ASSERT_EQUAL(s->n_prefill, 2 * 4 * 2); /* sums, not products */
	CU_ASSERT_EQUAL(s->n_decode, 2 * 2 * 2);
	for (size_t i = 0; i < s->n_points; i++) {
		struct point_choice x = point_choice(s->points + i);
		const struct schedule *prefill = &x.schedule[PHASE_PREFILL];
		const struct schedule *decode = &x.schedule[PHASE_DECODE];

		UNIT_TEXT(prefill->flow, i / 32 ? "direct" : "relay2");
		UNIT_TEXT(decode->flow, prefill->flow);
		CU_ASSERT_EQUAL(prefill->ep, i / 16 % 2 ? 16 : 8);
		CU_ASSERT_EQUAL(prefill->dispatch, i / 8 % 2 ? DTYPE_INT8 : DTYPE_BF16);
		CU_ASSERT_EQUAL(decode->ep, i / 4 % 2 ? 32 : 16);
		CU_ASSERT_EQUAL(decode->dispatch, c->schedule.dispatch);
		CU_ASSERT_EQUAL(decode->batch, i / 2 % 2 ? 64 : 16);
		CU_ASSERT_EQUAL(prefill->chunk, i % 2 ? 2048 : 1024);
		CU_ASSERT_EQUAL(point_npus(s->points + i), decode->ep);
	}
	sweep_free(s);
	config_free(c);
}

/* One pool of a point alone, by a sweep whose pools are alike. */
static void pool_is_as_alone(const struct config *c, const struct schedule *of,
                             const struct pool_price *price, enum phase pool)
{
	struct arena *a = arena_new();
	struct sweep_single x;
	struct err e = {0};

	sweep_one(c, &engine_fluid, of, a, &x, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT(same_price(pool == PHASE_PREFILL ? &x.prefill : &x.decode, price));
	arena_free(a);
}

static void prices_are_those_of_pools_alone(void)
{
	struct config *c = apart();
	struct sweep *s = plain_sweep(c);

	for (size_t i = 0; i < s->n_points; i += 3) {
		const struct sweep_point *p = s->points + i;
		struct point_choice x = point_choice(p);

		pool_is_as_alone(c, &x.schedule[PHASE_PREFILL], p->prefill, PHASE_PREFILL);
		pool_is_as_alone(c, &x.schedule[PHASE_DECODE], p->decode, PHASE_DECODE);
	}
	sweep_free(s);
	config_free(c);
}

static void one_point_alone_is_the_same(void)
{
	struct config *c = apart();
	struct sweep *s;

	sweep_set(c, "sweep.prefill.instances=1,3");
	sweep_set(c, "sweep.decode.instances=2");
	s = plain_sweep(c);
	for (size_t i = 0; i < s->n_points; i += 5) {
		struct arena *a = arena_new();
		struct point_choice choice;
		struct sweep_single x;
		struct err e = {0};

		CU_ASSERT_EQUAL(sweep_choice(c, i, &choice, &e), RC_OK);
		sweep_one_apart(c, s->engine, &choice, a, &x, &e);
		UNIT_TEXT(e.text, "");
		CU_ASSERT(same_price(&x.prefill, s->points[i].prefill));
		CU_ASSERT(same_price(&x.decode, s->points[i].decode));
		CU_ASSERT_EQUAL(x.point.tokens_per_s_per_npu_count,
		                s->points[i].tokens_per_s_per_npu_count);
		CU_ASSERT_EQUAL(x.point.reason, s->points[i].reason);
		arena_free(a);
	}
	sweep_free(s);
	config_free(c);
}

/* The same values listed for both, or for each, are other combinations of the same prices. */
static void shared_knobs_are_the_diagonal(void)
{
	struct config *c = small(), *d = small();
	struct sweep *shared, *both;
	size_t n = 0;

	sweep_set(c, "sweep.ep=8,16");
	sweep_set(d, "sweep.prefill.ep=8,16"), sweep_set(d, "sweep.decode.ep=8,16");
	shared = plain_sweep(c), both = plain_sweep(d);
	CU_ASSERT_EQUAL(both->n_points, 2 * shared->n_points);
	CU_ASSERT_EQUAL(both->n_prefill + both->n_decode, shared->n_prefill + shared->n_decode);
	for (size_t i = 0; i < both->n_points; i++) {
		struct point_choice x = point_choice(both->points + i);

		if (x.schedule[PHASE_PREFILL].ep != x.schedule[PHASE_DECODE].ep)
			continue;
		CU_ASSERT(same_price(both->points[i].prefill, shared->points[n].prefill));
		CU_ASSERT(same_price(both->points[i].decode, shared->points[n].decode));
		n++;
	}
	CU_ASSERT_EQUAL(n, shared->n_points);
	sweep_free(shared);
	sweep_free(both);
	config_free(c);
	config_free(d);
}

/* ---- constraints ---- */

/* How many points of the sweep without constraints the text allows, asked one by one. */
static size_t allowed(struct config *c, const char *text)
{
	const struct constraint_names names = {c->machine.name, c->model.name, c->workload.name};
	struct sweep *s = plain_sweep(c);
	struct constraint *x = NULL;
	struct err e = {0};
	size_t n = 0;

	constraint_parse(text, "test", 0, 0, c->arena, &x, &e);
	UNIT_TEXT(e.text, "");
	for (size_t i = 0; x && i < s->n_points; i++) {
		struct point_choice p = point_choice(s->points + i);

		n += constraint_holds_at(
		        x,
		        &(struct constraint_point){{&p.schedule[0], &p.schedule[1]},
		                                   {p.instances[0], p.instances[1]}},
		        &names);
	}
	sweep_free(s);
	return n;
}

static void constraints_name_pools(void)
{
	static const struct {
		const char *text;
		size_t n; /* of 64 x 2 */
	} cases[] = {
	        {"decode.ep >= 2 * prefill.ep", 128 * 3 / 4},
	        {"decode.ep == 32 and prefill.ep == 8", 128 / 4},
	        {"ep >= 16", 128 / 2},                  /* of each pool */
	        {"batch <= ep", 128 * 3 / 4 - 128 / 4}, /* of decode: 16 and 16, 16 and 32 */
	        {"chunk <= 128 * ep", 128 * 3 / 4},     /* of prefill */
	        {"batch * decode.ep <= chunk", 128 / 2 + 128 / 4 + 128 / 8},
	        {"prefill.dispatch == int8", 128 / 2},
	        {"prefill.instances * prefill.npus == decode.npus", 128 * 3 / 8},
	        {"npus == 16", 128 / 4},
	        {"prefill.npus + decode.npus > 24", 128 * 3 / 4},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config *c = apart();
		struct sweep *s;
		size_t n;

		sweep_set(c, "sweep.prefill.instances=1,2");
		sweep_set(c, "sweep.decode.instances=1");
		n = allowed(c, cases[i].text);
		sweep_setf(c, "sweep.constraints=%s", cases[i].text);
		s = plain_sweep(c);
		UNIT_TEXT(s->n_points == n ? "" : cases[i].text, "");
		CU_ASSERT_EQUAL(n, cases[i].n);
		sweep_free(s);
		config_free(c);
	}
}

static void lists_that_go_unheard_are_refused(void)
{
	struct config *c = apart();
	struct err e = {0};

	CU_ASSERT_EQUAL(config_check(c, 0, &e), RC_OK);
	sweep_set(c, "sweep.ep=8");
	CU_ASSERT_EQUAL(config_check(c, 0, &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "sweep.ep goes unheard");
	sweep_set(c, "sweep.ep=");
	sweep_set(c, "sweep.prefill.instances=2");
	CU_ASSERT_EQUAL(config_check(c, 0, &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "sweep.prefill.instances: the other pool needs its number, too");
	sweep_set(c, "sweep.decode.instances=1");
	CU_ASSERT_EQUAL(config_check(c, 0, &e), RC_OK);
	config_free(c);
}

/* ---- the same knobs under another flow ---- */

static bool same_but_flow(const struct sweep_point *a, const struct sweep_point *b)
{
	struct point_choice x = point_choice(a), y = point_choice(b);

	for (enum phase pool = 0; pool < PHASES; pool++) {
		if (x.schedule[pool].ep != y.schedule[pool].ep ||
		    x.schedule[pool].tp != y.schedule[pool].tp ||
		    x.schedule[pool].dispatch != y.schedule[pool].dispatch ||
		    x.schedule[pool].batch != y.schedule[pool].batch ||
		    x.schedule[pool].chunk != y.schedule[pool].chunk ||
		    x.instances[pool] != y.instances[pool])
			return false;
	}
	return true;
}

static const struct sweep_point *sibling_by_looking(const struct sweep *s,
                                                    const struct sweep_point *p, const char *flow)
{
	for (size_t i = 0; i < s->n_points; i++) {
		struct point_choice x = point_choice(s->points + i);

		if (strcmp(x.schedule[PHASE_PREFILL].flow, flow) == 0 &&
		    strcmp(x.schedule[PHASE_DECODE].flow, flow) == 0 &&
		    same_but_flow(s->points + i, p))
			return s->points + i;
	}
	return NULL;
}

static void siblings_are_found(void)
{
	static const char *const settings[][3] = {
	        {"sweep.name=x", "sweep.name=x", "sweep.name=x"},
	        {"sweep.decode.flow=direct,relay2", "sweep.prefill.flow=relay2", "sweep.name=x"},
	        {"sweep.decode.flow=direct", "sweep.name=x", "sweep.name=x"},
	        {"sweep.prefill.instances=1,2", "sweep.decode.instances=1,2",
	         "sweep.constraints=batch <= 32 or prefill.instances == 1"},
	};

	for (size_t k = 0; k < 4; k++) {
		struct config *c = apart();
		struct sweep *s;

		for (size_t i = 0; i < 3; i++)
			sweep_set(c, settings[k][i]);
		s = plain_sweep(c);
		for (size_t i = 0; i < s->n_points; i++) {
			const struct sweep_point *p = s->points + i;

			CU_ASSERT_PTR_EQUAL(p->relay2, sibling_by_looking(s, p, "relay2"));
			CU_ASSERT_PTR_EQUAL(sweep_sibling(s, p, &flow_direct),
			                    sibling_by_looking(s, p, "direct"));
		}
		sweep_free(s);
		config_free(c);
	}
}

/* ---- numbers of deployments ---- */

static void the_slower_pool_sets_the_pace(void)
{
	struct config *c = apart();
	double output_count = c->workload.output.mean_count;
	struct sweep *s;

	sweep_set(c, "sweep.prefill.instances=1,2,7");
	sweep_set(c, "sweep.decode.instances=1,4");
	s = plain_sweep(c);
	CU_ASSERT_EQUAL(s->n_points, 64 * 6);
	CU_ASSERT_EQUAL(s->n_prefill + s->n_decode, 16 + 8);
	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *p = s->points + i;
		struct point_choice x = point_choice(p);
		double npus[PHASES], rates[PHASES];

		for (enum phase pool = 0; pool < PHASES; pool++)
			npus[pool] = (double)(x.instances[pool] * x.schedule[pool].ep);
		CU_ASSERT_EQUAL(point_npus(p), (int64_t)(npus[0] + npus[1]));
		if (!point_priced(p))
			continue;
		rates[0] = npus[0] / p->prefill->npu_s, rates[1] = npus[1] / p->decode->npu_s;
		NEARLY(p->tokens_per_s_per_npu_count,
		       fmin(rates[0], rates[1]) * output_count / (npus[0] + npus[1]), 1e-12,
		       "point %zu", i);
		/* in balance no NPU waits; never better than that */
		CU_ASSERT(p->tokens_per_s_per_npu_count <=
		          output_count / (p->prefill->npu_s + p->decode->npu_s) * (1 + 1e-12));
		NEARLY(point_balance_ratio(p) * (double)x.instances[PHASE_DECODE] /
		               (double)x.instances[PHASE_PREFILL],
		       rates[1] / rates[0], 1e-12, "balance of point %zu", i);
	}
	sweep_free(s);
	config_free(c);
}

static void npus_of_all_are_in_the_budget(void)
{
	struct config *c = apart();
	struct sweep *s;
	size_t n_npus = 0;

	sweep_set(c, "sweep.prefill.instances=1,2,7");
	sweep_set(c, "sweep.decode.instances=1,4");
	sweep_set(c, "sweep.budget.npus=64");
	s = plain_sweep(c);
	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *p = s->points + i;

		CU_ASSERT_EQUAL(p->reason == REASON_NPUS, point_npus(p) > 64);
		n_npus += p->reason == REASON_NPUS;
	}
	CU_ASSERT(n_npus > 0 && n_npus < s->n_points);
	sweep_free(s);
	config_free(c);
}

static void energy_is_power_over_tokens(void)
{
	struct config *c = apart();
	struct sweep *s = NULL;
	struct err e = {0};

	sweep_set(c, "sweep.objective=energy");
	CU_ASSERT_EQUAL(sweep_run(c, &(struct sweep_options){.jobs = 1}, &s, &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "machine.power.busy of cloudmatrix384 is unknown");
	sweep_set(c, "machine.power.busy=400W");
	s = plain_sweep(c);
	for (size_t i = 0; i < s->n_points; i++) {
		if (point_priced(s->points + i))
			NEARLY(point_energy_count(s->points + i),
			       400 / s->points[i].tokens_per_s_per_npu_count, 1e-12, "%zu", i);
	}
	sweep_free(s);
	sweep_set(c, "sweep.prefill.instances=1,9"), sweep_set(c, "sweep.decode.instances=1");
	CU_ASSERT_EQUAL(sweep_run(c, &(struct sweep_options){.jobs = 1}, &s, &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "machine.power.idle of cloudmatrix384 is unknown");
	sweep_set(c, "machine.power.idle=100W");
	s = plain_sweep(c);
	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *p = s->points + i;
		double tokens_count = p->tokens_per_s_per_npu_count, busy_s;

		if (!point_priced(p))
			continue; /* an idle NPU costs 100 W, work 300 W more */
		busy_s = (p->prefill->npu_s + p->decode->npu_s) / c->workload.output.mean_count;
		NEARLY(point_energy_count(p), 100 / tokens_count + 300 * busy_s, 1e-9, "%zu", i);
		CU_ASSERT_EQUAL(point_objective_units(p, OBJECTIVE_ENERGY), point_energy_count(p));
	}
	sweep_free(s);
	config_free(c);
}

/* ---- MTP and PP ---- */

/* The step of a batch's tokens and their guesses, shared among what comes of it. */
static void guesses_share_a_step(void)
{
	struct config *c = config_of("cloudmatrix384", "glm-4.5");
	struct sweep *s;
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, "sharegpt", &e);
	sweep_set(c, "sweep.flow=direct"), sweep_set(c, "sweep.ep=16,32");
	sweep_set(c, "sweep.batch=16,64"), sweep_set(c, "sweep.mtp=0..3");
	sweep_set(c, "serving.mtp.accept=0.5");
	s = plain_sweep(c);
	CU_ASSERT_EQUAL(s->n_prefill, 2); /* MTP is no knob of prefill */
	CU_ASSERT_EQUAL(s->n_decode, 2 * 4 * 2);
	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *p = s->points + i;
		const struct schedule of = point_pool_schedule(p, PHASE_DECODE);
		double tokens = 2 - pow(0.5, (double)of.mtp), phases_s = 0;
		struct step_request q = {.machine = &c->machine,
		                         .model = &c->model,
		                         .schedule = &of,
		                         .routing = &c->routing,
		                         .flow = &flow_direct,
		                         .engine = &engine_fluid,
		                         .phase = PHASE_DECODE,
		                         .drafts = of.mtp};
		struct step_result r;

		q.sequences_count = (double)of.batch;
		q.query_count = q.sequences_count * (double)(1 + of.mtp);
		q.context_count = workload_context_count(&c->workload);
		CU_ASSERT_EQUAL(step_run(&q, &r, &e), RC_OK);
		NEARLY(point_tokens_per_step_count(p), tokens, 1e-15, "%zu", i);
		NEARLY(p->decode->time_s, r.step_s / tokens, 1e-12, "%zu", i);
		NEARLY(p->decode->npu_s,
		       r.step_s * c->workload.output.mean_count / (double)of.batch / tokens, 1e-12,
		       "%zu", i);
		for (size_t k = 0; k < MOST_STEP_PHASES; k++)
			phases_s += p->decode->phase_s[k];
		NEARLY(phases_s, p->decode->time_s, 1e-12, "%zu", i);
	}
	sweep_free(s);
	config_free(c);
}

/* Chunks of a prompt through stages; throughput by the pace of the slowest. */
static void stages_of_prefill_overlap(void)
{
	struct config *c = small();
	struct sweep *s;
	struct err e = {0};

	sweep_set(c, "sweep.flow=direct"), sweep_set(c, "sweep.ep=8");
	sweep_set(c, "sweep.chunk=256"), sweep_set(c, "sweep.prefill.pp=1,2,4");
	s = plain_sweep(c);
	CU_ASSERT_EQUAL(s->n_prefill, 3);
	for (size_t i = 0; i < s->n_prefill; i++) {
		const struct pool_price *p = s->prefill + i;
		const struct schedule *of = &p->group->schedule;
		double prompt = workload_prompt_count(&c->workload), end_s[MOST_STAGES] = {0};
		struct step_request q = {.machine = &c->machine,
		                         .model = &c->model,
		                         .schedule = of,
		                         .routing = &c->routing,
		                         .flow = &flow_direct,
		                         .engine = &engine_fluid,
		                         .sequences_count = 1};

		CU_ASSERT(prompt > 256);
		for (int64_t piece = 0; 256 * (double)piece < prompt; piece++) {
			double done = 256 * (double)piece;
			struct step_result sum;
			struct pipeline line;

			q.query_count = fmin(256, prompt - done), q.context_count = done;
			CU_ASSERT_EQUAL(pipeline_stages(&q, &line, &sum, &e), RC_OK);
			pipeline_pass(&line, end_s);
		}
		NEARLY(p->time_s, end_s[of->pp - 1], 1e-12, "TTFT, PP %lld", (long long)of->pp);
	}
	/* twice the NPUs, hardly less than twice the pace */
	CU_ASSERT(s->prefill[1].npu_s >= s->prefill[0].npu_s * (1 - 1e-12));
	CU_ASSERT(s->prefill[1].npu_s < s->prefill[0].npu_s * 1.1);
	CU_ASSERT(s->prefill[1].time_s < s->prefill[0].time_s);
	sweep_free(s);
	config_free(c);
}

/* ---- stores and queues ---- */

static void sweeps_to(struct config *c, struct sweep_store *store, size_t n_stored)
{
	struct sweep *plain = plain_sweep(c);
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 2, .store = store});

	CU_ASSERT_EQUAL(s->n_stored, n_stored);
	CU_ASSERT(same_sweep(plain, s));
	sweep_free(s);
	sweep_free(plain);
}

static void stores_know_the_knobs(void)
{
	const char *tmp = getenv("TMPDIR");
	struct sweep_store *store = NULL;
	struct config *c = small();
	struct err e = {0};
	char path[256];

	snprintf(path, sizeof path, "%s/epsim-pools-%ld.db", tmp ? tmp : "/tmp", (long)getpid());
	store_open(path, STORE_ANY, &store, &e);
	UNIT_TEXT(e.text, "");
	if (!store) {
		config_free(c);
		return;
	}
	sweep_set(c, "sweep.flow=direct"), sweep_set(c, "sweep.ep=8,16");
	sweep_set(c, "model.mtp_layers=1");
	sweeps_to(c, store, 0);
	/* other pairs of the same prices */
	sweep_set(c, "sweep.ep=");
	sweep_set(c, "sweep.prefill.ep=8,16"), sweep_set(c, "sweep.decode.ep=8,16");
	sweeps_to(c, store, 8);
	sweep_set(c, "sweep.prefill.pp=1,2"); /* new for prefill alone */
	sweeps_to(c, store, 8);
	sweep_set(c, "sweep.mtp=0,2"); /* for decode alone */
	sweeps_to(c, store, 12);
	sweeps_to(c, store, 16);
	sweep_set(c, "serving.mtp.accept=0.6"); /* only where something is guessed */
	sweeps_to(c, store, 12);
	store_close(store);
	store_remove(path);
	config_free(c);
}

/* With hardly any load a point through queues is as fast as when idle. */
static void served_alone_is_idle(void)
{
	struct config *c = apart();
	struct request_list base = {0};
	struct sweep *s;
	size_t n_served = 0;

	sweep_set(c, "sweep.budget.tpot_p99=1s");
	s = plain_sweep(c);
	request_append(&base, &(struct request){.input = 200, .output = 50});
	for (size_t i = 0; i < s->n_points; i += 16) {
		struct serve_wish wish = {.base = &base,
		                          .rate_count = 0x1p-4,
		                          .share_ratio = 0.8,
		                          .requests = 40,
		                          .engine = &engine_fluid};
		struct point_served r;
		struct err e = {0};

		CU_ASSERT_EQUAL(point_serve(s->points + i, &wish, &r, &e), RC_OK);
		UNIT_TEXT(e.text, "");
		CU_ASSERT_EQUAL(r.instances[PHASE_PREFILL], 1);
		CU_ASSERT_EQUAL(r.npus, s->points[i].prefill->group->schedule.ep +
		                                s->points[i].decode->group->schedule.ep);
		CU_ASSERT(r.within && r.summary.done > 0);
		CU_ASSERT(r.summary.ttft.p99_s <= r.summary.ttft.p50_s * 1.01);
		CU_ASSERT(r.summary.tpot.p50_s < s->points[i].decode->time_s * 1.01);
		n_served++;
	}
	CU_ASSERT(n_served > 0);
	request_list_fini(&base);
	sweep_free(s);
	config_free(c);
}

static const struct unit_test tests[] = {
        {"every pair, in order", every_pair_in_order},
        {"prices are those of pools alone", prices_are_those_of_pools_alone},
        {"one point alone is the same", one_point_alone_is_the_same},
        {"shared knobs are the diagonal", shared_knobs_are_the_diagonal},
        {"constraints name pools", constraints_name_pools},
        {"lists that go unheard are refused", lists_that_go_unheard_are_refused},
        {"siblings are found", siblings_are_found},
        {"the slower pool sets the pace", the_slower_pool_sets_the_pace},
        {"NPUs of all are in the budget", npus_of_all_are_in_the_budget},
        {"energy is power over tokens", energy_is_power_over_tokens},
        {"guesses share a step", guesses_share_a_step},
        {"stages of prefill overlap", stages_of_prefill_overlap},
        {"stores know the knobs", stores_know_the_knobs},
        {"served alone is idle", served_alone_is_idle},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("sweep_pools", tests);
}
