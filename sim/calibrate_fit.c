/* Which parameters are fitted, and the fit of all rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "sim/calibrate_work.h"

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

void parameters_choose(struct work *w, struct calibrated *out)
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

struct fit_problem problem_of(const struct work *w)
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
void belief_make(const struct work *w, const struct fit_problem *q, const struct fit *f,
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
void fit_told(struct work *w, struct calibrated *out, struct fit *f)
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
