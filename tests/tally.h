/* Bytes that tokens load ranks and links with, put down one after the other. */
#pragma once
#include "models/routing.h"
#include "sim/graph.h"
#include "sim/topology.h"

enum { MOST_RANKS = 64, MOST_TOP_K = 8 };

struct tally {
	const struct machine *machine;
	int64_t ranks, node, top_k;
	double experts_per_rank;
	double h2, row, scale, scales; /* BF16 row, row on the wire, its one scale, one for 128 */
	bool far, none, rank;          /* several nodes; option dedup */
	int64_t forwarder[MOST_RANKS][MOST_RANKS]; /* [source][node]: of tally_forwarders() */
	double load[MOST_RANKS][RESOURCE_KINDS];
};

/* One token: its rank, and the owners of its experts, each once and each as often as it has some
 * of them; and the nodes of those. */
struct token {
	int64_t source, owner[MOST_TOP_K], distinct[MOST_TOP_K], node[MOST_TOP_K];
	int64_t n, n_distinct, n_nodes;
};

/* Read or written by a rank's own cores; moved by the holder's (put) or the receiver's; small
 * messages of every rank to every other. */
void tally_local(struct tally *t, int64_t rank, double bytes);
void tally_put(struct tally *t, int64_t from, int64_t to, double bytes);
void tally_move(struct tally *t, int64_t from, int64_t to, double bytes, bool put);
void tally_control(struct tally *t, double bytes);

/* The rank with the place of `rank` in another node, or the last there is. */
int64_t tally_twin(const struct tally *t, int64_t rank, int64_t node);

/* The rank of `node` that deals with the node `other`; within a node, the source itself. */
int64_t tally_delegate(const struct tally *t, int64_t source, int64_t node, int64_t other);

/* To whom a node's rows from each source go, tried one after the other: of the sources left the one
 * with most rows for the node gets the rank with the fewest, which is its own place if that is. */
void tally_forwarders(struct tally *t, const struct choices *c, int64_t node);
