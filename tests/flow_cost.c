/* The cost table of flows.md section 6 (relay3: the steps that head sim/flow_relay3.c; others: the
 * steps in their own files, and systems.md for allgather and weight-gather).
 *
 * Beside that table: control traffic goes to peers only, not to the rank itself (R - 1 for its R);
 * a direct flow's 4-byte scales are also written to HBM; decode's counts and completion flags,
 * which are not published, are 4 bytes for each expert and 32 bytes to every peer. */
#include "tests/flow_cost.h"
#include <math.h>

static double aligned(double bytes, double to)
{
	return ceil(bytes / to) * to;
}

static struct cost relay2_prefill_dispatch(const struct sizes *z)
{
	return (struct cost){.read = z->n * z->h2 + z->n * z->slot,
	                     .write = z->n * z->slot + z->n_in * (z->row + 4 + 12),
	                     .wire = z->slot,
	                     .pull = true,
	                     .peer = 8 + z->rounds_count * 32 * z->experts / z->ep};
}

static struct cost relay2_prefill_combine(const struct sizes *z)
{
	double slot = aligned(z->h2, 512);

	return (struct cost){.read = z->n_in * z->h2 + z->n * z->h2,
	                     .write = z->n * slot + z->tokens * z->h2,
	                     .wire = slot,
	                     .flag_row = 32};
}

static struct cost relay2_decode_dispatch(const struct sizes *z)
{
	return (struct cost){.read = z->n * z->h2 + z->n_in * z->slot,
	                     .write = z->n_in * z->slot + z->n_in * z->row,
	                     .wire = z->slot,
	                     .peer = 32 * z->experts / z->ep};
}

static struct cost relay2_decode_combine(const struct sizes *z)
{
	return (struct cost){.read = z->n_in * z->h2 + z->n * z->h2,
	                     .write = z->n * z->h2 + z->tokens * z->h2,
	                     .wire = z->h2,
	                     .flag_row = 32};
}

static struct cost direct_prefill_dispatch(const struct sizes *z)
{
	return (struct cost){.read = z->n * z->h2,
	                     .write = z->n_in * (z->row + z->scale),
	                     .wire = z->row + z->scale,
	                     .peer = 4 * z->experts};
}

static struct cost direct_decode_dispatch(const struct sizes *z)
{
	return (struct cost){.read = z->n * z->h2,
	                     .write = z->n_in * (z->row + z->scale),
	                     .wire = z->row + z->scale,
	                     .peer = 4 * z->experts + 32};
}

static struct cost direct_combine(const struct sizes *z)
{
	return (struct cost){
	        .read = z->n_in * z->h2, .write = z->tokens * z->h2, .wire = z->h2, .pull = true};
}

/* pack: read rows, write the send buffer; send: read it, write the receive buffers; reorder: read
 * those, write the expert windows. */
static struct cost relay3_dispatch(const struct sizes *z)
{
	double packed = z->row + z->scale;

	return (struct cost){.read = z->n * z->h2 + z->n * packed + z->n_in * packed,
	                     .write = z->n * packed + z->n_in * packed + z->n_in * packed,
	                     .wire = packed,
	                     .peer = 4 * z->experts / z->ep};
}

/* reorder: read the experts' output, write the send buffer; send; weighted sum of top_k rows */
static struct cost relay3_combine(const struct sizes *z)
{
	return (struct cost){.read = z->n_in * z->h2 + z->n_in * z->h2 + z->n * z->h2,
	                     .write = z->n_in * z->h2 + z->n * z->h2 + z->tokens * z->h2,
	                     .wire = z->h2};
}

/* Every token to every rank, once quantised for all. */
static struct cost allgather_dispatch(const struct sizes *z)
{
	double all = z->tokens * z->ep * (z->row + z->scale), quantised = z->scale > 0 ? 1 : 0;

	return (struct cost){.read = all + quantised * z->tokens * z->h2,
	                     .write = all + quantised * z->tokens * z->row,
	                     .wire = z->row + z->scale,
	                     .peer = 32};
}

static struct cost allgather_prefill_dispatch(const struct sizes *z)
{
	struct cost c = allgather_dispatch(z);

	c.pull = true;
	return c;
}

/* sum: read the experts' results, write a row for each token of all; serve those; write tokens */
static struct cost allgather_prefill_combine(const struct sizes *z)
{
	double all = z->tokens * z->ep * z->h2;

	return (struct cost){.read = z->n_in * z->h2 + all,
	                     .write = all + z->tokens * z->h2,
	                     .wire = z->h2,
	                     .pull = true,
	                     .peer = 32};
}

/* and read them to send, write what arrives, read it to sum */
static struct cost allgather_decode_combine(const struct sizes *z)
{
	double all = z->tokens * z->ep * z->h2;

	return (struct cost){.read = z->n_in * z->h2 + all + all,
	                     .write = all + all + z->tokens * z->h2,
	                     .wire = z->h2,
	                     .peer = 32};
}

static struct cost pull_packed_dispatch(const struct sizes *z)
{
	double packed = z->row + z->scale;

	return (struct cost){.read = z->n * z->h2 + z->n * packed,
	                     .write = z->n * packed + z->n_in * packed,
	                     .wire = packed,
	                     .pull = true,
	                     .peer = 4 * z->experts};
}

