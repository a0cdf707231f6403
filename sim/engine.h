/* Engines: three prices for one graph, behind one interface.
 *
 *   estimate  a proven lower bound of fluid, in one pass over the graph
 *   fluid     our event-driven max-min solver, exact up to rounding
 *   simgrid   SimGrid as the independent reference; slow
 */
#pragma once
#include <stdbool.h>
#include "sim/graph.h"

struct timeline {
	uint32_t n_activities;
	double *start_s; /* when the predecessors are done; the latency comes after */
	double *finish_s;
	double makespan_s;
	uint64_t event_count; /* how often rates were solved; 0 for estimate */
};

struct engine_options {
	double tolerance_ratio; /* 0: exact; else an engine may merge events this close, relative to
	                           the makespan */
};

struct engine {
	const char *name;
	const char *doc; /* one line for `epsim list engines` */
	/* Is it in this build? why_not is set when false. */
	bool (*available)(const char **why_not);
	/* Prices g. t is set by timeline_init() and filled on success. RC_INTERNAL when the engine
	   itself fails, RC_NO when this graph is beyond what it can do (with the reason). */
	enum rc (*run)(const struct graph *g, const struct engine_options *options,
	               struct timeline *t, struct err *e);
};

extern const struct engine engine_estimate, engine_fluid, engine_simgrid;
extern const struct engine *const engines[]; /* NULL-terminated, cheapest first */

const struct engine *engine_find(const char *name, struct err *e); /* NULL: RC_CONFIG in e */

void timeline_init(struct timeline *t); /* caller's storage */
void timeline_resize(struct timeline *t, uint32_t n_activities);
void timeline_fini(struct timeline *t);

/* All that must hold of a timeline of g: order of predecessors, latency kept, no resource moved
 * more than capacity x time, max(critical path, busiest resource) <= makespan. CHECKs within a
 * relative slack_ratio. Not for estimate, whose times are bounds. */
void timeline_check(const struct graph *g, const struct timeline *t, double slack_ratio);

/* Attributes the makespan to labels along the path that ends last: from its end back to the start,
 * each activity owns the time from its start to the start of its successor on the path. The sum
 * is the makespan. out: n_labels values. */
void timeline_by_label(const struct graph *g, const struct timeline *t, double *out_s);
