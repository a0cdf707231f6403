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
	size_t *row_kernel;
	const char **kernel;
	size_t n_rows, n_kernels;
	double *start;
};

static void rest_make(const struct work *w, const char *fold, struct rest *r)
{
	r->row = heap_zeroed(w->n_rows + 1, sizeof *r->row);
	r->row_kernel = heap_zeroed(w->n_rows + 1, sizeof *r->row_kernel);
	r->kernel = heap_zeroed(w->n_rows + 1, sizeof *r->kernel);
	r->start = heap_zeroed(w->n_fit + w->n_kernels + 1, sizeof *r->start);
	r->n_rows = r->n_kernels = 0;
	memcpy(r->start, w->start, w->n_fit * sizeof *r->start);
	for (size_t i = 0; i < w->n_rows; i++) {
		size_t k;

		if (strcmp(w->row_fold[i], fold) == 0)
			continue;
		k = name_at(r->kernel, r->n_kernels, w->row[i]->kernel);
		if (k == r->n_kernels) {
			r->kernel[r->n_kernels++] = w->row[i]->kernel;
			r->start[w->n_fit + k] = w->start[w->n_fit + w->row_kernel[i]];
		}
		r->row_kernel[r->n_rows] = k;
		r->row[r->n_rows++] = w->row[i];
	}
}

static void fold_run(struct work *w, size_t at)
{
	struct predictor *p = predictor_new();
	struct fit_problem q = problem_of(w);
	struct rest r;
	struct belief b;
	struct fit f;
	struct err e;

	rest_make(w, w->fold[at], &r);
	q.row = r.row, q.row_kernel = r.row_kernel;
	q.n_rows = r.n_rows, q.n_kernels = r.n_kernels;
	fit_run(&q, r.start, &f);
	belief_make(w, &q, &f, r.kernel, &b);
	for (size_t i = 0; i < w->n_rows; i++) {
		if (strcmp(w->row_fold[i], w->fold[at]) == 0)
			CHECK(belief_forecast(&b, p, w->row[i], &w->left[i], &e) == RC_OK);
	}
	belief_fini(&b);
	fit_fini(&f);
	predictor_free(p);
	free(r.row);
	free(r.row_kernel);
	free(r.kernel);
	free(r.start);
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
double rest_sd(const struct work *w, double fitted)
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
		v[n].weight_ratio = w->row[i]->weight_ratio *
		                    pow(fitted / hypot(fitted, w->row[i]->rounding_ratio), 2);
		all += v[n++].weight_ratio;
	}
	qsort(v, n, sizeof *v, needed_compare);
	for (size_t i = 0; i < n; i++) {
		sum += v[i].weight_ratio;
		if (sum >= covered_ratio * all)
			return fmax(fitted, v[i].sd_ratio);
	}
	return fitted;
}
