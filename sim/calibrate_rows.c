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

enum { NUMBERS = 9 };

static void numbers_of(const struct observation *o, int64_t out[NUMBERS])
{
	const int64_t all[NUMBERS] = {o->ep,
	                              o->hidden,
	                              o->top_k,
	                              o->experts,
	                              (int64_t)o->dispatch,
	                              o->vector_cores,
	                              (int64_t)o->notify,
	                              (int64_t)o->rdma_only,
	                              (int64_t)o->quantised_before};

	memcpy(out, all, sizeof all);
}

static int observation_compare(const struct observation *a, const struct observation *b)
{
	int64_t one[NUMBERS], two[NUMBERS];
	int by = strcmp(a->kernel, b->kernel);

	if (by == 0)
		by = strcmp(a->flow, b->flow);
	numbers_of(a, one);
	numbers_of(b, two);
	for (size_t i = 0; by == 0 && i < NUMBERS; i++)
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

/* Rows are of one machine where their kernel is or their group; a source may have measured several.
 */
static const char *fold_name(const struct work *w, size_t i)
{
	const struct observation *o = w->row[i];
	const char *name;

	switch (w->options->fold) {
	case FOLD_SOURCE:
		return o->source;
	case FOLD_KERNEL:
		name = o->kernel;
		break;
	case FOLD_ROW:
		return arena_print(w->arena, "%08zu", i);
	default:
		name = o->group;
	}
	return w->n_parts == 1
	               ? name
	               : arena_print(w->arena, "%s: %s", w->part[w->row_part[i]].given->name, name);
}

/* Appends one machine's rows and its kernels. */
static void part_rows(struct work *w, size_t part)
{
	struct part *p = &w->part[part];
	const struct calibrate_machine *m = p->given;
	struct placed *v = heap_zeroed(m->n_rows + 1, sizeof *v);
	size_t row = w->n_rows, kernel = w->n_kernels;

	for (size_t i = 0; i < m->n_rows; i++)
		v[i] = (struct placed){m->row[i], i};
	qsort(v, m->n_rows, sizeof *v, placed_compare);
	for (size_t i = 0; i < m->n_rows; i++) {
		w->row[row + i] = v[i].o, w->place[row + i] = v[i].place;
		w->row_part[row + i] = part;
		w->kernel[kernel + i] = v[i].o->kernel;
	}
	free(v);
	p->row_from = row, p->row_to = w->n_rows = row + m->n_rows;
	p->kernel_from = kernel;
	p->kernel_to = w->n_kernels = kernel + names_unique(w->kernel + kernel, m->n_rows);
	for (size_t i = row; i < p->row_to; i++) {
		size_t k = kernel;

		while (strcmp(w->kernel[k], w->row[i]->kernel) != 0)
			k++;
		w->row_kernel[i] = k;
		w->kernel_part[k] = part;
	}
}

void work_rows(struct work *w)
{
	size_t n = 1;

	for (size_t p = 0; p < w->n_parts; p++)
		n += w->part[p].given->n_rows;
	w->row = arena_alloc(w->arena, n * sizeof *w->row);
	w->row_part = arena_alloc(w->arena, n * sizeof *w->row_part);
	w->place = arena_alloc(w->arena, n * sizeof *w->place);
	w->kernel = arena_alloc(w->arena, n * sizeof *w->kernel);
	w->kernel_part = arena_alloc(w->arena, n * sizeof *w->kernel_part);
	w->row_kernel = arena_alloc(w->arena, n * sizeof *w->row_kernel);
	w->fold = arena_alloc(w->arena, n * sizeof *w->fold);
	w->row_fold = arena_alloc(w->arena, n * sizeof *w->row_fold);
	w->left = arena_alloc(w->arena, n * sizeof *w->left);
	for (size_t p = 0; p < w->n_parts; p++)
		part_rows(w, p);
	for (size_t i = 0; i < w->n_rows; i++)
		w->fold[i] = w->row_fold[i] = fold_name(w, i);
	w->n_folds = w->options->fold == FOLD_NONE ? 0 : names_unique(w->fold, w->n_rows);
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

void range_make(const struct work *w, const struct part *p, struct calibration *c)
{
	size_t n = p->row_to - p->row_from;
	const char **flow = arena_alloc(w->arena, (n + 1) * sizeof *flow);

	for (size_t i = 0; i < n; i++) {
		const struct observation *o = w->row[p->row_from + i];

		flow[i] = o->flow;
		widen(&c->ep, w->arena, o->ep);
		widen(&c->hidden, w->arena, o->hidden);
		for (size_t k = 0; k < o->n_batches; k++)
			widen(&c->tokens, w->arena, o->tokens[k]);
	}
	c->flows = (struct field_list){.n = names_unique(flow, n), .text = flow};
	c->rows = (int64_t)n;
}
