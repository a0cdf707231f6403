/* Sweeps: every combination once, in order, the same for any number of threads; budgets, gains and
 * the Pareto front as anyone would work them out from the points. */
#include "sim/sweep.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void set(struct config *c, const char *assignment)
{
	struct err e = {0};

	config_set(c, assignment, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_EQUAL_FATAL(e.rc, RC_OK);
}

/* 3 x 2 x 2 x 2 x 2 x 4 x 2 = 384 points; of those of EP 24 none is possible. */
static struct config *small_sweep(const char *machine)
{
	static const char *const assignments[] = {
	        "sweep.flow=relay3,relay2,direct",
	        "sweep.ep=16,24",
	        "sweep.tp=1,2",
	        "sweep.dispatch=bf16,int8",
	        "sweep.micro_batches=1,2",
	        "sweep.batch=16,64,256,4096",
	        "sweep.chunk=1024,8192",
	        "sweep.budget.ttft=60ms",
	        "sweep.budget.tpot=30ms",
	};
	struct config *c = config_of(machine, "qwen3-30b-a3b");
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, "sharegpt", &e);
	UNIT_TEXT(e.text, "");
	for (size_t i = 0; i < sizeof assignments / sizeof *assignments; i++)
		set(c, assignments[i]);
	return c;
}

/* Ends the case on an error. */
static struct sweep *sweep_of(const struct config *c, int jobs)
{
	struct sweep *s = NULL;
	struct err e = {0};

