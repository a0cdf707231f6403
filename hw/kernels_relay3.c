/* relay3: pack, send, reorder around an all-to-all, and back. Prefill and decode run the same
 * steps, those of sim/flow_relay3.c. Where rows go in the receive buffers, the all-to-all settles
 * by the table of all counts. */
#include <string.h>
#include "hw/moe_rank.h"
#include "hw/row.h"

/* Dispatch's two, then combine's. */
enum { SEND, RECEIVE, BACK_SEND, BACK_RECEIVE };

static void allocate(struct moe_rank *x)
{
	size_t out = (size_t)(x->shape.tokens * x->shape.top_k), in = (size_t)x->window_rows;

	x->staging[SEND] = sym_alloc(x->heap, out * x->row_bytes);
	x->staging[RECEIVE] = sym_alloc(x->heap, in * x->row_bytes);
	x->staging[BACK_SEND] = sym_alloc(x->heap, in * x->bf16_bytes);
	x->staging[BACK_RECEIVE] = sym_alloc(x->heap, out * x->bf16_bytes);
	x->staging_scale[SEND] = sym_alloc(x->heap, out * sizeof(float));
	x->staging_scale[RECEIVE] = sym_alloc(x->heap, in * sizeof(float));
}

/* Rows from sources from .. to - 1 for experts first .. end - 1. */
static int64_t rows_between(const struct moe_rank *x, int64_t from, int64_t to, int64_t first,
                            int64_t end)
{
	const int32_t *counts = moe_counts(x);
	int64_t sum = 0;

	for (int64_t source = from; source < to; source++) {
		for (int64_t e = first; e < end; e++)
			sum += counts[source * x->shape.experts + e];
	}
	return sum;
}

/* x->next: first row of each expert when a source's rows lie by expert alone. */
static void packed_offsets(struct moe_rank *x, const int32_t *own)
{
	int32_t row = 0;

	for (int64_t e = 0; e < x->shape.experts; e++) {
		x->next[e] = row;
		row += own[e];
	}
}

static void pack(struct moe_rank *x, int32_t *own)
{
	float scale = 0;

	moe_count(x, own);
	packed_offsets(x, own);
	for (int64_t i = 0; i < x->rows; i++) {
		const void *row = moe_row(x, i / x->shape.top_k, &scale);
		int64_t at = x->next[x->expert[i]]++;

		memcpy(x->staging[SEND] + at * (int64_t)x->row_bytes, row, x->row_bytes);
		x->staging_scale[SEND][at] = scale;
	}
}

/* A block of rows that lies together on either side. */
struct block {
	int64_t from, to, rows;
};

/* Own rows for a rank: in the packed order here, and by source there; the same block comes back. */
static struct block block_for(const struct moe_rank *x, int64_t peer)
{
	int64_t me = x->heap->rank, first = peer * x->local_experts, end = first + x->local_experts;

	return (struct block){.from = rows_between(x, me, me + 1, 0, first),
	                      .to = rows_between(x, 0, me, first, end),
	                      .rows = rows_between(x, me, me + 1, first, end)};
}

/* A peer's rows that this rank's experts hold: by source here, packed there. */
static struct block block_of(const struct moe_rank *x, int64_t peer)
{
	int64_t first = x->heap->rank * x->local_experts, end = first + x->local_experts;

	return (struct block){.from = rows_between(x, 0, peer, first, end),
	                      .to = rows_between(x, peer, peer + 1, 0, first),
	                      .rows = rows_between(x, peer, peer + 1, first, end)};
}

static void put_block(struct moe_rank *x, const struct block *b, char *to, const char *from,
                      size_t row_bytes, int64_t peer)
{
	struct symheap *h = x->heap;

	if (b->rows > 0)
		h->ops->put(h, to + b->to * (int64_t)row_bytes, from + b->from * (int64_t)row_bytes,
		            (size_t)b->rows * row_bytes, peer);
}

