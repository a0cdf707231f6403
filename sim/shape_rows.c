/* What we compute for each published claim. Shapes of requests (hidden, top_k, batch) are the
 * papers'; machines and flows are those of configs/ and flows[]. */
#include <math.h>
#include <string.h>
#include "models/config.h"
#include "sim/predict.h"
#include "sim/shapes.h"
#include "sim/step.h"

/* One dispatch or combine of DeepSeek-V3's shape (hidden 7168, 8 of 256 experts), s. */
struct ask {
	const char *machine, *flow;
	enum exchange_op op;
	enum phase phase;
	int64_t ep, tokens;
	enum dtype dispatch;
	int64_t groups; /* of which each token takes one; 0: experts are not grouped */
};

static enum rc op_time(const struct ask *a, double *out_s, struct err *e)
{
	struct observation o = {.flow = a->flow,
	                        .op = a->op,
	                        .phase = a->phase,
	                        .ep = a->ep,
	                        .n_batches = 1,
	                        .tokens = {a->tokens},
	                        .hidden = 7168,
	                        .top_k = 8,
	                        .experts = 256,
	                        .groups = a->groups,
	                        .top_groups = a->groups > 0,
	                        .dispatch = a->dispatch};
	struct config *c = config_new();
	struct predictor *p = predictor_new();
	enum rc rc = config_section(c, SECTION_MACHINE, a->machine, e);

	if (rc == RC_OK)
		rc = predict(p, &c->machine, &o, out_s, e);
	predictor_free(p);
	config_free(c);
	return rc;
}

/* The second over the first. */
static enum rc ratio(struct ask first, struct ask second, double *out_ratio, struct err *e)
{
	double first_s, second_s;

	TRY(op_time(&first, &first_s, e));
	TRY(op_time(&second, &second_s, e));
	*out_ratio = second_s / first_s;
	return RC_OK;
}

/* ---- TensorRT-LLM one-sided, EP 8 on GB200 ---- */

static struct ask trtllm(enum exchange_op op, int64_t tokens, enum dtype dispatch)
{
	return (struct ask){"gb200-nvl72", "one-sided", op, PHASE_DECODE, 8, tokens, dispatch, 0};
}

static enum rc trtllm_floor(double *out, struct err *e)
{
	return ratio(trtllm(OP_DISPATCH, 1, DTYPE_BF16), trtllm(OP_DISPATCH, 64, DTYPE_BF16), out,
	             e);
}

static enum rc trtllm_combine_floor(double *out, struct err *e)
{
	return ratio(trtllm(OP_DISPATCH, 1, DTYPE_BF16), trtllm(OP_COMBINE, 1, DTYPE_BF16), out, e);
}

/* Twice the tokens cost twice as much more: 2 on a straight line. */
static enum rc trtllm_line(double *out, struct err *e)
{
	double s[3];

	for (int i = 0; i < 3; i++) {
		struct ask a = trtllm(OP_DISPATCH, (int64_t)512 << i, DTYPE_BF16);

		TRY(op_time(&a, &s[i], e));
	}
	*out = (s[2] - s[1]) / (s[1] - s[0]);
	return RC_OK;
}

static enum rc trtllm_quantised(double *out, struct err *e)
{
	return ratio(trtllm(OP_DISPATCH, 2048, DTYPE_FP8), trtllm(OP_DISPATCH, 2048, DTYPE_BF16),
	             out, e);
}

/* ---- DeepEP low latency, 128 tokens a rank on H800 ---- */

static struct ask deepep_ll(enum exchange_op op, int64_t ep)
{
	return (struct ask){"h800-node-rdma", "deepep-ll", op, PHASE_DECODE, ep, 128, DTYPE_FP8, 0};
}

static enum rc deepep_ll_rise(double *out, struct err *e)
{
	return ratio(deepep_ll(OP_DISPATCH, 8), deepep_ll(OP_DISPATCH, 64), out, e);
}

static enum rc deepep_ll_saturation(double *out, struct err *e)
{
	return ratio(deepep_ll(OP_DISPATCH, 64), deepep_ll(OP_DISPATCH, 256), out, e);
}

static enum rc deepep_ll_combine(double *out, struct err *e)
{
	return ratio(deepep_ll(OP_DISPATCH, 64), deepep_ll(OP_COMBINE, 64), out, e);
}

/* ---- both ways together ---- */

static enum rc exchange_time(struct ask a, double *out_s, struct err *e)
{
	double dispatch_s, combine_s;

	a.op = OP_DISPATCH;
	TRY(op_time(&a, &dispatch_s, e));
	a.op = OP_COMBINE;
	TRY(op_time(&a, &combine_s, e));
	*out_s = dispatch_s + combine_s;
	return RC_OK;
}

