/* What the memory under a symmetric heap can do: microbenchmarks, each a row of a table.
 *
 * Movers fill `bytes` of memory once; their figure is bytes/s of one rank while `cores` ranks (of
 * which each has a processor, one hopes) do the same; a second of theirs is one of processor time,
 * so that programs that share the processors do not count. Waiters have no size; their figure is s.
 */
#pragma once
#include "hw/symheap.h"

enum bench_kind {
	BENCH_MEMCPY,  /* the C library, from own memory to the next rank's, in one piece */
	BENCH_COPY,    /* own memory to own memory, in one piece */
	BENCH_PUT,     /* own to the next rank's, through the heap's put */
	BENCH_GET,     /* the other way, through its get */
	BENCH_PLACE,   /* rows, each put top_k times to 16 places in turn: dispatch of direct */
	BENCH_PACK,    /* the same to own memory, without put: relay's pack */
	BENCH_REORDER, /* rows from 16 places in turn, one after the other: relay's reorder */
	BENCH_REDUCE,  /* top_k rows of own memory, weighted and summed: relay's end of combine */
	BENCH_FETCH,   /* top_k rows of the next rank, likewise: combine of direct */
	BENCH_FLAG,    /* one way of a flag to the next rank: half of there and back */
	BENCH_BARRIER, /* of all ranks */
	BENCH_KINDS
};

struct bench_point {
	enum bench_kind kind;
	int64_t bytes; /* 0 for waiters */
	int64_t cores; /* ranks that work; the others wait. On dies: vector cores of each rank,
	                  all ranks at work; 0: as many as there are */
	double figure_units; /* bytes/s or s; median over repeats */
	double best_units;   /* the best repeat */
	/* movers: of memcpy of the same size and cores, median over repeats, in each of which both
	   ran one after the other; 0: not measured beside it */
	double of_memcpy_ratio;
};

enum { MOST_POINTS = 512, BENCH_TOP_K = 8, BENCH_PLACES = 16 };

struct bench {
	int64_t n_ranks, row_bytes;
	int32_t repeats;
	double least_s;                /* a repeat goes on at least this long */
	char device[DEVICE_TEXT_SIZE]; /* what ran it; "": processors of this host */
	int32_t n_points;
	struct bench_point point[MOST_POINTS]; /* figures are filled in */
};

const char *bench_name(enum bench_kind kind);
bool bench_moves(enum bench_kind kind);

enum rc bench_run(struct bench *b, const struct symheap_backend *backend, struct err *e);

/* What each rank runs; report: an array of MOST_POINTS struct bench_point. */
void bench_rank_main(struct symheap *h, const void *bench, void *report);
size_t bench_heap_bytes(const struct bench *b);

/* The point, or NULL when it was not measured. */
const struct bench_point *bench_find(const struct bench *b, enum bench_kind kind, int64_t bytes,
                                     int64_t cores);
