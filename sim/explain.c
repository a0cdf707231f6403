#include "sim/explain.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"

static const double faster_ratio = 1.1;
static const double rounding_ratio = 0x1p-40;

const char *loss_name(enum loss l)
{
	static const char *const names[LOSSES] = {"work", "contention", "latency",
	                                          "synchronisation"};

	return names[l];
}

/* Best time of one activity alone. */
static double solo_s(const struct graph *g, uint32_t i)
{
	double rate = g->cap_per_s[i];

	if (!(g->work_units[i] > 0))
		return 0;
	for (size_t u = g->use_begin[i]; u < g->use_begin[i + 1]; u++)
		rate = fmin(rate, g->capacity_per_s[g->use_resource[u]] / g->use_weight_ratio[u]);
	return g->work_units[i] / rate;
}

/* Best time of all that the activity's rank does under its label, were the rank alone: transfers
 * to many peers share their own port, which is no contention. load: scratch, one a resource. */
static double rank_alone_s(const struct graph *g, uint32_t i, double *load)
{
	double most_s = solo_s(g, i);

	memset(load, 0, g->n_resources * sizeof *load);
	for (uint32_t k = 0; k < g->n_activities; k++) {
		if (g->label[k] != g->label[i] || g->rank[k] != g->rank[i])
			continue;
		for (size_t u = g->use_begin[k]; u < g->use_begin[k + 1]; u++)
			load[g->use_resource[u]] += g->use_weight_ratio[u] * g->work_units[k];
	}
	for (size_t u = g->use_begin[i]; u < g->use_begin[i + 1]; u++) {
		uint32_t r = g->use_resource[u];

		most_s = fmax(most_s, load[r] / g->capacity_per_s[r]);
	}
	return most_s;
}

/* The predecessor that activity i waited for; n_activities when it had none. */
static uint32_t waited_for(const struct graph *g, const struct timeline *t, uint32_t i)
{
	uint32_t last = g->n_activities;

	for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++) {
		if (last == g->n_activities || t->finish_s[g->pred[k]] > t->finish_s[last])
			last = g->pred[k];
	}
	return last;
}

static uint32_t last_finisher(const struct timeline *t)
{
	uint32_t last = 0;

	for (uint32_t i = 1; i < t->n_activities; i++) {
		if (t->finish_s[i] > t->finish_s[last])
			last = i;
	}
	return last;
}

/* Splits the time from start to `until` of an activity on the path. */
static void split(const struct graph *g, const struct timeline *t, uint32_t i, double until_s,
                  struct explain_row *row, double *load)
{
	double time_s = until_s - t->start_s[i];
	double latency_s = fmin(g->latency_s[i], time_s);
	double work_s = fmin(rank_alone_s(g, i, load), time_s - latency_s);

	/* alone up to rounding of the dates */
	if (time_s - latency_s - work_s < rounding_ratio * until_s)
		work_s = time_s - latency_s;
	if (work_s < rounding_ratio * until_s)
		work_s = 0, latency_s = time_s;

	row->path_s += time_s;
	if (g->is_sync[i]) {
		row->loss_s[LOSS_SYNC] += time_s;
		return;
	}
	row->loss_s[LOSS_LATENCY] += latency_s;
	row->loss_s[LOSS_WORK] += work_s;
	row->loss_s[LOSS_CONTENTION] += time_s - latency_s - work_s;
}

static void walk(const struct graph *g, const struct timeline *t, struct explain_row *row,
                 double *load)
{
	uint32_t i = last_finisher(t);
	double until_s = t->makespan_s;

	while (i < g->n_activities) {
		split(g, t, i, until_s, &row[g->label[i]], load);
		until_s = t->start_s[i];
		i = waited_for(g, t, i);
	}
}

static void spans(const struct graph *g, const struct timeline *t, struct explain_row *row)
{
	for (uint32_t l = 0; l < g->n_labels; l++)
		row[l] = (struct explain_row){.label = g->label_text[l], .first_s = INFINITY};
	for (uint32_t i = 0; i < g->n_activities; i++) {
		struct explain_row *r = &row[g->label[i]];

		r->first_s = fmin(r->first_s, t->start_s[i]);
		r->last_s = fmax(r->last_s, t->finish_s[i]);
	}
}

/* Utilisation of the fullest resource of each kind by one label's work over its span. */
static void busiest(const struct graph *g, struct explain_row *row, uint32_t label, double *load)
{
	double most[RESOURCE_KINDS] = {0}, span_s = row->last_s - row->first_s;

	memset(load, 0, g->n_resources * sizeof *load);
	for (uint32_t i = 0; i < g->n_activities; i++) {
		for (size_t u = g->use_begin[i]; g->label[i] == label && u < g->use_begin[i + 1];
		     u++)
			load[g->use_resource[u]] += g->use_weight_ratio[u] * g->work_units[i];
	}
	for (uint32_t r = 0; r < g->n_resources; r++)
		most[g->kind[r]] = fmax(most[g->kind[r]], load[r] / g->capacity_per_s[r] / span_s);
	for (enum resource_kind k = 0; span_s > 0 && k < RESOURCE_KINDS; k++) {
		if (most[k] > row->busiest_ratio) {
			row->second = row->busiest, row->second_ratio = row->busiest_ratio;
			row->busiest = k, row->busiest_ratio = most[k];
		} else if (most[k] > row->second_ratio) {
			row->second = k, row->second_ratio = most[k];
		}
	}
}

