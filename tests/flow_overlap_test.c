/* Flows that weave compute into the exchange, layer after layer: one rank stands for all, time
 * scales, parts move the same rows, overlap gains and never more than there is to hide; and the
 * regimes in which published schedules win. */
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Layers of a flow with experts that only compute: rows x seconds a row on the cube. */
struct wish {
	struct exchange_wish exchange;
	int64_t layers, pipeline;
	double row_s;
};

static double part_rows(const struct flow_build *b, const struct expert_part *p)
{
	double local = build_local_experts_count(b), n = p->n > 0 ? (double)p->n : local;

	CU_ASSERT_TRUE(b->request->routing->balanced);
	return b->request->routing->rows_per_rank_count * (p->at_source ? 1 : n / local) /
	       (double)(p->parts > 0 ? p->parts : 1);
}

static void experts(void *context, struct flow_build *b, const struct expert_part *p,
                    const uint32_t *after, uint32_t *done)
{
	const struct wish *w = context;
	double work = part_rows(b, p) * w->row_s * b->topology->machine->cube.bf16_flops;

	for (int64_t r = 0; r < b->n; r++) {
		struct use cube = {b->topology->cube + (uint32_t)r, 1};

		done[r] = graph_append(b->graph, &(struct activity){.label = "expert.gemm",
		                                                    .rank = (uint32_t)r,
		                                                    .work_units = work,
		                                                    .uses = &cube,
		                                                    .n_uses = 1,
		                                                    .after = after + r,
		                                                    .n_after = 1});
	}
}

static bool layers_init(struct exchange *x, struct wish *w)
{
	struct exchange_wish *e = &w->exchange;
	uint32_t *at;

	if (!exchange_ask(x, e)) {
		exchange_fini(x);
		return false;
	}
	x->request.options.pipeline = w->pipeline;
	x->graph = graph_new();
	topology_init(&x->topology, e->machine, e->n_ranks, 0, !e->whole, x->graph);
	flow_build_init(&x->build, x->graph, &x->topology, &x->request);
	x->build.experts = experts, x->build.experts_context = w;
	at = heap_zeroed((size_t)x->build.n, sizeof *at);
	graph_append(x->graph, &(struct activity){.label = "attention.start"});
	for (int64_t layer = 0; layer < w->layers; layer++) {
		x->build.layer = layer, x->build.layers_left = w->layers - 1 - layer;
		e->flow->layer(&x->build, at, at);
	}
	graph_check(x->graph);
	flow_build_fini(&x->build);
	free(at);
	return true;
}

static double price(struct wish w, const struct engine *engine)
{
	struct exchange x;
	double time_s;

	CU_ASSERT_TRUE_FATAL(layers_init(&x, &w));
	time_s = makespan_s(engine, x.graph);
	exchange_fini(&x);
	return time_s;
}

static const char *name_of(const struct wish *w)
{
	static char text[256]; /* of the last call */

	snprintf(text, sizeof text, "%s, EP %lld, %s %s, %lld tokens, %lld parts, %lld layers",
	         w->exchange.machine->describes, (long long)w->exchange.n_ranks,
	         w->exchange.flow->name, phase_names[w->exchange.phase],
	         (long long)w->exchange.tokens, (long long)w->pipeline, (long long)w->layers);
	return text;
}

/* Every flow that weaves, on machines of several tiers, for both phases and some parts. */
static void each_case(void (*visit)(const struct wish *w))
{
	static const char *const machines[] = {
	        "cloudmatrix384", "node:4 die:8 fabric:100GBps trunk:300GBps latency:1us hbm:1TBps",
	        "node:2 die:16 package:4 fabric:196GBps die_link:50GBps far:3us hbm:1.6TBps"};
	static const int64_t sizes[] = {2, 8, 32}, tokens[] = {1, 96, 3000}, parts[] = {0, 1, 3, 8};

	for (size_t i = 0; i < 3 * 3 * 3 * 4 * PHASES; i++) {
		struct config *c = config_of(machines[i % 3], "deepseek-v3.1");
		struct wish w = {.layers = 3, .pipeline = parts[i / 27 % 4], .row_s = 2e-8};

		w.exchange = (struct exchange_wish){.machine = &c->machine,
		                                    .model = &c->model,
		                                    .phase = i / 108 ? PHASE_DECODE : PHASE_PREFILL,
		                                    .dispatch = i % 2 ? DTYPE_INT8 : DTYPE_BF16,
		                                    .n_ranks = sizes[i / 3 % 3],
		                                    .tokens = tokens[i / 9 % 3]};
		for (size_t f = 0; flows[f]; f++) {
			bool knows = flows[f]->options >> OPTION_PIPELINE & 1;

			w.exchange.flow = flows[f];
			if (flows[f]->layer && flow_serves(flows[f], w.exchange.phase) &&
			    (knows || w.pipeline == 0))
				visit(&w);
		}
		config_free(c);
	}
}

static void quotient_matches(const struct wish *w)
{
	struct wish all = *w;

	all.exchange.whole = true;
	NEARLY(price(*w, &engine_fluid), price(all, &engine_fluid), 1e-9, "%s", name_of(w));
}

static void one_rank_stands_for_all(void)
{
	each_case(quotient_matches);
}

