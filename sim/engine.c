#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "sim/overload.h"

const struct engine *const engines[] = {&engine_estimate, &engine_fluid, &engine_simgrid, NULL};

const struct engine *engine_find(const char *name, struct err *e)
{
	const char *names[sizeof engines / sizeof *engines] = {NULL};
	char near[128];
	for (size_t k = 0; engines[k]; k++) {
		if (strcmp(engines[k]->name, name) == 0)
			return engines[k];
		names[k] = engines[k]->name;
	}
	fail(e, RC_CONFIG, "no engine is called '%s'%s", name,
	     hint(near, sizeof near, name, names));
	return NULL;
}

void timeline_init(struct timeline *t)
{
	*t = (struct timeline){0};
}

/* One block holds both arrays: start_s owns it, finish_s is its second half. */
void timeline_resize(struct timeline *t, uint32_t n_activities)
{
	if (n_activities != t->n_activities || !t->start_s)
		t->start_s = heap_resize(t->start_s, 2 * (size_t)n_activities, sizeof(double));
	t->finish_s = t->start_s + n_activities;
	t->n_activities = n_activities;
	t->makespan_s = 0;
	t->event_count = 0;
}

void timeline_fini(struct timeline *t)
{
	free(t->start_s);
	timeline_init(t);
}

/* The least time for the work of activity i, with all resources to itself. */
static double solo_time(const struct graph *g, uint32_t i)
{
	double time_s = g->work_units[i] / g->cap_per_s[i];
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
		time_s = fmax(time_s, g->work_units[i] * g->use_weight_ratio[k] /
		                              g->capacity_per_s[g->use_resource[k]]);
	return time_s;
}

/* Starts when the predecessors are done, keeps the latency, and works for a possible time. */
static void check_times(const struct graph *g, const struct timeline *t, double slack_s)
{
	double last_s = 0;
	for (uint32_t i = 0; i < g->n_activities; i++) {
		double ready_s = 0, busy_s = t->finish_s[i] - t->start_s[i] - g->latency_s[i];
		for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++)
			ready_s = fmax(ready_s, t->finish_s[g->pred[k]]);
		CHECK(fabs(t->start_s[i] - ready_s) <= slack_s);
		CHECK(busy_s >= solo_time(g, i) - slack_s);
		CHECK(g->work_units[i] > 0 || busy_s <= slack_s);
		last_s = fmax(last_s, t->finish_s[i]);
	}
	CHECK(t->makespan_s == last_s);
}

void timeline_check(const struct graph *g, const struct timeline *t, double slack_ratio)
{
	struct overload worst;
	struct timeline bound;
	struct err e;
	CHECK(t->n_activities == g->n_activities);
	check_times(g, t, slack_ratio * t->makespan_s);
	CHECK(!timeline_overload(g, t, slack_ratio, &worst));
	timeline_init(&bound);
	CHECK(engine_estimate.run(g, &(struct engine_options){0}, &bound, &e) == RC_OK);
	CHECK(bound.makespan_s <= t->makespan_s * (1 + slack_ratio));
	timeline_fini(&bound);
}

/* Of the activities in list (all of them when list is NULL), the first that ends last. */
static uint32_t last_to_finish(const struct timeline *t, const uint32_t *list, size_t n)
{
	uint32_t last = list ? list[0] : 0;
	for (size_t k = 1; k < n; k++) {
		uint32_t i = list ? list[k] : (uint32_t)k;
		if (t->finish_s[i] > t->finish_s[last])
			last = i;
	}
	return last;
}

void timeline_by_label(const struct graph *g, const struct timeline *t, double *out_s)
{
	for (uint32_t l = 0; l < g->n_labels; l++)
		out_s[l] = 0;
	if (g->n_activities == 0)
		return;
	uint32_t i = last_to_finish(t, NULL, g->n_activities);
	double until_s = t->makespan_s;
	for (;;) {
		size_t begin = g->pred_begin[i], n = g->pred_begin[i + 1] - begin;
		out_s[g->label[i]] += until_s - t->start_s[i];
		until_s = t->start_s[i];
		if (n == 0)
			return;
		i = last_to_finish(t, g->pred + begin, n);
	}
}
