/* What flows cost beside bytes, by flows.md and the heads of their files: fixed waits, small
 * messages, quantising; what memory they take, and what they decline. */
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How often each fixed cost stands on the path through dispatch and combine; wires: one-way
 * latencies of the farthest peer; near: of one in the node, where the farthest is in another. */
static const struct waits {
	const struct flow *flow;
	enum phase phase;
	double wires, vector, flag, barriers, kernel, collective, host, host_barriers, near;
	enum { ANY_SIZE, ONE_NODE, MORE_NODES } size;
} waits[] = {
        /* counts, exchange and its flags; the same way back without counts */
        {&flow_relay3, PHASE_PREFILL, 1 + 2 + 2, 0, 3, 0, 2 + 2, 3, 1, 0, 0, ANY_SIZE},
        {&flow_relay3, PHASE_DECODE, 1 + 2 + 2, 0, 3, 0, 2 + 2, 3, 1, 0, 0, ANY_SIZE},
        /* notify's flags, pull; status, pull; combine: put, own flags */
        {&flow_relay2, PHASE_PREFILL, 3 + 3 + 1, 1 + 2, 3, 0, 2 + 1, 0, 0, 0, 0, ANY_SIZE},
        /* put, status; combine: put, own flags */
        {&flow_relay2, PHASE_DECODE, 2 + 1, 2, 2, 0, 1 + 1, 0, 0, 0, 0, ANY_SIZE},
        /* layout's flags, pull of counts, put; barriers after notify and put; combine: barrier,
           pull, barrier */
        {&flow_direct, PHASE_PREFILL, 1 + 2 + 1 + 2, 2 + 1 + 1, 1, 2 + 2, 3 + 1, 0, 2, 3, 0,
         ANY_SIZE},
        /* counts, put, completion; combine: handshake and its answer, pull */
        {&flow_direct, PHASE_DECODE, 3 + 4, 1, 3, 0, 1 + 1, 0, 0, 0, 0, ANY_SIZE},
        /* push, flags; flags, pull */
        {&flow_one_sided, PHASE_PREFILL, 2 + 3, 1, 2, 0, 1 + 1, 0, 0, 0, 0, ANY_SIZE},
        {&flow_one_sided, PHASE_DECODE, 2 + 3, 1, 2, 0, 1 + 1, 0, 0, 0, 0, ANY_SIZE},
        /* counts beside rows, and their notice; flags beside rows, likewise */
        {&flow_deepep_ll, PHASE_DECODE, 1 + 1, 1 + 1, 2 + 2, 0, 1 + 1, 0, 0, 0, 0, ANY_SIZE},
        /* counts beside rows, and notice of the last row; the same without counts */
        {&flow_ubep, PHASE_DECODE, 1 + 1, 0, 2 + 1, 0, 1 + 1, 0, 0, 0, 0, ANY_SIZE},
        /* layout, notify, one part after the other; notify, likewise */
        {&flow_deepep_normal, PHASE_PREFILL, 4 + 4, 0, 0, 2, 3 + 2, 0, 1, 0, 0, ONE_NODE},
        {&flow_deepep_normal, PHASE_PREFILL, 4 + 4, 0, 0, 2, 3 + 2, 0, 1, 0, 2, MORE_NODES},
        {&flow_deepep_normal, PHASE_DECODE, 1 + 1, 0, 0, 2, 3 + 2, 0, 1, 0, 0, ONE_NODE},
        {&flow_deepep_normal, PHASE_DECODE, 1 + 1, 0, 0, 2, 3 + 2, 0, 1, 0, 2, MORE_NODES},
        /* pack, counts, align, exchange, reorder; reorder, exchange, align, reduce */
        {&flow_hierarchical, PHASE_PREFILL, 2 + 1, 0, 2 + 1, 0, 3 + 3, 2 + 1, 1, 0, 0, ONE_NODE},
        {&flow_hierarchical, PHASE_DECODE, 2 + 1, 0, 2 + 1, 0, 3 + 3, 2 + 1, 1, 0, 0, ONE_NODE},
        /* and in each an exchange between nodes and an align more */
        {&flow_hierarchical, PHASE_PREFILL, 2 + 1, 0, 3 + 2, 0, 4 + 4, 3 + 2, 1, 0, 2, MORE_NODES},
        {&flow_hierarchical, PHASE_DECODE, 2 + 1, 0, 3 + 2, 0, 4 + 4, 3 + 2, 1, 0, 2, MORE_NODES},
        /* put, flags; put: each with a leg within the node where there are several */
        {&flow_two_phase, PHASE_PREFILL, 2 + 1, 0, 2 + 1, 0, 1 + 1, 0, 0, 0, 0, ONE_NODE},
        {&flow_two_phase, PHASE_PREFILL, 2 + 1, 0, 3 + 2, 0, 1 + 1, 0, 0, 0, 2, MORE_NODES},
        {&flow_two_phase, PHASE_DECODE, 2 + 1, 0, 2 + 1, 0, 1 + 1, 0, 0, 0, 0, ONE_NODE},
        {&flow_two_phase, PHASE_DECODE, 2 + 1, 0, 3 + 2, 0, 1 + 1, 0, 0, 0, 2, MORE_NODES},
        /* layout, notify's flags, one part after the other; parts */
        {&flow_fusco, PHASE_PREFILL, 1 + 4 + 4, 0, 1, 0, 3 + 1, 0, 1, 0, 0, ONE_NODE},
        {&flow_fusco, PHASE_PREFILL, 1 + 4 + 4, 0, 1, 0, 3 + 1, 0, 1, 0, 2, MORE_NODES},
        {&flow_fusco, PHASE_DECODE, 1 + 1 + 1, 0, 1, 0, 3 + 1, 0, 0, 0, 0, ONE_NODE},
        {&flow_fusco, PHASE_DECODE, 1 + 1 + 1, 0, 1, 0, 3 + 1, 0, 0, 0, 2, MORE_NODES},
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
		double want = wires * far[k] + x->near * 2 + x->vector * 1e2 + x->flag * 1e4 +
		              x->barriers * rounds[k] * 1e6 + x->kernel * 1e8 +
		              x->collective * 1e10 + x->host * 1e12 + x->host_barriers * 1e14;
		enum { DIES = 16 }; /* of a node */

		if (x->size && (x->size == ONE_NODE) != (sizes[k] <= DIES))
			continue;
		for (enum dtype d = DTYPE_BF16; d <= DTYPE_INT8; d++) {
			struct exchange_wish w = {.machine = &m,
			                          .model = &c->model,
			                          .flow = x->flow,
			                          .phase = x->phase,
			                          .dispatch = d,
			                          .n_ranks = sizes[k],
			                          .tokens = 1};
			struct exchange e;
			/* where a kernel of its own quantises */
			double quantise = x->host_barriers > 0     ? 1e14
			                  : x->flow == &flow_fusco ? 1e8
			                                           : 0;
			double more = d == DTYPE_INT8 ? quantise : 0;

			CU_ASSERT_TRUE_FATAL(exchange_init(&e, &w));
			NEARLY(makespan_s(&engine_fluid, e.graph), want + more, 1e-15, "%s",
			       exchange_name(&w));
			NEARLY(makespan_s(&engine_estimate, e.graph), want + more, 1e-15, "%s",
			       exchange_name(&w));
			exchange_fini(&e);
		}
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
	        {&flow_one_sided, PHASE_PREFILL, 2 * 15, 0},
	        {&flow_one_sided, PHASE_DECODE, 2 * 15, 0},
	        {&flow_deepep_ll, PHASE_DECODE, 2 * 15 * 16, 0}, /* counts, flags */
	        {&flow_deepep_normal, PHASE_PREFILL, 15, 0},
	        {&flow_deepep_normal, PHASE_DECODE, 15, 0},
	        {&flow_hierarchical, PHASE_PREFILL, 15, 0},
	        {&flow_hierarchical, PHASE_DECODE, 15, 0},
	        {&flow_two_phase, PHASE_PREFILL, 15, 0},
	        {&flow_two_phase, PHASE_DECODE, 15, 0},
	        {&flow_fusco, PHASE_PREFILL, 15, 0},
	        {&flow_fusco, PHASE_DECODE, 15, 0},
	        {&flow_ubep, PHASE_DECODE, 2 * 15, 0}, /* counts, with half of the cores */
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
		       "%s", exchange_name(&w));
		exchange_fini(&x);
	}
	config_free(c);
}

