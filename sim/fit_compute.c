#include "sim/fit_compute.h"
#include "models/base/arena.h"
#include "models/base/rng.h"
#include <gsl/gsl_blas.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Choices of the method, not of any machine: residuals beyond `loss_scale` count less and less
 * (Cauchy), an estimate may move by `reach` either way, and so on. */
static const double loss_scale = 0.05, reach = 30, least_share = 0.01, bound_margin = 0.005,
                    start_spread = 1.5;
enum { STARTS = 8, MOST_ITERATIONS = 200 };

const struct field *compute_law_field(enum compute_law law)
{
	for (const struct field *f = machine_fields; f->kind != FIELD_END; f++) {
		if (strcmp(f->key, compute_law_groups[law]) == 0)
			return f;
	}
	CHECK(!"a law is a group of the machine");
	return NULL;
}

double *fit_slot(struct machine *m, enum compute_law law, const struct field *field)
{
	char *group = (char *)m + compute_law_field(law)->offset;

	return (double *)(void *)(group + field->offset);
}

static bool is_free(const struct field *field, const char *group, const struct note *notes)
{
	char path[128];
	const struct note *note;

	if (field->kind != FIELD_QUANTITY)
		return false;
	snprintf(path, sizeof path, "%s.%s", group, field->key);
	note = note_find(notes, path);
	return note && note->fit;
}

static void parameters_find(struct machine *m, const struct law_request *q, struct law_fit *out)
{
	const struct field *group = compute_law_field(q->law);

	for (const struct field *f = group->group; f->kind != FIELD_END; f++) {
		struct law_parameter *p = &out->parameter[out->n_parameters];
		double value;

		if (!is_free(f, group->key, q->notes))
			continue;
		value = *fit_slot(m, q->law, f);
		if (!(value > 0))
			continue;
		CHECK(out->n_parameters < MOST_FIT_PARAMETERS);
		*p = (struct law_parameter){.field = f, .start = value, .value = value};
		p->least = f->most > 0 ? f->most * least_share : value / reach;
		p->most = f->most > 0 ? f->most : value * reach;
		out->n_parameters++;
	}
}

/* A free number to one within the bounds, and back: logistic in the logarithm. */
static double inside(const struct law_parameter *p, double u)
{
	return p->least * pow(p->most / p->least, 1 / (1 + exp(-u)));
}

static double outside(const struct law_parameter *p, double value)
{
	double share = log(value / p->least) / log(p->most / p->least);

	share = fmin(fmax(share, bound_margin), 1 - bound_margin);
	return log(share / (1 - share));
}

struct problem {
	struct machine machine;
	const struct law_request *request;
	struct law_fit *fit;
};

static void place(struct problem *p, const gsl_vector *u)
{
	for (size_t i = 0; i < p->fit->n_parameters; i++) {
		const struct law_parameter *x = &p->fit->parameter[i];

		*fit_slot(&p->machine, p->request->law, x->field) = inside(x, gsl_vector_get(u, i));
	}
}

/* The square of what this returns is Cauchy's loss, so that plain least squares minimises it. */
static double residual(const struct machine *m, const struct compute_row *row)
{
	double r = log(compute_row_s(m, row) / row->measured_s) / loss_scale;

	return copysign(sqrt(log1p(r * r)), r);
}

static int residuals(const gsl_vector *u, void *data, gsl_vector *out)
{
	struct problem *p = data;

	place(p, u);
	for (size_t i = 0; i < p->request->n_rows; i++)
		gsl_vector_set(out, i, residual(&p->machine, p->request->rows[i]));
	return GSL_SUCCESS;
}

/* Runs to a minimum from u, which it moves there; returns the loss. */
static double descend(gsl_multifit_nlinear_workspace *w, struct problem *p, gsl_vector *u)
{
	gsl_multifit_nlinear_fdf fdf = {
	        .f = residuals, .n = p->request->n_rows, .p = p->fit->n_parameters, .params = p};
	/* lint: convergence of the method, not of the world */
	const double small = 1e-8; /* lint: convergence */
	double loss;
	int info;

	gsl_multifit_nlinear_init(u, &fdf, w);
	gsl_multifit_nlinear_driver(MOST_ITERATIONS, small, small, small, NULL, NULL, &info, w);
	gsl_vector_memcpy(u, gsl_multifit_nlinear_position(w));
	gsl_blas_ddot(gsl_multifit_nlinear_residual(w), gsl_multifit_nlinear_residual(w), &loss);
	return loss;
}

