#include "sim/compute.h"
#include <math.h>

static const double activation_bytes = 2; /* BF16 between operators */

/* A GEMM: x [tokens, in] times w [in, out]; counts are per rank. */
static struct op gemm(const char *label, double tokens, double params, double in, double out,
                      enum dtype weights, double efficiency_ratio)
{
	return (struct op){
	        .label = label,
	        .flop = 2 * tokens * params,
	        .bytes = params * dtype_bytes(weights) + tokens * (in + out) * activation_bytes,
	        .efficiency_ratio = efficiency_ratio,
	        .compute = weights,
	        .launches_count = 1,
	};
}

/* Elementwise work: n passes that read and write a row of `width` for each token. */
static struct op elementwise(const char *label, double tokens, double width, double passes)
{
	return (struct op){
	        .label = label,
	        .bytes = 2 * passes * tokens * width * activation_bytes,
	        .efficiency_ratio = 1,
	        .compute = DTYPE_BF16,
	        .launches_count = passes,
	};
}

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

/* Decode, and sparse attention, attend in the compressed space (weights absorbed); dense prefill in
 * the expanded one, which costs less a pair. */
static bool mla_absorbed(const struct moe_model *m, const struct tokens *t)
{
	return m->attention.index_top_k > 0 || t->query_count <= t->sequences_count;
}

static double mla_flop_per_pair(const struct moe_model *m, bool absorbed)
{
	double heads = (double)m->attention.heads, rope = (double)m->attention.qk_rope;

	if (absorbed)
		return 2 * heads * (2 * (double)m->attention.kv_lora + rope);
	return 2 * heads * ((double)m->attention.qk_nope + rope + (double)m->attention.v_head);
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

	return (struct op){
	        .label = "attention.core",
	        .flop = r.pairs * mla_flop_per_pair(m, mla_absorbed(m, t)) / (double)s->tp,
	        .bytes = (read + t->query_count) * width * dtype_bytes((enum dtype)s->kv),
	        .efficiency_ratio = mc->cube.attention_ratio,
	        .compute = DTYPE_BF16,
	        .launches_count = 1,
	};
}

/* Keys and values of the cached tokens, expanded anew for each chunk; those of the new tokens are
 * part of the projections. */
static struct op mla_expand(const struct machine *mc, const struct moe_model *m,
                            const struct schedule *s, const struct tokens *t)
{
	double tokens = t->expand_count, lora = (double)m->attention.kv_lora;
	double width = (double)m->attention.heads / (double)s->tp *
	               (double)(m->attention.qk_nope + m->attention.v_head);

	return (struct op){
	        .label = "attention.expand",
	        .flop = 2 * tokens * lora * width,
	        .bytes = tokens * (lora + width) * activation_bytes,
	        .efficiency_ratio = mc->cube.dense_ratio,
	        .compute = (enum dtype)s->weights,
	        .launches_count = 1,
	};
}

static struct op gqa_core(const struct machine *mc, const struct moe_model *m,
                          const struct schedule *s, const struct tokens *t)
{
	struct reach r = reach_of(m, t, unlimited());
	double heads = (double)m->attention.heads / (double)s->tp;
	double dim = (double)m->attention.head_dim;
	double kv_heads = fmax(1, (double)m->attention.kv_heads / (double)s->tp);

	return (struct op){
	        .label = "attention.core",
	        .flop = r.pairs * 4 * heads * dim,
	        .bytes = (r.cached + t->query_count) * 2 * kv_heads * dim *
	                 dtype_bytes((enum dtype)s->kv),
	        .efficiency_ratio = mc->cube.attention_ratio,
	        .compute = DTYPE_BF16,
	        .launches_count = 1,
	};
}

/* Scores every earlier token for each new one with small heads. */
static struct op indexer(const struct machine *mc, const struct moe_model *m,
                         const struct schedule *s, const struct tokens *t)
{
	struct reach r = reach_of(m, t, unlimited());
	double dim = (double)m->attention.index_dim;

	return (struct op){
	        .label = "attention.indexer",
	        .flop = r.pairs * 2 * (double)m->attention.index_heads * dim / (double)s->tp,
	        .bytes = (r.cached + t->query_count) * dim * dtype_bytes((enum dtype)s->kv),
	        .efficiency_ratio = mc->cube.attention_ratio,
	        .compute = DTYPE_BF16,
	        .launches_count = 2,
	};
}

size_t ops_attention(const struct machine *m, const struct moe_model *model,
                     const struct schedule *s, const struct tokens *t, struct op *out)
{
	enum dtype w = (enum dtype)s->weights;
	double hidden = (double)model->hidden, tp = (double)s->tp;
	bool mla = model->attention.kind == ATTENTION_MLA;
	struct op projections = gemm("attention.projection", t->query_count,
	                             model_attention_params_count(model) / tp, hidden, hidden, w,
	                             m->cube.dense_ratio);
	size_t n = 0;

	out[n++] = elementwise("attention.norm", t->rank_count, hidden, 1);
	/* MLA: q down, q up, kv down, absorption in and out, output; GQA: qkv, output */
	projections.launches_count = mla ? 6 : 2;
	out[n++] = projections;
	if (mla && model->attention.index_top_k > 0)
		out[n++] = indexer(m, model, s, t);
	if (mla && !mla_absorbed(model, t) && t->expand_count > 0)
		out[n++] = mla_expand(m, model, s, t);
	out[n++] = mla ? mla_core(m, model, s, t) : gqa_core(m, model, s, t);
	return n;
}

