/* Compute: the operators of a layer, from the shapes of model and schedule. gemm.h and attention.h
 * price them. */
#pragma once
#include "sim/op.h"

/* One rank's share of one step in one micro-batch. */
struct tokens {
	double sequences_count; /* of the attention group */
	double query_count;     /* new tokens of the attention group */
	double context_count;   /* tokens of a sequence before the new ones */
	double expand_count; /* cached tokens whose keys and values dense MLA prefill expands here:
	                        those before the chunk, once for all its parts */
	double rank_count;   /* new tokens of one rank: query / TP */
};

enum { MOST_OPS = 8 };

/* Operators of one layer's attention block on one rank, averaged over layers where they differ
 * (sliding windows). Writes at most MOST_OPS; returns their number. */
size_t ops_attention(const struct machine *m, const struct moe_model *model,
                     const struct schedule *s, const struct tokens *t, struct op *out);
/* The dense MLP of a dense layer, all of it on each rank's own tokens. */
size_t ops_dense(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                 const struct tokens *t, struct op *out);
/* Router and shared experts, likewise. */
size_t ops_gate(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                const struct tokens *t, struct op *out);
/* Grouped GEMMs of one rank's experts: rows_count rows over active_count of its experts. */
size_t ops_experts(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                   double rows_count, double active_count, struct op *out);
/* Embedding look-up, final norm and output projection for `logits_count` tokens of a rank; the
 * vocabulary is split over n_shards_count ranks, which then see each other's tokens. */
size_t ops_head(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                double logits_count, double n_shards_count, struct op *out);

/* The attention group's exchange around the MoE block: reduce-scatter of the output projection's
 * partial sums, all-gather of the layer's result; bytes that leave (and enter) a rank. */
double tp_exchange_bytes(const struct moe_model *model, const struct schedule *s,
                         const struct tokens *t);

/* How many of a rank's experts get at least one row. */
double active_experts_count(const struct routing *r, int64_t rank);

/* Rows for experts first .. first + n - 1 of all, from rank `from`, or from all when it is -1; and
 * how many of those experts get at least one row in one of `parts` equal shares of the tokens. */
double range_rows_count(const struct routing *r, int64_t from, int64_t first, int64_t n);
double active_range_count(const struct routing *r, int64_t from, int64_t first, int64_t n,
                          double parts_count);
