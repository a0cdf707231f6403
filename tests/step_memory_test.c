/* Memory of a rank: weights add up to the model, parts to the total, and the largest batch that
 * fits does, while one more does not. */
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"
#include <math.h>
#include <string.h>

static void init(struct scene *s, const char *machine, const char *model, double batch)
{
	scene_init(s, machine, model, 64);
	s->q.flow = &flow_direct, s->q.engine = &engine_estimate;
	scene_decode(s, batch, 4000);
}

static struct memory memory_of(const struct scene *s, double context)
{
	struct memory m = {0};
	struct err e = {0};

	step_memory(&s->q, context, &m, &e);
	UNIT_TEXT(e.text, "");
	return m;
}

static struct memory memory_at(struct scene *s, double batch, double context)
{
	s->q.sequences_count = s->q.query_count = batch;
	return memory_of(s, context);
}

/* ---- weights ---- */

/* DeepSeek-V3.1 in INT8. Held once by all ranks together: 59 x 256 experts of 3 x 7168 x 2048. Held
 * by each rank (TP 1): attention (187,105,280) in 62 layers, the dense MLP (396,361,728) in 3, the
 * shared expert (44,040,192) in 59; and in BF16 the router (7168 x 256) in 59 and 1/16 of both
 * vocabulary tables (2 x 7168 x 129280). */
static void weights_of_deepseek(void)
{
	const double experts = 59 * 256 * 44040192.0, attention = 62 * 187105280.0;
	const double dense = 3 * 396361728.0, shared = 59 * 44040192.0;
	const double bf16 = 2 * (59 * 7168 * 256.0 + 2 * 7168 * 129280.0 / 16);
	static const int64_t sizes[] = {16, 32, 64, 128, 256};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		double ep = (double)sizes[i], each, all;
		struct scene s;

		init(&s, "cloudmatrix384", "deepseek-v3.1", 64);
		s.schedule.ep = sizes[i];
		each = weights_rank_bytes(&s.q), all = ep * each;
		NEARLY(each, experts / ep + attention + dense + shared + bf16, 1e-15, "EP %g", ep);
		/* together: the model, once, and what is held more than once */
		NEARLY(all,
		       model_params_count(&s.config->model) +
		               (ep - 1) * (attention + dense + shared) + ep * bf16 -
		               59 * 7168 * 256.0 - 2 * 7168 * 129280.0,
		       1e-15, "EP %g", ep);
		NEARLY(memory_of(&s, 4000).weights_bytes, each, 0, "EP %g", ep);
		s.schedule.tp = 4; /* splits attention */
		NEARLY(weights_rank_bytes(&s.q), each - attention * 3 / 4, 1e-15, "EP %g", ep);
		s.schedule.tp = 1, s.schedule.weights = DTYPE_BF16;
		NEARLY(weights_rank_bytes(&s.q), 2 * (each - bf16) + bf16, 1e-15, "EP %g", ep);
		scene_fini(&s);
	}
	/* 671e9 parameters without the MTP layer (arXiv:2412.19437), whose shape is that of a MoE
	   layer */
	NEARLY((experts + shared) * 58 / 59 + attention * 61 / 62 + dense +
	               7168 * (58 * 256.0 + 2 * 129280),
	       671e9, 0.001, "all");
}

/* ---- KV cache ---- */

