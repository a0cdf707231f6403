#include "hw/moe_rank.h"
#include <stdlib.h>
#include <string.h>
#include "hw/row.h"
#include "models/base/arena.h"

const struct kernels *const kernels_table[] = {&kernels_relay3, &kernels_relay2, &kernels_direct,
                                               NULL};

/* ---- what flows use ---- */

void moe_offsets(struct moe_rank *x, const int32_t *counts)
{
	const struct shape *s = &x->shape;
	int32_t row = 0;

	for (int64_t e = 0; e < s->experts; e++) {
		if (e % x->local_experts == 0)
			row = 0;
		for (int64_t source = 0; source < s->n_ranks; source++) {
			if (source == x->heap->rank)
				x->next[e] = row;
			row += counts[source * s->experts + e];
		}
	}
}

void moe_count(struct moe_rank *x, int32_t *counts)
{
	memset(counts, 0, (size_t)x->shape.experts * sizeof *counts);
	for (int64_t i = 0; i < x->rows; i++)
		counts[x->expert[i]]++;
}

int64_t moe_owner(const struct moe_rank *x, int64_t branch)
{
	return x->expert[branch] / x->local_experts;
}

int64_t moe_peer(const struct moe_rank *x, int64_t step)
{
	return (x->heap->rank + step) % x->heap->n_ranks;
}

int32_t *moe_counts(const struct moe_rank *x)
{
	return x->counts[x->layer % 2];
}

int64_t moe_rows_in(const struct moe_rank *x)
{
	const struct shape *s = &x->shape;
	const int32_t *counts = moe_counts(x);
	int64_t first = x->heap->rank * x->local_experts, sum = 0;

	for (int64_t source = 0; source < s->n_ranks; source++) {
		for (int64_t e = first; e < first + x->local_experts; e++)
			sum += counts[source * s->experts + e];
	}
	return sum;
}

void moe_signal(struct moe_rank *x, enum flag_kind kind)
{
	struct symheap *h = x->heap;

	for (int64_t step = 0; step < h->n_ranks; step++)
		h->ops->signal(h, &x->flag[kind][h->rank], x->layer, moe_peer(x, step));
}

void moe_wait(struct moe_rank *x, enum flag_kind kind)
{
	struct symheap *h = x->heap;

	for (int64_t source = 0; source < h->n_ranks; source++)
		h->ops->wait(h, &x->flag[kind][source], x->layer);
}

uint16_t *moe_bf16(const struct moe_rank *x, char *rows, int64_t row)
{
	return (uint16_t *)(rows + row * (int64_t)x->bf16_bytes);
}

const void *moe_row(struct moe_rank *x, int64_t token, float *scale)
{
	const char *row = (const char *)x->input + token * (int64_t)x->bf16_bytes;

	if (x->shape.dispatch != DTYPE_INT8)
		return row;
	*scale = row_quantise((const uint16_t *)row, x->shape.hidden, (int8_t *)x->row);
	return x->row;
}

void moe_step(struct moe_rank *x)
{
	CHECK(x->n_steps < MOST_STEPS);
	x->work_s[x->n_steps] = sym_work_s(x->heap);
	x->step_s[x->n_steps++] = sym_time_s();
}

/* ---- its life ---- */

static void allocate_shared(struct moe_rank *x, const struct kernels *k)
{
	struct symheap *h = x->heap;
	size_t ranks = (size_t)h->n_ranks, experts = (size_t)x->shape.experts;

	for (int kind = 0; kind < FLAG_KINDS; kind++)
		x->flag[kind] = sym_alloc(h, ranks * sizeof(struct flag));
	for (int turn = 0; turn < 2; turn++) {
		x->own_counts[turn] = sym_alloc(h, experts * sizeof(int32_t));
		x->counts[turn] = sym_alloc(h, ranks * experts * sizeof(int32_t));
	}
	x->window = sym_alloc(h, (size_t)x->window_rows * x->row_bytes);
	x->window_scale = sym_alloc(h, (size_t)x->window_rows * sizeof(float));
	x->result = sym_alloc(h, (size_t)x->window_rows * x->bf16_bytes);
	k->allocate(x);
}

