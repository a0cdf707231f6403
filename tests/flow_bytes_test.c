/* What flows move, to the byte: the table of flow_cost.c laid over the machine's links. */
#include "tests/exchange.h"
#include "tests/flow_cost.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of one rank by distance, as their holder and as the one who needs them; and peers. */
struct spread {
	double held[TIERS], needed[TIERS], peers[TIERS];
	double engine[TIERS]; /* of those held, by copy engines */
};

static double sum_of(const double *by_tier, enum tier from)
{
	double sum = 0;

	for (enum tier t = from; t < TIERS; t++)
		sum += by_tier[t];
	return sum;
}

/* Bytes of one rank by kind of resource. Of links that join pairs or nodes: its outgoing ones,
 * where control traffic is right in the sum over ranks. */
static void expected(const struct machine *m, const struct cost *c, const struct spread *s,
                     double *out)
{
	bool mesh = m->fabric.kind == FABRIC_MESH, trunk = m->fabric.trunk_Bps > 0;
	double row = c->wire + c->flag_row, local, sent[TIERS], got[TIERS];

	memset(out, 0, RESOURCE_KINDS * sizeof *out);
	for (enum tier t = TIER_SELF; t < TIERS; t++) {
		sent[t] = row * s->held[t] + c->peer * s->peers[t];
		got[t] = row * s->needed[t] + c->peer * s->peers[t];
	}
	local = c->read + c->write - c->wire * sum_of(c->pull ? s->held : s->needed, TIER_SELF);
	out[RES_HBM] = c->read + c->write;
	/* within a package no row passes the fabric's port */
	out[RES_COPY] = local + c->wire * (s->held[TIER_SELF] +
	                                   (c->pull ? s->needed : s->held)[TIER_PACKAGE]);
	out[RES_PUT] = c->pull ? 0 : c->wire * sum_of(s->held, TIER_NODE);
	out[RES_GET] = c->pull ? c->wire * sum_of(s->needed, TIER_NODE) : 0;
	/* copy engines put those rows, and read them */
	out[RES_SDMA] = c->wire * sum_of(s->engine, TIER_SELF);
	out[RES_PUT] -= c->wire * sum_of(s->engine, TIER_NODE);
	out[RES_COPY] -= c->wire * (sum_of(s->engine, TIER_SELF) + s->engine[TIER_PACKAGE]);
	out[RES_DIE_LINK] = sent[TIER_PACKAGE];
	out[RES_MESH_LINK] = mesh ? sent[TIER_NODE] : 0;
	out[RES_EGRESS] = mesh ? 0 : sent[TIER_NODE] + sent[TIER_FAR];
	out[RES_INGRESS] = mesh ? 0 : got[TIER_NODE] + got[TIER_FAR];
	out[RES_TRUNK_UP] = trunk ? sent[TIER_FAR] : 0;
	out[RES_TRUNK_DOWN] = trunk ? got[TIER_FAR] : 0;
	out[RES_NIC_OUT] = sent[TIER_RDMA];
	out[RES_NIC_IN] = got[TIER_RDMA];
}

/* ---- one rank for all, balanced routing ---- */

static double load_of(const struct stage *stage, const struct sizes *z)
{
	switch (load_kind(stage->flow)) {
	case LOAD_TOKENS:
		return z->tokens * z->ep;
	case LOAD_EXPERTS:
		return z->experts;
	default:
		return z->n;
	}
}

static struct spread even_spread(const struct topology *t, double n_rows)
{
	struct spread s = {0};

	for (enum tier tier = TIER_SELF; tier < TIERS; tier++) {
		s.peers[tier] = (double)topology_peers(t, 0, tier);
		s.held[tier] = s.needed[tier] = n_rows * s.peers[tier] / (double)t->n_ranks;
	}
	s.peers[TIER_SELF] = 0;
	return s;
}

