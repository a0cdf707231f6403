/* Laws of flows: one rank stands for all exactly, time scales, more work never ends sooner, direct
 * placement needs the least memory. */
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const machines[] = {
        "cloudmatrix384",
        "atlas-a2",
        "gb200-nvl72",
        "h800-node-rdma",
        "node:4 die:16 package:2 fabric:196GBps die_link:210GBps latency:1us hbm:1.6TBps",
        "node:2 die:16 package:4 fabric:196GBps die_link:50GBps far:3us hbm:1.6TBps",
        "node:2 die:8 mesh fabric:28GBps rdma:25GBps hbm:1.6TBps",
        "node:4 die:8 fabric:100GBps trunk:300GBps latency:1us far:2us hbm:1TBps",
        "node:4 die:8 fabric:100GBps trunk:300GBps hbm:150GBps",
};
enum { MACHINES = sizeof machines / sizeof *machines };

/* Calls visit with every flow, phase and type of rows. */
static void each_flow(struct exchange_wish w, void (*visit)(const struct exchange_wish *w))
{
	for (size_t f = 0; flows[f]; f++) {
		for (enum phase phase = 0; phase < PHASES; phase++) {
			for (enum dtype d = DTYPE_BF16; d <= DTYPE_INT8; d++) {
				w.flow = flows[f], w.phase = phase, w.dispatch = d;
				visit(&w);
			}
		}
	}
}

/* And with every machine and some sizes of EP. */
static void each_case(int64_t tokens, void (*visit)(const struct exchange_wish *w))
{
	static const int64_t sizes[] = {1, 2, 8, 16, 32};

	for (size_t i = 0; i < MACHINES; i++) {
		struct config *c = config_of(machines[i], "deepseek-v3.1");

		for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
			struct exchange_wish w = {.machine = &c->machine,
			                          .model = &c->model,
			                          .n_ranks = sizes[k],
			                          .tokens = tokens};

			if (sizes[k] <= machine_dies(&c->machine))
				each_flow(w, visit);
		}
		config_free(c);
	}
}

/* ---- one rank for all ---- */

/* Each resource of the whole that is used carries what the one of its kind does. */
static void loads_match(const struct exchange_wish *w, const struct graph *one,
                        const struct graph *all)
{
	double by_kind[RESOURCE_KINDS], *load = heap_zeroed(all->n_resources, sizeof *load);

	graph_loads_by_kind(one, by_kind);
	graph_loads(all, load);
	for (uint32_t r = 0; r < all->n_resources; r++)
		if (load[r] > 0)
			NEARLY(load[r], by_kind[all->kind[r]], 1e-12, "%s: %s %u", exchange_name(w),
			       resource_kind_name(all->kind[r]), all->owner[r]);
	free(load);
}

static void quotient_matches(const struct exchange_wish *wish)
{
	struct exchange_wish w = *wish;
	struct exchange one, all;

	if (!topology_can_be_symmetric(w.machine, w.n_ranks) || !exchange_init(&one, &w))
		return;
	w.whole = true;
	CU_ASSERT_TRUE_FATAL(exchange_init(&all, &w));
	CU_ASSERT(one.graph->n_activities < all.graph->n_activities || w.n_ranks == 1);
	NEARLY(makespan_s(&engine_fluid, one.graph), makespan_s(&engine_fluid, all.graph), 1e-9,
	       "%s", exchange_name(&w));
	loads_match(&w, one.graph, all.graph);
	exchange_fini(&one);
	exchange_fini(&all);
}

static void one_rank_stands_for_all(void)
{
	each_case(100, quotient_matches);
	each_case(9000, quotient_matches); /* relay2: two rounds */
}

/* ---- tables ---- */

/* How many entries one core runs through, one after the other: relay2 adds up the statuses of all
 * experts; direct shares a table of ranks x experts among half of the cores in prefill, and in
 * decode the places of its own rows among all. */