/* The second flow's exchange over the first's. */
static enum rc flows_ratio(struct ask a, const char *first, const char *second, double *out_ratio,
                           struct err *e)
{
	double first_s, second_s;

	a.flow = first;
	TRY(exchange_time(a, &first_s, e));
	a.flow = second;
	TRY(exchange_time(a, &second_s, e));
	*out_ratio = second_s / first_s;
	return RC_OK;
}

/* ---- FUSCO: 8 nodes of 8 ---- */

/* groups: 8 are the nodes. */
static struct ask fusco(int64_t tokens, int64_t groups)
{
	return (struct ask){"h800-node-rdma", "fusco",    0,     PHASE_PREFILL, 64,
	                    tokens,           DTYPE_BF16, groups};
}

static enum rc fusco_nccl(double *out, struct err *e)
{
	return flows_ratio(fusco(16384, 0), "deepep-normal", "relay3", out, e);
}

static enum rc fusco_own_nccl(double *out, struct err *e)
{
	return flows_ratio(fusco(16384, 0), "fusco", "relay3", out, e);
}

static enum rc fusco_own_deepep(double *out, struct err *e)
{
	return flows_ratio(fusco(16384, 0), "fusco", "deepep-normal", out, e);
}

static enum rc fusco_node_nccl(double *out, struct err *e)
{
	return flows_ratio(fusco(16384, 8), "fusco", "relay3", out, e);
}

static enum rc fusco_node_deepep(double *out, struct err *e)
{
	return flows_ratio(fusco(16384, 8), "fusco", "deepep-normal", out, e);
}

static enum rc fusco_node_baselines(double *out, struct err *e)
{
	return flows_ratio(fusco(16384, 8), "deepep-normal", "relay3", out, e);
}

/* The same exchange where the busiest rank's rows are so many times the mean, s. */
static enum rc skewed_time(const char *flow, double rank_max_mean_ratio, double *out_s,
                           struct err *e)
{
	struct config *c = config_new();
	struct step_request q = {.machine = &c->machine,
	                         .model = &c->model,
	                         .schedule = &c->schedule,
	                         .routing = &c->routing,
	                         .flow = flow_find(flow, e),
	                         .phase = PHASE_PREFILL,
	                         .sequences_count = 1,
	                         .query_count = 16384};
	struct graph *g = graph_new();
	struct timeline timeline;
	struct topology t;
	enum rc rc = q.flow ? config_section(c, SECTION_MACHINE, "h800-node-rdma", e) : e->rc;

	timeline_init(&timeline);
	if (rc == RC_OK)
		rc = config_section(c, SECTION_MODEL, "deepseek-v3.1", e);
	c->schedule.ep = 64, c->schedule.dispatch = DTYPE_BF16;
	c->routing.kind = ROUTING_SKEWED, c->routing.rank_max_mean_ratio = rank_max_mean_ratio;
	if (rc == RC_OK)
		rc = exchange_graph(&q, g, &t, e);
	if (rc == RC_OK)
		rc = engine_fluid.run(g, &q.engine_options, &timeline, e);
	if (rc == RC_OK)
		*out_s = timeline.makespan_s;
	timeline_fini(&timeline);
	graph_free(g);
	config_free(c);
	return rc;
}

static enum rc skewed_ratio(const char *first, const char *second, double *out_ratio, struct err *e)
{
	/* by as much NCCL, whose bytes follow the busiest rank, is slower on FUSCO's skewed routing
	   than on its ordinary one: 339.3 ms over 143.6 ms */
	const double rank_max_mean_ratio = 2.36;
	double first_s, second_s;

	TRY(skewed_time(first, rank_max_mean_ratio, &first_s, e));
	TRY(skewed_time(second, rank_max_mean_ratio, &second_s, e));
	*out_ratio = second_s / first_s;
	return RC_OK;
}

static enum rc fusco_skew_deepep(double *out, struct err *e)
{
	return skewed_ratio("fusco", "deepep-normal", out, e);
}

static enum rc fusco_skew_baselines(double *out, struct err *e)
{
	return skewed_ratio("deepep-normal", "relay3", out, e);
}

static enum rc fusco_line(double *out, struct err *e)
{
	double s[3];

	for (int i = 0; i < 3; i++)
		TRY(exchange_time(fusco((int64_t)8192 << i, 0), &s[i], e));
	*out = (s[2] - s[1]) / (s[1] - s[0]);
	return RC_OK;
}

/* ---- Tutel: the all-to-all in two steps against the one in one, and pipelining ---- */

static enum rc tutel_small(double *out, struct err *e)
{
	struct ask a = {"atlas-a2", NULL, 0, PHASE_PREFILL, 16, 8, DTYPE_BF16, 0};

	return flows_ratio(a, "hierarchical", "relay3", out, e);
}

