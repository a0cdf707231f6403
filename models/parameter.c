#include "models/parameter.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"

static bool bounded(const struct parameter *p)
{
	return p->most_units > 0;
}

double parameter_get_units(const struct parameter *p, const struct machine *m)
{
	return *(const double *)(const void *)((const char *)m + p->offset);
}

void parameter_set(const struct parameter *p, struct machine *m, double value_units)
{
	*(double *)(void *)((char *)m + p->offset) = value_units;
}

double parameter_free_units(const struct parameter *p, double value_units)
{
	double least = p->least_units, most = p->most_units, edge;

	if (!bounded(p))
		return log(value_units);
	edge = (most - least) * 1e-9; /* lint: a value on its bound has a place too */
	value_units = fmin(fmax(value_units, least + edge), most - edge);
	return log((value_units - least) / (most - value_units));
}

double parameter_value_units(const struct parameter *p, double free_units)
{
	double least = p->least_units, most = p->most_units;

	if (!bounded(p))
		return p->ceiling_units > 0 ? fmin(exp(free_units), p->ceiling_units)
		                            : exp(free_units);
	return least + (most - least) / (1 + exp(-free_units));
}

/* d value / d free, over the value */
static double slope_ratio(const struct parameter *p, double value_units)
{
	double least = p->least_units, most = p->most_units;
	double edge = (most - least) * 1e-3; /* lint: sd's stay finite at the ends */
	double x = value_units;

	if (!bounded(p))
		return 1;
	x = fmin(fmax(x, least + edge), most - edge);
	return (x - least) * (most - x) / (most - least) / x;
}

double parameter_free_sd_units(const struct parameter *p, double value_units, double sd_ratio)
{
	return sd_ratio / slope_ratio(p, value_units);
}

double parameter_relative_sd_ratio(const struct parameter *p, double value_units,
                                   double free_sd_units)
{
	return free_sd_units * slope_ratio(p, value_units);
}

bool parameter_at_bound(const struct parameter *p, double value_units)
{
	double near = (p->most_units - p->least_units) / 1024;

	if (p->ceiling_units > 0 && value_units > p->ceiling_units * (1 - 0x1p-10))
		return true;
	return bounded(p) &&
	       (value_units - p->least_units < near || p->most_units - value_units < near);
}

/* ---- the list -------------------------------------------------------------------------------- */

struct listing {
	const struct machine *machine;
	const struct note *notes;
	struct parameter *out;
	size_t n;
	struct err *e;
};

/* What cores reach through the fabric is less than its ports carry, where the file agrees. */
static double ceiling_of(const struct machine *m, const char *path)
{
	bool put = strcmp(path, "fabric.put") == 0, get = strcmp(path, "fabric.get") == 0;
	double ports = 1, most_Bps;

	if (!put && !get)
		return 0;
	if (m->fabric.kind == FABRIC_MESH)
		ports = (double)(machine_dies_per_node(m) - 1);
	most_Bps = ports * m->fabric.rate_Bps;
	return (put ? m->fabric.put_Bps : m->fabric.get_Bps) <= most_Bps ? most_Bps : 0;
}

static enum rc list_row(struct listing *l, const struct field *f, const struct note *note,
                        size_t offset)
{
	struct parameter *p = &l->out[l->n];

	CHECK(l->n < MOST_PARAMETERS);
	*p = (struct parameter){.path = note->path,
	                        .field = f,
	                        .offset = offset,
	                        .fit = note->fit,
	                        .sd_ratio = note->sd_ratio};
	p->value_units = p->prior_units = parameter_get_units(p, l->machine);
	p->least_units = f->least;
	p->most_units = f->most;
	p->ceiling_units = ceiling_of(l->machine, note->path);
	p->prior_sd_ratio = note->sd_ratio;
	if (!(p->value_units > 0) || !(p->sd_ratio > 0))
		return RC_OK;
	if (note->prior) {
		TRY(quantity_parse(note->prior, f->dim, &p->prior_units, l->e));
		if (note->prior_sd_ratio > 0)
			p->prior_sd_ratio = note->prior_sd_ratio;
	}
	l->n++;
	return RC_OK;
}

static enum rc list_group(struct listing *l, const struct field *table, const char *prefix,
                          size_t base)
{
	for (const struct field *f = table; f->kind; f++) {
		char path[256];
		const struct note *note;

		snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", f->key);
		if (f->kind == FIELD_GROUP)
			TRY(list_group(l, f->group, path, base + f->offset));
		note = f->kind == FIELD_QUANTITY ? note_find(l->notes, path) : NULL;
		if (note)
			TRY(list_row(l, f, note, base + f->offset));
	}
	return RC_OK;
}

enum rc parameters_list(const struct machine *m, const struct note *notes, struct parameter *out,
                        size_t *n, struct err *e)
{
	struct listing l = {.machine = m, .notes = notes, .out = out, .e = e};

	TRY(list_group(&l, machine_fields, "", 0));
	*n = l.n;
	return RC_OK;
}

/* ---- covariance ------------------------------------------------------------------------------ */

static size_t parameter_at(const struct parameter *p, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(p[i].path, path) == 0)
			return i;
	}
	return n;
}

/* One row of correlations: the numbers of row i, separated by blanks. */
static enum rc row_parse(const char *text, size_t i, const char *where, double *row_ratio,
                         struct err *e)
{
	const char *at = text;

