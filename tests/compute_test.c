/* Operators: their flop and bytes against answers worked out by hand, and the time of one alone. */
#include "models/base/rng.h"
#include "sim/compute.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <string.h>

static const struct schedule w8a8 = {.tp = 1, .weights = DTYPE_INT8, .kv = DTYPE_BF16};

static struct tokens tokens_of(double sequences, double query, double context, double tp)
{
	return (struct tokens){.sequences_count = sequences,
	                       .query_count = query,
	                       .context_count = context,
	                       .rank_count = query / tp};
}

static const struct op *op_by_label(const struct op *ops, size_t n, const char *label)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(ops[i].label, label) == 0)
			return ops + i;
	CU_FAIL_FATAL("no such operator");
	return NULL;
}

/* ---- attention ---- */

struct core_case {
	const char *model;
	double sequences, query, context;
	int64_t tp;
	double flop, bytes; /* of attention.core */
};

static const struct core_case cores[] = {
        /* MLA decode, weights absorbed: a pair costs 2 x 128 heads x (512 + 64 + 512) = 278528;
           each of 32 new tokens sees 4001; 576 BF16 elements of 32 x 4001 cached, 32 written */
        {"deepseek-v3.1", 32, 32, 4000, 1, 32 * 4001 * 278528.0, 32 * 4002 * 1152.0},
        /* two new tokens a sequence, 4001 and 4002 seen, over one reading of the cache */
        {"deepseek-v3.1", 32, 64, 4000, 1, 32 * 8003 * 278528.0, (32 * 4002 + 64) * 1152.0},
        /* TP splits the heads, not the compressed cache */
        {"deepseek-v3.1", 32, 32, 4000, 4, 32 * 4001 * 278528.0 / 4, 32 * 4002 * 1152.0},
        /* MLA prefill, expanded: a pair costs 2 x 128 x (128 + 64 + 128) = 81920; 4096 x 8192 pairs
           with the context and 4096 x 4097 / 2 within the chunk */
        {"deepseek-v3.1", 1, 4096, 8192, 1, (33554432 + 8390656) * 81920.0,
         (12288 + 4096) * 1152.0},
        /* sparse attention: 2048 tokens of each query's own are read, and no more */
        {"deepseek-v3.2", 8, 8, 10000, 1, 8 * 2048 * 278528.0, (8 * 2048 + 8) * 1152.0},
        {"deepseek-v3.2", 8, 8, 100, 1, 8 * 101 * 278528.0, (8 * 101 + 8) * 1152.0},
        /* in prefill, too: 1024 queries pick 2048 of 10000 to 11024 each, in the compressed space,
           and between them read all there are */
        {"deepseek-v3.2", 1, 1024, 10000, 1, 1024 * 2048 * 278528.0, (11024 + 1024) * 1152.0},
        /* GQA: 16 of 64 heads of 128 elements a rank, 1 of 4 key and value heads */
        {"qwen3-235b-a22b", 64, 64, 1000, 4, 64 * 1001 * 4 * 16 * 128.0,
         (64 * 1001 + 64) * 2 * 128 * 2.0},
        /* a key and value head cannot be split further */
        {"qwen3-235b-a22b", 64, 64, 1000, 8, 64 * 1001 * 4 * 8 * 128.0,
         (64 * 1001 + 64) * 2 * 128 * 2.0},
        /* sliding windows of 128 in half the layers: a mean of (1001 + 128) / 2 tokens seen */
        {"gpt-oss-120b", 10, 10, 1000, 1, 10 * 564.5 * 4 * 64 * 64,
         (10 * 564.5 + 10) * 2 * 8 * 64 * 2},
        /* prefill of 200 at once: 200 x 201 / 2 = 20100 pairs; in a window 128 x 129 / 2 while it
           grows, then 72 x 128: 17472 */
        {"gpt-oss-120b", 1, 200, 0, 1, (20100 + 17472) / 2.0 * 4 * 64 * 64,
         ((200 + 128) / 2.0 + 200) * 2 * 8 * 64 * 2},
        /* after 100: 200 x 100 + 20100 = 40100; 28 x 100 + 28 x 29 / 2 + 172 x 128 = 25222 */
        {"gpt-oss-120b", 1, 200, 100, 1, (40100 + 25222) / 2.0 * 4 * 64 * 64,
         ((300 + 128) / 2.0 + 200) * 2 * 8 * 64 * 2},
};

