/* The graph: what flows build and engines price. It knows nothing of MoE, and holds no time.
 *
 * An activity starts when all its predecessors have finished (at 0 without any). It first spends
 * latency_s, holding nothing, then works at a rate until work_units are done; with no work it
 * finishes after its latency. Units are bytes, or flop on compute units.
 *
 * A resource has a capacity in units/s. Rates are max-min fair: all running activities' rates rise
 * in proportion to their share_count until a resource is full (sum of weight x rate = capacity) or
 * the activity's own cap is met; those stop, the others rise further. This is SimGrid's model too.
 *
 * share_count is the number of equal streams an activity stands for (default 1).
 *
 * A graph of a symmetric system holds one rank that stands for rank_multiplicity equal ones; its
 * weights then count what the others do to a shared resource (see sim/topology.h).
 *
 * Storage is flat arrays (engines read them); activities are appended with predecessors that exist
 * already, so the order of indices is a topological order. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "models/base/err.h"

enum resource_kind {
	RES_HBM,       /* reads and writes of a die's HBM, bytes */
	RES_EGRESS,    /* a die's fabric port, outwards */
	RES_INGRESS,   /* inwards */
	RES_DIE_LINK,  /* between the dies of a package, one direction */
	RES_MESH_LINK, /* a direct link of a full mesh, one direction */
	RES_TRUNK_UP,  /* of a node, towards the second switch level */
	RES_TRUNK_DOWN,
	RES_NIC_OUT, /* RDMA */
	RES_NIC_IN,
	RES_PUT,   /* fabric bytes that a die's vector cores can write */
	RES_GET,   /* fabric bytes that a die's vector cores can read */
	RES_COPY,  /* HBM bytes, read plus written, that a die's vector cores can move */
	RES_CUBE,  /* matrix unit, flop */
	RES_SDMA,  /* bytes that a die's copy engines can move */
	RES_OTHER, /* for tests and synthetic graphs */
	RESOURCE_KINDS,
};

struct use {
	uint32_t resource;
	double weight_ratio; /* capacity units taken per unit of work; > 0 */
};

struct activity {
	const char *label; /* "dispatch.put": phase, dot, what; must outlive the graph */
	uint32_t rank;
	double work_units;  /* >= 0 */
	double latency_s;   /* >= 0 */
	double share_count; /* 0 means 1 */
	double cap_per_s;   /* 0 means none */
	bool is_sync;       /* time spent to wait for others: flags, barriers; for `explain` */
	const struct use *uses;
	size_t n_uses;         /* work without use and cap is a mistake (CHECK) */
	const uint32_t *after; /* predecessors; repeats are dropped */
	size_t n_after;
};

struct graph {
	uint32_t n_activities, n_resources;
	size_t n_uses, n_preds;
	uint32_t n_labels;
	double rank_multiplicity_count; /* 1 unless symmetric */

	/* per activity */
	double *work_units, *latency_s, *share_count, *cap_per_s; /* cap INFINITY when none */
	uint32_t *label, *rank;
	uint8_t *is_sync;
	uint32_t *use_begin, *pred_begin; /* n_activities + 1 */
	/* per use */
	uint32_t *use_resource;
	double *use_weight_ratio;
	/* per predecessor */
	uint32_t *pred;
	/* per resource */
	double *capacity_per_s;
	uint8_t *kind;   /* enum resource_kind */
	uint32_t *owner; /* rank, node or link number, for reports */
	/* per label */
	const char **label_text;

	size_t activity_room, use_room, pred_room, resource_room, label_room;
};

struct graph *graph_new(void);
void graph_free(struct graph *g);
void graph_clear(struct graph *g); /* empties it and keeps the memory */

/* capacity_per_s > 0; returns its index. */
uint32_t graph_resource(struct graph *g, enum resource_kind kind, uint32_t owner,
                        double capacity_per_s);
/* Returns the index of the new activity. */
uint32_t graph_append(struct graph *g, const struct activity *a);

/* All that must hold of a graph, whoever built it; CHECKs. */
void graph_check(const struct graph *g);

const char *resource_kind_name(enum resource_kind kind); /* "hbm", "fabric.egress", ... */

/* Sum over activities of weight x work on a resource, units. out: n_resources values. */
void graph_loads(const struct graph *g, double *out_units);
/* The same summed by kind over the built ranks' resources. out: RESOURCE_KINDS values. */
void graph_loads_by_kind(const struct graph *g, double *out_units);
