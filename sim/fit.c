#include "sim/fit.h"
#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Priors of the two spreads, each worth so many observations: published figures of one kernel
 * repeat within 5 %, kernels for the same work differ by a quarter. Both are statistics of the
 * method, not of a machine; the data move them. CALIBRATION.md says what other values would do. */
static const double sigma_prior_ratio = 0.05, tau_prior_ratio = 0.25, prior_rows_count = 12;
/* Cauchy's loss keeps 95 % efficiency on normal errors: Holland, Welsch, 1977. */
static const double cauchy_ratio = 2.385;
static const double step_units = 0.02; /* of numerical slopes, in prior sd */

enum { OUTER_MOST = 20, INNER_MOST = 40 };

struct solver {
	const struct fit_problem *q;
	struct predictor *predictor;
	double tau, sigma;
	const double *robust; /* weights by row, then by kernel */
	struct fit *fit;
	double *slope; /* [row][n]: d log time / d x */
};

static double prior_sd_units(const struct parameter *p)
{
	return parameter_free_sd_units(p, p->prior_units, p->prior_sd_ratio);
}

void fit_machine(const struct fit_part *part, const double *x_units, struct machine *out)
{
	*out = *part->machine;
	for (size_t i = 0; i < part->n; i++) {
		const struct parameter *p = &part->parameter[i];
		double sd = prior_sd_units(p);
		double u = parameter_free_units(p, p->prior_units) + sd * x_units[part->unknown[i]];

		parameter_set(p, out, parameter_value_units(p, u));
	}
}

/* log predicted of one machine's rows at x */
static void part_times(const struct solver *s, size_t part, const double *x, double *out)
{
	struct machine m;
	struct err e;

	fit_machine(&s->q->part[part], x, &m);
	for (size_t i = 0; i < s->q->n_rows; i++) {
		double time_s = 0;

		if (s->q->row_part[i] != part)
			continue;
		CHECK(predict(s->predictor, &m, s->q->row[i], &time_s, &e) == RC_OK);
		out[i] = log(time_s);
	}
}

static double row_sd(const struct solver *s, size_t i)
{
	return hypot(s->sigma, s->q->row[i]->rounding_ratio);
}

/* How much a row's error counts, as a factor of the error. */
static double row_scale(const struct solver *s, size_t i)
{
	return sqrt(s->q->row[i]->weight_ratio * s->robust[i]) / row_sd(s, i);
}

/* The prior of a parameter is normal, that of a kernel's ratio has Cauchy's tails. */
static double prior_scale(const struct solver *s, size_t k)
{
	return k < s->q->n ? 1 : sqrt(s->robust[s->q->n_rows + k - s->q->n]);
}

static int residuals(const gsl_vector *x, void *data, gsl_vector *f)
{
	struct solver *s = data;
	const struct fit_problem *q = s->q;
	double *t = heap_zeroed(q->n_rows + 1, sizeof *t);

	for (size_t p = 0; p < q->n_parts; p++)
		part_times(s, p, gsl_vector_const_ptr(x, 0), t);
	for (size_t i = 0; i < q->n_rows; i++) {
		double ratio = s->tau * gsl_vector_get(x, q->n + q->row_kernel[i]);

		s->fit->log_error_units[i] = t[i] + ratio - log(q->row[i]->measured_s);
		gsl_vector_set(f, i, row_scale(s, i) * s->fit->log_error_units[i]);
	}
	for (size_t k = 0; k < s->fit->n_all; k++)
		gsl_vector_set(f, q->n_rows + k, prior_scale(s, k) * gsl_vector_get(x, k));
	free(t);
	return GSL_SUCCESS;
}

static bool part_has(const struct fit_part *part, size_t unknown)
{
	for (size_t i = 0; i < part->n; i++) {
		if (part->unknown[i] == unknown)
			return true;
	}
	return false;
}

/* Slopes of one machine's rows along one unknown. x is moved and put back; low and high are
 * scratch, a value a row. */
