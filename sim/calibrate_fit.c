/* Which parameters are fitted, and the fit of all rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "sim/calibrate_work.h"

/* ---- which parameters ------------------------------------------------------------------------ */

/* Does any row's time change when the parameter moves by its prior's sd? */
static bool is_felt(const struct work *w, const struct part *part, struct predictor *predictor,
                    const struct parameter *p)
{
	double sd = parameter_free_sd_units(p, p->prior_units, p->prior_sd_ratio);
	double u = parameter_free_units(p, p->prior_units), base_s = 0, low_s = 0, high_s = 0;
	struct machine low = part->prior, high = part->prior;
	struct err e;

	parameter_set(p, &low, parameter_value_units(p, u - sd));
	parameter_set(p, &high, parameter_value_units(p, u + sd));
	for (size_t i = part->row_from; i < part->row_to; i++) {
		CHECK(predict(predictor, &part->prior, w->row[i], &base_s, &e) == RC_OK);
		CHECK(predict(predictor, &low, w->row[i], &low_s, &e) == RC_OK);
		CHECK(predict(predictor, &high, w->row[i], &high_s, &e) == RC_OK);
		if (low_s != base_s || high_s != base_s)
			return true;
	}
	return false;
}

/* A shared parameter is felt where any of its machines feels it. */
static void parameters_feel(struct work *w)
{
	struct predictor *predictor = predictor_new();

	for (size_t k = 0; k < w->n_parts; k++) {
		struct part *p = &w->part[k];

		for (size_t i = 0; i < p->n_all; i++) {
			p->felt[i] = p->all[i].fit && is_felt(w, p, predictor, &p->all[i]);
			if (p->felt[i] && p->shared[i] != NOT_SHARED)
				w->shared[p->shared[i]].state = SHARED_TOLD;
		}
	}
	predictor_free(predictor);
}

/* Gives the i-th parameter of a machine its unknown; of_shared: those given so far. */
static void parameter_take(struct work *w, struct part *p, size_t i, size_t *of_shared)
{
	struct parameter *q = &p->fit[p->n_fit];
	size_t s = p->shared[i], *unknown = &p->unknown[p->n_fit];

	*q = p->all[i];
	if (s == NOT_SHARED || of_shared[s] == NOT_SHARED)
		*unknown = w->n_unknowns++;
	else
		*unknown = of_shared[s];
	if (s != NOT_SHARED) {
		of_shared[s] = *unknown;
		q->prior_sd_ratio = w->shared[s].prior_sd_ratio;
	}
	p->at[p->n_fit++] = i;
	p->out->fitted[p->out->n_fitted++] = i;
}

/* What fits see of the machines. */
static void parts_show(struct work *w)
{
	for (size_t k = 0; k < w->n_parts; k++)
		w->fit_part[k] = (struct fit_part){.machine = &w->part[k].prior,
		                                   .parameter = w->part[k].fit,
		                                   .unknown = w->part[k].unknown,
		                                   .n = w->part[k].n_fit};
}

void parameters_choose(struct work *w)
{
	size_t *of_shared = heap_zeroed(w->n_shared + 1, sizeof *of_shared);

	for (size_t s = 0; s < w->n_shared; s++)
		of_shared[s] = NOT_SHARED;
	parameters_feel(w);
	for (size_t k = 0; k < w->n_parts; k++) {
		struct part *p = &w->part[k];

		for (size_t i = 0; i < p->n_all; i++) {
			size_t s = p->shared[i];

			if (!p->all[i].fit)
				continue;
			if (s == NOT_SHARED ? p->felt[i] : w->shared[s].state == SHARED_TOLD)
				parameter_take(w, p, i, of_shared);
			else
				p->out->idle[p->out->n_idle++] = i;
		}
	}
	free(of_shared);
	parts_show(w);
}

/* ---- fits ------------------------------------------------------------------------------------ */

