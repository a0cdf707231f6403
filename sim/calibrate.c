#include "sim/calibrate.h"
#include <math.h>
#include <stdlib.h>
#include "sim/calibrate_work.h"

const char *const fold_names[] = {"group", "source", "kernel", "row", "none", NULL};

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
	work_rows(w, row, n_rows);
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
