#include "sim/compute.h"
#include "sim/attention.h"
#include "sim/gemm.h"
#include <math.h>

/* Pairs of new and earlier tokens that attention looks at, for all sequences of the group and one
 * layer (their mean where windows differ), and cached tokens that must be read. */
struct reach {
	double pairs, cached;
};

static double mean_over_layers(const struct moe_model *m, double full, double windowed)
{
	double share = (double)m->attention.window_layers / (double)m->layers;

	return full * (1 - share) + windowed * share;
}

/* Sum over the q new tokens of a sequence of what each sees, itself included, at most `limit`. */
static double causal_pairs(double context, double q, double limit)
{
	double grow; /* new tokens that see all before them */

	limit = fmin(limit, context + q);
	grow = fmin(fmax(limit - context, 0), q);
	return grow * context + grow * (grow + 1) / 2 + (q - grow) * limit;
}

static struct reach reach_of(const struct moe_model *m, const struct tokens *t, double limit)
{
	double q = t->query_count / t->sequences_count, window = (double)m->attention.window;
	double all = fmin(limit, t->context_count + q);
	struct reach r = {causal_pairs(t->context_count, q, limit), all};

	if (m->attention.window_layers > 0) {
		r.pairs = mean_over_layers(m, r.pairs,
		                           causal_pairs(t->context_count, q, fmin(window, limit)));
		r.cached = mean_over_layers(m, all, fmin(window, all));
	}
	r.pairs *= t->sequences_count, r.cached *= t->sequences_count;
	return r;
}

static double unlimited(void)
{
	return HUGE_VAL;
}

/* Sparse attention attends in the compressed space (weights absorbed). Dense attention does so
 * where a sequence has few new tokens, as in decode: a pair costs less in the expanded space, but
 * each cached token has to be brought there first. Even at 170 new tokens in DeepSeek-V3. */
static bool mla_absorbed(const struct moe_model *m, const struct tokens *t)
{
	double lora = (double)m->attention.kv_lora, rope = (double)m->attention.qk_rope;
	double wide = (double)(m->attention.qk_nope + m->attention.v_head);
	double queries = t->query_count / t->sequences_count;

	return m->attention.index_top_k > 0 || t->query_count <= t->sequences_count ||
	       (t->context_count > 0 &&
	        queries * (2 * lora + rope) <= queries * (wide + rope) + lora * wide);
}

static double mla_flop_per_pair(const struct moe_model *m, bool absorbed)
{
	double heads = (double)m->attention.heads, rope = (double)m->attention.qk_rope;

	if (absorbed)
		return 2 * heads * (2 * (double)m->attention.kv_lora + rope);
	return 2 * heads * ((double)m->attention.qk_nope + rope + (double)m->attention.v_head);
}

/* One new token for each sequence goes to the kernels of decode. So does whatever attends in the
 * compressed space: the heads of all queries of a sequence are rows against one cache, as in
 * decode, and it is there that CloudMatrix384 measured its MLA. */
static struct op core(const struct machine *mc, const struct tokens *t, bool compressed,
                      const struct attention *x)
{
	if (compressed || t->query_count <= t->sequences_count)
		return op_decode_attention(mc, "attention.core", x);
	return op_prefill_attention(mc, "attention.core", x);
}

static struct op mla_core(const struct machine *mc, const struct moe_model *m,
                          const struct schedule *s, const struct tokens *t)
{
	bool sparse = m->attention.index_top_k > 0;
	double limit = sparse ? (double)m->attention.index_top_k : unlimited();
	double width = (double)(m->attention.kv_lora + m->attention.qk_rope);
	struct reach r = reach_of(m, t, limit);

	/* sparse attention reads what its queries picked, dense reads the cache once */
	double all = t->context_count * t->sequences_count + t->query_count;
	double read = sparse ? fmin(r.pairs, all) : r.cached;
	struct attention x = {
	        .flop_per_pair_count = mla_flop_per_pair(m, mla_absorbed(m, t)) / (double)s->tp,
	        .pairs_count = r.pairs,
	        .rows_count = t->query_count,
	        .heads_count = (double)m->attention.heads / (double)s->tp,
	        .bytes = (read + t->query_count) * width * dtype_bytes((enum dtype)s->kv),
	};

	return core(mc, t, mla_absorbed(m, t), &x);
}

static struct op gqa_core(const struct machine *mc, const struct moe_model *m,
                          const struct schedule *s, const struct tokens *t)
{
	struct reach r = reach_of(m, t, unlimited());
	double heads = (double)m->attention.heads / (double)s->tp;
	double dim = (double)m->attention.head_dim;
	double kv_heads = fmax(1, (double)m->attention.kv_heads / (double)s->tp);
	struct attention x = {
	        .flop_per_pair_count = 4 * heads * dim,
	        .pairs_count = r.pairs,
	        .rows_count = t->query_count,
	        .heads_count = heads,
	        .bytes = (r.cached + t->query_count) * 2 * kv_heads * dim *
	                 dtype_bytes((enum dtype)s->kv),
	        .strided = kv_heads > 1,
	};

	return core(mc, t, false, &x);
}

