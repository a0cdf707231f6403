/* ctest: full ranks 900 */
/* The flows of hw/ at sizes of real models, and on many random small cases. */
#include "tests/hw_cases.h"
#include "tests/unit.h"

/* Under a sanitizer fewer ranks at a time, and fewer cases: it looks at accesses, not at values. */
#ifdef __SANITIZE_ADDRESS__
enum { STEP = 3, PARTS = 8 };
#else
enum { STEP = 1, PARTS = 1 };
#endif

static const int64_t hiddens[] = {2048, 4096, 7168};

static void shape_run(int64_t n_ranks, int64_t tokens, int64_t hidden, enum dtype dispatch)
{
	struct trial t = {.shape = {.n_ranks = n_ranks,
	                            .experts = 2 * n_ranks,
	                            .top_k = 2,
	                            .hidden = hidden,
	                            .tokens = tokens,
	                            .dispatch = dispatch},
	                  .checked = 1};

	CU_ASSERT(hw_trials_equal(t, &backend_host)); /* all flows, both phases */
}

/* Every combination of flow, phase, ranks 2 to 8, tokens, hidden and type of rows: 1008 trials. */
static void test_product(void)
{
	static const int64_t tokens[] = {0, 1, 37, 256};

	for (int64_t n_ranks = 2; n_ranks <= 8; n_ranks += STEP) {
		for (int i = 0; i < 12; i++) {
			shape_run(n_ranks, tokens[i % 4], hiddens[i / 4], DTYPE_BF16);
			shape_run(n_ranks, tokens[i % 4], hiddens[i / 4], DTYPE_INT8);
		}
	}
}

/* 4096 tokens with all ranks and widths; types of rows in turns, so that each meets every number of
 * ranks and every width. */
static void test_most_tokens(void)
{
	for (int64_t n_ranks = 2; n_ranks <= 8; n_ranks += STEP) {
		for (int i = 0; i < 3; i += STEP)
			shape_run(n_ranks, 4096, hiddens[i],
			          (n_ranks + i) % 2 ? DTYPE_INT8 : DTYPE_BF16);
	}
}

/* 10,003 shapes, each with three layers back to back, under every flow. */
static void test_random(void)
{
	struct hw_cases c = {.seed = 2, .cases = 1429 / PARTS};
	int64_t shapes = 0;

	for (c.n_ranks = 2; c.n_ranks <= 8; c.n_ranks++) {
		shapes += c.cases;
		for (c.kernels = 0; kernels_table[c.kernels]; c.kernels++) {
			struct verdict v = hw_cases_run(&c, &backend_host);

			CU_ASSERT(verdict_good(&v));
			CU_ASSERT(v.tokens > c.cases && v.window_rows > c.cases);
		}
	}
	CU_ASSERT(shapes >= 10000 / PARTS - 8);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"product", test_product},
	        {"most tokens", test_most_tokens},
	        {"random", test_random},
	        {NULL, NULL},
	};

	return unit_main("hw_full", tests);
}
