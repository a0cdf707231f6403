/* The state of one fluid run: who is working, at which rate, and who ends next.
 *
 * A *flow* is an activity at work. Flows *rise* together, in level (rate per share), until a
 * resource is full or their own cap is met: then they are *held* there, and the others rise
 * further. That is max-min fairness. What holds a flow is its bottleneck, and the flow a *member*
 * of it. All members of a resource have its level, so one clock per resource, running at the
 * level, serves them all: a flow is done when the clock shows its due_units. When a level changes,
 * nothing is touched per flow for the sake of time.
 *
 * A flow's cap is a private resource with the flow as its only user; these have indices from
 * n_real up. */
#pragma once
#include <stdbool.h>
#include "sim/graph.h"

#define NO_USE UINT32_MAX

/* A flow at one of its resources. A resource's flows fill the front of its slots, members first. */
struct slot {
	double due_units;    /* of a member: what the clock shows when the work is done */
	double weight_ratio; /* weight x share: capacity taken per unit of level */
	uint32_t flow, bottleneck;
	uint32_t begin_use, end_use; /* the flow's uses, its private one last */
};

struct flow_use {
	double weight_ratio;
	uint32_t resource, slot; /* slot: position among the resource's */
	uint32_t next_rising;    /* use of the same resource, see struct load */
};

/* A sum with its rounding error (Knuth, TAOCP 2, 4.2.2, theorem B): what is left when many terms
 * were added and taken away is as exact as if only those that remain had been added. */
struct sum {
	double value_units, rest_units;
};

static inline void sum_add(struct sum *s, double x_units)
{
	double value = s->value_units + x_units, was = value - x_units;
	s->rest_units += (s->value_units - was) + (x_units - (value - was));
	s->value_units = value;
}

static inline double sum_of(const struct sum *s)
{
	return s->value_units + s->rest_units;
}

/* The weight of rising flows is kept from below, by this factor after each step: what remains of
 * many is then never too small, so that no resource seems to be full later than it is. */
#define ROUND_UP (1 + 0x1p-51)

/* What tells where a real resource is full. */
struct load {
	struct sum free_per_s;      /* capacity that flows held elsewhere leave to the others */
	double rising_weight_ratio; /* of rising flows, ROUND_UP; 0 between fillings */
	double most_held_per_s;     /* no flow is held elsewhere above this level */
	uint32_t n_rising;
	uint32_t first_rising; /* list of uses of flows that began to rise, members not */
	uint32_t place;        /* in the heap, plus 1; 0: not in it */
	bool is_touched;
};

/* The clock of its members, and where its flows are. */
struct resource {
	double level_per_s; /* of the members */
	double clock_units, clock_at_s;
	double cap_per_s; /* private: the level where the cap is met; real: the least of its flows'
	                   */
	size_t slots_at;  /* index of its first slot */
	uint32_t n_flows, n_members;
	bool is_changed;
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
	struct load *loads; /* real ones only */
	/* Level at which a resource holds its members; INFINITY when it does not hold, and at index
	   n_resources, which is the bottleneck of flows that have none yet. */
	double *holds_per_s;
	struct slot *slots;
	struct flow_use *uses;
	uint32_t *use_begin;  /* per activity, n + 1 */
	uint32_t *bottleneck; /* per activity */

	/* tree of least ends of resources' first members; that of r is at leaf_at + r */
	double *end_s;
	uint32_t leaf_at;

	/* since the last filling */
	bool is_stale;
	uint32_t n_changed, *changed; /* resources that were full, with new or departed flows */

	/* scratch of filling */
	uint32_t n_rising;              /* flows */
	uint32_t n_touched, *touched;   /* real resources with more rising flows than before */
	uint32_t n_loosened, *loosened; /* resources whose members are to rise */
	uint32_t n_heap;
	struct ranked *heap; /* touched ones by the level where they are full, lowest first */
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

/* --- for filling --- */

/* Takes note that a real resource has more rising flows. */
static inline void fluid_touch(struct fluid *f, uint32_t r)
{
	if (!f->loads[r].is_touched)
		f->touched[f->n_touched++] = r;
	f->loads[r].is_touched = true;
}

/* The flow of this use, of a real resource, begins to rise. */
static inline void fluid_rise(struct fluid *f, uint32_t use)
{
	struct flow_use *u = &f->uses[use];
	struct load *load = &f->loads[u->resource];
	load->rising_weight_ratio = (load->rising_weight_ratio + u->weight_ratio) * ROUND_UP;
	load->n_rising++;
	u->next_rising = load->first_rising;
	load->first_rising = use;
	fluid_touch(f, u->resource);
}

/* Brings r's clock to now. */
void fluid_tick(struct fluid *f, uint32_t r);
/* Makes the flow in this slot of r, which rises, a member of r, if it is not. */
void fluid_move(struct fluid *f, uint32_t r, uint32_t slot);
/* From now on r holds its members at this level; the first is due at first_units. */
void fluid_hold(struct fluid *f, uint32_t r, double level_per_s, double first_units);
