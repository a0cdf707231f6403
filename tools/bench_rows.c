#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sweep.h"
#include "tools/bench.h"
#include "tools/progress.h"

enum { DECODE_TOKENS = 128, PREFILL_TOKENS = 4096 };

static const double bench_tolerance_ratio = 0x1p-10;

/* ---- one timed thing, run until it has taken long enough to be read ---- */

struct timed {
	double best_s; /* least CPU time of a run */
	double makespan_s;
	double bytes; /* of the graph and its timeline */
};

enum { LEAST_RUNS = 3, MOST_RUNS = 10000 };

static const double enough_s = 0.5;

typedef void build_fn(struct graph *g, const void *what);

static double graph_bytes(const struct graph *g)
{
	double per_activity = 4 * sizeof(double) + 2 * sizeof(uint32_t) + 2 * sizeof(size_t);

	return (per_activity + 2 * sizeof(double)) * g->n_activities +
	       (sizeof(double) + sizeof(uint32_t)) * (double)g->n_uses +
	       sizeof(uint32_t) * (double)g->n_preds;
}

/* Prices graphs; build_too: building is timed with it. */
static enum rc time_engine(const struct engine *engine, double tolerance_ratio, build_fn *build,
                           const void *what, bool build_too, int runs, struct timed *out,
                           struct err *e)
{
	struct engine_options options = {.tolerance_ratio = tolerance_ratio};
	struct graph *g = graph_new();
	struct timeline t;
	double sum_s = 0;
	enum rc rc = RC_OK;

	*out = (struct timed){.best_s = HUGE_VAL};
	timeline_init(&t);
	for (int i = 0;
	     rc == RC_OK && i < MOST_RUNS && (i < runs || (runs > 1 && sum_s < enough_s)); i++) {
		double start_s = cpu_s();

		if (i == 0 || build_too) {
			graph_clear(g);
			build(g, what);
		}
		if (!build_too)
			start_s = cpu_s();
		rc = engine->run(g, &options, &t, e);
		out->best_s = fmin(out->best_s, cpu_s() - start_s);
		sum_s += cpu_s() - start_s;
	}
	out->makespan_s = t.makespan_s;
	out->bytes = graph_bytes(g);
	timeline_fini(&t);
	graph_free(g);
	return rc;
}

/* ---- all-to-alls ---- */

struct all_to_all {
	enum bench_skew skew;
	uint32_t n_ranks, tokens;
};

static void build_all_to_all(struct graph *g, const void *what)
{
	const struct all_to_all *x = what;

	bench_all_to_all(g, x->skew, x->n_ranks, x->tokens);
}

static enum rc time_zipf(bool once, uint32_t n_ranks, uint32_t tokens, double tolerance_ratio,
                         struct timed *out, struct err *e)
{
	struct all_to_all x = {BENCH_ZIPF, n_ranks, tokens};

	return time_engine(&engine_fluid, tolerance_ratio, build_all_to_all, &x, false,
	                   once ? 1 : LEAST_RUNS, out, e);
}

static enum rc zipf_decode_n384(bool once, double *out, struct err *e)
{
	struct timed t;

	TRY(time_zipf(once, 384, DECODE_TOKENS, 0, &t, e));
	return *out = t.best_s, RC_OK;
}

static enum rc zipf_decode_n64(bool once, double *out, struct err *e)
{
	struct timed t;

	TRY(time_zipf(once, 64, DECODE_TOKENS, 0, &t, e));
	return *out = t.best_s, RC_OK;
}

static enum rc zipf_prefill_n384(bool once, double *out, struct err *e)
{
	struct timed t;

	TRY(time_zipf(once, 384, PREFILL_TOKENS, 0, &t, e));
	return *out = t.best_s, RC_OK;
}

static enum rc tol_zipf_n384(bool once, double *out, struct err *e)
{
	struct timed t;

	TRY(time_zipf(once, 384, DECODE_TOKENS, bench_tolerance_ratio, &t, e));
	return *out = t.best_s, RC_OK;
}

static enum rc tol_zipf_n768(bool once, double *out, struct err *e)
{
	struct timed t;

	TRY(time_zipf(once, 768, DECODE_TOKENS, bench_tolerance_ratio, &t, e));
	return *out = t.best_s, RC_OK;
}

static enum rc tol_error_n384(bool once, double *out, struct err *e)
{
	struct timed exact, near;

	TRY(time_zipf(once, 384, DECODE_TOKENS, 0, &exact, e));
	TRY(time_zipf(once, 384, DECODE_TOKENS, bench_tolerance_ratio, &near, e));
	return *out = fabs(near.makespan_s / exact.makespan_s - 1), RC_OK;
}

