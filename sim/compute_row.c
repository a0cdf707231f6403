#include "sim/compute_row.h"
#include "models/base/arena.h"
#include "sim/attention.h"
#include "sim/gemm.h"
#include <math.h>
#include <stdlib.h>

const char *const compute_law_groups[] = {"gemm",
                                          "quantised_gemm",
                                          "grouped",
                                          "quantised_grouped",
                                          "prefill_attention",
                                          "decode_attention",
                                          0};

enum compute_law compute_law_of(const struct compute_row *row)
{
	bool wide = row->type == DTYPE_BF16;

	switch (row->kind) {
	case COMPUTE_GEMM:
		return wide ? LAW_GEMM : LAW_QUANTISED_GEMM;
	case COMPUTE_PREFILL:
		return LAW_PREFILL;
	case COMPUTE_DECODE:
		return LAW_DECODE;
	default:
		return wide ? LAW_GROUPED : LAW_QUANTISED_GROUPED;
	}
}

bool compute_row_possible(const struct machine *m, const struct compute_row *row)
{
	return machine_peak_flops(m, row->type) > 0;
}

/* Tokens choose their experts at random: this many of the rank's are chosen at all. */
static double chosen_count(const struct compute_row *row)
{
	double miss_ratio = 1 - row->mlp.top_k_count / row->mlp.experts_count;

	return row->experts_count * (1 - pow(miss_ratio, row->mlp.tokens_count));
}

/* Quantise, up and gate, activation, down, and each token's sum over its top_k rows; rows for other
 * ranks' experts are quantised and summed as well, but not computed. */
static struct op mlp_op(const struct machine *m, const struct compute_row *row)
{
	double all = row->mlp.tokens_count * row->mlp.top_k_count;
	double rows = all * row->experts_count / row->mlp.experts_count;
	double hidden = row->mlp.hidden_count, inter = row->mlp.inter_count;
	struct gemm up = {.rows_count = rows,
	                  .depth_count = hidden,
	                  .columns_count = 2 * inter,
	                  .experts_count = chosen_count(row),
	                  .type = row->type,
	                  .quantised = true};
	struct gemm down = up;
	struct op op = op_grouped(m, "mlp", &up), next;

	if (row->type != DTYPE_BF16)
		op.wait_s += quantise_s(m, all * hidden);
	next = op_elementwise(m, "mlp", rows, 1.5 * inter, 1);
	op_join(&op, &next);
	down.depth_count = inter, down.columns_count = hidden, down.quantised = false;
	next = op_grouped(m, "mlp", &down);
	op_join(&op, &next);
	/* reads all rows, writes one for each token */
	next = op_elementwise(m, "mlp", (all + row->mlp.tokens_count) / 2, hidden, 1);
	op_join(&op, &next);
	return op;
}

static struct op gemm_op(const struct machine *m, const struct compute_row *row)
{
	const struct gemm x = {.rows_count = row->rows_count,
	                       .depth_count = row->depth_count,
	                       .columns_count = row->columns_count,
	                       .experts_count = row->experts_count,
	                       .type = row->type,
	                       .quantised = row->kind == COMPUTE_GROUPED,
	                       .repeated = row->repeated};

	return row->kind == COMPUTE_GROUPED ? op_grouped(m, "grouped", &x) : op_gemm(m, "gemm", &x);
}

/* The cache is BF16, as the tables' kernels have it. */
static struct op attention_op(const struct machine *m, const struct compute_row *row)
{
	double sequences = row->attention.sequences_count, length = row->attention.length_count;
	double heads = row->attention.heads_count, kv_heads = row->attention.kv_heads_count;
	double dim = row->attention.dim_count;
	bool prefill = row->kind == COMPUTE_PREFILL;
	const struct attention x = {
	        .flop_per_pair_count = 4 * heads * dim,
	        .pairs_count = sequences * (prefill ? length * (length + 1) / 2 : length),
	        .rows_count = sequences * (prefill ? length : 1),
	        .heads_count = heads,
	        .bytes = sequences * length * 2 * kv_heads * dim * dtype_bytes(DTYPE_BF16),
	        .strided = kv_heads > 1,
	        .repeated = row->repeated,
	};

	return prefill ? op_prefill_attention(m, "prefill", &x)
	               : op_decode_attention(m, "decode", &x);
}

struct op compute_row_op(const struct machine *m, const struct compute_row *row)
{
	switch (row->kind) {
	case COMPUTE_MLP:
		return mlp_op(m, row);
	case COMPUTE_PREFILL:
	case COMPUTE_DECODE:
		return attention_op(m, row);
	default:
		return gemm_op(m, row);
	}
}

double compute_row_s(const struct machine *m, const struct compute_row *row)
{
	struct op op = compute_row_op(m, row);

	return op_alone_s(&op);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *value, size_t n)
{
	qsort(value, n, sizeof *value, ascending);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

struct compute_errors compute_errors_of(const struct machine *m,
                                        const struct compute_row *const *rows, size_t n)
{
	struct compute_errors out = {.n = n};
	double *signed_ratio = heap_zeroed(n, sizeof *signed_ratio);
	double *ape_ratio = heap_zeroed(n, sizeof *ape_ratio);

	for (size_t i = 0; i < n; i++) {
		double error = compute_row_s(m, rows[i]) / rows[i]->measured_s - 1;

		signed_ratio[i] = error, ape_ratio[i] = fabs(error);
		out.mean_ape_ratio += fabs(error) / (double)n;
		if (fabs(log1p(error)) > fabs(log1p(out.worst_ratio)))
			out.worst_ratio = error;
	}
	if (n > 0) {
		out.median_ratio = median(signed_ratio, n);
		out.median_ape_ratio = median(ape_ratio, n);
	}
	free(signed_ratio);
	free(ape_ratio);
	return out;
}
