#include "sim/plan.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/serve_deploy.h"
#include "sim/sweep_serve.h"

/* ---- the fewest NPUs ---- */

static int64_t npus_of(const struct pool_price *p)
{
	return schedule_npus(&p->group->schedule);
}

static bool usable(const struct pool_price *p, enum phase phase, double time_ratio)
{
	const struct sweep_spec *spec = p->group ? &p->group->config->sweep : NULL;
	const struct sweep_point of = {.prefill = p, .decode = p};
	double budget_s;

	if (!spec || !p->known || p->bound)
		return false;
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
static size_t classes_of(const struct sweep *s)
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
	const struct pool_price *prices = phase == PHASE_PREFILL ? s->prefill : s->decode;

	size_t n_groups = phase == PHASE_PREFILL ? s->n_groups : s->n_decode_groups;

	for (size_t i = 0; i < n_groups * n; i++) {
		struct plan_pool pool, *at;

		if (!usable(prices + i, phase, margins.time_ratio[phase]))
			continue;
		pool = pool_for(prices + i, rate_count, margins.share_ratio);
		at = best + prices[i].group->shared % n_classes;
		if (better(&pool, at))
			*at = pool;
	}
}

enum rc plan_make(const struct sweep *s, double rate_count, struct plan_margins margins,
                  struct plan *out, struct err *e)
{
	size_t n = classes_of(s);
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
		return fail(e, RC_NO, "no schedule meets the budgets, however many NPUs");
	*out = best;
	return RC_OK;
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

/* ---- uncertain numbers ---- */

/* The double that a path names, or NULL. */
static double *number_at(const struct field *table, void *object, const char *path)
{
	size_t n = strcspn(path, ".");

	for (; table->kind; table++) {
		if (strlen(table->key) != n || memcmp(table->key, path, n) != 0)
			continue;
		if (table->kind == FIELD_GROUP && path[n] == '.')
			return number_at(table->group, object, path + n + 1);
		return table->kind == FIELD_QUANTITY && !path[n]
		               ? (double *)(void *)((char *)object + table->offset)
		               : NULL;
	}
	return NULL;
}

/* NPUs that the plan's schedules need on a machine that is otherwise. */
static double npus_on(const struct plan *p, const struct machine *m, const struct engine *engine,
                      double share_ratio)
{
	struct config c = *p->pool[0].price->group->config;
	struct arena *a = arena_new();
	double sum_count = 0;
	struct err e;

	c.machine = *m;
	for (enum phase phase = 0; phase < PHASES; phase++) {
		const struct pool_price *own = p->pool[phase].price, *now;
		struct schedule s = own->group->schedule;
		struct sweep_single x;

		s.chunk = p->pool[PHASE_PREFILL].price->size;
		s.batch = p->pool[PHASE_DECODE].price->size;
		if (sweep_one(&c, engine, &s, a, &x, &e) != RC_OK)
			sum_count = HUGE_VAL;
		now = phase == PHASE_PREFILL ? &x.prefill : &x.decode;
		sum_count +=
		        usable(now, phase, 1) ? p->rate_count * now->npu_s / share_ratio : HUGE_VAL;
	}
	arena_free(a);
	return sum_count;
}

static double width(const struct plan_swing *s)
{
	return fabs(s->high_npus_count - s->low_npus_count);
}

static int by_width(const void *a, const void *b)
{
	const struct plan_swing *x = a, *y = b;

	if (width(x) != width(y) && !(isnan(width(x)) && isnan(width(y))))
		return width(x) > width(y) || isnan(width(x)) ? -1 : 1;
	return strcmp(x->path, y->path);
}

size_t plan_swings(const struct plan *p, const struct engine *engine, double share_ratio,
                   struct plan_swing *out, size_t room)
{
	const struct config *c = p->pool[0].price->group->config;
	struct plan_swing *all = NULL;
	size_t n = 0;

