/* Where one schedule overtakes another: what is published of it, and what our model makes of it.
 * sim/FLOWS.md has the figures. */
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"
#include <math.h>

static struct step_result step_of(struct scene *s, const struct flow *f)
{
	s->q.flow = f;
	return scene_run(s);
}

static double step_s(struct scene *s, const struct flow *f)
{
	return step_of(s, f).step_s;
}

/* Until a rank's next step begins. */
static double interval_s(struct scene *s, const struct flow *f)
{
	return step_of(s, f).interval_s;
}

static double exchange_s(const struct config *c, const struct flow *f, enum phase phase, int64_t ep,
                         int64_t tokens)
{
	struct exchange_wish w = {.machine = &c->machine,
	                          .model = &c->model,
	                          .flow = f,
	                          .phase = phase,
	                          .dispatch = DTYPE_BF16,
	                          .n_ranks = ep,
	                          .tokens = tokens};
	struct exchange x;
	double time_s;

	CU_ASSERT_TRUE_FATAL(exchange_init(&x, &w));
	time_s = makespan_s(&engine_fluid, x.graph);
	exchange_fini(&x);
	return time_s;
}

/* systems.md section 0: without dedup T k (R - 1) / R rows leave a rank in an all-to-all, T (R - 1)
 * in an all-gather, so that they change places at R = k. */
static void allgather_wins_below_top_k(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");

	CU_ASSERT_EQUAL(c->model.top_k, 8);
	for (enum phase phase = 0; phase < PHASES; phase++) {
		int64_t tokens = phase == PHASE_PREFILL ? 4096 : 128;

		for (int64_t ep = 2; ep <= 64; ep *= 2) {
			double all = exchange_s(c, &flow_allgather, phase, ep, tokens);
			double rows = exchange_s(c, &flow_relay2, phase, ep, tokens);

			if (ep < 8)
				AT_MOST(all, rows, 0, "EP %lld", (long long)ep);
			if (ep > 8)
				AT_MOST(rows, all, 0, "EP %lld", (long long)ep);
		}
	}
	config_free(c);
}

/* An H100 node: the H800's, with NVLink at 80 % of 450 GB/s. */
static void h100_node(struct scene *s, double link_Bps)
{
	scene_init(s, "h800-node-rdma", "qwen3-235b-a22b", 8);
	s->config->machine.fabric.rate_Bps = link_Bps;
	s->config->machine.fabric.put_Bps = s->config->machine.fabric.get_Bps = link_Bps;
	s->schedule.weights = s->schedule.dispatch = DTYPE_FP8;
}

/* Tokens a rank from which on weight-gather beats relay2, in steps of 512. */
static int64_t crossover_tokens(struct scene *s)
{
	for (int64_t tokens = 512; tokens <= 65536; tokens += 512) {
		scene_prefill(s, (double)tokens, 0);
		if (step_s(s, &flow_weight_gather) < step_s(s, &flow_relay2))
			return tokens;
	}
	return -1;
}

/* systems.md 2.2: slower than an all-to-all for few tokens a rank, faster past a threshold that
 * lies in thousands and grows as the link is slower and the weights are wider. */
static void weight_gather_wins_past_a_threshold(void)
{
	const double link_Bps = 0.8 * 450e9;
	int64_t tokens, slow, wide;
	struct scene s;

	h100_node(&s, link_Bps);
	tokens = crossover_tokens(&s);
	s.schedule.weights = s.schedule.dispatch = DTYPE_BF16;
	wide = crossover_tokens(&s);
	scene_fini(&s);
	h100_node(&s, link_Bps / 2);
	slow = crossover_tokens(&s);
	CU_ASSERT(tokens >= 4096 && tokens <= 8192);
	CU_ASSERT(slow > 1.3 * (double)tokens && slow < 2.2 * (double)tokens);
	CU_ASSERT(wide > 1.1 * (double)tokens && wide < 2.2 * (double)tokens);
	scene_fini(&s);
}

/* The gain past it lasts: a plateau that falls slowly, since attention grows in both. */
static void weight_gather_gains_on_a_plateau(void)
{
	struct scene s;

	h100_node(&s, 0.8 * 450e9);
	for (int64_t tokens = 12288; tokens <= 32768; tokens += 4096) {
		double ratio;

		scene_prefill(&s, (double)tokens, 0);
		ratio = step_s(&s, &flow_relay2) / step_s(&s, &flow_weight_gather);
		CU_ASSERT(ratio > 1.1 && ratio < 1.6);
	}
	scene_fini(&s);
}