static void cores_of_attention(void)
{
	for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
		const struct core_case *x = &cores[i];
		struct config *c = config_of("cloudmatrix384", x->model);
		struct schedule s = w8a8;
		struct tokens t = tokens_of(x->sequences, x->query, x->context, (double)x->tp);
		struct op ops[MOST_OPS];
		const struct op *core;

		s.tp = x->tp;
		core = op_by_label(ops, ops_attention(&c->machine, &c->model, &s, &t, ops),
		                   "attention.core");
		NEARLY(core->flop, x->flop, 1e-15, "flop of case %zu", i);
		NEARLY(core->bytes, x->bytes, 1e-15, "bytes of case %zu", i);
		CU_ASSERT_EQUAL(core->launches_count, 1);
		s.kv = DTYPE_INT8; /* half the bytes, the same work */
		core = op_by_label(ops, ops_attention(&c->machine, &c->model, &s, &t, ops),
		                   "attention.core");
		NEARLY(core->flop, x->flop, 1e-15, "flop of case %zu", i);
		NEARLY(core->bytes, x->bytes / 2, 1e-15, "bytes of case %zu", i);
		config_free(c);
	}
}

/* Dense MLA prefill expands the 8192 cached tokens again: 2 x 8192 x 512 x 128 heads x (128 + 128)
 * on a rank, a quarter with TP 4; decode, sparse attention and a first chunk do not. */
static void cached_tokens_are_expanded(void)
{
	static const struct {
		const char *model;
		double sequences, query, context;
		int64_t tp;
		double flop; /* 0: no such operator */
	} cases[] = {
	        {"deepseek-v3.1", 1, 4096, 8192, 1, 2.0 * 8192 * 512 * 128 * 256},
	        {"deepseek-v3.1", 1, 4096, 8192, 4, 2.0 * 8192 * 512 * 32 * 256},
	        {"deepseek-v3.1", 1, 4096, 0, 1, 0},
	        {"deepseek-v3.1", 64, 64, 8192, 1, 0},
	        {"deepseek-v3.2", 1, 4096, 8192, 1, 0},
	        {"qwen3-235b-a22b", 1, 4096, 8192, 1, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config *c = config_of("cloudmatrix384", cases[i].model);
		struct schedule s = w8a8;
		struct tokens t = tokens_of(cases[i].sequences, cases[i].query, cases[i].context,
		                            (double)cases[i].tp);
		struct op ops[MOST_OPS];
		double flop = 0;
		size_t n;

		s.tp = cases[i].tp;
		t.expand_count = t.context_count * t.sequences_count;
		n = ops_attention(&c->machine, &c->model, &s, &t, ops);
		for (size_t k = 0; k < n; k++) {
			if (strcmp(ops[k].label, "attention.expand") == 0)
				flop += ops[k].flop;
		}
		NEARLY(flop, cases[i].flop, 1e-15, "case %zu", i);
		config_free(c);
	}
}

/* Pairs, counted one by one. */
static void pairs_are_counted_right(void)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	struct rng r;

	rng_init(&r, 1, 0);
	c->model.attention.window_layers = c->model.layers; /* all of them */
	for (int i = 0; i < 500; i++) {
		int64_t query = 1 + (int64_t)rng_below(&r, 40),
		        context = (int64_t)rng_below(&r, 60);
		int64_t window = 1 + (int64_t)rng_below(&r, 80), pairs = 0;
		struct tokens t = tokens_of(3, 3 * (double)query, (double)context, 1);
		struct op ops[MOST_OPS];

		c->model.attention.window = window;
		for (int64_t q = 1; q <= query; q++)
			pairs += context + q < window ? context + q : window;
		size_t n = ops_attention(&c->machine, &c->model, &w8a8, &t, ops);

		NEARLY(op_by_label(ops, n, "attention.core")->flop,
		       3 * (double)pairs * 4 * 32 * 128, 1e-14,
		       "context %lld, query %lld, window %lld", (long long)context,
		       (long long)query, (long long)window);
	}
	config_free(c);
}

