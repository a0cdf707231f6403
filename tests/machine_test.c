/* Machines: distances between dies, one-line machines, what is refused, the issue curve; and the
 * topology that is laid over them: peers, links, who may stand for all. */
#include "models/machine.h"
#include "sim/topology.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <string.h>

/* 2 nodes of 3 packages of 2 dies: 0 1 | 2 3 | 4 5 || 6 7 | 8 9 | 10 11 */
static struct machine small_machine(void)
{
	return (struct machine){
	        .nodes = 2,
	        .packages_per_node = 3,
	        .dies_per_package = 2,
	        .die_link = {.rate_Bps = 1, .latency_s = 1},
	        .fabric = {.span = SPAN_MACHINE, .node_latency_s = 2, .far_latency_s = 3},
	        .rdma = {.latency_s = 4}};
}

struct pair {
	int64_t a, b;
	enum tier joined, split, linkless; /* fabric over all; over nodes; no die link */
};

static const struct pair pairs[] = {
        {0, 0, TIER_SELF, TIER_SELF, TIER_SELF},
        {11, 11, TIER_SELF, TIER_SELF, TIER_SELF},
        {0, 1, TIER_PACKAGE, TIER_PACKAGE, TIER_NODE},
        {4, 5, TIER_PACKAGE, TIER_PACKAGE, TIER_NODE},
        {1, 2, TIER_NODE, TIER_NODE, TIER_NODE},
        {0, 5, TIER_NODE, TIER_NODE, TIER_NODE},
        {5, 6, TIER_FAR, TIER_RDMA, TIER_FAR},
        {0, 11, TIER_FAR, TIER_RDMA, TIER_FAR},
        {10, 11, TIER_PACKAGE, TIER_PACKAGE, TIER_NODE},
};

static void pairs_are_as_far_as_drawn(void)
{
	struct machine joined = small_machine(), split = joined, linkless = joined;

	split.fabric.span = SPAN_NODE, linkless.die_link.rate_Bps = 0;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		const struct pair *p = &pairs[i];

		CU_ASSERT_EQUAL(machine_tier(&joined, p->a, p->b), p->joined);
		CU_ASSERT_EQUAL(machine_tier(&joined, p->b, p->a), p->joined);
		CU_ASSERT_EQUAL(machine_tier(&split, p->a, p->b), p->split);
		CU_ASSERT_EQUAL(machine_tier(&split, p->b, p->a), p->split);
		CU_ASSERT_EQUAL(machine_tier(&linkless, p->a, p->b), p->linkless);
	}
	for (enum tier t = TIER_SELF; t < TIERS; t++)
		CU_ASSERT_EQUAL(machine_latency_s(&joined, t), (double)t);
	CU_ASSERT_EQUAL(machine_dies(&joined), 12);
	CU_ASSERT_EQUAL(machine_dies_per_node(&joined), 6);
}

static const char *const lines[] = {
        "node:1 die:1",
        "node:1 die:8",
        "node:3 die:4",
        "node:2 die:16 package:2 die_link:1GBps",
        "node:2 die:12 package:4 die_link:1GBps latency:1us far:2us",
        "node:2 die:12 package:3",
        "node:2 die:8 rdma:25GBps",
        "node:3 die:4 mesh rdma:25GBps",
        "node:1 die:8 mesh",
        "node:3 die:4 trunk:100GBps",
        "node:3 die:4 package:2 die_link:9GBps trunk:100GBps",
};
enum { LINES = sizeof lines / sizeof *lines };

/* Calls visit with a topology of n ranks, for every line and every n. */
static void each_topology(bool symmetric, void (*visit)(const struct topology *t))
{
	for (size_t i = 0; i < LINES; i++) {
		struct config *c = config_of(lines[i], NULL);

		for (int64_t n = 1; n <= machine_dies(&c->machine); n++) {
			struct graph *g = graph_new();
			struct topology t;

			if (!symmetric || topology_can_be_symmetric(&c->machine, n)) {
				topology_init(&t, &c->machine, n, 0, symmetric, g);
				visit(&t);
			}
			graph_free(g);
		}
		config_free(c);
	}
}