struct problem problem_of(const struct work *w)
{
	return (struct problem){.fit = {.part = w->fit_part,
	                                .n_parts = w->n_parts,
	                                .n = w->n_unknowns,
	                                .row = w->row,
	                                .row_part = w->row_part,
	                                .n_rows = w->n_rows,
	                                .row_kernel = w->row_kernel,
	                                .n_kernels = w->n_kernels},
	                        .kernel = w->kernel,
	                        .kernel_part = w->kernel_part};
}

/* Where a machine's unknowns stand in a fit and in its belief. */
struct places {
	size_t *fit, *belief;
	size_t n;
};

static void places_make(const struct part *p, size_t part, const struct problem *q,
                        struct places *out)
{
	size_t most = p->n_fit + q->fit.n_kernels + 1, kernels = 0;

	*out = (struct places){heap_zeroed(most, sizeof(size_t)), heap_zeroed(most, sizeof(size_t)),
	                       0};
	for (size_t i = 0; i < p->n_fit; i++) {
		out->fit[out->n] = p->unknown[i];
		out->belief[out->n++] = p->at[i];
	}
	for (size_t k = 0; k < q->fit.n_kernels; k++) {
		if (q->kernel_part[k] != part)
			continue;
		out->fit[out->n] = q->fit.n + k;
		out->belief[out->n++] = p->n_all + kernels++;
	}
}

/* Parameters at their priors, sd and all, as the prior machine has them; room for kernels. */
static void belief_start(const struct part *p, const struct fit *f, size_t n_kernels,
                         struct belief *b)
{
	size_t n = p->n_all + n_kernels;

	*b = (struct belief){.n = p->n_all,
	                     .n_kernels = n_kernels,
	                     .kernel_sd_ratio = f->tau_ratio,
	                     .residual_sd_ratio = f->sigma_ratio,
	                     .kernel = heap_zeroed(n_kernels + 1, sizeof *b->kernel),
	                     .kernel_log_ratio =
	                             heap_zeroed(n_kernels + 1, sizeof *b->kernel_log_ratio),
	                     .covariance_units = heap_zeroed(n * n + 1, sizeof(double))};
	memcpy(b->parameter, p->all, sizeof p->all);
	for (size_t i = 0; i < p->n_all; i++)
		b->covariance_units[i * n + i] =
		        pow(parameter_free_sd_units(&p->all[i], p->all[i].prior_units,
		                                    p->all[i].prior_sd_ratio),
		            2);
}

void belief_make(const struct work *w, size_t part, const struct problem *q, const struct fit *f,
                 struct belief *b)
{
	const struct part *p = &w->part[part];
	struct places at;
	size_t n;

	places_make(p, part, q, &at);
	belief_start(p, f, at.n - p->n_fit, b);
	fit_machine(&q->fit.part[part], f->x_units, &b->machine);
	n = b->n + b->n_kernels;
	for (size_t i = 0; i < at.n; i++) {
		for (size_t j = 0; j < at.n; j++)
			b->covariance_units[at.belief[i] * n + at.belief[j]] =
			        f->covariance_units[at.fit[i] * f->n_all + at.fit[j]];
	}
	for (size_t k = 0; k < b->n_kernels; k++) {
		b->kernel[k] = q->kernel[at.fit[p->n_fit + k] - q->fit.n];
		b->kernel_log_ratio[k] = f->tau_ratio * f->x_units[at.fit[p->n_fit + k]];
	}
	for (size_t i = 0; i < p->n_all; i++) {
		struct parameter *r = &b->parameter[i];
		double sd = sqrt(b->covariance_units[i * n + i]);

		r->value_units = parameter_get_units(r, &b->machine);
		r->sd_ratio = parameter_relative_sd_ratio(r, r->value_units, sd);
	}
	free(at.fit);
	free(at.belief);
}

static void start_draw(const struct work *w, uint64_t start, size_t n, double *x)
{
	struct rng r;

	rng_init(&r, w->options->seed, start);
	for (size_t i = 0; i < n; i++)
		x[i] = start == 0 || i >= w->n_unknowns ? 0 : normal_draw_units(&r);
}