static void tables_are_run_through(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct machine m = waiting_machine(&c->machine), slow;
	double experts = (double)c->model.experts, cores = (double)m.vector.cores;
	static const int64_t sizes[] = {8, 64};

	m.sync.host_barrier_s = 0; /* beside which a second is lost in rounding */
	slow = m, slow.vector.scan_s = 1;
	for (size_t i = 0; i < 4 * 2; i++) {
		bool direct = i / 2 % 2, prefill = i / 4;
		double ranks = (double)sizes[i % 2];
		struct exchange_wish w = {.machine = &m,
		                          .model = &c->model,
		                          .flow = direct ? &flow_direct : &flow_relay2,
		                          .phase = prefill ? PHASE_PREFILL : PHASE_DECODE,
		                          .n_ranks = sizes[i % 2],
		                          .tokens = 48};
		struct exchange a, b;
		double rows = 48 * (double)c->model.top_k;
		double want = !direct   ? experts
		              : prefill ? ranks * experts / (cores / 2)
		                        : rows / cores;

		CU_ASSERT_TRUE_FATAL(exchange_init(&a, &w));
		w.machine = &slow;
		CU_ASSERT_TRUE_FATAL(exchange_init(&b, &w));
		/* beside the waits of waiting_machine(), up to 1e12 s */
		NEARLY(makespan_s(&engine_fluid, b.graph) - makespan_s(&engine_fluid, a.graph),
		       want, 2e-3, "%s", exchange_name(&w));
		exchange_fini(&a);
		exchange_fini(&b);
	}
	config_free(c);
}

/* ---- scaling ---- */

static double price(const struct exchange_wish *w, const struct engine *engine)
{
	struct exchange x;
	double time_s;

	CU_ASSERT_TRUE_FATAL(exchange_init(&x, w));
	time_s = makespan_s(engine, x.graph);
	exchange_fini(&x);
	return time_s;
}

static bool applies(const struct exchange_wish *w)
{
	struct exchange x;
	bool yes = exchange_ask(&x, w);

	exchange_fini(&x);
	return yes && (w->routing || topology_can_be_symmetric(w->machine, w->n_ranks));
}

/* Twice every time at half of every rate is twice the time, to the bit. */
static void doubles(const struct exchange_wish *wish)
{
	struct exchange_wish w = *wish;
	struct machine slow = slower_machine(w.machine, 2);
	const struct engine *const tried[] = {&engine_estimate, &engine_fluid};

	if (!applies(&w))
		return;
	for (size_t i = 0; i < 2; i++) {
		double fast_s, slow_s;

		w.machine = wish->machine;
		fast_s = price(&w, tried[i]);
		w.machine = &slow;
		slow_s = price(&w, tried[i]);
		NEARLY(slow_s, 2 * fast_s, 0, "%s %s", tried[i]->name, exchange_name(&w));
	}
}

static void doubles_when_drawn(const struct exchange_wish *wish)
{
	const struct routing_spec uniform = {
	        .kind = ROUTING_UNIFORM, .file = "", .model = "", .domain = ""};
	struct exchange_wish w = *wish;

	w.routing = &uniform;
	doubles(&w);
}

static void twice_as_slow_takes_twice_as_long(void)
{
	each_case(100, doubles);
	each_case(10, doubles_when_drawn);
}

static void estimate_is_below_fluid(const struct exchange_wish *w)
{
	if (applies(w))
		AT_MOST(price(w, &engine_estimate), price(w, &engine_fluid), 1e-12, "%s",
		        exchange_name(w));
}

static void estimate_never_exceeds_fluid(void)
{
	each_case(1, estimate_is_below_fluid);
	each_case(300, estimate_is_below_fluid);
}

static void rises_with_tokens(const struct exchange_wish *wish)
{
	static const int64_t tokens[] = {1, 2, 3, 64, 65, 1000, 8191, 8192, 8193, 16385};
	struct exchange_wish w = *wish;
	double before[2] = {0};

	for (size_t i = 0; i < sizeof tokens / sizeof *tokens && applies(&w); i++) {
		double now[2];

		w.tokens = tokens[i];
		now[0] = price(&w, &engine_estimate), now[1] = price(&w, &engine_fluid);
		AT_MOST(before[0], now[0], 1e-12, "estimate %s", exchange_name(&w));
		AT_MOST(before[1], now[1], 1e-12, "fluid %s", exchange_name(&w));
		memcpy(before, now, sizeof now);
	}
}

