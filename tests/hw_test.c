/* The flows on real memory: every result right to the bit, and equal between flows. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hw/row.h"
#include "models/base/arena.h"
#include "tests/hw_cases.h"
#include "tests/unit.h"

static void test_loads(void)
{
	struct trial t = {.shape = {.n_ranks = 4, .experts = 32, .top_k = 8, .hidden = 2048},
	                  .checked = 3};

	for (t.shape.load = 0; t.shape.load < LOAD_KINDS; t.shape.load++) {
		for (t.shape.dispatch = DTYPE_BF16; t.shape.dispatch <= DTYPE_INT8;
		     t.shape.dispatch++) {
			t.shape.tokens = 9;
			CU_ASSERT(hw_trials_equal(t, &backend_host));
		}
	}
}

static void test_ranks(void)
{
	struct trial t = {.shape = {.top_k = 4, .hidden = 2048}, .checked = 2, .repeats = 1};

	for (t.shape.n_ranks = 1; t.shape.n_ranks <= 8; t.shape.n_ranks++) {
		t.shape.experts = 4 * t.shape.n_ranks;
		for (t.shape.tokens = 0; t.shape.tokens <= 16; t.shape.tokens += 8)
			CU_ASSERT(hw_trials_equal(t, &backend_host));
	}
}

/* A changed bit anywhere is seen. */
static void test_reference_sees(void)
{
	struct trial t = {
	        .shape = {.n_ranks = 1, .experts = 4, .top_k = 2, .hidden = 64, .tokens = 3}};
	const struct kernels *k = &kernels_direct;
	struct symheap h = {.n_ranks = 1};
	struct moe_rank x;
	struct verdict v = {0}, bent = {0};
	size_t bytes = moe_heap_bytes(&t.shape, 1, k);
	char *memory = aligned_alloc(FLAG_BYTES, bytes);

	memset(memory, 0, bytes);
	h = (struct symheap){.n_ranks = 1, .base = memory, .bytes = bytes};
	moe_init(&x, &h, &t.shape, 1, k);
	moe_load(&x, 0);
	reference_window(&x, &v); /* of zeros: nothing was dispatched */
	CU_ASSERT_EQUAL(v.window_rows, 6);
	CU_ASSERT_EQUAL(v.window_wrong, 6);
	reference_output(&x, &bent);
	CU_ASSERT_EQUAL(bent.output_wrong, 3);
	CU_ASSERT(bent.beyond > 0 && !verdict_good(&bent));
	moe_fini(&x);
	free(memory);
}

/* ---- a rank that dies ---- */

static void die(struct symheap *h, const void *job, void *report)
{
	(void)job;
	*(int *)report = 1;
	if (h->rank == 1)
		raise(SIGKILL);
	h->ops->barrier(h); /* for ever */
}

static struct launch dying(int64_t n_ranks)
{
	return (struct launch){.n_ranks = n_ranks,
	                       .heap_bytes = 1 << 20,
	                       .report_bytes = sizeof(int),
	                       .rank_main = die};
}

static void test_rank_dies(void)
{
	struct launch l = dying(4);
	int reports[4] = {0};
	struct err e = {0};

	CU_ASSERT_EQUAL(backend_host.launch(&l, reports, &e), RC_INTERNAL);
	UNIT_TEXT(e.text, "rank 1 was killed by signal 9 (Killed); the other ranks were ended");
	/* no rank is left to be waited for */
	CU_ASSERT(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

/* Ranks end with their parent: the last end of a pipe that all hold is closed. */
static void hang(struct symheap *h, const void *job, void *report)
{
	(void)report;
	CU_ASSERT_FATAL(write(*(const int *)job, &h->rank, 1) == 1);
	if (h->rank == 0)
		h->ops->barrier(h);
	for (;;)
		pause();
}

static void test_parent_dies(void)
{
	int pipe_end[2];
	char byte;
	pid_t parent;

	CU_ASSERT_FATAL(pipe(pipe_end) == 0);
	parent = fork();
	if (parent == 0) {
		struct launch l = dying(2);
		int reports[2];
		struct err e;

		close(pipe_end[0]);
		l.rank_main = hang, l.job = &pipe_end[1];
		backend_host.launch(&l, reports, &e);
		_exit(0);
	}
	close(pipe_end[1]);
	CU_ASSERT(read(pipe_end[0], &byte, 1) == 1);
	CU_ASSERT(read(pipe_end[0], &byte, 1) == 1); /* both run */
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	CU_ASSERT(read(pipe_end[0], &byte, 1) == 0); /* none does */
	close(pipe_end[0]);
}

/* ---- rows ---- */

static void test_bf16(void)
{
	CU_ASSERT(bf16_value(0x3f80) == 1 && bf16_value(0xc000) == -2);
	for (uint32_t bits = 0; bits < 0x7f80; bits++)
		CU_ASSERT(bf16_bits(bf16_value((uint16_t)bits)) == bits);
	CU_ASSERT_EQUAL(bf16_bits(1.00390625f), 0x3f80); /* half way: to even */
	CU_ASSERT_EQUAL(bf16_bits(1.01171875f), 0x3f82); /* half way: to even */
	CU_ASSERT_EQUAL(bf16_bits(nextafterf(1.00390625f, 2)), 0x3f81);
}

static void test_quantise(void)
{
	uint16_t row[4] = {0x3f80, 0xbf00, 0x3e80, 0x0000}; /* 1, -0.5, 0.25, 0 */
	uint16_t zero[2] = {0x0000, 0x8000};
	int8_t out[4];

	CU_ASSERT(row_quantise(row, 4, out) == 1.f / 127);
	CU_ASSERT(out[0] == 127 && out[1] == -64 && out[2] == 32 && out[3] == 0);
	CU_ASSERT(row_quantise(zero, 2, out) == 0);
	CU_ASSERT(out[0] == 0 && out[1] == 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"bf16", test_bf16},
	        {"quantise", test_quantise},
	        {"reference sees", test_reference_sees},
	        {"loads", test_loads},
	        {"ranks", test_ranks},
	        {"rank dies", test_rank_dies},
	        {"parent dies", test_parent_dies},
	        {NULL, NULL},
	};

	return unit_main("hw", tests);
}
