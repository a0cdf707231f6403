/* Flows on random machines with random routing: what no table of cases thinks of. Each case is
 * a function of its number, which a failure names. */
#include "models/base/rng.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 1500, MOST_RANKS = 48 };

static double between(struct rng *r, double low, double high)
{
	return low * pow(high / low, rng_uniform_ratio(r));
}

static bool one_in(struct rng *r, uint64_t n)
{
	return rng_below(r, n) == 0;
}

static double maybe(struct rng *r, double low, double high)
{
	return one_in(r, 3) ? 0 : between(r, low, high);
}

static void random_costs(struct rng *r, struct machine *m)
{
	double *times[] = {
	        &m->die_link.latency_s, &m->fabric.node_latency_s, &m->fabric.far_latency_s,
	        &m->rdma.latency_s,     &m->rdma.message_s,        &m->sync.vector_s,
	        &m->vector.message_s,   &m->sync.flag_s,           &m->sync.round_s,
	        &m->sync.kernel_s,      &m->sync.collective_s,     &m->sync.host_s,
	        &m->sync.host_barrier_s};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		*times[i] = maybe(r, 1e-8, 1e-5);
}

static struct machine random_machine(struct rng *r)
{
	struct machine m = {.name = "random", .describes = "random"};

	m.nodes = 1 + (int64_t)rng_below(r, 3), m.packages_per_node = 1 + (int64_t)rng_below(r, 4);
	m.dies_per_package = 1 + (int64_t)rng_below(r, 4);
	m.fabric.kind = one_in(r, 3) ? FABRIC_MESH : FABRIC_SWITCH;
	m.fabric.span = m.fabric.kind == FABRIC_MESH || one_in(r, 3) ? SPAN_NODE : SPAN_MACHINE;
	if (m.fabric.kind == FABRIC_MESH)
		m.dies_per_package = 1;
	m.hbm.capacity_bytes = 1e9, m.hbm.usable_ratio = 1, m.hbm.efficiency_ratio = 1;
	m.hbm.rate_Bps = between(r, 1e10, 1e12), m.cube.bf16_flops = 1e12;
	m.gemm = m.quantised_gemm = m.grouped = m.quantised_grouped =
	        (struct gemm_law){.peak_ratio = 1, .memory_ratio = 1};
	m.prefill_attention.peak_ratio = m.decode_attention.peak_ratio = 1;
	m.decode_attention.memory_ratio = m.decode_attention.strided_ratio = 1;
	m.vector.cores = 1 + (int64_t)rng_below(r, 48);
	m.vector.put_core_Bps = between(r, 1e9, 1e11),
	m.vector.get_core_Bps = between(r, 1e9, 1e11);
	m.vector.sharpness_ratio = 3, m.vector.copy_core_Bps = between(r, 1e10, 1e12);
	m.vector.quantise_core_Bps = maybe(r, 1e9, 1e11);
	m.die_link.rate_Bps = maybe(r, 1e10, 1e12);
	m.fabric.rate_Bps = between(r, 1e10, 1e12);
	m.fabric.put_Bps = between(r, 1e10, 1e12), m.fabric.get_Bps = between(r, 1e10, 1e12);
	m.fabric.trunk_Bps = m.fabric.kind == FABRIC_SWITCH ? maybe(r, 1e10, 1e12) : 0;
	m.rdma.rate_Bps = between(r, 1e9, 1e11);
	m.sdma.rate_Bps = between(r, 1e9, 1e11), m.sdma.path_Bps = maybe(r, 1e9, 1e11);
	m.sdma.latency_s = maybe(r, 1e-8, 1e-5), m.sdma.submit_s = maybe(r, 1e-8, 1e-5);
	random_costs(r, &m);
	return m;
}

static struct moe_model random_model(struct rng *r, int64_t n_ranks)
{
	struct moe_model m = {.name = "random", .groups = 1, .top_groups = 1};

