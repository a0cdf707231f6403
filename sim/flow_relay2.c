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

static bool applies(const struct flow_request *q, const char **why_not)
{
	return flow_request_possible(q, why_not);
}

/* SyncAll, a status for each expert to its owner, and each owner's polling. */
static void status_exchange(struct flow_build *b, uint32_t *at)
{
	double sync_s = b->topology->machine->sync.vector_s;

	stage_wait(b, "dispatch.sync", sync_s, at, at);
	stage_signal(b, "dispatch.status", flag_bytes, build_local_experts_count(b), at, at);
	stage_wait(b, "dispatch.sync", sync_s, at, at);
}

static void notify(struct flow_build *b, const uint32_t *ready, uint32_t *at)
{
	const struct machine *m = b->topology->machine;

	stage_delay(b, "dispatch.notify", m->sync.kernel_s, ready, at);
	stage_signal(b, "dispatch.notify", notify_flag_bytes, 1, at, at);
	stage_wait(b, "dispatch.notify", 2 * build_wire_s(b) + m->sync.vector_s, at, at);
}

/* One round of staging at the source and pulling; part: of all rows. */
static void staged_round(struct flow_build *b, double part_ratio, uint32_t *at)
{
	double bf16 = flow_bf16_row_bytes(b->request), slot = flow_slot_bytes(b->request);
	double row = flow_row_bytes(b->request);
	uint32_t *pulled = heap_zeroed((size_t)b->n, sizeof *pulled);

	stage_copy(b, "dispatch.stage",
	           (struct traffic){.per_row_out_bytes = part_ratio * (bf16 + slot),
	                            .quantised_bytes = part_ratio * build_quantised_bytes(b)},
	           0, at, at);
	status_exchange(b, at);
	stage_get(b, "dispatch.get", FORWARD, part_ratio * slot, at, pulled);
	stage_copy(b, "dispatch.write",
	           (struct traffic){.per_row_in_bytes = part_ratio * (row + row_extra_bytes)}, 0,
	           at, at);
	stage_join(b, "dispatch.get", at, pulled, at);
	free(pulled);
}

static void prefill_dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	int64_t rounds = (b->request->tokens + ROUND_TOKENS - 1) / ROUND_TOKENS;

	notify(b, ready, done);
	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, done, done);
	if (rounds < 1)
		rounds = 1;
	for (int64_t round = 0; round < rounds; round++)
		staged_round(b, 1 / (double)rounds, done);
}

static void decode_dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double slot = flow_slot_bytes(b->request);
	uint32_t *sent = heap_zeroed((size_t)b->n, sizeof *sent);

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, ready, done);
	stage_put(b, "dispatch.put", FORWARD, slot, done, sent, NULL);
	stage_copy(b, "dispatch.read",
	           (struct traffic){.per_row_out_bytes = flow_bf16_row_bytes(b->request),
	                            .quantised_bytes = build_quantised_bytes(b)},
	           0, done, done);
	stage_join(b, "dispatch.put", done, sent, done);
	status_exchange(b, done);
	stage_copy(b, "dispatch.reorder",
	           (struct traffic){.per_row_in_bytes = slot + flow_row_bytes(b->request)}, 0, done,
	           done);
	free(sent);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	if (b->request->phase == PHASE_PREFILL)
		prefill_dispatch(b, ready, done);
	else
		decode_dispatch(b, ready, done);
}

static double combine_row_bytes(const struct flow_request *q)
{
	return q->phase == PHASE_PREFILL ? flow_combine_slot_bytes(q) : flow_bf16_row_bytes(q);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request);
	uint32_t *arrived = heap_zeroed((size_t)b->n, sizeof *arrived);

	stage_delay(b, "combine.kernel", m->sync.kernel_s, ready, done);
	stage_issue(b, "combine.flags", BACKWARD, done, done);
	stage_put(b, "combine.put", BACKWARD, combine_row_bytes(b->request), done, NULL, arrived);
	stage_copy(b, "combine.read", (struct traffic){.per_row_in_bytes = bf16}, 0, done, done);
	stage_row_control(b, "combine.flags", BACKWARD, flag_bytes, done, done);
	stage_join(b, "combine.put", done, arrived, done);
	stage_wait(b, "combine.wait", m->sync.flag_s, done, done);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16}, 0, done,
	           done);
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
	bool decode = q->phase == PHASE_DECODE;
	double n_in = decode ? flow_rows_in_worst_count(q) : flow_rows_in_most_count(q);
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
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .buffers = buffers,
};
