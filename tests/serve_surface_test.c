/* Step times as surfaces: how far from the function, exact where they promise it, straight pieces.
 */
#include <math.h>
#include <stdlib.h>
#include "models/base/rng.h"
#include "sim/serve_times.h"
#include "sim/surface.h"
#include "tests/scene.h"
#include "tests/unit.h"

/* A roofline with stairs: the like of a step time. */
static enum rc roofline(void *data, const double *at, double *out, struct err *e)
{
	double tokens = at[0], context = at[1];

	(void)e;
	++*(int *)data;
	out[0] = 2 + fmax(0.05 * tokens, 3) + fmax(2e-5 * tokens * context, 1e-3 * context) +
	         0.1 * ceil(tokens / 64);
	out[1] = 0.5 * fmax(0.05 * tokens, 3);
	return RC_OK;
}

static struct surface *roofline_surface(int *calls, double error)
{
	return surface_new(&(struct surface_spec){.n_axes = 2,
	                                          .axis = {{1, 4096, true}, {0, 1e5, false}},
	                                          .error_ratio = error,
	                                          .fn = roofline,
	                                          .data = calls});
}

static void random_point(struct rng *r, double *at)
{
	at[0] = floor(exp(rng_uniform_ratio(r) * log(4096)));
	at[1] = floor(rng_uniform_ratio(r) * 1e5);
}

/* Beyond its own probes, too: at points nobody chose. */
static void test_error_bound(void)
{
	static const double errors[] = {0x1p-4, 0x1p-6, 0x1p-8};

	for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
		int calls = 0;
		struct surface *s = roofline_surface(&calls, errors[k]);
		double worst = 0;
		struct rng r;

		rng_init(&r, k, 0);
		for (int i = 0; i < 20000; i++) {
			double at[SURFACE_AXES] = {0}, is[SURFACE_VALUES], was[SURFACE_VALUES];
			int ignored = 0;
			struct err e;

			random_point(&r, at);
			CU_ASSERT_EQUAL(surface_at(s, at, was, &e), RC_OK);
			(void)roofline(&ignored, at, is, &e);
			worst = fmax(worst, fabs(was[0] - is[0]) / is[0]);
			worst = fmax(worst, fabs(was[1] - is[1]) / is[0]);
		}
		printf("bound %.4f: worst %.4f with %d calls; ", errors[k], worst, calls);
		CU_ASSERT_TRUE(worst <= 2 * errors[k]); /* probes are not everywhere */
		CU_ASSERT_EQUAL(surface_points(s), (size_t)calls);
		surface_free(s);
	}
}

/* Walks along a line: pieces meet, and are what surface_at() says. */
static void test_lines(void)
{
	int calls = 0;
	struct surface *s = roofline_surface(&calls, 0x1p-7);
	double at[SURFACE_AXES] = {300, 0}, value[SURFACE_VALUES];
	struct err e;
	int pieces = 0;

	while (at[1] < 1e5) {
		struct surface_line line;
		double middle;

		CU_ASSERT_EQUAL_FATAL(surface_line(s, at, 1, &line, &e), RC_OK);
		CU_ASSERT_EQUAL(surface_at(s, at, value, &e), RC_OK);
		CU_ASSERT_DOUBLE_EQUAL(line.value_units[0], value[0], 1e-12 * value[0]);
		CU_ASSERT_TRUE_FATAL(line.end_units > at[1]);
		if (line.end_units == HUGE_VAL)
			break;
		middle = (at[1] + line.end_units) / 2;
		value[0] = line.value_units[0] + line.slope_units[0] * (middle - at[1]);
		{
			double there[SURFACE_AXES] = {300, middle}, v[SURFACE_VALUES];

			CU_ASSERT_EQUAL(surface_at(s, there, v, &e), RC_OK);
			CU_ASSERT_DOUBLE_EQUAL(v[0], value[0], 1e-9 * v[0]);
		}
		at[1] = line.end_units;
		pieces++;
	}
	CU_ASSERT_TRUE(pieces >= 1 && pieces < 64);
	surface_free(s);
}

/* ---- of real steps --------------------------------------------------------------------------- */

