#include "hw/ascend_rank.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hw/ascend_layout.h"
#include "models/base/arena.h"

enum { SCALE_FLOATS = LINE_INTS }; /* a scale has a line for itself */

/* Events also count the launch, so they are the longer by rights, but coarse. */
static const double SHORTER_RATIO = 0.8;

struct ascend_rank {
	struct die *die;
	const struct trial *trial;
	struct moe_rank m; /* the host's side: what to load, what came back */
	struct symheap heap;
	struct ascend_exchange x;
	struct ascend_layout at;
	void *there; /* x, on the die */
	int32_t cores;
	double counter_Hz; /* unit: 1/s */
	double begin_s;    /* the host's, of the last launch */
	double event_s;    /* what events say of it */
	int32_t doubtful;  /* launches that events call shorter than the counter does */
	int64_t stamp[ASCEND_MOST_CORES][ASCEND_STAMPS];
	char *lines; /* scales as they lie on the die */
};

/* ---- kernels and their clock ---- */

/* One kernel; leaves its stamps here. */
static void run(struct ascend_rank *r, int32_t kernel)
{
	die_write(r->die, r->there, &r->x, sizeof r->x);
	r->begin_s = sym_time_s();
	r->event_s = die_run(r->die, kernel, r->cores, r->there);
	die_read(r->die, r->stamp, r->x.stamps, (size_t)r->cores * sizeof *r->stamp);
}

/* From the first core's begin to the last core's end of a step. */
static double until_s(const struct ascend_rank *r, int step)
{
	int64_t begin = r->stamp[0][0], end = r->stamp[0][step + 1];

	for (int32_t core = 1; core < r->cores; core++) {
		begin = r->stamp[core][0] < begin ? r->stamp[core][0] : begin;
		end = r->stamp[core][step + 1] > end ? r->stamp[core][step + 1] : end;
	}
	return (double)(end - begin) / r->counter_Hz;
}

static int32_t cores_wanted(const struct die *d, int64_t wanted)
{
	int32_t all = die_cores(d) < ASCEND_MOST_CORES ? die_cores(d) : ASCEND_MOST_CORES;

	return wanted > 0 && wanted < all ? (int32_t)wanted : all > 0 ? all : 1;
}

/* The counter's rate differs between chips, so it is measured: two readings, a while apart, of
 * which the launch makes the moment uncertain by much less than the while is long. */
static void counter_read(struct ascend_rank *r)
{
	enum { MOMENTS = 400 };
	int32_t cores = r->cores;
	double first_s;
	int64_t first;

	r->cores = 1;
	run(r, ASCEND_CLOCK); /* the first launch of a program takes long */
	run(r, ASCEND_CLOCK);
	first_s = sym_time_s(), first = r->stamp[0][0];
	for (int i = 0; i < MOMENTS; i++)
		sym_moment();
	run(r, ASCEND_CLOCK);
	r->counter_Hz = (double)(r->stamp[0][0] - first) / (sym_time_s() - first_s);
	r->cores = cores;
}

static void place(struct ascend_rank *r)
{
	r->at.own = die_own(r->die, r->at.own_bytes);
	r->at.symmetric = die_symmetric(r->die, r->at.symmetric_bytes);
	r->there = die_own(r->die, sizeof r->x);
	die_barrier(r->die); /* nobody writes where another still zeroes */
}

/* ---- a trial ---- */

static int32_t kernel_of(const struct trial *t, enum exchange_op op)
{
	const struct kernels *k = kernels_table[t->kernels];
	int32_t dispatch = k == &kernels_direct   ? ASCEND_DISPATCH_DIRECT
	                   : k == &kernels_relay2 ? ASCEND_DISPATCH_RELAY2
	                                          : ASCEND_DISPATCH_RELAY3;

	return op == OP_DISPATCH ? dispatch : dispatch + 1;
}

static void load(struct ascend_rank *r, uint64_t seed)
{
	struct moe_rank *m = &r->m;
	size_t rows;

	moe_load(m, seed);
	rows = (size_t)m->rows;
	r->x.tokens = (int32_t)m->tokens, r->x.layer = m->layer;
	die_write(r->die, r->x.input, m->input, (size_t)m->tokens * m->bf16_bytes);
	die_write(r->die, r->x.expert, m->expert, rows * sizeof *m->expert);
	die_write(r->die, r->x.weight, m->weight_ratio, rows * sizeof *m->weight_ratio);
}

