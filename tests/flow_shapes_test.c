/* Published shapes of exchanges, as directions and regimes: what makes a flow better or worse must
 * act as its authors saw it act, though no time is fitted here. */
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <string.h>

/* Dispatch and combine of DeepSeek-V3.1 without groups, from start to end, s. */
struct times {
	double dispatch_s, combine_s;
};

struct ask {
	const char *machine;
	const struct flow *flow;
	enum phase phase;
	enum dtype dispatch;
	int64_t ep, tokens, top_k; /* 0: 8 */
	int dedup;
};

static struct times times_of(const struct ask *q)
{
	struct config *c = config_of(q->machine, "deepseek-v3.1");
	struct exchange_wish w = {.machine = &c->machine,
	                          .model = &c->model,
	                          .flow = q->flow,
	                          .phase = q->phase,
	                          .dispatch = q->dispatch,
	                          .n_ranks = q->ep,
	                          .tokens = q->tokens};
	struct exchange x;
	struct timeline t;
	struct times out = {0};
	struct err e = {0};

	c->model.groups = c->model.top_groups = 1;
	c->model.top_k = q->top_k ? q->top_k : 8;
	CU_ASSERT_TRUE_FATAL(exchange_ask(&x, &w));
	x.request.options.dedup = q->dedup;
	exchange_build(&x, &w);
	timeline_init(&t);
	CU_ASSERT_EQUAL_FATAL(engine_fluid.run(x.graph, &(struct engine_options){0}, &t, &e),
	                      RC_OK);
	for (uint32_t i = 0; i < x.graph->n_activities; i++) {
		if (strcmp(x.graph->label_text[x.graph->label[i]], "dispatch.end") == 0)
			out.dispatch_s = t.finish_s[i];
	}
	out.combine_s = t.makespan_s - out.dispatch_s;
	timeline_fini(&t);
	exchange_fini(&x);
	config_free(c);
	return out;
}

static double sum_s(const struct ask *q)
{
	struct times t = times_of(q);

	return t.dispatch_s + t.combine_s;
}

/* TensorRT-LLM blog 18, GB200: a floor up to some tokens, then a line; quantised rows gain less
 * than their bytes, since the floor stays. */
static void one_sided_has_a_floor_and_a_line(void)
{
	for (int64_t ep = 8; ep <= 64; ep *= 2) {
		struct ask q = {.machine = "gb200-nvl72",
		                .flow = &flow_one_sided,
		                .phase = PHASE_DECODE,
		                .ep = ep,
		                .tokens = 1};
		struct times floor = times_of(&q), low, a, b, c, fp8;

		q.tokens = 8, low = times_of(&q);
		AT_MOST(low.dispatch_s, 1.2 * floor.dispatch_s, 0, "EP %lld", (long long)ep);
		AT_MOST(low.combine_s, 1.2 * floor.combine_s, 0, "EP %lld", (long long)ep);
		q.tokens = 512, a = times_of(&q);
		q.tokens = 1024, b = times_of(&q);
		q.tokens = 2048, c = times_of(&q);
		NEARLY(c.dispatch_s - b.dispatch_s, 2 * (b.dispatch_s - a.dispatch_s), 1e-9, "EP");
		NEARLY(c.combine_s - b.combine_s, 2 * (b.combine_s - a.combine_s), 1e-9, "EP");
		AT_MOST(10 * floor.dispatch_s, c.dispatch_s, 0, "EP %lld", (long long)ep);
		q.dispatch = DTYPE_FP8, fp8 = times_of(&q);
		AT_MOST(1.5, c.dispatch_s / fp8.dispatch_s, 0, "EP %lld", (long long)ep);
		AT_MOST(c.dispatch_s / fp8.dispatch_s, 1.94, 0, "EP %lld", (long long)ep);
	}
}

/* DeepEP's low-latency table, H800 nodes of 8: from EP 8 to 64 dispatch takes 2.2 times as long,
 * combine 2.8 times; from there to 256 but 1.12 and 1.15 times. Combine carries 1.94 times the
 * bytes and takes 1.5 to 1.9 times as long. */
static void low_latency_saturates(void)
{
	struct ask q = {.machine = "h800-node-rdma",
	                .flow = &flow_deepep_ll,
	                .phase = PHASE_DECODE,
	                .dispatch = DTYPE_FP8,
	                .tokens = 128};
	struct times t[6];

	for (int i = 0; i < 6; i++) {
		q.ep = 8LL << i, t[i] = times_of(&q);
		AT_MOST(1.5, t[i].combine_s / t[i].dispatch_s, 0, "EP %lld", (long long)q.ep);
		AT_MOST(t[i].combine_s / t[i].dispatch_s, 1.94, 0, "EP %lld", (long long)q.ep);
	}
	AT_MOST(2, t[3].dispatch_s / t[0].dispatch_s, 0, "EP 64 over 8");
	AT_MOST(2, t[3].combine_s / t[0].combine_s, 0, "EP 64 over 8");
	AT_MOST(t[5].dispatch_s / t[3].dispatch_s, 1.2, 0, "EP 256 over 64");
	AT_MOST(t[5].combine_s / t[3].combine_s, 1.2, 0, "EP 256 over 64");
}

/* Tutel: two all-to-alls lose at small scale, for their copies, and win at large scale, where one
 * all-to-all is a message to each of many ranks. Here where a message costs 1.5 us to post. */
static void two_exchanges_win_with_many_small_messages(void)
{
	struct ask one = {.machine = "atlas-a2", .flow = &flow_relay3, .tokens = 8}, two = one;
	double before = 0;

	two.flow = &flow_hierarchical;
	for (int64_t ep = 16; ep <= 128; ep *= 2) {
		double gain;

		one.ep = two.ep = ep;
		gain = sum_s(&one) / sum_s(&two);
		AT_MOST(before, gain, 0, "EP %lld", (long long)ep);
		before = gain;
		if (ep == 16)
			AT_MOST(gain, 0.8, 0, "EP 16");
	}
	AT_MOST(1.2, before, 0, "EP 128");
	one.ep = two.ep = 128, one.tokens = two.tokens = 4096; /* messages are large */
	AT_MOST(sum_s(&one), sum_s(&two), 0, "4096 tokens");
}

/* Janus: one representative wins over all pairs only where a token goes to several ranks of a node,
 * which it then reaches with one row over a slow network; and only where there are about as many
 * nodes as ranks in a node, so that all represent. */
static void representatives_win_with_fan_out(void)
{
	struct ask pairs = {.machine = "node:8 die:8 fabric:900GBps rdma:25GBps",
	                    .flow = &flow_two_phase,
	                    .phase = PHASE_DECODE,
	                    .tokens = 512,
	                    .dedup = DEDUP_RANK},
	           one = pairs;

	one.dedup = DEDUP_NODE;
	for (int64_t top_k = 1; top_k <= 8; top_k *= 8) {
		for (int64_t ep = 16; ep <= 64; ep *= 4) {
			bool wins;

			pairs.top_k = one.top_k = top_k, pairs.ep = one.ep = ep;
			wins = sum_s(&one) < sum_s(&pairs);
			CU_ASSERT_EQUAL(wins, top_k == 8 && ep == 64);
		}
	}
}

static const struct unit_test tests[] = {
        {"one-sided has a floor and a line", one_sided_has_a_floor_and_a_line},
        {"low latency saturates", low_latency_saturates},
        {"two exchanges win with many small messages", two_exchanges_win_with_many_small_messages},
        {"representatives win with fan-out", representatives_win_with_fan_out},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow_shapes", tests);
}