static void projections_and_indexer(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.2");
	struct schedule s = w8a8;
	struct tokens t = tokens_of(8, 8, 10000, 2);
	struct op ops[MOST_OPS];
	const struct op *op;
	size_t n;
	/* V3.1: 7168 x 1536 + 1536 x 128 x 192 + 7168 x 576 + 512 x 128 x 256 + 128 x 128 x 7168;
	   the indexer: 1536 x 64 x 128 + 7168 x (128 + 64) */
	double params = 11010048 + 37748736 + 4128768 + 16777216 + 117440512 + 12582912 + 1376256;

	s.tp = 2;
	n = ops_attention(&c->machine, &c->model, &s, &t, ops);
	CU_ASSERT_EQUAL(n, 4);
	op = op_by_label(ops, n, "attention.projection");
	CU_ASSERT_EQUAL(op->flop, 2 * 8 * params / 2);
	/* INT8 weights; inputs of the eight GEMMs: hidden three times, the query's compressed
	   vector twice, 128, 512 and 64 heads of 128 */
	CU_ASSERT_EQUAL(op->bytes, params / 2 + 8 * (3 * 7168 + 2 * 1536 + 128 + 512 + 64 * 128.0));
	CU_ASSERT_EQUAL(op->launches_count, 8);
	op = op_by_label(ops, n, "attention.norm"); /* of the rank's own 4 tokens: read, write */
	CU_ASSERT_EQUAL(op->bytes, 2 * 4 * 7168 * 2);
	CU_ASSERT_EQUAL(op->flop, 0);
	/* 64 heads of 128, split; one key vector a token, not split */
	op = op_by_label(ops, n, "attention.indexer");
	CU_ASSERT_EQUAL(op->flop, 8 * 10001 * 2 * 64 * 128.0 / 2);
	CU_ASSERT_EQUAL(op->bytes, (8 * 10001 + 8) * 128 * 2.0);
	config_free(c);
}

/* ---- the other blocks ---- */

struct want {
	double flop, bytes, launches;
};

static void ops_are(const struct op *ops, size_t n, const struct want *want, size_t n_want)
{
	CU_ASSERT_EQUAL(n, n_want);
	for (size_t i = 0; i < n && n == n_want; i++) {
		NEARLY(ops[i].flop, want[i].flop, 1e-15, "flop of %s %zu", ops[i].label, i);
		NEARLY(ops[i].bytes, want[i].bytes, 1e-15, "bytes of %s %zu", ops[i].label, i);
		CU_ASSERT_EQUAL(ops[i].launches_count, want[i].launches);
	}
}