static void window_read(struct ascend_rank *r)
{
	struct moe_rank *m = &r->m;
	size_t rows = (size_t)m->window_rows, row = (size_t)r->x.stride * sizeof(int32_t);
	const uint8_t *counts = r->x.counts[m->layer % 2];

	for (int64_t source = 0; source < m->shape.n_ranks; source++)
		die_read(r->die, moe_counts(m) + source * m->shape.experts,
		         counts + (size_t)source * row, (size_t)m->shape.experts * 4);
	die_read(r->die, m->window, r->x.window, rows * m->row_bytes);
	die_read(r->die, r->lines, r->x.window_scale, rows * SCALE_FLOATS * sizeof(float));
	for (size_t i = 0; i < rows; i++)
		memcpy(&m->window_scale[i], r->lines + i * SCALE_FLOATS * sizeof(float),
		       sizeof(float));
}

/* A layer whose results are looked at. */
static void layer_check(struct ascend_rank *r, uint64_t seed, struct verdict *v)
{
	struct moe_rank *m = &r->m;

	load(r, seed);
	run(r, kernel_of(r->trial, OP_DISPATCH));
	window_read(r);
	if (die_why(r->die))
		return;
	reference_window(m, v);
	moe_experts(m);
	die_write(r->die, r->x.result, m->result, (size_t)m->window_rows * m->bf16_bytes);
	run(r, kernel_of(r->trial, OP_COMBINE));
	die_read(r->die, m->output, r->x.output, (size_t)m->tokens * m->bf16_bytes);
	reference_output(m, v);
}

static void timed(struct ascend_rank *r, enum exchange_op op, int32_t repeat,
                  struct trial_report *report)
{
	const struct kernels *k = kernels_table[r->trial->kernels];
	const char *const *labels = k->labels[r->trial->shape.phase][op];
	double before_s = 0;

	run(r, kernel_of(r->trial, op));
	if (repeat < 0)
		return;
	report->begin_s[repeat][op] = r->begin_s;
	for (int step = 0; labels[step]; step++) {
		double end_s = until_s(r, step);

		report->end_s[repeat][op][step] = r->begin_s + end_s;
		report->work_s[repeat][op][step] = end_s - before_s;
		before_s = end_s;
	}
	r->doubtful += r->event_s < before_s * SHORTER_RATIO;
}

/* Rounds of the first tokens again; the experts' results of them are there already. */
static void repeats(struct ascend_rank *r, struct trial_report *report)
{
	const struct trial *t = r->trial;
	struct verdict unasked = {0};

	layer_check(r, t->shape.seed, &unasked);
	r->x.timed = 1;
	for (int32_t i = -t->warmups; i < t->repeats; i++) {
		moe_next(&r->m);
		r->x.layer = r->m.layer;
		timed(r, OP_DISPATCH, i, report);
		timed(r, OP_COMBINE, i, report);
	}
}

static void trial_do(struct ascend_rank *r, struct trial_report *report)
{
	const struct trial *t = r->trial;

	ascend_lay(&r->x, t, &r->at);
	place(r);
	ascend_lay(&r->x, t, &r->at);
	r->cores = cores_wanted(r->die, t->cores);
	r->lines = heap_zeroed((size_t)r->m.window_rows + 1, SCALE_FLOATS * sizeof(float));
	for (int32_t layer = 0; layer < t->checked; layer++)
		layer_check(r, t->shape.seed + (uint64_t)layer, &report->verdict);
	if (t->repeats > 0) {
		counter_read(r);
		repeats(r, report);
	}
	die_barrier(r->die);
	if (r->doubtful > t->repeats / 2)
		fprintf(stderr,
		        "epsim-ascend: the cores' counter tells longer times than events around "
		        "the launches: check GetSystemCycle() before trusting times\n");
	free(r->lines);
}

const char *ascend_trial_run(struct die *d, int64_t rank, const struct trial *t,
                             struct trial_report *report)
{
	int64_t seeds = t->checked > 0 ? t->checked : 1;
	size_t bytes = moe_heap_bytes(&t->shape, seeds, &kernels_direct);
	struct ascend_rank *r = heap_zeroed(1, sizeof *r);

	r->die = d, r->trial = t;
	r->heap = (struct symheap){.rank = rank,
	                           .n_ranks = t->shape.n_ranks,
	                           .base = heap_zeroed(1, bytes + 1),
	                           .bytes = bytes};
	moe_init(&r->m, &r->heap, &t->shape, seeds, &kernels_direct);
	trial_do(r, report);
	moe_fini(&r->m);
	free(r->heap.base);
	free(r);
	return die_why(d);
}