static void stage_is_as_in_the_table(const struct config *c, const struct stage *stage,
                                     enum dtype dispatch, int64_t tokens)
{
	const struct schedule schedule = {
	        .ep = 64, .tp = 1, .micro_batches = 1, .dispatch = (int)dispatch};
	const struct routing_spec routing = {.kind = ROUTING_BALANCED};
	const struct step_request q = {.machine = &c->machine,
	                               .model = &c->model,
	                               .schedule = &schedule,
	                               .routing = &routing,
	                               .flow = stage->flow,
	                               .phase = stage->phase,
	                               .sequences_count = 1,
	                               .query_count = (double)tokens};
	struct sizes z = sizes_of(&c->model, dispatch, 64, tokens);
	struct cost cost = stage->cost(&z);
	struct graph *g = graph_new();
	struct topology t;
	struct spread s;
	double got[RESOURCE_KINDS], want[RESOURCE_KINDS];
	struct err e = {0};

	exchange_graph(&q, g, &t, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_TRUE_FATAL(t.symmetric);
	graph_check(g);
	s = even_spread(&t, load_of(stage, &z));
	expected(&c->machine, &cost, &s, want);
	loads_of(g, stage->label, got);
	for (int kind = 0; kind < RESOURCE_KINDS; kind++)
		NEARLY(got[kind], want[kind], 0, "%s %s %s %s, %lld tokens: %s", stage->flow->name,
		       phase_names[stage->phase], stage->label, dtype_names[dispatch],
		       (long long)tokens, resource_kind_name(kind));
	graph_free(g);
}

static void one_rank_moves_what_the_table_says(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	static const enum dtype types[] = {DTYPE_BF16, DTYPE_INT8};

	CU_ASSERT_EQUAL(c->model.hidden, 7168);
	for (size_t i = 0; i < 2 * stages_count; i++) {
		const struct stage *s = &stages[i / 2];
		bool decode = s->phase == PHASE_DECODE;

		stage_is_as_in_the_table(c, s, types[i % 2], decode ? 128 : 4096);
		if (!decode) /* relay2: two rounds */
			stage_is_as_in_the_table(c, s, types[i % 2], 16384);
	}
	config_free(c);
}

/* By hand, DeepSeek-V3.1 in INT8 at EP 64, 128 tokens: N = 1024 rows of 7168 B; slot 7680 B. One
 * row in 64 stays, one goes to the other die of the package, 62 over the fabric. */
static void known_answer_of_a_decode_exchange(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	static const struct {
		const struct flow *flow;
		double put, egress, hbm;
	} known[] = {
	        /* 992 (7680 + 14336); the same and 62 x 32 x 4 and 992 x 32; sum of HBM
	           columns: 1024 (14336 + 7680 + 7680 + 7168) and 1024 (14336 + 14336 + 14336) + 128
	           x 14336 */
	        {&flow_relay2, 21839872, 21839872 + 7936 + 31744, 37748736 + 45875200},
	        /* 992 x 7172 put, 992 x 14336 got; 62 x (4 x 256 + 32) control */
	        {&flow_direct, 7114624, 992 * 7172 + 992 * 14336 + 62 * 1056,
	         1024 * (14336 + 7172) + 1024 * 14336 + 128 * 14336},
	};

	for (size_t i = 0; i < 2; i++) {
		struct exchange_wish w = {&c->machine,  &c->model,  known[i].flow,
		                          PHASE_DECODE, DTYPE_INT8, 64,
		                          128,          NULL,       false};
		struct exchange x;
		double got[RESOURCE_KINDS];

		CU_ASSERT_TRUE_FATAL(exchange_init(&x, &w));
		graph_loads_by_kind(x.graph, got);
		CU_ASSERT_EQUAL(got[RES_PUT], known[i].put);
		CU_ASSERT_EQUAL(got[RES_EGRESS], known[i].egress);
		CU_ASSERT_EQUAL(got[RES_INGRESS], known[i].egress);
		CU_ASSERT_EQUAL(got[RES_HBM], known[i].hbm);
		exchange_fini(&x);
	}
	config_free(c);
}

/* ---- all ranks, rows drawn ---- */

/* From one rank to another, forward. */
static double pair_load(const struct exchange *x, enum load load, int64_t from, int64_t to)
{
	if (load == LOAD_TOKENS)
		return (double)x->request.tokens;
	if (load == LOAD_EXPERTS)
		return (double)x->routing.experts / (double)x->routing.n_ranks;
	return routing_rank_rows_count(&x->routing, from, to);
}

static void add_rows(const struct exchange *x, enum load load, int64_t rank, bool backward,
                     struct spread *s)
{
	for (int64_t peer = 0; peer < x->routing.n_ranks; peer++) {
		enum tier t = machine_tier(x->request.machine, rank, peer);
		double out = pair_load(x, load, rank, peer), in = pair_load(x, load, peer, rank);

		s->held[t] += backward ? in : out;
		s->needed[t] += backward ? out : in;
		s->peers[t] += peer != rank;
	}
}

/* Segments that `rank` sends to other ranks: to each expert forward, from each of its experts back.
 */
static size_t segments_of(const struct exchange *x, int64_t rank, bool backward, double *rows,
                          enum tier *tier)
{
	int64_t n = x->routing.n_ranks, local = x->routing.experts / n;
	size_t k = 0;

