#include "hw/bench.h"
#include <stdlib.h>
#include <string.h>
#include "hw/row.h"
#include "models/base/arena.h"

struct bench_rank {
	struct symheap *heap;
	const struct bench *bench;
	char *from, *to; /* symmetric, as large as the largest point */
	struct flag *flag;
	int32_t flags_sent;
	char *fetched; /* BENCH_TOP_K rows */
};

static int64_t next_rank(const struct symheap *h)
{
	return (h->rank + 1) % h->n_ranks;
}

static int64_t row_count(const struct bench_rank *x, int64_t bytes)
{
	return bytes / x->bench->row_bytes;
}

/* A row's place when rows go to several places in turn. */
static int64_t place_of(int64_t row, int64_t rows)
{
	int64_t each = rows / BENCH_PLACES;

	return row < each * BENCH_PLACES ? row % BENCH_PLACES * each + row / BENCH_PLACES : row;
}

/* ---- one pass of each kind ---- */

static void run_memcpy(struct bench_rank *x, int64_t bytes)
{
	void *there = x->heap->ops->peer(x->heap, x->to, next_rank(x->heap));

	if (there)
		memcpy(there, x->from, (size_t)bytes);
	else
		memcpy(x->to, x->from, (size_t)bytes);
}

static void run_copy(struct bench_rank *x, int64_t bytes)
{
	memcpy(x->to, x->from, (size_t)bytes);
}

static void run_put(struct bench_rank *x, int64_t bytes)
{
	x->heap->ops->put(x->heap, x->to, x->from, (size_t)bytes, next_rank(x->heap));
	x->heap->ops->quiet(x->heap);
}

static void run_get(struct bench_rank *x, int64_t bytes)
{
	x->heap->ops->get(x->heap, x->to, x->from, (size_t)bytes, next_rank(x->heap));
}

static void run_place(struct bench_rank *x, int64_t bytes)
{
	int64_t rows = row_count(x, bytes), row = x->bench->row_bytes;

	for (int64_t i = 0; i < rows; i++)
		x->heap->ops->put(x->heap, x->to + place_of(i, rows) * row,
		                  x->from + i / BENCH_TOP_K * row, (size_t)row, next_rank(x->heap));
	x->heap->ops->quiet(x->heap);
}

static void run_pack(struct bench_rank *x, int64_t bytes)
{
	int64_t rows = row_count(x, bytes), row = x->bench->row_bytes;

	for (int64_t i = 0; i < rows; i++)
		memcpy(x->to + place_of(i, rows) * row, x->from + i / BENCH_TOP_K * row,
		       (size_t)row);
}

static void run_reorder(struct bench_rank *x, int64_t bytes)
{
	int64_t rows = row_count(x, bytes), row = x->bench->row_bytes;

	for (int64_t i = 0; i < rows; i++)
		memcpy(x->to + i * row, x->from + place_of(i, rows) * row, (size_t)row);
}

static void reduce_from(struct bench_rank *x, int64_t bytes, int64_t rank)
{
	static const float weight[BENCH_TOP_K] = {.125f, .125f, .125f, .125f,
	                                          .125f, .125f, .125f, .125f};
	int64_t rows = row_count(x, bytes), row = x->bench->row_bytes;
	const uint16_t *one[BENCH_TOP_K];

	for (int64_t i = 0; i + BENCH_TOP_K <= rows; i += BENCH_TOP_K) {
		for (int64_t j = 0; j < BENCH_TOP_K; j++)
			one[j] = sym_read(x->heap, x->from + place_of(i + j, rows) * row,
			                  (size_t)row, x->fetched + j * row, rank);
		row_sum(one, weight, BENCH_TOP_K, row / (int64_t)sizeof **one,
		        (uint16_t *)(x->to + i / BENCH_TOP_K * row));
	}
}

static void run_reduce(struct bench_rank *x, int64_t bytes)
{
	reduce_from(x, bytes, x->heap->rank);
}

static void run_fetch(struct bench_rank *x, int64_t bytes)
{
	reduce_from(x, bytes, next_rank(x->heap));
}

