/* direct: rows straight into the destination's expert window; combine reads remote windows.
 *
 * Steps and waits are those of sim/flow_direct.c, which `epsim check` proves; two tables of counts
 * are used in turns in decode. Windows are allocated before the run, so the host's part of prefill
 * (two reads, collective allocations) is not here. */
#include "hw/moe_rank.h"
#include "hw/row.h"

static void allocate(struct moe_rank *x)
{
	(void)x;
}

/* Next row of each branch in its window: read a row of input, write it there. */
static void place_rows(struct moe_rank *x)
{
	struct symheap *h = x->heap;
	bool quantised = x->shape.dispatch == DTYPE_INT8;
	int64_t top_k = x->shape.top_k;
	float scale = 0;

	moe_offsets(x, moe_counts(x));
	for (int64_t i = 0; i < x->rows; i++) {
		const void *row = moe_row(x, i / top_k, &scale);
		int64_t at = x->next[x->expert[i]]++, owner = moe_owner(x, i);

		h->ops->put(h, x->window + at * (int64_t)x->row_bytes, row, x->row_bytes, owner);
		if (quantised)
			h->ops->put(h, &x->window_scale[at], &scale, sizeof scale, owner);
	}
	h->ops->quiet(h);
}

static void prefill_dispatch(struct moe_rank *x)
{
	struct symheap *h = x->heap;
	int64_t experts = x->shape.experts;
	int32_t *own = x->own_counts[x->layer % 2], *counts = moe_counts(x);

	moe_count(x, own);
	moe_signal(x, FLAG_COUNTS);
	moe_wait(x, FLAG_COUNTS);
	moe_step(x);
	for (int64_t step = 0; step < h->n_ranks; step++) {
		int64_t peer = moe_peer(x, step);

		h->ops->get(h, counts + peer * experts, own, (size_t)experts * sizeof *own, peer);
	}
	h->ops->barrier(h);
	moe_step(x);
	place_rows(x);
	moe_step(x);
	h->ops->barrier(h);
	moe_step(x);
}

static void decode_dispatch(struct moe_rank *x)
{
	struct symheap *h = x->heap;
	int64_t experts = x->shape.experts;
	int32_t *own = x->own_counts[x->layer % 2], *counts = moe_counts(x);

	moe_count(x, own);
	for (int64_t step = 0; step < h->n_ranks; step++)
		h->ops->put(h, counts + h->rank * experts, own, (size_t)experts * sizeof *own,
		            moe_peer(x, step));
	moe_signal(x, FLAG_COUNTS);
	moe_wait(x, FLAG_COUNTS);
	moe_step(x);
	place_rows(x);
	moe_step(x);
	moe_signal(x, FLAG_ROWS);
	moe_wait(x, FLAG_ROWS);
	moe_step(x);
}

/* Every token's rows from where the experts left them, weighted and summed. */
static void gather_rows(struct moe_rank *x)
{
	int64_t top_k = x->shape.top_k;
	const uint16_t *row[MOST_SUMMED];

	moe_offsets(x, moe_counts(x));
	for (int64_t t = 0; t < x->tokens; t++) {
		for (int64_t j = 0; j < top_k; j++) {
			int64_t i = t * top_k + j, at = x->next[x->expert[i]]++;

			row[j] = sym_read(x->heap, moe_bf16(x, x->result, at), x->bf16_bytes,
			                  moe_bf16(x, x->got, j), moe_owner(x, i));
		}
		row_sum(row, x->weight_ratio + t * top_k, top_k, x->shape.hidden,
		        moe_bf16(x, (char *)x->output, t));
	}
}

static void prefill_combine(struct moe_rank *x)
{
	x->heap->ops->barrier(x->heap);
	moe_step(x);
	gather_rows(x);
	moe_step(x);
	x->heap->ops->barrier(x->heap);
	moe_step(x);
}

static void decode_combine(struct moe_rank *x)
{
	moe_signal(x, FLAG_RESULTS);
	moe_wait(x, FLAG_RESULTS);
	moe_step(x);
	gather_rows(x);
	moe_step(x);
}

static const char *const prefill_dispatch_labels[] = {"dispatch.layout", "dispatch.notify",
                                                      "dispatch.put", "dispatch.barrier", NULL};
static const char *const decode_dispatch_labels[] = {"dispatch.counts", "dispatch.put",
                                                     "dispatch.flags", NULL};
static const char *const prefill_combine_labels[] = {"combine.barrier", "combine.get",
                                                     "combine.end", NULL};
static const char *const decode_combine_labels[] = {"combine.handshake", "combine.get", NULL};

const struct kernels kernels_direct = {
        .name = "direct",
        .labels = {{prefill_dispatch_labels, prefill_combine_labels},
                   {decode_dispatch_labels, decode_combine_labels}},
        .allocate = allocate,
        .run = {{prefill_dispatch, prefill_combine}, {decode_dispatch, decode_combine}},
};