static void peers_are_counted(const struct topology *t)
{
	for (int64_t rank = 0; rank < t->n_ranks; rank++) {
		int64_t count[TIERS] = {0};
		enum tier farthest = TIER_SELF;

		for (int64_t peer = 0; peer < t->n_ranks; peer++) {
			enum tier tier = machine_tier(t->machine, rank, peer);

			count[tier]++;
			farthest = tier > farthest ? tier : farthest;
		}
		for (enum tier tier = TIER_SELF; tier < TIERS; tier++)
			CU_ASSERT_EQUAL(topology_peers(t, rank, tier), count[tier]);
		if (rank == 0)
			CU_ASSERT_EQUAL(machine_farthest(t->machine, t->n_ranks), farthest);
	}
}

static void peers_are_what_counting_gives(void)
{
	each_topology(false, peers_are_counted);
}

/* One may stand for all just when all see the same numbers of peers. */
static void one_stands_for_all_when_all_see_the_same(void)
{
	for (size_t i = 0; i < LINES; i++) {
		struct config *c = config_of(lines[i], NULL);

		for (int64_t n = 1; n <= machine_dies(&c->machine); n++) {
			struct topology t = {.machine = &c->machine, .n_ranks = n};
			bool same = true;

			for (int64_t rank = 1; rank < n; rank++)
				for (enum tier tier = TIER_SELF; tier < TIERS; tier++)
					same &= topology_peers(&t, rank, tier) ==
					        topology_peers(&t, 0, tier);
			/* without a die link packages play no part, but are asked to be full */
			if (c->machine.die_link.rate_Bps > 0 || c->machine.dies_per_package == 1)
				CU_ASSERT_EQUAL(topology_can_be_symmetric(&c->machine, n), same);
			if (topology_can_be_symmetric(&c->machine, n))
				CU_ASSERT_TRUE(same);
		}
		config_free(c);
	}
}

/* ---- paths ---- */

/* Kinds of resources on the way, in order. */
static void path_kinds(const struct topology *t, enum tier tier, enum resource_kind *out, size_t *n)
{
	bool mesh = t->machine->fabric.kind == FABRIC_MESH;

	*n = 0;
	if (tier == TIER_PACKAGE)
		out[(*n)++] = RES_DIE_LINK;
	if (tier == TIER_RDMA)
		out[(*n)++] = RES_NIC_OUT, out[(*n)++] = RES_NIC_IN;
	if (tier == TIER_NODE && mesh)
		out[(*n)++] = RES_MESH_LINK;
	if ((tier == TIER_NODE && !mesh) || tier == TIER_FAR)
		out[(*n)++] = RES_EGRESS, out[(*n)++] = RES_INGRESS;
	if (tier == TIER_FAR && t->machine->fabric.trunk_Bps > 0)
		out[(*n)++] = RES_TRUNK_UP, out[(*n)++] = RES_TRUNK_DOWN;
}

static void path_is_right(const struct topology *t, int64_t from, int64_t to)
{
	struct use uses[PATH_USES];
	enum resource_kind kinds[PATH_USES];
	enum tier tier = machine_tier(t->machine, from, to);
	size_t n = topology_path(t, tier, from, to, uses), want;
	int64_t per_node = machine_dies_per_node(t->machine);

	path_kinds(t, tier, kinds, &want);
	CU_ASSERT_EQUAL_FATAL(n, want);
	for (size_t i = 0; i < n; i++) {
		uint32_t owner = t->graph->owner[uses[i].resource];
		enum resource_kind kind = t->graph->kind[uses[i].resource];

		CU_ASSERT_EQUAL(kind, kinds[i]);
		CU_ASSERT_EQUAL(uses[i].weight_ratio, 1);
		if (kind == RES_EGRESS || kind == RES_NIC_OUT)
			CU_ASSERT_EQUAL(owner, from);
		if (kind == RES_INGRESS || kind == RES_NIC_IN)
			CU_ASSERT_EQUAL(owner, to);
		if (kind == RES_TRUNK_UP)
			CU_ASSERT_EQUAL(owner, from / per_node);
		if (kind == RES_TRUNK_DOWN)
			CU_ASSERT_EQUAL(owner, to / per_node);
	}
}