/* The best of several starts, then in full. */
static void fit_all(struct work *w, struct fit *best)
{
	struct problem q = problem_of(w);
	size_t n = w->n_unknowns + w->n_kernels, starts = w->options->starts, at = 0;
	double *x = heap_zeroed((starts + 1) * (n + 1), sizeof *x);
	double *cost = heap_zeroed(starts + 1, sizeof *cost);

	for (size_t s = 0; s < starts; s++) {
		struct fit f;

		start_draw(w, s, n, x + s * n);
		fit_first(&q.fit, x + s * n, &f);
		memcpy(x + s * n, f.x_units, n * sizeof *x);
		cost[s] = f.cost_units;
		if (cost[s] < cost[at])
			at = s;
		fit_fini(&f);
	}
	for (size_t s = 0; s < starts; s++)
		w->n_starts_alike += cost[s] - cost[at] <= cost[at] / 1024;
	fit_run(&q.fit, x + at * n, best);
	free(cost);
	free(x);
}

/* Takes parameters without an unknown out of a machine. */
static void part_drop(struct work *w, struct part *p, const size_t *unknown)
{
	struct calibrated *out = p->out;
	size_t kept = 0;

	for (size_t i = 0; i < p->n_fit; i++) {
		size_t shared = p->shared[p->at[i]], u = unknown[p->unknown[i]];

		if (u == NOT_SHARED) {
			out->untold[out->n_untold++] = p->at[i];
			if (shared != NOT_SHARED)
				w->shared[shared].state = SHARED_UNTOLD;
			continue;
		}
		p->at[kept] = out->fitted[kept] = p->at[i];
		p->unknown[kept] = u;
		p->fit[kept++] = p->fit[i];
	}
	p->n_fit = out->n_fitted = kept;
}

/* Is an unknown's sd after the fit well below that before? Set by any machine's parameter. */
static void unknowns_told(const struct work *w, const struct fit *f, bool *told)
{
	const double told_ratio = 0.95; /* sd after over before */

	for (size_t k = 0; k < w->n_parts; k++) {
		for (size_t i = 0; i < w->part[k].n_fit; i++) {
			const struct parameter *p = &w->part[k].fit[i];
			size_t u = w->part[k].unknown[i];
			double sd = sqrt(f->covariance_units[u * (f->n_all + 1)]);

			told[u] = !(sd > told_ratio * parameter_free_sd_units(p, p->prior_units,
			                                                      p->prior_sd_ratio));
		}
	}
}

/* Leaves parameters at their priors that the rows hardly tell: they would move by chance. The
 * others' start is in x. Returns whether there were any. */
static bool untold_drop(struct work *w, const struct fit *f, double *x)
{
	size_t kept = 0, n_before = w->n_unknowns;
	bool *told = heap_zeroed(n_before + 1, sizeof *told);
	size_t *unknown = heap_zeroed(n_before + 1, sizeof *unknown);

	unknowns_told(w, f, told);
	for (size_t u = 0; u < n_before; u++) {
		unknown[u] = told[u] ? kept : NOT_SHARED;
		x[kept] = f->x_units[u];
		kept += told[u];
	}
	for (size_t k = 0; k < w->n_parts; k++)
		part_drop(w, &w->part[k], unknown);
	w->n_unknowns = kept;
	parts_show(w);
	memcpy(x + kept, f->x_units + n_before, w->n_kernels * sizeof *x);
	free(told);
	free(unknown);
	return kept < n_before;
}

void fit_told(struct work *w, struct fit *f)
{
	double *x = heap_zeroed(w->n_unknowns + w->n_kernels + 1, sizeof *x);

	fit_all(w, f);
	if (untold_drop(w, f, x)) { /* perhaps all: then kernel ratios alone */
		struct problem q = problem_of(w);

		fit_fini(f);
		fit_run(&q.fit, x, f);
	}
	free(x);
}
