/* The ascend backend on its twin, dies as threads: equal to the plain exchange to the bit. Built a
 * second time with ThreadSanitizer. */
#include <pthread.h>
#include <stdlib.h>
#include "hw/ascend_rank.h"
#include "models/base/arena.h"
#include "models/base/rng.h"
#include "tests/unit.h"

struct rank {
	const struct trial *trial;
	const struct bench *bench; /* NULL: the trial */
	int64_t number, n;
	struct trial_report report;
	struct bench_point point[8];
	const char *why;
	bool timed; /* each step after the one before */
	pthread_t thread;
};

static bool times_grow(const struct trial *t, const struct trial_report *r)
{
	for (int32_t i = 0; i < t->repeats; i++) {
		for (int op = 0; op < OPS; op++) {
			double before_s = r->begin_s[i][op];
			const char *const *label =
			        kernels_table[t->kernels]->labels[t->shape.phase][op];

			for (int step = 0; label[step]; step++) {
				if (r->end_s[i][op][step] < before_s)
					return false;
				before_s = r->end_s[i][op][step];
			}
		}
	}
	return true;
}

static void *rank_run(void *data)
{
	struct rank *r = data;
	struct die_group g = {.rank = (int32_t)r->number,
	                      .n_ranks = (int32_t)r->n,
	                      .device = (int32_t)r->number,
	                      .address = "tcp://127.0.0.1:1",
	                      .heap_bytes = r->bench ? ascend_bench_heap_bytes(r->bench)
	                                             : ascend_trial_heap_bytes(r->trial)};
	struct die *d = die_open(&g);

	if (r->bench)
		r->why = ascend_bench_run(d, r->number, r->bench, r->point);
	else
		r->why = ascend_trial_run(d, r->number, r->trial, &r->report);
	r->timed = r->bench || times_grow(r->trial, &r->report);
	if (!r->why)
		die_close(d);
	return NULL;
}

/* All ranks to their end. */
static struct rank *ranks_run(const struct trial *t, const struct bench *b, int64_t n)
{
	struct rank *rank = heap_zeroed((size_t)n, sizeof *rank);

	for (int64_t i = 0; i < n; i++) {
		rank[i].trial = t, rank[i].bench = b, rank[i].number = i, rank[i].n = n;
		CU_ASSERT_FATAL(pthread_create(&rank[i].thread, NULL, rank_run, &rank[i]) == 0);
	}
	for (int64_t i = 0; i < n; i++) {
		pthread_join(rank[i].thread, NULL);
		CU_ASSERT_PTR_NULL(rank[i].why);
		CU_ASSERT(rank[i].timed);
	}
	return rank;
}

static struct verdict run(const struct shape *s, int32_t flow, int32_t cores, int32_t layers)
{
	struct trial t = {.kernels = flow,
	                  .shape = *s,
	                  .checked = layers,
	                  .cores = cores,
	                  .repeats = s->load == LOAD_EVEN};
	struct rank *rank = ranks_run(&t, NULL, s->n_ranks);
	struct verdict all = {0};

	for (int64_t i = 0; i < s->n_ranks; i++)
		verdict_add(&all, &rank[i].report.verdict);
	free(rank);
	return all;
}

/* All flows and phases: right, and equal among each other. */
static void run_all(struct shape s, int32_t cores, int32_t layers)
{
	uint64_t digest = 0;

	for (s.phase = 0; s.phase < PHASES; s.phase++) {
		for (int32_t flow = 0; kernels_table[flow]; flow++) {
			struct verdict v = run(&s, flow, cores, layers);

			CU_ASSERT(verdict_good(&v));
			CU_ASSERT(digest == 0 || v.digest == digest);
			digest = v.digest;
		}
	}
}

static void test_plain(void)
{
	struct shape s = {.n_ranks = 4, .experts = 16, .top_k = 4, .hidden = 256, .tokens = 10};

	for (s.dispatch = DTYPE_BF16; s.dispatch <= DTYPE_INT8; s.dispatch++)
		run_all(s, 2, 4);
}

