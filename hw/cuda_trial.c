#include "hw/cuda_trial.h"
#include <stdio.h>
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
	char *device;
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

static void device_tell(const struct cuda_group *g, char device[DEVICE_TEXT_SIZE])
{
	snprintf(device, DEVICE_TEXT_SIZE, "%s", cuda_group_device(g));
}

static void trial_do(struct cuda_trial *x)
{
	struct cuda_shape s = shape_of(x->trial, x->rank[0].window_rows);

	x->group = cuda_group_open(&s, &x->why);
	if (!x->group)
		return;
	device_tell(x->group, x->device);
	for (int32_t layer = 0; layer < x->trial->checked && !x->why; layer++)
		layer_check(x, x->trial->shape.seed + (uint64_t)layer);
	if (!x->why)
		repeats(x);
	cuda_group_close(x->group);
}

const char *cuda_trial_run(const struct trial *t, struct trial_report *reports,
                           char device[DEVICE_TEXT_SIZE])
{
	size_t n = (size_t)t->shape.n_ranks;
	struct cuda_trial x = {.trial = t, .report = reports, .device = device};

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

/* ---- microbenchmarks ---- */

static const int32_t bench_kinds[BENCH_KINDS] = {
        [BENCH_MEMCPY] = CUDA_BENCH_MEMCPY,   [BENCH_COPY] = CUDA_BENCH_COPY,
        [BENCH_PUT] = CUDA_BENCH_PUT,         [BENCH_GET] = CUDA_BENCH_GET,
        [BENCH_PLACE] = CUDA_BENCH_PLACE,     [BENCH_PACK] = CUDA_BENCH_PACK,
        [BENCH_REORDER] = CUDA_BENCH_REORDER, [BENCH_REDUCE] = CUDA_BENCH_REDUCE,
        [BENCH_FETCH] = CUDA_BENCH_FETCH,     [BENCH_FLAG] = CUDA_BENCH_FLAG,
        [BENCH_BARRIER] = CUDA_BENCH_BARRIER};

/* So many that events, of half a microsecond, can tell; one where no time is asked for. */
static int32_t passes_of(const struct bench *b, const struct bench_point *p)
{
	enum { MOVED = 1 << 28, MOST_PASSES = 100 };
	int64_t passes = p->bytes > 0 ? MOVED / p->bytes : MOST_PASSES;

	if (b->least_s == 0)
		return 1;
	return passes < 1 ? 1 : passes > MOST_PASSES ? MOST_PASSES : (int32_t)passes;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* time_s: [rank][repeat] */
static void point_sum(const struct bench *b, const struct bench_point *p, double *time_s,
                      struct bench_point *out)
{
	int32_t n = b->repeats;

	for (int64_t r = 0; r < p->cores; r++) {
		double *one_s = time_s + r * n;
		struct bench_point *to = &out[r * MOST_POINTS];

		qsort(one_s, (size_t)n, sizeof *one_s, by_value);
		*to = *p;
		to->figure_units = one_s[n / 2], to->best_units = one_s[0];
		if (bench_moves(p->kind)) {
			to->figure_units = (double)p->bytes / to->figure_units;
			to->best_units = (double)p->bytes / to->best_units;
		}
	}
}

static const char *point_run(struct cuda_group *g, const struct bench *b,
                             const struct bench_point *p, struct bench_point *out)
{
	double *time_s = heap_zeroed((size_t)(b->n_ranks * b->repeats), sizeof *time_s);
	double pass_s[CUDA_MOST_RANKS];
	const char *why = NULL;

	for (int32_t i = -1; i < b->repeats && !why; i++) {
		cuda_bench(g, bench_kinds[p->kind], p->bytes, (int32_t)p->cores, passes_of(b, p),
		           pass_s, &why);
		for (int64_t r = 0; i >= 0 && r < p->cores; r++)
			time_s[r * b->repeats + i] = pass_s[r];
	}
	if (!why)
		point_sum(b, p, time_s, out);
	free(time_s);
	return why;
}

const char *cuda_bench_run(const struct bench *b, struct bench_point *out,
                           char device[DEVICE_TEXT_SIZE])
{
	struct cuda_shape s;
	struct cuda_group *g;
	const char *why = NULL;
	int64_t most = b->row_bytes;

	if (b->n_ranks > CUDA_MOST_RANKS)
		return "at most 8 ranks";
	for (int32_t i = 0; i < b->n_points; i++)
		most = b->point[i].bytes > most ? b->point[i].bytes : most;
	s = cuda_bench_shape((int32_t)b->n_ranks, b->row_bytes, most);
	g = cuda_group_open(&s, &why);
	if (!g)
		return why;
	device_tell(g, device);
	for (int32_t i = 0; i < b->n_points && !why; i++)
		why = point_run(g, b, &b->point[i], &out[i]);
	cuda_group_close(g);
	return why;
}