static void blocks_of_deepseek(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct tokens t = tokens_of(100, 100, 0, 1);
	struct op ops[MOST_OPS];
	const double h = 7168;
	/* 1000 rows over 4 active experts: gate and up, activation (reads 2, writes 1), down; a
	   GEMM reads weights and rows in their type, and its results stay near */
	const struct want experts[] = {{2 * 1000 * 2 * h * 2048, 4 * 2 * h * 2048 + 1000 * h, 1},
	                               {0, 1000 * 3 * 2048 * 2, 1},
	                               {2 * 1000 * h * 2048, 4 * h * 2048 + 1000 * 2048, 1}};
	const struct want dense[] = {{0, 2 * 100 * h * 2, 1},
	                             {2 * 100 * 2 * h * 18432, 2 * h * 18432 + 100 * h, 1},
	                             {0, 100 * 3 * 18432 * 2, 1},
	                             {2 * 100 * h * 18432, h * 18432 + 100 * 18432, 1}};
	/* the router is BF16, two operators with the top-k; the shared expert as one of the routed
	 */
	const struct want gate[] = {{0, 2 * 100 * h * 2, 1},
	                            {2 * 100 * h * 256, (h * 256 + 100 * h) * 2, 2},
	                            {2 * 100 * 2 * h * 2048, 2 * h * 2048 + 100 * h, 1},
	                            {0, 100 * 3 * 2048 * 2, 1},
	                            {2 * 100 * h * 2048, h * 2048 + 100 * 2048, 1}};
	/* embedding and norm of own tokens; a 16th of the vocabulary for the tokens of 16 ranks */
	const struct want head[] = {{0, 2 * 2 * 100 * h * 2, 2},
	                            {2 * 1600 * h * 8080, (h * 8080 + 1600 * h) * 2, 2}};

	ops_are(ops, ops_experts(&c->machine, &c->model, &w8a8, 1000, 4, ops), experts, 3);
	ops_are(ops, ops_dense(&c->machine, &c->model, &w8a8, &t, ops), dense, 4);
	ops_are(ops, ops_gate(&c->machine, &c->model, &w8a8, &t, ops), gate, 5);
	ops_are(ops, ops_head(&c->machine, &c->model, &w8a8, 100, 16, ops), head, 2);
	config_free(c);
}

static void no_shared_expert_no_operators(void)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	struct tokens t = tokens_of(100, 100, 0, 1);
	struct op ops[MOST_OPS];

	CU_ASSERT_EQUAL(ops_gate(&c->machine, &c->model, &w8a8, &t, ops), 2);
	CU_ASSERT_EQUAL(ops_attention(&c->machine, &c->model, &w8a8, &t, ops), 3);
	config_free(c);
}

static void an_attention_group_exchanges_parts(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct schedule s = w8a8;
	struct tokens t = tokens_of(64, 64, 0, 4);

	s.tp = 4; /* three quarters of 64 BF16 rows leave a rank */
	CU_ASSERT_EQUAL(tp_exchange_bytes(&c->model, &s, &t), 48 * 7168 * 2);
	s.tp = 1;
	CU_ASSERT_EQUAL(tp_exchange_bytes(&c->model, &s, &t), 0);
	config_free(c);
}

static void active_experts_are_those_with_rows(void)
{
	/* 2 ranks with 3 experts each; to the second rank's come 0, 2 and 1 rows */
	uint32_t count[] = {1, 1, 1, 0, 2, 0, 0, 0, 4, 0, 0, 1};
	struct routing r = {.n_ranks = 2, .experts = 6, .rows_per_rank_count = 5, .count = count};
	struct routing even = {
	        .n_ranks = 4, .experts = 32, .rows_per_rank_count = 5, .balanced = true};

	CU_ASSERT_EQUAL(active_experts_count(&r, 0), 3);
	CU_ASSERT_EQUAL(active_experts_count(&r, 1), 2);
	CU_ASSERT_EQUAL(active_experts_count(&even, 3), 5); /* no more than rows */
	even.rows_per_rank_count = 9;
	CU_ASSERT_EQUAL(active_experts_count(&even, 3), 8); /* nor than there are */
}

/* ---- time of an operator ---- */

static double time_alone(const struct machine *m, const struct op *op, const struct engine *engine)
{
	struct graph *g = graph_new();
	struct topology t;
	double time_s;

	topology_init(&t, m, 1, 0, true, g);
	graph_append(g, &(struct activity){.label = "attention.start"});
	op_append(g, &t, op, 0, 0);
	time_s = makespan_s(engine, g);
	graph_free(g);
	return time_s;
}

