/* The state of one fluid run: who is working, at which rate, and who ends next.
 *
 * A *flow* is an activity at work. All flows rise to the same *level* (rate per share) until a
 * resource is full or a flow's own cap is met: max-min fairness by progressive filling. The
 * resource that stops a flow is its bottleneck, and the flow a *member* of that resource. All
 * members of a resource have its level, so one clock per resource, running at the level, serves
 * them all: a flow is done when the clock shows its due_units. When a level changes, nothing is
 * touched per flow.
 *
 * A flow's cap is a private resource with the flow as its only user; these have indices from
 * n_real up, and filling handles them when it meets their flow. */
#pragma once
#include <stdbool.h>
#include "sim/graph.h"

/* No bottleneck yet: filling has not seen the flow. */
#define NO_RESOURCE UINT32_MAX

/* A flow at one of its resources. A resource's flows fill the front of its slots, members first. */
struct slot {
	double due_units;            /* of a member: what the clock shows when the work is done */
	double weight_ratio;         /* weight x share: capacity taken per unit of level */
	uint32_t flow, use;          /* use: this one of the flow's */
	uint32_t begin_use, end_use; /* all of the flow's, its private one last */
};

struct flow_use {
	double weight_ratio;
	uint32_t resource, slot; /* slot: position among the resource's */
};

/* What filling has done to a resource by the time it stands at some level: these flows have
 * stopped. Filling leaves a stack of such steps, so that it can be taken back to any level and
 * redone from there with no rounding left behind. A resource's own members are not in its steps. */
struct step {
	double level_per_s; /* where filling stood when the latest of them stopped */
	double used_per_s;  /* capacity they take */
	double weight_ratio;
	uint32_t n_stopped;
};

struct resource {
	double capacity_per_s;  /* private: the level at which the cap is met */
	double weight_ratio;    /* sum over its flows ... */
	double weight_lo_ratio; /* ... and what its rounding left off (see add_weight()) */
	double level_per_s;     /* of the members */
	double full_per_s;      /* where filling stood when it was full; INFINITY when not full */
	double clock_units, clock_at_s;
	double first_due_units; /* of the members */
	double least_cap_per_s; /* no flow here meets its cap below this level */
	struct step *bottom;    /* of its stack: nothing has stopped */
	size_t slots_at;        /* index of its first slot */
	uint32_t n_flows, n_members;
	uint32_t pass; /* when it was last filled */
	bool is_changed;
	/* Resources that share flows, directly or through others, are in one circle. Its leader
	   counts its resources and the flows that came and went since it was made. */
	uint32_t next, leader;
	uint32_t circle_size, n_came, n_went;
	uint32_t opened; /* leader: the latest pass that opened the circle */
};

struct ranked {
	double level_per_s;
	uint32_t resource;
};

struct fluid {
	const struct graph *g;
	void *block;                  /* all arrays are in it */
	uint32_t n_real, n_resources; /* without and with private ones */
	double now_s;
	struct resource *resources;
	struct step **top; /* of each real resource's stack */
	struct slot *slots;
	struct flow_use *uses;

	/* per activity */
	uint32_t *use_begin; /* n + 1 */
	uint32_t *bottleneck;

	/* tree of least ends of resources' first members; that of r is at leaf_at + r */
	double *end_s;
	uint32_t leaf_at;

	/* what changed since the last filling */
	double redo_per_s; /* below this level filling would do the same again */
	uint32_t pass;     /* of the next filling, from 1 */
	uint32_t n_changed;
	uint32_t *changed; /* real resources with new or departed flows */

	/* scratch of filling */
	uint32_t n_open, n_heap;
	uint32_t *open;
	struct ranked *heap; /* open resources that may yet be full, lowest first */
};

void fluid_init(struct fluid *f, const struct graph *g);
void fluid_fini(struct fluid *f);

/* Activity i, which has work, begins or ends it at now_s. Rates are stale until fluid_fill(). */
void fluid_enter(struct fluid *f, uint32_t i);
void fluid_leave(struct fluid *f, uint32_t i);

/* Makes all rates max-min fair. False when nothing had changed. */
bool fluid_fill(struct fluid *f);

/* When the first flow ends; INFINITY when there is none. */
double fluid_next_end(const struct fluid *f);

/* Writes the flows that end at until_s or before to out and returns their number. *last_s is
 * raised to the end of the last. */
uint32_t fluid_ending(const struct fluid *f, double until_s, uint32_t *out, double *last_s);

/* For filling. */

/* Brings r's clock to now. */
void fluid_tick(struct fluid *f, uint32_t r);
/* Makes the flow in r's slot a member, due units_left later on r's clock. */
void fluid_join(struct fluid *f, uint32_t r, uint32_t slot, double units_left);
/* Ends flow i's membership, if any. Returns its work left, per share. */
double fluid_detach(struct fluid *f, uint32_t i);
/* When a member due at this clock ends; never in the past, by rounding. */
static inline double fluid_end_of(const struct resource *p, double due_units)
{
	double left_units = due_units - p->clock_units;
	return p->clock_at_s + (left_units > 0 ? left_units / p->level_per_s : 0);
}
void fluid_set_end(struct fluid *f, uint32_t r, double end_s);

/* Circles (fluid_circles.c): what cannot be changed by an event is not looked at. */

void circle_of_one(struct resource *resources, uint32_t r);
void circles_join(struct resource *resources, uint32_t a, uint32_t b);
uint32_t circle_leader(struct resource *resources, uint32_t r);
/* Lists in f->open the resources that filling must redo: of the changed resources' circles, those
 * with flows that were not full below redo_per_s. */
void circles_open(struct fluid *f);