/* There and back between ranks 0 and 1; twice one way. */
static void run_flag(struct bench_rank *x, int64_t bytes)
{
	struct symheap *h = x->heap;
	int64_t peer = 1 - h->rank;

	(void)bytes;
	x->flags_sent++;
	if (h->n_ranks < 2 || h->rank > 1)
		return;
	if (h->rank == 0)
		h->ops->signal(h, x->flag, x->flags_sent, peer);
	h->ops->wait(h, x->flag, x->flags_sent);
	if (h->rank == 1)
		h->ops->signal(h, x->flag, x->flags_sent, peer);
}

static void run_barrier(struct bench_rank *x, int64_t bytes)
{
	(void)bytes;
	x->heap->ops->barrier(x->heap);
}

static const struct {
	const char *name;
	bool moves;
	double ways_count; /* waiters: what one pass consists of */
	void (*pass)(struct bench_rank *x, int64_t bytes);
} kinds[BENCH_KINDS] = {
        [BENCH_MEMCPY] = {"memcpy", true, 0, run_memcpy},
        [BENCH_COPY] = {"copy", true, 0, run_copy},
        [BENCH_PUT] = {"put", true, 0, run_put},
        [BENCH_GET] = {"get", true, 0, run_get},
        [BENCH_PLACE] = {"place", true, 0, run_place},
        [BENCH_PACK] = {"pack", true, 0, run_pack},
        [BENCH_REORDER] = {"reorder", true, 0, run_reorder},
        [BENCH_REDUCE] = {"reduce", true, 0, run_reduce},
        [BENCH_FETCH] = {"fetch", true, 0, run_fetch},
        [BENCH_FLAG] = {"flag", false, 2, run_flag},
        [BENCH_BARRIER] = {"barrier", false, 1, run_barrier},
};

const char *bench_name(enum bench_kind kind)
{
	return kinds[kind].name;
}

bool bench_moves(enum bench_kind kind)
{
	return kinds[kind].moves;
}

/* ---- repeats ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Time of one pass, over as many as fill least_s. The number follows from size and kind alone, so
 * that ranks that wait for each other agree on it. */
static double pass_s(struct bench_rank *x, const struct bench_point *p, int64_t passes)
{
	bool moves = kinds[p->kind].moves;
	double begin_s;

	x->heap->ops->barrier(x->heap);
	if (x->heap->rank >= p->cores)
		return 0;
	begin_s = moves ? sym_work_s(x->heap) : sym_time_s();
	for (int64_t i = 0; i < passes; i++)
		kinds[p->kind].pass(x, p->bytes);
	return ((moves ? sym_work_s(x->heap) : sym_time_s()) - begin_s) / (double)passes;
}

static int64_t passes_for(const struct bench *b, const struct bench_point *p)
{
	const double assumed_Bps = (double)(1ll << 33), wait_passes_count = 2000;
	double passes = b->least_s * assumed_Bps / (double)(p->bytes + 64);

	if (!kinds[p->kind].moves)
		return (int64_t)wait_passes_count;
	return passes < 1 ? 1 : passes > (double)(1 << 20) ? 1 << 20 : (int64_t)passes;
}

static double median(double *value, int32_t n)
{
	qsort(value, (size_t)n, sizeof *value, by_value);
	return value[n / 2];
}

/* The point's figures from the time of a pass in each repeat; first_s: of the first of its group,
 * or NULL. Other programs slow down neighbours in time alike, so ratios are of each repeat. */
static void point_sum(const struct bench_point *p, const double *pass_s, const double *first_s,
                      int32_t n, struct bench_point *out)
{
	double *value = heap_zeroed((size_t)n, sizeof *value);

	*out = *p;
	for (int32_t i = 0; i < n && first_s; i++)
		value[i] = first_s[i] / pass_s[i];
	out->of_memcpy_ratio = first_s ? median(value, n) : 0;
	memcpy(value, pass_s, (size_t)n * sizeof *value);
	if (kinds[p->kind].moves) {
		out->figure_units = (double)p->bytes / median(value, n);
		out->best_units = (double)p->bytes / value[0];
	} else {
		out->figure_units = median(value, n) / kinds[p->kind].ways_count;
		out->best_units = value[0] / kinds[p->kind].ways_count;
	}
	free(value);
}

/* Points of one size and number of ranks, in turns, so that all meet the same neighbours. */
static void group_run(struct bench_rank *x, const struct bench_point *p, int32_t n_points,
                      struct bench_point *out)
{
	int32_t n = x->bench->repeats;
	double *time_s = heap_zeroed((size_t)n_points * (size_t)n, sizeof *time_s);

