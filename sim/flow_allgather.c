/* allgather: every token goes to every rank, which computes its own experts on those that chose
 * them; partial sums of all tokens come back (a reduce-scatter).
 *
 * The default of vLLM and SGLang where no all-to-all library is at hand, and the first of
 * MoeDistribute's forms in MindIE. No counts are exchanged and no row is sorted: a token's slot is
 * known beforehand, each rank finds the rows of its experts by the ids that come with the tokens.
 * T (R - 1) rows leave a rank both ways, against T k (R - 1) / R of an all-to-all: fewer below
 * R = k.
 *
 * Dispatch  rows are quantised once for each token. Prefill: all ranks wait for all, then each
 *           pulls the others' tokens (reads are cheaper than writes where the machine says so).
 *           Decode: each rank writes its tokens to all, then flags.
 * Combine   sums on each rank over its experts, for every token of every rank, also for those that
 *           chose none of them. Prefill: all ranks wait for all, then each pulls R rows a token and
 *           sums them in its vector cores. Decode: each rank writes them to the tokens' ranks, then
 *           flags, and a sum there.
 * Checked: two waits for all ranks in a layer are enough, buffers need no halves. In prefill it is
 * the wait before the next pull that keeps partial sums alive until they are read, in decode the
 * flags after combine's writes that keep the slots; none of them can be left out.
 *
 * Bytes: systems.md's closed form, T (N - 1) h b. The ids that travel with the tokens (4 k bytes
 * a token, below 1 % of its row) are not counted. */
#include "sim/flow_build.h"
#include <stdlib.h>
#include <string.h>

static const double flag_bytes = 32; /* completion, to every rank */

static const struct place gathered = {.buffer = "gathered tokens", .layout = LAYOUT_RANK_SLOTS};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place partial = {.buffer = "partial sums", .layout = LAYOUT_RANK_SLOTS};
static const struct place returned = {.buffer = "returned sums", .layout = LAYOUT_OWNER_SLOTS};
static const struct place fetched = {.buffer = "vector cores", .layout = LAYOUT_OWNER_SLOTS};

static struct shipment gather_of(struct flow_build *b, const uint32_t *after, uint32_t *done)
{
	struct shipment s = {.unit = UNIT_TOKEN_ALL,
	                     .row_bytes = flow_scaled_row_bytes(b->request),
	                     .from = &place_input,
	                     .to = &gathered};

	memmove(done, after, (size_t)b->n * sizeof *done);
	if (flow_quantises(b->request))
		s.from = stage_quantise(b, done, done);
	return s;
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	struct shipment s = gather_of(b, ready, done);
	struct traffic local = {.unit = UNIT_TOKEN_ALL};
	uint32_t *through = heap_zeroed((size_t)b->n, sizeof *through);

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, done, done);
	if (b->request->phase == PHASE_PREFILL) {
		s.label = "dispatch.get", local.per_row_in_bytes = s.row_bytes;
		stage_signal(b, "dispatch.ready", flag_bytes, 1, done, done);
		stage_get(b, &s, done, through);
		stage_copy(b, "dispatch.write", local, 0, done, done);
		stage_join(b, "dispatch.get", done, through, done);
	} else {
		s.label = "dispatch.put", local.per_row_out_bytes = s.row_bytes;
		stage_read_put(b, "dispatch.read", &local, &s, done);
		stage_wait(b, "dispatch.sync", b->topology->machine->sync.vector_s, done, done);
		stage_signal(b, "dispatch.flags", flag_bytes, 1, done, done);
	}
	free(through);
}

/* Over a rank's experts, for all tokens: reads their results and writes a row for each token. */
static void sum_experts(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);

	stage_copy(b, "combine.sum", (struct traffic){.per_row_in_bytes = bf16},
	           b->topology->machine->sync.kernel_s, ready, done);
	stage_copy(b, "combine.sum",
	           (struct traffic){.unit = UNIT_TOKEN_ALL, .per_row_in_bytes = bf16}, 0, done,
	           done);
	note_sum(b, done, UNIT_BRANCH, &result, UNIT_TOKEN_ALL, &partial);
}

static void pull_sums(struct flow_build *b, struct shipment s, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);
	uint32_t *pulled = heap_zeroed((size_t)b->n, sizeof *pulled);

	s.label = "combine.get", s.to = &fetched;
	stage_signal(b, "combine.ready", flag_bytes, 1, done, done);
	stage_get(b, &s, done, pulled);
	stage_copy(b, "combine.write", (struct traffic){.per_token_bytes = bf16}, 0, done, done);
	stage_join(b, "combine.get", done, pulled, done);
	note_sum(b, done, UNIT_TOKEN_ALL, &fetched, UNIT_TOKEN, &place_output);
	free(pulled);
}

static void push_sums(struct flow_build *b, struct shipment s, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);
	struct traffic read = {.unit = UNIT_TOKEN_ALL, .per_row_in_bytes = bf16};
	struct traffic reduce = {
	        .unit = UNIT_TOKEN_ALL, .per_row_out_bytes = bf16, .per_token_bytes = bf16};

	s.label = "combine.put", s.to = &returned;
	stage_read_put(b, "combine.read", &read, &s, done);
	stage_wait(b, "combine.sync", b->topology->machine->sync.vector_s, done, done);
	stage_signal(b, "combine.flags", flag_bytes, 1, done, done);
	stage_copy(b, "combine.reduce", reduce, 0, done, done);
	note_sum(b, done, UNIT_TOKEN_ALL, &returned, UNIT_TOKEN, &place_output);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	struct shipment s = {.unit = UNIT_TOKEN_ALL,
	                     .way = BACKWARD,
	                     .row_bytes = flow_bf16_row_bytes(b->request),
	                     .from = &partial};

	sum_experts(b, ready, done);
	stage_delay(b, "combine.kernel", b->topology->machine->sync.kernel_s, done, done);
	if (b->request->phase == PHASE_PREFILL)
		pull_sums(b, s, done);
	else
		push_sums(b, s, done);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	bool decode = q->phase == PHASE_DECODE;
	double bf16 = flow_bf16_row_bytes(q), tokens = (double)q->tokens;
	double all = tokens * (double)q->routing->n_ranks, n_in = flow_window_rows_count(q);
	const struct buffer listed[] = {
	        {"domain state", "HCCL window", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	        {"quantised tokens", "workspace", LIFE_LAYER,
	         flow_quantises(q) ? tokens * flow_scaled_row_bytes(q) : 0},
	        {"gathered tokens", "HCCL window", LIFE_LAYER, all * flow_scaled_row_bytes(q)},
	        {"expert output", "workspace", LIFE_LAYER, n_in * bf16},
	        {"partial sums", "HCCL window", LIFE_COMBINE, all * bf16},
	        {"returned sums", "HCCL window", LIFE_COMBINE, decode ? all * bf16 : 0},
	};

	return buffers_list(out, listed, sizeof listed / sizeof *listed);
}

const struct flow flow_allgather = {
        .name = "allgather",
        .doc = "all tokens to all ranks, partial sums of all tokens back",
        .options = 1 << OPTION_WINDOW,
        .dispatch = dispatch,
        .combine = combine,
        .window = &gathered,
        .result = &result,
        .buffers = buffers,
};