static void starts(struct problem *p, gsl_multifit_nlinear_workspace *w, gsl_vector *best)
{
	gsl_vector *u = gsl_vector_alloc(p->fit->n_parameters);
	double least_loss = HUGE_VAL;
	struct rng r;

	rng_init(&r, p->request->seed, (uint64_t)p->request->law);
	for (int start = 0; start < STARTS; start++) {
		double loss;

		for (size_t i = 0; i < p->fit->n_parameters; i++) {
			const struct law_parameter *x = &p->fit->parameter[i];
			double shift = (2 * rng_uniform_ratio(&r) - 1) * start_spread;

			gsl_vector_set(u, i, outside(x, x->start) + (start > 0 ? shift : 0));
		}
		loss = descend(w, p, u);
		if (loss < least_loss) {
			least_loss = loss;
			gsl_vector_memcpy(best, u);
		}
	}
	gsl_vector_free(u);
}

/* Relative: d ln(value) = ln(most / least) s (1 - s) du. */
static double stretch(const struct law_parameter *p, double u)
{
	double s = 1 / (1 + exp(-u));

	return log(p->most / p->least) * s * (1 - s);
}

static void partner_find(struct law_fit *fit, const gsl_matrix *covariance, size_t i)
{
	struct law_parameter *p = &fit->parameter[i];

	p->partner = i;
	for (size_t k = 0; k < fit->n_parameters; k++) {
		double both = gsl_matrix_get(covariance, i, i) * gsl_matrix_get(covariance, k, k);
		double r = both > 0 ? gsl_matrix_get(covariance, i, k) / sqrt(both) : 0;

		if (k != i && fabs(r) > fabs(p->correlation_ratio))
			p->partner = k, p->correlation_ratio = r;
	}
}

static void judge(struct problem *p, gsl_multifit_nlinear_workspace *w, gsl_vector *best)
{
	size_t n = p->fit->n_parameters;
	gsl_matrix *covariance = gsl_matrix_alloc(n, n);
	double loss = descend(w, p, best);
	double scale = loss / (double)(p->request->n_rows - n);

	gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(w), 0, covariance);
	place(p, best);
	for (size_t i = 0; i < n; i++) {
		struct law_parameter *x = &p->fit->parameter[i];
		double u = gsl_vector_get(best, i), share = 1 / (1 + exp(-u));

		x->value = inside(x, u);
		x->at_bound = share < 2 * bound_margin || share > 1 - 2 * bound_margin;
		if (!x->at_bound)
			x->sd_ratio =
			        sqrt(gsl_matrix_get(covariance, i, i) * scale) * stretch(x, u);
		partner_find(p->fit, covariance, i);
	}
	gsl_matrix_free(covariance);
}

static enum rc fit_possible(const struct law_request *q, const struct law_fit *fit, struct err *e)
{
	const char *group = compute_law_groups[q->law];

	if (fit->n_parameters == 0)
		return fail(e, RC_NO, "machine.%s has no number above zero that is marked 'fit'",
		            group);
	if (q->n_rows <= fit->n_parameters)
		return fail(e, RC_NO, "%zu rows are too few for the %zu parameters of machine.%s",
		            q->n_rows, fit->n_parameters, group);
	return RC_OK;
}

enum rc fit_compute(struct machine *m, const struct law_request *q, struct law_fit *out,
                    struct err *e)
{
	gsl_multifit_nlinear_parameters how = gsl_multifit_nlinear_default_parameters();
	struct law_fit fit = {.law = q->law, .n_rows = q->n_rows};
	struct problem p = {.machine = *m, .request = q, .fit = &fit};
	gsl_multifit_nlinear_workspace *w;
	gsl_vector *best;

	parameters_find(m, q, &fit);
	TRY(fit_possible(q, &fit, e));
	w = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &how, q->n_rows,
	                               fit.n_parameters);
	best = gsl_vector_alloc(fit.n_parameters);
	starts(&p, w, best);
	judge(&p, w, best);
	gsl_vector_free(best);
	gsl_multifit_nlinear_free(w);
	fit.errors = compute_errors_of(&p.machine, q->rows, q->n_rows);
	*m = p.machine, *out = fit;
	return RC_OK;
}

enum rc fit_compute_halves(const struct machine *m, const struct law_request *q,
                           struct law_halves *out, struct err *e)
{
	const struct compute_row **half[2];
	size_t n[2] = {0, 0};
	enum rc rc = RC_OK;

	for (int i = 0; i < 2; i++)
		half[i] = heap_zeroed(q->n_rows, sizeof **half);
	for (size_t i = 0; i < q->n_rows; i++)
		half[i % 2][n[i % 2]++] = q->rows[i];
	for (int i = 0; i < 2 && rc == RC_OK; i++) {
		struct machine trial = *m;
		struct law_request part = *q;
		struct law_fit fit;

		part.rows = half[i], part.n_rows = n[i];
		rc = fit_compute(&trial, &part, &fit, e);
		out->fitted[i] = compute_errors_of(&trial, half[i], n[i]);
		out->held_out[i] = compute_errors_of(&trial, half[1 - i], n[1 - i]);
	}
	for (int i = 0; i < 2; i++)
		free(half[i]);
	return rc;
}
