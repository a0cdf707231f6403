/* Laws of flows: one rank stands for all exactly, fixed waits are those of flows.md, time scales,
 * more work never ends sooner, direct placement needs the least memory. */
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

static const char *name_of(const struct exchange_wish *w)
{
	static char text[256]; /* of the last call */

	snprintf(text, sizeof text, "%s, EP %lld, %s %s %s, %lld tokens", w->machine->describes,
	         (long long)w->n_ranks, w->flow->name, phase_names[w->phase],
	         dtype_names[w->dispatch], (long long)w->tokens);
	return text;
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
			NEARLY(load[r], by_kind[all->kind[r]], 1e-12, "%s: %s %u", name_of(w),
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
	       "%s", name_of(&w));
	loads_match(&w, one.graph, all.graph);
	exchange_fini(&one);
	exchange_fini(&all);
}

static void one_rank_stands_for_all(void)
{
	each_case(100, quotient_matches);
	each_case(9000, quotient_matches); /* relay2: two rounds */
}

/* ---- fixed waits ---- */

/* How often each fixed cost stands on the path through dispatch and combine, by flows.md sections
 * 2 to 5 (relay3: by the head of its file); wires: one-way latencies of the farthest peer. */
static const struct waits {
	const struct flow *flow;
	enum phase phase;
	double wires, vector, flag, barriers, kernel, collective, host, host_barriers;
} waits[] = {
        /* counts, exchange and its flags; the same way back without counts */
        {&flow_relay3, PHASE_PREFILL, 1 + 2 + 2, 0, 3, 0, 2 + 2, 3, 1, 0},
        {&flow_relay3, PHASE_DECODE, 1 + 2 + 2, 0, 3, 0, 2 + 2, 3, 1, 0},
        /* notify's flags, pull; status, pull; combine: put, own flags */
        {&flow_relay2, PHASE_PREFILL, 3 + 3 + 1, 1 + 2, 3, 0, 2 + 1, 0, 0, 0},
        /* put, status; combine: put, own flags */
        {&flow_relay2, PHASE_DECODE, 2 + 1, 2, 2, 0, 1 + 1, 0, 0, 0},
        /* layout's flags, pull of counts, put; barriers after notify and put; combine: barrier,
           pull, barrier */
        {&flow_direct, PHASE_PREFILL, 1 + 2 + 1 + 2, 2 + 1 + 1, 1, 2 + 2, 3 + 1, 0, 2, 3},
        /* counts, put, completion; combine: handshake and its answer, pull */
        {&flow_direct, PHASE_DECODE, 3 + 4, 1, 3, 0, 1 + 1, 0, 0, 0},
};

static void waits_are_those_of_the_steps(void)
{
	static const int64_t sizes[] = {2, 8, 16, 32, 64};
	static const double far[] = {1, 2, 2, 3, 3}, rounds[] = {1, 3, 4, 5, 6};
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct machine m = waiting_machine(&c->machine);

	for (size_t i = 0; i < 5 * sizeof waits / sizeof *waits; i++) {
		const struct waits *x = &waits[i / 5];
		size_t k = i % 5;
		double wires = x->wires + x->barriers * rounds[k];
		double want = wires * far[k] + x->vector * 1e2 + x->flag * 1e4 +
		              x->barriers * rounds[k] * 1e6 + x->kernel * 1e8 +
		              x->collective * 1e10 + x->host * 1e12 + x->host_barriers * 1e14;

		for (enum dtype d = DTYPE_BF16; d <= DTYPE_INT8; d++) {
			struct exchange_wish w = {.machine = &m,
			                          .model = &c->model,
			                          .flow = x->flow,
			                          .phase = x->phase,
			                          .dispatch = d,
			                          .n_ranks = sizes[k],
			                          .tokens = 1};
			struct exchange e;
			double more = x->host_barriers > 0 && d == DTYPE_INT8 ? 1e14 : 0;

			CU_ASSERT_TRUE_FATAL(exchange_init(&e, &w));
			NEARLY(makespan_s(&engine_fluid, e.graph), want + more, 1e-15, "%s",
			       name_of(&w));
			NEARLY(makespan_s(&engine_estimate, e.graph), want + more, 1e-15, "%s",
			       name_of(&w));
			exchange_fini(&e);
		}
	}
	config_free(c);
}

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
		       want, 2e-3, "%s", name_of(&w));
		exchange_fini(&a);
		exchange_fini(&b);
	}
	config_free(c);
}

/* With nothing else to wait for and 1 s a message (48 cores of 48 s each), an exchange takes as
 * many seconds as one rank of 16 issues small messages: to 15 peers, for each of their 16 experts,
 * for each row it sends back. */
