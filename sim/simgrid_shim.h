/* The little of SimGrid that engine_simgrid.c needs, in C: the face of the only C++ file.
 *
 * SimGrid keeps its state in globals and aborts on what it deems impossible, so a process opens
 * one shim, runs it once and ends. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct simgrid_flow {
	uint64_t work_units;   /* > 0: an empty flow would never start. Half a unit left is none */
	const uint32_t *links; /* one that is named twice carries everything twice */
	size_t n_links;
};

struct simgrid_platform {
	uint32_t n_links, n_flows;
	const double *capacity_per_s;
	const double *latency_s; /* of links, or NULL; SimGrid weighs shares by it */
	const char *optimiser;   /* "Full"; nothing else is max-min fair in all cases */
	const struct simgrid_flow *flows;
};

/* Called as things happen. They may start flows and set timers. */
struct simgrid_events {
	void *context;
	void (*flow_ended)(void *context, uint32_t flow);
	void (*timer_ended)(void *context, uint32_t what);
};

struct simgrid_shim;

/* What p points to must live on. Here and below an exception ends the process, its text on
 * stderr. */
struct simgrid_shim *simgrid_shim_open(const struct simgrid_platform *p,
                                       const struct simgrid_events *events);
void simgrid_shim_start(struct simgrid_shim *s, uint32_t flow); /* each once */
void simgrid_shim_set_timer(struct simgrid_shim *s, double at_s, uint32_t what);
double simgrid_shim_now_s(void);
void simgrid_shim_run(struct simgrid_shim *s); /* until nothing can happen any more */

#ifdef __cplusplus
}
#endif
