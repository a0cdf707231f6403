/* Ranks placed on a machine: the resources of each, and which of them bytes pass on their way.
 *
 * Rank r of a group is die r of the machine. A topology is built for all ranks, or, when they are
 * all alike (balanced routing, nodes evenly filled), for one rank that stands for all of them. In
 * that symmetric form one activity carries what the rank sends to all peers of a tier, and its
 * weights say what the other ranks do at the same time to a resource they share:
 *   a port, a NIC, HBM        1    as much arrives as is sent
 *   a trunk                   G    the G ranks of a node send alike
 *   the links to n peers    1/n    each link carries its part
 * Equal activities get equal rates, so the quotient has the same times as the whole (a test
 * builds both). */
#pragma once
#include <stdbool.h>
#include "models/machine.h"
#include "sim/graph.h"

enum { PATH_USES = 8 }; /* no path has more */

struct topology {
	const struct machine *machine;
	struct graph *graph;
	int64_t n_ranks; /* of the group */
	int64_t n_built; /* n_ranks, or 1 when symmetric */
	bool symmetric;
	double cores_count;  /* vector cores of a die that dispatch and combine use */
	double quantise_Bps; /* of the vector cores that dispatch uses; 0: free */
	double message_s;    /* of a small message, with all those cores issuing */
	/* first resource of each kind; the resource of rank (node, link) i is first + i */
	uint32_t hbm, cube, put, get, copy, egress, ingress, nic_out, nic_in, trunk_up, trunk_down;
	uint32_t die_link, mesh_link, sdma;
};

/* Can n ranks of that machine be represented by one? */
bool topology_can_be_symmetric(const struct machine *m, int64_t n_ranks);

/* Adds the resources of n_ranks (at most the machine's dies) to g. vector_cores: those that
 * dispatch and combine use; 0 means all. Capacities of the vector cores come from the machine's
 * issue curves. */
void topology_init(struct topology *t, const struct machine *m, int64_t n_ranks,
                   int64_t vector_cores, bool symmetric, struct graph *g);

/* How many peers a rank has in a tier (the same for each rank when symmetric). */
int64_t topology_peers(const struct topology *t, int64_t rank, enum tier tier);

/* The links that bytes from rank `from` to rank `to` pass, without memory and vector cores. In a
 * symmetric topology: from the one rank to all its peers of the tier. Returns the number of uses
 * written to out (at most PATH_USES); none for TIER_SELF. */
size_t topology_path(const struct topology *t, enum tier tier, int64_t from, int64_t to,
                     struct use *out);

/* Bytes that a rank spreads evenly over all its peers of a tier, leaving it (outward) or arriving
 * at it: its own side of the links only, which is half of a link that joins a pair. For control
 * traffic. Writes at most `room` uses. */
size_t topology_spread(const struct topology *t, enum tier tier, int64_t rank, bool outward,
                       struct use *out, size_t room);

/* The same for the other members of its group of `group` ranks (2 or more, aligned, in one node),
 * as an attention group has them. */
size_t topology_group_spread(const struct topology *t, int64_t group, int64_t rank, bool outward,
                             struct use *out, size_t room);