size_t ascend_trial_heap_bytes(const struct trial *t)
{
	struct ascend_exchange x;
	struct ascend_layout l = {0};

	ascend_lay(&x, t, &l);
	return l.symmetric_bytes;
}

/* ---- microbenchmarks ---- */

static const int32_t bench_kinds[BENCH_KINDS] = {
        [BENCH_COPY] = ASCEND_COPY,     [BENCH_PUT] = ASCEND_PUT,
        [BENCH_GET] = ASCEND_GET,       [BENCH_PLACE] = ASCEND_PLACE,
        [BENCH_PACK] = ASCEND_PACK,     [BENCH_REORDER] = ASCEND_REORDER,
        [BENCH_REDUCE] = ASCEND_REDUCE, [BENCH_FETCH] = ASCEND_FETCH,
        [BENCH_FLAG] = ASCEND_FLAG,     [BENCH_BARRIER] = ASCEND_BARRIER,
};

static int64_t bytes_most(const struct bench *b)
{
	int64_t most = b->row_bytes;

	for (int32_t i = 0; i < b->n_points; i++)
		most = b->point[i].bytes > most ? b->point[i].bytes : most;
	return most;
}

static double acl_copy_s(struct ascend_rank *r, const struct bench_point *p)
{
	double begin_s;

	die_barrier(r->die);
	begin_s = sym_time_s();
	die_copy(r->die, r->x.result, r->x.window, (size_t)p->bytes);
	return sym_time_s() - begin_s;
}

/* As many as make a launch long enough for the counter. */
static int32_t passes_of(const struct bench_point *p)
{
	enum { MOVED = 1 << 24, MOST_PASSES = 200 };
	int64_t passes = p->bytes > 0 ? MOVED / p->bytes : MOST_PASSES;

	return passes < 1 ? 1 : passes > MOST_PASSES ? MOST_PASSES : (int32_t)passes;
}

/* Time of one pass; flags take two ways. */
static double pass_s(struct ascend_rank *r, const struct bench_point *p)
{
	double ways_count = p->kind == BENCH_FLAG ? 2 : 1;

	if (p->kind == BENCH_MEMCPY)
		return acl_copy_s(r, p);
	r->x.bench = bench_kinds[p->kind], r->x.bench_bytes = p->bytes;
	r->x.passes = passes_of(p), r->x.timed = 1;
	run(r, ASCEND_BENCH);
	r->x.layer += r->x.passes;
	return until_s(r, 0) / (double)r->x.passes / ways_count;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void point_run(struct ascend_rank *r, const struct bench *b, const struct bench_point *p,
                      struct bench_point *out)
{
	double *one_s = heap_zeroed((size_t)b->repeats + 1, sizeof *one_s), *value_s = one_s + 1;

	r->cores = cores_wanted(r->die, p->cores);
	for (int32_t i = -1; i < b->repeats; i++)
		value_s[i] = pass_s(r, p);
	qsort(value_s, (size_t)b->repeats, sizeof *value_s, by_value);
	*out = *p;
	out->cores = r->cores;
	out->figure_units = value_s[b->repeats / 2], out->best_units = value_s[0];
	if (bench_moves(p->kind)) {
		out->figure_units = (double)p->bytes / out->figure_units;
		out->best_units = (double)p->bytes / out->best_units;
	}
	free(one_s);
}

const char *ascend_bench_run(struct die *d, int64_t rank, const struct bench *b,
                             struct bench_point *out)
{
	struct ascend_rank *r = heap_zeroed(1, sizeof *r);
	int64_t most = bytes_most(b);

	(void)rank;
	r->die = d;
	ascend_lay_bench(&r->x, b->n_ranks, b->row_bytes, most, &r->at);
	place(r);
	ascend_lay_bench(&r->x, b->n_ranks, b->row_bytes, most, &r->at);
	counter_read(r);
	for (int32_t i = 0; i < b->n_points && !die_why(d); i++)
		point_run(r, b, &b->point[i], &out[i]);
	die_barrier(d);
	free(r);
	return die_why(d);
}

size_t ascend_bench_heap_bytes(const struct bench *b)
{
	struct ascend_exchange x;
	struct ascend_layout l = {0};

	ascend_lay_bench(&x, b->n_ranks, b->row_bytes, bytes_most(b), &l);
	return l.symmetric_bytes;
}
