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
	double rdma_latency_s; /* instead of the machine's; 0: the machine's */
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

static enum rc fusco_nccl(double *out, struct err *e)
{
	struct ask a = {"h800-node-rdma", NULL, 0, PHASE_PREFILL, 64, 16384, DTYPE_BF16, 0};

	return flows_ratio(a, "deepep-normal", "relay3", out, e);
}

/* Tutel: the all-to-all in two steps against the one in one, few and many ranks; little data. */
static enum rc tutel_small(double *out, struct err *e)
{
	struct ask a = {"h800-node-rdma", NULL, 0, PHASE_PREFILL, 16, 64, DTYPE_BF16, 0};

	return flows_ratio(a, "hierarchical", "relay3", out, e);
}

static enum rc tutel_large(double *out, struct err *e)
{
	struct ask a = {"h800-node-rdma", NULL, 0, PHASE_PREFILL, 256, 64, DTYPE_BF16, 0};

	return flows_ratio(a, "hierarchical", "relay3", out, e);
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

const struct shape_row shape_rows[] = {
        {"trtllm_floor", trtllm_floor},
        {"trtllm_combine_floor", trtllm_combine_floor},
        {"trtllm_line", trtllm_line},
        {"trtllm_quantised", trtllm_quantised},
        {"deepep_ll_rise", deepep_ll_rise},
        {"deepep_ll_saturation", deepep_ll_saturation},
        {"deepep_ll_combine", deepep_ll_combine},
        {"fusco_nccl", fusco_nccl},
        {"tutel_small", tutel_small},
        {"tutel_large", tutel_large},
        {"direct_decode", direct_decode},
        {"direct_prefill_gap", direct_prefill_gap},
        {0},
};