	for (int64_t peer = 0; peer < n; peer++) {
		int64_t from = backward ? peer : rank, owner = backward ? rank : peer;

		for (int64_t e = owner * local; peer != rank && e < (owner + 1) * local; e++) {
			tier[k] = machine_tier(x->request.machine, rank, peer);
			rows[k] = routing_rows_count(&x->routing, from, e);
			k += rows[k] > 0;
		}
	}
	return k;
}

/* Larger than their mean, and large enough. */
static void add_engines(const struct exchange *x, int64_t rank, bool backward, double row_bytes,
                        struct spread *s)
{
	enum { MOST = 256 };
	double rows[MOST + 1], sum = 0;
	enum tier tier[MOST + 1];
	size_t k = segments_of(x, rank, backward, rows, tier);

	for (size_t i = 0; i < k; i++)
		sum += rows[i];
	for (size_t i = 0; i < k; i++) {
		if (rows[i] > sum / (double)k &&
		    rows[i] * row_bytes >= x->request.machine->sdma.min_segment_bytes)
			s->engine[tier[i]] += rows[i];
	}
}

/* Kinds whose resource `rank` belongs to one rank. */
static bool is_of_rank(int kind)
{
	return kind != RES_DIE_LINK && kind != RES_MESH_LINK && kind != RES_TRUNK_UP &&
	       kind != RES_TRUNK_DOWN;
}

static void loads_of_ranks(const struct graph *g, const char *label, int64_t n, double *out)
{
	memset(out, 0, (size_t)n * RESOURCE_KINDS * sizeof *out);
	for (uint32_t i = 0; i < g->n_activities; i++) {
		if (strncmp(g->label_text[g->label[i]], label, strlen(label)) != 0)
			continue;
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
			uint32_t r = g->use_resource[k];
			int64_t rank = is_of_rank(g->kind[r]) ? g->owner[r] : 0;

			out[rank * RESOURCE_KINDS + g->kind[r]] +=
			        g->use_weight_ratio[k] * g->work_units[i];
		}
	}
}

static void stage_is_as_counted(const struct exchange *x, const struct stage *stage)
{
	const struct machine *m = x->request.machine;
	int64_t n = x->routing.n_ranks;
	double *got = heap_zeroed((size_t)n * RESOURCE_KINDS, sizeof *got);
	double sums[RESOURCE_KINDS] = {0};

	loads_of_ranks(x->graph, stage->label, n, got);
	for (int64_t rank = 0; rank < n; rank++) {
		struct sizes z =
		        sizes_of(x->request.model, x->request.dispatch, n, x->request.tokens);
		struct spread s = {0}, rows = {0};
		struct cost cost;
		double want[RESOURCE_KINDS];

		add_rows(x, load_kind(stage->flow), rank, stage->backward, &s);
		add_rows(x, LOAD_ROWS, rank, stage->backward, &rows);
		z.n_in = sum_of(stage->backward ? rows.held : rows.needed, TIER_SELF);
		cost = stage->cost(&z);
		if (stage->flow == &flow_sdma_mte)
			add_engines(x, rank, stage->backward, cost.wire, &s);
		expected(m, &cost, &s, want);
		for (int kind = 0; kind < RESOURCE_KINDS; kind++) {
			sums[kind] += want[kind];
			if (is_of_rank(kind))
				NEARLY(got[rank * RESOURCE_KINDS + kind], want[kind], 0,
				       "%s, %s %s %s, rank %lld: %s", m->name, stage->flow->name,
				       phase_names[stage->phase], stage->label, (long long)rank,
				       resource_kind_name(kind));
		}
	}
	for (int kind = 0; kind < RESOURCE_KINDS; kind++) /* weights of links are fractions */
		if (!is_of_rank(kind))
			NEARLY(got[kind], sums[kind], 1e-13, "%s, %s %s %s: %s", m->name,
			       stage->flow->name, phase_names[stage->phase], stage->label,
			       resource_kind_name(kind));
	CU_ASSERT_EQUAL(sums[RES_EGRESS], sums[RES_INGRESS]);
	CU_ASSERT_EQUAL(sums[RES_NIC_OUT], sums[RES_NIC_IN]);
	free(got);
}

