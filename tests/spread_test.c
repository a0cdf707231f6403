/* Uncertainty of steps: quantiles, and laws of draws. */
#include "sim/spread.h"
#include "sim/sweep.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"

static void quantiles_interpolate(void)
{
	double value[21];
	struct spread s;

	for (int i = 0; i < 21; i++)
		value[i] = (double)((i * 8) % 21); /* 0 to 20 in another order */
	s = spread_of(value, 21);
	CU_ASSERT_EQUAL(s.low, 1);
	CU_ASSERT_EQUAL(s.median, 10);
	CU_ASSERT_EQUAL(s.high, 19);
	CU_ASSERT_EQUAL(s.draws, 21);
	value[0] = 3;
	s = spread_of(value, 1);
	CU_ASSERT_TRUE(s.low == 3 && s.high == 3);
	CU_ASSERT_EQUAL(spread_of(value, 0).draws, 0);
}

/* The spread of a decode step on a machine whose notes are taken or not. */
static struct spread spread_with(const struct note *notes, double kernel_sd_ratio, uint64_t seed)
{
	enum { DRAWS = 200 };
	struct scene s;
	double value_s[DRAWS];
	struct spread out;

	scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 64);
	scene_decode(&s, 32, 4096);
	s.config->machine.calibration.kernel_sd_ratio = kernel_sd_ratio;
	if (!notes)
		notes = s.config->notes[SECTION_MACHINE];
	for (uint64_t i = 0; i < DRAWS; i++) {
		struct machine drawn;
		struct step_result r = {0};
		struct err e = {0};

		machine_guess(&s.config->machine, notes, seed, i, &drawn, &e);
		s.q.machine = &drawn;
		if (e.rc == RC_OK)
			step_run(&s.q, &r, &e);
		UNIT_TEXT(e.text, "");
		value_s[i] = r.step_s;
	}
	out = spread_of(value_s, DRAWS);
	scene_fini(&s);
	return out;
}

static void wider_beliefs_spread_more(void)
{
	struct spread narrow = spread_with(NULL, 0, 1), again = spread_with(NULL, 0, 1);
	struct spread wide = spread_with(NULL, 0.5, 1), other = spread_with(NULL, 0, 2);

	CU_ASSERT_TRUE(narrow.low == again.low && narrow.median == again.median);
	CU_ASSERT_TRUE(narrow.high == again.high);
	CU_ASSERT_TRUE(narrow.low < narrow.median && narrow.median < narrow.high);
	CU_ASSERT_TRUE(wide.high / wide.low > narrow.high / narrow.low);
	CU_ASSERT_TRUE(other.low != narrow.low);
	NEARLY(other.median, narrow.median, 0.05, "medians of two seeds");
}

/* A machine of which all is known gives its own step each time. */
static void what_is_known_does_not_spread(void)
{
	struct scene s;
	struct machine drawn;
	struct step_result r, known;
	struct err e = {0};

	scene_init(&s, "node:1 die:8 fabric:100GBps", "qwen3-30b-a3b", 8);
	scene_decode(&s, 8, 1024);
	CU_ASSERT_EQUAL_FATAL(step_run(&s.q, &known, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(machine_guess(&s.config->machine, NULL, 3, 7, &drawn, &e), RC_OK);
	s.q.machine = &drawn;
	CU_ASSERT_EQUAL_FATAL(step_run(&s.q, &r, &e), RC_OK);
	CU_ASSERT_EQUAL(known.step_s, r.step_s);
	/* kernels that take half as long again: their phases, and nothing else */
	drawn.dispatch_excess_ratio = 0.5;
	CU_ASSERT_EQUAL_FATAL(step_run(&s.q, &r, &e), RC_OK);
	for (size_t i = 0; step_phases[i]; i++) {
		bool dispatch = strcmp(step_phases[i], "dispatch") == 0;

		NEARLY(r.phase_s[i], known.phase_s[i] * (dispatch ? 1.5 : 1), 1e-14, "%s",
		       step_phases[i]);
	}
	CU_ASSERT_TRUE(r.step_s > known.step_s);
	scene_fini(&s);
}

/* Of a machine of which all is known, every draw has the same feasible set; of one that is not,
 * what is feasible by a hair is so in some draws. */
static void sweeps_say_how_sure(void)
{
	struct config *c = config_new();
	struct sweep_options options = {.jobs = 2};
	struct sweep *s;
	struct err e = {0};
	size_t n_between = 0;

	config_read(c, "configs/sweeps/qwen3-235b-a2.yaml", &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_EQUAL_FATAL(sweep_run(c, &options, &s, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(sweep_draws(s, &options, 8, &e), RC_OK);
	for (size_t i = 0; i < s->n_points; i++)
		n_between += s->probability_ratio[i] > 0 && s->probability_ratio[i] < 1;
	CU_ASSERT_TRUE(n_between > 0 && n_between < s->n_points);
	CU_ASSERT_EQUAL(s->draws, 8);
	sweep_free(s);
	c->notes[SECTION_MACHINE] = NULL, c->machine.calibration = (struct calibration){0};
	CU_ASSERT_EQUAL_FATAL(sweep_run(c, &options, &s, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(sweep_draws(s, &options, 2, &e), RC_OK);
	UNIT_TEXT(e.text, "");
	for (size_t i = 0; i < s->n_points; i++)
		CU_ASSERT_EQUAL(s->probability_ratio[i], s->points[i].feasible);
	sweep_free(s);
	config_free(c);
}

static const struct unit_test tests[] = {
        {"quantiles interpolate", quantiles_interpolate},
        {"wider beliefs spread more", wider_beliefs_spread_more},
        {"what is known does not spread", what_is_known_does_not_spread},
        {"sweeps say how sure", sweeps_say_how_sure},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("spread", tests);
}