/* Scores every earlier token for each new one with small heads, and picks the best: two operators.
 * No table has it; it is priced as one that reads the cache like decode. */
static struct op indexer(const struct machine *mc, const struct moe_model *m,
                         const struct schedule *s, const struct tokens *t)
{
	struct reach r = reach_of(m, t, unlimited());
	double dim = (double)m->attention.index_dim;
	struct attention x = {
	        .flop_per_pair_count = 2 * (double)m->attention.index_heads * dim / (double)s->tp,
	        .pairs_count = r.pairs,
	        .bytes = (r.cached + t->query_count) * dim * dtype_bytes((enum dtype)s->kv),
	};
	struct op op = op_decode_attention(mc, "attention.indexer", &x);

	op.launches_count = 2;
	op.wait_s = op.launches_count * mc->cube.launch_s;
	return op;
}

/* Where the GEMMs of one block go: one operator for all of them. */
struct gemms {
	const struct machine *machine;
	double tokens;
	enum dtype type;
	struct op *op;
	bool began;
};

static void gemm_join(struct gemms *g, double depth, double columns, bool quantised)
{
	const struct gemm x = {.rows_count = g->tokens,
	                       .depth_count = depth,
	                       .columns_count = columns,
	                       .type = g->type,
	                       .quantised = quantised};
	struct op op = op_gemm(g->machine, g->op->label, &x);

	if (g->began)
		op_join(g->op, &op);
	else
		*g->op = op;
	g->began = true;
}

/* Query, compressed keys and values (of the same rows), and the output; heads are split over the
 * attention group, as are the columns of the compressed vectors. */
static void mla_projections(struct gemms *g, const struct moe_model *m, double tp, bool absorbed)
{
	double hidden = (double)m->hidden, heads = (double)m->attention.heads / tp;
	double nope = (double)m->attention.qk_nope, rope = (double)m->attention.qk_rope;
	double v = (double)m->attention.v_head, q_lora = (double)m->attention.q_lora;
	double kv_lora = (double)m->attention.kv_lora;

	if (q_lora > 0)
		gemm_join(g, hidden, q_lora / tp, false);
	gemm_join(g, q_lora > 0 ? q_lora : hidden, heads * (nope + rope), false);
	gemm_join(g, hidden, (kv_lora + rope) / tp, true);
	if (absorbed) {
		gemm_join(g, nope, heads * kv_lora, false);
		gemm_join(g, kv_lora, heads * v, false);
	} else {
		gemm_join(g, kv_lora, heads * (nope + v), false);
	}
	gemm_join(g, heads * v, hidden, false);
	if (m->attention.index_top_k > 0) {
		double index_heads = (double)m->attention.index_heads;
		double index_dim = (double)m->attention.index_dim;

		gemm_join(g, q_lora, index_heads * index_dim / tp, true);
		gemm_join(g, hidden, (index_dim + index_heads) / tp, true);
	}
}

static void gqa_projections(struct gemms *g, const struct moe_model *m, double tp)
{
	double hidden = (double)m->hidden, dim = (double)m->attention.head_dim;
	double heads = (double)m->attention.heads, kv_heads = (double)m->attention.kv_heads;

	gemm_join(g, hidden, (heads + 2 * kv_heads) * dim / tp, false);
	gemm_join(g, heads * dim / tp, hidden, false);
}

static struct op projections(const struct machine *m, const struct moe_model *model,
                             const struct schedule *s, const struct tokens *t)
{
	struct op op = {.label = "attention.projection"};
	struct gemms g = {m, t->query_count, (enum dtype)s->weights, &op, false};

	if (model->attention.kind == ATTENTION_MLA)
		mla_projections(&g, model, (double)s->tp, mla_absorbed(model, t));
	else
		gqa_projections(&g, model, (double)s->tp);
	return op;
}

/* Keys and values of the cached tokens, expanded anew for each chunk; those of the new tokens are
 * part of the projections. */
static struct op mla_expand(const struct machine *mc, const struct moe_model *m,
                            const struct schedule *s, const struct tokens *t)
{
	const struct gemm x = {
	        .rows_count = t->expand_count,
	        .depth_count = (double)m->attention.kv_lora,
	        .columns_count = (double)m->attention.heads / (double)s->tp *
	                         (double)(m->attention.qk_nope + m->attention.v_head),
	        .type = (enum dtype)s->weights,
	};

	return op_gemm(mc, "attention.expand", &x);
}

size_t ops_attention(const struct machine *m, const struct moe_model *model,
                     const struct schedule *s, const struct tokens *t, struct op *out)
{
	bool mla = model->attention.kind == ATTENTION_MLA;
	size_t n = 0;

	out[n++] = op_elementwise(m, "attention.norm", t->rank_count, (double)model->hidden, 1);
	out[n++] = projections(m, model, s, t);
	if (mla && model->attention.index_top_k > 0)
		out[n++] = indexer(m, model, s, t);
	if (mla && !mla_absorbed(model, t) && t->expand_count > 0)
		out[n++] = mla_expand(m, model, s, t);
	out[n++] = mla ? mla_core(m, model, s, t) : gqa_core(m, model, s, t);
	return n;
}