static void rises_with_hidden(const struct exchange_wish *wish)
{
	static const int64_t hidden[] = {32, 33, 512, 1000, 2048, 7168, 7169, 8192};
	struct exchange_wish w = *wish;
	struct moe_model model = *w.model;
	double before[2] = {0};

	w.model = &model;
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden && applies(&w); i++) {
		double now[2];

		model.hidden = hidden[i];
		now[0] = price(&w, &engine_estimate), now[1] = price(&w, &engine_fluid);
		AT_MOST(before[0], now[0], 1e-12, "estimate %s hidden %lld", exchange_name(&w),
		        (long long)hidden[i]);
		AT_MOST(before[1], now[1], 1e-12, "fluid %s hidden %lld", exchange_name(&w),
		        (long long)hidden[i]);
		memcpy(before, now, sizeof now);
	}
}

static void more_work_never_ends_sooner(void)
{
	each_case(1, rises_with_tokens);
	each_case(128, rises_with_hidden);
}

/* ---- memory ---- */

/* The claim of direct placement, on the machine it is made for. */
static void direct_needs_the_least_memory(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");

	for (int64_t i = 0; i < 9 * 8 * 4; i++) {
		struct exchange_wish w = {.machine = &c->machine,
		                          .model = &c->model,
		                          .flow = &flow_direct,
		                          .phase = i % 2 ? PHASE_DECODE : PHASE_PREFILL,
		                          .dispatch = i / 2 % 2 ? DTYPE_INT8 : DTYPE_BF16,
		                          .tokens = 1 << (i / 4 % 8 * 2),
		                          .n_ranks = 1 << i / 32};
		double direct = exchange_buffers_bytes(&w), relay2, relay3;

		w.flow = &flow_relay2, relay2 = exchange_buffers_bytes(&w);
		w.flow = &flow_relay3, relay3 = exchange_buffers_bytes(&w);
		CU_ASSERT_TRUE(isfinite(direct));
		if (!(direct < relay2))
			AT_MOST(direct, 0, 0, "relay2 needs less: %s", exchange_name(&w));
		if (!(direct < relay3))
			AT_MOST(direct, 0, 0, "relay3 needs less: %s", exchange_name(&w));
	}
	config_free(c);
}

static void buffers_are_summed_while_they_live(void)
{
	const struct buffer b[] = {{"a", "m", LIFE_DOMAIN, 1},
	                           {"b", "m", LIFE_LAYER, 10},
	                           {"c", "m", LIFE_DISPATCH, 100},
	                           {"d", "m", LIFE_DISPATCH, 200},
	                           {"e", "m", LIFE_COMBINE, 400}};

	CU_ASSERT_EQUAL(buffers_peak_bytes(b, 0), 0);
	CU_ASSERT_EQUAL(buffers_peak_bytes(b, 4), 311);
	CU_ASSERT_EQUAL(buffers_peak_bytes(b, 5), 411);
}

/* ---- names ---- */

static void flows_are_found_by_name(void)
{
	struct err e;

	for (size_t i = 0; flows[i]; i++)
		CU_ASSERT_PTR_EQUAL(flow_find(flows[i]->name, &e), flows[i]);
	CU_ASSERT_PTR_NULL(flow_find("relay4", &e));
	CU_ASSERT_EQUAL(e.rc, RC_CONFIG);
	UNIT_HOLDS(e.text, "no flow is called 'relay4'; did you mean 'relay3'?");
}

static const struct unit_test tests[] = {
        {"one rank stands for all", one_rank_stands_for_all},
        {"tables are run through", tables_are_run_through},
        {"twice as slow takes twice as long", twice_as_slow_takes_twice_as_long},
        {"estimate never exceeds fluid", estimate_never_exceeds_fluid},
        {"more work never ends sooner", more_work_never_ends_sooner},
        {"direct needs the least memory", direct_needs_the_least_memory},
        {"buffers are summed while they live", buffers_are_summed_while_they_live},
        {"flows are found by name", flows_are_found_by_name},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow", tests);
}
