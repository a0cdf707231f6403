#include "sim/calibrate.h"
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"

const char *const fold_names[] = {"group", "source", "kernel", "row", "none", NULL};

/* Everything shared by the fits of one calibration. Rows stand in an order of their own, so that
 * sums do not depend on the order given. */
struct work {
	struct machine prior; /* all parameters at their priors */
	const struct calibrate_options *options;
	struct arena *arena;
	struct parameter all[MOST_PARAMETERS], fit[MOST_PARAMETERS];
	size_t n_all, n_fit, at[MOST_PARAMETERS]; /* fit[i] is all[at[i]] */
	const struct observation **row;
	size_t *place; /* in the order given */
	size_t n_rows;
	const char **kernel; /* sorted */
	size_t *row_kernel;
	size_t n_kernels;
	const double *start; /* of the folds: the solution with all rows */
	/* folds */
	const char **row_fold; /* of each row */
	const char **fold;     /* their names, sorted */
	size_t n_folds;
	atomic_size_t next;
	struct forecast *left; /* by row */
};

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

static size_t name_at(const char *const *name, size_t n, const char *text)
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

static void rows_init(struct work *w, const struct observation *const *row, size_t n)
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

/* ---- which parameters ------------------------------------------------------------------------ */

/* Does any row's time change when the parameter moves by its prior's sd? */
static bool is_felt(const struct work *w, struct predictor *predictor, const struct parameter *p)
{
	double sd = parameter_free_sd_units(p, p->prior_units, p->prior_sd_ratio);
	double u = parameter_free_units(p, p->prior_units), base_s = 0, low_s = 0, high_s = 0;
	struct machine low = w->prior, high = w->prior;
	struct err e;

	parameter_set(p, &low, parameter_value_units(p, u - sd));
	parameter_set(p, &high, parameter_value_units(p, u + sd));
	for (size_t i = 0; i < w->n_rows; i++) {
		CHECK(predict(predictor, &w->prior, w->row[i], &base_s, &e) == RC_OK);
		CHECK(predict(predictor, &low, w->row[i], &low_s, &e) == RC_OK);
		CHECK(predict(predictor, &high, w->row[i], &high_s, &e) == RC_OK);
		if (low_s != base_s || high_s != base_s)
			return true;
	}
	return false;
}

static void parameters_choose(struct work *w, struct calibrated *out)
{
	struct predictor *predictor = predictor_new();

	for (size_t i = 0; i < w->n_all; i++) {
		struct parameter *p = &w->all[i];

		if (w->options->from_values)
			p->prior_units = p->value_units, p->prior_sd_ratio = p->sd_ratio;
		parameter_set(p, &w->prior, p->prior_units);
	}
	for (size_t i = 0; i < w->n_all; i++) {
		if (!w->all[i].fit)
			continue;
		if (!is_felt(w, predictor, &w->all[i])) {
			out->idle[out->n_idle++] = i;
			continue;
		}
		out->fitted[out->n_fitted++] = i;
		w->at[w->n_fit] = i;
		w->fit[w->n_fit++] = w->all[i];
	}
	predictor_free(predictor);
}

/* ---- fits ------------------------------------------------------------------------------------ */

static struct fit_problem problem_of(const struct work *w)
{
	return (struct fit_problem){.machine = &w->prior,
	                            .parameter = w->fit,
	                            .n = w->n_fit,
	                            .row = w->row,
	                            .n_rows = w->n_rows,
	                            .row_kernel = w->row_kernel,
	                            .n_kernels = w->n_kernels};
}

/* The solution as a belief: fitted values, joint covariance, and the parameters that were not
 * fitted as they were. Kernels without a row (left out with their fold) are dropped. */
