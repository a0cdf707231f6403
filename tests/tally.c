#include "tests/tally.h"

void tally_local(struct tally *t, int64_t rank, double bytes)
{
	t->load[rank][RES_HBM] += bytes;
	t->load[rank][RES_COPY] += bytes;
}

static void links(struct tally *t, int64_t from, int64_t to, double bytes)
{
	const struct machine *m = t->machine;
	bool mesh = m->fabric.kind == FABRIC_MESH;

	switch (machine_tier(m, from, to)) {
	case TIER_SELF:
		return;
	case TIER_PACKAGE:
		t->load[from][RES_DIE_LINK] += bytes;
		return;
	case TIER_RDMA:
		t->load[from][RES_NIC_OUT] += bytes, t->load[to][RES_NIC_IN] += bytes;
		return;
	default:
		if (mesh) {
			t->load[from][RES_MESH_LINK] += bytes;
			return;
		}
		t->load[from][RES_EGRESS] += bytes, t->load[to][RES_INGRESS] += bytes;
	}
}

void tally_move(struct tally *t, int64_t from, int64_t to, double bytes, bool put)
{
	int64_t issuer = put ? from : to;

	t->load[put ? to : from][RES_HBM] += bytes;
	if (machine_tier(t->machine, from, to) <= TIER_PACKAGE) /* not by the fabric's port */
		t->load[issuer][RES_COPY] += bytes;
	else
		t->load[issuer][put ? RES_PUT : RES_GET] += bytes;
	links(t, from, to, bytes);
}

void tally_put(struct tally *t, int64_t from, int64_t to, double bytes)
{
	tally_move(t, from, to, bytes, true);
}

void tally_control(struct tally *t, double bytes)
{
	for (int64_t from = 0; from < t->ranks; from++) {
		for (int64_t to = 0; to < t->ranks; to++)
			links(t, from, to, bytes);
	}
}

int64_t tally_twin(const struct tally *t, int64_t rank, int64_t node)
{
	int64_t at = node * t->node + rank % t->node;

	return at < t->ranks ? at : t->ranks - 1;
}

int64_t tally_delegate(const struct tally *t, int64_t source, int64_t node, int64_t other)
{
	int64_t left = t->ranks - node * t->node, of = left < t->node ? left : t->node;

	return node == other ? source : node * t->node + other % of;
}

void tally_forwarders(struct tally *t, const struct choices *c, int64_t node)
{
	double rows[MOST_RANKS] = {0}, load[MOST_RANKS] = {0};
	int64_t first = node * t->node,
	        end = first + t->node < t->ranks ? first + t->node : t->ranks;

	for (int64_t from = 0; from < t->ranks; from++) {
		for (int64_t i = c->first[from] * c->top_k; i < c->first[from + 1] * c->top_k;
		     i++) {
			int64_t owner = (int64_t)(c->expert[i] / t->experts_per_rank);

			rows[from] += owner / t->node == node;
		}
		t->forwarder[from][node] = from;
	}
	for (int64_t left = t->ranks - (end - first); left > 0; left--) {
		int64_t most = -1, least;

		for (int64_t from = 0; from < t->ranks; from++) {
			if (from / t->node != node && rows[from] >= 0 &&
			    (most < 0 || rows[from] > rows[most]))
				most = from;
		}
		least = tally_twin(t, most, node);
		for (int64_t at = first; at < end; at++)
			least = load[at] < load[least] ? at : least;
		t->forwarder[most][node] = least;
		load[least] += rows[most], rows[most] = -1;
	}
}