static enum rc tutel_large(double *out, struct err *e)
{
	struct ask a = {"atlas-a2", NULL, 0, PHASE_PREFILL, 128, 8, DTYPE_BF16, 0};

	return flows_ratio(a, "hierarchical", "relay3", out, e);
}

/* A prefill step in one type, s: until a rank's next begins, in the mean. */
struct step_ask {
	const char *machine, *model, *flow;
	int64_t ep, chunk, pipeline;
	double context_count, spread_ratio;
	enum dtype type;
};

static enum rc step_time(const struct step_ask *a, double *out_s, struct err *e)
{
	struct config *c = config_new();
	struct step_request q = {.machine = &c->machine,
	                         .model = &c->model,
	                         .schedule = &c->schedule,
	                         .routing = &c->routing,
	                         .flow = flow_find(a->flow, e),
	                         .engine = &engine_fluid,
	                         .phase = PHASE_PREFILL,
	                         .sequences_count = 1,
	                         .query_count = (double)a->chunk,
	                         .context_count = a->context_count,
	                         .context_spread_ratio = a->spread_ratio};
	struct step_result r;
	enum rc rc = q.flow ? config_section(c, SECTION_MACHINE, a->machine, e) : e->rc;

	if (rc == RC_OK)
		rc = config_section(c, SECTION_MODEL, a->model, e);
	c->schedule.ep = a->ep, c->schedule.options.pipeline = a->pipeline;
	c->schedule.dispatch = c->schedule.weights = (int)a->type;
	if (rc == RC_OK)
		rc = step_run(&q, &r, e);
	if (rc == RC_OK)
		*out_s = r.interval_s;
	config_free(c);
	return rc;
}

/* The number of parts with which a step of so many tokens is fastest. */
static enum rc best_pipeline(int64_t chunk, double *out_count, struct err *e)
{
	double best_s = INFINITY;

	for (int64_t parts = 1; parts <= 16; parts *= 2) {
		struct step_ask a = {
		        "cloudmatrix384", "deepseek-v3.1", "fused", 32, chunk, parts, 0, 0,
		        DTYPE_INT8};
		double s;

		TRY(step_time(&a, &s, e));
		if (s < best_s)
			best_s = s, *out_count = (double)parts;
	}
	return RC_OK;
}

static enum rc tutel_degree_small(double *out, struct err *e)
{
	return best_pipeline(128, out, e);
}

static enum rc tutel_degree_large(double *out, struct err *e)
{
	return best_pipeline(4096, out, e);
}

/* ---- all-to-all against all-gather: where the group is as large as the other's cost ---- */

/* The smallest group (2, 4, 8, ...) in which rows by all-to-all are faster, over top_k. */
static enum rc allgather_crossover(double *out, struct err *e)
{
	for (int64_t ep = 2; ep <= 64; ep *= 2) {
		struct ask a = {"cloudmatrix384", NULL, 0, PHASE_PREFILL, ep, 2048, DTYPE_BF16, 0};
		double ratio;

		TRY(flows_ratio(a, "direct", "allgather", &ratio, e));
		*out = (double)ep / 8;
		if (ratio > 1)
			return RC_OK;
	}
	return RC_OK;
}

/* ---- ZeRO-Prefill: Qwen3-235B in FP8 on 8 H800 ---- */

/* How much faster gathering weights is than exchanging rows, for chunks of prompts that are so
 * long, each rank's at a place of its own (spread 1) or all at the same. */
static enum rc zero_gain(int64_t chunk, int64_t prompt, double spread_ratio, double *out_ratio,
                         struct err *e)
{
	double context_count = (double)(prompt - chunk) / 2;
	struct step_ask a = {"h800-node-rdma", "qwen3-235b-a22b", "relay3", 8, chunk, 0,
	                     context_count,    spread_ratio,      DTYPE_FP8};
	double rows_s, weights_s;

	TRY(step_time(&a, &rows_s, e));
	a.flow = "weight-gather";
	TRY(step_time(&a, &weights_s, e));
	*out_ratio = rows_s / weights_s;
	return RC_OK;
}

static enum rc zero_small(double *out, struct err *e)
{
	return zero_gain(1024, 1024, 0, out, e);
}

/* Tokens from which it is faster, over 8,192. */
static enum rc zero_crossover(double *out, struct err *e)
{
	for (int64_t chunk = 1024; chunk <= 65536; chunk += 1024) {
		double gain;

		TRY(zero_gain(chunk, chunk, 0, &gain, e));
		*out = (double)chunk / 8192;
		if (gain > 1)
			return RC_OK;
	}
	return RC_OK;
}

static enum rc zero_plateau(double *out, struct err *e)
{
	return zero_gain(32768, 32768, 0, out, e);
}