static void belief_make(const struct work *w, const struct fit_problem *q, const struct fit *f,
                        const char *const *kernel, struct belief *b)
{
	size_t n = w->n_all + q->n_kernels, k;

	*b = (struct belief){.n = w->n_all,
	                     .n_kernels = q->n_kernels,
	                     .kernel_sd_ratio = f->tau_ratio,
	                     .residual_sd_ratio = f->sigma_ratio,
	                     .kernel = heap_zeroed(q->n_kernels + 1, sizeof *b->kernel),
	                     .kernel_log_ratio =
	                             heap_zeroed(q->n_kernels + 1, sizeof *b->kernel_log_ratio),
	                     .covariance_units = heap_zeroed(n * n + 1, sizeof(double))};
	fit_machine(q, f->x_units, &b->machine);
	memcpy(b->parameter, w->all, sizeof w->all);
	for (size_t i = 0; i < w->n_all; i++)
		b->covariance_units[i * n + i] =
		        pow(parameter_free_sd_units(&w->all[i], w->all[i].prior_units,
		                                    w->all[i].prior_sd_ratio),
		            2);
	for (size_t i = 0; i < f->n_all; i++) {
		size_t row = i < q->n ? w->at[i] : w->n_all + i - q->n;

		for (size_t j = 0; j < f->n_all; j++) {
			size_t column = j < q->n ? w->at[j] : w->n_all + j - q->n;

			b->covariance_units[row * n + column] =
			        f->covariance_units[i * f->n_all + j];
		}
	}
	for (k = 0; k < q->n_kernels; k++) {
		b->kernel[k] = kernel[k];
		b->kernel_log_ratio[k] = f->tau_ratio * f->x_units[q->n + k];
	}
	for (size_t i = 0; i < w->n_all; i++) {
		struct parameter *p = &b->parameter[i];
		double sd = sqrt(b->covariance_units[i * n + i]);

		p->value_units = parameter_get_units(p, &b->machine);
		p->sd_ratio = parameter_relative_sd_ratio(p, p->value_units, sd);
	}
}

static void start_draw(const struct work *w, uint64_t start, size_t n, double *x)
{
	struct rng r;

	rng_init(&r, w->options->seed, start);
	for (size_t i = 0; i < n; i++)
		x[i] = start == 0 || i >= w->n_fit ? 0 : normal_draw_units(&r);
}

/* The best of several starts, then in full. */
static void fit_all(const struct work *w, struct calibrated *out, struct fit *best)
{
	struct fit_problem q = problem_of(w);
	size_t n = w->n_fit + w->n_kernels, at = 0;
	double *x = heap_zeroed((out->starts + 1) * (n + 1), sizeof *x);
	double *cost = heap_zeroed(out->starts + 1, sizeof *cost);

	for (size_t s = 0; s < out->starts; s++) {
		struct fit f;

		start_draw(w, s, n, x + s * n);
		fit_first(&q, x + s * n, &f);
		memcpy(x + s * n, f.x_units, n * sizeof *x);
		cost[s] = f.cost_units;
		if (cost[s] < cost[at])
			at = s;
		fit_fini(&f);
	}
	for (size_t s = 0; s < out->starts; s++)
		out->n_starts_alike += cost[s] - cost[at] <= cost[at] / 1024;
	fit_run(&q, x + at * n, best);
	free(cost);
	free(x);
}

/* Leaves parameters at their priors that the rows hardly tell: they would move by chance. The
 * others' start is in x. Returns whether there were any. */
static bool untold_drop(struct work *w, struct calibrated *out, const struct fit *f, double *x)
{
	const double told_ratio = 0.95; /* sd after over before */
	size_t kept = 0, n_before = w->n_fit;

	for (size_t i = 0; i < w->n_fit; i++) {
		const struct parameter *p = &w->fit[i];
		double sd = sqrt(f->covariance_units[i * (f->n_all + 1)]);

		if (sd >
		    told_ratio * parameter_free_sd_units(p, p->prior_units, p->prior_sd_ratio)) {
			out->untold[out->n_untold++] = w->at[i];
			continue;
		}
		x[kept] = f->x_units[i];
		w->at[kept] = out->fitted[kept] = w->at[i];
		w->fit[kept++] = w->fit[i];
	}
	w->n_fit = out->n_fitted = kept;
	memcpy(x + kept, f->x_units + n_before, w->n_kernels * sizeof *x);
	return kept < n_before;
}

/* The fit of all rows with the parameters that they tell. */
static void fit_told(struct work *w, struct calibrated *out, struct fit *f)
{
	double *x = heap_zeroed(w->n_fit + w->n_kernels + 1, sizeof *x);
	struct fit_problem q;

	fit_all(w, out, f);
	if (untold_drop(w, out, f, x)) { /* perhaps all: then kernel ratios alone */
		q = problem_of(w);
		fit_fini(f);
		fit_run(&q, x, f);
	}
	free(x);
}

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