/* With nothing else to wait for, a quantised dispatch takes as long as its cores need for the BF16
 * rows at 5.7 GB/s each, and any other exchange no time. */
static void quantising_takes_the_cores_time(void)
{
	static const struct {
		const struct flow *flow;
		double rows, cores; /* quantised for each token */
	} cases[] = {{&flow_relay3, 8, 48},       {&flow_relay2, 8, 48},
	             {&flow_direct, 8, 48},       {&flow_one_sided, 1, 48},
	             {&flow_deepep_ll, 1, 48},    {&flow_ubep, 1, 24},
	             {&flow_hierarchical, 8, 48}, {&flow_deepep_normal, 1, 48},
	             {&flow_two_phase, 1, 48},    {&flow_fusco, 1, 48}};
	enum { FLOWS = sizeof cases / sizeof *cases };
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct machine m = waiting_machine(&c->machine);

	m.die_link.latency_s = m.fabric.node_latency_s = m.fabric.far_latency_s = 0;
	memset(&m.sync, 0, sizeof m.sync);
	m.vector.quantise_core_Bps = 5.7e9;
	for (size_t i = 0; i < FLOWS * PHASES * 4; i++) {
		size_t f = i % FLOWS, k = i / FLOWS;
		struct exchange_wish w = {.machine = &m,
		                          .model = &c->model,
		                          .flow = cases[f].flow,
		                          .phase = (enum phase)(k % PHASES),
		                          .dispatch = k / 2 % 2 ? DTYPE_INT8 : DTYPE_BF16,
		                          .n_ranks = 16,
		                          .tokens = k / 4 ? 20000 : 10};
		double rows = cases[f].rows * (double)w.tokens;
		struct exchange x;

		if (!flow_serves(w.flow, w.phase))
			continue;
		CU_ASSERT_TRUE_FATAL(exchange_init(&x, &w));
		if (w.dispatch == DTYPE_INT8)
			NEARLY(makespan_s(&engine_fluid, x.graph),
			       rows * 14336 / (cases[f].cores * 5.7e9), 1e-12, "%s",
			       exchange_name(&w));
		else
			AT_MOST(makespan_s(&engine_fluid, x.graph), 0x1p-80, 0, "%s",
			        exchange_name(&w));
		exchange_fini(&x);
	}
	config_free(c);
}