static void allocate_own(struct moe_rank *x)
{
	size_t tokens = (size_t)x->shape.tokens + 1, rows = tokens * (size_t)x->shape.top_k;

	x->input = heap_zeroed(tokens, x->bf16_bytes);
	x->output = heap_zeroed(tokens, x->bf16_bytes);
	x->expert = heap_zeroed(rows, sizeof *x->expert);
	x->weight_ratio = heap_zeroed(rows, sizeof *x->weight_ratio);
	x->next = heap_zeroed((size_t)x->shape.experts, sizeof *x->next);
	x->row = heap_zeroed(1, x->bf16_bytes);
	x->got = heap_zeroed((size_t)x->shape.top_k, x->bf16_bytes);
}

int64_t moe_window_rows(const struct shape *s, int64_t seeds)
{
	struct shape layer = *s;
	int64_t most = 0;

	for (; layer.seed < s->seed + (uint64_t)seeds; layer.seed++) {
		int64_t rows = load_rows_in_most(&layer);

		most = rows > most ? rows : most;
	}
	return most;
}

void moe_init(struct moe_rank *x, struct symheap *h, const struct shape *s, int64_t seeds,
              const struct kernels *k)
{
	*x = (struct moe_rank){.heap = h,
	                       .shape = *s,
	                       .local_experts = shape_local_experts(s),
	                       .row_bytes = shape_row_bytes(s),
	                       .bf16_bytes = shape_bf16_bytes(s),
	                       .window_rows = moe_window_rows(s, seeds)};
	allocate_shared(x, k);
	if (h->base)
		allocate_own(x);
}

void moe_fini(struct moe_rank *x)
{
	free(x->input);
	free(x->output);
	free(x->expert);
	free(x->weight_ratio);
	free(x->next);
	free(x->row);
	free(x->got);
}

size_t moe_heap_bytes(const struct shape *s, int64_t seeds, const struct kernels *k)
{
	struct symheap h = {.n_ranks = s->n_ranks};
	struct moe_rank x;

	moe_init(&x, &h, s, seeds, k);
	return h.used;
}

void moe_run(struct moe_rank *x, const struct kernels *k, enum exchange_op op)
{
	x->n_steps = 0;
	k->run[x->shape.phase][op](x);
}

void moe_next(struct moe_rank *x)
{
	x->layer++;
}

void moe_load(struct moe_rank *x, uint64_t seed)
{
	int64_t rank = x->heap->rank;

	moe_next(x);
	x->shape.seed = seed;
	x->tokens = shape_tokens(&x->shape, rank);
	x->rows = x->tokens * x->shape.top_k;
	load_experts(&x->shape, rank, x->expert);
	load_weights(&x->shape, rank, x->weight_ratio);
	for (int64_t t = 0; t < x->tokens; t++)
		load_row(&x->shape, rank, t, moe_bf16(x, (char *)x->input, t));
}

void moe_experts(struct moe_rank *x)
{
	const struct shape *s = &x->shape;
	const int32_t *counts = moe_counts(x);
	int64_t first = x->heap->rank * x->local_experts, row = 0;

	for (int64_t e = first; e < first + x->local_experts; e++) {
		int64_t n = 0;

		for (int64_t source = 0; source < s->n_ranks; source++)
			n += counts[source * s->experts + e];
		for (; n > 0; n--, row++) {
			const void *from = x->window + row * (int64_t)x->row_bytes;
			uint16_t *to = moe_bf16(x, x->result, row);

			if (s->dispatch == DTYPE_INT8)
				row_expert_int8(from, x->window_scale[row], s->hidden, e, to);
			else
				row_expert_bf16(from, s->hidden, e, to);
		}
	}
}