static void cache_of_a_request(void)
{
	static const struct {
		const char *model;
		int64_t tp;
		enum dtype kv;
		double context, bytes; /* per rank */
	} cases[] = {
	        /* MLA: 576 elements a token and layer, on every rank of the group */
	        {"deepseek-v3.1", 1, DTYPE_BF16, 4096, 61 * 4096 * 576 * 2.0},
	        {"deepseek-v3.1", 4, DTYPE_BF16, 4096, 61 * 4096 * 576 * 2.0},
	        {"deepseek-v3.1", 1, DTYPE_INT8, 4096, 61 * 4096 * 576.0},
	        /* and 128 for the indexer */
	        {"deepseek-v3.2", 1, DTYPE_BF16, 4096, 61 * 4096 * 704 * 2.0},
	        /* GQA: 4 heads of 128, keys and values; TP beyond 4 splits no more */
	        {"qwen3-235b-a22b", 1, DTYPE_BF16, 1000, 94 * 1000 * 1024 * 2.0},
	        {"qwen3-235b-a22b", 2, DTYPE_BF16, 1000, 94 * 1000 * 512 * 2.0},
	        {"qwen3-235b-a22b", 4, DTYPE_BF16, 1000, 94 * 1000 * 256 * 2.0},
	        {"qwen3-235b-a22b", 8, DTYPE_BF16, 1000, 94 * 1000 * 256 * 2.0},
	        /* windows keep 128 tokens in 18 of 36 layers; 8 heads of 64 */
	        {"gpt-oss-120b", 1, DTYPE_BF16, 1000, 18 * (1000 + 128) * 1024 * 2.0},
	        {"gpt-oss-120b", 1, DTYPE_BF16, 100, 36 * 100 * 1024 * 2.0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene s;
		struct memory m;

		init(&s, "cloudmatrix384", cases[i].model, 24);
		s.schedule.tp = cases[i].tp, s.schedule.kv = (int)cases[i].kv;
		m = memory_of(&s, cases[i].context);
		CU_ASSERT_EQUAL(m.kv_request_bytes, cases[i].bytes);
		CU_ASSERT_EQUAL(m.kv_bytes, 24 * cases[i].bytes);
		scene_fini(&s);
	}
}

/* ---- activations ---- */

/* Of 32 tokens a rank (128 in a group of 4), BF16: 4 hidden rows and the three of the widest MLP;
 * and for 8 experts a token the three rows of theirs. */
static void activations_of_deepseek(void)
{
	struct scene s;

	init(&s, "cloudmatrix384", "deepseek-v3.1", 128);
	s.schedule.tp = 4;
	CU_ASSERT_EQUAL(memory_of(&s, 4000).work_bytes,
	                2 * 32 * (4 * 7168 + 3 * 18432 + 8 * 3 * 2048));
	scene_fini(&s);
}

/* ---- sums and laws ---- */

static const char *const models[] = {"deepseek-v3.1", "qwen3-30b-a3b", "gpt-oss-120b"};

static void each_scene(void (*visit)(struct scene *s))
{
	for (size_t i = 0; i < 3 * flows_count() * 2 * 2 * 2; i++) {
		size_t k = i / 3 / flows_count();
		struct scene s;

		init(&s, k / 4 ? "atlas-a2" : "cloudmatrix384", models[i % 3], 64);
		s.q.flow = flows[i / 3 % flows_count()];
		s.schedule.tp = k % 2 ? 4 : 1;
		s.schedule.micro_batches = k / 2 % 2 ? 2 : 1;
		visit(&s);
		scene_fini(&s);
	}
}

static void parts_sum(struct scene *s)
{
	struct memory m = memory_of(s, 4000);
	struct buffer b[MOST_BUFFERS];
	struct err e;
	size_t n;

	NEARLY(m.total_bytes, m.weights_bytes + m.buffers_bytes + m.work_bytes + m.kv_bytes, 1e-15,
	       "%s", s->q.flow->name);
	CU_ASSERT_EQUAL(step_buffers(&s->q, b, &n, &e), RC_OK);
	CU_ASSERT_EQUAL(m.buffers_bytes, buffers_peak_bytes(b, n));
	CU_ASSERT_EQUAL(m.usable_bytes,
	                s->q.machine->hbm.capacity_bytes * s->q.machine->hbm.usable_ratio);
}

static void parts_sum_to_the_total(void)
{
	each_scene(parts_sum);
}

static void rises(struct scene *s)
{
	static const double batches[] = {8, 9, 64, 65, 500, 501, 5000};
	double before = 0;

	for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
		struct memory m = memory_at(s, batches[i], 4000);

		CU_ASSERT(m.total_bytes > before);
		CU_ASSERT(memory_at(s, batches[i], 4001).total_bytes > m.total_bytes);
		before = m.total_bytes;
	}
}

static void memory_grows_with_batch_and_context(void)
{
	each_scene(rises);
}

static void largest_batch_is_largest(struct scene *s)
{
	static const double contexts[] = {100, 4000, 60000};

	for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
		struct memory m = memory_at(s, 64, contexts[i]), at;
		double most = (double)m.batch_most;

		/* it does not depend on the batch that was asked for */
		CU_ASSERT_EQUAL(memory_at(s, 8, contexts[i]).batch_most, m.batch_most);
		CU_ASSERT(most < (1 << 20) - 1);
		at = memory_at(s, most + 1, contexts[i]);
		CU_ASSERT(at.total_bytes > at.usable_bytes);
		if (most < 1)
			continue;
		at = memory_at(s, most, contexts[i]);
		CU_ASSERT(at.total_bytes <= at.usable_bytes);
	}
}

