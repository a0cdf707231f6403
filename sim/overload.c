#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "sim/overload.h"

struct instant {
	double at_s;
	uint32_t activity;
};

/* One resource's account while the activities pass in order of time. */
struct account {
	double since_s; /* when the stretch begins or ends; NAN before the first use */
	double moved_units;
};

static int by_time(const void *a, const void *b)
{
	const struct instant *x = a, *y = b;
	if (x->at_s != y->at_s)
		return x->at_s < y->at_s ? -1 : 1;
	return x->activity < y->activity ? -1 : x->activity > y->activity;
}

static double begin_of(const struct graph *g, const struct timeline *t, uint32_t i)
{
	return t->start_s[i] + g->latency_s[i];
}

/* The widest stretch: the first beginning (or, backwards, the last end) on each resource. */
static void open_accounts(const struct graph *g, const struct timeline *t, bool backwards,
                          struct account *accounts)
{
	for (uint32_t r = 0; r < g->n_resources; r++)
		accounts[r] = (struct account){.since_s = NAN};
	for (uint32_t i = 0; i < g->n_activities; i++) {
		double at_s = backwards ? -t->finish_s[i] : begin_of(g, t, i);
		if (g->work_units[i] == 0)
			continue;
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
			struct account *a = &accounts[g->use_resource[k]];
			a->since_s = isnan(a->since_s) ? at_s : fmin(a->since_s, at_s);
		}
	}
}

/* Backwards is the same account with time's sign turned: ends become beginnings. */
static bool audit(const struct graph *g, const struct timeline *t, double slack_s, bool backwards,
                  struct instant *order, struct account *accounts, struct overload *worst)
{
	bool found = false;
	double worst_ratio = 1;
	for (uint32_t i = 0; i < g->n_activities; i++) {
		double at_s = backwards ? -begin_of(g, t, i) : t->finish_s[i];
		order[i] = (struct instant){at_s, i};
	}
	qsort(order, g->n_activities, sizeof *order, by_time);
	open_accounts(g, t, backwards, accounts);
	for (uint32_t n = 0; n < g->n_activities; n++) {
		uint32_t i = order[n].activity;
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
			uint32_t r = g->use_resource[k];
			struct account *a = &accounts[r];
			a->moved_units += g->use_weight_ratio[k] * g->work_units[i];
			double allowed =
			        g->capacity_per_s[r] * (order[n].at_s - a->since_s + slack_s);
			if (g->work_units[i] == 0 || a->moved_units <= worst_ratio * allowed)
				continue;
			worst_ratio = a->moved_units / allowed;
			*worst = (struct overload){r, a->moved_units, allowed};
			found = true;
		}
	}
	return found;
}

bool timeline_overload(const struct graph *g, const struct timeline *t, double slack_ratio,
                       struct overload *worst)
{
	struct instant *order = heap_resize(NULL, g->n_activities, sizeof *order);
	struct account *accounts = heap_resize(NULL, g->n_resources, sizeof *accounts);
	double slack_s = slack_ratio * t->makespan_s;
	struct overload late = {0};
	bool found = audit(g, t, slack_s, false, order, accounts, worst);
	if (audit(g, t, slack_s, true, order, accounts, &late)) {
		if (!found || late.moved_units * worst->allowed_units >
		                      worst->moved_units * late.allowed_units)
			*worst = late;
		found = true;
	}
	free(order);
	free(accounts);
	return found;
}
