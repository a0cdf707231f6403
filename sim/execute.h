/* Runs a recorded graph on real rows, in a random order that its edges allow: rows are moved,
 * quantised, put through experts and summed as the effects say, with addresses taken from the
 * counts that are in memory at that moment. What comes out is compared with a plain MoE layer.
 *
 * Rows are vectors of 64-bit integers and all arithmetic is modulo 2^64: sums are exact in any
 * order, so that flows that sum partly on the way equal the reference to the bit, too. An expert is
 * a fixed mixing function of its weights, which are numbers that its layer and its place decide;
 * quantising drops the low bits. */
#pragma once
#include "sim/record.h"

/* How the next event is chosen. */
enum pick {
	PICK_EVEN,     /* evenly among all that may happen */
	PICK_PRIORITY, /* by random priorities of activities, with a few changes: finds rare orders
	                */
};

struct execution;

/* Prepares many runs of one graph. `layers`: how many the record has. */
struct execution *execution_new(const struct graph *g, const struct record *r, int64_t layers);
void execution_free(struct execution *x);

struct outcome {
	bool stuck;           /* some activity never could start */
	int64_t wrong_rows;   /* of the layers' outputs, against the reference */
	int64_t first_wrong;  /* a token (of all) with a wrong output; -1: none */
	int64_t stray_writes; /* to rows that do not exist */
};

/* One run; the same seed gives the same order. late, soon: activities to put off as long as
 * possible and to take as early as possible (UINT32_MAX: none), for orders that a missing edge
 * would allow. skip: index of a predecessor entry of the graph to ignore; SIZE_MAX: none. */
struct outcome execution_run(struct execution *x, uint64_t seed, enum pick pick, uint32_t late,
                             uint32_t soon, size_t skip);
