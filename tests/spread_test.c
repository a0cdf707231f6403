/* Uncertainty of steps: quantiles, and laws of draws. */
#include "sim/spread.h"
#include <math.h>
#include <stdlib.h>
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
		struct machine_guess g;
		struct err e = {0};

		machine_guess(&s.config->machine, notes, seed, i, &g, &e);
		if (e.rc == RC_OK)
			step_guess(&s.q, &g, &value_s[i], &e);
		UNIT_TEXT(e.text, "");
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
	struct machine_guess g;
	struct step_result r;
	struct err e = {0};
	double time_s;

	scene_init(&s, "node:1 die:8 fabric:100GBps", "qwen3-30b-a3b", 8);
	scene_decode(&s, 8, 1024);
	CU_ASSERT_EQUAL_FATAL(machine_guess(&s.config->machine, NULL, 3, 7, &g, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(step_guess(&s.q, &g, &time_s, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(step_run(&s.q, &r, &e), RC_OK);
	CU_ASSERT_EQUAL(time_s, r.step_s);
	scene_fini(&s);
}

static const struct unit_test tests[] = {
        {"quantiles interpolate", quantiles_interpolate},
        {"wider beliefs spread more", wider_beliefs_spread_more},
        {"what is known does not spread", what_is_known_does_not_spread},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("spread", tests);
}
