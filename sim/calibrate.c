#include "sim/calibrate.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/calibrate_work.h"

const char *const fold_names[] = {"group", "source", "kernel", "row", "none", NULL};
const char *const shared_state_names[] = {"told", "untold", "idle", NULL};

static void rows_judge(const struct work *w, const struct part *m, const struct fit *f)
{
	struct calibrated *out = m->out;
	struct predictor *p = predictor_new();
	struct err e;

	out->row = heap_zeroed(out->n_rows + 1, sizeof *out->row);
	out->left = heap_zeroed(out->n_rows + 1, sizeof *out->left);
	out->weight_ratio = heap_zeroed(out->n_rows + 1, sizeof *out->weight_ratio);
	out->kernel_rows = heap_zeroed(out->belief.n_kernels + 1, sizeof *out->kernel_rows);
	out->n_left = w->n_folds > 1 ? out->n_rows : 0;
	for (size_t i = m->row_from; i < m->row_to; i++) {
		const struct observation *o = w->row[i];
		struct forecast fit;

		CHECK(belief_forecast(&out->belief, p, o, &fit, &e) == RC_OK);
		out->row[w->place[i]] = forecast_judge(o, &fit, &out->range);
		out->weight_ratio[w->place[i]] = f->weight_ratio[i];
		out->kernel_rows[w->row_kernel[i] - m->kernel_from]++;
		if (out->n_left > 0) {
			forecast_spread(&w->left[i], out->belief.residual_sd_ratio,
			                out->belief.kernel_sd_ratio);
			out->left[w->place[i]] = forecast_judge(o, &w->left[i], &out->range);
		}
	}
	predictor_free(p);
}

/* Machines by name, so that their order changes no sum. */
static int part_compare(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int by = strcmp(x->given->name, y->given->name);

	return by ? by : (x->given > y->given) - (x->given < y->given);
}

static void priors_set(struct part *p)
{
	for (size_t i = 0; i < p->n_all; i++) {
		struct parameter *q = &p->all[i];

		if (p->given->from_values)
			q->prior_units = q->value_units, q->prior_sd_ratio = q->sd_ratio;
		parameter_set(q, &p->prior, q->prior_units);
		p->shared[i] = NOT_SHARED;
	}
}

static enum rc work_init(struct work *w, const struct calibrate_machine *m, size_t n,
                         const struct calibrate_options *options, struct arena *a,
                         struct calibrated *out, struct err *e)
{
	CHECK(options->starts >= 1 && n >= 1);
	w->options = options, w->arena = a, w->n_parts = n;
	w->part = arena_alloc(a, n * sizeof *w->part);
	w->fit_part = arena_alloc(a, n * sizeof *w->fit_part);
	for (size_t k = 0; k < n; k++) {
		CHECK(m[k].n_rows >= 1);
		out[k] = (struct calibrated){.starts = options->starts, .n_rows = m[k].n_rows};
		w->part[k].given = &m[k], w->part[k].out = &out[k];
	}
	qsort(w->part, n, sizeof *w->part, part_compare);
	for (size_t k = 0; k < n; k++) {
		struct part *p = &w->part[k];

		p->prior = *p->given->machine;
		TRY(parameters_list(p->given->machine, p->given->notes, p->all, &p->n_all, e));
		priors_set(p);
	}
	return RC_OK;
}

static enum rc nothing_to_fit(const struct work *w, struct err *e)
{
	return fail(e, RC_CONFIG,
	            "%s: nothing to fit: no parameter that these rows depend on has `fit: yes` and "
	            "an sd",
	            w->part->given->where);
}

/* What is left to say of one machine once all folds are done. */
static void part_finish(const struct work *w, size_t part, const struct fit *f, double rest)
{
	const struct part *p = &w->part[part];
	struct calibrated *out = p->out;

	out->n_joint_rows = w->n_rows;
	range_make(w, p, &out->range);
	out->fit_sd_ratio = f->sigma_ratio;
	out->belief.residual_sd_ratio = rest;
	out->n_starts_alike = w->n_starts_alike;
	for (size_t i = p->row_from; i < p->row_to; i++)
		out->effective_count += f->leverage_ratio[i];
	rows_judge(w, p, f);
}

/* After share_read(). */
static enum rc work_run(struct work *w, struct err *e)
{
	struct problem q;
	struct fit f;
	double rest;

	work_rows(w);
	parameters_choose(w);
	if (w->n_unknowns == 0)
		return nothing_to_fit(w, e);
	fit_told(w, &f);
	if (w->options->progress)
		w->options->progress(w->options->progress_data, 1, w->n_folds + 1);
	q = problem_of(w);
	for (size_t k = 0; k < w->n_parts; k++)
		belief_make(w, k, &q, &f, &w->part[k].out->belief);
	w->start_units = f.x_units;
	if (w->n_folds > 1)
		folds_all(w);
	rest = rest_sd_ratio(w, f.sigma_ratio);
	for (size_t k = 0; k < w->n_parts; k++)
		part_finish(w, k, &f, rest);
	fit_fini(&f);
	return RC_OK;
}

enum rc calibrate(const struct machine *m, const struct note *notes, const char *where,
                  const struct observation *const *row, size_t n_rows,
                  const struct calibrate_options *options, struct arena *a, struct calibrated *out,
                  struct err *e)
{
	const struct calibrate_machine one = {
	        m->name, m, notes, where, row, n_rows, options->from_values};
	struct work *w = arena_alloc(a, sizeof *w);

	TRY(work_init(w, &one, 1, options, a, out, e));
	return work_run(w, e);
}

/* From the order by name to the one given, rising. */
static void shared_place(const struct work *w, const struct calibrate_machine *m,
                         struct shared_parameter *s)
{
	for (size_t k = 0; k < s->n_machines; k++)
		s->machine[k] = (size_t)(w->part[s->machine[k]].given - m);
	for (size_t k = 1; k < s->n_machines; k++) {
		for (size_t j = k; j > 0 && s->machine[j - 1] > s->machine[j]; j--) {
			size_t machine = s->machine[j], at = s->at[j];

			s->machine[j] = s->machine[j - 1], s->at[j] = s->at[j - 1];
			s->machine[j - 1] = machine, s->at[j - 1] = at;
		}
	}
}

enum rc calibrate_joint(const struct calibrate_machine *m, size_t n, const char *share,
                        const struct calibrate_options *options, struct arena *a,
                        struct calibrated *out, struct joint *joint, struct err *e)
{
	struct work *w = arena_alloc(a, sizeof *w);

	*joint = (struct joint){0};
	TRY(work_init(w, m, n, options, a, out, e));
	TRY(share_read(w, share, joint, e));
	TRY(work_run(w, e));
	for (size_t s = 0; s < w->n_shared; s++)
		shared_place(w, m, &w->shared[s]);
	joint->shared = w->shared, joint->n_shared = w->n_shared;
	joint->n_rows = w->n_rows, joint->n_kernels = w->n_kernels;
	joint->n_parameters = w->n_unknowns;
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