	m.experts = n_ranks * (1 + (int64_t)rng_below(r, 3));
	m.top_k = 1 + (int64_t)rng_below(r, (uint64_t)(m.experts < 8 ? m.experts : 8));
	m.hidden = 1 + (int64_t)rng_below(r, 600);
	m.expert_inter = 1 + m.hidden / 4;
	if (m.experts % 4 == 0 && m.top_k <= m.experts / 2)
		m.groups = 4, m.top_groups = 2;
	return m;
}

struct scene {
	struct machine machine;
	struct moe_model model;
	struct routing_spec routing;
	struct exchange_wish wish;
};

static struct scene random_scene(uint64_t number)
{
	struct scene s = {.routing = {.file = "", .model = "", .domain = ""}};
	struct rng r;
	int64_t dies;

	rng_init(&r, 17, number);
	s.machine = random_machine(&r);
	dies = machine_dies(&s.machine);
	s.wish.n_ranks =
	        1 + (int64_t)rng_below(&r, (uint64_t)(dies < MOST_RANKS ? dies : MOST_RANKS));
	s.model = random_model(&r, s.wish.n_ranks);
	s.routing.seed = (int64_t)number;
	s.routing.kind = (int)rng_below(&r, 3);
	if (s.routing.kind == ROUTING_SKEWED && s.model.top_k == s.model.experts)
		s.routing.kind = ROUTING_UNIFORM;
	if (s.routing.kind == ROUTING_SKEWED)
		s.routing.max_mean_ratio =
		        between(&r, 1, (double)s.model.experts / (double)s.model.top_k);
	if (s.routing.kind == ROUTING_UNIFORM && s.model.groups > 1 && one_in(&r, 2))
		s.routing.kind = ROUTING_GROUPED;
	s.wish.tokens = (int64_t)rng_below(&r, 20);
	s.wish.flow = flows[rng_below(&r, flows_count())];
	s.wish.phase = (enum phase)rng_below(&r, PHASES);
	s.wish.dispatch = one_in(&r, 2) ? DTYPE_BF16 : DTYPE_INT8;
	s.wish.whole = true;
	return s;
}

/* A scene's pointers point into itself. */
static void bind(struct scene *s)
{
	s->wish.machine = &s->machine, s->wish.model = &s->model, s->wish.routing = &s->routing;
}

/* ---- whole graphs ---- */

static double aligned(double bytes, double to)
{
	return ceil(bytes / to) * to;
}

/* Rows of all tokens: one for each expert (block 0), or for each block of so many ranks in which
 * the token has some. */
static double crossings(const struct exchange *x, int64_t block)
{
	int64_t n = x->routing.n_ranks, blocks = block ? (n + block - 1) / block : 0;
	double *touched = heap_zeroed((size_t)(n * blocks) + 1, sizeof *touched), sum = 0;

	if (block)
		routing_block_tokens(&x->routing, block, touched);
	for (int64_t i = 0; i < n * blocks; i++)
		sum += touched[i];
	free(touched);
	return block ? sum : x->routing.rows_per_rank_count * (double)n;
}

/* Rows of all tokens: one for each other node in which the token has some experts. */
static double far_crossings(const struct exchange *x, int64_t node)
{
	int64_t n = x->routing.n_ranks, nodes = (n + node - 1) / node;
	double *touched = heap_zeroed((size_t)(n * nodes), sizeof *touched), sum = 0;

	routing_block_tokens(&x->routing, node, touched);
	for (int64_t i = 0; i < n * nodes; i++)
		sum += i / nodes / node == i % nodes ? 0 : touched[i];
	free(touched);
	return sum;
}