/* Reads gate and up, writes their product. */
static struct op activation(const struct machine *m, const char *label, double tokens, double width)
{
	return op_elementwise(m, label, tokens, 1.5 * width, 1);
}

static size_t mlp(const char *label, double tokens, const struct moe_model *model, int64_t inter,
                  const struct machine *m, enum dtype w, struct op *out)
{
	double width = (double)inter, hidden = (double)model->hidden;
	const struct gemm up = {tokens, hidden, 2 * width, .type = w};
	const struct gemm down = {tokens, width, hidden, .type = w};

	out[0] = op_gemm(m, label, &up);
	out[1] = activation(m, label, tokens, width);
	out[2] = op_gemm(m, label, &down);
	return 3;
}

size_t ops_dense(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                 const struct tokens *t, struct op *out)
{
	out[0] = op_elementwise(m, "dense.norm", t->rank_count, (double)model->hidden, 1);
	return 1 + mlp("dense.mlp", t->rank_count, model, model->dense_inter, m,
	               (enum dtype)s->weights, out + 1);
}

size_t ops_gate(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                const struct tokens *t, struct op *out)
{
	double hidden = (double)model->hidden;
	const struct gemm router = {t->rank_count, hidden,
	                            (double)(model->experts + model->zero_experts),
	                            .type = DTYPE_BF16};
	const struct op top_k = op_elementwise(m, "gate.router", 0, 0, 1);
	size_t n = 0;

	out[n++] = op_elementwise(m, "gate.norm", t->rank_count, hidden, 1);
	out[n++] = op_gemm(m, "gate.router", &router);
	op_join(&out[n - 1], &top_k);
	if (model->shared_inter > 0)
		n += mlp("gate.shared", t->rank_count, model, model->shared_inter, m,
		         (enum dtype)s->weights, out + n);
	return n;
}

size_t ops_experts(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                   double rows_count, double active_count, struct op *out)
{
	const char *label = "expert.gemm";
	double hidden = (double)model->hidden, width = (double)model->expert_inter;
	struct gemm up = {rows_count,
	                  hidden,
	                  2 * width,
	                  active_count,
	                  .type = (enum dtype)s->weights,
	                  .quantised = s->dispatch != DTYPE_BF16};
	struct gemm down = {rows_count, width, hidden, active_count, .type = up.type};

	out[0] = op_grouped(m, label, &up);
	out[1] = activation(m, label, rows_count, width);
	out[2] = op_grouped(m, label, &down);
	return 3;
}

size_t ops_head(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                double logits_count, double n_shards_count, struct op *out)
{
	double hidden = (double)model->hidden, vocab = (double)model->vocab;
	const struct gemm logits = {logits_count * n_shards_count, hidden, vocab / n_shards_count,
	                            .type = DTYPE_BF16}; /* the vocabulary stays BF16 */
	const struct op sampling = op_elementwise(m, "head.logits", 0, 0, 1);

	(void)s;
	out[0] = op_elementwise(m, "head.embedding", logits_count, hidden, 2);
	out[1] = op_gemm(m, "head.logits", &logits);
	op_join(&out[1], &sampling);
	return 2;
}

double tp_exchange_bytes(const struct moe_model *model, const struct schedule *s,
                         const struct tokens *t)
{
	double tp = (double)s->tp;

	return (tp - 1) / tp * t->query_count * (double)model->hidden * dtype_bytes(DTYPE_BF16);
}

static double expert_rows_count(const struct routing *r, int64_t from, int64_t expert)
{
	double rows = 0;

	if (from >= 0)
		return routing_rows_count(r, from, expert);
	for (int64_t source = 0; source < r->n_ranks; source++)
		rows += routing_rows_count(r, source, expert);
	return rows;
}

double range_rows_count(const struct routing *r, int64_t from, int64_t first, int64_t n)
{
	double rows = 0;

	if (r->balanced) /* without rounding, as far as it goes */
		return r->rows_per_rank_count *
		       ((double)n * (from < 0 ? (double)r->n_ranks : 1) / (double)r->experts);
	for (int64_t expert = first; expert < first + n; expert++)
		rows += expert_rows_count(r, from, expert);
	return rows;
}

double active_range_count(const struct routing *r, int64_t from, int64_t first, int64_t n,
                          double parts_count)
{
	double active = 0;

	if (r->balanced) /* the even spread: as many as there are rows, at most all */
		return fmin((double)n, range_rows_count(r, from, first, n) / parts_count);
	for (int64_t expert = first; expert < first + n; expert++)
		active += fmin(1, expert_rows_count(r, from, expert) / parts_count);
	return active;
}

double active_experts_count(const struct routing *r, int64_t rank)
{
	int64_t local = r->experts / r->n_ranks;

	return active_range_count(r, -1, rank * local, local, 1);
}