	for (const struct note *note = c->notes[SECTION_MACHINE]; note; note = note->next) {
		struct machine m = c->machine;
		double *number = number_at(machine_fields, &m, note->path), is;
		struct plan_swing swing = {.path = note->path, .sd_ratio = note->sd_ratio};

		if (!number || !(note->sd_ratio > 0) || *number == 0)
			continue;
		is = *number;
		*number = is * fmax(0x1p-10, 1 - note->sd_ratio);
		swing.low_npus_count = npus_on(p, &m, engine, share_ratio);
		*number = is * (1 + note->sd_ratio);
		swing.high_npus_count = npus_on(p, &m, engine, share_ratio);
		if (swing.low_npus_count == swing.high_npus_count && isfinite(width(&swing)))
			continue;
		all = heap_resize(all, n + 1, sizeof *all);
		all[n++] = swing;
	}
	if (n > 0)
		qsort(all, n, sizeof *all, by_width);
	n = n < room ? n : room;
	if (n > 0)
		memcpy(out, all, n * sizeof *out);
	free(all);
	return n;
}

/* ---- queues ---- */

static void plan_config(const struct plan *p, struct config *c)
{
	const int64_t instances[PHASES] = {p->pool[PHASE_PREFILL].deployments,
	                                   p->pool[PHASE_DECODE].deployments};

	serving_config(p->pool[PHASE_PREFILL].price, p->pool[PHASE_DECODE].price, instances, c);
}

/* Long enough that the first requests, left out, and those still at work are few. */
static size_t requests_for(const struct plan *p, double rate_count)
{
	enum { LIVES = 5, LEAST = 500, MOST = 200000 };
	const struct config *c = p->pool[0].price->group->config;
	double life_s = p->pool[PHASE_PREFILL].price->time_s +
	                p->pool[PHASE_DECODE].price->time_s * c->workload.output.mean_count;

	return (size_t)fmin(MOST, fmax(LEAST, LIVES * life_s * rate_count));
}

enum rc plan_serve(const struct plan *p, const struct request_list *base, double rate_count,
                   const struct engine *engine, struct plan_served *out, struct err *e)
{
	enum { WARM = 5 };
	struct request_list list = {0};
	struct deployment d = {0};
	struct serve_result r;
	struct config c;
	struct slo slo;
	size_t n = requests_for(p, rate_count);
	enum rc rc;

	plan_config(p, &c);
	slo = (struct slo){c.sweep.budget.ttft_s, c.sweep.budget.tpot_s};
	for (size_t i = 0; i < base->n; i++)
		request_append(&list, &(struct request){.input = base->at[i].input,
		                                        .output = base->at[i].output});
	arrivals_make(
	        &list, n, arrival_find("poisson"),
	        &(struct arrival_spec){.rate_count = rate_count, .seed = (uint64_t)c.routing.seed});
	rc = deployment_make(
	        &c, &list,
	        &(struct deployment_options){
	                .engine = engine, .decode = &p->pool[PHASE_DECODE].price->group->schedule},
	        &d, e);
	if (rc == RC_OK)
		rc = serve_run(&d.setup, &list, &r, e);
	if (rc == RC_OK) {
		out->rate_count = rate_count;
		serve_summarize(&d.setup, &list, &r, n / WARM, &slo, &out->summary);
		serve_result_fini(&r);
	}
	deployment_fini(&d);
	request_list_fini(&list);
	return rc;
}

static void pool_set(struct plan *p, enum phase phase, int64_t deployments)
{
	struct plan_pool *pool = &p->pool[phase];

	pool->deployments = deployments, pool->npus = deployments * npus_of(pool->price);
	pool->most_rate_count = (double)pool->npus / pool->price->npu_s;
	p->npus = p->pool[PHASE_PREFILL].npus + p->pool[PHASE_DECODE].npus;
}

/* The pool whose requests are later, by their budgets. */
static enum phase later_pool(const struct plan *p, const struct serve_summary *s)
{
	const struct sweep_spec *spec = &p->pool[0].price->group->config->sweep;
	double ttft = spec->budget.ttft_s > 0 ? s->ttft.p90_s / spec->budget.ttft_s : 0;
	double tpot = spec->budget.tpot_s > 0 ? s->tpot.p90_s / spec->budget.tpot_s : 0;

	return ttft >= tpot ? PHASE_PREFILL : PHASE_DECODE;
}

static enum rc grow(struct plan *p, const struct request_list *base, double wanted_ratio,
                    const struct engine *engine, struct plan_served *out, struct err *e)
{
	enum { TRIES = 16, PART = 8 };

	for (int i = 0; i < TRIES; i++) {
		enum phase phase;
		int64_t n;

		TRY(plan_serve(p, base, p->rate_count, engine, out, e));
		if (out->summary.attainment_ratio >= wanted_ratio)
			return RC_OK;
		phase = later_pool(p, &out->summary);
		n = p->pool[phase].deployments;
		pool_set(p, phase, n + n / PART + 1);
	}
	return fail(e, RC_NO,
	            "with %lld NPUs still only %.1f %% of requests are within the budgets",
	            (long long)p->npus, 100 * out->summary.attainment_ratio);
}

/* Growing takes more than one at a time: what turns out needless goes again. */
static enum rc trim(struct plan *p, enum phase phase, const struct request_list *base,
                    double wanted_ratio, const struct engine *engine, struct plan_served *out,
                    struct err *e)
{
	while (p->pool[phase].deployments > 1) {
		struct plan less = *p;
		struct plan_served served;

		pool_set(&less, phase, p->pool[phase].deployments - 1);
		TRY(plan_serve(&less, base, p->rate_count, engine, &served, e));
		if (served.summary.attainment_ratio < wanted_ratio)
			return RC_OK;
		*p = less, *out = served;
	}
	return RC_OK;
}

enum rc plan_check(struct plan *p, const struct request_list *base, double wanted_ratio,
                   const struct engine *engine, struct plan_served *out, struct err *e)
{
	int64_t least[PHASES] = {p->pool[PHASE_PREFILL].deployments,
	                         p->pool[PHASE_DECODE].deployments};

	TRY(grow(p, base, wanted_ratio, engine, out, e));
	for (enum phase phase = 0; phase < PHASES; phase++) {
		if (p->pool[phase].deployments > least[phase])
			TRY(trim(p, phase, base, wanted_ratio, engine, out, e));
	}
	return RC_OK;
}
