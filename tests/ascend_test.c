/* The Ascend kernels on their twin: equal to the plain exchange to the bit. Built a second time
 * with ThreadSanitizer. */
#include <stdlib.h>
#include <string.h>
#include "hw/ascend_twin_run.h"
#include "hw/reference.h"
#include "models/base/arena.h"
#include "models/base/rng.h"
#include "tests/unit.h"

struct twin_case {
	struct shape shape;
	struct symheap heap[MOST_RANKS]; /* hold counts and scales, as the host's flows lay them */
	struct moe_rank rank[MOST_RANKS];
	struct verdict verdict[MOST_RANKS];
};

/* A rank's own memory is the twin's; what the twin lays otherwise is copied. */
static struct moe_rank view(struct twin_case *c, int32_t pe, const struct twin_view *v)
{
	struct moe_rank m = c->rank[pe];

	m.window = v->window, m.result = v->result, m.output = v->output;
	return m;
}

static void before(void *data, int32_t pe, int32_t layer, struct twin_view *v)
{
	struct twin_case *c = data;
	struct moe_rank *m = &c->rank[pe];
	size_t rows;

	moe_load(m, c->shape.seed + (uint64_t)layer);
	rows = (size_t)m->rows;
	*v->tokens = (int32_t)m->tokens;
	memcpy(v->input, m->input, (size_t)m->tokens * m->bf16_bytes);
	memcpy(v->expert, m->expert, rows * sizeof *v->expert);
	memcpy(v->weight, m->weight_ratio, rows * sizeof *v->weight);
}

static void dispatched(void *data, int32_t pe, int32_t layer, struct twin_view *v)
{
	struct twin_case *c = data;
	struct moe_rank m = view(c, pe, v);
	int64_t experts = c->shape.experts;

	(void)layer;
	for (int64_t source = 0; source < c->shape.n_ranks; source++)
		memcpy(moe_counts(&m) + source * experts, v->counts + source * v->stride,
		       (size_t)experts * sizeof *v->counts);
	for (int64_t i = 0; i < m.window_rows; i++)
		m.window_scale[i] = v->window_scale[8 * i];
	reference_window(&m, &c->verdict[pe]);
	moe_experts(&m);
}

static void combined(void *data, int32_t pe, int32_t layer, struct twin_view *v)
{
	struct twin_case *c = data;
	struct moe_rank m = view(c, pe, v);

	(void)layer;
	reference_output(&m, &c->verdict[pe]);
}

static struct verdict run(const struct shape *s, int32_t flow, int32_t cores, int32_t layers)
{
	struct twin_case *c = heap_zeroed(1, sizeof *c);
	size_t bytes = moe_heap_bytes(s, layers, &kernels_direct);
	struct verdict all = {0};
	struct twin_run r = {.flow = flow,
	                     .decode = s->phase == PHASE_DECODE,
	                     .int8 = s->dispatch == DTYPE_INT8,
	                     .n_ranks = (int32_t)s->n_ranks,
	                     .cores = cores,
	                     .experts = (int32_t)s->experts,
	                     .top_k = (int32_t)s->top_k,
	                     .hidden = (int32_t)s->hidden,
	                     .tokens = (int32_t)s->tokens,
	                     .layers = layers,
	                     .row_bytes = (int64_t)shape_row_bytes(s),
	                     .bf16_bytes = (int64_t)shape_bf16_bytes(s),
	                     .data = c,
	                     .before = before,
	                     .dispatched = dispatched,
	                     .combined = combined};

	c->shape = *s;
	for (int64_t pe = 0; pe < s->n_ranks; pe++) {
		c->heap[pe] = (struct symheap){.rank = pe,
		                               .n_ranks = s->n_ranks,
		                               .base = heap_zeroed(1, bytes + 1),
		                               .bytes = bytes};
		moe_init(&c->rank[pe], &c->heap[pe], s, layers, &kernels_direct);
	}
	r.window_rows = c->rank[0].window_rows;
	twin_exchange(&r);
	for (int64_t pe = 0; pe < s->n_ranks; pe++) {
		verdict_add(&all, &c->verdict[pe]);
		moe_fini(&c->rank[pe]);
		free(c->heap[pe].base);
	}
	free(c);
	return all;
}

/* All flows and phases: right, and equal among each other. */
static void run_all(struct shape s, int32_t cores, int32_t layers)
{
	uint64_t digest = 0;

	for (s.phase = 0; s.phase < PHASES; s.phase++) {
		for (int32_t flow = TWIN_RELAY3; flow <= TWIN_DIRECT; flow++) {
			struct verdict v = run(&s, flow, cores, layers);

			CU_ASSERT(verdict_good(&v));
			CU_ASSERT(digest == 0 || v.digest == digest);
			digest = v.digest;
		}
	}
}

static void test_plain(void)
{
	struct shape s = {.n_ranks = 4, .experts = 16, .top_k = 4, .hidden = 256, .tokens = 10};

	for (s.dispatch = DTYPE_BF16; s.dispatch <= DTYPE_INT8; s.dispatch++)
		run_all(s, 2, 4);
}

static void test_loads(void)
{
	struct shape s = {.n_ranks = 3, .experts = 12, .top_k = 3, .hidden = 96, .tokens = 7};

	for (s.load = 0; s.load < LOAD_KINDS; s.load++)
		run_all(s, 3, 3);
}

static void test_ranks(void)
{
	struct shape s = {.top_k = 2, .hidden = 64, .tokens = 3};

	for (s.n_ranks = 1; s.n_ranks <= 8; s.n_ranks++) {
		s.experts = 2 * s.n_ranks;
		run_all(s, 1 + (int32_t)s.n_ranks % 3, 2);
	}
}

static void test_random(void)
{
	struct rng r;

	rng_init(&r, 7, 0);
	for (int i = 0; i < 40; i++) {
		struct shape s = {.n_ranks = 1 + (int64_t)rng_below(&r, 5)};

		s.experts = s.n_ranks * (1 + (int64_t)rng_below(&r, 4));
		s.top_k = 1 + (int64_t)rng_below(&r, (uint64_t)(s.experts < 6 ? s.experts : 6));
		s.hidden = 1 + (int64_t)rng_below(&r, 100);
		s.tokens = (int64_t)rng_below(&r, 12);
		s.dispatch = rng_below(&r, 2) ? DTYPE_INT8 : DTYPE_BF16;
		s.load = (enum load_kind)rng_below(&r, LOAD_KINDS);
		s.seed = rng_u32(&r);
		run_all(s, 1 + (int32_t)rng_below(&r, 4), 3);
	}
}

/* A row of a real model's width fits the unified buffer. */
static void test_wide(void)
{
	struct shape s = {.n_ranks = 2, .experts = 256, .top_k = 8, .hidden = 7168, .tokens = 3};

	for (s.dispatch = DTYPE_BF16; s.dispatch <= DTYPE_INT8; s.dispatch++)
		run_all(s, 2, 2);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"plain", test_plain},   {"loads", test_loads}, {"ranks", test_ranks},
	        {"random", test_random}, {"wide", test_wide},   {NULL, NULL},
	};

	return unit_main("ascend", tests);
}
