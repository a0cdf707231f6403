#include "sim/plan_swings.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/parameter.h"
#include "sim/routing_cache.h"
#include "sim/sweep_price.h"

enum { SHORTLIST = 8 }; /* schedules of a pool that are priced anew */

struct choice { /* of a pool */
	const struct pool_price *price;
	double npus_count;
};

struct tornado {
	const struct sweep *sweep;
	const struct plan *plan;
	struct routing_cache *routings;
	struct step_scratch *scratch;
	const struct pool_price *list[PHASES][SHORTLIST];
	size_t n[PHASES];
	struct arena *arena;
	struct plan_tornado *out;
};

/* One deployment at least; beyond that, not rounded. */
static double npus_needed(const struct pool_price *p, double rate_count, double share_ratio)
{
	return fmax((double)schedule_npus(&p->group->schedule),
	            rate_count * p->npu_s / share_ratio);
}

/* ---- the cheapest schedules ---- */

static int by_need(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;

	if (x->npus_count != y->npus_count)
		return x->npus_count < y->npus_count ? -1 : 1;
	return (x->price > y->price) - (x->price < y->price);
}

/* The plan's own, and the cheapest that meet the budgets or nearly do. A price that was left at its
 * bound will do: all are priced anew. */
static void shortlist(struct tornado *t, enum phase phase)
{
	const double nearly_ratio = 1.25; /* what a machine one sd better may bring within */
	const struct sweep *s = t->sweep;
	size_t n = s->knobs.n[phase == PHASE_PREFILL ? KNOB_CHUNK : KNOB_BATCH], found = 0;
	const struct pool_price *prices = phase == PHASE_PREFILL ? s->prefill : s->decode;
	const struct pool_price *own = t->plan->pool[phase].price;
	size_t classes = plan_classes(s);
	size_t n_prices = n * (phase == PHASE_PREFILL ? s->n_groups : s->n_decode_groups);
	struct choice *all = heap_zeroed(n_prices + 1, sizeof *all);

	for (size_t i = 0; i < n_prices; i++) {
		struct pool_price p = prices[i];

		p.bound = false;
		if (prices + i != own && p.group && plan_usable(&p, phase, nearly_ratio) &&
		    p.group->shared % classes == own->group->shared % classes)
			all[found++] = (struct choice){
			        prices + i,
			        npus_needed(&p, t->plan->rate_count, s->config->plan.load_ratio)};
	}
	qsort(all, found, sizeof *all, by_need);
	t->list[phase][t->n[phase]++] = own;
	for (size_t i = 0; i < found && t->n[phase] < SHORTLIST; i++)
		t->list[phase][t->n[phase]++] = all[i].price;
	free(all);
}

/* ---- the answer under another configuration ---- */

static enum rc choose(struct tornado *t, const struct config *c, double rate_count,
                      enum phase phase, struct choice *best, struct err *e)
{
	const struct pricer p = {.config = c,
	                         .engine = t->sweep->engine,
	                         .routings = t->routings,
	                         .scratch = t->scratch,
	                         .arena = t->arena};

	*best = (struct choice){NULL, HUGE_VAL};
	for (size_t i = 0; i < t->n[phase]; i++) {
		struct sweep_group group;
		struct pool_price now;
		double npus_count;

		TRY(plan_reprice(&p, t->list[phase][i], phase, &group, &now, e));
		if (now.why_not || !plan_usable(&now, phase, 1))
			continue;
		npus_count = npus_needed(&now, rate_count, c->plan.load_ratio);
		if (npus_count < best->npus_count)
			*best = (struct choice){t->list[phase][i], npus_count};
	}
	return RC_OK;
}

static enum rc answer(struct tornado *t, const struct config *c, double rate_count,
                      struct choice best[PHASES], double *npus_count, struct err *e)
{
	*npus_count = 0;
	for (enum phase phase = 0; phase < PHASES; phase++) {
		TRY(choose(t, c, rate_count, phase, &best[phase], e));
		*npus_count += best[phase].npus_count;
	}
	return RC_OK;
}

/* ---- numbers ---- */

static double *number_at(const struct field *table, void *object, const char *path)
{
	size_t n = strcspn(path, ".");

	for (; table->kind; table++) {
		void *slot = (char *)object + table->offset;

		if (strlen(table->key) != n || memcmp(table->key, path, n) != 0)
			continue;
		if (table->kind == FIELD_GROUP && path[n] == '.')
			return number_at(table->group, slot, path + n + 1);
		return table->kind == FIELD_QUANTITY && !path[n] ? slot : NULL;
	}
	return NULL;
}

/* Requests a second that a configuration means, when the plan's own means the plan's rate. */
static double rate_of(const struct tornado *t, const struct config *c)
{
	const struct config *own = t->sweep->config;
	double base = own->plan.rate_count > 0 ? own->plan.rate_count : own->workload.rate_count;
	double now = c->plan.rate_count > 0 ? c->plan.rate_count : c->workload.rate_count;

	if (!(base > 0) || !(now > 0)) /* of a trace */
		base = now = 1;
	return t->plan->rate_count * now / base * c->plan.times_ratio / own->plan.times_ratio;
}

struct number {
	const char *path;
	double sd_ratio;
	struct config side[2]; /* one sd down, up */
};

static enum rc swing_add(struct tornado *t, const struct number *x, const struct choice own[PHASES],
                         struct err *e)
{
	struct plan_swing s = {.path = x->path, .sd_ratio = x->sd_ratio};
	struct plan_tornado *o = t->out;

