#include "sim/plan_compare.h"
#include <math.h>
#include <string.h>
#include "sim/sweep_price.h"

static double npus_used(const struct pool_price *p, const struct plan *plan, double load_ratio)
{
	return plan->rate_count * p->npu_s / load_ratio;
}

static void note_why(const struct pool_price *p, enum phase phase, struct plan_effect *x)
{
	struct sweep_point of = {.prefill = p, .decode = p};
	static const char *const names[PHASES] = {"TTFT", "TPOT"};

	if (*x->why_not)
		return;
	if (p->why_not)
		snprintf(x->why_not, WHY_SIZE, "%s: %s", phase_names[phase], p->why_not);
	else if (p->memory.total_bytes > point_memory_limit_bytes(&of))
		snprintf(x->why_not, WHY_SIZE, "%s: no memory", phase_names[phase]);
	else if (!plan_usable(p, phase, 1))
		snprintf(x->why_not, WHY_SIZE, "%s misses its budget", names[phase]);
}

enum rc plan_effect(const struct plan_answer *first, const struct plan_answer *other,
                    const struct config *c, const struct engine *engine, struct plan_effect *out,
                    struct err *e)
{
	struct pricer p = {.config = c, .engine = engine, .arena = arena_new()};
	double load_ratio = c->plan.load_ratio;
	struct plan_effect x = {.first_npus_count = 0};
	enum rc rc = RC_OK;

	for (enum phase phase = 0; rc == RC_OK && phase < PHASES; phase++) {
		const struct pool_price *own = first->plan.pool[phase].price;
		struct sweep_group group;

		rc = plan_reprice(&p, own, phase, &group, &x.same[phase], e);
		if (rc != RC_OK)
			break;
		note_why(&x.same[phase], phase, &x);
		x.first_npus_count +=
		        npus_used(own, &first->plan, own->group->config->plan.load_ratio);
		x.same_npus_count += npus_used(&x.same[phase], &other->plan, load_ratio);
		x.own_npus_count +=
		        npus_used(other->plan.pool[phase].price, &other->plan, load_ratio);
		if (x.same[phase].why_not)
			x.same_npus_count = NAN;
		x.same[phase].group = NULL, x.same[phase].why_not = NULL;
	}
	arena_free(p.arena);
	if (rc == RC_OK)
		*out = x;
	return rc;
}

double plan_exchange_s(const struct pool_price *p)
{
	double sum_s = 0;

	for (size_t i = 0; step_phases[i]; i++) {
		if (strcmp(step_phases[i], "dispatch") == 0 ||
		    strcmp(step_phases[i], "combine") == 0)
			sum_s += p->phase_s[i];
	}
	return sum_s;
}
