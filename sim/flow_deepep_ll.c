/* deepep-ll: DeepEP's low-latency kernels; every row goes straight to a fixed slot at its expert.
 *
 * Dispatch  one kernel quantises each token once into a send buffer and puts it, with a header and
 *           its scales, into slot (expert, source, n-th of them) for each of its experts; then it
 *           sends every expert its count of rows, which follows them on the same connection and
 *           so is their flag, too. Receivers wait for the counts of all ranks and copy what there
 *           is together, expert by expert.
 * Combine   one kernel copies the experts' output into a send buffer, puts each row into slot
 *           (token, choice) at its source and a flag for each (expert, source); sources wait for
 *           all flags and sum top_k rows with the gate's weights.
 * Over RDMA each row is a message, posted one after the other.
 *
 * Steps and bytes: DeepEP at dd758caf, docs/legacy.md and the low-latency kernels it describes: a
 * header of 16 bytes and a float scale for each 128 values, 7408 bytes a row of DeepSeek-V3.
 *
 * What the checker says: two halves of both buffers, used in turn by dispatch and combine, are
 * needed. One rank may send results to another that still copies its rows together, and none waits
 * until what it sent has been read. Nothing else protects a half: combine waits for flags of all
 * ranks, with rows or without, and that orders each layer before the next. */
#include "sim/flow_build.h"
#include <math.h>
#include <stdlib.h>

static const double header_bytes = 16; /* where the row comes from */
static const double scale_bytes = 4, scale_values_count = 128;
static const double flag_bytes = 4; /* a count, or a flag of combine */

static const struct place own_counts = {.buffer = "own counts", .layout = LAYOUT_COUNTS};
static const struct place counts = {.buffer = "counts", .layout = LAYOUT_COUNTS};
static const struct place send = {
        .buffer = "send buffer", .layout = LAYOUT_TOKEN, .turns = TURNS_OPERATION};
static const struct place slots = {
        .buffer = "receive buffer", .layout = LAYOUT_SLOTS, .turns = TURNS_OPERATION};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place back_send = {
        .buffer = "send buffer", .layout = LAYOUT_SLOTS, .turns = TURNS_OPERATION};
static const struct place returned = {
        .buffer = "receive buffer", .layout = LAYOUT_BRANCH, .turns = TURNS_OPERATION};

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (q->phase == PHASE_PREFILL)
		*why_not = "low-latency slots, one for each token and expert, are of decode";
	return *why_not == NULL;
}

/* A row with its scales, as experts read it. */
static double packed_row_bytes(const struct flow_request *q)
{
	double scales = ceil((double)q->model->hidden / scale_values_count);

	return flow_row_bytes(q) + (flow_quantises(q) ? scales * scale_bytes : 0);
}

static double message_bytes(const struct flow_request *q)
{
	return packed_row_bytes(q) + header_bytes;
}

/* Puts all rows, reads them meanwhile, and sends each (expert, rank) a word that follows them;
 * waits for what all others send. */
static void push(struct flow_build *b, const struct shipment *s, const char *read, const char *word,
                 uint32_t *at)
{
	bool forward = s->way == FORWARD;
	const struct machine *m = b->topology->machine;
	struct traffic out = {.per_row_out_bytes = forward ? s->row_bytes : 0,
	                      .per_row_in_bytes = forward ? 0 : s->row_bytes};
	size_t n = (size_t)b->n;
	uint32_t *arrived = heap_zeroed(2 * n, sizeof *arrived), *words = arrived + n;

	stage_put(b, s, at, NULL, arrived);
	stage_send(b, word, flag_bytes, build_local_experts_count(b), at, words);
	if (forward)
		note_counts_sent(b, words, &own_counts, &counts);
	stage_flags(b, word, words, words);
	stage_join(b, word, words, arrived, words);
	stage_post(b, s, s->label, at, arrived);
	stage_join(b, word, words, arrived, words);
	stage_copy(b, read, out, 0, at, at);
	stage_join(b, word, at, words, at);
	stage_wait(b, word, m->sync.flag_s + m->sync.vector_s, at, at);
	free(arrived);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request), packed = packed_row_bytes(b->request);
	double message = message_bytes(b->request);
	struct shipment put = {.label = "dispatch.put",
	                       .row_bytes = message,
	                       .from = &send,
	                       .to = &slots,
	                       .row_messages = true};

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, ready, done);
	note_counts(b, done, &own_counts);
	stage_copy(b, "dispatch.cast",
	           (struct traffic){.per_token_bytes = bf16 + message,
	                            .quantised_token_bytes = flow_quantises(b->request) ? bf16 : 0},
	           0, done, done);
	note_rows(b, done, EFFECT_QUANTISE, UNIT_TOKEN, FORWARD, &place_input, &send);
	push(b, &put, "dispatch.read", "dispatch.counts", done);
	stage_copy(b, "dispatch.unpack", (struct traffic){.per_row_in_bytes = message + packed}, 0,
	           done, done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, FORWARD, &slots, &window);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);
	struct shipment put = {.label = "combine.put",
	                       .way = BACKWARD,
	                       .row_bytes = bf16,
	                       .from = &back_send,
	                       .to = &returned,
	                       .row_messages = true};

	stage_delay(b, "combine.kernel", b->topology->machine->sync.kernel_s, ready, done);
	stage_copy(b, "combine.stage", (struct traffic){.per_row_in_bytes = 2 * bf16}, 0, done,
	           done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, BACKWARD, &result, &back_send);
	push(b, &put, "combine.read", "combine.flags", done);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16}, 0, done,
	           done);
	note_sum(b, done, UNIT_BRANCH, &returned, UNIT_TOKEN, &place_output);
}

/* Each half sends and receives what the larger of dispatch and combine does: one row for each
 * expert and token, all experts' words, and to be sent as many. */
static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double experts = (double)q->model->experts;
	double slots_count = experts * (double)q->tokens, bf16 = flow_bf16_row_bytes(q);
	double slot = fmax(message_bytes(q), bf16);
	const struct buffer all[] = {
	        {"send buffers", "symmetric heap", LIFE_DOMAIN, 2 * slots_count * bf16},
	        {"receive buffers", "symmetric heap", LIFE_DOMAIN, 2 * slots_count * slot},
	        {"counts and flags", "symmetric heap", LIFE_DOMAIN, 2 * experts * flag_bytes},
	        {"expert window", "workspace", LIFE_LAYER, slots_count * packed_row_bytes(q)},
	        {"expert output", "workspace", LIFE_LAYER, slots_count * bf16},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_deepep_ll = {
        .name = "deepep-ll",
        .doc = "rows pushed to a fixed slot for each expert, source and token (low latency)",
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .window = &window,
        .result = &result,
        .buffers = buffers,
};
