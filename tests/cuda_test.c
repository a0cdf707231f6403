/* The CUDA kernels on a twin of CUDA for processors: equal to the plain exchange to the bit. */
#include <stdlib.h>
#include "hw/cuda_trial.h"
#include "models/base/arena.h"
#include "models/base/rng.h"
#include "tests/unit.h"

/* All flows and phases: right, and equal among each other. */
static void run_all(struct trial t)
{
	uint64_t digest = 0;

	for (t.shape.phase = 0; t.shape.phase < PHASES; t.shape.phase++) {
		for (t.kernels = 0; kernels_table[t.kernels]; t.kernels++) {
			struct trial_report *reports =
			        heap_zeroed((size_t)t.shape.n_ranks, sizeof *reports);
			struct trial_result r;
			char device[DEVICE_TEXT_SIZE];

			CU_ASSERT_PTR_NULL(cuda_trial_run(&t, reports, device));
			UNIT_TEXT(device, "twin");
			trial_sum(&t, reports, &r);
			CU_ASSERT(verdict_good(&r.verdict));
			CU_ASSERT(digest == 0 || r.verdict.digest == digest);
			digest = r.verdict.digest;
			free(reports);
		}
	}
}

static void test_loads(void)
{
	struct trial t = {
	        .shape = {.n_ranks = 3, .experts = 12, .top_k = 3, .hidden = 96, .tokens = 7},
	        .checked = 2};

	for (t.shape.load = 0; t.shape.load < LOAD_KINDS; t.shape.load++) {
		t.shape.dispatch = t.shape.load % 2 ? DTYPE_INT8 : DTYPE_BF16;
		run_all(t);
	}
}

/* More rows than a block has threads, and a width that ends inside a line. */
static void test_wide(void)
{
	struct trial t = {
	        .shape = {.n_ranks = 2, .experts = 4, .top_k = 4, .hidden = 333, .tokens = 40},
	        .checked = 2,
	        .repeats = 1};

	for (t.shape.dispatch = DTYPE_BF16; t.shape.dispatch <= DTYPE_INT8; t.shape.dispatch++)
		run_all(t);
}

static void test_random(void)
{
	struct rng r;

	rng_init(&r, 11, 0);
	for (int i = 0; i < 4; i++) {
		struct trial t = {.checked = 1};

		t.shape.n_ranks = 1 + (int64_t)rng_below(&r, 8);
		t.shape.experts = t.shape.n_ranks * (1 + (int64_t)rng_below(&r, 3));
		t.shape.top_k = 1 + (int64_t)rng_below(&r, (uint64_t)t.shape.experts % 6 + 1) %
		                            t.shape.experts;
		t.shape.hidden = 1 + (int64_t)rng_below(&r, 70);
		t.shape.tokens = (int64_t)rng_below(&r, 9);
		t.shape.dispatch = rng_below(&r, 2) ? DTYPE_INT8 : DTYPE_BF16;
		t.shape.load = (enum load_kind)rng_below(&r, LOAD_KINDS);
		t.shape.seed = rng_u32(&r);
		run_all(t);
	}
}

/* Each microbenchmark gives a figure for the ranks that work, and none for the others. */
static void test_bench(void)
{
	struct bench b = {.n_ranks = 2, .row_bytes = 128, .repeats = 1};
	struct bench_point *out = heap_zeroed(2 * MOST_POINTS, sizeof *out);
	char device[DEVICE_TEXT_SIZE];

	for (enum bench_kind k = 0; k < BENCH_KINDS; k++) {
		int64_t cores = 1 + k % 2;

		b.point[b.n_points++] = (struct bench_point){
		        .kind = k, .bytes = bench_moves(k) ? 128 * 17 : 0, .cores = cores};
	}
	CU_ASSERT_PTR_NULL(cuda_bench_run(&b, out, device));
	for (int32_t i = 0; i < b.n_points; i++) {
		for (int64_t rank = 0; rank < 2; rank++)
			CU_ASSERT_EQUAL(out[rank * MOST_POINTS + i].figure_units > 0,
			                rank < b.point[i].cores);
	}
	free(out);
}

int main(void)
{
	static const struct unit_test tests[] = {{"loads", test_loads},
	                                         {"wide", test_wide},
	                                         {"random", test_random},
	                                         {"bench", test_bench},
	                                         {NULL, NULL}};

	return unit_main("cuda", tests);
}
