/* one-sided: a row is pushed once to each rank that needs it, and pulled back as one partial sum;
 * TensorRT-LLM's NVLink one-sided all-to-all.
 *
 * Dispatch  one kernel reads each token once and writes it, with its experts and their weights, to
 *           slot (source, token) of every rank that owns some of its experts; then it tells all
 *           ranks that it is through, and waits until they all are. Experts gather their rows from
 *           the slots: no counts, no offsets, no unpacking.
 * Combine   the experts' rank has summed its weighted results of a token into one row of a buffer
 *           of the same form (expert.finalize); one kernel tells all ranks so, waits for all, pulls
 *           a row from each rank that has one for the token, and adds them up.
 *
 * Steps and bytes: TensorRT-LLM at 22de8b34, docs/source/blogs/tech_blog/blog18. TensorRT-LLM
 * quantises before dispatch; here that is `quantise: separate`, and otherwise it happens on the
 * way, once for each token. Its kernel that marks slots of no use is left out.
 *
 * What the checker says of the two waits for all: each is needed, and they suffice without a wait
 * at the end of combine. Slots are written again only after the next head of dispatch, which
 * follows a combine whose head waited for all who read them; partial sums are written again after
 * the next end of dispatch, which nobody reaches before all have pulled theirs. */
#include "sim/flow_build.h"
#include <stdlib.h>

static const double routing_bytes = 8; /* int32 expert and float weight, for each of top_k */
static const double flag_bytes = 4;    /* completion, to every rank */

static const struct place slots = {.buffer = "dispatch slots", .layout = LAYOUT_RANK_SLOTS};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place partial = {.buffer = "combine slots", .layout = LAYOUT_RANK_SLOTS};
static const struct place fetched = {.buffer = "vector cores", .layout = LAYOUT_BRANCH};

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (machine_farthest(q->machine, q->routing->n_ranks) == TIER_RDMA)
		*why_not = "pushing and pulling needs one address space: the fabric does not span "
		           "EP";
	return *why_not == NULL;
}

static double sent_row_bytes(const struct flow_request *q)
{
	return flow_scaled_row_bytes(q) + routing_bytes * (double)q->model->top_k;
}

/* All ranks have come this far. */
static void all_there(struct flow_build *b, const char *barrier, const char *flags, uint32_t *at)
{
	if (b->request->options.completion == COMPLETION_BARRIER)
		stage_barrier(b, barrier, at, at);
	else
		stage_signal(b, flags, flag_bytes, 1, at, at);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	struct source from = stage_source(b, ready, done);
	struct shipment push = {.label = "dispatch.put",
	                        .unit = UNIT_TOKEN_RANK,
	                        .row_bytes = sent_row_bytes(b->request),
	                        .op = from.op,
	                        .from = from.place,
	                        .to = &slots};
	uint32_t *sent = heap_zeroed(2 * (size_t)b->n, sizeof *sent), *least = sent + b->n;

	stage_delay(b, "dispatch.kernel", m->sync.kernel_s, done, done);
	stage_put(b, &push, done, sent, NULL);
	stage_whole_tokens(b, &push, true, done, least);
	stage_join(b, "dispatch.put", sent, least, sent);
	stage_copy(b, "dispatch.read",
	           (struct traffic){.per_token_bytes = from.read_bytes,
	                            .quantised_token_bytes = from.quantised_bytes},
	           0, done, done);
	stage_join(b, "dispatch.put", done, sent, done);
	stage_wait(b, "dispatch.sync", m->sync.vector_s, done, done);
	all_there(b, "dispatch.barrier", "dispatch.flags", done);
	free(sent);
}

/* Weighted sums of what a rank's experts say about a token: the end of the expert compute. */
static void finalize(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);

	stage_copy(b, "expert.finalize", (struct traffic){.per_row_in_bytes = bf16}, 0, ready,
	           done);
	stage_copy(b, "expert.finalize",
	           (struct traffic){.per_row_in_bytes = bf16, .unit = UNIT_TOKEN_RANK}, 0, done,
	           done);
	note_sum(b, done, UNIT_BRANCH, &result, UNIT_TOKEN_RANK, &partial);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);
	struct shipment pull = {.label = "combine.get",
	                        .way = BACKWARD,
	                        .unit = UNIT_TOKEN_RANK,
	                        .row_bytes = bf16,
	                        .from = &partial,
	                        .to = &fetched};
	uint32_t *pulled = heap_zeroed(2 * (size_t)b->n, sizeof *pulled), *least = pulled + b->n;

	finalize(b, ready, done);
	stage_delay(b, "combine.kernel", b->topology->machine->sync.kernel_s, done, done);
	all_there(b, "combine.barrier", "combine.flags", done);
	stage_get(b, &pull, done, pulled);
	stage_whole_tokens(b, &pull, false, done, least);
	stage_join(b, "combine.get", pulled, least, pulled);
	stage_copy(b, "combine.write", (struct traffic){.per_token_bytes = bf16}, 0, done, done);
	stage_join(b, "combine.get", done, pulled, done);
	note_sum(b, done, UNIT_TOKEN_RANK, &fetched, UNIT_TOKEN, &place_output);
	free(pulled);
}

/* A slot for every token of every rank, in both phases. */
static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n_slots = (double)q->routing->n_ranks * (double)q->tokens;
	double bf16 = flow_bf16_row_bytes(q);
	const struct buffer all[] = {
	        {"dispatch slots", "symmetric heap", LIFE_DOMAIN, n_slots * sent_row_bytes(q)},
	        {"combine slots", "symmetric heap", LIFE_DOMAIN, n_slots * bf16},
	        {"expert output", "workspace", LIFE_LAYER, flow_window_rows_count(q) * bf16},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_one_sided = {
        .name = "one-sided",
        .doc = "push one row to each rank that needs it, pull partial sums (TensorRT-LLM)",
        .options = 1 << OPTION_COMPLETION | 1 << OPTION_QUANTISE | 1 << OPTION_WINDOW,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .window = &slots,
        .result = &result,
        .buffers = buffers,
};
