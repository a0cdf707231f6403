#include "tests/sweeps.h"
#include <stdarg.h>
#include <string.h>
#include "tests/exchange.h"
#include "tests/unit.h"

void sweep_set(struct config *c, const char *assignment)
{
	struct err e = {0};

	config_set(c, assignment, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_EQUAL_FATAL(e.rc, RC_OK);
}

void sweep_setf(struct config *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sweep_set(c, arena_vprint(c->arena, fmt, ap));
	va_end(ap);
}

struct sweep *sweep_made(const struct config *c, const struct sweep_options *options)
{
	struct sweep *s = NULL;
	struct err e = {0};

	sweep_run(c, options, &s, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

/* ---- the same ---- */

static bool same_doubles(const double *a, const double *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static bool same_memory(const struct memory *a, const struct memory *b)
{
	return a->usable_bytes == b->usable_bytes && a->weights_bytes == b->weights_bytes &&
	       a->buffers_bytes == b->buffers_bytes && a->work_bytes == b->work_bytes &&
	       a->kv_bytes == b->kv_bytes && a->total_bytes == b->total_bytes &&
	       a->kv_request_bytes == b->kv_request_bytes && a->batch_most == b->batch_most;
}

bool same_price(const struct pool_price *a, const struct pool_price *b)
{
	if (!a->why_not != !b->why_not || a->size != b->size || a->known != b->known)
		return false;
	if (a->why_not)
		return strcmp(a->why_not, b->why_not) == 0;
	return a->time_s == b->time_s && a->npu_s == b->npu_s &&
	       same_doubles(a->phase_s, b->phase_s, MOST_STEP_PHASES) &&
	       same_memory(&a->memory, &b->memory);
}

bool same_sweep(const struct sweep *a, const struct sweep *b)
{
	if (a->n_points != b->n_points || a->n_feasible != b->n_feasible)
		return false;
	for (size_t i = 0; i < a->n_points; i++) {
		const struct sweep_point *x = a->points + i, *y = b->points + i;

		if (!same_price(x->prefill, y->prefill) || !same_price(x->decode, y->decode) ||
		    x->reason != y->reason || x->pareto != y->pareto ||
		    x->tokens_per_s_per_npu_count != y->tokens_per_s_per_npu_count)
			return false;
	}
	return true;
}

/* ---- draws ---- */

static const char *one_of(struct rng *r, const char *const *names)
{
	size_t n = 0;

	while (names[n])
		n++;
	return names[rng_below(r, n)];
}

static void knobs_draw(struct rng *r, struct config *c)
{
	static const char *const flow_lists[] = {"relay3,relay2,direct", "relay2,direct",
	                                         "direct,relay2,relay3", NULL};
	static const char *const eps[] = {"8..32 *2", "16,24", "8,16", "32", NULL};
	static const char *const tps[] = {"1,2", "1", "2,4", NULL};
	static const char *const batches[] = {"16..256 *4", "8..40 step 8", "64,4096", NULL};
	static const char *const chunks[] = {"1024,8192", "512..4096 *2", "2048", NULL};
	static const char *const micros[] = {"1", "1,2", NULL};
	static const char *const cores[] = {"0", "8,24", NULL};
	static const char *const placements[] = {"contiguous", "eplb", NULL};
	static const char *const replicas[] = {"0", "0", "8,32", NULL};
	static const char *const constraints[] = {"", "tp * dp == ep",
	                                          "batch <= 512 / tp, chunk % 1024 == 0",
	                                          "flow == direct or micro_batches == 1", NULL};

	sweep_setf(c, "sweep.flow=%s", one_of(r, flow_lists));
	sweep_setf(c, "sweep.ep=%s", one_of(r, eps));
	sweep_setf(c, "sweep.tp=%s", one_of(r, tps));
	sweep_setf(c, "sweep.batch=%s", one_of(r, batches));
	sweep_setf(c, "sweep.chunk=%s", one_of(r, chunks));
	sweep_setf(c, "sweep.micro_batches=%s", one_of(r, micros));
	sweep_setf(c, "sweep.vector_cores=%s", one_of(r, cores));
	sweep_setf(c, "sweep.constraints=%s", one_of(r, constraints));
	sweep_setf(c, "sweep.placement=%s", one_of(r, placements));
	sweep_setf(c, "sweep.replicas=%s", one_of(r, replicas));
}

/* Pools that differ, stages, guesses, numbers of deployments: in half of the sweeps none. */
static void pools_draw(struct rng *r, struct config *c)
{
	static const char *const sets[][5] = {
	        {"sweep.prefill.ep=8,16", "sweep.decode.tp=1,2", "sweep.tp=1"},
	        {"sweep.pp=1,2"},
	        {"sweep.mtp=0,1,2", "model.mtp_layers=1"},
	        {"sweep.decode.flow=direct", "sweep.prefill.pp=1,3", "sweep.decode.mtp=1",
	         "model.mtp_layers=1"},
	        {"sweep.prefill.instances=1,2,5", "sweep.decode.instances=1,3"},
	        {"sweep.decode.ep=32", "sweep.decode.batch=24,96",
	         "sweep.batch=", "sweep.decode.instances=2", "sweep.prefill.instances=1..4"},
	        {"sweep.prefill.dispatch=bf16", "sweep.decode.dispatch=int8",
	         "sweep.constraints=decode.npus >= prefill.npus, batch * decode.tp <= chunk"},
	};
	uint64_t at = rng_below(r, 2 * sizeof sets / sizeof *sets);

	for (size_t i = 0; at < sizeof sets / sizeof *sets && i < 5 && sets[at][i]; i++)
		sweep_set(c, sets[at][i]);
}

/* Budgets that a drawn point just meets. */
static void budgets_draw(struct rng *r, struct config *c)
{
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 1});
	const struct sweep_point *p = s->points + rng_below(r, s->n_points);
	const struct sweep_point *q = s->points + rng_below(r, s->n_points);

	if (point_priced(p) && rng_below(r, 4) > 0)
		c->sweep.budget.ttft_s = p->prefill->time_s;
	if (point_priced(q) && rng_below(r, 4) > 0)
		c->sweep.budget.tpot_s = q->decode->time_s;
	if (rng_below(r, 8) == 0)
		c->sweep.budget.npus = 16;
	if (p->instances[PHASE_PREFILL] > 0 && rng_below(r, 2) == 0)
		c->sweep.budget.npus = point_npus(p);
	if (point_priced(p) && rng_below(r, 4) == 0)
		c->sweep.budget.memory_bytes = p->decode->memory.total_bytes;
	sweep_free(s);
}

struct config *drawn_sweep(struct rng *r)
{
	static const char *const machines[] = {
	        "cloudmatrix384", "atlas-a2",
	        "node:4 die:16 fabric:900GBps hbm:2TBps memory:64GB vector:48", NULL};
	static const char *const models[] = {"qwen3-30b-a3b", "gpt-oss-120b", NULL};
	static const char *const workloads[] = {"sharegpt", "azure-code", NULL};
	struct config *c = config_of(one_of(r, machines), one_of(r, models));
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, one_of(r, workloads), &e);
	UNIT_TEXT(e.text, "");
	knobs_draw(r, c);
	pools_draw(r, c);
	budgets_draw(r, c);
	c->workload.context_spread_ratio = rng_below(r, 4) == 0 ? 1 : 0;
	return c;
}