	for (size_t j = 0; j < i; j++) {
		char *end;

		row_ratio[j] = strtod(at, &end);
		if (end == at || !(fabs(row_ratio[j]) <= 1))
			return fail(e, RC_CONFIG,
			            "%s: calibration.correlations: row %zu '%s' needs %zu numbers "
			            "from -1 to 1",
			            where, i + 1, text, i);
		at = end;
	}
	return RC_OK;
}

/* Fills the correlations of the calibration's rows; place[i]: where its row i stands. */
static enum rc correlate(const struct calibration *c, const size_t *place, size_t n_all,
                         const char *where, double *cov, struct err *e)
{
	double *row = heap_zeroed(c->correlations.n + 1, sizeof *row);
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < c->correlations.n; i++) {
		rc = row_parse(c->correlations.text[i], i, where, row, e);
		for (size_t j = 0; rc == RC_OK && j < i; j++) {
			size_t a = place[i], b = place[j];
			double value;

			if (a >= n_all || b >= n_all)
				continue; /* such as a parameter that --set made certain */
			value = row[j] * sqrt(cov[a * n_all + a] * cov[b * n_all + b]);
			cov[a * n_all + b] = cov[b * n_all + a] = value;
		}
	}
	free(row);
	return rc;
}

enum rc parameters_covariance(const struct machine *m, const struct parameter *p, size_t n,
                              const char *where, double **out_units, struct err *e)
{
	const struct calibration *c = &m->calibration;
	size_t n_all = n + c->kernels.n, n_rows = c->parameters.n + c->kernels.n;
	double *cov;
	size_t *place;
	enum rc rc;

	if (c->kernel_ratios.n != c->kernels.n || c->kernel_sds.n != c->kernels.n)
		return fail(e, RC_CONFIG,
		            "%s: calibration: %zu kernels, %zu kernel_ratios and %zu kernel_sds",
		            where, c->kernels.n, c->kernel_ratios.n, c->kernel_sds.n);
	if (c->correlations.n != 0 && c->correlations.n != n_rows)
		return fail(e, RC_CONFIG,
		            "%s: calibration.correlations: %zu rows for %zu parameters and %zu "
		            "kernels",
		            where, c->correlations.n, c->parameters.n, c->kernels.n);
	cov = heap_zeroed(n_all * n_all + 1, sizeof *cov);
	place = heap_zeroed(n_rows + 1, sizeof *place);
	for (size_t i = 0; i < n; i++)
		cov[i * n_all + i] =
		        pow(parameter_free_sd_units(&p[i], p[i].value_units, p[i].sd_ratio), 2);
	for (size_t k = 0; k < c->kernels.n; k++)
		cov[(n + k) * n_all + n + k] = pow(c->kernel_sds.number[k], 2);
	for (size_t i = 0; i < c->parameters.n; i++) {
		place[i] = parameter_at(p, n, c->parameters.text[i]);
		if (place[i] == n)
			place[i] = n_all;
	}
	for (size_t k = 0; k < c->kernels.n; k++)
		place[c->parameters.n + k] = n + k;
	rc = correlate(c, place, n_all, where, cov, e);
	free(place);
	if (rc == RC_OK)
		*out_units = cov;
	else
		free(cov);
	return rc;
}

/* ---- draws ----------------------------------------------------------------------------------- */

void cholesky(double *matrix_units, size_t n)
{
	double *a = matrix_units;

	for (size_t j = 0; j < n; j++) {
		double pivot = a[j * n + j];
		double least = pivot * 0x1p-20; /* what rounded correlations leave open */

		for (size_t k = 0; k < j; k++)
			pivot -= a[j * n + k] * a[j * n + k];
		pivot = sqrt(fmax(pivot, least));
		a[j * n + j] = pivot;
		for (size_t i = j + 1; i < n; i++) {
			double sum = a[i * n + j];

			for (size_t k = 0; k < j; k++)
				sum -= a[i * n + k] * a[j * n + k];
			a[i * n + j] = pivot > 0 ? sum / pivot : 0;
			a[j * n + i] = 0;
		}
	}
}

double normal_draw_units(struct rng *r)
{
	double radius = sqrt(-2 * log(1 - rng_uniform_ratio(r)));

	return radius * cos(2 * acos(-1) * rng_uniform_ratio(r));
}

enum rc machine_draw(const struct machine *m, const struct note *notes, uint64_t seed,
                     uint64_t draw, struct machine *out, struct err *e)
{
	struct parameter p[MOST_PARAMETERS];
	double *l = NULL, *z;
	size_t n, n_all;
	struct rng r;

	TRY(parameters_list(m, notes, p, &n, e));
	TRY(parameters_covariance(m, p, n, m->name, &l, e));
	n_all = n + m->calibration.kernels.n;
	cholesky(l, n_all);
	z = heap_zeroed(n_all + 1, sizeof *z);
	rng_init(&r, seed, draw);
	for (size_t i = 0; i < n_all; i++)
		z[i] = normal_draw_units(&r);
	*out = *m;
	for (size_t i = 0; i < n; i++) {
		double u = parameter_free_units(&p[i], p[i].value_units);

		for (size_t j = 0; j <= i; j++)
			u += l[i * n_all + j] * z[j];
		parameter_set(&p[i], out, parameter_value_units(&p[i], u));
	}
	free(z);
	free(l);
	return RC_OK;
}
