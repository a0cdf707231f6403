#include "sim/serve_fit.h"
#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include "sim/serve_summary.h"

/* A residual worse than any real one. */
static const double out_of_range = 0x1p10;

struct context {
	struct serve_fit_run *run;
	double mean_ttft_s, mean_tpot_s;
	size_t runs;
	enum rc rc;
	struct err *e;
};

static enum rc parameters_set(struct serve_fit_run *run, const gsl_vector *x, struct err *e)
{
	for (size_t i = 0; i < run->n; i++) {
		char text[160];

		snprintf(text, sizeof text, "%s=%.17g%s", run->parameter[i].path,
		         exp(gsl_vector_get(x, i)), run->parameter[i].unit);
		TRY(config_set(run->config, text, e));
	}
	return RC_OK;
}

static void residuals(const struct context *c, const struct serve_result *r, gsl_vector *f)
{
	const struct serve_fit_run *run = c->run;
	double makespan_s = r->end_s - run->requests->at[0].arrival_s;

	for (size_t i = 0; i < run->requests->n; i++) {
		const struct served *s = &r->served[i];
		bool both = run->tpot_s[i] >= 0 && s->generated_count > 1;
		double ttft_s = served_ttft_s(&run->requests->at[i], s);

		gsl_vector_set(f, 2 * i, (ttft_s - run->ttft_s[i]) / c->mean_ttft_s);
		gsl_vector_set(f, 2 * i + 1,
		               both ? (served_tpot_s(s) - run->tpot_s[i]) / c->mean_tpot_s : 0);
	}
	/* the end hangs on the last requests alone, which decode in small batches: it counts as
	   much as all TPOTs, or memory rates and a step's fixed cost could not be told apart */
	gsl_vector_set(f, 2 * run->requests->n,
	               run->makespan_s > 0
	                       ? sqrt((double)run->requests->n) * (makespan_s / run->makespan_s - 1)
	                       : 0);
}

static enum rc serve_once(struct context *c, const gsl_vector *x, gsl_vector *f, struct err *e)
{
	struct serve_fit_run *run = c->run;
	struct deployment d;
	struct serve_result r;
	enum rc rc;

	rc = parameters_set(run, x, e);
	if (rc != RC_OK && c->runs > 0) { /* a step out of a field's range is one not to take */
		gsl_vector_set_all(f, out_of_range);
		return RC_OK;
	}
	c->runs++;
	TRY(rc);
	TRY(deployment_make(run->config, run->requests,
	                    &(struct deployment_options){.engine = run->engine}, &d, e));
	rc = serve_run(&d.setup, run->requests, &r, e);
	if (rc == RC_OK) {
		residuals(c, &r, f);
		serve_result_fini(&r);
	}
	deployment_fini(&d);
	return rc;
}

static int residuals_fn(const gsl_vector *x, void *data, gsl_vector *f)
{
	struct context *c = data;

	c->rc = serve_once(c, x, f, c->e);
	return c->rc == RC_OK ? GSL_SUCCESS : GSL_EFAILED;
}

static void means_of(struct context *c)
{
	const struct serve_fit_run *run = c->run;
	double n = 0;

	for (size_t i = 0; i < run->requests->n; i++) {
		c->mean_ttft_s += run->ttft_s[i] / (double)run->requests->n;
		if (run->tpot_s[i] >= 0)
			c->mean_tpot_s += run->tpot_s[i], n++;
	}
	c->mean_tpot_s /= fmax(n, 1);
}

/* Estimates and standard deviations out of the workspace. */
static void result_take(struct context *c, gsl_multifit_nlinear_workspace *w,
                        struct serve_fit_result *out)
{
	struct serve_fit_run *run = c->run;
	gsl_vector *f = gsl_multifit_nlinear_residual(w);
	gsl_matrix *cov = gsl_matrix_alloc(run->n, run->n);
	double square, free_count = (double)f->size - (double)run->n;

	gsl_blas_ddot(f, f, &square);
	gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(w), 0, cov);
	for (size_t i = 0; i < run->n; i++) {
		struct serve_fit_parameter *p = &run->parameter[i];

		p->value_units = exp(gsl_vector_get(gsl_multifit_nlinear_position(w), i));
		p->sd_units =
		        p->value_units * sqrt(gsl_matrix_get(cov, i, i) * square / free_count);
	}
	gsl_matrix_free(cov);
	*out = (struct serve_fit_result){sqrt(square / (double)f->size), c->runs};
}

enum rc serve_fit(struct serve_fit_run *run, struct serve_fit_result *out, struct err *e)
{
	enum { MOST_STEPS = 40 };
	struct context c = {.run = run, .e = e};
	gsl_multifit_nlinear_parameters p = gsl_multifit_nlinear_default_parameters();
	gsl_multifit_nlinear_fdf fdf = {
	        .f = residuals_fn, .n = 2 * run->requests->n + 1, .p = run->n, .params = &c};
	gsl_multifit_nlinear_workspace *w;
	gsl_error_handler_t *before = gsl_set_error_handler_off();
	gsl_vector *x = gsl_vector_alloc(run->n);
	int info;

	means_of(&c);
	p.h_df = 0x1p-5;
	w = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &p, fdf.n, fdf.p);
	for (size_t i = 0; i < run->n; i++)
		gsl_vector_set(x, i, log(run->parameter[i].value_units));
	if (gsl_multifit_nlinear_init(x, &fdf, w) == GSL_SUCCESS)
		(void)gsl_multifit_nlinear_driver(MOST_STEPS, 0x1p-13, 0, 0, NULL, NULL, &info, w);
	if (c.rc == RC_OK) {
		result_take(&c, w, out);
		c.rc = parameters_set(run, gsl_multifit_nlinear_position(w), e);
	}
	gsl_vector_free(x);
	gsl_multifit_nlinear_free(w);
	gsl_set_error_handler(before);
	return c.rc;
}
