/* Graphs for tests of engines: random ones, and the shapes of machines. All free by graph_free().
 */
#pragma once
#include <stdbool.h>
#include "models/base/rng.h"
#include "sim/graph.h"

enum graph_feature {
	WITH_LATENCY = 1,
	WITH_CAPS = 2,
	WITH_SHARES = 4,
	WITH_WEIGHTS = 8,
	WITH_ZERO_WORK = 16,
	WITH_PREDECESSORS = 32,
	WITH_TIES = 64, /* few distinct values, so that much happens at once */
	ALL_FEATURES = 127,
};

/* At most n_most activities on at most 8 resources. */
struct graph *random_graph(struct rng *r, int features, uint32_t n_most);
/* The same, appended to a graph that must be empty. */
void random_graph_into(struct graph *g, struct rng *r, int features, uint32_t n_most);

enum shape {
	STAR, /* an egress and an ingress port per rank */
	CLOS, /* ports, and trunks up and down between groups of 4 ranks, oversubscribed 2:1 */
	MESH_AND_NIC, /* groups of 4: a link per pair inside, one NIC out and in per rank to others
	               */
	SHAPES,
};

struct all_to_all {
	enum shape shape;
	uint32_t n_ranks;
	bool with_hbm;     /* every flow also weighs on the HBM of both ends */
	double skew_ratio; /* 0: equal sizes; else popularity ~ 1 / place^skew */
	double latency_s;  /* of every flow */
	double stagger_s;  /* more latency, uniform in [0, stagger_s) */
	uint32_t n_stages; /* all-to-alls one after the other, a barrier between */
};

/* Capacities are about 100 GB/s, flows about 1 MB. Flows without a byte are left out. */
struct graph *all_to_all_graph(struct rng *r, const struct all_to_all *a);

/* The same with latencies times time_ratio, capacities and caps over it. */
struct graph *slower_graph(const struct graph *g, double time_ratio);