static void paths_are_right(const struct topology *t)
{
	uint32_t link_of[64][64];

	for (int64_t from = 0; from < t->n_ranks; from++) {
		for (int64_t to = 0; to < t->n_ranks; to++) {
			struct use uses[PATH_USES];
			enum tier tier = machine_tier(t->machine, from, to);

			path_is_right(t, from, to);
			link_of[from][to] = UINT32_MAX;
			if (topology_path(t, tier, from, to, uses) == 1)
				link_of[from][to] = uses[0].resource;
		}
	}
	/* links of pairs belong to one ordered pair each */
	for (int64_t a = 0; a < t->n_ranks * t->n_ranks; a++) {
		uint32_t link = link_of[a / t->n_ranks][a % t->n_ranks];

		for (int64_t b = 0; b < a && link != UINT32_MAX; b++)
			CU_ASSERT_NOT_EQUAL(link, link_of[b / t->n_ranks][b % t->n_ranks]);
	}
}

static void paths_pass_the_links_of_their_ends(void)
{
	each_topology(false, paths_are_right);
}

/* What all ranks send to their peers of a tier, 1 unit each, loads the links of the one rank, in
 * the symmetric form, as it loads those of the whole. */
static void quotient_loads_match(const struct topology *t)
{
	struct graph *g = graph_new();
	struct topology whole;
	double load[64 * 64];

	topology_init(&whole, t->machine, t->n_ranks, 0, false, g);
	CU_ASSERT_TRUE_FATAL(g->n_resources <= 64 * 64);
	for (enum tier tier = TIER_PACKAGE; tier < TIERS; tier++) {
		struct use uses[PATH_USES];
		double peers = (double)topology_peers(t, 0, tier);
		size_t n = peers > 0 ? topology_path(t, tier, 0, 0, uses) : 0;

		memset(load, 0, sizeof load);
		for (int64_t pair = 0; pair < t->n_ranks * t->n_ranks; pair++) {
			struct use of_pair[PATH_USES];
			int64_t from = pair / t->n_ranks, to = pair % t->n_ranks;
			size_t k = machine_tier(t->machine, from, to) == tier
			                   ? topology_path(&whole, tier, from, to, of_pair)
			                   : 0;

			while (k-- > 0)
				load[of_pair[k].resource] += of_pair[k].weight_ratio;
		}
		for (uint32_t r = 0; r < g->n_resources; r++) {
			for (size_t i = 0; i < n && load[r] > 0; i++)
				if (t->graph->kind[uses[i].resource] == g->kind[r])
					NEARLY(load[r], peers * uses[i].weight_ratio, 1e-14,
					       "%s, %lld ranks, tier %s", t->machine->describes,
					       (long long)t->n_ranks, tier_name(tier));
		}
	}
	graph_free(g);
}

static void one_rank_loads_links_as_all_do(void)
{
	each_topology(true, quotient_loads_match);
}

/* ---- the issue curve ---- */

/* Throughput in units of one core's at 8, 16, ... cores: UBEP Fig. 3b, arXiv:2607.06202. */
static void issue_curve_fits_ubep(void)
{
	static const struct {
		int64_t cores;
		double units;
	} measured[] = {{8, 8}, {16, 12.27}, {24, 13.82}, {32, 14.59}, {48, 14.93}};

	for (size_t i = 0; i < sizeof measured / sizeof *measured; i++)
		NEARLY(machine_issue_Bps(1.04, 14.91, 3, measured[i].cores), measured[i].units,
		       0.04, "%lld cores", (long long)measured[i].cores);
}