static void folds_all(struct work *w)
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
static double rest_sd(const struct work *w, double fitted)
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

/* ---- result ---------------------------------------------------------------------------------- */

static void widen(struct field_list *range, struct arena *a, int64_t value)
{
	if (range->n == 0) {
		*range = (struct field_list){.n = 2, .number = arena_alloc(a, 2 * sizeof(double))};
		range->number[0] = range->number[1] = (double)value;
	}
	range->number[0] = fmin(range->number[0], (double)value);
	range->number[1] = fmax(range->number[1], (double)value);
}

static void range_make(const struct work *w, struct calibration *c)
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

static void rows_judge(const struct work *w, const struct fit *f, struct calibrated *out)
{
	struct predictor *p = predictor_new();
	struct err e;

	out->row = heap_zeroed(w->n_rows + 1, sizeof *out->row);
	out->left = heap_zeroed(w->n_rows + 1, sizeof *out->left);
	out->weight_ratio = heap_zeroed(w->n_rows + 1, sizeof *out->weight_ratio);
	out->kernel_rows = heap_zeroed(w->n_kernels + 1, sizeof *out->kernel_rows);
	out->n_left = w->n_folds > 1 ? w->n_rows : 0;
	for (size_t i = 0; i < w->n_rows; i++) {
		const struct observation *o = w->row[i];
		struct forecast fit;

		CHECK(belief_forecast(&out->belief, p, o, &fit, &e) == RC_OK);
		out->row[w->place[i]] = forecast_judge(o, &fit, &out->range);
		out->weight_ratio[w->place[i]] = f->weight_ratio[i];
		out->kernel_rows[w->row_kernel[i]]++;
		if (out->n_left > 0) {
			forecast_spread(&w->left[i], out->belief.residual_sd_ratio,
			                out->belief.kernel_sd_ratio);
			out->left[w->place[i]] = forecast_judge(o, &w->left[i], &out->range);
		}
	}
	predictor_free(p);
}

enum rc calibrate(const struct machine *m, const struct note *notes, const char *where,
                  const struct observation *const *row, size_t n_rows,
                  const struct calibrate_options *options, struct arena *a, struct calibrated *out,
                  struct err *e)
{
	struct work *w = arena_alloc(a, sizeof *w);
	struct fit_problem q;
	struct fit f;

	CHECK(options->starts >= 1 && n_rows >= 1);
	*out = (struct calibrated){.starts = options->starts, .n_rows = n_rows};
	w->prior = *m, w->options = options, w->arena = a;
	TRY(parameters_list(m, notes, w->all, &w->n_all, e));
	rows_init(w, row, n_rows);
	parameters_choose(w, out);
	if (w->n_fit == 0)
		return fail(e, RC_CONFIG,
		            "%s: nothing to fit: no parameter that these rows depend on has "
		            "`fit: yes` and an sd",
		            where);
	fit_told(w, out, &f);
	if (options->progress)
		options->progress(options->progress_data, 1, w->n_folds + 1);
	q = problem_of(w);
	belief_make(w, &q, &f, w->kernel, &out->belief);
	w->start = f.x_units;
	if (w->n_folds > 1)
		folds_all(w);
	range_make(w, &out->range);
	out->fit_sd_ratio = f.sigma_ratio;
	out->belief.residual_sd_ratio = rest_sd(w, f.sigma_ratio);
	out->effective_count = f.effective_count;
	rows_judge(w, &f, out);
	fit_fini(&f);
	return RC_OK;
}

void calibrated_fini(struct calibrated *c)
{
	belief_fini(&c->belief);
	free(c->weight_ratio);
	free(c->kernel_rows);
	free(c->row);
	free(c->left);
	*c = (struct calibrated){0};
}

double belief_correlation_ratio(const struct belief *b, size_t i, size_t j)
{
	size_t n = b->n + b->n_kernels;
	double variance = b->covariance_units[i * n + i] * b->covariance_units[j * n + j];

	return variance > 0 ? b->covariance_units[i * n + j] / sqrt(variance) : 0;
}
