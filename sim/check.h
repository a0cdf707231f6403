/* The safety checker: can a graph's activities corrupt each other's memory, in any order that its
 * edges allow? A proof over the orders, not a search among them: two accesses to a cell, one of
 * them a write, must lie on one path of the graph. */
#pragma once
#include "sim/record.h"

enum conflict_kind {
	CONFLICT_WRITE_WRITE, /* unordered */
	CONFLICT_READ_WRITE,  /* unordered: the read may come too early or too late */
	CONFLICT_NEVER,       /* read, but nothing was written there before */
	CONFLICT_STALE,       /* what is there when it is read is not what the reader needs */
	CONFLICT_DEADLOCK,    /* a wait for flags that are not all set */
	CONFLICT_KINDS
};

/* A kind of conflict between two labels, on one buffer; counted, with one instance shown. */
struct conflict {
	enum conflict_kind kind;
	uint32_t first, second;      /* activities: the two accesses; the waiter in a deadlock */
	uint32_t cell;               /* of the instance; NO_CELL in a deadlock */
	int64_t row_first, row_last; /* rows of that buffer and rank between the two */
	uint64_t needed, found;      /* contents, in CONFLICT_NEVER and CONFLICT_STALE */
	uint32_t sync;               /* of a deadlock */
	int64_t set, waited;         /* its flags */
	size_t cells_count;          /* cells of all ranks with such a conflict */
};

struct check {
	struct conflict *conflict; /* by first appearance in the graph */
	size_t n_conflicts;
	size_t accesses_count, cells_count, pairs_count; /* looked at */
};

/* skip: index of an entry of g->pred to leave out, for tests that delete edges; SIZE_MAX: none. */
void check_run(const struct graph *g, const struct record *r, size_t skip, struct check *out);
void check_fini(struct check *c);

const char *conflict_kind_name(enum conflict_kind kind);

/* Two lines for people: what touches what, and which order is missing. */
void conflict_print(const struct graph *g, const struct record *r, const struct conflict *c,
                    FILE *out);
