/* relay3: pack, send, reorder around a library all-to-all (hcom alltoallv).
 *
 * Dispatch  pack rows by destination into a send buffer; exchange counts and tell the host, which
 *           the library needs to size its transfer; all-to-all into a receive buffer; reorder into
 *           expert windows.
 * Combine   the same way back: reorder the experts' output into a send buffer, all-to-all, then
 *           the weighted sum of top_k rows.
 * This is MoeInitRouting + hcom_alltoallv + MoeFinalizeRouting, the path of DeepEP-Ascend's
 * `alltoall` mode. Prefill and decode run the same steps; decode, a captured graph of fixed shapes,
 * sizes what it receives for the worst case, as the other flows do. */
#include "sim/flow_build.h"
#include <math.h>
#include <stdlib.h>

static const double count_bytes = 4; /* int32 per expert */

/* Where a rank's rows go in the receive buffers, the library settles by itself. */
static const struct place own_counts = {.buffer = "own counts", .layout = LAYOUT_COUNTS};
static const struct place counts = {.buffer = "counts", .layout = LAYOUT_COUNTS};
static const struct place send = {.buffer = "send buffer", .layout = LAYOUT_PACKED};
static const struct place receive = {.buffer = "receive buffer", .layout = LAYOUT_RECEIVED};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place back_send = {.buffer = "combine send buffer", .layout = LAYOUT_RECEIVED};
static const struct place back_receive = {.buffer = "combine receive buffer",
                                          .layout = LAYOUT_PACKED};

/* The library's exchange: read the send buffer, write the receivers' buffers. */
static void all_to_all(struct flow_build *b, const struct shipment *s, const char *read,
                       const char *wait, uint32_t *at)
{
	bool forward = s->way == FORWARD;
	struct traffic out = {.per_row_out_bytes = forward ? s->row_bytes : 0,
	                      .per_row_in_bytes = forward ? 0 : s->row_bytes};
	uint32_t *sent = heap_zeroed((size_t)b->n, sizeof *sent);

	stage_delay(b, wait, b->topology->machine->sync.collective_s, at, at);
	stage_put(b, s, at, sent, NULL);
	stage_copy(b, read, out, 0, at, at);
	stage_join(b, wait, at, sent, at);
	stage_flags(b, wait, at, at);
	free(sent);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	struct source from = stage_source(b, ready, done);
	double packed = flow_scaled_row_bytes(b->request);
	struct shipment x = {.label = "dispatch.put",
	                     .way = FORWARD,
	                     .row_bytes = packed,
	                     .from = &send,
	                     .to = &receive};

	stage_copy(b, "dispatch.pack",
	           (struct traffic){.per_row_out_bytes = from.read_bytes + packed,
	                            .quantised_bytes = from.quantised_bytes},
	           m->sync.kernel_s, done, done);
	note_rows(b, done, from.op, UNIT_BRANCH, FORWARD, from.place, &send);
	note_counts(b, done, &own_counts);
	stage_delay(b, "dispatch.counts", m->sync.collective_s, done, done);
	stage_send(b, "dispatch.counts", count_bytes * build_local_experts_count(b), 1, done, done);
	note_counts_sent(b, done, &own_counts, &counts);
	stage_flags(b, "dispatch.counts", done, done);
	stage_wait(b, "dispatch.host", m->sync.host_s, done, done);
	all_to_all(b, &x, "dispatch.read", "dispatch.wait", done);
	stage_copy(b, "dispatch.reorder", (struct traffic){.per_row_in_bytes = 2 * packed},
	           m->sync.kernel_s, done, done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, FORWARD, &receive, &window);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request);
	struct shipment x = {.label = "combine.put",
	                     .way = BACKWARD,
	                     .row_bytes = bf16,
	                     .from = &back_send,
	                     .to = &back_receive};

	stage_copy(b, "combine.reorder", (struct traffic){.per_row_in_bytes = 2 * bf16},
	           m->sync.kernel_s, ready, done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, BACKWARD, &result, &back_send);
	all_to_all(b, &x, "combine.read", "combine.wait", done);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16},
	           m->sync.kernel_s, done, done);
	note_sum(b, done, UNIT_BRANCH, &back_receive, UNIT_TOKEN, &place_output);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n = flow_rows_out_count(q), n_in = flow_window_rows_count(q);
	double packed = flow_scaled_row_bytes(q), bf16 = flow_bf16_row_bytes(q);
	const struct buffer all[] = {
	        {"domain state", "HCCL window", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	        {"send buffer", "workspace", LIFE_DISPATCH, n * packed},
	        {"receive buffer", "workspace", LIFE_DISPATCH, n_in * packed},
	        {"expert window", "workspace", LIFE_LAYER, n_in * packed},
	        {"expert output", "workspace", LIFE_LAYER, n_in * bf16},
	        {"combine send buffer", "workspace", LIFE_COMBINE, n_in * bf16},
	        {"combine receive buffer", "workspace", LIFE_COMBINE, n * bf16},
	        {"library window", "HCCL window", LIFE_DOMAIN,
	         2 * q->machine->extra.relay_domain_bytes + fmax(n, n_in) * fmax(packed, bf16)},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_relay3 = {
        .name = "relay3",
        .doc = "pack, library all-to-all, reorder (hcom alltoallv)",
        .options = 1 << OPTION_QUANTISE | 1 << OPTION_WINDOW,
        .dispatch = dispatch,
        .combine = combine,
        .window = &window,
        .result = &result,
        .buffers = buffers,
};