static int by_first(const void *a, const void *b)
{
	const struct explain_row *x = a, *y = b;

	if (x->first_s != y->first_s)
		return x->first_s < y->first_s ? -1 : 1;
	return strcmp(x->label, y->label);
}

static void rows_make(const struct graph *g, const struct timeline *t, struct explanation *out)
{
	double *load = heap_zeroed(g->n_resources + 1, sizeof *load);
	size_t kept = 0;

	out->row = heap_zeroed(g->n_labels + 1, sizeof *out->row);
	spans(g, t, out->row);
	walk(g, t, out->row, load);
	for (uint32_t l = 0; l < g->n_labels; l++) {
		if (!(out->row[l].path_s > 0))
			continue;
		busiest(g, &out->row[l], l, load);
		for (enum loss k = 0; k < LOSSES; k++)
			out->loss_s[k] += out->row[l].loss_s[k];
		out->row[kept++] = out->row[l];
	}
	out->n_rows = kept;
	qsort(out->row, kept, sizeof *out->row, by_first);
	free(load);
}

/* ---- what would change ---- */

/* Prices a graph like the explained one with something faster in it. */
static enum rc gain_of(const struct graph *like, const char *what, const struct engine *engine,
                       const struct engine_options *options, struct explanation *out, struct err *e)
{
	struct timeline t;
	enum rc rc;

	timeline_init(&t);
	rc = engine->run(like, options, &t, e);
	if (rc == RC_OK)
		out->gain[out->n_gains++] = (struct explain_gain){
		        what, t.makespan_s, (out->makespan_s - t.makespan_s) / out->makespan_s};
	timeline_fini(&t);
	return rc;
}

static double *scaled_copy(const double *values, size_t n, double factor)
{
	double *copy = heap_zeroed(n + 1, sizeof *copy);

	for (size_t i = 0; i < n; i++)
		copy[i] = values[i] * factor;
	return copy;
}

static bool is_network(enum resource_kind kind)
{
	switch (kind) {
	case RES_HBM:
	case RES_COPY:
	case RES_CUBE:
	case RES_OTHER:
		return false;
	default:
		return true;
	}
}

/* Resources of one kind, or (kind RESOURCE_KINDS) all that rows pass on their way. */
static enum rc resource_gain(const struct graph *g, enum resource_kind kind,
                             const struct engine *engine, const struct engine_options *options,
                             struct explanation *out, struct err *e)
{
	bool network = kind == RESOURCE_KINDS, any = false;
	struct graph like = *g;
	enum rc rc = RC_OK;

	like.capacity_per_s = scaled_copy(g->capacity_per_s, g->n_resources, 1);
	for (uint32_t r = 0; r < g->n_resources; r++) {
		enum resource_kind is = (enum resource_kind)g->kind[r];

		if (network ? is_network(is) : is == kind)
			like.capacity_per_s[r] *= faster_ratio, any = true;
	}
	if (any)
		rc = gain_of(&like, network ? "whole network" : resource_kind_name(kind), engine,
		             options, out, e);
	free(like.capacity_per_s);
	return rc;
}

static enum rc fixed_gains(const struct graph *g, const struct engine *engine,
                           const struct engine_options *options, struct explanation *out,
                           struct err *e)
{
	struct graph like = *g;
	enum rc rc;

	like.latency_s = scaled_copy(g->latency_s, g->n_activities, 1 / faster_ratio);
	rc = gain_of(&like, "latency", engine, options, out, e);
	free(like.latency_s);
	like = *g;
	if (rc == RC_OK) {
		like.cap_per_s = scaled_copy(g->cap_per_s, g->n_activities, faster_ratio);
		rc = gain_of(&like, "caps", engine, options, out, e);
		free(like.cap_per_s);
	}
	return rc;
}

static int by_saving(const void *a, const void *b)
{
	const struct explain_gain *x = a, *y = b;

	if (x->saved_ratio != y->saved_ratio)
		return x->saved_ratio > y->saved_ratio ? -1 : 1;
	return strcmp(x->what, y->what);
}

enum rc explain(const struct graph *g, const struct engine *engine,
                const struct engine_options *options, struct explanation *out, struct err *e)
{
	struct explanation x = {0};
	struct timeline t;
	enum rc rc;

	timeline_init(&t);
	rc = engine->run(g, options, &t, e);
	if (rc == RC_OK) {
		x.makespan_s = t.makespan_s;
		rows_make(g, &t, &x);
		for (enum resource_kind k = 0; rc == RC_OK && k <= RESOURCE_KINDS; k++)
			rc = resource_gain(g, k, engine, options, &x, e);
	}
	if (rc == RC_OK)
		rc = fixed_gains(g, engine, options, &x, e);
	timeline_fini(&t);
	if (rc != RC_OK)
		return explain_fini(&x), rc;
	qsort(x.gain, x.n_gains, sizeof *x.gain, by_saving);
	*out = x;
	return RC_OK;
}

void explain_fini(struct explanation *x)
{
	free(x->row);
	*x = (struct explanation){0};
}
