/* What a rank's HBM holds during a step. */
#include <math.h>
#include "sim/step_pipeline.h"

double step_head_shards_count(const struct step_request *q)
{
	return fmin((double)schedule_npus(q->schedule), (double)machine_dies_per_node(q->machine));
}

/* Input and output tables; a stage of a pipeline has one of them, or none. */
static double tables_ratio(const struct step_request *q)
{
	return q->stage ? (q->stage->first + q->stage->last) / 2.0 : 1;
}

/* Parts of the batch that the KV cache is of, one of them at work. */
static double resident_count(const struct step_request *q)
{
	return q->stage ? q->stage->resident_count : 1;
}

double weights_rank_bytes(const struct step_request *q)
{
	const struct moe_model *m = q->model;
	struct moe_model seen = placement_model(&q->schedule->placement, m);
	double tp = (double)q->schedule->tp, local = (double)seen.experts / (double)q->schedule->ep;
	double layers = (double)m->layers + (double)m->mtp_layers, dense = (double)m->dense_layers;
	double split = model_is_dense(m) ? tp : 1; /* beside experts the MLP is each rank's own */
	double blocks = model_is_shortcut(m) ? (double)m->blocks : 1;
	double mlps = model_is_shortcut(m) ? blocks * layers : dense;
	double shared_by_all = blocks * layers * model_attention_params_count(m) / tp +
	                       mlps * model_dense_params_count(m) / split;
	double moe = (layers - dense) *
	             (local * model_expert_params_count(m) + model_shared_params_count(&seen));
	double bf16 = (layers - dense) * model_router_params_count(m) +
	              tables_ratio(q) * model_embedding_params_count(m) / step_head_shards_count(q);

	return (shared_by_all + moe) * dtype_bytes((enum dtype)q->schedule->weights) +
	       bf16 * dtype_bytes(DTYPE_BF16);
}

/* Rows of a few operators at once: hidden states, the widest intermediate, attention heads. */
static double work_bytes(const struct step_request *q)
{
	const struct moe_model seen = placement_model(&q->schedule->placement, q->model),
	                       *m = &seen;
	double tokens = q->query_count / (double)q->schedule->tp;
	double widest = fmax(fmax((double)m->dense_inter, (double)m->shared_inter), 1) * 3;
	double rows = tokens * (double)m->top_k * 3 * (double)m->expert_inter;

	return dtype_bytes(DTYPE_BF16) * (tokens * (4 * (double)m->hidden + widest) + rows);
}

static double kv_share_ratio(const struct step_request *q)
{
	if (q->model->attention.kind == ATTENTION_MLA)
		return 1; /* one compressed vector for all heads: every rank of the group keeps it
		           */
	return fmax(1 / (double)q->schedule->tp, 1 / (double)q->model->attention.kv_heads);
}

/* All but the KV cache. */
static enum rc fixed_bytes(const struct step_request *q, struct memory *m, struct err *e)
{
	struct buffer b[MOST_BUFFERS];
	size_t n;

	TRY(step_buffers(q, b, &n, e));
	m->weights_bytes = weights_rank_bytes(q);
	m->buffers_bytes = buffers_peak_bytes(b, n);
	m->work_bytes = work_bytes(q);
	m->total_bytes = m->weights_bytes + m->buffers_bytes + m->work_bytes;
	return RC_OK;
}

static enum rc batch_fits(struct step_request q, const struct memory *m, int64_t batch, bool *fits,
                          struct err *e)
{
	struct memory at;

	q.sequences_count = (double)batch;
	q.query_count = q.sequences_count * (double)(1 + q.drafts);
	TRY(fixed_bytes(&q, &at, e));
	*fits = at.total_bytes + (double)batch * m->kv_request_bytes * resident_count(&q) <=
	        m->usable_bytes;
	return RC_OK;
}

/* Bisection: memory grows with the batch. */
static enum rc batch_most(const struct step_request *q, const struct memory *m, int64_t *out,
                          struct err *e)
{
	int64_t low = 0, high = 1 << 20;

	while (high - low > 1) {
		int64_t middle = (low + high) / 2;
		bool fits;

		TRY(batch_fits(*q, m, middle, &fits, e));
		if (fits)
			low = middle;
		else
			high = middle;
	}
	*out = low;
	return RC_OK;
}

enum rc step_memory(const struct step_request *q, double kv_context_count, struct memory *out,
                    struct err *e)
{
	struct memory m = {0};

	if (q->schedule->pp > 1)
		return pipeline_memory(q, kv_context_count, out, e);
	TRY(fixed_bytes(q, &m, e));
	m.usable_bytes = q->machine->hbm.capacity_bytes * q->machine->hbm.usable_ratio;
	m.kv_request_bytes = kv_share_ratio(q) * model_kv_bytes(q->model, kv_context_count,
	                                                        (enum dtype)q->schedule->kv);
	m.kv_bytes = m.kv_request_bytes * q->sequences_count * resident_count(q);
	m.total_bytes += m.kv_bytes;
	if (q->phase == PHASE_DECODE)
		TRY(batch_most(q, &m, &m.batch_most, e));
	*out = m;
	return RC_OK;
}