static void messages_take_the_cores_time(void)
{
	static const struct {
		const struct flow *flow;
		enum phase phase;
		double once, per_row;
	} cases[] = {
	        {&flow_relay3, PHASE_PREFILL, 15, 0}, /* counts */
	        {&flow_relay3, PHASE_DECODE, 15, 0},
	        {&flow_relay2, PHASE_PREFILL, 15 + 15 * 16, 1}, /* notify, status; row flags */
	        {&flow_relay2, PHASE_DECODE, 15 * 16, 1},       /* status; row flags */
	        {&flow_direct, PHASE_PREFILL, 0, 0},
	        {&flow_direct, PHASE_DECODE, 3 * 15, 0}, /* counts, completion, handshake */
	};
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct machine m = waiting_machine(&c->machine);

	m.die_link.latency_s = m.fabric.node_latency_s = m.fabric.far_latency_s = 0;
	memset(&m.sync, 0, sizeof m.sync);
	m.vector.message_s = 48;
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		struct exchange_wish w = {.machine = &m,
		                          .model = &c->model,
		                          .flow = cases[i / 2].flow,
		                          .phase = cases[i / 2].phase,
		                          .dispatch = DTYPE_INT8,
		                          .n_ranks = 16,
		                          .tokens = i % 2 ? 128 : 4};
		struct exchange x;

		CU_ASSERT_TRUE_FATAL(exchange_init(&x, &w));
		NEARLY(1 + makespan_s(&engine_fluid, x.graph),
		       1 + cases[i / 2].once + cases[i / 2].per_row * 8 * (double)w.tokens, 1e-12,
		       "%s", name_of(&w));
		exchange_fini(&x);
	}
	config_free(c);
}

/* With nothing else to wait for, a quantised dispatch takes as long as 48 cores need for its N
 * BF16 rows at 5.7 GB/s each, and any other exchange no time. */