	for (int32_t i = -1; i < n; i++) {
		for (int32_t k = 0; k < n_points; k++) {
			double one_s = pass_s(x, &p[k], passes_for(x->bench, &p[k]));

			if (i >= 0)
				time_s[k * n + i] = one_s;
		}
	}
	for (int32_t k = 0; k < n_points && x->heap->rank < p->cores; k++)
		point_sum(&p[k], time_s + k * n, p->kind == BENCH_MEMCPY ? time_s : NULL, n,
		          &out[k]);
	free(time_s);
}

static int32_t group_size(const struct bench *b, int32_t first)
{
	const struct bench_point *p = &b->point[first];
	int32_t n = 1;

	while (first + n < b->n_points && p[n].bytes == p->bytes && p[n].cores == p->cores &&
	       kinds[p->kind].moves && kinds[p[n].kind].moves)
		n++;
	return n;
}

static int64_t bytes_most(const struct bench *b)
{
	int64_t most = b->row_bytes;

	for (int32_t i = 0; i < b->n_points; i++)
		most = b->point[i].bytes > most ? b->point[i].bytes : most;
	return most;
}

static void rank_open(struct bench_rank *x, struct symheap *h, const struct bench *b)
{
	*x = (struct bench_rank){.heap = h, .bench = b};
	x->from = sym_alloc(h, (size_t)bytes_most(b));
	x->to = sym_alloc(h, (size_t)bytes_most(b));
	x->flag = sym_alloc(h, sizeof *x->flag);
}

size_t bench_heap_bytes(const struct bench *b)
{
	struct symheap h = {.n_ranks = b->n_ranks};
	struct bench_rank x;

	rank_open(&x, &h, b);
	return h.used;
}

void bench_rank_main(struct symheap *h, const void *data, void *report)
{
	const struct bench *b = data;
	struct bench_point *out = report;
	struct bench_rank x;

	rank_open(&x, h, b);
	/* as BF16 about 0.75; sums of subnormal numbers would be slow */
	memset(x.from, 0x3f, (size_t)bytes_most(b));
	memset(x.to, 0x3f, (size_t)bytes_most(b));
	x.fetched = heap_zeroed(BENCH_TOP_K, (size_t)b->row_bytes);
	for (int32_t i = 0; i < b->n_points; i += group_size(b, i))
		group_run(&x, &b->point[i], group_size(b, i), &out[i]);
	h->ops->barrier(h);
	free(x.fetched);
}

/* ---- all ranks ---- */

/* The slowest rank's: least rate, longest time. */
static void point_join(struct bench_point *p, const struct bench_point *one)
{
	bool less = one->figure_units < p->figure_units;

	if (one->figure_units == 0) /* it waited */
		return;
	if (p->figure_units > 0 && less != kinds[p->kind].moves)
		return;
	p->cores = one->cores;
	p->figure_units = one->figure_units;
	p->best_units = one->best_units;
	p->of_memcpy_ratio = one->of_memcpy_ratio;
}

enum rc bench_run(struct bench *b, const struct symheap_backend *backend, struct err *e)
{
	struct bench_point *out = heap_zeroed((size_t)b->n_ranks * MOST_POINTS, sizeof *out);
	struct launch l = {.n_ranks = b->n_ranks,
	                   .heap_bytes = bench_heap_bytes(b),
	                   .job_bytes = sizeof *b,
	                   .report_bytes = MOST_POINTS * sizeof *out,
	                   .job = b,
	                   .rank_main = bench_rank_main,
	                   .device = b->device};
	enum rc rc = backend->launch(&l, out, e);

	for (int32_t i = 0; rc == RC_OK && i < b->n_points; i++) {
		b->point[i].figure_units = 0;
		for (int64_t rank = 0; rank < b->n_ranks; rank++)
			point_join(&b->point[i], &out[rank * MOST_POINTS + i]);
	}
	free(out);
	return rc;
}

const struct bench_point *bench_find(const struct bench *b, enum bench_kind kind, int64_t bytes,
                                     int64_t cores)
{
	for (int32_t i = 0; i < b->n_points; i++) {
		const struct bench_point *p = &b->point[i];

		if (p->kind == kind && p->bytes == bytes && p->cores == cores)
			return p;
	}
	return NULL;
}