/* Bytes that all transfers of dispatch and of combine carry, rows to oneself included. */
static void wire_bytes(const struct exchange *x, const struct exchange_wish *w, double *dispatch,
                       double *combine)
{
	bool bf16 = w->dispatch == DTYPE_BF16;
	int64_t node = machine_dies_per_node(w->machine);
	double hidden = (double)w->model->hidden, scale = bf16 ? 0 : 4;
	double row = aligned(hidden * (bf16 ? 2 : 1), 32), back = 2 * hidden;
	double scales = bf16 ? 0 : 4 * ceil(hidden / 128), top_k = (double)w->model->top_k;
	double branches = crossings(x, 0), ranks = crossings(x, 1), nodes = crossings(x, node);
	bool one_node = w->n_ranks <= node;

	*combine = branches * back, *dispatch = branches * (row + scale);
	if (w->flow == &flow_relay2)
		*dispatch = branches * aligned(row + 44, 512);
	if (w->flow == &flow_relay2 && w->phase == PHASE_PREFILL)
		*combine = branches * aligned(back, 512);
	if (w->flow == &flow_one_sided || w->flow == &flow_two_phase)
		*dispatch = ranks * (row + scale + 8 * top_k), *combine = ranks * back;
	if (w->flow == &flow_two_phase && !one_node) /* two legs */
		*dispatch *= 2, *combine *= 2;
	if (w->flow == &flow_deepep_ll)
		*dispatch = branches * (row + scales + 16);
	if (w->flow == &flow_ubep) {
		*dispatch = branches * 512 * ceil((row + 44) / 480);
		*combine = branches * 512 * ceil(back / 480);
	}
	if (w->flow == &flow_deepep_normal) {
		double rows = ranks + (one_node ? 0 : nodes);

		*dispatch = rows * aligned(row + scales + 8 + 8 * top_k, 16);
		*combine = rows * back;
	}
	if (w->flow == &flow_fusco) {
		double far = far_crossings(x, node);

		*dispatch += far * (row + scale + 12 * top_k), *combine += far * back;
	}
	if (w->flow == &flow_hierarchical && !one_node)
		*dispatch *= 2, *combine *= 2;
	if (w->flow == &flow_allgather) {
		double rows = (double)(w->tokens * w->n_ranks * w->n_ranks);

		*dispatch = rows * (row + scale), *combine = rows * back;
	}
	if (w->flow == &flow_weight_gather) { /* BF16 weights of three matrices */
		double weights = 3 * hidden * (double)w->model->expert_inter * 2;

		*dispatch = (double)(w->model->experts * w->n_ranks) * weights, *combine = 0;
	}
}

static double moved_bytes(const struct graph *g, const char *phase)
{
	static const char *const moves[] = {"put",    "get",    "forward", "across",
	                                    "gather", "spread", "sdma"};
	double sum = 0;

	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
		char label[64];

		snprintf(label, sizeof label, "%s.%s", phase, moves[i]);
		sum += work_of(g, label);
	}
	return sum;
}

static void rows_arrive(const struct exchange *x, const struct scene *s, uint64_t number)
{
	const struct graph *g = x->graph;
	double load[RESOURCE_KINDS], dispatch, combine;

	graph_loads_by_kind(g, load);
	wire_bytes(x, &s->wish, &dispatch, &combine);
	NEARLY(moved_bytes(g, "dispatch"), dispatch, 1e-12, "case %llu, %s: dispatch",
	       (unsigned long long)number, s->wish.flow->name);
	NEARLY(moved_bytes(g, "combine"), combine, 1e-12, "case %llu, %s: combine",
	       (unsigned long long)number, s->wish.flow->name);
	NEARLY(load[RES_EGRESS], load[RES_INGRESS], 1e-12, "case %llu", (unsigned long long)number);
	NEARLY(load[RES_NIC_OUT], load[RES_NIC_IN], 1e-12, "case %llu", (unsigned long long)number);
	NEARLY(load[RES_TRUNK_UP], load[RES_TRUNK_DOWN], 1e-12, "case %llu",
	       (unsigned long long)number);
}

/* Does the flow decline the scene? It must not decline others. */
static bool declines(const struct exchange_wish *w)
{
	return !flow_serves(w->flow, w->phase) ||
	       (flow_needs_fabric(w->flow) &&
	        machine_farthest(w->machine, w->n_ranks) == TIER_RDMA);
}