static void an_operator_alone_takes_what_it_says(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	const struct {
		double cube_s, hbm_s, wait_s;
	} cases[] = {{1e-3, 1e-4, 0}, {1e-4, 1e-3, 1e-5}, {0, 1e-3, 2e-5},
	             {1e-3, 0, 1e-6}, {0, 0, 4e-5},       {1e-3, 1e-3, 0}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct op op = {.label = "attention.core",
		                .cube_s = cases[i].cube_s,
		                .hbm_s = cases[i].hbm_s,
		                .wait_s = cases[i].wait_s};
		double want_s = op.wait_s + fmax(op.cube_s, op.hbm_s);

		CU_ASSERT_EQUAL(op_alone_s(&op), want_s);
		NEARLY(time_alone(&c->machine, &op, &engine_fluid), want_s, 1e-14, "case %zu", i);
		NEARLY(time_alone(&c->machine, &op, &engine_estimate), want_s, 1e-14, "case %zu",
		       i);
	}
	config_free(c);
}

/* Joined or one by one, whatever each waits for: the same time, flop, bytes and busy cube. */
static void joined_operators_take_as_long(void)
{
	struct rng r;

	rng_init(&r, 3, 0);
	for (int i = 0; i < 200; i++) {
		struct op joined = {.label = "a"}, next = {.label = "a"};
		double sum_s = 0, cube_s = 0, hbm_s = 0;

		for (int k = 0; k < 5; k++) {
			next.cube_s = rng_uniform_ratio(&r), next.hbm_s = rng_uniform_ratio(&r);
			next.wait_s = rng_uniform_ratio(&r), next.flop = 1, next.bytes = 2;
			sum_s += op_alone_s(&next);
			cube_s += next.cube_s, hbm_s += next.hbm_s;
			op_join(&joined, &next);
		}
		NEARLY(op_alone_s(&joined), sum_s, 1e-14, "case %d", i);
		NEARLY(joined.cube_s, cube_s, 1e-14, "cube of case %d", i);
		NEARLY(joined.hbm_s, hbm_s, 1e-14, "HBM of case %d", i);
		CU_ASSERT_EQUAL(joined.flop, 5);
		CU_ASSERT_EQUAL(joined.bytes, 10);
		CU_ASSERT(joined.wait_s >= 0);
	}
}

/* One after the other: times add up. */
static void operators_follow_each_other(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct tokens t = tokens_of(100, 100, 2000, 1);
	struct op ops[MOST_OPS];
	size_t n = ops_attention(&c->machine, &c->model, &w8a8, &t, ops);
	struct graph *g = graph_new();
	struct topology topology;
	double sum_s = 0;

	topology_init(&topology, &c->machine, 1, 0, true, g);
	graph_append(g, &(struct activity){.label = "attention.start"});
	ops_append(g, &topology, ops, n, 0, 0);
	for (size_t i = 0; i < n; i++)
		sum_s += time_alone(&c->machine, ops + i, &engine_fluid);
	NEARLY(makespan_s(&engine_fluid, g), sum_s, 1e-14, "sum");
	graph_free(g);
	config_free(c);
}

static const struct unit_test tests[] = {
        {"cached tokens are expanded", cached_tokens_are_expanded},
        {"cores of attention", cores_of_attention},
        {"pairs are counted right", pairs_are_counted_right},
        {"projections and indexer", projections_and_indexer},
        {"blocks of DeepSeek", blocks_of_deepseek},
        {"no shared expert, no operators", no_shared_expert_no_operators},
        {"an attention group exchanges parts", an_attention_group_exchanges_parts},
        {"active experts are those with rows", active_experts_are_those_with_rows},
        {"an operator alone takes what it says", an_operator_alone_takes_what_it_says},
        {"joined operators take as long", joined_operators_take_as_long},
        {"operators follow each other", operators_follow_each_other},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("compute", tests);
}
