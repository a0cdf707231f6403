/* relay2: one staging copy in a relay window and a reorder; today's default Ascend kernels.
 *
 * Prefill (CamMoeDispatchNormal): rows are staged in the source's own window, status is exchanged,
 * and each destination pulls its slots and writes them in expert order.
 * Decode (MoeDistributeDispatchV2): rows are written into the destination's window, which then
 * copies them in expert order (LocalWindowCopy).
 * Combine, both: the expert's rank writes each row and a flag into the window of the token's rank,
 * which waits for its flags, reads top_k rows and writes their weighted sum.
 * Two window halves are used in turn by successive operations, so that no end barrier is needed.
 *
 * Steps and bytes: sgl-kernel-npu at f425bdf1 (cam_moe_dispatch_normal.h,
 * moe_distribute_dispatch_v2.h and their combine twins). The notify kernel's slice pull (12 bytes
 * an expert) is taken as latency only. */
#include "sim/flow_build.h"
#include <math.h>
#include <stdlib.h>

static const double flag_bytes = 32;       /* status of an expert, and of a combine row */
static const double notify_flag_bytes = 8; /* to every rank */
static const double row_extra_bytes = 16;  /* 4 B scale and 12 B triple written beside a row */
enum { ROUND_TOKENS = 8192 };              /* tokens of a rank that one round stages */
static const double window_fixed_bytes = 2 << 20; /* low-latency window, each half */

/* Rows lie in the half of the operation: dispatch in one, combine in the other. Status words need
 * more: combine waits only for ranks that hold rows of the waiting one, so a rank may send the next
 * layer's status to one that still reads this layer's. They take turns from layer to layer. */
static const struct place own_counts = {
        .buffer = "own counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place counts = {
        .buffer = "counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place slots = {
        .buffer = "relay window", .layout = LAYOUT_SLOTS, .turns = TURNS_OPERATION};
static const struct place staged = {
        .buffer = "relay window", .layout = LAYOUT_PACKED, .turns = TURNS_OPERATION};
static const struct place staged_there = {.buffer = "relay window",
                                          .layout = LAYOUT_PACKED,
                                          .turns = TURNS_OPERATION,
                                          .table = &counts};
static const struct place returned = {
        .buffer = "relay window", .layout = LAYOUT_BRANCH, .turns = TURNS_OPERATION};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (q->phase == PHASE_PREFILL && q->options.local == LOCAL_SHORTCUT)
		*why_not = "the shortcut of local rows is of decode";
	else if (q->phase == PHASE_DECODE && q->options.round_tokens > 0)
		*why_not = "rounds are of prefill";
	return *why_not == NULL;
}

/* SyncAll, a status for each expert to its owner, and each owner's polling. */
static void status_exchange(struct flow_build *b, bool with_counts, uint32_t *at)
{
	double sync_s = b->topology->machine->sync.vector_s;

	stage_wait(b, "dispatch.sync", sync_s, at, at);
	stage_send(b, "dispatch.status", flag_bytes, build_local_experts_count(b), at, at);
	if (with_counts)
		note_counts_sent(b, at, &own_counts, &counts);
	stage_flags(b, "dispatch.status", at, at);
	stage_wait(b, "dispatch.sync", sync_s, at, at);
	/* each core adds up the counts of the R x E/R statuses before its own rows */
	stage_scan(b, "dispatch.offsets", (double)b->request->model->experts, at, at);
}

static void notify(struct flow_build *b, uint32_t *at)
{
	const struct machine *m = b->topology->machine;

	stage_delay(b, "dispatch.notify", m->sync.kernel_s, at, at);
	note_counts(b, at, &own_counts);
	stage_signal(b, "dispatch.notify", notify_flag_bytes, 1, at, at);
	stage_delay(b, "dispatch.notify", 2 * build_wire_s(b), at, at);
	note_counts_pulled(b, at, &own_counts, &counts);
	stage_wait(b, "dispatch.notify", m->sync.vector_s, at, at);
}

/* One round of staging at the source and pulling. */
static void staged_round(struct flow_build *b, const struct source *from, int64_t part,
                         int64_t parts, uint32_t *at)
{
	double slot = flow_slot_bytes(b->request), row = flow_row_bytes(b->request);
	double part_ratio = 1 / (double)parts;
	struct shipment stage = {.op = from->op, .from = from->place, .to = &staged};
	struct shipment pull = {
	        .label = "dispatch.get", .row_bytes = slot, .from = &staged_there, .to = &window};
	uint32_t *pulled = heap_zeroed((size_t)b->n, sizeof *pulled);

	stage.part = pull.part = part, stage.parts = pull.parts = parts;
	stage_copy(b, "dispatch.stage",
	           (struct traffic){.per_row_out_bytes = part_ratio * (from->read_bytes + slot),
	                            .quantised_bytes = part_ratio * from->quantised_bytes},
	           0, at, at);
	note_rows_part(b, at, &stage);
	status_exchange(b, false, at);
	stage_get(b, &pull, at, pulled);
	stage_copy(b, "dispatch.write",
	           (struct traffic){.per_row_in_bytes = part_ratio * (row + row_extra_bytes)}, 0,
	           at, at);
	stage_join(b, "dispatch.get", at, pulled, at);
	free(pulled);
}