/* ---- memory ---- */

static struct exchange_wish ep64_wish(const struct config *c, const struct flow *flow,
                                      enum phase phase, enum dtype dispatch)
{
	return (struct exchange_wish){.machine = &c->machine,
	                              .model = &c->model,
	                              .flow = flow,
	                              .phase = phase,
	                              .dispatch = dispatch,
	                              .n_ranks = 64,
	                              .tokens = phase == PHASE_DECODE ? 128 : 4096};
}

/* DeepSeek-V3.1 at EP 64 on CloudMatrix384, whose domains hold 100 MB, and 106 MB in each half of a
 * relay window. Prefill: N = N' = 8 x 4096 rows. Decode: N = 8 x 128 rows leave a rank, and at
 * worst, if all 64 x 128 tokens choose the 4 experts of one, 64 x 128 x 4 come. INT8 rows: 7168 B,
 * with a scale 7172, in a slot 7680; BF16 rows and slots: 14336 and 14848, in combine 14336. */
static void buffers_are_as_stated(void)
{
	const double n = 8 * 4096, m = 8 * 128, worst = 64 * 128 * 4, slots = 64 * 128, h2 = 14336;
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
	        /* slots for 64 x 128 tokens in dispatch and combine; the experts' output */
	        {&flow_one_sided, PHASE_DECODE, DTYPE_INT8,
	         slots * (7168 + 4 + 64 + h2) + worst * h2 + domain},
	        /* two halves each way, words for experts; rows with 56 scales, what comes out */
	        {&flow_deepep_ll, PHASE_DECODE, DTYPE_INT8,
	         256 * 128 * (2 * h2 + 2 * h2 + 7168 + 224 + h2) + 2 * 256 * 4 + domain},
	        /* two halves of rows in 16 or 30 blocks of 480 bytes, one block of counts a rank */
	        {&flow_ubep, PHASE_DECODE, DTYPE_INT8,
	         2 * (worst * 30 * 512 + 64 * 512 + 2097152) + worst * (7168 + 16 + h2) + domain},
	        /* rings of 10 channels, for 16 ranks of the node and 4 nodes; what came, and later
	           what goes back, one row for each of 64 x 128 tokens */
	        {&flow_deepep_normal, PHASE_DECODE, DTYPE_INT8,
	         10 * (16 * 288 + 2 * 4 * 128) * h2 + worst * (7168 + h2) + slots * h2 + domain},
	        /* library window; packed and to be sent; two buffers of what 16 ranks of the node
	           send to 4 owners of this place; windows */
	        {&flow_hierarchical, PHASE_DECODE, DTYPE_BF16,
	         2 * relay + worst * h2 + (2 * m + 2 * 16 * 128 * 8 + 3 * worst) * h2 + domain},
	        /* slots; a row for each token of the node, owner of this place, and way */
	        {&flow_two_phase, PHASE_DECODE, DTYPE_INT8,
	         (slots + 16 * 128 * 4) * (7168 + 4 + 64 + h2) + m * h2 + worst * h2 + domain},
	};
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct exchange_wish w =
		        ep64_wish(c, cases[i].flow, cases[i].phase, cases[i].dispatch);

		NEARLY(exchange_buffers_bytes(&w), cases[i].bytes, 0, "%s", exchange_name(&w));
	}
	config_free(c);
}

