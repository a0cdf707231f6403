#include "sim/plan.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sweep_price.h"

/* ---- the fewest NPUs ---- */

static int64_t npus_of(const struct pool_price *p)
{
	return schedule_npus(&p->group->schedule);
}

bool plan_usable(const struct pool_price *p, enum phase phase, double time_ratio)
{
	const struct sweep_spec *spec = p->group ? &p->group->config->sweep : NULL;
	const struct sweep_point of = {.prefill = p, .decode = p};
	double budget_s;

	if (!spec || !p->known || p->bound || p->group->schedule.pp > 1)
		return false; /* a pipeline cannot be served (serve_deploy.c) */
	budget_s = phase == PHASE_PREFILL ? spec->budget.ttft_s : spec->budget.tpot_s;
	return (spec->budget.npus == 0 || npus_of(p) <= spec->budget.npus) &&
	       p->memory.total_bytes <= point_memory_limit_bytes(&of) &&
	       (!(budget_s > 0) || p->time_s <= budget_s * time_ratio);
}

static struct plan_pool pool_for(const struct pool_price *p, double rate_count, double share_ratio)
{
	int64_t n = (int64_t)ceil(rate_count * p->npu_s / share_ratio / (double)npus_of(p));

	n = n < 1 ? 1 : n;
	return (struct plan_pool){p, n, n * npus_of(p), (double)(n * npus_of(p)) / p->npu_s};
}

/* Fewer NPUs, then less time. */
static bool better(const struct plan_pool *a, const struct plan_pool *b)
{
	if (!b->price)
		return true;
	if (a->npus != b->npus)
		return a->npus < b->npus;
	return a->price->time_s < b->price->time_s;
}

/* Combinations of the knobs that both pools must have the same: all behind DP. */
size_t plan_classes(const struct sweep *s)
{
	size_t n = 1;

	for (enum knob_id id = KNOB_DP + 1; id < KNOBS_SHARED; id++)
		n *= s->knobs.n[id];
	return n;
}

static void best_of_classes(const struct sweep *s, enum phase phase, double rate_count,
                            struct plan_margins margins, size_t n_classes, struct plan_pool *best)
{
	size_t n = s->knobs.n[phase == PHASE_PREFILL ? KNOB_CHUNK : KNOB_BATCH];
	size_t n_groups = phase == PHASE_PREFILL ? s->n_groups : s->n_decode_groups;
	const struct pool_price *prices = phase == PHASE_PREFILL ? s->prefill : s->decode;

	for (size_t i = 0; i < n_groups * n; i++) {
		struct plan_pool pool, *at;

		if (!plan_usable(prices + i, phase, margins.time_ratio[phase]))
			continue;
		pool = pool_for(prices + i, rate_count, margins.share_ratio);
		at = best + prices[i].group->shared % n_classes;
		if (better(&pool, at))
			*at = pool;
	}
}

/* The least time of a phase, at most a bound of it. HUGE_VAL: nothing could be priced. */
static double least_time(const struct sweep *s, enum phase phase)
{
	size_t n = s->knobs.n[phase == PHASE_PREFILL ? KNOB_CHUNK : KNOB_BATCH];
	const struct pool_price *prices = phase == PHASE_PREFILL ? s->prefill : s->decode;
	size_t n_groups = phase == PHASE_PREFILL ? s->n_groups : s->n_decode_groups;
	double least_s = HUGE_VAL;

	for (size_t i = 0; i < n_groups * n; i++) {
		if (prices[i].known)
			least_s = fmin(least_s, prices[i].time_s);
	}
	return least_s;
}

static enum rc none_will_do(const struct sweep *s, struct err *e)
{
	const struct sweep_spec *spec = &s->config->sweep;
	const double budget_s[PHASES] = {spec->budget.ttft_s, spec->budget.tpot_s};
	static const char *const names[PHASES] = {"TTFT", "TPOT"};