static void any_scene_is_lawful(void)
{
	size_t n_built = 0;

	for (uint64_t number = 0; number < CASES; number++) {
		struct scene s = random_scene(number);
		struct exchange x;
		struct err e = {0};

		bind(&s);
		machine_check(&s.machine, "random", &e);
		UNIT_TEXT(e.text, "");
		if (!exchange_init(&x, &s.wish)) {
			CU_ASSERT_TRUE(declines(&s.wish));
			continue;
		}
		CU_ASSERT_FALSE(declines(&s.wish));
		n_built++;
		rows_arrive(&x, &s, number);
		/* makespan_s() checks fluid's timeline */
		AT_MOST(makespan_s(&engine_estimate, x.graph), makespan_s(&engine_fluid, x.graph),
		        1e-12, "case %llu", (unsigned long long)number);
		exchange_fini(&x);
	}
	CU_ASSERT(n_built > CASES / 2);
}

/* ---- the quotient ---- */

static void one_rank_stands_for_all_anywhere(void)
{
	size_t n_tried = 0;

	for (uint64_t number = 0; number < CASES; number++) {
		struct scene s = random_scene(number);
		struct exchange one, all;

		bind(&s);
		s.routing = (struct routing_spec){.kind = ROUTING_BALANCED};
		s.wish.tokens++, s.wish.whole = false;
		if (!topology_can_be_symmetric(&s.machine, s.wish.n_ranks) ||
		    !exchange_init(&one, &s.wish))
			continue;
		n_tried++, s.wish.whole = true;
		CU_ASSERT_TRUE_FATAL(exchange_init(&all, &s.wish));
		NEARLY(makespan_s(&engine_fluid, one.graph), makespan_s(&engine_fluid, all.graph),
		       1e-9, "case %llu", (unsigned long long)number);
		exchange_fini(&one);
		exchange_fini(&all);
	}
	CU_ASSERT(n_tried > CASES / 5);
}

/* ---- names ---- */

static int64_t shuffled(struct rng *r, int64_t n, int64_t *out)
{
	uint32_t item[MOST_RANKS];

	for (int64_t i = 0; i < n; i++)
		item[i] = (uint32_t)i;
	rng_shuffle(r, item, (uint64_t)n);
	for (int64_t i = 0; i < n; i++)
		out[i] = item[i];
	return n;
}

/* A renaming that the machine cannot tell: nodes change places, packages within each node, dies
 * within each package. alike: in all nodes the same way. */
static void renaming(struct rng *r, const struct machine *m, bool alike, int64_t *name)
{
	int64_t nodes[MOST_RANKS], packages[MOST_RANKS], dies[MOST_RANKS];
	int64_t n_nodes = shuffled(r, m->nodes, nodes);
	const struct rng first = *r;

	for (int64_t node = 0; node < n_nodes; node++) {
		int64_t n_packages;

		if (alike)
			*r = first;
		n_packages = shuffled(r, m->packages_per_node, packages);

		for (int64_t package = 0; package < n_packages; package++) {
			int64_t n_dies = shuffled(r, m->dies_per_package, dies);
			int64_t from = (node * n_packages + package) * n_dies;
			int64_t to = (nodes[node] * n_packages + packages[package]) * n_dies;

			for (int64_t die = 0; die < n_dies; die++)
				name[from + die] = to + dies[die];
		}
	}
}

/* The tokens as the renamed ranks have them; a rank's experts move with it. */
static void rename_tokens(struct exchange *x, const struct exchange_wish *w, const int64_t *name)
{
	int64_t n = x->routing.n_ranks, local = x->routing.experts / n, per_rank = 0;
	struct choices *c = arena_alloc(x->arena, sizeof *c), old;
	struct err e = {0};

	routing_choices(&x->routing, x->arena, &old, &e);
	UNIT_TEXT(e.text, "");
	*c = old, per_rank = w->tokens * old.top_k;
	c->expert = arena_alloc(x->arena, (size_t)(n * per_rank) * sizeof *c->expert);
	for (int64_t rank = 0; rank < n; rank++) {
		for (int64_t i = 0; i < per_rank; i++) {
			int64_t expert = old.expert[rank * per_rank + i];

			c->expert[name[rank] * per_rank + i] =
			        (uint32_t)(name[expert / local] * local + expert % local);
		}
	}
	x->routing = choices_routing(c, w->model, x->arena);
}

