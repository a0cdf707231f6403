/* What backends share whose ranks load and store each other's memory: the heaps lie one after the
 * other in one mapping. */
#pragma once
#include "hw/symheap.h"

struct gather { /* a barrier */
	_Alignas(FLAG_BYTES) _Atomic int64_t arrived_count;
	_Alignas(FLAG_BYTES) _Atomic int64_t round;
};

struct shared_group {
	struct gather *gather;
	char *heaps; /* n_ranks of heap_bytes */
	bool spins;
};

extern const struct symheap_ops symheap_shared_ops;
extern const char symheap_shared_caution[];

/* The heap of one rank. */
struct symheap shared_heap(struct shared_group *group, const struct launch *l, int64_t rank);
size_t shared_align(size_t bytes); /* up to whole pages */
