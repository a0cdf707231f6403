/* A measured operator: what a row of a compute table says. The traces folder reads them, sim prices
 * and fits them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "models/dtype.h"

enum compute_kind {
	COMPUTE_GEMM,    /* rows, depth, columns */
	COMPUTE_GROUPED, /* the same and experts, all of them with rows */
	COMPUTE_MLP,     /* experts' up and gate, activation, down, and the sum over top_k */
	COMPUTE_PREFILL, /* sequences of `length` new tokens, causal */
	COMPUTE_DECODE,  /* sequences with `length` tokens in the cache, one new */
	COMPUTE_KINDS
};

extern const char *const compute_kind_names[]; /* NULL-terminated, in order of the enum */

struct compute_row {
	enum compute_kind kind;
	enum dtype type;
	const char *file, *hardware; /* in the arena */
	long line;
	double measured_s;
	bool repeated; /* as benchmarks do, which may find operands in L2 */
	double rows_count, depth_count, columns_count; /* GEMM and grouped; rows of all experts */
	double experts_count;                          /* grouped; MLP: those of this rank */
	struct {
		double hidden_count, inter_count, experts_count, top_k_count;
		double tokens_count; /* each with top_k rows, spread over all experts */
	} mlp;
	struct {
		double sequences_count, length_count, heads_count, kv_heads_count, dim_count;
	} attention;
};

struct compute_table {
	size_t n;
	struct compute_row *row;
	uint64_t digest;         /* of all lines read: FNV-1a */
	size_t n_skipped;        /* rows that hold no operator of these kinds */
	const char *why_skipped; /* of the last one; NULL: none */
};