static void quantising_takes_the_cores_time(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct machine m = waiting_machine(&c->machine);

	m.die_link.latency_s = m.fabric.node_latency_s = m.fabric.far_latency_s = 0;
	memset(&m.sync, 0, sizeof m.sync);
	m.vector.quantise_core_Bps = 5.7e9;
	for (size_t i = 0; i < 3 * PHASES * 4; i++) {
		struct exchange_wish w = {.machine = &m,
		                          .model = &c->model,
		                          .flow = flows[i % 3],
		                          .phase = (enum phase)(i / 3 % PHASES),
		                          .dispatch = i / 6 % 2 ? DTYPE_INT8 : DTYPE_BF16,
		                          .n_ranks = 16,
		                          .tokens = i / 12 ? 20000 : 10};
		double rows = 8 * (double)w.tokens;
		struct exchange x;

		CU_ASSERT_TRUE_FATAL(exchange_init(&x, &w));
		if (w.dispatch == DTYPE_INT8)
			NEARLY(makespan_s(&engine_fluid, x.graph), rows * 14336 / (48 * 5.7e9),
			       1e-12, "%s", name_of(&w));
		else
			AT_MOST(makespan_s(&engine_fluid, x.graph), 0x1p-80, 0, "%s", name_of(&w));
		exchange_fini(&x);
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
		NEARLY(slow_s, 2 * fast_s, 0, "%s %s", tried[i]->name, name_of(&w));
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
		        name_of(w));
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
		AT_MOST(before[0], now[0], 1e-12, "estimate %s", name_of(&w));
		AT_MOST(before[1], now[1], 1e-12, "fluid %s", name_of(&w));
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
		AT_MOST(before[0], now[0], 1e-12, "estimate %s hidden %lld", name_of(&w),
		        (long long)hidden[i]);
		AT_MOST(before[1], now[1], 1e-12, "fluid %s hidden %lld", name_of(&w),
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

static double buffers_of(const struct exchange_wish *w)
{
	struct exchange x;
	struct buffer b[MOST_BUFFERS];
	double bytes = HUGE_VAL;

	if (exchange_ask(&x, w)) {
		size_t n = w->flow->buffers(&x.request, b);

		CU_ASSERT(n <= MOST_BUFFERS);
		for (size_t i = 0; i < n; i++) {
			CU_ASSERT(b[i].bytes >= 0 && isfinite(b[i].bytes));
			CU_ASSERT(b[i].lifetime < LIFETIMES && *b[i].name && *b[i].memory);
		}
		bytes = buffers_peak_bytes(b, n);
	}
	exchange_fini(&x);
	return bytes;
}

/* DeepSeek-V3.1 at EP 64 on CloudMatrix384, whose domains hold 100 MB, and 106 MB in each half of a
 * relay window. Prefill: N = N' = 8 x 4096 rows. Decode: N = 8 x 128, and rows for the worst case,
 * that all 64 x 128 tokens choose the 4 experts of one rank. INT8 rows: 7168 B, with a scale 7172,
 * in a slot 7680; BF16 rows and slots: 14336 and 14848, in combine 14336. */
static void buffers_are_as_stated(void)
{
	const double n = 8 * 4096, m = 8 * 128, worst = 64 * 128 * 4, h2 = 14336;
	const double domain = 100e6, relay = 106e6, counts = 2 * 4 * 64 * 256;
	const struct {
		const struct flow *flow;
		enum phase phase;
		enum dtype dispatch;
		double bytes;
	} cases[] = {
	        {&flow_direct, PHASE_PREFILL, DTYPE_BF16, n * (h2 + h2) + counts + domain},
	        {&flow_direct, PHASE_PREFILL, DTYPE_INT8, n * (7172 + h2) + counts + domain},
	        {&flow_direct, PHASE_DECODE, DTYPE_INT8, worst * (7172 + h2) + counts + domain},
	        /* two halves of slots and their flags; windows with 16 bytes beside each row */
	        {&flow_relay2, PHASE_PREFILL, DTYPE_BF16,
	         2 * (n * (14848 + 32) + relay) + n * (h2 + 16 + h2) + domain},
	        {&flow_relay2, PHASE_PREFILL, DTYPE_INT8,
	         2 * (n * (14336 + 32) + relay) + n * (7168 + 16 + h2) + domain},
	        {&flow_relay2, PHASE_DECODE, DTYPE_BF16,
	         2 * (worst * 14848 + 2097152) + worst * (h2 + 16 + h2) + domain},
	        {&flow_relay2, PHASE_DECODE, DTYPE_INT8,
	         2 * (worst * 14336 + 2097152) + worst * (7168 + 16 + h2) + domain},
	        /* library window; expert rows in and out; in combine, send and receive buffers */
	        {&flow_relay3, PHASE_PREFILL, DTYPE_INT8,
	         2 * relay + n * h2 + n * (7172 + h2) + n * (h2 + h2) + domain},
	        {&flow_relay3, PHASE_DECODE, DTYPE_BF16,
	         2 * relay + worst * h2 + worst * (h2 + h2) + (worst + m) * h2 + domain},
	};
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct exchange_wish w = {.machine = &c->machine,
		                          .model = &c->model,
		                          .flow = cases[i].flow,
		                          .phase = cases[i].phase,
		                          .dispatch = cases[i].dispatch,
		                          .n_ranks = 64,
		                          .tokens = cases[i].phase == PHASE_DECODE ? 128 : 4096};

		NEARLY(buffers_of(&w), cases[i].bytes, 0, "%s", name_of(&w));
	}
	config_free(c);
}

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
		double direct = buffers_of(&w), relay2, relay3;

		w.flow = &flow_relay2, relay2 = buffers_of(&w);
		w.flow = &flow_relay3, relay3 = buffers_of(&w);
		CU_ASSERT_TRUE(isfinite(direct));
		if (!(direct < relay2))
			AT_MOST(direct, 0, 0, "relay2 needs less: %s", name_of(&w));
		if (!(direct < relay3))
			AT_MOST(direct, 0, 0, "relay3 needs less: %s", name_of(&w));
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

/* ---- who applies ---- */

static void flows_say_why_not(void)
{
	struct config *c = config_of("node:2 die:8 rdma:25GBps", "deepseek-v3.1");
	static const struct {
		const struct flow *flow;
		int64_t ep, cores;
		const char *why;
	} cases[] = {
	        {&flow_direct, 8, 0, NULL},
	        {&flow_direct, 16, 0, "the fabric does not span EP"},
	        {&flow_relay2, 16, 0, NULL},
	        {&flow_relay3, 16, 0, NULL},
	        {&flow_relay2, 32, 0, "larger than the machine"},
	        {&flow_relay2, 12, 0, "does not divide the number of experts"},
	        {&flow_relay3, 8, 2, "more vector cores than a die has"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct routing r = {.n_ranks = cases[i].ep, .experts = 256, .balanced = true};
		struct flow_request q = {.machine = &c->machine,
		                         .model = &c->model,
		                         .routing = &r,
		                         .vector_cores = cases[i].cores};
		const char *why = NULL;

		CU_ASSERT_EQUAL(flow_applies(cases[i].flow, &q, &why), cases[i].why == NULL);
		if (cases[i].why)
			UNIT_HOLDS(why, cases[i].why);
	}
	config_free(c);
}

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
        {"waits are those of the steps", waits_are_those_of_the_steps},
        {"tables are run through", tables_are_run_through},
        {"messages take the cores' time", messages_take_the_cores_time},
        {"quantising takes the cores' time", quantising_takes_the_cores_time},
        {"twice as slow takes twice as long", twice_as_slow_takes_twice_as_long},
        {"estimate never exceeds fluid", estimate_never_exceeds_fluid},
        {"more work never ends sooner", more_work_never_ends_sooner},
        {"buffers are as stated", buffers_are_as_stated},
        {"direct needs the least memory", direct_needs_the_least_memory},
        {"buffers are summed while they live", buffers_are_summed_while_they_live},
        {"flows say why not", flows_say_why_not},
        {"flows are found by name", flows_are_found_by_name},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow", tests);
}