static void send_all(struct moe_rank *x)
{
	for (int64_t step = 0; step < x->heap->n_ranks; step++) {
		int64_t peer = moe_peer(x, step);
		struct block b = block_for(x, peer);

		put_block(x, &b, x->staging[RECEIVE], x->staging[SEND], x->row_bytes, peer);
		if (x->shape.dispatch == DTYPE_INT8)
			put_block(x, &b, (char *)x->staging_scale[RECEIVE],
			          (char *)x->staging_scale[SEND], sizeof(float), peer);
	}
	x->heap->ops->quiet(x->heap);
}

/* Rows of each source and expert, between their places by source and by expert. */
static void reorder(struct moe_rank *x, char *by_source, char *by_expert, size_t row_bytes,
                    bool forward)
{
	int64_t first = x->heap->rank * x->local_experts, at = 0;
	int64_t row = (int64_t)row_bytes;

	for (int64_t e = first; e < first + x->local_experts; e++) {
		for (int64_t source = 0; source < x->heap->n_ranks; source++) {
			int64_t n = moe_counts(x)[source * x->shape.experts + e];
			int64_t there =
			        rows_between(x, 0, source, first, first + x->local_experts) +
			        rows_between(x, source, source + 1, first, e);
			char *a = by_source + there * row, *b = by_expert + at * row;

			memcpy(forward ? b : a, forward ? a : b, (size_t)(n * row));
			at += n;
		}
	}
}

static void dispatch(struct moe_rank *x)
{
	struct symheap *h = x->heap;
	int64_t experts = x->shape.experts;
	int32_t *own = x->own_counts[x->layer % 2], *counts = moe_counts(x);

	pack(x, own);
	moe_step(x);
	for (int64_t step = 0; step < h->n_ranks; step++)
		h->ops->put(h, counts + h->rank * experts, own, (size_t)experts * sizeof *own,
		            moe_peer(x, step));
	moe_signal(x, FLAG_COUNTS);
	moe_wait(x, FLAG_COUNTS);
	moe_step(x);
	send_all(x);
	moe_step(x);
	moe_signal(x, FLAG_ROWS);
	moe_wait(x, FLAG_ROWS);
	moe_step(x);
	reorder(x, x->staging[RECEIVE], x->window, x->row_bytes, true);
	if (x->shape.dispatch == DTYPE_INT8)
		reorder(x, (char *)x->staging_scale[RECEIVE], (char *)x->window_scale,
		        sizeof(float), true);
	moe_step(x);
}

static void reduce(struct moe_rank *x)
{
	int64_t top_k = x->shape.top_k;
	const uint16_t *row[MOST_SUMMED];

	packed_offsets(x, x->own_counts[x->layer % 2]);
	for (int64_t t = 0; t < x->tokens; t++) {
		for (int64_t j = 0; j < top_k; j++)
			row[j] = moe_bf16(x, x->staging[BACK_RECEIVE],
			                  x->next[x->expert[t * top_k + j]]++);
		row_sum(row, x->weight_ratio + t * top_k, top_k, x->shape.hidden,
		        moe_bf16(x, (char *)x->output, t));
	}
}

static void combine(struct moe_rank *x)
{
	reorder(x, x->staging[BACK_SEND], x->result, x->bf16_bytes, false);
	moe_step(x);
	for (int64_t step = 0; step < x->heap->n_ranks; step++) {
		int64_t peer = moe_peer(x, step);
		struct block b = block_of(x, peer);

		put_block(x, &b, x->staging[BACK_RECEIVE], x->staging[BACK_SEND], x->bf16_bytes,
		          peer);
	}
	x->heap->ops->quiet(x->heap);
	moe_step(x);
	moe_signal(x, FLAG_RESULTS);
	moe_wait(x, FLAG_RESULTS);
	moe_step(x);
	reduce(x);
	moe_step(x);
}

static const char *const dispatch_labels[] = {"dispatch.pack", "dispatch.counts",  "dispatch.put",
                                              "dispatch.wait", "dispatch.reorder", NULL};
static const char *const combine_labels[] = {"combine.reorder", "combine.put", "combine.wait",
                                             "combine.reduce", NULL};

const struct kernels kernels_relay3 = {
        .name = "relay3",
        .labels = {{dispatch_labels, combine_labels}, {dispatch_labels, combine_labels}},
        .allocate = allocate,
        .run = {{dispatch, combine}, {dispatch, combine}},
};
