/* Who forwards in a node: laws of the choice by load, on random loads. */
#include "sim/nodes.h"
#include <math.h>
#include <stdlib.h>
#include "models/base/rng.h"
#include "tests/exchange.h"
#include "tests/unit.h"

enum { MOST_RANKS = 48, CASES = 400 };

static struct nodes random_nodes(struct rng *r)
{
	return (struct nodes){.n_ranks = 1 + (int64_t)rng_below(r, MOST_RANKS),
	                      .node_ranks = 1 + (int64_t)rng_below(r, 8)};
}

/* Every source is its own forwarder at home and has one of the node's elsewhere. Within a node no
 * rank gets more than the mean and one sender's rows above it. */
static void node_is_shared(const struct nodes *n, const double *rows, int64_t node, int number)
{
	int64_t n_nodes = nodes_count(n), first = node * n->node_ranks, end = first;
	double load[MOST_RANKS] = {0}, sum = 0, most = 0;

	while (end < n->n_ranks && end / n->node_ranks == node)
		end++;
	for (int64_t from = 0; from < n->n_ranks; from++) {
		int64_t by = nodes_forwarder(n, from, node);
		bool at_home = from / n->node_ranks == node;

		CU_ASSERT_EQUAL(by / n->node_ranks, node);
		CU_ASSERT_TRUE(!at_home || by == from);
		if (at_home)
			continue;
		load[by] += rows[from * n_nodes + node];
		sum += rows[from * n_nodes + node];
		most = fmax(most, rows[from * n_nodes + node]);
	}
	for (int64_t at = first; at < end; at++)
		AT_MOST(load[at], sum / (double)(end - first) + most, 1e-12, "case %d", number);
}

static void forwarders_share_the_load(void)
{
	struct rng r;

	rng_init(&r, 3, 0);
	for (int i = 0; i < CASES; i++) {
		struct nodes n = random_nodes(&r);
		size_t n_cells = (size_t)(n.n_ranks * nodes_count(&n));
		double *rows = heap_zeroed(n_cells, sizeof *rows);
		uint32_t *forwarder = heap_zeroed(n_cells, sizeof *forwarder);

		for (size_t k = 0; k < n_cells; k++)
			rows[k] = (double)rng_below(&r, i % 2 ? 4 : 1000);
		forwarders_choose(&n, rows, forwarder);
		n.forwarder = forwarder;
		for (int64_t node = 0; node < nodes_count(&n); node++)
			node_is_shared(&n, rows, node, i);
		free(rows);
		free(forwarder);
	}
}

static void equal_loads_give_twins(void)
{
	struct rng r;

	rng_init(&r, 4, 0);
	for (int i = 0; i < CASES; i++) {
		struct nodes n = random_nodes(&r);
		int64_t n_nodes = 1 + (int64_t)rng_below(&r, 6);
		int64_t n_cells = n.node_ranks * n_nodes * n_nodes;
		double *rows = heap_zeroed((size_t)n_cells, sizeof *rows);
		uint32_t *forwarder = heap_zeroed((size_t)n_cells, sizeof *forwarder);

		n.n_ranks = n.node_ranks * n_nodes;
		for (int64_t k = 0; k < n_cells; k++)
			rows[k] = 1.0 / 3;
		forwarders_choose(&n, rows, forwarder);
		for (int64_t k = 0; k < n_cells; k++)
			CU_ASSERT_EQUAL(forwarder[k], nodes_twin(&n, k / n_nodes, k % n_nodes));
		free(rows);
		free(forwarder);
	}
}

/* Only ranks of one place have tokens: their twin would be the same rank of each node. By load they
 * have one each. */
static void uneven_senders_are_spread(void)
{
	enum { RANKS = 16, NODE = 4, NODES = RANKS / NODE };
	struct nodes n = {RANKS, NODE, NULL};
	double rows[RANKS * NODES] = {0};
	uint32_t forwarder[RANKS * NODES];

	for (int64_t from = 0; from < RANKS; from += NODE) {
		for (int64_t node = 0; node < NODES; node++)
			rows[from * NODES + node] = 8;
	}
	forwarders_choose(&n, rows, forwarder);
	for (int64_t node = 0; node < NODES; node++) {
		int64_t n_at[RANKS] = {0};

		for (int64_t from = 0; from < RANKS; from += NODE)
			n_at[forwarder[from * NODES + node]] += from / NODE != node;
		for (int64_t at = 0; at < RANKS; at++)
			CU_ASSERT_TRUE(n_at[at] <= 1);
	}
}

static const struct unit_test tests[] = {
        {"forwarders share the load", forwarders_share_the_load},
        {"equal loads give twins", equal_loads_give_twins},
        {"uneven senders are spread", uneven_senders_are_spread},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("nodes", tests);
}
