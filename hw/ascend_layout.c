#include "hw/ascend_layout.h"
#include "hw/relay2.h"

enum { SEND, RECEIVE, BACK_SEND, BACK_RECEIVE };
enum { DISPATCH_HALF, COMBINE_HALF };
enum { LINE_BYTES = 32 };

static uint8_t *take(uint8_t *base, size_t *used, int64_t bytes)
{
	uint8_t *p = base ? base + *used : NULL;

	*used += ((size_t)bytes + FLAG_BYTES - 1) / FLAG_BYTES * FLAG_BYTES;
	return p;
}

static uint8_t *own(struct ascend_layout *l, int64_t bytes)
{
	return take(l->own, &l->own_bytes, bytes);
}

static uint8_t *shared(struct ascend_layout *l, int64_t bytes)
{
	return take(l->symmetric, &l->symmetric_bytes, bytes);
}

static int64_t slot_aligned(int64_t bytes)
{
	return (bytes + SLOT_ALIGN_BYTES - 1) / SLOT_ALIGN_BYTES * SLOT_ALIGN_BYTES;
}

/* Staging beyond what all flows need. */
static void staging_lay(struct ascend_exchange *x, const struct trial *t, int64_t in,
                        struct ascend_layout *l)
{
	int64_t out = (int64_t)x->tokens_most * x->top_k;
	int64_t slots = x->decode ? (int64_t)x->experts * x->tokens_most : out;

	x->slot_bytes = slot_aligned(x->row_bytes + SLOT_TAIL_BYTES);
	x->back_bytes = x->decode ? x->bf16_bytes : slot_aligned(x->bf16_bytes);
	if (kernels_table[t->kernels] == &kernels_relay3) {
		x->staging[SEND] = shared(l, out * x->row_bytes);
		x->staging[RECEIVE] = shared(l, in * x->row_bytes);
		x->staging[BACK_SEND] = shared(l, in * x->bf16_bytes);
		x->staging[BACK_RECEIVE] = shared(l, out * x->bf16_bytes);
		x->staging_scale[SEND] = shared(l, out * LINE_BYTES);
		x->staging_scale[RECEIVE] = shared(l, in * LINE_BYTES);
	} else if (kernels_table[t->kernels] == &kernels_relay2) {
		x->staging[DISPATCH_HALF] = shared(l, slots * x->slot_bytes);
		x->staging[COMBINE_HALF] = shared(l, out * x->back_bytes);
		x->row_flag = shared(l, out * FLAG_BYTES);
		x->status[0] = shared(l, (int64_t)x->experts * FLAG_BYTES);
		x->status[1] = shared(l, (int64_t)x->experts * FLAG_BYTES);
		x->triple = shared(l, in * LINE_BYTES);
	}
}

static void common_lay(struct ascend_exchange *x, int64_t in, struct ascend_layout *l)
{
	int64_t rows = (int64_t)x->tokens_most * x->top_k;

	x->stride = (x->experts + LINE_INTS - 1) / LINE_INTS * LINE_INTS;
	x->input = own(l, x->tokens_most * x->bf16_bytes);
	x->output = own(l, x->tokens_most * x->bf16_bytes);
	x->expert = own(l, rows * (int64_t)sizeof(uint32_t));
	x->weight = own(l, rows * (int64_t)sizeof(float));
	x->block_counts = own(l, (int64_t)ASCEND_MOST_CORES * x->stride * 4);
	x->stamps = own(l, (int64_t)ASCEND_MOST_CORES * ASCEND_STAMPS * 8);
	for (int kind = 0; kind < ASCEND_FLAGS; kind++)
		x->flag[kind] = shared(l, (int64_t)x->n_ranks * FLAG_BYTES);
	for (int turn = 0; turn < 2; turn++) {
		x->own_counts[turn] = shared(l, (int64_t)x->stride * 4);
		x->counts[turn] = shared(l, (int64_t)x->n_ranks * x->stride * 4);
	}
	x->window = shared(l, in * x->row_bytes);
	x->window_scale = shared(l, in * LINE_BYTES);
	x->result = shared(l, in * x->bf16_bytes);
}

void ascend_lay(struct ascend_exchange *x, const struct trial *t, struct ascend_layout *l)
{
	const struct shape *s = &t->shape;
	int64_t in = moe_window_rows(s, t->checked > 0 ? t->checked : 1);

	*x = (struct ascend_exchange){.n_ranks = (int32_t)s->n_ranks,
	                              .experts = (int32_t)s->experts,
	                              .top_k = (int32_t)s->top_k,
	                              .hidden = (int32_t)s->hidden,
	                              .tokens_most = (int32_t)s->tokens,
	                              .int8 = s->dispatch == DTYPE_INT8,
	                              .decode = s->phase == PHASE_DECODE,
	                              .row_bytes = (int64_t)shape_row_bytes(s),
	                              .bf16_bytes = (int64_t)shape_bf16_bytes(s)};
	l->own_bytes = l->symmetric_bytes = 0;
	common_lay(x, in, l);
	staging_lay(x, t, in, l);
}

void ascend_lay_bench(struct ascend_exchange *x, int64_t n_ranks, int64_t row_bytes, int64_t most,
                      struct ascend_layout *l)
{
	*x = (struct ascend_exchange){.n_ranks = (int32_t)n_ranks,
	                              .experts = (int32_t)n_ranks,
	                              .top_k = 1,
	                              .hidden = (int32_t)(row_bytes / 2),
	                              .row_bytes = row_bytes,
	                              .bf16_bytes = row_bytes};
	l->own_bytes = l->symmetric_bytes = 0;
	common_lay(x, (most + row_bytes - 1) / row_bytes + 1, l);
	x->row_flag = shared(l, FLAG_BYTES);
}
