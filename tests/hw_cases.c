#include "tests/hw_cases.h"
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include "models/base/arena.h"
#include "models/base/rng.h"

enum { LAYERS = 3, HEAP_BYTES = 64 << 20 };

static struct shape random_shape(struct rng *r, int64_t n_ranks)
{
	struct shape s = {.n_ranks = n_ranks};
	int64_t local = 1 + (int64_t)rng_below(r, 4);

	s.phase = (enum phase)rng_below(r, PHASES);
	s.dispatch = rng_below(r, 2) ? DTYPE_INT8 : DTYPE_BF16;
	s.load = (enum load_kind)rng_below(r, LOAD_KINDS);
	s.experts = n_ranks * local;
	s.top_k = 1 + (int64_t)rng_below(r, (uint64_t)(s.experts < 8 ? s.experts : 8));
	s.hidden = 1 + (int64_t)rng_below(r, 80);
	s.tokens = (int64_t)rng_below(r, 7);
	s.seed = rng_u32(r);
	return s;
}

static void case_run(struct symheap *h, const struct shape *s, const struct kernels *k,
                     struct verdict *v)
{
	struct moe_rank x;

	h->used = 0;
	moe_init(&x, h, s, LAYERS, k);
	/* flags of the case before lie here, in other places */
	for (size_t i = 0; i < h->used; i++)
		h->base[i] = 0;
	h->ops->barrier(h);
	for (uint64_t layer = 0; layer < LAYERS; layer++) {
		moe_load(&x, s->seed + layer);
		moe_run(&x, k, OP_DISPATCH);
		reference_window(&x, v);
		moe_experts(&x);
		moe_run(&x, k, OP_COMBINE);
		reference_output(&x, v);
	}
	h->ops->barrier(h);
	moe_fini(&x);
}

static void rank_main(struct symheap *h, const void *job, void *report)
{
	const struct hw_cases *c = job;
	struct rng r;

	rng_init(&r, c->seed, (uint64_t)c->n_ranks);
	for (int64_t i = 0; i < c->cases; i++) {
		struct shape s = random_shape(&r, c->n_ranks);

		case_run(h, &s, kernels_table[c->kernels], report);
	}
}

struct verdict hw_cases_run(const struct hw_cases *c, const struct symheap_backend *backend)
{
	struct verdict *each = heap_zeroed((size_t)c->n_ranks, sizeof *each), all = {0};
	struct launch l = {.n_ranks = c->n_ranks,
	                   .heap_bytes = HEAP_BYTES,
	                   .job_bytes = sizeof *c,
	                   .report_bytes = sizeof *each,
	                   .job = c,
	                   .rank_main = rank_main};
	struct err e = {0};

	CU_ASSERT_EQUAL(backend->launch(&l, each, &e), RC_OK);
	for (int64_t rank = 0; rank < c->n_ranks; rank++)
		verdict_add(&all, &each[rank]);
	free(each);
	return all;
}

static bool trial_do(const struct trial *t, const struct symheap_backend *backend,
                     struct trial_result *out)
{
	struct trial_report *reports = heap_zeroed((size_t)t->shape.n_ranks, sizeof *reports);
	struct err e = {0};
	enum rc rc = trial_run(t, backend, reports, NULL, &e);

	if (rc == RC_OK)
		trial_sum(t, reports, out);
	else
		printf("%s\n", e.text);
	free(reports);
	return rc == RC_OK;
}

bool hw_trials_equal(struct trial t, const struct symheap_backend *backend)
{
	struct trial_result first = {0}, r = {0};
	bool begun = false, equal = true;

	for (t.shape.phase = 0; t.shape.phase < PHASES; t.shape.phase++) {
		for (t.kernels = 0; kernels_table[t.kernels]; t.kernels++) {
			equal = trial_do(&t, backend, &r) && verdict_good(&r.verdict) && equal;
			if (!begun)
				first = r;
			begun = true;
			equal = equal && r.verdict.digest == first.verdict.digest &&
			        r.verdict.window_rows == first.verdict.window_rows;
		}
	}
	return equal;
}