static const struct {
	const char *machine;
	int64_t ep;
} places[] = {
        {"cloudmatrix384", 16},
        {"cloudmatrix384", 32},
        {"cloudmatrix384", 1},
        {"atlas-a2", 8},
        {"atlas-a2", 16},
        {"h800-node-rdma", 16},
        {"node:4 die:8 package:4 die_link:100GBps trunk:200GBps", 32},
        {"node:4 die:8 package:4 trunk:200GBps", 16},
        {"node:2 die:16 package:2 die_link:100GBps rdma:25GBps", 32},
};

static void place_is_as_counted(const struct config *c, int64_t ep)
{
	const struct routing_spec uniform = {
	        .kind = ROUTING_UNIFORM, .file = "", .model = "", .domain = "", .seed = 5};

	for (size_t i = 0; i < 2 * stages_count; i++) {
		const struct stage *s = &stages[i / 2];
		struct exchange_wish w = {.machine = &c->machine,
		                          .model = &c->model,
		                          .flow = s->flow,
		                          .phase = s->phase,
		                          .dispatch = i % 2 ? DTYPE_INT8 : DTYPE_BF16,
		                          .n_ranks = ep,
		                          .tokens = 17,
		                          .routing = &uniform};
		struct exchange x;

		if (!exchange_init(&x, &w)) {
			CU_ASSERT_PTR_NOT_NULL(s->flow->applies);
			continue;
		}
		stage_is_as_counted(&x, s);
		exchange_fini(&x);
	}
}

static void all_ranks_move_what_routing_counts(void)
{
	for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
		struct config *c = config_of(places[p].machine, "deepseek-v3.1");

		place_is_as_counted(c, places[p].ep);
		config_free(c);
	}
}

/* Control bytes pass each link of a pair once, not once for each of its ends. */
static void control_passes_each_link_once(void)
{
	struct config *c = config_of("node:1 die:8 package:4 die_link:100GBps", "deepseek-v3.1");
	struct exchange_wish w = {.machine = &c->machine,
	                          .model = &c->model,
	                          .flow = &flow_direct,
	                          .phase = PHASE_PREFILL,
	                          .n_ranks = 8,
	                          .whole = true};
	struct exchange x;

	CU_ASSERT_TRUE_FATAL(exchange_init(&x, &w));
	double *load = heap_zeroed(x.graph->n_resources, sizeof *load);

	graph_loads(x.graph, load); /* no rows: the counts are all there is */
	for (uint32_t r = 0; r < x.graph->n_resources; r++)
		if (x.graph->kind[r] == RES_DIE_LINK && load[r] > 0)
			NEARLY(load[r], 4 * 256, 1e-14, "link %u", r);
	free(load);
	exchange_fini(&x);
	config_free(c);
}

static const struct unit_test tests[] = {
        {"one rank moves what the table says", one_rank_moves_what_the_table_says},
        {"known answer of a decode exchange", known_answer_of_a_decode_exchange},
        {"all ranks move what routing counts", all_ranks_move_what_routing_counts},
        {"control passes each link once", control_passes_each_link_once},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow_bytes", tests);
}
