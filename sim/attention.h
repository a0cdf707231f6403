/* The core of attention: scores, softmax and sums over the cache. COMPUTE.md has the formulas. */
#pragma once
#include "sim/op.h"

/* One rank's share. */
struct attention {
	double flop_per_pair_count; /* of all its heads: a new token and one that it sees */
	double pairs_count;         /* over all sequences, under the mask */
	double rows_count;          /* new tokens, of all sequences */
	double heads_count;
	double bytes;  /* of the cache, read and written */
	bool strided;  /* several heads of keys and values side by side */
	bool repeated; /* as a benchmark does, which may find the cache in L2 */
};

struct op op_prefill_attention(const struct machine *m, const char *label,
                               const struct attention *x);
struct op op_decode_attention(const struct machine *m, const char *label,
                              const struct attention *x);