static size_t mlp(const char *label, double tokens, const struct moe_model *model, int64_t inter,
                  const struct machine *m, enum dtype w, struct op *out)
{
	double width = (double)inter, hidden = (double)model->hidden;

	out[0] = gemm(label, tokens, 2 * hidden * width, hidden, 2 * width, w, m->cube.dense_ratio);
	out[1] = elementwise(label, tokens, 1.5 * width, 1); /* reads 2, writes 1 */
	out[2] = gemm(label, tokens, hidden * width, width, hidden, w, m->cube.dense_ratio);
	return 3;
}

size_t ops_dense(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                 const struct tokens *t, struct op *out)
{
	out[0] = elementwise("dense.norm", t->rank_count, (double)model->hidden, 1);
	return 1 + mlp("dense.mlp", t->rank_count, model, model->dense_inter, m,
	               (enum dtype)s->weights, out + 1);
}

size_t ops_gate(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                const struct tokens *t, struct op *out)
{
	double hidden = (double)model->hidden;
	size_t n = 0;

	out[n++] = elementwise("gate.norm", t->rank_count, hidden, 1);
	out[n++] = gemm("gate.router", t->rank_count, model_router_params_count(model), hidden,
	                (double)model->experts, DTYPE_BF16, m->cube.dense_ratio);
	out[n - 1].launches_count = 2; /* and the top-k */
	if (model->shared_inter > 0)
		n += mlp("gate.shared", t->rank_count, model, model->shared_inter, m,
		         (enum dtype)s->weights, out + n);
	return n;
}

size_t ops_experts(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                   double rows_count, double active_count, struct op *out)
{
	enum dtype w = (enum dtype)s->weights;
	double hidden = (double)model->hidden, width = (double)model->expert_inter;
	double weights_bytes = dtype_bytes(w) * active_count;

	out[0] = gemm("expert.gemm", rows_count, 2 * hidden * width, hidden, 2 * width, w,
	              m->cube.grouped_ratio);
	out[0].bytes += 2 * hidden * width * (weights_bytes - dtype_bytes(w));
	out[1] = elementwise("expert.gemm", rows_count, 1.5 * width, 1);
	out[2] = gemm("expert.gemm", rows_count, hidden * width, width, hidden, w,
	              m->cube.grouped_ratio);
	out[2].bytes += hidden * width * (weights_bytes - dtype_bytes(w));
	return 3;
}

size_t ops_head(const struct machine *m, const struct moe_model *model, const struct schedule *s,
                double logits_count, double n_shards_count, struct op *out)
{
	double hidden = (double)model->hidden, vocab = (double)model->vocab;

	(void)s; /* the vocabulary stays BF16 */
	out[0] = elementwise("head.embedding", logits_count, hidden, 2);
	out[1] = gemm("head.logits", logits_count * n_shards_count, hidden * vocab / n_shards_count,
	              hidden, vocab / n_shards_count, DTYPE_BF16, m->cube.dense_ratio);
	out[1].launches_count = 2; /* and sampling */
	return 2;
}

uint32_t op_append(struct graph *g, const struct topology *t, const struct op *op, int64_t rank,
                   uint32_t after)
{
	const struct machine *m = t->machine;
	/* the cube's capacity is its BF16 peak: other types and efficiencies scale the work */
	double scale = m->cube.bf16_flops / machine_peak_flops(m, op->compute);
	struct use cube = {t->cube + (uint32_t)rank, 1}, hbm = {t->hbm + (uint32_t)rank, 1};
	struct activity a = {.label = op->label,
	                     .rank = (uint32_t)rank,
	                     .latency_s = op->launches_count * m->cube.launch_s,
	                     .n_uses = 1,
	                     .after = &after,
	                     .n_after = 1};
	uint32_t end[2];

	a.work_units = op->flop * scale / op->efficiency_ratio, a.uses = &cube;
	end[0] = graph_append(g, &a);
	a.work_units = op->bytes, a.uses = &hbm;
	a.share_count = m->hbm.compute_streams_count;
	end[1] = graph_append(g, &a);
	return graph_append(
	        g, &(struct activity){
	                   .label = op->label, .rank = (uint32_t)rank, .after = end, .n_after = 2});
}

uint32_t ops_append(struct graph *g, const struct topology *t, const struct op *ops, size_t n,
                    int64_t rank, uint32_t after)
{
	for (size_t i = 0; i < n; i++)
		after = op_append(g, t, ops + i, rank, after);
	return after;
}

double tp_exchange_bytes(const struct moe_model *model, const struct schedule *s,
                         const struct tokens *t)
{
	double tp = (double)s->tp;

	return (tp - 1) / tp * t->query_count * (double)model->hidden * activation_bytes;
}

double active_experts_count(const struct routing *r, int64_t rank)
{
	int64_t local = r->experts / r->n_ranks;
	double active = 0;

	if (r->balanced) /* the even spread: as many as there are rows, at most all */
		return fmin((double)local, r->rows_per_rank_count);
	for (int64_t expert = rank * local; expert < (rank + 1) * local; expert++) {
		for (int64_t from = 0; from < r->n_ranks; from++) {
			if (routing_rows_count(r, from, expert) > 0) {
				active++;
				break;
			}
		}
	}
	return active;
}