	sweep_run(c, &(struct sweep_options){.jobs = jobs}, &s, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

/* ---- points ---- */

static void points_stand_in_order(void)
{
	static const char *const flow[] = {"relay3", "relay2", "direct"};
	static const int64_t batch[] = {16, 64, 256, 4096};
	struct config *c = small_sweep("cloudmatrix384");
	struct sweep *s = sweep_of(c, 1);
	size_t i = 0, count, n_feasible = 0;
	struct err e;

	CU_ASSERT_EQUAL(sweep_count(c, &count, &e), RC_OK);
	CU_ASSERT_EQUAL(count, 384);
	CU_ASSERT_EQUAL_FATAL(s->n_points, 384);
	CU_ASSERT_EQUAL(s->n_prefill, 384 / 4);
	CU_ASSERT_EQUAL(s->n_decode, 384 / 2);
	for (size_t p = 0; p < 48 * 8; p++) {
		const struct sweep_point *at = s->points + i++;
		size_t k = p / 8;

		UNIT_TEXT(point_schedule(at).flow, flow[k / 16]);
		UNIT_TEXT(point_flow(at)->name, flow[k / 16]);
		CU_ASSERT_EQUAL(point_schedule(at).ep, k / 8 % 2 ? 24 : 16);
		CU_ASSERT_EQUAL(point_schedule(at).tp, k / 4 % 2 ? 2 : 1);
		CU_ASSERT_EQUAL(point_schedule(at).dispatch, k / 2 % 2 ? DTYPE_INT8 : DTYPE_BF16);
		CU_ASSERT_EQUAL(point_schedule(at).micro_batches, k % 2 ? 2 : 1);
		CU_ASSERT_EQUAL(point_schedule(at).batch, batch[p / 2 % 4]);
		CU_ASSERT_EQUAL(point_schedule(at).chunk, p % 2 ? 8192 : 1024);
		CU_ASSERT_EQUAL(point_schedule(at).weights, c->schedule.weights);
		CU_ASSERT_EQUAL(point_npus(at), point_schedule(at).ep);
		n_feasible += at->feasible;
	}
	CU_ASSERT_EQUAL(s->n_feasible, n_feasible);
	sweep_free(s);
	config_free(c);
}

static bool same_phases(const double *a, const double *b)
{
	for (size_t i = 0; i < MOST_STEP_PHASES; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static bool same_point(const struct sweep_point *a, const struct sweep_point *b)
{
	char why[2][WHY_SIZE];

	return point_flow(a) == point_flow(b) && a->prefill->time_s == b->prefill->time_s &&
	       a->decode->time_s == b->decode->time_s &&
	       a->tokens_per_s_per_npu_count == b->tokens_per_s_per_npu_count &&
	       same_phases(a->prefill->phase_s, b->prefill->phase_s) &&
	       same_phases(a->decode->phase_s, b->decode->phase_s) &&
	       a->prefill->memory.buffers_bytes == b->prefill->memory.buffers_bytes &&
	       a->decode->memory.buffers_bytes == b->decode->memory.buffers_bytes &&
	       a->prefill->memory.total_bytes == b->prefill->memory.total_bytes &&
	       a->decode->memory.total_bytes == b->decode->memory.total_bytes &&
	       a->decode->memory.usable_bytes == b->decode->memory.usable_bytes &&
	       a->decode->memory.batch_most == b->decode->memory.batch_most &&
	       a->reason == b->reason && strcmp(point_why(a, why[0]), point_why(b, why[1])) == 0 &&
	       a->feasible == b->feasible;
}

static void jobs_change_nothing(void)
{
	struct config *c = small_sweep("cloudmatrix384");
	struct sweep *one = sweep_of(c, 1);
	static const int jobs[] = {2, 3, 16};

	for (size_t j = 0; j < 3; j++) {
		struct sweep *more = sweep_of(c, jobs[j]);

		CU_ASSERT_EQUAL_FATAL(more->n_points, one->n_points);
		for (size_t i = 0; i < one->n_points; i++) {
			CU_ASSERT_TRUE(same_point(one->points + i, more->points + i));
			CU_ASSERT_EQUAL(one->points[i].pareto, more->points[i].pareto);
			CU_ASSERT_EQUAL(point_batch_gain(one->points + i),
			                point_batch_gain(more->points + i));
		}
		CU_ASSERT_EQUAL(one->n_feasible, more->n_feasible);
		sweep_free(more);
	}
	sweep_free(one);
	config_free(c);
}

static void one_point_alone_is_the_same(void)
{
	struct config *c = small_sweep("cloudmatrix384");
	struct sweep *s = sweep_of(c, 2);

	for (size_t i = 0; i < s->n_points; i += 5) {
		const struct schedule of = point_schedule(s->points + i);
		struct arena *a = arena_new();
		struct sweep_single x;
		struct err e = {0};

		sweep_one(c, s->engine, &of, a, &x, &e);
		UNIT_TEXT(e.text, "");
		CU_ASSERT_TRUE(same_point(s->points + i, &x.point));
		arena_free(a);
	}
	sweep_free(s);
	config_free(c);
}

/* ---- what a point says ---- */

/* A prompt's chunks one after the other, each seeing those before. */
static double prompt_time(struct step_request q, double prompt)
{
	int64_t chunk = q.schedule->chunk;
	double least = (double)(q.schedule->tp * q.schedule->micro_batches), sum_s = 0;

	for (int64_t done = 0; (double)done < prompt; done += chunk) {
		struct step_result r = {0};
		struct err e;

		q.sequences_count = 1, q.context_count = (double)done;
		q.query_count = fmax(least, fmin((double)chunk, prompt - (double)done));
		CU_ASSERT_EQUAL(step_run(&q, &r, &e), RC_OK);
		sum_s += r.step_s;
	}
	return sum_s;
}

static void point_is_as_steps_say(const struct config *c, const struct sweep_point *p)
{
	const struct schedule schedule = point_schedule(p);
	const struct workload *w = &c->workload;
	struct step_request q = {.machine = &c->machine,
	                         .model = &c->model,
	                         .schedule = &schedule,
	                         .routing = &c->routing,
	                         .flow = point_flow(p),
	                         .engine = &engine_fluid};
	double chunk = (double)point_schedule(p).chunk, batch = (double)point_schedule(p).batch;
	double group = (double)point_schedule(p).tp, npu_s;
	struct step_result r;
	struct err e;

	NEARLY(p->prefill->time_s, prompt_time(q, w->input.p90_count), 1e-12, "TTFT");
	/* chunks full of mean prompts */
	q.query_count = chunk, q.sequences_count = fmax(1, chunk / w->input.mean_count);
	q.context_count = fmax(0, (w->input.mean_count - chunk) / 2);
	CU_ASSERT_EQUAL(step_run(&q, &r, &e), RC_OK);
	npu_s = r.step_s * group * w->input.mean_count / chunk;
	q.phase = PHASE_DECODE, q.query_count = q.sequences_count = batch;
	q.context_count = w->input.mean_count + w->output.mean_count / 2;
	CU_ASSERT_EQUAL(step_run(&q, &r, &e), RC_OK);
	NEARLY(p->decode->time_s, r.step_s, 1e-12, "TPOT");
	npu_s += r.step_s * group * w->output.mean_count / batch;
	NEARLY(p->tokens_per_s_per_npu_count, w->output.mean_count / npu_s, 1e-12, "throughput");
}

static void points_are_as_steps_say(void)
{
	struct config *c = small_sweep("cloudmatrix384");
	struct sweep *s = sweep_of(c, 1);

	for (size_t i = 0; i < s->n_points; i += 7)
		if (s->points[i].reason != REASON_SHAPE)
			point_is_as_steps_say(c, s->points + i);
	sweep_free(s);
	config_free(c);
}

/* The first reason in their order. */
static enum reason reason_of(const struct config *c, const struct sweep_point *p)
{
	if (c->model.experts % point_schedule(p).ep != 0)
		return REASON_SHAPE;
	if (c->sweep.budget.npus > 0 && point_npus(p) > c->sweep.budget.npus)
		return REASON_NPUS;
	if (p->prefill->memory.total_bytes > p->decode->memory.usable_bytes ||
	    p->decode->memory.total_bytes > p->decode->memory.usable_bytes)
		return REASON_MEMORY;
	if (c->sweep.budget.ttft_s > 0 && p->prefill->time_s > c->sweep.budget.ttft_s)
		return REASON_TTFT;
	if (c->sweep.budget.tpot_s > 0 && p->decode->time_s > c->sweep.budget.tpot_s)
		return REASON_TPOT;
	return REASON_NONE;
}

static void reasons_hold(struct config *c, size_t *count)
{
	char why[WHY_SIZE];
	struct sweep *s = sweep_of(c, 1);

	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *p = s->points + i;

		CU_ASSERT_EQUAL(p->reason, reason_of(c, p));
		CU_ASSERT_EQUAL(p->feasible, p->reason == REASON_NONE);
		CU_ASSERT_EQUAL(*point_why(p, why) == '\0', p->feasible);
		CU_ASSERT_EQUAL(point_priced(p), p->reason != REASON_SHAPE);
		count[p->reason]++;
	}
	sweep_free(s);
}

static void reasons_are_the_first_that_hold(void)
{
	struct config *c = small_sweep("cloudmatrix384");
	size_t count[REASONS] = {0};

	reasons_hold(c, count);
	CU_ASSERT(count[REASON_NONE] > 0 && count[REASON_MEMORY] > 0);
	CU_ASSERT(count[REASON_TTFT] > 0 && count[REASON_TPOT] > 0);
	CU_ASSERT_EQUAL(count[REASON_SHAPE], 384 / 2);
	CU_ASSERT_EQUAL(count[REASON_NPUS], 0);
	set(c, "sweep.budget.npus=8");
	memset(count, 0, sizeof count), reasons_hold(c, count);
	CU_ASSERT_EQUAL(count[REASON_NPUS], 384 / 2);
	set(c, "sweep.budget.npus=0");
	set(c, "sweep.budget.ttft=0s");
	set(c, "sweep.budget.tpot=0s");
	memset(count, 0, sizeof count), reasons_hold(c, count);
	CU_ASSERT_EQUAL(count[REASON_TTFT] + count[REASON_TPOT], 0);
	CU_ASSERT_EQUAL(count[REASON_NONE] + count[REASON_MEMORY], 384 / 2);
	config_free(c);
}

/* A chunk that no rank can hold, with a batch that it can. */
static void prefill_must_fit_too(void)
{
	char why[WHY_SIZE];
	struct config *c = small_sweep("cloudmatrix384");
	struct sweep *s;

	set(c, "sweep.ep=16");
	set(c, "sweep.batch=8");
	set(c, "sweep.chunk=1000000");
	s = sweep_of(c, 1);
	for (size_t i = 0; i < s->n_points; i++) {
		CU_ASSERT_EQUAL(s->points[i].reason, REASON_MEMORY);
		UNIT_HOLDS(point_why(s->points + i, why), "memory: prefill needs ");
		CU_ASSERT(s->points[i].decode->memory.batch_most > 8);
	}
	sweep_free(s);
	config_free(c);
}

static void reasons_have_names(void)
{
	static const char *const names[] = {"feasible", "shape", "npus",  "memory",
	                                    "ttft",     "tpot",  "beaten"};

	for (enum reason r = REASON_NONE; r < REASONS; r++)
		UNIT_TEXT(reason_name(r), names[r]);
}

/* ---- the front ---- */

/* At least as good in all three, better in one. */
static bool beats(const struct sweep_point *a, const struct sweep_point *b)
{
	double x[] = {b->prefill->time_s - a->prefill->time_s,
	              b->decode->time_s - a->decode->time_s,
	              a->tokens_per_s_per_npu_count - b->tokens_per_s_per_npu_count};
	bool better = false;

	for (int i = 0; i < 3; i++) {
		if (x[i] < 0)
			return false;
		better |= x[i] > 0;
	}
	return better;
}

static void front_is_unbeaten(const char *machine)
{
	struct config *c = small_sweep(machine);
	struct sweep *s = sweep_of(c, 1);
	size_t n_front = 0, n_beaten = 0;

	for (size_t i = 0; i < s->n_points; i++) {
		bool beaten = false;

		for (size_t k = 0; k < s->n_points; k++)
			beaten |= s->points[k].feasible && beats(s->points + k, s->points + i);
		CU_ASSERT_EQUAL(s->points[i].pareto, s->points[i].feasible && !beaten);
		n_front += s->points[i].pareto, n_beaten += s->points[i].feasible && beaten;
	}
	CU_ASSERT(n_front > 0 && n_beaten > 0);
	sweep_free(s);
	config_free(c);
}

static void the_front_is_what_nothing_beats(void)
{
	front_is_unbeaten("cloudmatrix384");
	/* equal costs for all: ties */
	front_is_unbeaten("node:2 die:16 fabric:900GBps hbm:2TBps memory:64GB vector:48");
}

/* ---- gains ---- */

static void gains_are_against_relay2(const char *machine, bool direct_applies)
{
	struct config *c = small_sweep(machine);
	struct sweep *s = sweep_of(c, 1);
	size_t third = s->n_points / 3;

	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *p = s->points + i, *base = s->points + third + i % third;
		bool both = p->reason != REASON_SHAPE && base->reason != REASON_SHAPE;

		UNIT_TEXT(point_flow(base)->name, "relay2");
		CU_ASSERT_EQUAL(point_batch_gain(p), both ? p->decode->memory.batch_most -
		                                                     base->decode->memory.batch_most
		                                          : 0);
		if (both)
			CU_ASSERT_EQUAL(
			        point_kv_gain_count(p),
			        (base->decode->memory.total_bytes - p->decode->memory.total_bytes) /
			                (p->decode->memory.kv_request_bytes /
			                 workload_longest_count(&c->workload)));
		if (point_flow(p) == &flow_direct && both && direct_applies)
			CU_ASSERT(point_kv_gain_count(p) > 0);
		if (point_flow(p) == &flow_relay2)
			CU_ASSERT(point_batch_gain(p) == 0 && point_kv_gain_count(p) == 0);
		if (point_flow(p) == &flow_direct)
			CU_ASSERT(both && direct_applies ? point_batch_gain(p) > 0
			                                 : point_batch_gain(p) == 0);
	}
	sweep_free(s);
	config_free(c);
}

static void gains_are_against_the_same_knobs_of_relay2(void)
{
	gains_are_against_relay2("cloudmatrix384", true);
	gains_are_against_relay2("atlas-a2", false); /* EP 16 leaves the node */
}

static void without_relay2_there_is_no_gain(void)
{
	struct config *c = small_sweep("cloudmatrix384");
	struct sweep *s;

	set(c, "sweep.flow=direct,relay3");
	s = sweep_of(c, 1);
	for (size_t i = 0; i < s->n_points; i++)
		CU_ASSERT_EQUAL(point_batch_gain(s->points + i), 0);
	sweep_free(s);
	config_free(c);
}

/* ---- engines ---- */

static void estimate_bounds_every_point(void)
{
	static const char *const machines[] = {"cloudmatrix384", "atlas-a2"};

	for (size_t m = 0; m < 2; m++) {
		struct config *c = small_sweep(machines[m]);
		struct sweep *fluid = sweep_of(c, 1), *bound;

		set(c, "sweep.engine=estimate");
		bound = sweep_of(c, 1);
		for (size_t i = 0; i < fluid->n_points; i++) {
			const struct sweep_point *f = fluid->points + i, *b = bound->points + i;

			AT_MOST(b->prefill->time_s, f->prefill->time_s, 1e-12, "TTFT of %zu", i);
			AT_MOST(b->decode->time_s, f->decode->time_s, 1e-12, "TPOT of %zu", i);
			AT_MOST(f->tokens_per_s_per_npu_count, b->tokens_per_s_per_npu_count, 1e-12,
			        "throughput of %zu", i);
			CU_ASSERT_EQUAL(f->decode->memory.total_bytes,
			                b->decode->memory.total_bytes);
			/* so a point that misses a budget already by estimate is no loss */
			CU_ASSERT(!f->feasible || b->feasible);
		}
		sweep_free(fluid);
		sweep_free(bound);
		config_free(c);
	}
}

/* ---- the run itself ---- */

struct counted {
	size_t calls, last, total;
};

static void count_progress(void *data, size_t done, size_t total)
{
	struct counted *n = data;

	CU_ASSERT(done > n->last && done <= total);
	n->calls++, n->last = done, n->total = total;
}

static void progress_is_told(void)
{
	for (int jobs = 1; jobs <= 4; jobs += 3) {
		struct config *c = small_sweep("cloudmatrix384");
		struct counted n = {0};
		struct sweep_options options = {
		        .jobs = jobs, .progress = count_progress, .progress_data = &n};
		struct sweep *s = NULL;
		struct err e = {0};

		CU_ASSERT_EQUAL(sweep_run(c, &options, &s, &e), RC_OK);
		/* other threads may take all the work before the one that tells */
		if (jobs == 1)
			CU_ASSERT_EQUAL(n.last, s->n_prefill + s->n_decode);
		CU_ASSERT(n.calls == 0 || n.total == s->n_prefill + s->n_decode);
		sweep_free(s);
		config_free(c);
	}
}

static void wrong_sweeps_are_refused(void)
{
	static const struct {
		const char *assignment, *message;
	} wrong[] = {
	        {"sweep.flow=direct,relay4", "no flow is called 'relay4'"},
	        {"sweep.engine=fluids", "no engine is called 'fluids'; did you mean 'fluid'?"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct config *c = small_sweep("cloudmatrix384");
		struct sweep *s = NULL;
		struct err e = {0};

		set(c, wrong[i].assignment);
		CU_ASSERT_EQUAL(sweep_run(c, &(struct sweep_options){.jobs = 1}, &s, &e),
		                RC_CONFIG);
		UNIT_HOLDS(e.text, wrong[i].message);
		CU_ASSERT_PTR_NULL(s);
		config_free(c);
	}
}

/* The routing of every point draws rows; one cannot be had. */
static void an_error_ends_the_sweep(void)
{
	struct config *c = small_sweep("cloudmatrix384");
	struct sweep *s = NULL;
	struct err one = {0}, more = {0};

	set(c, "sweep.ep=16");
	set(c, "routing.kind=skewed");
	set(c, "routing.cv=20");
	CU_ASSERT_EQUAL(sweep_run(c, &(struct sweep_options){.jobs = 1}, &s, &one), RC_CONFIG);
	UNIT_HOLDS(one.text, "routing.cv 20 cannot be");
	CU_ASSERT_EQUAL(sweep_run(c, &(struct sweep_options){.jobs = 3}, &s, &more), RC_CONFIG);
	UNIT_TEXT(more.text, one.text);
	CU_ASSERT_PTR_NULL(s);
	config_free(c);
}

/* An empty list is the schedule's own value; too many points are refused before any work. */
static void counts_of_points(void)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	size_t n = 0;
	struct err e = {0};

	CU_ASSERT_EQUAL(sweep_count(c, &n, &e), RC_OK);
	CU_ASSERT_EQUAL(n, 3); /* flows, by default */
	set(c, "sweep.flow=direct");
	CU_ASSERT_EQUAL(sweep_count(c, &n, &e), RC_OK);
	CU_ASSERT_EQUAL(n, 1);
	for (size_t i = 0; i < SECTIONS; i++)
		CU_ASSERT_PTR_NOT_NULL(c->where[i]);
	double numbers[4096] = {0};

	c->sweep.batch = (struct field_list){.n = 4096, .number = numbers};
	c->sweep.chunk = (struct field_list){.n = 4096, .number = numbers};
	n = 7;
	CU_ASSERT_EQUAL(sweep_count(c, &n, &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "points");
	CU_ASSERT_EQUAL(n, 7);
	config_free(c);
}

static const struct unit_test tests[] = {
        {"points stand in order", points_stand_in_order},
        {"jobs change nothing", jobs_change_nothing},
        {"one point alone is the same", one_point_alone_is_the_same},
        {"points are as steps say", points_are_as_steps_say},
        {"reasons are the first that hold", reasons_are_the_first_that_hold},
        {"prefill must fit, too", prefill_must_fit_too},
        {"reasons have names", reasons_have_names},
        {"the front is what nothing beats", the_front_is_what_nothing_beats},
        {"gains are against the same knobs of relay2", gains_are_against_the_same_knobs_of_relay2},
        {"without relay2 there is no gain", without_relay2_there_is_no_gain},
        {"estimate bounds every point", estimate_bounds_every_point},
        {"progress is told", progress_is_told},
        {"wrong sweeps are refused", wrong_sweeps_are_refused},
        {"an error ends the sweep", an_error_ends_the_sweep},
        {"counts of points", counts_of_points},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("sweep", tests);
}
