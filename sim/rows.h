/* Where rows lie: the layouts in which flows keep tokens, branches and partial sums, as functions
 * from what a row is about to the rank and the row number that hold it.
 *
 * Words: a branch is one token's row for one of its top_k experts; its owner is the expert's rank,
 * its twin in a node is the rank with the same place in that node. */
#pragma once
#include "models/routing.h"
#include "sim/nodes.h"

/* What one row stands for. Coarser units hold one row for several branches of a token. */
enum unit {
	UNIT_BRANCH,     /* (token, expert) */
	UNIT_TOKEN_RANK, /* (token, rank that owns some of its experts) */
	UNIT_TOKEN_NODE, /* (token, node that owns some of its experts) */
	UNIT_TOKEN_ALL,  /* (token, every rank) */
	UNIT_WEIGHTS,    /* (expert, every rank): no row of a token but the expert's weights */
	UNIT_TOKEN,      /* token */
	UNITS
};

/* From whom to whom rows go in dispatch; combine goes the same way back. */
enum hop {
	HOP_WHOLE,        /* source -> owner */
	HOP_TO_NODE,      /* source -> its twin in the owner's node */
	HOP_IN_NODE,      /* that twin -> owner */
	HOP_ALIGN,        /* source -> the owner's twin in the source's node */
	HOP_ACROSS,       /* that twin -> owner */
	HOP_TO_FORWARDER, /* source -> who passes on its rows in the owner's node */
	HOP_FORWARD,      /* that one -> owner */
	HOP_GATHER, /* source -> who sends for its node to the owner's; within a node: nowhere */
	HOP_PAIR,   /* that one -> who receives for the owner's node from the source's */
	HOP_SPREAD, /* that one -> owner */
	HOPS
};

enum layout {
	LAYOUT_TOKEN,      /* at the source: by token */
	LAYOUT_BRANCH,     /* at the source: by token and choice */
	LAYOUT_PACKED,     /* at the source: by expert, then token */
	LAYOUT_RECEIVED,   /* at the owner: by source, then expert, then token */
	LAYOUT_WINDOW,     /* at the owner: by expert, then source, then token; what GEMMs read */
	LAYOUT_SLOTS,      /* at the owner: a fixed slot for each (source, expert, n-th of them) */
	LAYOUT_RANK_SLOTS, /* at the owner: a fixed slot for each (source, token) */
	LAYOUT_TWIN_SLOTS, /* at the source's twin in the owner's node: for each (source, token) */
	LAYOUT_TWIN_BRANCHES,      /* there: for each (source, token, choice) */
	LAYOUT_FORWARDER_SLOTS,    /* at who passes the source's rows on in the owner's node: for
	                              each (source, token) */
	LAYOUT_FORWARDER_BRANCHES, /* there: for each (source, token, choice) */
	LAYOUT_PAIR_OUT,           /* at who sends for the source's node to the owner's: for each
	                              (node, source, token) */
	LAYOUT_PAIR_IN,            /* at who receives it: for each (source, token) */
	LAYOUT_PAIR_BRANCHES,      /* there: for each (source, token, choice) */
	LAYOUT_ALIGNED,     /* at the owner's twin in the source's node: for each (source of that
	                       node, token, choice) */
	LAYOUT_OWNER_SLOTS, /* at the source: a fixed slot for each (token, rank) */
	LAYOUT_WEIGHTS,     /* at any rank: by expert */
	LAYOUT_COUNTS,      /* rows of a table: one for each rank, its count of rows by expert */
};

/* Tokens, and how many rows each rank sends to each expert. */
struct rows {
	const struct choices *choices;
	int64_t n_ranks, node_ranks, experts, tokens_most;
	uint32_t *count;  /* [rank][expert] */
	uint32_t *before; /* [branch]: branches of its source to the same expert before it */
	int64_t *source;  /* [token of all] */
	struct nodes nodes;
	uint32_t *forwarder; /* of nodes: by rows to each node's experts */
	/* [expert]: where experts are slots, the expert whose weights one holds; NULL: its own.
	   Belongs to who set it after rows_init() */
	const uint32_t *holds;
};

void rows_init(struct rows *w, const struct choices *c, int64_t experts, int64_t node_ranks);
void rows_fini(struct rows *w);

/* One row of some unit: its token, a branch that stands for it, and the owner it goes to. */
struct item {
	int64_t token;  /* of all */
	int64_t choice; /* 0 .. top_k - 1 */
	int64_t owner;  /* rank; for UNIT_TOKEN the source */
};

int64_t rows_owner(const struct rows *w, int64_t token, int64_t choice);
/* Whose weights expert (slot) number i has. */
int64_t rows_holds(const struct rows *w, int64_t i);
int64_t rows_node(const struct rows *w, int64_t rank);

/* All items of a unit, token by token. Returns their number; the caller frees *out. */
size_t rows_items(const struct rows *w, enum unit unit, struct item **out);

/* Does the coarser row hold the finer one? */
bool rows_within(const struct rows *w, const struct item *fine, enum unit coarse,
                 const struct item *of);

/* Who has a row before a hop, and who after it. */
void hop_ends(const struct nodes *n, enum hop hop, int64_t source, int64_t owner, int64_t *holder,
              int64_t *needer);

/* The rank and row number. count: the table [rank][expert] to go by, which may be wrong when it
 * was read too early; NULL takes the true one. */
void rows_place(const struct rows *w, enum layout layout, const struct item *x,
                const uint32_t *count, int64_t *rank, int64_t *row);
