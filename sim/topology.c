#include "sim/topology.h"

bool topology_can_be_symmetric(const struct machine *m, int64_t n_ranks)
{
	int64_t node = machine_dies_per_node(m);

	if (n_ranks <= m->dies_per_package)
		return true;
	if (n_ranks <= node)
		return n_ranks % m->dies_per_package == 0;
	return n_ranks % node == 0;
}

static uint32_t per_rank(struct topology *t, enum resource_kind kind, double capacity_per_s)
{
	uint32_t first = t->graph->n_resources;

	for (int64_t r = 0; r < t->n_built; r++)
		graph_resource(t->graph, kind, (uint32_t)r, capacity_per_s);
	return first;
}

static int64_t nodes_of(const struct topology *t)
{
	int64_t per_node = machine_dies_per_node(t->machine);

	return t->symmetric ? 1 : (t->n_ranks + per_node - 1) / per_node;
}

static uint32_t per_node(struct topology *t, enum resource_kind kind, double capacity_per_s)
{
	uint32_t first = t->graph->n_resources;

	for (int64_t node = 0; node < nodes_of(t); node++)
		graph_resource(t->graph, kind, (uint32_t)node, capacity_per_s);
	return first;
}

/* One link for each rank and each place among the `span` neighbours it could be linked to. */
static uint32_t per_pair(struct topology *t, enum resource_kind kind, int64_t span,
                         double capacity_per_s)
{
	uint32_t first = t->graph->n_resources;
	int64_t links = t->symmetric ? 1 : t->n_ranks * span;

	for (int64_t link = 0; link < links; link++)
		graph_resource(t->graph, kind, (uint32_t)link, capacity_per_s);
	return first;
}

