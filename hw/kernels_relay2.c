/* relay2: one staging copy in a relay window and a reorder.
 *
 * Prefill stages rows in the source's own window, from which destinations pull; decode writes them
 * into the destination's window, which copies them in expert order. Combine writes each row and a
 * flag into the window of the token's rank. Steps and waits are those of sim/flow_relay2.c: window
 * halves by operation, counts and status words in turns by layer. One round stages all tokens. */
#include <string.h>
#include "hw/moe_rank.h"
#include "hw/relay2.h"
#include "hw/row.h"

enum { DISPATCH_HALF, COMBINE_HALF }; /* of the relay window */

static size_t aligned(size_t bytes)
{
	return (bytes + SLOT_ALIGN_BYTES - 1) / SLOT_ALIGN_BYTES * SLOT_ALIGN_BYTES;
}

static int64_t slot_bytes(const struct moe_rank *x)
{
	return (int64_t)aligned(x->row_bytes + sizeof(struct slot_tail));
}

static int64_t back_bytes(const struct moe_rank *x)
{
	return (int64_t)(x->shape.phase == PHASE_PREFILL ? aligned(x->bf16_bytes) : x->bf16_bytes);
}

static void allocate(struct moe_rank *x)
{
	const struct shape *s = &x->shape;
	size_t out = (size_t)(s->tokens * s->top_k), statuses;
	size_t slots = s->phase == PHASE_PREFILL ? out : (size_t)(s->experts * s->tokens);

	x->staging[DISPATCH_HALF] = sym_alloc(x->heap, slots * (size_t)slot_bytes(x));
	x->staging[COMBINE_HALF] = sym_alloc(x->heap, out * (size_t)back_bytes(x));
	x->row_flag = sym_alloc(x->heap, out * sizeof *x->row_flag);
	x->triple = sym_alloc(x->heap, (size_t)x->window_rows * sizeof *x->triple);
	statuses = (size_t)(x->heap->n_ranks * x->local_experts);
	for (int turn = 0; turn < 2; turn++)
		x->status[turn] = sym_alloc(x->heap, statuses * sizeof(struct flag));
}

/* ---- status words: a flag for each expert to its owner, with the count in decode ---- */

static void status_send(struct moe_rank *x, bool with_counts)
{
	struct symheap *h = x->heap;
	int64_t experts = x->shape.experts, local = x->local_experts;
	const int32_t *own = x->own_counts[x->layer % 2];

	for (int64_t i = 0; i < experts; i++) {
		int64_t e = (h->rank * local + i) % experts, owner = e / local;

		if (with_counts)
			h->ops->put(h, &moe_counts(x)[h->rank * experts + e], &own[e], sizeof *own,
			            owner);
		h->ops->signal(h, &x->status[x->layer % 2][h->rank * local + e % local], x->layer,
		               owner);
	}
}

static void status_wait(struct moe_rank *x)
{
	for (int64_t i = 0; i < x->heap->n_ranks * x->local_experts; i++)
		x->heap->ops->wait(x->heap, &x->status[x->layer % 2][i], x->layer);
}

/* ---- dispatch ---- */

static struct slot_tail tail_of(const struct moe_rank *x, int64_t branch, float scale)
{
	return (struct slot_tail){.scale = scale,
	                          .triple = {(int32_t)x->heap->rank,
	                                     (int32_t)(branch / x->shape.top_k),
	                                     (int32_t)(branch % x->shape.top_k)}};
}

/* What came with a row. */
static void keep_tail(struct moe_rank *x, int64_t at, const struct slot_tail *tail)
{
	x->triple[at] = tail->triple;
	x->window_scale[at] = tail->scale;
}

/* First row of each expert when one source's rows lie by expert. */
static int64_t packed_before(const struct moe_rank *x, int64_t source, int64_t expert)
{
	const int32_t *counts = moe_counts(x) + source * x->shape.experts;
	int64_t row = 0;

	for (int64_t e = 0; e < expert; e++)
		row += counts[e];
	return row;
}

static void notify(struct moe_rank *x)
{
	struct symheap *h = x->heap;
	int64_t experts = x->shape.experts;
	int32_t *own = x->own_counts[x->layer % 2];

	moe_count(x, own);
	moe_signal(x, FLAG_COUNTS);
	moe_wait(x, FLAG_COUNTS);
	for (int64_t step = 0; step < h->n_ranks; step++) {
		int64_t peer = moe_peer(x, step);

		h->ops->get(h, moe_counts(x) + peer * experts, own, (size_t)experts * sizeof *own,
		            peer);
	}
}

static void stage(struct moe_rank *x)
{
	float scale = 0;

	for (int64_t e = 0; e < x->shape.experts; e++)
		x->next[e] = (int32_t)packed_before(x, x->heap->rank, e);
	for (int64_t i = 0; i < x->rows; i++) {
		const void *row = moe_row(x, i / x->shape.top_k, &scale);
		char *slot = x->staging[DISPATCH_HALF] + x->next[x->expert[i]]++ * slot_bytes(x);
		struct slot_tail tail = tail_of(x, i, scale);

		memcpy(slot, row, x->row_bytes);
		memcpy(slot + x->row_bytes, &tail, sizeof tail);
	}
}