static void issue_curve_keeps_its_bounds(void)
{
	static const double sharpness[] = {0.5, 1, 3, 10, 100};

	for (size_t i = 0; i < sizeof sharpness / sizeof *sharpness; i++) {
		double p = sharpness[i], before = 0;

		for (int64_t n = 1; n <= 256; n++) {
			double Bps = machine_issue_Bps(2, 32, p, n);

			CU_ASSERT(Bps >= before);
			CU_ASSERT(Bps <= fmin(2 * (double)n, 32));
			/* a system of units may not matter, to the bit */
			CU_ASSERT_EQUAL(machine_issue_Bps(8, 128, p, n), 4 * Bps);
			before = Bps;
		}
		/* where n cores alone would just saturate */
		NEARLY(machine_issue_Bps(2, 32, p, 16), 32 / pow(2, 1 / p), 1e-14, "p %g", p);
	}
}

static void more_cores_never_put_or_get_less(void)
{
	struct arena *a = arena_new();

	for (const char **name = config_names(SECTION_MACHINE, a); *name; name++) {
		struct config *c = config_of(*name, NULL);
		const struct machine *m = &c->machine;

		for (int64_t n = 1; n < m->vector.cores; n++) {
			CU_ASSERT(machine_put_Bps(m, n, 1) < machine_put_Bps(m, n + 1, 1));
			CU_ASSERT(machine_get_Bps(m, n, 1) < machine_get_Bps(m, n + 1, 1));
		}
		CU_ASSERT(machine_put_Bps(m, m->vector.cores, 1) < m->fabric.put_Bps);
		CU_ASSERT(machine_get_Bps(m, m->vector.cores, 1) < m->fabric.get_Bps);
		config_free(c);
	}
	arena_free(a);
}

/* ---- one-line machines ---- */

struct line {
	const char *text;
	int64_t nodes, packages, dies;
	double fabric_Bps, put_Bps, node_s, far_s, rdma_Bps;
	int kind, span;
};

static const struct line good_lines[] = {
        {"node:1", 1, 8, 1, 100e9, 100e9, 0, 0, 0, FABRIC_SWITCH, SPAN_MACHINE},
        {"node:4 die:16", 4, 16, 1, 100e9, 100e9, 0, 0, 0, FABRIC_SWITCH, SPAN_MACHINE},
        {"package:2 die:16 node:4", 4, 8, 2, 100e9, 100e9, 0, 0, 0, FABRIC_SWITCH, SPAN_MACHINE},
        {"fabric:196GBps latency:1us", 1, 8, 1, 196e9, 196e9, 1e-6, 1e-6, 0, FABRIC_SWITCH,
         SPAN_MACHINE},
        {"fabric:196GBps put:138GBps latency:1us far:2us", 1, 8, 1, 196e9, 138e9, 1e-6, 2e-6, 0,
         FABRIC_SWITCH, SPAN_MACHINE},
        {"node:2 rdma:200Gbps", 2, 8, 1, 100e9, 100e9, 0, 0, 25e9, FABRIC_SWITCH, SPAN_NODE},
        {"  node:2\tdie:4  mesh rdma:25GBps ", 2, 4, 1, 100e9, 100e9, 0, 0, 25e9, FABRIC_MESH,
         SPAN_NODE},
        {"mesh die:256", 1, 256, 1, 100e9, 100e9, 0, 0, 0, FABRIC_MESH, SPAN_NODE},
};

