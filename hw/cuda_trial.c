#include "hw/cuda_trial.h"
#include <stdlib.h>
#include "hw/cuda_ranks.h"
#include "hw/relay2.h"
#include "models/base/arena.h"

struct cuda_trial {
	const struct trial *trial;
	struct cuda_group *group;
	struct moe_rank *rank; /* the host's side of each: what to load, what came back */
	struct symheap *heap;
	struct trial_report *report;
	double (*step_s)[CUDA_MOST_STEPS];
	const char *why; /* what failed, or NULL */
};

static int64_t slot_aligned(size_t bytes)
{
	return (int64_t)((bytes + SLOT_ALIGN_BYTES - 1) / SLOT_ALIGN_BYTES * SLOT_ALIGN_BYTES);
}

static int32_t flow_of(const struct trial *t)
{
	const struct kernels *k = kernels_table[t->kernels];

	return k == &kernels_direct   ? CUDA_DIRECT
	       : k == &kernels_relay2 ? CUDA_RELAY2
	                              : CUDA_RELAY3;
}

static struct cuda_shape shape_of(const struct trial *t, int64_t window_rows)
{
	const struct shape *s = &t->shape;
	size_t row = shape_row_bytes(s), bf16 = shape_bf16_bytes(s);

	return (struct cuda_shape){
	        .flow = flow_of(t),
	        .decode = s->phase == PHASE_DECODE,
	        .int8 = s->dispatch == DTYPE_INT8,
	        .n_ranks = (int32_t)s->n_ranks,
	        .experts = (int32_t)s->experts,
	        .top_k = (int32_t)s->top_k,
	        .hidden = (int32_t)s->hidden,
	        .tokens = (int32_t)s->tokens,
	        .row_bytes = (int64_t)row,
	        .bf16_bytes = (int64_t)bf16,
	        .slot_bytes = slot_aligned(row + sizeof(struct slot_tail)),
	        .back_bytes = s->phase == PHASE_PREFILL ? slot_aligned(bf16) : (int64_t)bf16,
	        .window_rows = window_rows,
	};
}

/* The host's side of the ranks: heaps of their own, which only take what comes from the device. */
static void ranks_open(struct cuda_trial *x)
{
	const struct trial *t = x->trial;
	int64_t seeds = t->checked > 0 ? t->checked : 1;
	size_t bytes = moe_heap_bytes(&t->shape, seeds, &kernels_direct);

	for (int64_t r = 0; r < t->shape.n_ranks; r++) {
		x->heap[r] = (struct symheap){.rank = r,
		                              .n_ranks = t->shape.n_ranks,
		                              .base = heap_zeroed(1, bytes),
		                              .bytes = bytes};
		moe_init(&x->rank[r], &x->heap[r], &t->shape, seeds, &kernels_direct);
	}
}

static void load(struct cuda_trial *x, uint64_t seed)
{
	for (int64_t r = 0; r < x->trial->shape.n_ranks; r++) {
		struct moe_rank *m = &x->rank[r];

		moe_load(m, seed);
		cuda_rank_load(x->group, (int32_t)r, (int32_t)m->tokens, m->input, m->expert,
		               m->weight_ratio);
	}
}

static void layer_check(struct cuda_trial *x, uint64_t seed)
{
	load(x, seed);
	cuda_dispatch(x->group, NULL, &x->why);
	for (int64_t r = 0; r < x->trial->shape.n_ranks; r++) {
		struct moe_rank *m = &x->rank[r];

		cuda_rank_window(x->group, (int32_t)r, m->window, m->window_scale, moe_counts(m));
		reference_window(m, &x->report[r].verdict);
	}
	cuda_experts(x->group, &x->why);
	cuda_combine(x->group, NULL, &x->why);
	for (int64_t r = 0; r < x->trial->shape.n_ranks; r++) {
		struct moe_rank *m = &x->rank[r];

		cuda_rank_output(x->group, (int32_t)r, m->output);
		reference_output(m, &x->report[r].verdict);
	}
}

/* Events tell times from the operation's begin; reports take them as of a clock that starts then.
 */
static void keep(struct cuda_trial *x, int32_t repeat, enum exchange_op op, int steps)
{
	for (int64_t r = 0; repeat >= 0 && r < x->trial->shape.n_ranks; r++) {
		double before_s = 0;

		for (int i = 0; i < steps; i++) {
			x->report[r].end_s[repeat][op][i] = x->step_s[r][i];
			x->report[r].work_s[repeat][op][i] = x->step_s[r][i] - before_s;
			before_s = x->step_s[r][i];
		}
	}
}

static void repeats(struct cuda_trial *x)
{
	load(x, x->trial->shape.seed);
	for (int32_t i = -x->trial->warmups; i < x->trial->repeats && !x->why; i++) {
		keep(x, i, OP_DISPATCH, cuda_dispatch(x->group, x->step_s, &x->why));
		cuda_experts(x->group, &x->why);
		keep(x, i, OP_COMBINE, cuda_combine(x->group, x->step_s, &x->why));
	}
}

static void ranks_close(struct cuda_trial *x)
{
	for (int64_t r = 0; r < x->trial->shape.n_ranks; r++) {
		moe_fini(&x->rank[r]);
		free(x->heap[r].base);
	}
	free(x->rank);
	free(x->heap);
	free(x->step_s);
}

static void trial_do(struct cuda_trial *x)
{
	struct cuda_shape s = shape_of(x->trial, x->rank[0].window_rows);

	x->group = cuda_group_open(&s, &x->why);
	if (!x->group)
		return;
	for (int32_t layer = 0; layer < x->trial->checked && !x->why; layer++)
		layer_check(x, x->trial->shape.seed + (uint64_t)layer);
	if (!x->why)
		repeats(x);
	cuda_group_close(x->group);
}

const char *cuda_trial_run(const struct trial *t, struct trial_report *reports)
{
	size_t n = (size_t)t->shape.n_ranks;
	struct cuda_trial x = {.trial = t, .report = reports};

	if (n > CUDA_MOST_RANKS)
		return "at most 8 ranks";
	x.rank = heap_zeroed(n, sizeof *x.rank);
	x.heap = heap_zeroed(n, sizeof *x.heap);
	x.step_s = heap_zeroed(n, sizeof *x.step_s);
	ranks_open(&x);
	trial_do(&x);
	ranks_close(&x);
	return x.why;
}