/* Largest difference of any activity's end, relative to the makespan. */
static double difference_ratio(const struct timeline *a, const struct timeline *b)
{
	double most_s = 0;

	for (uint32_t i = 0; i < a->n_activities; i++)
		most_s = fmax(most_s, fabs(a->finish_s[i] - b->finish_s[i]));
	return most_s / b->makespan_s;
}

/* Both engines on one graph; their times must agree before a ratio means anything. */
static enum rc against_simgrid(bool once, const struct graph *g, struct timeline *fluid,
                               struct timeline *simgrid, double *out, struct err *e)
{
	const double agree_ratio = 1e-9; /* lint: a bound, not a unit */
	const struct engine_options exact = {0};
	double best_s = HUGE_VAL, start_s;

	for (int i = 0; i < (once ? 1 : 4 * LEAST_RUNS); i++) {
		start_s = cpu_s();
		TRY(engine_fluid.run(g, &exact, fluid, e));
		best_s = fmin(best_s, cpu_s() - start_s);
	}
	start_s = cpu_s();
	TRY(engine_simgrid.run(g, &exact, simgrid, e));
	*out = (cpu_s() - start_s) / best_s;
	if (difference_ratio(fluid, simgrid) > agree_ratio)
		return fail(e, RC_INTERNAL, "fluid and SimGrid differ by %.3g of the makespan",
		            difference_ratio(fluid, simgrid));
	return RC_OK;
}

static enum rc simgrid_ratio(bool once, double *out, struct err *e)
{
	struct timeline fluid, simgrid;
	const char *why_not;
	struct graph *g;
	enum rc rc;

	if (!engine_simgrid.available(&why_not))
		return fail(e, RC_NO, "SimGrid: %s", why_not);
	g = graph_new();
	timeline_init(&fluid);
	timeline_init(&simgrid);
	bench_all_to_all(g, BENCH_ZIPF, 128, DECODE_TOKENS);
	rc = against_simgrid(once, g, &fluid, &simgrid, out, e);
	timeline_fini(&fluid);
	timeline_fini(&simgrid);
	graph_free(g);
	return rc;
}

static enum rc tolerance_speedup(bool once, double *out, struct err *e)
{
	struct timed exact, near;

	TRY(time_zipf(once, 384, DECODE_TOKENS, 0, &exact, e));
	TRY(time_zipf(once, 384, DECODE_TOKENS, bench_tolerance_ratio, &near, e));
	return *out = exact.best_s / near.best_s, RC_OK;
}

/* log2 of how much longer twice as many ranks take, from 96 to 384. */
static enum rc growth(bool once, double *out, struct err *e)
{
	struct timed few, many;

	TRY(time_zipf(once, 96, DECODE_TOKENS, 0, &few, e));
	TRY(time_zipf(once, 384, DECODE_TOKENS, 0, &many, e));
	return *out = log2(many.best_s / few.best_s) / 2, RC_OK;
}

static enum rc time_uniform(bool once, uint32_t n_ranks, struct timed *t, struct err *e)
{
	struct all_to_all x = {BENCH_UNIFORM, n_ranks, 0};

	return time_engine(&engine_fluid, 0, build_all_to_all, &x, true, once ? 1 : LEAST_RUNS, t,
	                   e);
}

static enum rc uniform_n256(bool once, double *out, struct err *e)
{
	struct timed t;

	TRY(time_uniform(once, 256, &t, e));
	return *out = t.best_s, RC_OK;
}

static enum rc uniform_n384(bool once, double *out, struct err *e)
{
	struct timed t;

	TRY(time_uniform(once, 384, &t, e));
	return *out = t.best_s, RC_OK;
}

static enum rc uniform_n384_bytes(bool once, double *out, struct err *e)
{
	struct timed t;

	TRY(time_uniform(once, 384, &t, e));
	return *out = t.bytes, RC_OK;
}

/* ---- a whole decode step ---- */

struct step_bench {
	const struct engine *engine;
	enum routing_kind routing;
	double tolerance_ratio;
};

static enum rc step_config(struct config *c, const struct step_bench *s, struct step_request *q,
                           struct err *e)
{
	enum { BATCH = 64, CONTEXT = 4096 };

	TRY(config_section(c, SECTION_MACHINE, "cloudmatrix384", e));
	TRY(config_section(c, SECTION_MODEL, "deepseek-v3.1", e));
	c->schedule.ep = 256, c->schedule.micro_batches = 2, c->schedule.batch = BATCH;
	c->routing.kind = (int)s->routing;
	*q = (struct step_request){.machine = &c->machine,
	                           .model = &c->model,
	                           .schedule = &c->schedule,
	                           .routing = &c->routing,
	                           .flow = &flow_direct,
	                           .engine = s->engine,
	                           .phase = PHASE_DECODE,
	                           .sequences_count = BATCH,
	                           .query_count = BATCH,
	                           .context_count = CONTEXT};
	q->engine_options.tolerance_ratio = s->tolerance_ratio;
	return RC_OK;
}