/* The same for fusco. 4 x T rows for nodes, with 12 bytes a choice, sums on the way and back;
 * results and descriptors of branches. Of prefill's four parts two are on the way. */
static void rings_hold_two_parts(void)
{
	const double n = 8 * 4096, m = 8 * 128, worst = 64 * 128 * 4, h2 = 14336;
	const double counts = 2 * 4 * 64 * 256, domain = 100e6;
	const double decode = 4 * 128 * (7172 + 96 + h2 + h2) + m * (h2 + 12) +
	                      worst * (7172 + h2) + counts + domain;
	const double prefill = 4 * 4096 * ((h2 + 96 + h2) / 2 + h2) + n * (h2 / 2 + 12) +
	                       n * (h2 + h2) + counts + domain;
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct exchange_wish w = ep64_wish(c, &flow_fusco, PHASE_DECODE, DTYPE_INT8);

	NEARLY(exchange_buffers_bytes(&w), decode, 0, "%s", exchange_name(&w));
	w = ep64_wish(c, &flow_fusco, PHASE_PREFILL, DTYPE_BF16);
	NEARLY(exchange_buffers_bytes(&w), prefill, 0, "%s", exchange_name(&w));
	config_free(c);
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
	        {&flow_one_sided, 8, 0, NULL},
	        {&flow_one_sided, 16, 0, "the fabric does not span EP"},
	        {&flow_deepep_ll, 8, 0, "are of decode"},
	        {&flow_ubep, 8, 0, "is of decode"},
	        {&flow_deepep_normal, 16, 0, NULL},
	        {&flow_hierarchical, 16, 0, NULL},
	        {&flow_two_phase, 16, 0, NULL},
	        {&flow_fusco, 16, 0, NULL},
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

static const struct unit_test tests[] = {
        {"waits are those of the steps", waits_are_those_of_the_steps},
        {"messages take the cores' time", messages_take_the_cores_time},
        {"quantising takes the cores' time", quantising_takes_the_cores_time},
        {"buffers are as stated", buffers_are_as_stated},
        {"rings hold two parts", rings_hold_two_parts},
        {"flows say why not", flows_say_why_not},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow_costs", tests);
}