/* How much faster weight-gather is, chunk after chunk of prompts so long; ranks at unlike places of
 * theirs, or all at the same. */
static double gain_with_prompts(struct scene *s, double prompt_count, double spread_ratio)
{
	double rows_s, chunk_count = 16384;

	scene_prefill(s, chunk_count, (prompt_count - chunk_count) / 2);
	s->q.context_spread_ratio = spread_ratio;
	rows_s = interval_s(s, &flow_relay2);
	return rows_s / interval_s(s, &flow_weight_gather);
}

/* systems.md 2.2: whether the gain grows or falls with the prompt is a matter of the waits in each
 * layer for ranks whose attention takes longer. */
static void waiting_decides_how_the_gain_goes_with_context(void)
{
	double last[2] = {0, HUGE_VAL};
	struct scene s;

	h100_node(&s, 0.8 * 450e9);
	for (int64_t prompt = 32768; prompt <= 131072; prompt *= 2) {
		double unlike = gain_with_prompts(&s, (double)prompt, 1);
		double alike = gain_with_prompts(&s, (double)prompt, 0);

		CU_ASSERT(unlike > last[0] && alike < last[1]);
		CU_ASSERT(unlike > 1.15 * alike && unlike < 1.8 * alike);
		last[0] = unlike, last[1] = alike;
	}
	scene_fini(&s);
}

static int64_t best_degree(struct scene *s, int64_t tokens)
{
	int64_t best = 0;
	double least_s = HUGE_VAL;

	scene_prefill(s, (double)tokens, 0);
	for (int64_t d = 1; d <= 8; d *= 2) {
		double time_s;

		s->schedule.options.pipeline = d;
		time_s = step_s(s, &flow_fused);
		if (time_s < least_s)
			least_s = time_s, best = d;
	}
	return best;
}

/* systems.md 2.13: the best pipeline degree of Tutel is 1 for little work and rises with it. */
static void best_degree_rises_with_the_load(void)
{
	static const int64_t tokens[] = {32, 128, 512, 2048, 8192};
	int64_t before = 1, last = 0;
	struct scene s;

	scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 32);
	CU_ASSERT_EQUAL(best_degree(&s, tokens[0]), 1);
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		last = best_degree(&s, tokens[i]);
		CU_ASSERT(last >= before);
		before = last;
	}
	CU_ASSERT(last >= 4);
	scene_fini(&s);
}

/* Balanced segments never exceed their mean: both planes pay only for uneven rows, and large ones.
 */
static void two_planes_pay_for_large_uneven_prefill(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	const struct routing_spec hot = {
	        .kind = ROUTING_SKEWED, .max_mean_ratio = 8, .file = "", .model = "", .domain = ""};
	struct machine cores = c->machine;
	struct exchange_wish w = {.machine = &c->machine,
	                          .model = &c->model,
	                          .flow = &flow_sdma_mte,
	                          .dispatch = DTYPE_BF16,
	                          .n_ranks = 16,
	                          .routing = &hot};

	cores.sdma.min_segment_bytes = HUGE_VAL; /* all by the cores */
	for (w.tokens = 256; w.tokens <= 16384; w.tokens *= 64) {
		double time_s[2], load[RESOURCE_KINDS];
		struct exchange x;

		for (int i = 0; i < 2; i++) {
			w.machine = i ? &cores : &c->machine;
			CU_ASSERT_TRUE_FATAL(exchange_init(&x, &w));
			graph_loads_by_kind(x.graph, load);
			CU_ASSERT_EQUAL(load[RES_SDMA] > 0, i == 0 && w.tokens > 256);
			time_s[i] = makespan_s(&engine_fluid, x.graph);
			exchange_fini(&x);
		}
		if (w.tokens == 256)
			NEARLY(time_s[0], time_s[1], 0, "%lld tokens", (long long)w.tokens);
		else
			AT_MOST(time_s[0], time_s[1], 0, "%lld tokens", (long long)w.tokens);
	}
	config_free(c);
}

static const struct unit_test tests[] = {
        {"allgather wins below top_k", allgather_wins_below_top_k},
        {"weight-gather wins past a threshold", weight_gather_wins_past_a_threshold},
        {"weight-gather gains on a plateau", weight_gather_gains_on_a_plateau},
        {"waiting decides how the gain goes with context",
         waiting_decides_how_the_gain_goes_with_context},
        {"the best degree rises with the load", best_degree_rises_with_the_load},
        {"two planes pay for large uneven prefill", two_planes_pay_for_large_uneven_prefill},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow_shape", tests);
}
