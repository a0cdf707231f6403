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

static const double scale_bytes = 4; /* of a quantised row */
static const double count_bytes = 4; /* int32 per expert */

static double packed_row_bytes(const struct flow_request *q)
{
	return flow_row_bytes(q) + (flow_quantises(q) ? scale_bytes : 0);
}

static bool applies(const struct flow_request *q, const char **why_not)
{
	return flow_request_possible(q, why_not);
}

/* The library's exchange: read the send buffer, write the receivers' buffers. */
static void all_to_all(struct flow_build *b, enum direction way, const char *read, const char *send,
                       const char *wait, double row_bytes, uint32_t *at)
{
	struct traffic out = {.per_row_out_bytes = way == FORWARD ? row_bytes : 0,
	                      .per_row_in_bytes = way == FORWARD ? 0 : row_bytes};
	uint32_t *sent = heap_zeroed((size_t)b->n, sizeof *sent);

	stage_delay(b, wait, b->topology->machine->sync.collective_s, at, at);
	stage_put(b, send, way, row_bytes, at, sent, NULL);
	stage_copy(b, read, out, 0, at, at);
	stage_join(b, wait, at, sent, at);
	stage_flags(b, wait, at, at);
	free(sent);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request), packed = packed_row_bytes(b->request);

	stage_copy(b, "dispatch.pack",
	           (struct traffic){.per_row_out_bytes = bf16 + packed,
	                            .quantised_bytes = build_quantised_bytes(b)},
	           m->sync.kernel_s, ready, done);
	stage_delay(b, "dispatch.counts", m->sync.collective_s, done, done);
	stage_signal(b, "dispatch.counts", count_bytes * build_local_experts_count(b), 1, done,
	             done);
	stage_wait(b, "dispatch.host", m->sync.host_s, done, done);
	all_to_all(b, FORWARD, "dispatch.read", "dispatch.put", "dispatch.wait", packed, done);
	stage_copy(b, "dispatch.reorder", (struct traffic){.per_row_in_bytes = 2 * packed},
	           m->sync.kernel_s, done, done);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request);

	stage_copy(b, "combine.reorder", (struct traffic){.per_row_in_bytes = 2 * bf16},
	           m->sync.kernel_s, ready, done);
	all_to_all(b, BACKWARD, "combine.read", "combine.put", "combine.wait", bf16, done);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16},
	           m->sync.kernel_s, done, done);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	bool decode = q->phase == PHASE_DECODE;
	double n = flow_rows_out_count(q);
	double n_in = decode ? flow_rows_in_worst_count(q) : flow_rows_in_most_count(q);
	double packed = packed_row_bytes(q), bf16 = flow_bf16_row_bytes(q);
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
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .buffers = buffers,
};