static void one_more_than_the_largest_batch_does_not_fit(void)
{
	each_scene(largest_batch_is_largest);
}

/* A model that leaves no room for a single request. */
static void no_batch_may_fit(void)
{
	struct scene s;
	struct memory m;

	init(&s, "cloudmatrix384", "deepseek-v3.1", 64);
	s.schedule.ep = 8;
	m = memory_of(&s, 4000);
	CU_ASSERT(m.weights_bytes > m.usable_bytes);
	CU_ASSERT_EQUAL(m.batch_most, 0);
	scene_fini(&s);
}

/* Prefill holds one prompt, and buffers for the rows that the routing gives; decode's are for the
 * worst that might come, whatever the routing. */
static void routing_decides_prefill_buffers_only(void)
{
	for (size_t f = 0; flows[f]; f++) {
		struct memory even, hot;
		struct scene s;

		init(&s, "cloudmatrix384", "deepseek-v3.1", 1024);
		s.q.flow = flows[f], s.schedule.ep = 16;
		for (enum phase phase = 0; phase < PHASES; phase++) {
			if (!flow_serves(flows[f], phase))
				continue;
			s.q.phase = phase;
			s.routing = (struct routing_spec){.file = "", .model = "", .domain = ""};
			even = memory_of(&s, 4000);
			s.routing.kind = ROUTING_SKEWED, s.routing.max_mean_ratio = 16;
			hot = memory_of(&s, 4000);
			/* but where rows stay with their tokens */
			CU_ASSERT_EQUAL(hot.buffers_bytes > even.buffers_bytes,
			                phase == PHASE_PREFILL && flows[f] != &flow_weight_gather);
			CU_ASSERT(hot.buffers_bytes >= even.buffers_bytes);
		}
		scene_fini(&s);
	}
}

/* Two micro-batches are in flight at once: what each holds for its half of the rows is held twice.
 * A relay window is there once, for one at a time. */
static void micro_batches_hold_their_own_rows(void)
{
	for (size_t f = 0; flows[f]; f++) {
		struct buffer one[MOST_BUFFERS], two[MOST_BUFFERS];
		struct scene s;
		struct err e;
		size_t n, m;

		init(&s, "cloudmatrix384", "deepseek-v3.1", 64);
		s.q.flow = flows[f];
		CU_ASSERT_EQUAL(step_buffers(&s.q, one, &n, &e), RC_OK);
		s.schedule.micro_batches = 2;
		CU_ASSERT_EQUAL(step_buffers(&s.q, two, &m, &e), RC_OK);
		CU_ASSERT_EQUAL_FATAL(n, m);
		for (size_t i = 0; i < n; i++) {
			double ratio = strcmp(one[i].name, "counts and offsets") == 0 ? 2 : 1;

			if (one[i].lifetime == LIFE_DOMAIN)
				AT_MOST(two[i].bytes, one[i].bytes, 0, "%s", one[i].name);
			else
				NEARLY(two[i].bytes, ratio * one[i].bytes, 1e-15, "%s",
				       one[i].name);
		}
		scene_fini(&s);
	}
}

/* What direct placement saves buys batch. */
static void direct_allows_the_larger_batch(void)
{
	for (int64_t ep = 32; ep <= 256; ep *= 2) {
		struct scene s;
		int64_t direct;

		init(&s, "cloudmatrix384", "deepseek-v3.1", 64);
		s.schedule.ep = ep;
		direct = memory_of(&s, 4000).batch_most;
		s.q.flow = &flow_relay2;
		CU_ASSERT(memory_of(&s, 4000).batch_most < direct);
		scene_fini(&s);
	}
}

static const struct unit_test tests[] = {
        {"weights of DeepSeek", weights_of_deepseek},
        {"cache of a request", cache_of_a_request},
        {"activations of DeepSeek", activations_of_deepseek},
        {"parts sum to the total", parts_sum_to_the_total},
        {"memory grows with batch and context", memory_grows_with_batch_and_context},
        {"one more than the largest batch does not fit",
         one_more_than_the_largest_batch_does_not_fit},
        {"no batch may fit", no_batch_may_fit},
        {"routing decides prefill buffers only", routing_decides_prefill_buffers_only},
        {"micro-batches hold their own rows", micro_batches_hold_their_own_rows},
        {"direct allows the larger batch", direct_allows_the_larger_batch},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("step_memory", tests);
}
