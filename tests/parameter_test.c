/* Uncertain parameters: their scales, what belongs together, and draws. */
#include "models/parameter.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "tests/exchange.h"
#include "tests/unit.h"

static struct parameter list[MOST_PARAMETERS];

static size_t list_of(const struct config *c)
{
	struct err e = {0};
	size_t n = 0;

	CU_ASSERT_EQUAL_FATAL(parameters_list(&c->machine, c->notes[SECTION_MACHINE], list, &n, &e),
	                      RC_OK);
	return n;
}

static const struct parameter *found(size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].path, path) == 0)
			return &list[i];
	}
	CU_FAIL_FATAL("no such parameter");
	return NULL;
}

static void scales_lead_there_and_back(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	size_t n = list_of(c);

	CU_ASSERT_TRUE(n > 20);
	for (size_t i = 0; i < n; i++) {
		const struct parameter *p = &list[i];
		double u = parameter_free_units(p, p->value_units), x = p->value_units;
		double sd = parameter_free_sd_units(p, x, p->sd_ratio);

		NEARLY(parameter_value_units(p, u), x, 1e-9, "%s", p->path);
		NEARLY(parameter_relative_sd_ratio(p, x, sd), p->sd_ratio, 1e-12, "%s", p->path);
		CU_ASSERT_TRUE(parameter_value_units(p, u + 0.1) > x || p->ceiling_units > 0);
		if (p->most_units > 0) { /* never beyond, however far */
			CU_ASSERT_TRUE(parameter_value_units(p, 1e3) <= p->most_units);
			CU_ASSERT_TRUE(parameter_at_bound(p, p->most_units));
		} else { /* lognormal: the relative sd is that of the logarithm */
			NEARLY(sd, p->sd_ratio, 1e-15, "%s", p->path);
			CU_ASSERT_FALSE(parameter_at_bound(p, x));
		}
	}
	config_free(c);
}

static void a_prior_is_kept_beside_the_value(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	const struct parameter *p = found(list_of(c), "fabric.put");

	CU_ASSERT_TRUE(p->fit);
	CU_ASSERT_EQUAL(p->prior_units, 138e9); /* memfabric_hybrid's figure, in the file */
	CU_ASSERT_DOUBLE_EQUAL(p->prior_sd_ratio, 0.08, 1e-12);
	CU_ASSERT_EQUAL(p->value_units, c->machine.fabric.put_Bps);
	CU_ASSERT_TRUE(p->sd_ratio < p->prior_sd_ratio);
	config_free(c);
}

/* Two parameters of a small machine that go together, and one kernel. */
static void couple(struct config *c, const char *correlation)
{
	static const char *paths[] = {"fabric.put", "sync.kernel"};
	static const char *kernels[] = {"a kernel"};
	static double ratios[] = {1.5}, sds[] = {0.2};
	static const char *rows[3];
	struct calibration *k = &c->machine.calibration;

	rows[0] = "", rows[1] = correlation, rows[2] = "0 0";
	k->parameters = (struct field_list){.n = 2, .text = paths};
	k->kernels = (struct field_list){.n = 1, .text = kernels};
	k->kernel_ratios = (struct field_list){.n = 1, .number = ratios};
	k->kernel_sds = (struct field_list){.n = 1, .number = sds};
	k->correlations = (struct field_list){.n = 3, .text = rows};
}

static void draws_have_the_sd_and_correlation_stated(void)
{
	enum { DRAWS = 4000 };
	struct config *c = config_of("cloudmatrix384", NULL);
	double sum[2] = {0}, square[2] = {0}, product = 0, sd[2], mean[2];
	const struct parameter *p[2];
	struct machine drawn;
	struct err e = {0};
	size_t n;

	couple(c, "-0.8");
	n = list_of(c);
	p[0] = found(n, "fabric.put"), p[1] = found(n, "sync.kernel");
	for (uint64_t i = 0; i < DRAWS; i++) {
		double x[2];

		CU_ASSERT_EQUAL_FATAL(
		        machine_draw(&c->machine, c->notes[SECTION_MACHINE], 7, i, &drawn, &e),
		        RC_OK);
		for (int k = 0; k < 2; k++) {
			x[k] = log(parameter_get_units(p[k], &drawn) / p[k]->value_units);
			sum[k] += x[k], square[k] += x[k] * x[k];
		}
		product += x[0] * x[1];
		CU_ASSERT_TRUE(drawn.hbm.efficiency_ratio < 1 && drawn.gemm.peak_ratio < 1);
	}
	for (int k = 0; k < 2; k++) {
		mean[k] = sum[k] / DRAWS, sd[k] = sqrt(square[k] / DRAWS - mean[k] * mean[k]);
		CU_ASSERT_DOUBLE_EQUAL(mean[k] / p[k]->sd_ratio, 0, 0.06);
		NEARLY(sd[k], p[k]->sd_ratio, 0.05, "%s", p[k]->path);
	}
	CU_ASSERT_DOUBLE_EQUAL((product / DRAWS - mean[0] * mean[1]) / (sd[0] * sd[1]), -0.8, 0.03);
	config_free(c);
}