/* Rows are pushed back to their tokens, flags follow: of pull-packed, fused and sdma-mte. */
static struct cost pushed_combine(const struct sizes *z)
{
	return (struct cost){.read = z->n_in * z->h2 + z->n * z->h2,
	                     .write = z->n * z->h2 + z->tokens * z->h2,
	                     .wire = z->h2,
	                     .peer = 32};
}

static struct cost fused_dispatch(const struct sizes *z)
{
	return direct_decode_dispatch(z);
}

/* Packed first, and read again by whichever plane sends it. */
static struct cost sdma_mte_dispatch(const struct sizes *z)
{
	struct cost c = direct_decode_dispatch(z);

	c.read += z->n * c.wire, c.write += z->n * c.wire;
	return c;
}

/* All experts' weights, its own copied; rows are permuted at home. */
static struct cost weight_gather_dispatch(const struct sizes *z)
{
	return (struct cost){.read = z->experts * z->expert_bytes + z->n * z->h2,
	                     .write = z->experts * z->expert_bytes + z->n * z->row,
	                     .wire = z->expert_bytes,
	                     .pull = true};
}

static struct cost weight_gather_combine(const struct sizes *z)
{
	return (struct cost){.read = z->n * z->h2, .write = z->tokens * z->h2};
}

enum load load_kind(const struct flow *f)
{
	return f == &flow_allgather       ? LOAD_TOKENS
	       : f == &flow_weight_gather ? LOAD_EXPERTS
	                                  : LOAD_ROWS;
}

const struct stage stages[] = {
        {&flow_relay2, PHASE_PREFILL, "dispatch.", false, relay2_prefill_dispatch},
        {&flow_relay2, PHASE_PREFILL, "combine.", true, relay2_prefill_combine},
        {&flow_relay2, PHASE_DECODE, "dispatch.", false, relay2_decode_dispatch},
        {&flow_relay2, PHASE_DECODE, "combine.", true, relay2_decode_combine},
        {&flow_direct, PHASE_PREFILL, "dispatch.", false, direct_prefill_dispatch},
        {&flow_direct, PHASE_PREFILL, "combine.", true, direct_combine},
        {&flow_direct, PHASE_DECODE, "dispatch.", false, direct_decode_dispatch},
        {&flow_direct, PHASE_DECODE, "combine.", true, direct_combine},
        {&flow_relay3, PHASE_PREFILL, "dispatch.", false, relay3_dispatch},
        {&flow_relay3, PHASE_PREFILL, "combine.", true, relay3_combine},
        {&flow_relay3, PHASE_DECODE, "dispatch.", false, relay3_dispatch},
        {&flow_relay3, PHASE_DECODE, "combine.", true, relay3_combine},
        {&flow_allgather, PHASE_PREFILL, "dispatch.", false, allgather_prefill_dispatch},
        {&flow_allgather, PHASE_PREFILL, "combine.", true, allgather_prefill_combine},
        {&flow_allgather, PHASE_DECODE, "dispatch.", false, allgather_dispatch},
        {&flow_allgather, PHASE_DECODE, "combine.", true, allgather_decode_combine},
        {&flow_pull_packed, PHASE_PREFILL, "dispatch.", false, pull_packed_dispatch},
        {&flow_pull_packed, PHASE_PREFILL, "combine.", true, pushed_combine},
        {&flow_pull_packed, PHASE_DECODE, "dispatch.", false, pull_packed_dispatch},
        {&flow_pull_packed, PHASE_DECODE, "combine.", true, pushed_combine},
        {&flow_fused, PHASE_PREFILL, "dispatch.", false, fused_dispatch},
        {&flow_fused, PHASE_PREFILL, "combine.", true, pushed_combine},
        {&flow_fused, PHASE_DECODE, "dispatch.", false, fused_dispatch},
        {&flow_fused, PHASE_DECODE, "combine.", true, pushed_combine},
        {&flow_sdma_mte, PHASE_PREFILL, "dispatch.", false, sdma_mte_dispatch},
        {&flow_sdma_mte, PHASE_PREFILL, "combine.", true, pushed_combine},
        {&flow_sdma_mte, PHASE_DECODE, "dispatch.", false, sdma_mte_dispatch},
        {&flow_sdma_mte, PHASE_DECODE, "combine.", true, pushed_combine},
        {&flow_weight_gather, PHASE_PREFILL, "dispatch.", false, weight_gather_dispatch},
        {&flow_weight_gather, PHASE_PREFILL, "combine.", true, weight_gather_combine},
};
const size_t stages_count = sizeof stages / sizeof *stages;

struct sizes sizes_of(const struct moe_model *m, enum dtype dispatch, int64_t ep, int64_t tokens)
{
	struct sizes z = {.n = (double)(tokens * m->top_k),
	                  .n_in = (double)(tokens * m->top_k),
	                  .tokens = (double)tokens,
	                  .h2 = 2 * (double)m->hidden,
	                  .experts = (double)m->experts,
	                  .ep = (double)ep};

	z.expert_bytes = 2 * 3 * (double)(m->hidden * m->expert_inter);
	z.row = aligned((double)m->hidden * (dispatch == DTYPE_BF16 ? 2 : 1), 32);
	z.slot = aligned(z.row + 44, 512);
	z.scale = dispatch == DTYPE_BF16 ? 0 : 4;
	z.rounds_count = ceil(z.tokens / 8192);
	return z;
}