static void doubles(const struct wish *w)
{
	struct machine slow = slower_machine(w->exchange.machine, 2);
	struct wish other = *w;

	other.exchange.machine = &slow, other.row_s *= 2;
	NEARLY(price(other, &engine_fluid), 2 * price(*w, &engine_fluid), 0, "%s", name_of(w));
	NEARLY(price(other, &engine_estimate), 2 * price(*w, &engine_estimate), 0, "%s",
	       name_of(w));
	AT_MOST(price(*w, &engine_estimate), price(*w, &engine_fluid), 1e-12, "%s", name_of(w));
}

static void time_scales_and_estimate_is_below(void)
{
	each_case(doubles);
}

/* However many parts, a layer moves what dispatch and combine do without overlap. */
static void parts_move_the_same(const struct wish *wish)
{
	static const int kinds[] = {RES_HBM,     RES_PUT,      RES_GET,      RES_COPY,
	                            RES_SDMA,    RES_TRUNK_UP, RES_DIE_LINK, RES_NIC_OUT,
	                            RES_INGRESS, RES_EGRESS};
	double woven[RESOURCE_KINDS], apart[RESOURCE_KINDS];
	struct wish w = *wish;
	struct exchange x;

	if (w.exchange.flow->carries_over)
		return;
	w.layers = 1;
	CU_ASSERT_TRUE_FATAL(layers_init(&x, &w));
	graph_loads_by_kind(x.graph, woven);
	exchange_fini(&x);
	CU_ASSERT_TRUE_FATAL(exchange_init(&x, &w.exchange));
	graph_loads_by_kind(x.graph, apart);
	exchange_fini(&x);
	if (w.exchange.flow == &flow_fused) { /* each part's flags: 32 bytes to each peer */
		apart[RES_INGRESS] = woven[RES_INGRESS] = 0;
		apart[RES_EGRESS] = woven[RES_EGRESS] = 0;
		apart[RES_DIE_LINK] = woven[RES_DIE_LINK] = 0;
		apart[RES_TRUNK_UP] = woven[RES_TRUNK_UP] = 0;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		NEARLY(woven[kinds[i]], apart[kinds[i]], 1e-12, "%s: %s", name_of(&w),
		       resource_kind_name((enum resource_kind)kinds[i]));
}

static void parts_move_what_the_whole_does(void)
{
	each_case(parts_move_the_same);
}

/* Where nothing is fixed, more parts hide more, but no more than compute or exchange last. */
static void overlap_hides_at_most_the_lesser(void)
{
	struct config *c = config_of("node:4 die:8 fabric:100GBps hbm:1000TBps", "deepseek-v3.1");
	const struct flow *const tried[] = {&flow_fused, &flow_pull_packed};

	for (size_t i = 0; i < 2 * 3; i++) {
		static const double row_s[] = {1e-8, 1e-7, 1e-6};
		struct wish w = {.layers = 1, .pipeline = 1, .row_s = row_s[i / 2]};
		double before, exchange, compute = row_s[i / 2] * 8 * 4096;

		w.exchange = (struct exchange_wish){.machine = &c->machine,
		                                    .model = &c->model,
		                                    .flow = tried[i % 2],
		                                    .dispatch = DTYPE_INT8,
		                                    .n_ranks = 32,
		                                    .tokens = 4096};
		before = price(w, &engine_fluid), exchange = before - compute;
		for (w.pipeline = 2; w.pipeline <= 8; w.pipeline *= 2) {
			double now = price(w, &engine_fluid);

			AT_MOST(now, before, 1e-5, "%s", name_of(&w)); /* its flags */
			AT_MOST(fmax(exchange, compute), now, 1e-9, "%s", name_of(&w));
			before = now;
		}
		AT_MOST(before, exchange + compute - 0.5 * fmin(exchange, compute), 0, "%s",
		        name_of(&w));
	}
	config_free(c);
}

/* L layers take what the slower of gather and compute takes, the first layer's and the last's ends
 * aside: systems.md 2.2, layer time = max(C, A). */
static void gather_hides_under_compute(void)
{
	struct config *c = config_of("node:1 die:8 fabric:100GBps hbm:1000TBps", "qwen3-30b-a3b");
	double expert_bytes = 2 * 3 * (double)(c->model.hidden * c->model.expert_inter);
	double gather_s = (double)c->model.experts * 7 / 8 * expert_bytes / 100e9;

	for (int i = 0; i < 8; i++) {
		double compute_s = gather_s * pow(2, i - 4), few, more;
		struct wish w = {.layers = 40};

		w.exchange = (struct exchange_wish){.machine = &c->machine,
		                                    .model = &c->model,
		                                    .flow = &flow_weight_gather,
		                                    .n_ranks = 8,
		                                    .tokens = 1};
		w.row_s = compute_s / (double)c->model.top_k;
		few = price(w, &engine_fluid);
		w.layers = 48;
		more = price(w, &engine_fluid);
		NEARLY((more - few) / 8, fmax(gather_s, compute_s), 1e-3, "compute %g of gather",
		       compute_s / gather_s);
	}
	config_free(c);
}

static const struct unit_test tests[] = {
        {"one rank stands for all", one_rank_stands_for_all},
        {"time scales and estimate is below", time_scales_and_estimate_is_below},
        {"parts move what the whole does", parts_move_what_the_whole_does},
        {"overlap hides at most the lesser", overlap_hides_at_most_the_lesser},
        {"gather hides under compute", gather_hides_under_compute},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow_overlap", tests);
}