/* Graphs are built anew in each run, as a sweep does. */
static enum rc time_step(const struct step_bench *s, int runs, double *out, struct err *e)
{
	struct config *c = config_new();
	struct step_request q;
	struct step_result r;
	double sum_s = 0;
	enum rc rc = step_config(c, s, &q, e);

	*out = HUGE_VAL;
	for (int i = 0;
	     rc == RC_OK && i < MOST_RUNS && (i < runs || (runs > 1 && sum_s < enough_s)); i++) {
		double start_s = cpu_s(), took_s;

		rc = step_run(&q, &r, e);
		took_s = cpu_s() - start_s;
		*out = fmin(*out, took_s), sum_s += took_s;
	}
	config_free(c);
	return rc;
}

static enum rc fluid_step(bool once, double *out, struct err *e)
{
	struct step_bench s = {&engine_fluid, ROUTING_BALANCED, bench_tolerance_ratio};

	return time_step(&s, once ? 1 : LEAST_RUNS, out, e);
}

static enum rc estimate_step(bool once, double *out, struct err *e)
{
	struct step_bench s = {&engine_estimate, ROUTING_BALANCED, 0};

	return time_step(&s, once ? 1 : LEAST_RUNS, out, e);
}

static enum rc fluid_step_drawn(bool once, double *out, struct err *e)
{
	struct step_bench s = {&engine_fluid, ROUTING_UNIFORM, bench_tolerance_ratio};

	(void)once; /* it is long enough */
	return time_step(&s, 1, out, e);
}

/* Wall time of a sweep on one thread over that on two: the one row that needs the wall clock. */
static enum rc time_sweep(struct config *c, int jobs, double *best_s, struct err *e)
{
	enum { RUNS = 3 };

	*best_s = HUGE_VAL;
	for (int i = 0; i < RUNS; i++) {
		double start_s = wall_s();
		struct sweep *s;

		TRY(sweep_run(c, &(struct sweep_options){.jobs = jobs}, &s, e));
		*best_s = fmin(*best_s, wall_s() - start_s);
		sweep_free(s);
	}
	return RC_OK;
}

static enum rc two_threads(bool once, double *out, struct err *e)
{
	struct config *c = config_new();
	const char *path = config_find("sweeps", "deepseek-v3.1-cm384", c->arena);
	double one_s = 1, two_s = 1;
	enum rc rc;

	(void)once;
	rc = path ? config_read(c, path, e) : fail(e, RC_NO, "configs/sweeps is not here");
	if (rc == RC_OK)
		rc = time_sweep(c, 1, &one_s, e);
	if (rc == RC_OK)
		rc = time_sweep(c, 2, &two_s, e);
	config_free(c);
	return *out = one_s / two_s, rc;
}

const struct bench benches[] = {
        {"fluid_vs_simgrid_zipf_n128_ratio", "ratio",
         "CPU of SimGrid over CPU of fluid, zipf decode", simgrid_ratio},
        {"fluid_zipf_decode_n64_s", "s", "zipf decode, exact", zipf_decode_n64},
        {"fluid_zipf_decode_n384_s", "s", "zipf decode, exact", zipf_decode_n384},
        {"fluid_zipf_prefill_n384_s", "s", "zipf prefill, exact", zipf_prefill_n384},
        {"fluid_tol_zipf_n384_s", "s", "zipf decode, tolerance 2^-10", tol_zipf_n384},
        {"fluid_tol_zipf_n384_error_ratio", "ratio", "its makespan against the exact one",
         tol_error_n384},
        {"fluid_tol_zipf_n384_speedup_ratio", "ratio", "CPU of exact over CPU with the tolerance",
         tolerance_speedup},
        {"fluid_tol_zipf_n768_s", "s", "zipf decode, tolerance 2^-10", tol_zipf_n768},
        {"fluid_zipf_growth_exponent", "exponent", "CPU against ranks, zipf decode, 96 to 384",
         growth},
        {"fluid_uniform_n256_s", "s", "uniform, one activity a pair, building included",
         uniform_n256},
        {"fluid_uniform_n384_s", "s", "uniform, one activity a pair, building included",
         uniform_n384},
        {"fluid_uniform_n384_bytes", "bytes", "of that graph and its timeline", uniform_n384_bytes},
        {"fluid_step_ep256_s", "s",
         "decode step of DeepSeek-V3.1, two micro-batches, tolerance 2^-10, balanced", fluid_step},
        {"fluid_step_drawn_ep256_s", "s", "the same with drawn routing: every rank built",
         fluid_step_drawn},
        {"estimate_step_ep256_s", "s", "its lower bound, balanced", estimate_step},
        {"sweep_two_threads_speedup_ratio", "ratio",
         "wall time of the shipped sweep, one thread over two", two_threads},
        {0},
};
