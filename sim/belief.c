#include "sim/belief.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const double forecast_quantile_ratio = 1.6448536269514722; /* normal, 5 % left on each side */

enum rc belief_init(struct belief *b, const struct machine *m, const struct note *notes,
                    const char *where, struct err *e)
{
	const struct calibration *c = &m->calibration;

	*b = (struct belief){.machine = *m,
	                     .kernel_sd_ratio = c->kernel_sd_ratio,
	                     .residual_sd_ratio = c->residual_sd_ratio};
	TRY(parameters_list(m, notes, b->parameter, &b->n, e));
	TRY(parameters_covariance(m, b->parameter, b->n, where, &b->covariance_units, e));
	b->n_kernels = c->kernels.n;
	b->kernel = heap_zeroed(b->n_kernels + 1, sizeof *b->kernel);
	b->kernel_log_ratio = heap_zeroed(b->n_kernels + 1, sizeof *b->kernel_log_ratio);
	for (size_t k = 0; k < b->n_kernels; k++) {
		b->kernel[k] = c->kernels.text[k];
		b->kernel_log_ratio[k] = log(c->kernel_ratios.number[k]);
	}
	return RC_OK;
}

void belief_fini(struct belief *b)
{
	free(b->kernel);
	free(b->kernel_log_ratio);
	free(b->covariance_units);
	*b = (struct belief){0};
}

static size_t kernel_at(const struct belief *b, const char *name)
{
	for (size_t k = 0; k < b->n_kernels; k++) {
		if (strcmp(b->kernel[k], name) == 0)
			return k;
	}
	return b->n_kernels;
}

/* Slope of log time along one parameter's free scale, over one sd to both sides. */
static enum rc slope(const struct belief *b, struct predictor *p, const struct observation *o,
                     size_t i, double *out_units, struct err *e)
{
	const struct parameter *q = &b->parameter[i];
	size_t n_all = b->n + b->n_kernels;
	double u = parameter_free_units(q, parameter_get_units(q, &b->machine));
	double sd = sqrt(b->covariance_units[i * n_all + i]), low_s, high_s;
	struct machine m = b->machine;

	parameter_set(q, &m, parameter_value_units(q, u - sd));
	TRY(predict(p, &m, o, &low_s, e));
	parameter_set(q, &m, parameter_value_units(q, u + sd));
	TRY(predict(p, &m, o, &high_s, e));
	*out_units = log(high_s / low_s) / (2 * sd);
	return RC_OK;
}

static double quadratic(const double *matrix, const double *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			sum += v[i] * matrix[i * n + j] * v[j];
	}
	return fmax(0, sum);
}

/* Variance of log time that the parameters and the known kernel leave. */
static enum rc known_variance(const struct belief *b, struct predictor *p,
                              const struct observation *o, size_t kernel, double *out,
                              struct err *e)
{
	size_t n_all = b->n + b->n_kernels;
	double *g = heap_zeroed(n_all + 1, sizeof *g);
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < b->n; i++)
		rc = slope(b, p, o, i, &g[i], e);
	if (kernel < b->n_kernels)
		g[b->n + kernel] = 1;
	*out = quadratic(b->covariance_units, g, n_all);
	free(g);
	return rc;
}

void forecast_spread(struct forecast *f, double residual_sd_ratio, double kernel_sd_ratio)
{
	double rest = hypot(residual_sd_ratio, f->kernel_known ? 0 : kernel_sd_ratio);
	double reach = exp(forecast_quantile_ratio * hypot(f->known_sd_ratio, rest));

	f->low_s = f->expected_s / reach, f->high_s = f->expected_s * reach;
}

enum rc belief_forecast(const struct belief *b, struct predictor *p, const struct observation *o,
                        struct forecast *out, struct err *e)
{
	size_t kernel = kernel_at(b, o->kernel);
	struct forecast f = {.kernel_known = kernel < b->n_kernels};
	double variance;

	TRY(predict(p, &b->machine, o, &f.expected_s, e));
	TRY(known_variance(b, p, o, kernel, &variance, e));
	if (f.kernel_known)
		f.expected_s *= exp(b->kernel_log_ratio[kernel]);
	f.known_sd_ratio = sqrt(variance + pow(o->rounding_ratio, 2));
	forecast_spread(&f, b->residual_sd_ratio, b->kernel_sd_ratio);
	*out = f;
	return RC_OK;
}

/* ---- range ----------------------------------------------------------------------------------- */

static bool in_range(const struct field_list *range, int64_t value, const char *what,
                     char why[BEYOND_SIZE])
{
	double v = (double)value;

	if (range->n != 2 || (v >= range->number[0] && v <= range->number[1]))
		return true;
	snprintf(why, BEYOND_SIZE, "%s %lld beyond %.0f-%.0f", what, (long long)value,
	         range->number[0], range->number[1]);
	return false;
}

bool calibration_covers(const struct calibration *c, const struct observation *o,
                        char why[BEYOND_SIZE])
{
	bool known = false;

	*why = '\0';
	if (c->rows == 0) {
		snprintf(why, BEYOND_SIZE, "machine not calibrated");
		return false;
	}
	for (size_t i = 0; i < c->flows.n; i++)
		known |= strcmp(c->flows.text[i], o->flow) == 0;
	if (!known) {
		snprintf(why, BEYOND_SIZE, "flow %s not calibrated", o->flow);
		return false;
	}
	for (size_t i = 0; i < o->n_batches; i++) {
		if (!in_range(&c->tokens, o->tokens[i], "tokens", why))
			return false;
	}
	return in_range(&c->ep, o->ep, "EP", why) && in_range(&c->hidden, o->hidden, "hidden", why);
}

/* ---- accuracy -------------------------------------------------------------------------------- */

struct forecast_row forecast_judge(const struct observation *o, const struct forecast *f,
                                   const struct calibration *c)
{
	struct forecast_row r = {.o = o, .f = *f};

	r.error_ratio = o->measured_s > 0 ? f->expected_s / o->measured_s - 1 : 0;
	r.within = o->measured_s >= f->low_s && o->measured_s <= f->high_s;
	r.covered = calibration_covers(c, o, r.beyond);
	return r;
}

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *value, size_t n)
{
	qsort(value, n, sizeof *value, rising);
	if (n == 0)
		return 0;
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

struct accuracy accuracy_of(const struct forecast_row *row, size_t n, const char *group)
{
	struct accuracy a = {0};
	double *ape = heap_zeroed(n + 1, sizeof *ape);

	for (size_t i = 0; i < n; i++) {
		if (!(row[i].o->measured_s > 0) || (group && strcmp(row[i].o->group, group) != 0))
			continue;
		ape[a.rows++] = fabs(row[i].error_ratio);
		a.coverage_90_ratio += row[i].within;
	}
	/* sorted first, so that the order of rows changes no bit of the mean */
	a.median_ape_ratio = median(ape, a.rows);
	for (size_t i = 0; i < a.rows; i++)
		a.mape_ratio += ape[i] / (double)a.rows;
	a.coverage_90_ratio /= a.rows > 0 ? (double)a.rows : 1;
	free(ape);
	return a;
}