static void a_draw_is_a_function_of_seed_and_number(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	struct machine a, b, other;
	struct err e = {0};

	CU_ASSERT_EQUAL(machine_draw(&c->machine, c->notes[SECTION_MACHINE], 1, 5, &a, &e), RC_OK);
	CU_ASSERT_EQUAL(machine_draw(&c->machine, c->notes[SECTION_MACHINE], 1, 6, &other, &e),
	                RC_OK);
	CU_ASSERT_EQUAL(machine_draw(&c->machine, c->notes[SECTION_MACHINE], 1, 5, &b, &e), RC_OK);
	CU_ASSERT_EQUAL(a.fabric.put_Bps, b.fabric.put_Bps);
	CU_ASSERT_NOT_EQUAL(a.fabric.put_Bps, other.fabric.put_Bps);
	/* what is certain stays; so does all without notes */
	CU_ASSERT_EQUAL(a.vector.cores, c->machine.vector.cores);
	CU_ASSERT_EQUAL(a.fabric.trunk_Bps, c->machine.fabric.trunk_Bps);
	CU_ASSERT_EQUAL(machine_draw(&c->machine, NULL, 1, 5, &b, &e), RC_OK);
	CU_ASSERT_EQUAL(b.fabric.put_Bps, c->machine.fabric.put_Bps);
	config_free(c);
}

static void what_does_not_fit_together_is_refused(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	struct machine out;
	struct err e = {0};

	couple(c, "-0.8 0.1x");
	CU_ASSERT_EQUAL(machine_draw(&c->machine, c->notes[SECTION_MACHINE], 0, 0, &out, &e),
	                RC_OK);
	couple(c, "much");
	CU_ASSERT_EQUAL(machine_draw(&c->machine, c->notes[SECTION_MACHINE], 0, 0, &out, &e),
	                RC_CONFIG);
	UNIT_HOLDS(e.text, "calibration.correlations: row 2 'much' needs 1 numbers from -1 to 1");
	couple(c, "0");
	c->machine.calibration.kernel_sds.n = 0;
	CU_ASSERT_EQUAL(machine_draw(&c->machine, c->notes[SECTION_MACHINE], 0, 0, &out, &e),
	                RC_CONFIG);
	UNIT_HOLDS(e.text, "1 kernels, 1 kernel_ratios and 0 kernel_sds");
	couple(c, "0");
	c->machine.calibration.correlations.n = 2;
	CU_ASSERT_EQUAL(machine_draw(&c->machine, c->notes[SECTION_MACHINE], 0, 0, &out, &e),
	                RC_CONFIG);
	UNIT_HOLDS(e.text, "2 rows for 2 parameters and 1 kernels");
	config_free(c);
}

/* L L' is the matrix again; L is lower. */
static void cholesky_factors(void)
{
	double a[] = {4, 2, -2, 2, 10, 2, -2, 2, 5}, l[9];

	memcpy(l, a, sizeof l);
	cholesky(l, 3);
	CU_ASSERT_EQUAL(l[1], 0);
	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < 3; j++) {
			double sum = 0;

			for (size_t k = 0; k < 3; k++)
				sum += l[i * 3 + k] * l[j * 3 + k];
			CU_ASSERT_DOUBLE_EQUAL(sum, a[i * 3 + j], 1e-12);
		}
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"scales lead there and back", scales_lead_there_and_back},
	        {"a prior is kept beside the value", a_prior_is_kept_beside_the_value},
	        {"draws have the sd and correlation stated",
	         draws_have_the_sd_and_correlation_stated},
	        {"a draw is a function of seed and number",
	         a_draw_is_a_function_of_seed_and_number},
	        {"what does not fit together is refused", what_does_not_fit_together_is_refused},
	        {"Cholesky factors", cholesky_factors},
	        {0},
	};

	return unit_main("parameter", tests);
}
