/* How well rows are predicted that were left out: fits of all others. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "sim/calibrate_work.h"

/* ---- folds ----------------------------------------------------------------------------------- */

/* The rows of all other folds, and their kernels. */
struct rest {
	const struct observation **row;
	size_t *row_part, *row_kernel;
	const char **kernel;
	size_t *kernel_part;
	size_t n_rows, n_kernels;
	double *start;
};

static void rest_init(const struct work *w, struct rest *r)
{
	*r = (struct rest){.row = heap_zeroed(w->n_rows + 1, sizeof *r->row),
	                   .row_part = heap_zeroed(w->n_rows + 1, sizeof *r->row_part),
	                   .row_kernel = heap_zeroed(w->n_rows + 1, sizeof *r->row_kernel),
	                   .kernel = heap_zeroed(w->n_rows + 1, sizeof *r->kernel),
	                   .kernel_part = heap_zeroed(w->n_rows + 1, sizeof *r->kernel_part),
	                   .start =
	                           heap_zeroed(w->n_unknowns + w->n_kernels + 1, sizeof *r->start)};
	memcpy(r->start, w->start_units, w->n_unknowns * sizeof *r->start);
}

static void rest_fini(struct rest *r)
{
	free(r->row);
	free(r->row_part);
	free(r->row_kernel);
	free(r->kernel);
	free(r->kernel_part);
	free(r->start);
}

/* Rows stand by machine and kernel: those of one kernel follow each other. */
static void rest_make(const struct work *w, const char *fold, struct rest *r)
{
	size_t last = w->n_kernels;

	rest_init(w, r);
	for (size_t i = 0; i < w->n_rows; i++) {
		size_t k = w->row_kernel[i];

		if (strcmp(w->row_fold[i], fold) == 0)
			continue;
		if (k != last) {
			r->kernel[r->n_kernels] = w->kernel[k];
			r->kernel_part[r->n_kernels] = w->kernel_part[k];
			r->start[w->n_unknowns + r->n_kernels] = w->start_units[w->n_unknowns + k];
			r->n_kernels++;
		}
		last = k;
		r->row_kernel[r->n_rows] = r->n_kernels - 1;
		r->row_part[r->n_rows] = w->row_part[i];
		r->row[r->n_rows++] = w->row[i];
	}
}

static struct problem rest_problem(const struct work *w, const struct rest *r)
{
	struct problem q = problem_of(w);

	q.fit.row = r->row, q.fit.row_part = r->row_part, q.fit.row_kernel = r->row_kernel;
	q.fit.n_rows = r->n_rows, q.fit.n_kernels = r->n_kernels;
	q.kernel = r->kernel, q.kernel_part = r->kernel_part;
	return q;
}

static bool part_in_fold(const struct work *w, const struct part *p, const char *fold)
{
	for (size_t i = p->row_from; i < p->row_to; i++) {
		if (strcmp(w->row_fold[i], fold) == 0)
			return true;
	}
	return false;
}

/* Forecasts of one machine's rows in the fold. */
static void fold_forecast(struct work *w, size_t part, const char *fold, const struct problem *q,
                          const struct fit *f)
{
	const struct part *m = &w->part[part];
	struct predictor *p;
	struct belief b;
	struct err e;

	if (!part_in_fold(w, m, fold))
		return;
	p = predictor_new();
	belief_make(w, part, q, f, &b);
	for (size_t i = m->row_from; i < m->row_to; i++) {
		if (strcmp(w->row_fold[i], fold) == 0)
			CHECK(belief_forecast(&b, p, w->row[i], &w->left[i], &e) == RC_OK);
	}
	belief_fini(&b);
	predictor_free(p);
}

static void fold_run(struct work *w, size_t at)
{
	struct problem q;
	struct rest r;
	struct fit f;

	rest_make(w, w->fold[at], &r);
	q = rest_problem(w, &r);
	fit_run(&q.fit, r.start, &f);
	for (size_t p = 0; p < w->n_parts; p++)
		fold_forecast(w, p, w->fold[at], &q, &f);
	fit_fini(&f);
	rest_fini(&r);
}

static void folds_run(struct work *w, bool report)
{
	for (;;) {
		size_t at = atomic_fetch_add(&w->next, 1);

		if (at >= w->n_folds)
			return;
		fold_run(w, at);
		if (report && w->options->progress)
			w->options->progress(w->options->progress_data, at + 2, w->n_folds + 1);
	}
}

static void *fold_thread(void *data)
{
	folds_run(data, false);
	return NULL;
}

void folds_all(struct work *w)
{
	enum { MOST_THREADS = 256 };
	pthread_t thread[MOST_THREADS];
	int n = 0;

	for (; n < w->options->jobs - 1 && n < MOST_THREADS; n++) {
		if (pthread_create(&thread[n], NULL, fold_thread, w) != 0)
			break; /* fewer threads do the same work */
	}
	folds_run(w, true);
	while (n > 0)
		pthread_join(thread[--n], NULL);
}

/* ---- the rest, as rows that were left out show it -------------------------------------------- */

struct needed {
	double sd_ratio, weight_ratio;
};

static int needed_compare(const void *a, const void *b)
{
	const struct needed *x = a, *y = b;

	return (x->sd_ratio > y->sd_ratio) - (x->sd_ratio < y->sd_ratio);
}

/* The least rest with which nine in ten of the rows left out, whose kernels the others knew, lie in
 * their intervals; at least the fitted rows' own. A fit with as many freedoms as this one is closer
 * to its rows than to others, and its rest must not claim that closeness for them. */
double rest_sd_ratio(const struct work *w, double fitted_ratio)
{
	const double covered_ratio = 0.9;
	struct needed *v = arena_alloc(w->arena, (w->n_rows + 1) * sizeof *v);
	double all = 0, sum = 0;
	size_t n = 0;

	for (size_t i = 0; w->n_folds > 1 && i < w->n_rows; i++) {
		const struct forecast *f = &w->left[i];
		double off = log(f->expected_s / w->row[i]->measured_s) / forecast_quantile_ratio;

		if (!f->kernel_known)
			continue;
		v[n].sd_ratio = sqrt(fmax(0, off * off - pow(f->known_sd_ratio, 2)));
		/* a figure that is rough by itself tells little of the rest */
		v[n].weight_ratio =
		        w->row[i]->weight_ratio *
		        pow(fitted_ratio / hypot(fitted_ratio, w->row[i]->rounding_ratio), 2);
		all += v[n++].weight_ratio;
	}
	qsort(v, n, sizeof *v, needed_compare);
	for (size_t i = 0; i < n; i++) {
		sum += v[i].weight_ratio;
		if (sum >= covered_ratio * all)
			return fmax(fitted_ratio, v[i].sd_ratio);
	}
	return fitted_ratio;
}