	for (int i = 0; i < 2; i++) {
		struct choice best[PHASES];
		double npus_count;
		bool other;

		TRY(answer(t, &x->side[i], rate_of(t, &x->side[i]), best, &npus_count, e));
		other = best[0].price != own[0].price || best[1].price != own[1].price;
		*(i ? &s.high_npus_count : &s.low_npus_count) = npus_count;
		*(i ? &s.high_rechosen : &s.low_rechosen) = other && isfinite(npus_count);
	}
	if (s.low_npus_count == o->npus_count && s.high_npus_count == o->npus_count)
		return RC_OK;
	o->swing = heap_resize(o->swing, o->n + 1, sizeof *o->swing);
	o->swing[o->n++] = s;
	return RC_OK;
}

/* On the scale on which it is normal, within its bounds. */
static enum rc machine_numbers(struct tornado *t, const struct choice own[PHASES], struct err *e)
{
	const struct config *c = t->sweep->config;
	struct parameter list[MOST_PARAMETERS];
	size_t n;

	TRY(parameters_list(&c->machine, c->notes[SECTION_MACHINE], list, &n, e));
	for (size_t i = 0; i < n; i++) {
		const struct parameter *p = list + i;
		double at = parameter_free_units(p, p->value_units);
		double sd = parameter_free_sd_units(p, p->value_units, p->sd_ratio);
		struct number x = {.sd_ratio = p->sd_ratio, .side = {*c, *c}};

		x.path = arena_print(t->arena, "machine.%s", p->path);
		parameter_set(p, &x.side[0].machine, parameter_value_units(p, at - sd));
		parameter_set(p, &x.side[1].machine, parameter_value_units(p, at + sd));
		TRY(swing_add(t, &x, own, e));
	}
	return RC_OK;
}

static enum rc kernel_numbers(struct tornado *t, const struct choice own[PHASES], struct err *e)
{
	const struct config *c = t->sweep->config;
	double sd_ratio = c->machine.calibration.kernel_sd_ratio;
	struct number dispatch = {"kernels of dispatch", sd_ratio, {*c, *c}};
	struct number combine = {"kernels of combine", sd_ratio, {*c, *c}};

	if (!(sd_ratio > 0))
		return RC_OK;
	for (int i = 0; i < 2; i++) {
		double excess_ratio = expm1(i ? sd_ratio : -sd_ratio);

		dispatch.side[i].machine.dispatch_excess_ratio = excess_ratio;
		combine.side[i].machine.combine_excess_ratio = excess_ratio;
	}
	TRY(swing_add(t, &dispatch, own, e));
	return swing_add(t, &combine, own, e);
}

/* Of the workload and the plan: as a share of the value. */
static enum rc other_numbers(struct tornado *t, enum section s, size_t offset,
                             const struct choice own[PHASES], struct err *e)
{
	const struct config *c = t->sweep->config;

	for (const struct note *note = c->notes[s]; note; note = note->next) {
		struct number x = {.sd_ratio = note->sd_ratio, .side = {*c, *c}};
		bool known = note->sd_ratio > 0;

		for (int i = 0; known && i < 2; i++) {
			double *number = number_at(section_fields(s), (char *)&x.side[i] + offset,
			                           note->path);

			known = number;
			if (number)
				*number *= i ? 1 + note->sd_ratio : 1 / (1 + note->sd_ratio);
		}
		if (!known)
			continue;
		x.path = arena_print(t->arena, "%s.%s", section_names[s], note->path);
		TRY(swing_add(t, &x, own, e));
	}
	return RC_OK;
}

/* ---- all ---- */

static double width(const struct plan_swing *s)
{
	bool low = isfinite(s->low_npus_count), high = isfinite(s->high_npus_count);

	return low && high ? fabs(s->high_npus_count - s->low_npus_count) : HUGE_VAL;
}

static int by_width(const void *a, const void *b)
{
	const struct plan_swing *x = a, *y = b;

	if (width(x) != width(y))
		return width(x) > width(y) ? -1 : 1;
	return strcmp(x->path, y->path);
}

static enum rc run(struct tornado *t, struct err *e)
{
	struct choice own[PHASES];

	for (enum phase phase = 0; phase < PHASES; phase++)
		shortlist(t, phase);
	TRY(answer(t, t->sweep->config, t->plan->rate_count, own, &t->out->npus_count, e));
	TRY(machine_numbers(t, own, e));
	TRY(kernel_numbers(t, own, e));
	TRY(other_numbers(t, SECTION_WORKLOAD, offsetof(struct config, workload), own, e));
	return other_numbers(t, SECTION_PLAN, offsetof(struct config, plan), own, e);
}

enum rc plan_tornado(const struct sweep *s, const struct plan *p, struct arena *a,
                     struct plan_tornado *out, struct err *e)
{
	struct plan_tornado mine = {.npus_count = 0};
	struct tornado t = {.sweep = s,
	                    .plan = p,
	                    .routings = routing_cache_new(&s->config->routing),
	                    .scratch = step_scratch_new(),
	                    .arena = a,
	                    .out = &mine};
	enum rc rc = run(&t, e);

	step_scratch_free(t.scratch);
	routing_cache_free(t.routings);
	if (rc == RC_OK && mine.n > 0) {
		qsort(mine.swing, mine.n, sizeof *mine.swing, by_width);
		out->swing = arena_alloc(a, mine.n * sizeof *mine.swing);
		memcpy(out->swing, mine.swing, mine.n * sizeof *mine.swing);
	}
	free(mine.swing);
	if (rc == RC_OK)
		out->npus_count = mine.npus_count, out->n = mine.n;
	return rc;
}
