/* What an exchange has to do: how many tokens each rank has, what is in them, and which experts
 * they take with which weight. All of it follows from a seed, so that every rank can compute any
 * other's part, and check what it got. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "models/dtype.h"
#include "models/schedule.h"

/* How tokens choose. */
enum load_kind {
	LOAD_EVEN,   /* experts drawn evenly */
	LOAD_HOT,    /* half of the tokens take the first experts */
	LOAD_EMPTY,  /* only every third expert, as many as a token needs, is ever chosen */
	LOAD_ONE,    /* all take the same */
	LOAD_RAGGED, /* evenly, but ranks have different numbers of tokens, some none */
	LOAD_KINDS
};

extern const char *const load_names[]; /* NULL-terminated */

/* Experts are placed in order, the same number on each rank. */
struct shape {
	enum phase phase;
	enum dtype dispatch; /* DTYPE_BF16 or DTYPE_INT8 */
	enum load_kind load;
	int64_t n_ranks, experts, top_k, hidden;
	int64_t tokens; /* most of a rank */
	uint64_t seed;
};

int64_t shape_tokens(const struct shape *s, int64_t rank);
int64_t shape_local_experts(const struct shape *s);
int64_t shape_owner(const struct shape *s, int64_t expert);
size_t shape_row_bytes(const struct shape *s);  /* in dispatch, up to a multiple of 32 */
size_t shape_bf16_bytes(const struct shape *s); /* of a combine row, likewise */

/* One rank's choices, [tokens][top_k]. Weights of a token sum to 1, give or take rounding. */
void load_experts(const struct shape *s, int64_t rank, uint32_t *out);
void load_weights(const struct shape *s, int64_t rank, float *out_ratio);
/* hidden numbers between -2 and 2, zero never. */
void load_row(const struct shape *s, int64_t rank, int64_t token, uint16_t *out);

/* Rows that arrive at each rank, N'; and the most of any. */
int64_t load_rows_in_most(const struct shape *s);
