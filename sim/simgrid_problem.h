/* A graph in SimGrid's terms.
 *
 * SimGrid shares by transfer, all transfers alike, and a transfer names a link a whole number of
 * times. So for an activity let weight = d x times, times whole. It becomes n transfers of
 * d x work / n each, with n = d x share up to one factor for the whole graph. At the level where
 * the activity's rate is share x level, they load a resource with n x times x level: the same.
 *
 * A cap is a link of the activity's own. Latencies are not SimGrid's business, as it would weigh
 * shares by them. */
#pragma once
#include <stdbool.h>
#include "sim/graph.h"
#include "sim/simgrid_shim.h"

struct simgrid_problem {
	const struct graph *g;
	struct arena *arena; /* holds all below */
	struct simgrid_platform platform;
	uint32_t *flow_begin;  /* per activity, n + 1 */
	uint32_t *activity_of; /* per flow */
};

/* RC_NO when the weights and shares are in no ratio of small whole numbers. With links_wait the
 * latency of work is that of a link, all the same one, and SimGrid optimises as by default: a
 * known mistake, for the test that watches over it. */
enum rc simgrid_problem_init(struct simgrid_problem *p, const struct graph *g, bool links_wait,
                             struct err *e);
void simgrid_problem_fini(struct simgrid_problem *p);
