/* The flows of hw/ with threads as ranks. Built a second time with ThreadSanitizer. */
#include "tests/hw_cases.h"
#include "tests/unit.h"

/* Odd widths leave rows that end inside a line of 32 bytes. */
static void test_widths(void)
{
	static const int64_t widths[] = {1, 15, 16, 17, 33, 7168};
	struct trial t = {.shape = {.n_ranks = 3, .experts = 12, .top_k = 3, .tokens = 5},
	                  .checked = 2};

	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		t.shape.hidden = widths[i];
		for (t.shape.dispatch = DTYPE_BF16; t.shape.dispatch <= DTYPE_INT8;
		     t.shape.dispatch++)
			CU_ASSERT(hw_trials_equal(t, &backend_threads));
	}
}

/* Timed rounds run as the checked ones do. */
static void test_timed(void)
{
	struct trial t = {
	        .shape = {.n_ranks = 4, .experts = 16, .top_k = 4, .hidden = 64, .tokens = 20},
	        .checked = 3,
	        .warmups = 1,
	        .repeats = 5};

	CU_ASSERT(hw_trials_equal(t, &backend_threads));
}

static void test_random(void)
{
	struct hw_cases c = {.seed = 1, .cases = 20};

	for (c.n_ranks = 2; c.n_ranks <= 8; c.n_ranks++) {
		for (c.kernels = 0; kernels_table[c.kernels]; c.kernels++) {
			struct verdict v = hw_cases_run(&c, &backend_threads);

			CU_ASSERT(verdict_good(&v));
			CU_ASSERT(v.tokens > 0 && v.window_rows > 0);
		}
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"widths", test_widths},
	        {"timed", test_timed},
	        {"random", test_random},
	        {NULL, NULL},
	};

	return unit_main("hw_threads", tests);
}
