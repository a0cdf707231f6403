/* ctest: full 300 */
/* The flows of hw/ at sizes of real models, and on many random small cases. */
#include "tests/hw_cases.h"
#include "tests/unit.h"

static void grid_row(int64_t n_ranks, int64_t tokens, int64_t hidden)
{
	struct trial t = {.shape = {.n_ranks = n_ranks,
	                            .experts = 4 * n_ranks,
	                            .top_k = 4,
	                            .hidden = hidden,
	                            .tokens = tokens},
	                  .checked = 1};

	CU_ASSERT(hw_trials_equal(t, &backend_host));
}

/* Ranks 2 to 8, tokens 0 to 4096, hidden 2048 to 7168: every value of each, not every combination,
 * for the sake of memory and time. */
static void test_grid(void)
{
	static const int64_t tokens[] = {0, 1, 17, 64, 256}, hidden[] = {2048, 4096, 5120, 7168};

	for (int64_t n_ranks = 2; n_ranks <= 8; n_ranks++) {
		for (int i = 0; i < 5; i++)
			grid_row(n_ranks, tokens[i], hidden[(n_ranks + i) % 4]);
	}
}

static void test_large(void)
{
	grid_row(2, 4096, 7168);
	grid_row(8, 4096, 2048);
	grid_row(4, 1024, 4096);
}

/* 10,000 shapes, each with three layers back to back, under every flow. */
static void test_random(void)
{
	struct hw_cases c = {.seed = 2, .cases = 10000 / 7 + 1};

	for (c.n_ranks = 2; c.n_ranks <= 8; c.n_ranks++) {
		for (c.kernels = 0; kernels_table[c.kernels]; c.kernels++) {
			struct verdict v = hw_cases_run(&c, &backend_host);

			CU_ASSERT(verdict_good(&v));
		}
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"grid", test_grid},
	        {"large", test_large},
	        {"random", test_random},
	        {NULL, NULL},
	};

	return unit_main("hw_full", tests);
}
