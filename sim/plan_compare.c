#include "sim/plan_compare.h"
#include <math.h>
#include <string.h>
#include "sim/sweep_price.h"

static void need_add(const struct pool_price *p, int64_t each, double rate_count, double load_ratio,
                     struct plan_need *out)
{
	double npus_count = rate_count * p->npu_s / load_ratio;
	int64_t n = (int64_t)ceil(npus_count / (double)each);

	out->npus += (n < 1 ? 1 : n) * each;
	out->npus_count += npus_count;
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

static enum rc phase_effect(const struct pricer *p, const struct plan *first,
                            const struct plan *other, enum phase phase, struct plan_effect *x,
                            struct err *e)
{
	const struct pool_price *before = first->pool[phase].price, *own = other->pool[phase].price;
	int64_t each = schedule_npus(&before->group->schedule);
	double load_ratio = p->config->plan.load_ratio;
	struct sweep_group group;

	TRY(plan_reprice(p, before, phase, &group, &x->same[phase], e));
	note_why(&x->same[phase], phase, x);
	need_add(before, each, first->rate_count, before->group->config->plan.load_ratio,
	         &x->first);
	if (x->same[phase].why_not)
		x->possible = false;
	else
		need_add(&x->same[phase], each, other->rate_count, load_ratio, &x->same_need);
	need_add(own, schedule_npus(&own->group->schedule), other->rate_count, load_ratio, &x->own);
	x->same[phase].group = NULL, x->same[phase].why_not = NULL;
	return RC_OK;
}

enum rc plan_effect(const struct plan_answer *first, const struct plan_answer *other,
                    const struct config *c, const struct engine *engine, struct plan_effect *out,
                    struct err *e)
{
	struct pricer p = {.config = c, .engine = engine, .arena = arena_new()};
	struct plan_effect x = {.possible = true};
	enum rc rc = RC_OK;

	for (enum phase phase = 0; rc == RC_OK && phase < PHASES; phase++)
		rc = phase_effect(&p, &first->plan, &other->plan, phase, &x, e);
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
