/* Did a timeline move more than its resources can carry? What shows a broken engine. */
#pragma once
#include "sim/engine.h"

struct overload {
	uint32_t resource;
	double moved_units;   /* by activities wholly within a stretch of time */
	double allowed_units; /* capacity x that time */
};

/* Looks at every stretch of time from the first use of a resource to the end of an activity, and
 * from the beginning of one (latency over) to the last use. Each end may be off by slack_ratio of
 * the makespan. True when a resource is overloaded; the worst one is in *worst. */
bool timeline_overload(const struct graph *g, const struct timeline *t, double slack_ratio,
                       struct overload *worst);
