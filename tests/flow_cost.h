/* What flows move, to the byte: a table of stages (dispatch or combine of a flow), typed in once
 * more from flows' sources, for flow_bytes_test.c to hold graphs against. */
#pragma once
#include "sim/flow.h"

/* What the formulas are written in. */
struct sizes {
	double n, n_in;      /* N rows leave a rank in dispatch, N' arrive */
	double tokens;       /* of a rank */
	double h2;           /* 2h: a BF16 row */
	double row;          /* on the wire in dispatch, 32-byte aligned */
	double slot;         /* of a relay window */
	double scale;        /* 4 bytes for a quantised row, 0 else */
	double experts, ep;  /* E, R */
	double expert_bytes; /* BF16 weights of one expert */
	double rounds_count; /* of 8192 tokens */
};

/* One stage (dispatch or combine) of one rank. */
struct cost {
	double read, write;    /* HBM, served and arriving included */
	double wire;           /* bytes of a row on the links */
	bool pull;             /* the needing rank reads */
	double peer, flag_row; /* control bytes for each peer; for each row that goes to one */
};

/* What goes from each rank to each: rows for its experts, all tokens, or the weights it keeps. */
enum load { LOAD_ROWS, LOAD_TOKENS, LOAD_EXPERTS };

enum load load_kind(const struct flow *f);

struct stage {
	const struct flow *flow;
	enum phase phase;
	const char *label; /* of its activities, how they begin */
	bool backward;
	struct cost (*cost)(const struct sizes *z);
};

extern const struct stage stages[];
extern const size_t stages_count;

/* Of a rank with `tokens` tokens and as many rows in as out. */
struct sizes sizes_of(const struct moe_model *m, enum dtype dispatch, int64_t ep, int64_t tokens);