/* Do rows pass ranks of the same place in other nodes? */
static bool has_twins(const struct flow *f)
{
	return f == &flow_deepep_normal || f == &flow_hierarchical || f == &flow_two_phase;
}

/* Are equals told apart by their numbers? Of ranks with as many rows the first forwards. */
static bool goes_by_number(const struct exchange_wish *w)
{
	return w->flow == &flow_fusco && w->n_ranks > machine_dies_per_node(w->machine);
}

static void names_of_ranks_do_not_matter(void)
{
	size_t n_tried = 0;

	for (uint64_t number = 0; number < CASES; number++) {
		struct scene s = random_scene(number);
		struct exchange x, renamed;
		int64_t name[MOST_RANKS];
		struct rng r;

		bind(&s);
		rng_init(&r, 18, number);
		s.wish.n_ranks = machine_dies(&s.machine);
		s.machine.rdma.message_s = 0; /* messages are posted in the order of ranks */
		s.model.experts = s.wish.n_ranks * 2, s.model.groups = s.model.top_groups = 1;
		s.routing = (struct routing_spec){
		        .kind = ROUTING_UNIFORM, .file = "", .model = "", .domain = ""};
		s.routing.seed = (int64_t)number;
		if (s.wish.n_ranks > MOST_RANKS || s.model.top_k > s.model.experts ||
		    goes_by_number(&s.wish) || !exchange_init(&x, &s.wish))
			continue;
		n_tried++;
		CU_ASSERT_TRUE_FATAL(exchange_ask(&renamed, &s.wish));
		renaming(&r, &s.machine, has_twins(s.wish.flow), name);
		rename_tokens(&renamed, &s.wish, name);
		exchange_build(&renamed, &s.wish);
		NEARLY(makespan_s(&engine_fluid, x.graph), makespan_s(&engine_fluid, renamed.graph),
		       1e-10, "case %llu", (unsigned long long)number);
		NEARLY(makespan_s(&engine_estimate, x.graph),
		       makespan_s(&engine_estimate, renamed.graph), 1e-10, "case %llu",
		       (unsigned long long)number);
		exchange_fini(&x);
		exchange_fini(&renamed);
	}
	CU_ASSERT(n_tried > CASES / 2);
}

/* ---- the reference ---- */

static void fluid_is_simgrid(void)
{
	static const char *const machines[] = {"cloudmatrix384", "atlas-a2",
	                                       "node:2 die:4 fabric:100GBps trunk:150GBps"};
	const struct routing_spec uniform = {
	        .kind = ROUTING_UNIFORM, .file = "", .model = "", .domain = ""};
	const char *why = NULL;

	if (!engine_simgrid.available(&why)) {
		printf("skipped: %s ", why);
		return;
	}
	for (size_t i = 0; i < 3 * flows_count() * PHASES * 2; i++) {
		size_t k = i / 3 / flows_count();
		struct config *c = config_of(machines[i % 3], "deepseek-v3.1");
		struct exchange_wish w = {.machine = &c->machine,
		                          .model = &c->model,
		                          .flow = flows[i / 3 % flows_count()],
		                          .phase = (enum phase)(k % PHASES),
		                          .dispatch = k / PHASES % 2 ? DTYPE_INT8 : DTYPE_BF16,
		                          .n_ranks = 8,
		                          .tokens = 16,
		                          .routing = &uniform};
		struct exchange x;

		if (exchange_init(&x, &w)) {
			NEARLY(makespan_s(&engine_fluid, x.graph),
			       makespan_s(&engine_simgrid, x.graph), 1e-9, "%s %s %s %s",
			       c->machine.name, w.flow->name, phase_names[w.phase],
			       dtype_names[w.dispatch]);
			exchange_fini(&x);
		}
		config_free(c);
	}
}

static const struct unit_test tests[] = {
        {"any scene is lawful", any_scene_is_lawful},
        {"one rank stands for all anywhere", one_rank_stands_for_all_anywhere},
        {"names of ranks do not matter", names_of_ranks_do_not_matter},
        {"fluid is SimGrid", fluid_is_simgrid},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow_random", tests);
}