	for (enum phase phase = 0; phase < PHASES; phase++) {
		double least_s = least_time(s, phase);
		char least[32], budget[32];

		if (!(budget_s[phase] > 0) || least_s <= budget_s[phase] || isinf(least_s))
			continue;
		return fail(e, RC_NO,
		            "no schedule meets the budgets, however many NPUs: %s is at least %s, "
		            "and may be %s",
		            names[phase], quantity_human(least_s, DIM_TIME, 3, least, sizeof least),
		            quantity_human(budget_s[phase], DIM_TIME, 3, budget, sizeof budget));
	}
	return fail(e, RC_NO, "no schedule meets the budgets, however many NPUs");
}

enum rc plan_make(const struct sweep *s, double rate_count, struct plan_margins margins,
                  struct plan *out, struct err *e)
{
	size_t n = plan_classes(s);
	struct plan_pool *prefill = heap_zeroed(n, sizeof *prefill);
	struct plan_pool *decode = heap_zeroed(n, sizeof *decode);
	struct plan best = {.rate_count = rate_count};

	best_of_classes(s, PHASE_PREFILL, rate_count, margins, n, prefill);
	best_of_classes(s, PHASE_DECODE, rate_count, margins, n, decode);
	for (size_t i = 0; i < n; i++) {
		int64_t npus = prefill[i].npus + decode[i].npus;

		if (!prefill[i].price || !decode[i].price || (best.npus && npus >= best.npus))
			continue;
		best.pool[PHASE_PREFILL] = prefill[i], best.pool[PHASE_DECODE] = decode[i];
		best.npus = npus;
	}
	free(prefill);
	free(decode);
	if (best.npus == 0)
		return none_will_do(s, e);
	*out = best;
	return RC_OK;
}

void plan_resize(struct plan *p, enum phase phase, int64_t deployments)
{
	struct plan_pool *pool = &p->pool[phase];

	pool->deployments = deployments, pool->npus = deployments * npus_of(pool->price);
	pool->most_rate_count = (double)pool->npus / pool->price->npu_s;
	p->npus = p->pool[PHASE_PREFILL].npus + p->pool[PHASE_DECODE].npus;
}

/* ---- all that may do ---- */

/* Fewest NPUs first, then least time, then the order of the sweep. */
static int by_npus(const void *a, const void *b)
{
	const struct plan_pool *x = a, *y = b;

	if (x->npus != y->npus)
		return x->npus < y->npus ? -1 : 1;
	if (x->price->time_s != y->price->time_s)
		return x->price->time_s < y->price->time_s ? -1 : 1;
	return (x->price > y->price) - (x->price < y->price);
}

static bool beats(const struct pool_price *a, const struct pool_price *b)
{
	return npus_of(a) <= npus_of(b) && a->npu_s <= b->npu_s && a->time_s <= b->time_s;
}

/* The first of equals stays, as it comes first in the list. */
static size_t unbeaten(struct plan_pool *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool beaten = false;

		for (size_t k = 0; k < n && !beaten; k++) {
			const struct pool_price *a = list[k].price, *b = list[i].price;

			beaten = k != i && beats(a, b) && (!beats(b, a) || k < i);
		}
		if (!beaten)
			list[n + kept++] = list[i];
	}
	memcpy(list, list + n, kept * sizeof *list);
	return kept;
}

size_t plan_pools(const struct sweep *s, enum phase phase, size_t class_at, double rate_count,
                  struct plan_margins margins, struct plan_pool **out)
{
	size_t per_group = s->knobs.n[phase == PHASE_PREFILL ? KNOB_CHUNK : KNOB_BATCH];
	size_t n_groups = phase == PHASE_PREFILL ? s->n_groups : s->n_decode_groups;
	size_t all = n_groups * per_group, n = 0, n_classes = plan_classes(s);
	const struct pool_price *prices = phase == PHASE_PREFILL ? s->prefill : s->decode;
	struct plan_pool *list = heap_zeroed(2 * all + 1, sizeof *list); /* and those kept */

	for (size_t i = 0; i < all; i++) {
		const struct pool_price *p = prices + i;

		if (plan_usable(p, phase, margins.time_ratio[phase]) &&
		    p->group->shared % n_classes == class_at)
			list[n++] = pool_for(p, rate_count, margins.share_ratio);
	}
	qsort(list, n, sizeof *list, by_npus);
	*out = list;
	return unbeaten(list, n);
}