static void good_lines_read(void)
{
	for (size_t i = 0; i < sizeof good_lines / sizeof *good_lines; i++) {
		const struct line *l = &good_lines[i];
		struct arena *a = arena_new();
		struct machine m;
		struct err e = {0};

		CU_ASSERT_TRUE(machine_is_synthetic(l->text));
		machine_synthetic(l->text, a, &m, &e);
		UNIT_TEXT(e.text, "");
		CU_ASSERT_EQUAL(m.nodes, l->nodes);
		CU_ASSERT_EQUAL(m.packages_per_node, l->packages);
		CU_ASSERT_EQUAL(m.dies_per_package, l->dies);
		CU_ASSERT_EQUAL(m.fabric.rate_Bps, l->fabric_Bps);
		CU_ASSERT_EQUAL(m.fabric.put_Bps, l->put_Bps);
		CU_ASSERT_EQUAL(m.fabric.node_latency_s, l->node_s);
		CU_ASSERT_EQUAL(m.fabric.far_latency_s, l->far_s);
		CU_ASSERT_EQUAL(m.rdma.rate_Bps, l->rdma_Bps);
		CU_ASSERT_EQUAL(m.fabric.kind, l->kind);
		CU_ASSERT_EQUAL(m.fabric.span, l->span);
		UNIT_TEXT(m.describes, l->text);
		arena_free(a);
	}
	CU_ASSERT_FALSE(machine_is_synthetic("cloudmatrix384"));
	CU_ASSERT_FALSE(machine_is_synthetic("configs/machines/a:b"));
	CU_ASSERT_FALSE(machine_is_synthetic("a:b.yaml"));
}

static void wrong_lines_are_refused(void)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
	        {"node:4 dye:8", "machine line: 'dye' is no word:value of it; did you mean 'die'"},
	        {"node:4 die", "'die' is no word:value of it"},
	        {"node:4 mash", "did you mean 'mesh'"},
	        {"fabric:196", "needs a unit"},
	        {"latency:1GBps", "latency"},
	        {"node:0", "node"},
	        {"node:-1", "node"},
	        {"node:x", "node"},
	        {"node:", "node"},
	        {"vector:0", "vector"},
	        {"hbm:0Bps", "machine.hbm.rate must be above zero"},
	        {"fabric:0GBps", "machine.fabric.rate must be above zero"},
	        {"die:8 package:3", "die:8 is not a multiple of package:3"},
	        {"mesh die:8 package:2", "dies_per_package must be 1, not 2"},
	        {"mesh die:257", "a mesh joins at most 256 dies, not 257"},
	        {"node:2 mesh", "2 nodes need rdma.rate above zero"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct arena *a = arena_new();
		struct machine m;
		struct err e = {0};

		CU_ASSERT_EQUAL(machine_synthetic(wrong[i].text, a, &m, &e), RC_CONFIG);
		UNIT_HOLDS(e.text, wrong[i].message);
		arena_free(a);
	}
}

/* ---- checks ---- */

static const struct {
	const char *path, *value, *message;
} refused[] = {
        {"hbm.capacity", "0B", "machine.hbm.capacity must be above zero"},
        {"hbm.usable", "0%", "machine.hbm.usable must be above zero"},
        {"hbm.efficiency", "0", "machine.hbm.efficiency must be above zero"},
        {"cube.bf16", "0TFLOPS", "machine.cube.bf16 must be above zero"},
        {"grouped.peak", "0", "machine.grouped.peak must be above zero"},
        {"vector.put_core", "0Bps", "machine.vector.put_core must be above zero"},
        {"vector.get_core", "0Bps", "machine.vector.get_core must be above zero"},
        {"vector.copy_core", "0Bps", "machine.vector.copy_core must be above zero"},
        {"fabric.put", "0Bps", "machine.fabric.put must be above zero"},
        {"fabric.get", "0Bps", "machine.fabric.get must be above zero"},
        {"fabric.rate", "10000000TBps", "machine.fabric.rate of 10000000 TBps is no machine's"},
        {"sync.host", "2h", "is no machine's"},
        {"fabric.kind", "mesh", "a mesh fabric joins single dies"},
        {"dies_per_package", "1", ""}, /* fine by itself */
        {"fabric.span", "node", ""},   /* there is RDMA */
        {"rdma.rate", "0Bps", ""},     /* the fabric spans the machine */
};

