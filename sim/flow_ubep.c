/* ubep: rows that are their own flags; the CANN exchange (relay2 in decode) without its phases.
 *
 * The Unified Bus writes 512 bytes at once or not at all. A row is cut into blocks of that size,
 * each with a flag of its own, so that a receiver that polls a block has its data as soon as it
 * sees the flag. CANN EP runs dispatch as five phases with all cores meeting in between (init,
 * sending, setting and verifying flags, sums of counts, reordering); here the counts are a block
 * to every rank that travels beside the rows, each core sums them for itself, and no core waits
 * for another of its die.
 *
 * Dispatch  rows are cut into blocks and written into slots of the destination's window, which
 *           waits for the counts of all and for the rows they promise, and copies the rows without
 *           their flags in expert order.
 * Combine   rows go back in blocks to slots of the source's window, which reads top_k rows as they
 *           come and writes their weighted sum.
 * Both use half of the vector cores, with which writes are as fast as with all.
 *
 * Source: arXiv:2607.06202 (UBEP), figure 3b for the cores. It gives the size of a block, but not
 * the flag's: 32 bytes are taken, the least that a vector core moves. Nor does it say how often a
 * token is read and quantised: once is taken, since once for each row would take half of the cores
 * longer than the whole dispatch was measured to. The rest is as in relay2.
 *
 * What the checker says: as in relay2, slots take turns by operation and counts by layer, since a
 * rank waits in combine only for those that hold rows of it. The flags' values must then differ
 * from one use of a half to the next, which the checker takes for granted. */
#include "sim/flow_build.h"
#include <math.h>
#include <stdlib.h>

static const double block_bytes = 512;            /* written at once */
static const double flag_bytes = 32;              /* of a block */
static const double triple_bytes = 12;            /* rank, token, choice: behind the row */
static const double row_scale_bytes = 32;         /* likewise, as in relay2 */
static const double row_extra_bytes = 16;         /* scale and triple beside a row in the window */
static const double count_bytes = 4;              /* int32 per expert */
static const double window_fixed_bytes = 2 << 20; /* as in relay2, each half */

static const struct place own_counts = {
        .buffer = "own counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place counts = {
        .buffer = "counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place slots = {
        .buffer = "relay window", .layout = LAYOUT_SLOTS, .turns = TURNS_OPERATION};
static const struct place returned = {
        .buffer = "relay window", .layout = LAYOUT_BRANCH, .turns = TURNS_OPERATION};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (q->phase == PHASE_PREFILL)
		*why_not = "a slot for each row that may come is of decode";
	else if (machine_farthest(q->machine, q->routing->n_ranks) == TIER_RDMA)
		*why_not = "data as flag needs writes that arrive whole: the fabric does not span "
		           "EP";
	return *why_not == NULL;
}

/* Data cut into blocks with their flags. */
static double blocks_bytes(double data_bytes)
{
	return ceil(data_bytes / (block_bytes - flag_bytes)) * block_bytes;
}

static double sent_row_bytes(const struct flow_request *q)
{
	return blocks_bytes(flow_row_bytes(q) + row_scale_bytes + triple_bytes);
}

static double back_row_bytes(const struct flow_request *q)
{
	return blocks_bytes(flow_bf16_row_bytes(q));
}

/* The counts of each rank's experts go to it beside the rows. */
static void send_counts(struct flow_build *b, const uint32_t *after, uint32_t *done)
{
	double bytes = blocks_bytes(count_bytes * build_local_experts_count(b));

	stage_send(b, "dispatch.counts", bytes, 1, after, done);
	note_counts_sent(b, done, &own_counts, &counts);
	stage_flags(b, "dispatch.counts", done, done);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	struct source from = stage_source(b, ready, done);
	double sent = sent_row_bytes(b->request), row = flow_row_bytes(b->request);
	struct shipment put = {.label = "dispatch.put",
	                       .row_bytes = sent,
	                       .op = from.op,
	                       .from = from.place,
	                       .to = &slots};
	uint32_t *arrived = heap_zeroed((size_t)b->n, sizeof *arrived);
	uint32_t *counted = heap_zeroed((size_t)b->n, sizeof *counted);

	stage_delay(b, "dispatch.kernel", m->sync.kernel_s, done, done);
	note_counts(b, done, &own_counts);
	send_counts(b, done, counted);
	stage_put(b, &put, done, NULL, arrived);
	stage_copy(b, "dispatch.read",
	           (struct traffic){.per_token_bytes = from.read_bytes,
	                            .quantised_token_bytes = from.quantised_bytes},
	           0, done, done);
	stage_join(b, "dispatch.put", done, arrived, done);
	stage_join(b, "dispatch.put", done, counted, done);
	stage_wait(b, "dispatch.wait", m->sync.flag_s, done, done);
	stage_copy(b, "dispatch.reorder", (struct traffic){.per_row_in_bytes = sent + row}, 0, done,
	           done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, FORWARD, &slots, &window);
	free(arrived);
	free(counted);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request), back = back_row_bytes(b->request);
	struct shipment put = {.label = "combine.put",
	                       .way = BACKWARD,
	                       .row_bytes = back,
	                       .from = &result,
	                       .to = &returned};
	uint32_t *arrived = heap_zeroed((size_t)b->n, sizeof *arrived);

	stage_delay(b, "combine.kernel", m->sync.kernel_s, ready, done);
	stage_put(b, &put, done, NULL, arrived);
	stage_copy(b, "combine.read", (struct traffic){.per_row_in_bytes = bf16}, 0, done, done);
	stage_join(b, "combine.put", done, arrived, done);
	stage_wait(b, "combine.wait", m->sync.flag_s, done, done);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = back, .per_token_bytes = bf16}, 0, done,
	           done);
	note_sum(b, done, UNIT_BRANCH, &returned, UNIT_TOKEN, &place_output);
	free(arrived);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n_in = flow_rows_in_worst_count(q), n_ranks = (double)q->routing->n_ranks;
	double local = (double)q->model->experts / n_ranks;
	double half = n_in * fmax(sent_row_bytes(q), back_row_bytes(q)) +
	              n_ranks * blocks_bytes(count_bytes * local) + window_fixed_bytes;
	const struct buffer all[] = {
	        {"relay window", "HCCL window", LIFE_DOMAIN, 2 * half},
	        {"domain state", "HCCL window", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	        {"expert window", "workspace", LIFE_LAYER,
	         n_in * (flow_row_bytes(q) + row_extra_bytes)},
	        {"expert output", "workspace", LIFE_LAYER, n_in * flow_bf16_row_bytes(q)},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_ubep = {
        .name = "ubep",
        .doc = "rows in 512-byte blocks that are their own flags, with half of the vector cores",
        .options = 1 << OPTION_QUANTISE,
        .cores_ratio = 0.5,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .window = &window,
        .result = &result,
        .buffers = buffers,
};
