#include "hw/trial.h"
#include <stdlib.h>
#include <string.h>

static const struct kernels *kernels_of(const struct trial *t)
{
	return kernels_table[t->kernels];
}

enum rc trial_check(const struct trial *t, struct err *e)
{
	enum { MOST_TOKENS = 8192, MOST_HIDDEN = 1 << 16, MOST_EXPERTS = 4096, MOST_TOP_K = 64 };
	const struct shape *s = &t->shape;

	if (s->n_ranks < 1 || s->n_ranks > MOST_RANKS)
		return fail(e, RC_CONFIG, "ranks: 1 to %d, not %lld", MOST_RANKS,
		            (long long)s->n_ranks);
	if (s->experts < 1 || s->experts > MOST_EXPERTS || s->experts % s->n_ranks != 0)
		return fail(e, RC_CONFIG, "experts: %lld is no multiple of %lld ranks up to %d",
		            (long long)s->experts, (long long)s->n_ranks, MOST_EXPERTS);
	if (s->top_k < 1 || s->top_k > s->experts || s->top_k > MOST_TOP_K)
		return fail(e, RC_CONFIG, "top-k: 1 to %d and at most the %lld experts, not %lld",
		            MOST_TOP_K, (long long)s->experts, (long long)s->top_k);
	if (s->hidden < 1 || s->hidden > MOST_HIDDEN)
		return fail(e, RC_CONFIG, "hidden: 1 to %d, not %lld", MOST_HIDDEN,
		            (long long)s->hidden);
	if (s->tokens < 0 || s->tokens > MOST_TOKENS)
		return fail(e, RC_CONFIG, "tokens: 0 to %d, not %lld", MOST_TOKENS,
		            (long long)s->tokens);
	if (s->dispatch != DTYPE_BF16 && s->dispatch != DTYPE_INT8)
		return fail(e, RC_CONFIG, "dispatch: bf16 or int8, not %s",
		            dtype_names[s->dispatch]);
	if (t->repeats > MOST_REPEATS)
		return fail(e, RC_CONFIG, "repeats: at most %d", MOST_REPEATS);
	return RC_OK;
}

size_t trial_heap_bytes(const struct trial *t)
{
	return moe_heap_bytes(&t->shape, t->checked > 0 ? t->checked : 1, kernels_of(t));
}

/* ---- one rank ---- */

/* No barrier between layers: whatever a flow forgets to wait for has its chance. */
static void layers_check(struct moe_rank *x, const struct trial *t, struct verdict *v)
{
	for (int32_t layer = 0; layer < t->checked; layer++) {
		moe_load(x, t->shape.seed + (uint64_t)layer);
		moe_run(x, kernels_of(t), OP_DISPATCH);
		reference_window(x, v);
		moe_experts(x);
		moe_run(x, kernels_of(t), OP_COMBINE);
		reference_output(x, v);
	}
}

static void timed(struct moe_rank *x, const struct trial *t, enum exchange_op op, int32_t repeat,
                  struct trial_report *report)
{
	double begin_s, work_s;

	x->heap->ops->barrier(x->heap);
	begin_s = sym_time_s(), work_s = sym_work_s(x->heap);
	moe_run(x, kernels_of(t), op);
	if (repeat < 0)
		return;
	report->begin_s[repeat][op] = begin_s;
	memcpy(report->end_s[repeat][op], x->step_s, sizeof x->step_s);
	for (int step = 0; step < x->n_steps; step++) {
		report->work_s[repeat][op][step] = x->work_s[step] - work_s;
		work_s = x->work_s[step];
	}
}

void trial_rank_main(struct symheap *h, const void *data, void *out)
{
	const struct trial *t = data;
	struct trial_report *report = out;
	struct moe_rank x;

	moe_init(&x, h, &t->shape, t->checked > 0 ? t->checked : 1, kernels_of(t));
	layers_check(&x, t, &report->verdict);
	moe_load(&x, t->shape.seed);
	for (int32_t repeat = -t->warmups; repeat < t->repeats; repeat++) {
		timed(&x, t, OP_DISPATCH, repeat, report);
		moe_experts(&x);
		timed(&x, t, OP_COMBINE, repeat, report);
		moe_next(&x);
	}
	h->ops->barrier(h);
	moe_fini(&x);
}

enum rc trial_run(const struct trial *t, const struct symheap_backend *backend,
                  struct trial_report *reports, char *device, struct err *e)
{
	struct launch l = {.n_ranks = t->shape.n_ranks,
	                   .job_bytes = sizeof *t,
	                   .report_bytes = sizeof *reports,
	                   .job = t,
	                   .rank_main = trial_rank_main,
	                   .device = device};

	TRY(trial_check(t, e));
	l.heap_bytes = trial_heap_bytes(t);
	return backend->launch(&l, reports, e);
}

/* ---- all ranks ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Time from the end of step `from` (-1: the begin) to that of step `to`. */
static double wall_s(const struct trial_report *r, int32_t repeat, int op, int from, int to)
{
	double begin_s = from < 0 ? r->begin_s[repeat][op] : r->end_s[repeat][op][from];

	return r->end_s[repeat][op][to] - begin_s;
}

static double work_s(const struct trial_report *r, int32_t repeat, int op, int from, int to)
{
	(void)from;
	return r->work_s[repeat][op][to];
}

/* The slowest rank's figure of each repeat; the median of these, and the least. */
static double
slowest_median_s(const struct trial *t, const struct trial_report *r, int op, int from, int to,
                 double (*figure)(const struct trial_report *, int32_t, int, int, int),
                 double *least_s)
{
	double value[MOST_REPEATS];

	*least_s = 0;
	for (int32_t i = 0; i < t->repeats; i++) {
		value[i] = 0;
		for (int64_t rank = 0; rank < t->shape.n_ranks; rank++) {
			double one_s = figure(&r[rank], i, op, from, to);

			value[i] = one_s > value[i] ? one_s : value[i];
		}
	}
	if (t->repeats == 0)
		return 0;
	qsort(value, (size_t)t->repeats, sizeof *value, by_value);
	*least_s = value[0];
	return t->repeats % 2 ? value[t->repeats / 2]
	                      : (value[t->repeats / 2 - 1] + value[t->repeats / 2]) / 2;
}

void trial_sum(const struct trial *t, const struct trial_report *reports, struct trial_result *out)
{
	*out = (struct trial_result){0};
	for (int64_t rank = 0; rank < t->shape.n_ranks; rank++)
		verdict_add(&out->verdict, &reports[rank].verdict);
	for (int op = 0; op < OPS; op++) {
		double least_s;
		int n = 0;

		out->labels[op] = kernels_of(t)->labels[t->shape.phase][op];
		for (; out->labels[op][n]; n++) {
			out->step_s[op][n] =
			        slowest_median_s(t, reports, op, n - 1, n, wall_s, &least_s);
			out->step_work_s[op][n] =
			        slowest_median_s(t, reports, op, n - 1, n, work_s, &least_s);
			out->work_s[op] += out->step_work_s[op][n];
		}
		out->n_steps[op] = n;
		out->median_s[op] =
		        slowest_median_s(t, reports, op, -1, n - 1, wall_s, &out->least_s[op]);
	}
}
