#include "hw/symheap_shared.h"
#include <string.h>

const char symheap_shared_caution[] =
        "measured on memory that processes of one host share: no result of NPUs or of a fabric";

static void *peer(const struct symheap *h, const void *own, int64_t rank)
{
	return h->base + (rank - h->rank) * (int64_t)h->bytes + ((const char *)own - h->base);
}

static void put(struct symheap *h, void *to, const void *from, size_t bytes, int64_t rank)
{
	memcpy(peer(h, to, rank), from, bytes);
}

static void get(struct symheap *h, void *to, const void *from, size_t bytes, int64_t rank)
{
	memcpy(to, peer(h, from, rank), bytes);
}

/* Stores are ordered by the release of the flag or barrier that follows them. */
static void quiet(struct symheap *h)
{
	(void)h;
}

static void signal(struct symheap *h, struct flag *flag, int32_t value, int64_t rank)
{
	struct flag *there = peer(h, flag, rank);

	atomic_store_explicit(&there->value, value, memory_order_release);
}

struct awaited {
	const struct flag *flag;
	int32_t value;
};

static bool flag_set(const void *data)
{
	const struct awaited *a = data;

	return atomic_load_explicit(&a->flag->value, memory_order_acquire) >= a->value;
}

static void wait(struct symheap *h, const struct flag *flag, int32_t value)
{
	sym_wait_until(h, flag_set, &(struct awaited){flag, value});
}

struct awaited_round {
	struct gather *gather;
	int64_t round;
};

static bool round_over(const void *data)
{
	const struct awaited_round *a = data;

	return atomic_load_explicit(&a->gather->round, memory_order_acquire) != a->round;
}

static void barrier(struct symheap *h)
{
	struct gather *g = ((struct shared_group *)h->state)->gather;
	int64_t round = atomic_load_explicit(&g->round, memory_order_acquire);

	if (atomic_fetch_add_explicit(&g->arrived_count, 1, memory_order_acq_rel) ==
	    h->n_ranks - 1) {
		atomic_store_explicit(&g->arrived_count, 0, memory_order_relaxed);
		atomic_store_explicit(&g->round, round + 1, memory_order_release);
		return;
	}
	sym_wait_until(h, round_over, &(struct awaited_round){g, round});
}

const struct symheap_ops symheap_shared_ops = {
        .peer = peer,
        .put = put,
        .get = get,
        .quiet = quiet,
        .signal = signal,
        .wait = wait,
        .barrier = barrier,
};

struct symheap shared_heap(struct shared_group *group, const struct launch *l, int64_t rank)
{
	size_t bytes = shared_align(l->heap_bytes);

	return (struct symheap){.ops = &symheap_shared_ops,
	                        .rank = rank,
	                        .n_ranks = l->n_ranks,
	                        .base = group->heaps + (size_t)rank * bytes,
	                        .bytes = bytes,
	                        .spins = group->spins,
	                        .state = group};
}

size_t shared_align(size_t bytes)
{
	const size_t page = 4096;

	return (bytes + page - 1) / page * page;
}