static void checks_say_what_is_wrong(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct config *c = config_of("cloudmatrix384", NULL);
		struct err e = {0};

		CU_ASSERT_EQUAL(fields_set(machine_fields, &c->machine, refused[i].path,
		                           refused[i].value, "test", c->arena, NULL, &e),
		                RC_OK);
		machine_check(&c->machine, "here", &e);
		if (*refused[i].message) {
			UNIT_HOLDS(e.text, refused[i].message);
			UNIT_HOLDS(e.text, "here: ");
		} else {
			UNIT_TEXT(e.text, "");
		}
		config_free(c);
	}
}

static void checks_of_two_fields(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	struct err e = {0};

	c->machine.dies_per_package = 1, c->machine.fabric.kind = FABRIC_MESH;
	CU_ASSERT_EQUAL(machine_check(&c->machine, "here", &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "set fabric.span to node");
	c->machine.fabric.span = SPAN_NODE;
	CU_ASSERT_EQUAL(machine_check(&c->machine, "here", &e), RC_OK);
	c->machine.rdma.rate_Bps = 0;
	CU_ASSERT_EQUAL(machine_check(&c->machine, "here", &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "48 nodes need rdma.rate above zero");
	config_free(c);
}

/* put and get between two are what the file says; each doubling of the peers takes the same share,
 * until one core is the limit. */
static void peers_share_the_port(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	struct machine *m = &c->machine;

	m->fabric.contention_ratio = 0.1;
	CU_ASSERT_EQUAL(machine_shared_ratio(m, 0), 1);
	CU_ASSERT_EQUAL(machine_shared_ratio(m, 1), 1);
	for (int64_t n = 1; n <= 512; n *= 2) {
		CU_ASSERT_DOUBLE_EQUAL(machine_shared_ratio(m, 2 * n) / machine_shared_ratio(m, n),
		                       pow(2, -0.1), 1e-12);
		CU_ASSERT_TRUE(machine_put_Bps(m, 48, 2 * n) < machine_put_Bps(m, 48, n));
		CU_ASSERT_TRUE(machine_get_Bps(m, 48, 2 * n) < machine_get_Bps(m, 48, n));
		CU_ASSERT_TRUE(machine_put_Bps(m, 1, 2 * n) > 0.98 * machine_put_Bps(m, 1, n));
	}
	m->fabric.contention_ratio = 0; /* off */
	CU_ASSERT_EQUAL(machine_put_Bps(m, 48, 1000), machine_put_Bps(m, 48, 1));
	config_free(c);
}

static void rates_by_type(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	const struct machine *m = &c->machine;

	CU_ASSERT_EQUAL(machine_hbm_Bps(m), 1.6e12 * 0.84);
	CU_ASSERT_EQUAL(machine_peak_flops(m, DTYPE_BF16), 353.9e12);
	CU_ASSERT_EQUAL(machine_peak_flops(m, DTYPE_INT8), 707.9e12);
	CU_ASSERT_EQUAL(machine_peak_flops(m, DTYPE_FP8), 0);
	CU_ASSERT_EQUAL(machine_peak_flops(m, DTYPE_FP4), 0);
	config_free(c);
}

static const struct unit_test tests[] = {
        {"pairs are as far as drawn", pairs_are_as_far_as_drawn},
        {"peers are what counting gives", peers_are_what_counting_gives},
        {"one stands for all when all see the same", one_stands_for_all_when_all_see_the_same},
        {"paths pass the links of their ends", paths_pass_the_links_of_their_ends},
        {"one rank loads links as all do", one_rank_loads_links_as_all_do},
        {"issue curve fits UBEP", issue_curve_fits_ubep},
        {"issue curve keeps its bounds", issue_curve_keeps_its_bounds},
        {"more cores never put or get less", more_cores_never_put_or_get_less},
        {"good lines read", good_lines_read},
        {"wrong lines are refused", wrong_lines_are_refused},
        {"checks say what is wrong", checks_say_what_is_wrong},
        {"checks of two fields", checks_of_two_fields},
        {"peers share the port", peers_share_the_port},
        {"rates by type", rates_by_type},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("machine", tests);
}