static void part_slopes(struct solver *s, size_t part, size_t unknown, double *x, double *low,
                        double *high)
{
	const struct fit_problem *q = s->q;
	double at = x[unknown];

	x[unknown] = at - step_units;
	part_times(s, part, x, low);
	x[unknown] = at + step_units;
	part_times(s, part, x, high);
	x[unknown] = at;
	for (size_t i = 0; i < q->n_rows; i++) {
		if (q->row_part[i] == part)
			s->slope[i * q->n + unknown] = (high[i] - low[i]) / (2 * step_units);
	}
}

/* Those of machines without the unknown stay 0. */
static void slopes(struct solver *s, const double *x_at)
{
	const struct fit_problem *q = s->q;
	double *x = heap_zeroed(q->n + 1, sizeof *x), *low = heap_zeroed(q->n_rows + 1, sizeof *x);
	double *high = heap_zeroed(q->n_rows + 1, sizeof *x);

	memcpy(x, x_at, q->n * sizeof *x);
	for (size_t u = 0; u < q->n; u++) {
		for (size_t p = 0; p < q->n_parts; p++) {
			if (part_has(&q->part[p], u))
				part_slopes(s, p, u, x, low, high);
		}
	}
	free(x);
	free(low);
	free(high);
}

static int jacobian(const gsl_vector *x, void *data, gsl_matrix *j)
{
	struct solver *s = data;
	const struct fit_problem *q = s->q;

	slopes(s, gsl_vector_const_ptr(x, 0));
	gsl_matrix_set_zero(j);
	for (size_t i = 0; i < q->n_rows; i++) {
		for (size_t p = 0; p < q->n; p++)
			gsl_matrix_set(j, i, p, row_scale(s, i) * s->slope[i * q->n + p]);
		gsl_matrix_set(j, i, q->n + q->row_kernel[i], row_scale(s, i) * s->tau);
	}
	for (size_t k = 0; k < s->fit->n_all; k++)
		gsl_matrix_set(j, q->n_rows + k, k, prior_scale(s, k));
	return GSL_SUCCESS;
}

/* (J'J)^-1 of the whitened unknowns; the priors keep it regular. */
static gsl_matrix *inverse_of(const gsl_matrix *j, size_t n)
{
	gsl_matrix *a = gsl_matrix_alloc(n, n);

	CHECK(a && gsl_blas_dsyrk(CblasLower, CblasTrans, 1, j, 0, a) == GSL_SUCCESS);
	CHECK(gsl_linalg_cholesky_decomp1(a) == GSL_SUCCESS);
	CHECK(gsl_linalg_cholesky_invert(a) == GSL_SUCCESS);
	return a;
}

/* Least squares at the present sigma, tau and weights; the covariance of the whitened unknowns. */
static gsl_matrix *inner(struct solver *s)
{
	const struct fit_problem *q = s->q;
	size_t n = s->fit->n_all, rows = q->n_rows + n;
	gsl_multifit_nlinear_fdf f = {
	        .f = residuals, .df = jacobian, .n = rows, .p = n, .params = s};
	gsl_multifit_nlinear_parameters how = gsl_multifit_nlinear_default_parameters();
	gsl_multifit_nlinear_workspace *w =
	        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &how, rows, n);
	gsl_vector_view x = gsl_vector_view_array(s->fit->x_units, n);
	gsl_matrix *cov;
	int info;

	CHECK(w && gsl_multifit_nlinear_init(&x.vector, &f, w) == GSL_SUCCESS);
	/* its statuses say how it ended; a step that no longer helps is an end too */
	gsl_multifit_nlinear_driver(INNER_MOST, 0x1p-22, 0x1p-30, 0, NULL, NULL, &info, w);
	gsl_vector_memcpy(&x.vector, gsl_multifit_nlinear_position(w));
	s->fit->iterations += gsl_multifit_nlinear_niter(w);
	s->fit->cost_units = pow(gsl_blas_dnrm2(gsl_multifit_nlinear_residual(w)), 2);
	/* the last trial may have been refused; the slopes are those of the last step taken */
	residuals(&x.vector, s, gsl_multifit_nlinear_residual(w));
	cov = inverse_of(gsl_multifit_nlinear_jac(w), n);
	gsl_multifit_nlinear_free(w);
	return cov;
}