static void links_init(struct topology *t)
{
	const struct machine *m = t->machine;

	if (m->die_link.rate_Bps > 0 && m->dies_per_package > 1)
		t->die_link = per_pair(t, RES_DIE_LINK, m->dies_per_package, m->die_link.rate_Bps);
	if (m->fabric.kind == FABRIC_MESH) {
		t->mesh_link =
		        per_pair(t, RES_MESH_LINK, machine_dies_per_node(m), m->fabric.rate_Bps);
	} else {
		t->egress = per_rank(t, RES_EGRESS, m->fabric.rate_Bps);
		t->ingress = per_rank(t, RES_INGRESS, m->fabric.rate_Bps);
	}
	if (m->fabric.trunk_Bps > 0) {
		t->trunk_up = per_node(t, RES_TRUNK_UP, m->fabric.trunk_Bps);
		t->trunk_down = per_node(t, RES_TRUNK_DOWN, m->fabric.trunk_Bps);
	}
	if (m->rdma.rate_Bps > 0) {
		t->nic_out = per_rank(t, RES_NIC_OUT, m->rdma.rate_Bps);
		t->nic_in = per_rank(t, RES_NIC_IN, m->rdma.rate_Bps);
	}
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void topology_init(struct topology *t, const struct machine *m, int64_t n_ranks,
                   int64_t vector_cores, bool symmetric, struct graph *g)
{
	int64_t cores = vector_cores > 0 ? vector_cores : m->vector.cores;
	int64_t peers = n_ranks - smaller(n_ranks, m->dies_per_package); /* through the fabric */

	CHECK(n_ranks >= 1 && n_ranks <= machine_dies(m));
	CHECK(!symmetric || topology_can_be_symmetric(m, n_ranks));
	*t = (struct topology){.machine = m,
	                       .graph = g,
	                       .n_ranks = n_ranks,
	                       .n_built = symmetric ? 1 : n_ranks,
	                       .symmetric = symmetric,
	                       .cores_count = (double)cores};
	t->quantise_Bps = m->vector.quantise_core_Bps * (double)cores;
	t->message_s = m->vector.message_s / (double)cores;
	g->rank_multiplicity_count = symmetric ? (double)n_ranks : 1;
	t->hbm = per_rank(t, RES_HBM, machine_hbm_Bps(m));
	t->cube = per_rank(t, RES_CUBE, m->cube.bf16_flops);
	t->put = per_rank(t, RES_PUT, machine_put_Bps(m, cores, peers));
	t->get = per_rank(t, RES_GET, machine_get_Bps(m, cores, peers));
	t->copy = per_rank(t, RES_COPY, m->vector.copy_core_Bps * (double)cores);
	if (m->sdma.rate_Bps > 0)
		t->sdma = per_rank(t, RES_SDMA, m->sdma.rate_Bps);
	links_init(t);
}

/* Ranks of the group among the `span` dies that start at a multiple of span and hold `rank`. */
static int64_t ranks_around(const struct topology *t, int64_t rank, int64_t span)
{
	int64_t first = rank / span * span;

	return smaller(first + span, t->n_ranks) - first;
}

int64_t topology_peers(const struct topology *t, int64_t rank, enum tier tier)
{
	const struct machine *m = t->machine;
	int64_t package = ranks_around(t, rank, m->dies_per_package);
	int64_t node = ranks_around(t, rank, machine_dies_per_node(m));
	bool linked = m->die_link.rate_Bps > 0;

	switch (tier) {
	case TIER_SELF:
		return 1;
	case TIER_PACKAGE:
		return linked ? package - 1 : 0;
	case TIER_NODE:
		return node - (linked ? package : 1);
	case TIER_FAR:
		return m->fabric.span == SPAN_MACHINE ? t->n_ranks - node : 0;
	default:
		return m->fabric.span == SPAN_NODE ? t->n_ranks - node : 0;
	}
}

static size_t add(struct use *out, size_t n, uint32_t resource, double weight_ratio)
{
	out[n] = (struct use){resource, weight_ratio};
	return n + 1;
}

/* The link of a pair, or in the symmetric form the part of all links that one of them is. */
static size_t add_pair(const struct topology *t, uint32_t first, int64_t span, enum tier tier,
                       int64_t from, int64_t to, struct use *out, size_t n)
{
	if (t->symmetric)
		return add(out, n, first, 1 / (double)topology_peers(t, 0, tier));
	return add(out, n, first + (uint32_t)(from * span + to % span), 1);
}

static size_t fabric_path(const struct topology *t, enum tier tier, int64_t from, int64_t to,
                          struct use *out)
{
	int64_t per_node = machine_dies_per_node(t->machine);
	double ranks = t->symmetric ? (double)ranks_around(t, 0, per_node) : 1;
	size_t n = 0;

	n = add(out, n, t->egress + (uint32_t)from, 1);
	n = add(out, n, t->ingress + (uint32_t)to, 1);
	if (tier == TIER_FAR && t->machine->fabric.trunk_Bps > 0) {
		n = add(out, n, t->trunk_up + (uint32_t)(from / per_node), ranks);
		n = add(out, n, t->trunk_down + (uint32_t)(to / per_node), ranks);
	}
	return n;
}

size_t topology_path(const struct topology *t, enum tier tier, int64_t from, int64_t to,
                     struct use *out)
{
	const struct machine *m = t->machine;
	size_t n = 0;

	switch (tier) {
	case TIER_SELF:
		return 0;
	case TIER_PACKAGE:
		return add_pair(t, t->die_link, m->dies_per_package, tier, from, to, out, 0);
	case TIER_RDMA:
		n = add(out, n, t->nic_out + (uint32_t)from, 1);
		return add(out, n, t->nic_in + (uint32_t)to, 1);
	default:
		if (m->fabric.kind == FABRIC_MESH)
			return add_pair(t, t->mesh_link, machine_dies_per_node(m), tier, from, to,
			                out, 0);
		return fabric_path(t, tier, from, to, out);
	}
}

/* The links of a rank to the other members of its aligned group, one way; span: how many links
 * each rank has numbers for. A pair's link is the side of both its ends: each takes half. */
static size_t spread_pairs(const struct topology *t, uint32_t first, int64_t span, int64_t group,
                           int64_t rank, bool outward, struct use *out, size_t room)
{
	int64_t base = rank / group * group, peers = ranks_around(t, rank, group) - 1;
	double part_ratio = 0.5 / (double)peers;
	size_t n = 0;

	if (t->symmetric)
		return add(out, 0, first, part_ratio);
	for (int64_t peer = base; peer < base + peers + 1; peer++) {
		int64_t from = outward ? rank : peer, to = outward ? peer : rank;

		if (peer == rank)
			continue;
		CHECK(n < room);
		n = add(out, n, first + (uint32_t)(from * span + to % span), part_ratio);
	}
	return n;
}

size_t topology_group_spread(const struct topology *t, int64_t group, int64_t rank, bool outward,
                             struct use *out, size_t room)
{
	const struct machine *m = t->machine;

	CHECK(group > 1 && group <= machine_dies_per_node(m));
	if (machine_farthest(m, group) == TIER_PACKAGE)
		return spread_pairs(t, t->die_link, m->dies_per_package, group, rank, outward, out,
		                    room);
	if (m->fabric.kind == FABRIC_MESH)
		return spread_pairs(t, t->mesh_link, machine_dies_per_node(m), group, rank, outward,
		                    out, room);
	return add(out, 0, (outward ? t->egress : t->ingress) + (uint32_t)rank, 1);
}

size_t topology_spread(const struct topology *t, enum tier tier, int64_t rank, bool outward,
                       struct use *out, size_t room)
{
	const struct machine *m = t->machine;
	int64_t per_node = machine_dies_per_node(m);
	size_t n = 0;

	if (tier == TIER_SELF)
		return 0;
	if (tier == TIER_PACKAGE)
		return spread_pairs(t, t->die_link, m->dies_per_package, m->dies_per_package, rank,
		                    outward, out, room);
	if (tier == TIER_RDMA)
		return add(out, n, (outward ? t->nic_out : t->nic_in) + (uint32_t)rank, 1);
	if (m->fabric.kind == FABRIC_MESH)
		return spread_pairs(t, t->mesh_link, per_node, per_node, rank, outward, out, room);
	n = add(out, n, (outward ? t->egress : t->ingress) + (uint32_t)rank, 1);
	if (tier == TIER_FAR && m->fabric.trunk_Bps > 0)
		n = add(out, n,
		        (outward ? t->trunk_up : t->trunk_down) + (uint32_t)(rank / per_node),
		        t->symmetric ? (double)ranks_around(t, 0, per_node) : 1);
	return n;
}