/* Every source's rows for the own experts, into the window. */
static void pull(struct moe_rank *x)
{
	struct symheap *h = x->heap;
	int64_t experts = x->shape.experts, first = h->rank * x->local_experts, at = 0;

	for (int64_t e = first; e < first + x->local_experts; e++) {
		for (int64_t source = 0; source < h->n_ranks; source++) {
			const char *slot = x->staging[DISPATCH_HALF] +
			                   packed_before(x, source, e) * slot_bytes(x);
			int64_t n = moe_counts(x)[source * experts + e];

			for (int64_t i = 0; i < n; i++, at++, slot += slot_bytes(x)) {
				struct slot_tail tail;

				h->ops->get(h, x->window + at * (int64_t)x->row_bytes, slot,
				            x->row_bytes, source);
				h->ops->get(h, &tail, slot + x->row_bytes, sizeof tail, source);
				keep_tail(x, at, &tail);
			}
		}
	}
}

static void prefill_dispatch(struct moe_rank *x)
{
	notify(x);
	moe_step(x);
	stage(x);
	moe_step(x);
	status_send(x, false);
	status_wait(x);
	moe_step(x);
	pull(x);
	moe_step(x);
}

/* Slot of a source's n-th row to an expert, in the owner's window. */
static char *slot_at(const struct moe_rank *x, int64_t source, int64_t expert, int64_t n)
{
	int64_t local = source * x->local_experts + expert % x->local_experts;

	return x->staging[DISPATCH_HALF] + (local * x->shape.tokens + n) * slot_bytes(x);
}

static void put_slots(struct moe_rank *x)
{
	struct symheap *h = x->heap;
	float scale = 0;

	memset(x->next, 0, (size_t)x->shape.experts * sizeof *x->next);
	for (int64_t i = 0; i < x->rows; i++) {
		const void *row = moe_row(x, i / x->shape.top_k, &scale);
		struct slot_tail tail = tail_of(x, i, scale);
		int64_t e = x->expert[i], owner = moe_owner(x, i);
		char *slot = slot_at(x, h->rank, e, x->next[e]++);

		h->ops->put(h, slot, row, x->row_bytes, owner);
		h->ops->put(h, slot + x->row_bytes, &tail, sizeof tail, owner);
	}
	h->ops->quiet(h);
}

static void reorder(struct moe_rank *x)
{
	int64_t experts = x->shape.experts, first = x->heap->rank * x->local_experts, at = 0;

	for (int64_t e = first; e < first + x->local_experts; e++) {
		for (int64_t source = 0; source < x->heap->n_ranks; source++) {
			int64_t n = moe_counts(x)[source * experts + e];

			for (int64_t i = 0; i < n; i++, at++) {
				const char *slot = slot_at(x, source, e, i);

				memcpy(x->window + at * (int64_t)x->row_bytes, slot, x->row_bytes);
				keep_tail(x, at, (const struct slot_tail *)(slot + x->row_bytes));
			}
		}
	}
}

static void decode_dispatch(struct moe_rank *x)
{
	moe_count(x, x->own_counts[x->layer % 2]);
	put_slots(x);
	moe_step(x);
	status_send(x, true);
	status_wait(x);
	moe_step(x);
	reorder(x);
	moe_step(x);
}

/* ---- combine ---- */

static void return_rows(struct moe_rank *x)
{
	struct symheap *h = x->heap;
	int64_t rows = moe_rows_in(x);

	for (int64_t at = 0; at < rows; at++) {
		const struct triple *to = &x->triple[at];
		int64_t branch = to->token * x->shape.top_k + to->choice;

		h->ops->put(h, x->staging[COMBINE_HALF] + branch * back_bytes(x),
		            moe_bf16(x, x->result, at), x->bf16_bytes, to->rank);
		h->ops->signal(h, &x->row_flag[branch], x->layer, to->rank);
	}
}

/* Of each token its flags, then its rows. */
static void reduce(struct moe_rank *x)
{
	int64_t top_k = x->shape.top_k;
	const uint16_t *row[MOST_SUMMED];

	for (int64_t t = 0; t < x->tokens; t++) {
		for (int64_t j = 0; j < top_k; j++) {
			int64_t i = t * top_k + j;

			x->heap->ops->wait(x->heap, &x->row_flag[i], x->layer);
			row[j] = (const uint16_t *)(x->staging[COMBINE_HALF] + i * back_bytes(x));
		}
		row_sum(row, x->weight_ratio + t * top_k, top_k, x->shape.hidden,
		        moe_bf16(x, (char *)x->output, t));
	}
}

static void combine(struct moe_rank *x)
{
	return_rows(x);
	moe_step(x);
	reduce(x);
	moe_step(x);
}

static const char *const prefill_labels[] = {"dispatch.notify", "dispatch.stage", "dispatch.status",
                                             "dispatch.get", NULL};
static const char *const decode_labels[] = {"dispatch.put", "dispatch.status", "dispatch.reorder",
                                            NULL};
static const char *const combine_labels[] = {"combine.put", "combine.reduce", NULL};

const struct kernels kernels_relay2 = {
        .name = "relay2",
        .labels = {{prefill_labels, combine_labels}, {decode_labels, combine_labels}},
        .allocate = allocate,
        .run = {{prefill_dispatch, combine}, {decode_dispatch, combine}},
};