/* The gain with prompts of 65,536 tokens over that with prompts of one chunk. */
static enum rc zero_long(double spread_ratio, double *out, struct err *e)
{
	double one, many;

	TRY(zero_gain(16384, 16384, 0, &one, e));
	TRY(zero_gain(16384, 65536, spread_ratio, &many, e));
	*out = many / one;
	return RC_OK;
}

static enum rc zero_context(double *out, struct err *e)
{
	return zero_long(1, out, e);
}

static enum rc zero_context_even(double *out, struct err *e)
{
	return zero_long(0, out, e);
}

/* ---- relay against direct, CloudMatrix384 ---- */

static struct ask cm384(enum phase phase, int64_t tokens)
{
	return (struct ask){"cloudmatrix384", NULL, 0, phase, 64, tokens, DTYPE_BF16, 0};
}

/* The worst of all decode batches: direct over relay. */
static enum rc direct_decode(double *out, struct err *e)
{
	*out = 0;
	for (int64_t tokens = 1; tokens <= 256; tokens *= 2) {
		double ratio;

		TRY(flows_ratio(cm384(PHASE_DECODE, tokens), "relay2", "direct", &ratio, e));
		*out = fmax(*out, ratio);
	}
	return RC_OK;
}

/* What direct saves at 16,384 tokens over what it saves at 1,024. */
static enum rc direct_prefill_gap(double *out, struct err *e)
{
	double gap_s[2];

	for (int i = 0; i < 2; i++) {
		struct ask a = cm384(PHASE_PREFILL, i ? 16384 : 1024);
		double direct_s, relay_s;

		a.flow = "direct";
		TRY(exchange_time(a, &direct_s, e));
		a.flow = "relay2";
		TRY(exchange_time(a, &relay_s, e));
		gap_s[i] = relay_s - direct_s;
	}
	*out = gap_s[1] / gap_s[0];
	return RC_OK;
}

static double buffers_bytes(const struct flow *flow, const struct flow_request *q)
{
	struct buffer b[MOST_BUFFERS];

	return buffers_peak_bytes(b, flow->buffers(q, b));
}

/* The most that direct's buffers are of relay2's, over phases and sizes. */
static enum rc direct_buffers(double *out, struct err *e)
{
	struct config *c = config_new();
	enum rc rc = config_section(c, SECTION_MACHINE, "cloudmatrix384", e);

	if (rc == RC_OK)
		rc = config_section(c, SECTION_MODEL, "deepseek-v3.1", e);
	*out = 0;
	for (int64_t tokens = 1; rc == RC_OK && tokens <= 16384; tokens *= 4) {
		struct routing r = {.n_ranks = 64, .experts = c->model.experts, .balanced = true};
		struct flow_request q = {.machine = &c->machine,
		                         .model = &c->model,
		                         .routing = &r,
		                         .phase = tokens > 256 ? PHASE_PREFILL : PHASE_DECODE,
		                         .tokens = tokens,
		                         .dispatch = DTYPE_INT8};

		r.rows_per_rank_count = (double)(tokens * c->model.top_k);
		*out = fmax(*out,
		            buffers_bytes(&flow_direct, &q) / buffers_bytes(&flow_relay2, &q));
	}
	config_free(c);
	return rc;
}

const struct shape_row shape_rows[] = {
        {"trtllm_floor", trtllm_floor},
        {"trtllm_combine_floor", trtllm_combine_floor},
        {"trtllm_line", trtllm_line},
        {"trtllm_quantised", trtllm_quantised},
        {"deepep_ll_rise", deepep_ll_rise},
        {"deepep_ll_saturation", deepep_ll_saturation},
        {"deepep_ll_combine", deepep_ll_combine},
        {"fusco_nccl", fusco_nccl},
        {"fusco_own_nccl", fusco_own_nccl},
        {"fusco_own_deepep", fusco_own_deepep},
        {"fusco_node_nccl", fusco_node_nccl},
        {"fusco_node_deepep", fusco_node_deepep},
        {"fusco_node_baselines", fusco_node_baselines},
        {"fusco_skew_deepep", fusco_skew_deepep},
        {"fusco_skew_baselines", fusco_skew_baselines},
        {"fusco_line", fusco_line},
        {"tutel_small", tutel_small},
        {"tutel_large", tutel_large},
        {"tutel_degree_small", tutel_degree_small},
        {"tutel_degree_large", tutel_degree_large},
        {"allgather_crossover", allgather_crossover},
        {"zero_small", zero_small},
        {"zero_crossover", zero_crossover},
        {"zero_plateau", zero_plateau},
        {"zero_context", zero_context},
        {"zero_context_even", zero_context_even},
        {"direct_decode", direct_decode},
        {"direct_prefill_gap", direct_prefill_gap},
        {"direct_buffers", direct_buffers},
        {0},
};
