/* Ranks in nodes, and who of a node passes on what comes from other nodes. */
#pragma once
#include <stdint.h>

struct nodes {
	int64_t n_ranks, node_ranks; /* in all, in a node; the last node may have fewer */
	const uint32_t *forwarder;   /* [source][node], from forwarders_choose(); NULL: twins */
};

int64_t nodes_count(const struct nodes *n);

/* The rank with the same place in another node; the node's last where it lacks that place. */
int64_t nodes_twin(const struct nodes *n, int64_t rank, int64_t node);

/* Who passes on what the source sends to the node: the source itself in its own. */
int64_t nodes_forwarder(const struct nodes *n, int64_t source, int64_t node);

/* out, [source][node]: by load. In each node, sources of other nodes are taken by falling
 * rows_count[source][node], equal ones by number, and each gets the rank that has the fewest rows
 * so far: its twin where that is one of these, else the first. Equal loads give twins. */
void forwarders_choose(const struct nodes *n, const double *rows_count, uint32_t *out);