/* Variance of a row's fitted log time. */
static double row_variance(const struct solver *s, const gsl_matrix *cov, size_t i)
{
	const struct fit_problem *q = s->q;
	size_t k = q->n + q->row_kernel[i];
	const double *g = s->slope + i * q->n;
	double sum = s->tau * s->tau * gsl_matrix_get(cov, k, k);

	for (size_t a = 0; a < q->n; a++) {
		sum += 2 * g[a] * s->tau * gsl_matrix_get(cov, a, k);
		for (size_t b = 0; b < q->n; b++)
			sum += g[a] * g[b] * gsl_matrix_get(cov, a, b);
	}
	return fmax(0, sum);
}

struct weighted {
	double value, weight;
};

static int weighted_compare(const void *a, const void *b)
{
	const struct weighted *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

/* Where half of the weight lies below. */
static double weighted_median(struct weighted *v, size_t n)
{
	double half = 0, sum = 0;

	qsort(v, n, sizeof *v, weighted_compare);
	for (size_t i = 0; i < n; i++)
		half += v[i].weight / 2;
	for (size_t i = 0; i < n; i++) {
		sum += v[i].weight;
		if (sum >= half)
			return v[i].value;
	}
	return 0;
}

/* Scale of the rest from the median absolute error (MAD), which outliers do not move; the fit took
 * effective_count degrees of freedom. */
static double sigma_next(struct solver *s, const gsl_matrix *cov)
{
	const struct fit_problem *q = s->q;
	struct weighted *v = heap_zeroed(q->n_rows + 1, sizeof *v);
	const double mad_to_sd_ratio = 1.4826;
	double rows = 0, free_ratio, mad;

	s->fit->effective_count = 0;
	for (size_t i = 0; i < q->n_rows; i++) {
		double scale = row_scale(s, i), error = s->fit->log_error_units[i];

		s->fit->leverage_ratio[i] = row_variance(s, cov, i) * scale * scale;
		s->fit->effective_count += s->fit->leverage_ratio[i];
		rows += q->row[i]->weight_ratio;
		/* a figure that is rough by itself tells little of the rest */
		v[i] = (struct weighted){fabs(error),
		                         q->row[i]->weight_ratio * pow(s->sigma / row_sd(s, i), 2)};
	}
	mad = mad_to_sd_ratio * weighted_median(v, q->n_rows);
	free(v);
	free_ratio = fmax(1 - s->fit->effective_count / rows, 0.1);
	return sqrt((prior_rows_count * pow(sigma_prior_ratio, 2) + rows * mad * mad / free_ratio) /
	            (prior_rows_count + rows));
}

/* Spread of kernels, likewise robust: one kernel that is out of all proportion says little of the
 * others. */
static double tau_next(const struct solver *s, const gsl_matrix *cov)
{
	size_t n = s->q->n_kernels;
	struct weighted *v = heap_zeroed(n + 1, sizeof *v);
	const double mad_to_sd_ratio = 1.4826;
	double mad;

	for (size_t k = 0; k < n; k++) {
		double x = s->fit->x_units[s->q->n + k];
		double variance = gsl_matrix_get(cov, s->q->n + k, s->q->n + k);

		v[k] = (struct weighted){s->tau * sqrt(x * x + variance), 1};
	}
	mad = mad_to_sd_ratio * weighted_median(v, n);
	free(v);
	return sqrt((prior_rows_count * pow(tau_prior_ratio, 2) + (double)n * mad * mad) /
	            (prior_rows_count + (double)n));
}

/* New sigma, tau and weights. Returns how far they moved, relative. Steps are halved, so that a
 * median that jumps between two rows comes to rest. */
static double spreads(struct solver *s, const gsl_matrix *cov, double *robust)
{
	const struct fit_problem *q = s->q;
	double sigma = sqrt(s->sigma * sigma_next(s, cov)), tau = tau_next(s, cov);
	double moved = fabs(sigma / s->sigma - 1) + fabs(tau / s->tau - 1);

	for (size_t k = q->n; k < s->fit->n_all; k++)
		s->fit->x_units[k] *= s->tau / tau; /* the ratio stays */
	s->sigma = sigma, s->tau = tau;
	for (size_t i = 0; i < q->n_rows; i++) {
		double z = s->fit->log_error_units[i] / (cauchy_ratio * row_sd(s, i));

		robust[i] = 1 / (1 + z * z);
	}
	for (size_t k = 0; k < q->n_kernels; k++) {
		double z = s->fit->x_units[q->n + k] / cauchy_ratio;

		robust[q->n_rows + k] = 1 / (1 + z * z);
	}
	return moved;
}

/* From whitened unknowns to the free scale and log ratios. */
static void covariance_keep(const struct solver *s, const gsl_matrix *cov)
{
	const struct fit_problem *q = s->q;
	size_t n = s->fit->n_all;
	double *unit = heap_zeroed(n + 1, sizeof *unit);

	for (size_t i = q->n; i < n; i++)
		unit[i] = s->tau;
	for (size_t p = 0; p < q->n_parts; p++) {
		for (size_t i = 0; i < q->part[p].n; i++)
			unit[q->part[p].unknown[i]] = prior_sd_units(&q->part[p].parameter[i]);
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			s->fit->covariance_units[i * n + j] =
			        unit[i] * unit[j] *
			        gsl_matrix_get(cov, i > j ? i : j, i > j ? j : i);
	}
	free(unit);
}

static void run(const struct fit_problem *q, const double *start, size_t outer, struct fit *out)
{
	size_t n = q->n + q->n_kernels;
	double *robust = heap_zeroed(q->n_rows + q->n_kernels + 1, sizeof *robust), moved = 1;
	struct solver s = {.q = q,
	                   .predictor = predictor_new(),
	                   .tau = tau_prior_ratio,
	                   .sigma = sigma_prior_ratio,
	                   .robust = robust,
	                   .fit = out,
	                   .slope = heap_zeroed(q->n_rows * q->n + 1, sizeof *s.slope)};
	gsl_matrix *cov = NULL;

	*out = (struct fit){.n_all = n,
	                    .x_units = heap_zeroed(n + 1, sizeof(double)),
	                    .covariance_units = heap_zeroed(n * n + 1, sizeof(double)),
	                    .log_error_units = heap_zeroed(q->n_rows + 1, sizeof(double)),
	                    .weight_ratio = robust,
	                    .leverage_ratio = heap_zeroed(q->n_rows + 1, sizeof(double))};
	if (start)
		memcpy(out->x_units, start, n * sizeof *start);
	for (size_t i = 0; i < q->n_rows + q->n_kernels; i++)
		robust[i] = 1;
	for (size_t i = 0; i < outer && moved > 0x1p-10; i++) {
		gsl_matrix_free(cov);
		cov = inner(&s);
		if (i + 1 < outer)
			moved = spreads(&s, cov, robust);
	}
	covariance_keep(&s, cov);
	out->tau_ratio = s.tau, out->sigma_ratio = s.sigma;
	gsl_matrix_free(cov);
	predictor_free(s.predictor);
	free(s.slope);
}

void fit_run(const struct fit_problem *q, const double *start_units, struct fit *out)
{
	run(q, start_units, OUTER_MOST, out);
}

void fit_first(const struct fit_problem *q, const double *start_units, struct fit *out)
{
	run(q, start_units, 1, out);
}

void fit_fini(struct fit *f)
{
	free(f->x_units);
	free(f->covariance_units);
	free(f->log_error_units);
	free(f->weight_ratio);
	free(f->leverage_ratio);
	*f = (struct fit){0};
}
