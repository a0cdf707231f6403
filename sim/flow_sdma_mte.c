/* sdma-mte: two planes move rows at once, the vector cores (MTE) and the copy engines (SDMA).
 *
 * hicann/shmem at 643bfb73, examples/dispatch, double plane (flows.md section 7): a segment, which
 * is what a rank sends to one expert or an expert sends back to one rank, goes by SDMA when it has
 * at least the machine's sdma.min_segment and more than the mean of the rank's remote segments;
 * all others go by the cores. Control always goes by the cores, and a rank waits for quiet after
 * every 256 segments that it issues.
 *
 * Dispatch  counts of all experts to all ranks; rows are packed by expert (and quantised) in the
 *           rank's own send buffer, since a copy engine moves a segment only in one piece; SyncAll;
 *           both planes write into the experts' windows; quiet, SyncAll, flags to all.
 * Combine   segments go back the same way, packed; flags; the weighted sum from the packed rows.
 * Under perfectly balanced routing no segment exceeds the mean: all go by the cores. Beside the
 * fixed costs of SDMA (hardware.md: 2.7 us a transfer, 90 us to submit, 20 GB/s a queue, one queue
 * for each peer taken), that is why the second plane pays only for large, uneven prefill.
 *
 * Checked: quiet must cover both planes before the flags, one for each of them; nothing else
 * differs from one plane. The waits every 256 issues bound what is under way; rows do not need
 * them. */
#include "sim/flow_build.h"
#include <stdlib.h>
#include <string.h>

static const double count_bytes = 4; /* int32 per expert */
static const double flag_bytes = 32; /* to every rank */
enum { QUIET_ISSUES = 256 };

static const struct place own_counts = {.buffer = "own counts", .layout = LAYOUT_COUNTS};
static const struct place counts = {.buffer = "counts", .layout = LAYOUT_COUNTS};
static const struct place packed = {.buffer = "send buffer", .layout = LAYOUT_PACKED};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place experts_window = {.buffer = "expert window", .layout = LAYOUT_WINDOW};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place returned_there = {
        .buffer = "returned rows", .layout = LAYOUT_PACKED, .table = &counts};
static const struct place returned = {.buffer = "returned rows", .layout = LAYOUT_PACKED};

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (!(q->machine->sdma.rate_Bps > 0))
		*why_not = "the machine has no copy engines that reach the fabric";
	else if (machine_farthest(q->machine, q->routing->n_ranks) == TIER_RDMA)
		*why_not = "copy engines need one address space: the fabric does not span EP";
	return *why_not == NULL;
}

/* Texts of one direction. */
struct labels {
	const char *put, *read, *sdma, *sync, *flags;
};

/* Both planes at once, until all that a rank sent is where it belongs; then flags. */
static void move_segments(struct flow_build *b, const struct shipment *s, const struct labels *l,
                          uint32_t *at)
{
	struct shipment cores = *s, sdma = *s;
	bool forward = s->way == FORWARD;
	struct traffic read = {.per_row_out_bytes = forward ? s->row_bytes : 0,
	                       .per_row_in_bytes = forward ? 0 : s->row_bytes,
	                       .of = &cores};
	uint32_t *engines = heap_zeroed((size_t)b->n, sizeof *engines);

	cores.label = l->put, cores.plane = PLANE_CORES;
	sdma.label = l->sdma, sdma.plane = PLANE_SDMA;
	stage_submit(b, &sdma, l->sdma, at, engines);
	stage_put(b, &sdma, engines, engines, NULL);
	stage_read_put(b, l->read, &read, &cores, at);
	stage_join(b, l->put, at, engines, at);
	stage_quiet(b, s, l->sync, QUIET_ISSUES, at, at);
	stage_wait(b, l->sync, b->topology->machine->sync.vector_s, at, at);
	stage_signal(b, l->flags, flag_bytes, 1, at, at);
	free(engines);
}

static void pack(struct flow_build *b, const struct source *from, uint32_t *at)
{
	struct traffic t = {.per_row_out_bytes =
	                            from->read_bytes + flow_scaled_row_bytes(b->request),
	                    .quantised_bytes = from->quantised_bytes};

	stage_copy(b, "dispatch.pack", t, 0, at, at);
	note_rows(b, at, from->op, UNIT_BRANCH, FORWARD, from->place, &packed);
	stage_wait(b, "dispatch.sync", b->topology->machine->sync.vector_s, at, at);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	static const struct labels labels = {"dispatch.put", "dispatch.read", "dispatch.sdma",
	                                     "dispatch.sync", "dispatch.flags"};
	struct source from = stage_source(b, ready, done);
	double experts = (double)b->request->model->experts;
	struct shipment s = {
	        .row_bytes = flow_scaled_row_bytes(b->request), .from = &packed, .to = &window};

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, done, done);
	note_counts(b, done, &own_counts);
	stage_send(b, "dispatch.counts", count_bytes * experts, 1, done, done);
	note_counts_sent(b, done, &own_counts, &counts);
	stage_flags(b, "dispatch.counts", done, done);
	stage_places(b, "dispatch.counts", done, done);
	pack(b, &from, done);
	move_segments(b, &s, &labels, done);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	static const struct labels labels = {"combine.put", "combine.read", "combine.sdma",
	                                     "combine.sync", "combine.flags"};
	double bf16 = flow_bf16_row_bytes(b->request);
	struct shipment s = {
	        .way = BACKWARD, .row_bytes = bf16, .from = &result, .to = &returned_there};

	stage_delay(b, "combine.kernel", b->topology->machine->sync.kernel_s, ready, done);
	move_segments(b, &s, &labels, done);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16}, 0, done,
	           done);
	note_sum(b, done, UNIT_BRANCH, &returned, UNIT_TOKEN, &place_output);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n = flow_rows_out_count(q), n_in = flow_window_rows_count(q);
	double row = flow_scaled_row_bytes(q), bf16 = flow_bf16_row_bytes(q);
	double experts = (double)q->model->experts, n_ranks = (double)q->routing->n_ranks;
	const struct buffer all[] = {
	        {"send buffer", "symmetric heap", LIFE_DISPATCH, n * row},
	        {"expert window", "symmetric heap", LIFE_LAYER, n_in * row},
	        {"expert output", "symmetric heap", LIFE_LAYER, n_in * bf16},
	        {"returned rows", "symmetric heap", LIFE_COMBINE, n * bf16},
	        {"counts and offsets", "symmetric heap", LIFE_LAYER,
	         2 * count_bytes * n_ranks * experts},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_sdma_mte = {
        .name = "sdma-mte",
        .doc = "large uneven segments by copy engines, all others by vector cores, at once",
        .options = 1 << OPTION_WINDOW | 1 << OPTION_QUANTISE,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .window = &experts_window,
        .result = &result,
        .buffers = buffers,
};