static void prefill_dispatch(struct flow_build *b, const struct source *from, uint32_t *done)
{
	int64_t set = b->request->options.round_tokens, most = set > 0 ? set : ROUND_TOKENS;
	int64_t rounds = (b->request->tokens + most - 1) / most;

	notify(b, done);
	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, done, done);
	if (rounds < 1)
		rounds = 1;
	for (int64_t round = 0; round < rounds; round++)
		staged_round(b, from, round, rounds, done);
}

/* With the shortcut, rows to the rank itself are read again when the others are reordered. */
static void decode_dispatch(struct flow_build *b, const struct source *from, uint32_t *done)
{
	bool shortcut = b->request->options.local == LOCAL_SHORTCUT;
	double slot = flow_slot_bytes(b->request), row = flow_row_bytes(b->request);
	struct shipment put = {.label = "dispatch.put",
	                       .row_bytes = slot,
	                       .op = from->op,
	                       .from = from->place,
	                       .to = &slots,
	                       .remote_only = shortcut};
	struct shipment reorder = {.from = &slots, .to = &window, .remote_only = shortcut};
	struct shipment stay = {
	        .op = from->op, .from = from->place, .to = &window, .stay_only = true};
	struct traffic read = {.per_row_out_bytes = from->read_bytes,
	                       .quantised_bytes = from->quantised_bytes,
	                       .remote_only = shortcut};

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, done, done);
	note_counts(b, done, &own_counts);
	stage_read_put(b, "dispatch.read", &read, &put, done);
	status_exchange(b, true, done);
	stage_copy(b, "dispatch.reorder",
	           (struct traffic){.per_row_in_bytes = slot + row,
	                            .remote_only = shortcut,
	                            .per_stay_bytes = from->read_bytes + row},
	           0, done, done);
	note_rows_part(b, done, &reorder);
	if (shortcut)
		note_rows_part(b, done, &stay);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	struct source from = stage_source(b, ready, done);

	if (b->request->phase == PHASE_PREFILL)
		prefill_dispatch(b, &from, done);
	else
		decode_dispatch(b, &from, done);
}

static double combine_row_bytes(const struct flow_request *q)
{
	return q->phase == PHASE_PREFILL ? flow_combine_slot_bytes(q) : flow_bf16_row_bytes(q);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request);
	struct shipment put = {.label = "combine.put",
	                       .way = BACKWARD,
	                       .row_bytes = combine_row_bytes(b->request),
	                       .from = &result,
	                       .to = &returned};
	uint32_t *arrived = heap_zeroed((size_t)b->n, sizeof *arrived);

	stage_delay(b, "combine.kernel", m->sync.kernel_s, ready, done);
	stage_issue(b, &put, "combine.flags", done, done);
	stage_put(b, &put, done, NULL, arrived);
	stage_copy(b, "combine.read", (struct traffic){.per_row_in_bytes = bf16}, 0, done, done);
	stage_row_control(b, &put, "combine.flags", flag_bytes, done, done);
	stage_join(b, "combine.put", done, arrived, done);
	stage_wait(b, "combine.wait", m->sync.flag_s, done, done);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16}, 0, done,
	           done);
	note_sum(b, done, UNIT_BRANCH, &returned, UNIT_TOKEN, &place_output);
	free(arrived);
}

/* One half of the relay window. Prefill: the rows this rank stages or gets back, and their flags.
 * Decode: a slot for every row that every rank might send here. */
static double window_half_bytes(const struct flow_request *q)
{
	double slot = fmax(flow_slot_bytes(q), combine_row_bytes(q));

	if (q->phase == PHASE_DECODE)
		return flow_rows_in_worst_count(q) * slot + window_fixed_bytes;
	return flow_rows_out_count(q) * (slot + flag_bytes) + q->machine->extra.relay_domain_bytes;
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n_in = flow_window_rows_count(q);
	double row = flow_row_bytes(q) + row_extra_bytes;
	const struct buffer all[] = {
	        {"relay window", "HCCL window", LIFE_DOMAIN, 2 * window_half_bytes(q)},
	        {"domain state", "HCCL window", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	        {"expert window", "workspace", LIFE_LAYER, n_in * row},
	        {"expert output", "workspace", LIFE_LAYER, n_in * flow_bf16_row_bytes(q)},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_relay2 = {
        .name = "relay2",
        .doc = "one staging copy in a relay window and a reorder (default Ascend kernels)",
        .options =
                1 << OPTION_WINDOW | 1 << OPTION_QUANTISE | 1 << OPTION_ROUND | 1 << OPTION_LOCAL,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .window = &window,
        .result = &result,
        .buffers = buffers,
};