static struct step_times *times_of(struct scene *s, double error)
{
	return surface_times_new(&(struct surface_times_spec){.q = s->q,
	                                                      .most_seqs_count = 128,
	                                                      .most_tokens_count = 8192,
	                                                      .most_context_count = 32768,
	                                                      .error_ratio = error,
	                                                      .scale_ratio = 1,
	                                                      .context_ratio = 1});
}

static double step_s(struct scene *s)
{
	struct step_result r = {0};
	struct err e;

	CU_ASSERT_EQUAL(step_run(&s->q, &r, &e), RC_OK);
	return r.step_s;
}

static double cost_s(struct step_times *t, const struct group_load *l)
{
	struct step_cost c = {0};
	struct err e;

	CU_ASSERT_EQUAL(t->ops->cost(t, l, &c, &e), RC_OK);
	return c.own_s + c.shared_s;
}

/* A chunk of one prompt, or decode alone, is the step itself. */
static void check_model(const char *machine, const char *model, int64_t ep)
{
	const double bound = 0x1p-8;
	struct scene s;
	struct step_times *t;
	double worst = 0;
	struct rng r;

	scene_init(&s, machine, model, ep);
	if (s.config->machine.cube.int8_flops == 0)
		s.schedule.weights = DTYPE_BF16;
	t = times_of(&s, bound);
	rng_init(&r, 1, 0);
	for (int i = 0; i < 300; i++) {
		double n = ceil(128 * rng_uniform_ratio(&r));
		double q = ceil(exp(log(8192) * rng_uniform_ratio(&r)));
		double c = floor(24000 * rng_uniform_ratio(&r)), is_s;
		struct group_load decode = {.decode_count = n, .decode_context_count = n * c};
		struct group_load chunk = {.prompt_count = 1,
		                           .prefill_count = q,
		                           .prefill_square_count = q * q,
		                           .prefill_pairs_count = q * c};

		scene_decode(&s, n, c);
		is_s = step_s(&s);
		worst = fmax(worst, fabs(cost_s(t, &decode) / is_s - 1));
		scene_prefill(&s, q, c);
		is_s = step_s(&s);
		worst = fmax(worst, fabs(cost_s(t, &chunk) / is_s - 1));
	}
	printf("%s: worst of 600 steps %.2f %% with %zu priced; ", model, 100 * worst,
	       surface_times_points(t));
	CU_ASSERT_TRUE(worst < 2 * bound);
	step_times_free(t);
	scene_fini(&s);
}

static void test_moe_steps(void)
{
	check_model("cloudmatrix384", "deepseek-v3.1", 64);
}

static void test_dense_steps(void)
{
	check_model("rtx-pro-6000", "llama-3.1-8b", 1);
}

/* A step of both costs more than each part, less than one after the other. */
static void test_mixed_steps(void)
{
	struct scene s;
	struct step_times *t;
	struct rng r;

	scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 64);
	t = times_of(&s, 0x1p-10);
	rng_init(&r, 2, 0);
	for (int i = 0; i < 200; i++) {
		double n = ceil(128 * rng_uniform_ratio(&r)),
		       q = ceil(4000 * rng_uniform_ratio(&r));
		double c = floor(24000 * rng_uniform_ratio(&r));
		struct group_load decode = {.decode_count = n, .decode_context_count = n * c};
		struct group_load both = decode, chunk = {0};

		chunk.prompt_count = 1, chunk.prefill_count = q;
		chunk.prefill_square_count = q * q, chunk.prefill_pairs_count = q * c / 2;
		both.prompt_count = 1, both.prefill_count = q;
		both.prefill_square_count = q * q, both.prefill_pairs_count = q * c / 2;
		CU_ASSERT_TRUE(cost_s(t, &both) > 0.99 * cost_s(t, &chunk));
		CU_ASSERT_TRUE(cost_s(t, &both) > 0.99 * cost_s(t, &decode));
		CU_ASSERT_TRUE(cost_s(t, &both) < 1.01 * (cost_s(t, &chunk) + cost_s(t, &decode)));
	}
	step_times_free(t);
	scene_fini(&s);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"error bound", test_error_bound},
	        {"straight pieces", test_lines},
	        {"steps of a MoE model", test_moe_steps},
	        {"steps of a dense model", test_dense_steps},
	        {"steps of prompts and decodes", test_mixed_steps},
	        {0},
	};

	return unit_main("serve_surface", tests);
}
