/* The rows of a calibration in an order of their own; their kernels, folds and range. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/calibrate_work.h"

/* ---- order ----------------------------------------------------------------------------------- */

static int batches_compare(const struct observation *a, const struct observation *b)
{
	if (a->n_batches != b->n_batches)
		return a->n_batches < b->n_batches ? -1 : 1;
	for (size_t i = 0; i < a->n_batches; i++) {
		if (a->tokens[i] != b->tokens[i])
			return a->tokens[i] < b->tokens[i] ? -1 : 1;
	}
	return 0;
}

static int observation_compare(const struct observation *a, const struct observation *b)
{
	const int64_t one[] = {a->ep,
	                       a->hidden,
	                       a->top_k,
	                       a->experts,
	                       (int64_t)a->dispatch,
	                       a->vector_cores,
	                       (int64_t)a->notify,
	                       (int64_t)a->rdma_only,
	                       (int64_t)a->quantised_before};
	const int64_t two[] = {b->ep,
	                       b->hidden,
	                       b->top_k,
	                       b->experts,
	                       (int64_t)b->dispatch,
	                       b->vector_cores,
	                       (int64_t)b->notify,
	                       (int64_t)b->rdma_only,
	                       (int64_t)b->quantised_before};
	int by = strcmp(a->kernel, b->kernel);

	if (by == 0)
		by = strcmp(a->flow, b->flow);
	for (size_t i = 0; by == 0 && i < sizeof one / sizeof *one; i++)
		by = (one[i] > two[i]) - (one[i] < two[i]);
	if (by == 0)
		by = batches_compare(a, b);
	if (by == 0)
		by = (a->measured_s > b->measured_s) - (a->measured_s < b->measured_s);
	return by ? by : (a->weight_ratio > b->weight_ratio) - (a->weight_ratio < b->weight_ratio);
}

struct placed {
	const struct observation *o;
	size_t place;
};

static int placed_compare(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int by = observation_compare(x->o, y->o);

	return by ? by : (x->place > y->place) - (x->place < y->place);
}

static int text_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts names and drops repeats; returns how many are left. */
static size_t names_unique(const char **name, size_t n)
{
	size_t kept = 0;

	qsort(name, n, sizeof *name, text_compare);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || strcmp(name[kept - 1], name[i]) != 0)
			name[kept++] = name[i];
	}
	return kept;
}

size_t name_at(const char *const *name, size_t n, const char *text)
{
	size_t i = 0;

	while (i < n && strcmp(name[i], text) != 0)
		i++;
	return i;
}

static const char *fold_name(const struct work *w, size_t i)
{
	const struct observation *o = w->row[i];

	switch (w->options->fold) {
	case FOLD_SOURCE:
		return o->source;
	case FOLD_KERNEL:
		return o->kernel;
	case FOLD_ROW:
		return arena_print(w->arena, "%08zu", i);
	default:
		return o->group;
	}
}

void work_rows(struct work *w, const struct observation *const *row, size_t n)
{
	struct placed *p = heap_zeroed(n + 1, sizeof *p);

	for (size_t i = 0; i < n; i++)
		p[i] = (struct placed){row[i], i};
	qsort(p, n, sizeof *p, placed_compare);
	w->n_rows = n;
	w->row = arena_alloc(w->arena, (n + 1) * sizeof *w->row);
	w->place = arena_alloc(w->arena, (n + 1) * sizeof *w->place);
	w->kernel = arena_alloc(w->arena, (n + 1) * sizeof *w->kernel);
	w->row_kernel = arena_alloc(w->arena, (n + 1) * sizeof *w->row_kernel);
	w->fold = arena_alloc(w->arena, (n + 1) * sizeof *w->fold);
	w->row_fold = arena_alloc(w->arena, (n + 1) * sizeof *w->row_fold);
	w->left = arena_alloc(w->arena, (n + 1) * sizeof *w->left);
	for (size_t i = 0; i < n; i++) {
		w->row[i] = p[i].o, w->place[i] = p[i].place;
		w->kernel[i] = p[i].o->kernel;
		w->fold[i] = w->row_fold[i] = fold_name(w, i);
	}
	w->n_kernels = names_unique(w->kernel, n);
	w->n_folds = w->options->fold == FOLD_NONE ? 0 : names_unique(w->fold, n);
	for (size_t i = 0; i < n; i++)
		w->row_kernel[i] = name_at(w->kernel, w->n_kernels, w->row[i]->kernel);
	free(p);
}

static void widen(struct field_list *range, struct arena *a, int64_t value)
{
	if (range->n == 0) {
		*range = (struct field_list){.n = 2, .number = arena_alloc(a, 2 * sizeof(double))};
		range->number[0] = range->number[1] = (double)value;
	}
	range->number[0] = fmin(range->number[0], (double)value);
	range->number[1] = fmax(range->number[1], (double)value);
}

void range_make(const struct work *w, struct calibration *c)
{
	const char **flow = arena_alloc(w->arena, (w->n_rows + 1) * sizeof *flow);

	for (size_t i = 0; i < w->n_rows; i++) {
		const struct observation *o = w->row[i];

		flow[i] = o->flow;
		widen(&c->ep, w->arena, o->ep);
		widen(&c->hidden, w->arena, o->hidden);
		for (size_t k = 0; k < o->n_batches; k++)
			widen(&c->tokens, w->arena, o->tokens[k]);
	}
	c->flows = (struct field_list){.n = names_unique(flow, w->n_rows), .text = flow};
	c->rows = (int64_t)w->n_rows;
}
