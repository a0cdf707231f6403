/* epsim-oshmem FILE: one rank of the oshmem backend. oshrun starts as many as there are; see
 * helper.h for the file. A program of its own, so that epsim needs no OpenSHMEM. */
#include <shmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hw/bench.h"
#include "hw/helper.h"
#include "hw/trial.h"
#include "models/base/arena.h"

static void *peer(const struct symheap *h, const void *own, int64_t rank)
{
	(void)h;
	return shmem_ptr(own, (int)rank);
}

static void put(struct symheap *h, void *to, const void *from, size_t bytes, int64_t rank)
{
	(void)h;
	shmem_putmem(to, from, bytes, (int)rank);
}

static void get(struct symheap *h, void *to, const void *from, size_t bytes, int64_t rank)
{
	(void)h;
	shmem_getmem(to, from, bytes, (int)rank);
}

static void quiet(struct symheap *h)
{
	(void)h;
	shmem_quiet();
}

/* OpenSHMEM 1.4 has no signal that follows a put: a fence orders them. */
static void signal(struct symheap *h, struct flag *flag, int32_t value, int64_t rank)
{
	(void)h;
	shmem_fence();
	shmem_int_atomic_set((int *)&flag->value, value, (int)rank);
}

struct awaited {
	const struct flag *flag;
	int32_t value;
};

static bool flag_set(const void *data)
{
	const struct awaited *a = data;

	return shmem_int32_test((int32_t *)&a->flag->value, SHMEM_CMP_GE, a->value);
}

static void wait(struct symheap *h, const struct flag *flag, int32_t value)
{
	sym_wait_until(h, flag_set, &(struct awaited){flag, value});
	atomic_thread_fence(memory_order_acquire);
}

/* Its wait cannot be told from its work, so all of it counts as waiting. */
static void barrier(struct symheap *h)
{
	double begin_s = sym_work_s(h);

	shmem_barrier_all();
	h->waited_s += sym_work_s(h) - begin_s;
}

static const struct symheap_ops ops = {
        .peer = peer,
        .put = put,
        .get = get,
        .quiet = quiet,
        .signal = signal,
        .wait = wait,
        .barrier = barrier,
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "epsim-oshmem: %s\n", what);
	exit(RC_INTERNAL);
}

int main(int argc, char **argv)
{
	static void (*const mains[])(struct symheap *, const void *, void *) = {
	        [HELPER_TRIAL] = trial_rank_main, [HELPER_BENCH] = bench_rank_main};
	struct helper_head head;
	struct symheap h;
	char *reports, *own;
	void *job;

	if (argc != 2)
		die("started by `epsim hw --backend oshmem`");
	job = helper_job_read(argv[1], &head);
	shmem_init();
	if (shmem_n_pes() != head.n_ranks)
		die("oshrun started another number of ranks");
	h = (struct symheap){.ops = &ops,
	                     .rank = shmem_my_pe(),
	                     .n_ranks = head.n_ranks,
	                     .bytes = (size_t)head.heap_bytes,
	                     .spins = sym_may_spin(head.n_ranks)};
	h.base = shmem_align(FLAG_BYTES, h.bytes + FLAG_BYTES);
	reports = shmem_align(FLAG_BYTES, (size_t)(head.n_ranks * head.report_bytes) + 1);
	if (!h.base || !reports)
		die("the symmetric heap is too small");
	memset(h.base, 0, h.bytes);
	own = heap_zeroed(1, (size_t)head.report_bytes);
	shmem_barrier_all();
	mains[head.job](&h, job, own);
	shmem_putmem(reports + h.rank * head.report_bytes, own, (size_t)head.report_bytes, 0);
	shmem_barrier_all();
	if (h.rank == 0)
		helper_reports_write(argv[1], &head, reports);
	free(own);
	free(job);
	shmem_finalize();
	return 0;
}