/* ---- machines ---- */

int64_t plan_machines(const struct plan *p)
{
	const struct plan_pool *large = &p->pool[PHASE_PREFILL], *small = &p->pool[PHASE_DECODE];
	int64_t dies = machine_dies(&large->price->group->config->machine), machines, each, room;

	if (npus_of(large->price) < npus_of(small->price))
		large = &p->pool[PHASE_DECODE], small = &p->pool[PHASE_PREFILL];
	each = dies / npus_of(large->price); /* of the large ones, on a machine */
	CHECK(each > 0);
	machines = (large->deployments + each - 1) / each;
	room = (large->deployments / each) *
	       ((dies - each * npus_of(large->price)) / npus_of(small->price));
	if (large->deployments % each > 0)
		room += (dies - large->deployments % each * npus_of(large->price)) /
		        npus_of(small->price);
	if (small->deployments > room) {
		int64_t more = dies / npus_of(small->price);

		machines += (small->deployments - room + more - 1) / more;
	}
	return machines;
}

/* ---- what gives way ---- */

/* As many deployments of the same kinds as the machine holds, split so that both pools keep up. */
static double machine_rate(const struct plan *p, double share_ratio)
{
	const struct config *c = p->pool[0].price->group->config;
	double npu_s = p->pool[PHASE_PREFILL].price->npu_s + p->pool[PHASE_DECODE].price->npu_s;
	double low = 0, high = (double)machine_dies(&c->machine) * share_ratio / npu_s;

	for (int i = 0; i < 50; i++) { /* whole deployments: bisection */
		double middle = (low + high) / 2;
		int64_t npus = 0;

		for (enum phase phase = 0; phase < PHASES; phase++)
			npus += pool_for(p->pool[phase].price, middle, share_ratio).npus;
		if (npus <= machine_dies(&c->machine))
			low = middle;
		else
			high = middle;
	}
	return low;
}

struct plan_limits plan_limits(const struct plan *p, double share_ratio)
{
	return (struct plan_limits){
	        .prefill_rate_count = share_ratio * p->pool[PHASE_PREFILL].most_rate_count,
	        .decode_rate_count = share_ratio * p->pool[PHASE_DECODE].most_rate_count,
	        .machine_rate_count = machine_rate(p, share_ratio)};
}

double plan_million_cost_count(const struct plan *p)
{
	enum { HOUR_S = 3600 };
	const struct config *c = p->pool[0].price->group->config;
	const double million_count = 1000000.0; /* lint: tokens that prices are quoted for */

	return c->machine.extra.npu_hour_cost_count / HOUR_S * (double)p->npus /
	       (p->rate_count * c->workload.output.mean_count) * million_count;
}

/* ---- other prices of the same schedule ---- */

enum rc plan_reprice(const struct pricer *p, const struct pool_price *own, enum phase phase,
                     struct sweep_group *group, struct pool_price *out, struct err *e)
{
	const struct config *c = p->config;

	*group = *own->group;
	group->config = c;
	if (c->sweep.flow.n == 1) /* a case of one flow asks for it */
		group->schedule.flow = c->sweep.flow.text[0];
	group->flow = flow_find(group->schedule.flow, e);
	if (!group->flow)
		return e->rc;
	*out = (struct pool_price){.group = group, .size = own->size};
	TRY(pool_memory(p, phase, out, e));
	return out->why_not ? RC_OK : pool_times(p, phase, p->engine, out, e);
}

enum rc plan_memory_rate(const struct plan *p, const struct engine *engine, double *out_rate_count,
                         struct err *e)
{
	const struct plan_pool *pool = &p->pool[PHASE_DECODE];
	struct pool_price most = *pool->price, price;
	struct pricer pricer = {
	        .config = most.group->config, .engine = engine, .arena = arena_new()};
	struct sweep_group group;
	enum rc rc;

	*out_rate_count = 0;
	most.size = most.memory.batch_most;
	rc = plan_reprice(&pricer, &most, PHASE_DECODE, &group, &price, e);
	if (rc == RC_OK && !price.why_not)
		*out_rate_count = (double)pool->npus / price.npu_s;
	arena_free(pricer.arena);
	return rc;
}
