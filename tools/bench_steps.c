/* Benchmarks of whole steps and sweeps. */
#include <math.h>
#include "sim/sweep.h"
#include "tools/bench.h"
#include "tools/progress.h"

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
	     rc == RC_OK && i < MOST_RUNS && (i < runs || (runs > 1 && sum_s < bench_enough_s));
	     i++) {
		double start_s = cpu_s(), took_s;

		rc = step_run(&q, &r, e);
		took_s = cpu_s() - start_s;
		*out = fmin(*out, took_s), sum_s += took_s;
	}
	config_free(c);
	return rc;
}

enum rc bench_fluid_step(bool once, double *out, struct err *e)
{
	struct step_bench s = {&engine_fluid, ROUTING_BALANCED, bench_tolerance_ratio};

	return time_step(&s, once ? 1 : LEAST_RUNS, out, e);
}

enum rc bench_estimate_step(bool once, double *out, struct err *e)
{
	struct step_bench s = {&engine_estimate, ROUTING_BALANCED, 0};

	return time_step(&s, once ? 1 : LEAST_RUNS, out, e);
}

enum rc bench_fluid_step_drawn(bool once, double *out, struct err *e)
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

enum rc bench_two_threads(bool once, double *out, struct err *e)
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

/* ---- a million schedules ---- */

/* The shipped sweep with finer batches and chunks: 540 x 48 x 39 = 1,010,880 points. */
static enum rc million_config(struct config *c, struct err *e)
{
	static const char *const finer[] = {"sweep.batch=4..192 step 4",
	                                    "sweep.chunk=512..19968 step 512",
	                                    "sweep.engine=estimate"};
	const char *path = config_find("sweeps", "deepseek-v3.1-cm384", c->arena);

	if (!path)
		return fail(e, RC_NO, "configs/sweeps is not here");
	TRY(config_read(c, path, e));
	for (size_t i = 0; i < sizeof finer / sizeof *finer; i++)
		TRY(config_set(c, finer[i], e));
	return RC_OK;
}

static enum rc million_run(int jobs, double *n_points, double *cpu, double *wall, struct err *e)
{
	struct config *c = config_new();
	struct sweep *s;
	enum rc rc = million_config(c, e);

	*cpu = cpu_s(), *wall = wall_s();
	if (rc == RC_OK)
		rc = sweep_run(c, &(struct sweep_options){.jobs = jobs}, &s, e);
	*cpu = cpu_s() - *cpu, *wall = wall_s() - *wall;
	if (rc == RC_OK) {
		*n_points = (double)s->n_points;
		sweep_free(s);
	}
	config_free(c);
	return rc;
}

enum rc bench_million(bool once, double *out, struct err *e)
{
	double n, cpu;

	(void)once;
	return million_run(2, &n, &cpu, out, e);
}

enum rc bench_million_rate(bool once, double *out, struct err *e)
{
	double n = 0, cpu = 1, wall;

	(void)once;
	TRY(million_run(1, &n, &cpu, &wall, e));
	return *out = n / cpu, RC_OK;
}

static void price_million(void)
{
	double n, cpu, wall;
	struct err e;

	(void)million_run(1, &n, &cpu, &wall, &e);
}

enum rc bench_million_bytes(bool once, double *out, struct err *e)
{
	(void)once;
	return bench_peak_beyond_idle(price_million, out, e);
}

/* Pools apart: 5 x 3 x 39 prices of prefill with 5 x 3 x 48 x 2 of decode are 842,400 points. */
static enum rc pools_config(struct config *c, struct err *e)
{
	static const char *const finer[] = {"sweep.prefill.ep=16..256 *2",
	                                    "sweep.prefill.tp=1..4 *2",
	                                    "sweep.prefill.chunk=512..19968 step 512",
	                                    "sweep.decode.ep=16..256 *2",
	                                    "sweep.decode.tp=1..4 *2",
	                                    "sweep.decode.batch=4..192 step 4",
	                                    "sweep.constraints=",
	                                    "sweep.engine=estimate"};
	const char *path = config_find("sweeps", "deepseek-v3.1-pools", c->arena);

	if (!path)
		return fail(e, RC_NO, "configs/sweeps is not here");
	TRY(config_read(c, path, e));
	for (size_t i = 0; i < sizeof finer / sizeof *finer; i++)
		TRY(config_set(c, finer[i], e));
	return RC_OK;
}

enum rc bench_pools_rate(bool once, double *out, struct err *e)
{
	struct config *c = config_new();
	double start_s, n = 0;
	struct sweep *s;
	enum rc rc = pools_config(c, e);

	(void)once;
	start_s = cpu_s();
	if (rc == RC_OK)
		rc = sweep_run(c, &(struct sweep_options){.jobs = 1}, &s, e);
	start_s = cpu_s() - start_s;
	if (rc == RC_OK) {
		n = (double)s->n_points;
		sweep_free(s);
	}
	config_free(c);
	return *out = n / start_s, rc;
}

/* Nothing shared but what the shipped sweep shares: 8 batches and 4 chunks. */
enum rc bench_shipped_rate(bool once, double *out, struct err *e)
{
	struct config *c = config_new();
	const char *path = config_find("sweeps", "deepseek-v3.1-cm384", c->arena);
	double start_s, best_s = HUGE_VAL, n = 0;
	enum rc rc;

	rc = path ? config_read(c, path, e) : fail(e, RC_NO, "configs/sweeps is not here");
	c->sweep.engine = "estimate";
	for (int i = 0; rc == RC_OK && i < (once ? 1 : LEAST_RUNS); i++) {
		struct sweep *s;

		start_s = cpu_s();
		rc = sweep_run(c, &(struct sweep_options){.jobs = 1}, &s, e);
		best_s = fmin(best_s, cpu_s() - start_s);
		if (rc == RC_OK) {
			n = (double)s->n_points;
			sweep_free(s);
		}
	}
	config_free(c);
	return *out = n / best_s, rc;
}