static void test_loads(void)
{
	struct shape s = {.n_ranks = 3, .experts = 12, .top_k = 3, .hidden = 96, .tokens = 7};

	for (s.load = 0; s.load < LOAD_KINDS; s.load++)
		run_all(s, 3, 3);
}

static void test_ranks(void)
{
	struct shape s = {.top_k = 2, .hidden = 64, .tokens = 3};

	for (s.n_ranks = 1; s.n_ranks <= 8; s.n_ranks++) {
		s.experts = 2 * s.n_ranks;
		run_all(s, 1 + (int32_t)s.n_ranks % 3, 2);
	}
}

static void test_random(void)
{
	struct rng r;

	rng_init(&r, 7, 0);
	for (int i = 0; i < 24; i++) {
		struct shape s = {.n_ranks = 1 + (int64_t)rng_below(&r, 5)};

		s.experts = s.n_ranks * (1 + (int64_t)rng_below(&r, 4));
		s.top_k = 1 + (int64_t)rng_below(&r, (uint64_t)(s.experts < 6 ? s.experts : 6));
		s.hidden = 1 + (int64_t)rng_below(&r, 100);
		s.tokens = (int64_t)rng_below(&r, 12);
		s.dispatch = rng_below(&r, 2) ? DTYPE_INT8 : DTYPE_BF16;
		s.load = (enum load_kind)rng_below(&r, LOAD_KINDS);
		s.seed = rng_u32(&r);
		run_all(s, 1 + (int32_t)rng_below(&r, 4), 3);
	}
}

/* A row of a real model's width fits the unified buffer. */
static void test_wide(void)
{
	struct shape s = {.n_ranks = 2, .experts = 256, .top_k = 8, .hidden = 7168, .tokens = 3};

	for (s.dispatch = DTYPE_BF16; s.dispatch <= DTYPE_INT8; s.dispatch++)
		run_all(s, 2, 2);
}

/* Each microbenchmark ends, with a figure, on as many cores as there are at most. */
static void test_bench(void)
{
	struct bench b = {.n_ranks = 2, .row_bytes = 128, .repeats = 2};
	struct rank *rank;

	for (enum bench_kind k = 0; k < BENCH_KINDS; k++) {
		b.point[0] = (struct bench_point){
		        .kind = k, .bytes = bench_moves(k) ? 128 * 40 : 0, .cores = (int64_t)k % 5};
		b.n_points = 1;
		rank = ranks_run(NULL, &b, 2);
		for (int i = 0; i < 2; i++) {
			CU_ASSERT(rank[i].point[0].figure_units > 0);
			CU_ASSERT(rank[i].point[0].best_units > 0);
			CU_ASSERT_EQUAL(rank[i].point[0].cores, k % 5 ? k % 5 : 4);
		}
		free(rank);
	}
}

/* What fails is said, and nothing is done after it. */
static void test_failure(void)
{
	struct die_group g = {.n_ranks = 1, .device = -1, .address = "tcp://127.0.0.1:1"};
	struct die *d = die_open(&g);
	char byte = 1;

	UNIT_HOLDS(die_why(d), "aclrtSetDevice: error");
	CU_ASSERT_PTR_NULL(die_own(d, 100));
	CU_ASSERT_PTR_NULL(die_symmetric(d, 100));
	die_read(d, &byte, NULL, 1);
	CU_ASSERT_EQUAL(byte, 1);
	CU_ASSERT(die_run(d, 0, 1, NULL) == 0);
	die_close(d);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"plain", test_plain},     {"loads", test_loads}, {"ranks", test_ranks},
	        {"random", test_random},   {"wide", test_wide},   {"bench", test_bench},
	        {"failure", test_failure}, {NULL, NULL},
	};

	return unit_main("ascend", tests);
}
