/* weight-gather: no row travels. Each rank computes all experts on its own tokens; while it
 * computes a layer, it gathers the experts of the next.
 *
 * AsyncEP of ZeRO-Prefill (arXiv:2605.02960; details from third-party notes): attention is data
 * parallel, each layer's experts are shared out over the ranks, the first MoE layer is kept whole.
 * A stream of its own pulls the other ranks' experts of layer i + 1 into one half of a buffer while
 * layer i computes from the other half. No all-to-all, and no wait of ranks for each other:
 *   layer time = max(compute, gather),  gather = 3 E h m b (R - 1) / R bytes a rank.
 * Weights are gathered in the type they compute in. Top-k stays local: rows are permuted by expert
 * and quantised where GEMMs want it (each for its expert, as elsewhere), then summed.
 * In the time of a single exchange (dispatch alone) nothing hides the gather. Prefill only.
 *
 * Checked: the one wait that a gather needs is local, for the experts of two layers before to have
 * read their half; and experts wait for the gather. Pulling needs no other rank, whose shards never
 * change. Pushing, as a library's all-gather does, would need every peer's consent for its half,
 * which is a wait for all ranks in every layer again. */
#include "sim/flow_build.h"
#include <stdlib.h>
#include <string.h>

static const struct place gathered = {
        .buffer = "gathered experts", .layout = LAYOUT_WEIGHTS, .turns = TURNS_LAYER};
static const struct place rows = {.buffer = "permuted rows", .layout = LAYOUT_PACKED};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_PACKED};

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (q->phase == PHASE_DECODE)
		*why_not = "gathering all experts is for prefill: decode computes too little to "
		           "hide it";
	return *why_not == NULL;
}

static double expert_bytes(const struct flow_request *q)
{
	return model_expert_params_count(q->model) * dtype_bytes(q->weights);
}

/* Pulls every rank's experts of a layer. */
static void gather(struct flow_build *b, int64_t layer, uint32_t *at)
{
	struct shipment s = {.label = "dispatch.get",
	                     .unit = UNIT_WEIGHTS,
	                     .row_bytes = expert_bytes(b->request),
	                     .to = &gathered,
	                     .layer = layer};
	struct traffic write = {.unit = UNIT_WEIGHTS, .per_row_in_bytes = s.row_bytes};
	uint32_t *got = heap_zeroed((size_t)b->n, sizeof *got);

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, at, at);
	stage_get(b, &s, at, got);
	stage_copy(b, "dispatch.write", write, 0, at, at);
	stage_join(b, "dispatch.get", at, got, at);
	free(got);
}

static void permute(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	struct source from = stage_source(b, ready, done);
	double row = flow_row_bytes(b->request);

	stage_copy(b, "dispatch.permute",
	           (struct traffic){.per_row_out_bytes = from.read_bytes + row,
	                            .quantised_bytes = from.quantised_bytes},
	           b->topology->machine->sync.kernel_s, done, done);
	note_rows(b, done, from.op, UNIT_BRANCH, FORWARD, from.place, &rows);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);

	stage_copy(b, "combine.sum",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16},
	           b->topology->machine->sync.kernel_s, ready, done);
	note_sum(b, done, UNIT_BRANCH, &result, UNIT_TOKEN, &place_output);
}

/* The ends of the gathers for even layers, then for odd ones. */
static uint32_t *gathered_for(struct flow_build *b, int64_t layer)
{
	return b->stream + (layer % 2) * b->n;
}

/* The first layer is whole; its successor's gather starts with the step. */
static void begin(struct flow_build *b)
{
	b->stream = heap_zeroed(2 * (size_t)b->n, sizeof *b->stream);
	if (b->layers_left > 0)
		gather(b, 1, gathered_for(b, 1));
}

/* Into the half that the experts just left, after the gather that is under way. */
static void gather_ahead(struct flow_build *b, const uint32_t *computed)
{
	uint32_t *at = gathered_for(b, b->layer + 2), *before = gathered_for(b, b->layer + 1);

	stage_wait(b, "dispatch.buffer", 0, computed, at);
	stage_join(b, "dispatch.start", at, before, at);
	gather(b, b->layer + 2, at);
}

static void layer(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	struct expert_part all = {.at_source = true};

	if (b->layer == 0)
		begin(b);
	permute(b, ready, done);
	if (b->layer > 0) {
		stage_join(b, "expert.start", done, gathered_for(b, b->layer), done);
		all.weights = &gathered;
	}
	b->experts(b->experts_context, b, &all, done, done);
	if (b->layers_left > 1)
		gather_ahead(b, done);
	combine(b, done, done);
}

/* One layer's gather with nothing to hide it. */
static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	uint32_t *at = heap_zeroed((size_t)b->n, sizeof *at);

	memcpy(at, ready, (size_t)b->n * sizeof *at);
	gather(b, b->layer, at);
	permute(b, ready, done);
	stage_join(b, "dispatch.end", done, at, done);
	free(at);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n = flow_rows_out_count(q), experts = (double)q->model->experts;
	double others = experts - experts / (double)q->routing->n_ranks;
	const struct buffer all[] = {
	        {"gathered experts", "weights", LIFE_DOMAIN, 2 * experts * expert_bytes(q)},
	        {"first layer whole", "weights", LIFE_DOMAIN, others * expert_bytes(q)},
	        {"permuted rows", "workspace", LIFE_LAYER, n * flow_row_bytes(q)},
	        {"expert output", "workspace", LIFE_LAYER, n * flow_bf16_row_bytes(q)},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_weight_gather = {
        .name = "weight-gather",
        .doc = "tokens stay; the next layer's experts are gathered under compute (AsyncEP)",
        .options = 1 << OPTION_QUANTISE,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .layer = layer,
        .carries_over = true,
        .ranks_apart = true,
        .window = &rows,
        .result = &result,
        .buffers = buffers,
};
