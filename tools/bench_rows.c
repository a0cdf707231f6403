#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "models/base/arena.h"
#include "sim/engine.h"
#include "tools/bench.h"

enum { DECODE_TOKENS = 128, PREFILL_TOKENS = 4096 };

/* ---- one timed thing, run until it has taken long enough to be read ---- */

struct timed {
	double best_s; /* least CPU time of a run */
	double makespan_s;
};

typedef void build_fn(struct graph *g, const void *what);

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
	     rc == RC_OK && i < MOST_RUNS && (i < runs || (runs > 1 && sum_s < bench_enough_s));
	     i++) {
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

/* Peak resident bytes of a child process that runs f; 0 when it cannot be started. */
static double peak_bytes(void (*f)(void))
{
	enum { KIB = 1024 };
	double bytes = 0;
	int end[2];
	pid_t child;

	if (pipe(end) != 0)
		return 0;
	child = fork();
	if (child == 0) {
		struct rusage used;

		f();
		getrusage(RUSAGE_SELF, &used);
		bytes = KIB * (double)used.ru_maxrss;
		_exit(write(end[1], &bytes, sizeof bytes) != sizeof bytes);
	}
	close(end[1]);
	if (child < 0 || read(end[0], &bytes, sizeof bytes) != sizeof bytes)
		bytes = 0;
	close(end[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return bytes;
}

static void do_nothing(void)
{
}

static void price_uniform_n384(void)
{
	struct timed t;
	struct err e;

	CHECK(time_uniform(true, 384, &t, &e) == RC_OK);
}

/* Capacity, latency and bytes of one pair of the uniform all-to-all. */
static struct pair {
	double port_Bps, latency_s, bytes;
} uniform_pair(void)
{
	struct graph *two = graph_new();
	struct pair p;

	bench_all_to_all(two, BENCH_UNIFORM, 2, 0);
	p = (struct pair){two->capacity_per_s[0], two->latency_s[0], two->work_units[0]};
	graph_free(two);
	return p;
}

/* One activity a rank that stands for its equal transfers to all others. */
static void build_grouped(struct graph *g, const void *what)
{
	const struct all_to_all *x = what;
	struct use *uses = heap_zeroed(x->n_ranks, sizeof *uses);
	struct pair p = uniform_pair();
	double peers = x->n_ranks - 1;

	for (uint32_t i = 0; i < 2 * x->n_ranks; i++)
		graph_resource(g, i < x->n_ranks ? RES_EGRESS : RES_INGRESS, i, p.port_Bps);
	for (uint32_t from = 0; from < x->n_ranks; from++) {
		size_t n = 0;

		uses[n++] = (struct use){from, 1};
		for (uint32_t to = 0; to < x->n_ranks; to++) {
			if (to != from)
				uses[n++] = (struct use){x->n_ranks + to, 1 / peers};
		}
		graph_append(g, &(struct activity){.label = "dispatch.put",
		                                   .rank = from,
		                                   .work_units = p.bytes * peers,
		                                   .latency_s = p.latency_s,
		                                   .share_count = peers,
		                                   .uses = uses,
		                                   .n_uses = n});
	}
	free(uses);
}

/* One rank that stands for all, as epsim prices ranks that are all alike. */
static void build_symmetric(struct graph *g, const void *what)
{
	const struct all_to_all *x = what;
	struct pair p = uniform_pair();
	struct use uses[] = {{0, 1}, {1, 1}};

	graph_resource(g, RES_EGRESS, 0, p.port_Bps);
	graph_resource(g, RES_INGRESS, 0, p.port_Bps);
	g->rank_multiplicity_count = x->n_ranks;
	graph_append(g, &(struct activity){.label = "dispatch.put",
	                                   .work_units = p.bytes * (x->n_ranks - 1),
	                                   .latency_s = p.latency_s,
	                                   .share_count = x->n_ranks - 1,
	                                   .uses = uses,
	                                   .n_uses = 2});
}

/* Times another form of the all-to-all, which must give the same makespan. */
static enum rc time_form(bool once, build_fn *build, double *out, struct err *e)
{
	struct all_to_all x = {BENCH_UNIFORM, 384, 0};
	struct timed pairs, form;

	TRY(time_uniform(true, x.n_ranks, &pairs, e));
	TRY(time_engine(&engine_fluid, 0, build, &x, true, once ? 1 : LEAST_RUNS, &form, e));
	if (fabs(form.makespan_s / pairs.makespan_s - 1) > 0x1p-40)
		return fail(e, RC_INTERNAL, "%.17g s but by pairs %.17g s", form.makespan_s,
		            pairs.makespan_s);
	return *out = form.best_s, RC_OK;
}

static enum rc uniform_grouped(bool once, double *out, struct err *e)
{
	return time_form(once, build_grouped, out, e);
}

static enum rc uniform_symmetric(bool once, double *out, struct err *e)
{
	return time_form(once, build_symmetric, out, e);
}

static void price_grouped_n384(void)
{
	struct all_to_all x = {BENCH_UNIFORM, 384, 0};
	struct timed t;
	struct err e;

	CHECK(time_engine(&engine_fluid, 0, build_grouped, &x, true, 1, &t, &e) == RC_OK);
}

enum rc bench_peak_beyond_idle(void (*f)(void), double *out, struct err *e)
{
	double idle = peak_bytes(do_nothing), busy = peak_bytes(f);

	if (!(idle > 0) || !(busy > 0))
		return fail(e, RC_NO, "no process could be started");
	return *out = busy - idle, RC_OK;
}

static enum rc uniform_n384_bytes(bool once, double *out, struct err *e)
{
	(void)once;
	return bench_peak_beyond_idle(price_uniform_n384, out, e);
}

static enum rc grouped_n384_bytes(bool once, double *out, struct err *e)
{
	(void)once;
	return bench_peak_beyond_idle(price_grouped_n384, out, e);
}

const struct bench benches[] = {
        /* first, while this process has no memory to give again */
        {"fluid_uniform_grouped_n384_bytes", "bytes",
         "peak memory of the grouped form, beyond the program's own", grouped_n384_bytes},
        {"fluid_uniform_n384_bytes", "bytes", "peak memory of that, beyond the program's own",
         uniform_n384_bytes},
        {"trace_read_peak_bytes", "bytes",
         "peak memory of reading 200 MB of trace, CSV or JSON, beyond the program's own",
         bench_trace_bytes},
        {"serve_million_bytes", "bytes", "peak memory of serve_million_s, beyond the program's own",
         bench_serve_bytes},
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
        {"fluid_uniform_grouped_n384_s", "s",
         "the same, one activity a rank that stands for its equal transfers", uniform_grouped},
        {"fluid_uniform_symmetric_n384_s", "s", "the same priced as one rank that stands for all",
         uniform_symmetric},
        {"fluid_step_ep256_s", "s",
         "decode step of DeepSeek-V3.1, two micro-batches, tolerance 2^-10, balanced",
         bench_fluid_step},
        {"fluid_step_drawn_ep256_s", "s", "the same with drawn routing: every rank built",
         bench_fluid_step_drawn},
        {"estimate_step_ep256_s", "s", "its lower bound, balanced", bench_estimate_step},
        {"sweep_two_threads_speedup_ratio", "ratio",
         "wall time of the shipped sweep, one thread over two", bench_two_threads},
        {"sweep_million_s", "s", "1,010,880 schedules by estimate, wall time, two threads",
         bench_million},
        {"sweep_million_rate", "points/s", "the same for a CPU second", bench_million_rate},
        {"sweep_pools_rate", "points/s",
         "842,400 schedules with pools apart by estimate, for a CPU second", bench_pools_rate},
        {"sweep_million_bytes", "bytes", "its peak memory beyond the program's own",
         bench_million_bytes},
        {"sweep_shipped_rate", "points/s",
         "the shipped sweep of 17,280 schedules by estimate, for a CPU second", bench_shipped_rate},
        {"trace_read_csv_GBps", "GB/s", "reading 200 MB of kernel_details.csv, summed up",
         bench_trace_csv},
        {"trace_read_chrome_GBps", "GB/s", "reading 200 MB of trace_view.json, summed up",
         bench_trace_chrome},
        {"serve_million_s", "s",
         "a million requests, 512 tokens in and 300 out, 64 instances of Llama-3.1-8B",
         bench_serve_million},
        {"serve_requests_per_s", "1/s", "requests simulated in a CPU second, the same again",
         bench_serve_rate},
        {"serve_million_ep32_s", "s",
         "the same on 64 instances of DeepSeek-V3.1 with 32 attention groups each",
         bench_serve_million_ep32},
        {0},
};
