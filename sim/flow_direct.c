/* direct: rows go straight into the destination's expert window; combine reads remote windows.
 *
 * Prefill: layout counts rows; notify pulls every rank's counts and computes offsets; the host
 * reads two of them and allocates windows collectively; dispatch writes rows; combine reads them.
 * Decode: counts are exchanged inside the kernel, together with the addresses of the windows;
 * rows are written; completion flags. Combine asks for addresses, then reads.
 *
 * Steps and bytes: arXiv:2605.06055 sections 4-5 and its prefill prototype (sgl-kernel-npu at
 * 6b8772f0). Two waits that the prototype leaves to its surroundings are modelled: peers' layout
 * before notify reads their counts, peers' expert output before combine reads it. Sizes that are
 * not published: decode counts are taken as 4 bytes an expert, the handshake as one round trip.
 * The 4-byte scale of a quantised row is charged to the wire and to the window's HBM. */
#include "sim/flow_build.h"
#include <stdlib.h>

static const double scale_bytes = 4;
static const double count_bytes = 4; /* int32 per expert */
static const double flag_bytes = 32; /* completion, to every rank */
static const int host_reads = 2;     /* maxBs and totalRecv */
static const int allocations = 3;    /* collective, one more when quantised */

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (!flow_request_possible(q, why_not))
		return false;
	if (machine_farthest(q->machine, q->routing->n_ranks) == TIER_RDMA)
		*why_not = "direct placement needs one address space: the fabric does not span EP";
	return *why_not == NULL;
}

static double sent_row_bytes(const struct flow_request *q)
{
	return flow_row_bytes(q) + (flow_quantises(q) ? scale_bytes : 0);
}

/* Read rows and write them to their windows, until the last has arrived. */
static void place(struct flow_build *b, uint32_t *at)
{
	uint32_t *sent = heap_zeroed((size_t)b->n, sizeof *sent);

	stage_put(b, "dispatch.put", FORWARD, sent_row_bytes(b->request), at, sent, NULL);
	stage_copy(b, "dispatch.read",
	           (struct traffic){.per_row_out_bytes = flow_bf16_row_bytes(b->request),
	                            .quantised_bytes = build_quantised_bytes(b)},
	           0, at, at);
	stage_join(b, "dispatch.put", at, sent, at);
	stage_wait(b, "dispatch.sync", b->topology->machine->sync.vector_s, at, at);
	free(sent);
}

static void prefill_dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double experts = (double)b->request->model->experts;

	stage_delay(b, "dispatch.layout", m->sync.kernel_s, ready, done);
	stage_flags(b, "dispatch.layout", done, done);
	/* a pull: the request goes one way before the counts come back */
	stage_delay(b, "dispatch.notify", m->sync.kernel_s + build_wire_s(b), done, done);
	stage_control(b, "dispatch.notify", count_bytes * experts, done, done);
	stage_wait(b, "dispatch.notify", m->sync.vector_s, done, done);
	stage_barrier(b, "dispatch.notify", done, done);
	stage_wait(b, "dispatch.notify", m->sync.vector_s, done, done);
	stage_wait(b, "dispatch.host", host_reads * m->sync.host_s, done, done);
	stage_host_barrier(b, "dispatch.host", allocations + flow_quantises(b->request), done,
	                   done);
	stage_delay(b, "dispatch.kernel", m->sync.kernel_s, done, done);
	place(b, done);
	stage_barrier(b, "dispatch.barrier", done, done);
}

static void decode_dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;

	stage_delay(b, "dispatch.kernel", m->sync.kernel_s, ready, done);
	stage_signal(b, "dispatch.counts", count_bytes * build_local_experts_count(b), 1, done,
	             done);
	place(b, done);
	stage_signal(b, "dispatch.flags", flag_bytes, 1, done, done);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	if (b->request->phase == PHASE_PREFILL)
		prefill_dispatch(b, ready, done);
	else
		decode_dispatch(b, ready, done);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request);
	bool prefill = b->request->phase == PHASE_PREFILL;
	uint32_t *pulled = heap_zeroed((size_t)b->n, sizeof *pulled);

	stage_delay(b, "combine.kernel", m->sync.kernel_s, ready, done);
	if (prefill) {
		stage_barrier(b, "combine.barrier", done, done);
	} else { /* ask for addresses; the answer also says that the output is there */
		stage_wait(b, "combine.handshake", build_wire_s(b), done, done);
		stage_signal(b, "combine.handshake", 0, 1, done, done);
	}
	stage_get(b, "combine.get", BACKWARD, bf16, done, pulled);
	stage_copy(b, "combine.write", (struct traffic){.per_token_bytes = bf16}, 0, done, done);
	stage_join(b, "combine.get", done, pulled, done);
	if (prefill) {
		stage_wait(b, "combine.sync", m->sync.vector_s, done, done);
		stage_barrier(b, "combine.barrier", done, done);
	}
	free(pulled);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	bool decode = q->phase == PHASE_DECODE;
	double n_in = decode ? flow_rows_in_worst_count(q) : flow_rows_in_most_count(q);
	double experts = (double)q->model->experts, n_ranks = (double)q->routing->n_ranks;
	const struct buffer all[] = {
	        {"expert window", "symmetric heap", LIFE_LAYER, n_in * sent_row_bytes(q)},
	        {"expert output", "symmetric heap", LIFE_LAYER, n_in * flow_bf16_row_bytes(q)},
	        {"counts and offsets", "symmetric heap", LIFE_LAYER,
	         2 * count_bytes * n_ranks * experts},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_direct = {
        .name = "direct",
        .doc = "rows straight into the destination's expert window; combine reads remote windows",
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .buffers = buffers,
};
