/* The state of one fluid run: who is working, at which rate, and who ends next.
 *
 * A *flow* is an activity at work. Flows *rise* together, in level (rate per share), until a
 * resource is full or their own cap is met: then they are *held* there, and the others rise
 * further. That is max-min fairness. What holds a flow is its bottleneck, and the flow a *member*
 * of it. All members of a resource have its level, so one clock per resource, running at the
 * level, serves them all: a flow is done when the clock shows its due_units. When a level changes,
 * nothing is done per flow for the sake of time.
 *
 * A flow's cap is a private resource with the flow as its only user; these have indices from
 * n_real up. */
#pragma once
#include <stdbool.h>
#include "sim/graph.h"

#define NONE UINT32_MAX

/* A flow at one of its resources. A resource's flows fill the front of its slots, members first. */
struct slot {
	double due_units;    /* of a member: what the clock shows when the work is done */
	double weight_ratio; /* weight x share: capacity taken here per unit of level */
	uint32_t flow, bottleneck;
	uint32_t uses; /* the first of the flow's in use_resource and use_slot, private one last */
	uint32_t weights; /* their weights in use_weight_ratio; 0 ends them */
};

/* What tells where a real resource is full.
 *
 * Capacity is counted in grains, 2^59 to 2^60 of them: sums of whole numbers lose nothing to
 * rounding, however much is added and taken away. The weight of rising flows is multiplied by
 * ROUND_UP at each step: what remains of a sum of many is then never too small, so that no
 * resource seems to be full later than it is. */
#define ROUND_UP (1 + 0x1p-51)

struct load {
	int64_t free_grains; /* what flows held elsewhere leave to the others */
	double grains_per_unit_ratio;
	double rising_weight_ratio; /* 0 between fillings, like n_rising */
	double most_held_per_s;     /* no flow is held elsewhere above this level */
	uint32_t n_rising;
	uint32_t risen; /* list of flows that began to rise, but for members */
	bool is_touched, is_ranked;
};

static inline int64_t grains(const struct load *load, double units_per_s)
{
	return (int64_t)(units_per_s * load->grains_per_unit_ratio);
}

/* A resource's clock, and where its flows are. */
struct resource {
	double level_per_s; /* of the members */
	double clock_units, clock_at_s;
	double cap_per_s; /* private: the level where the cap is met; real: the least of its flows'
	                   */
	size_t slots_at;  /* index of its first slot */
	uint32_t n_flows, n_members;
	bool is_changed;
};

struct risen {
	uint32_t use, next;
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
	   n_resources, the bottleneck of flows that have none yet. */
	double *holds_per_s;
	struct slot *slots;
	uint32_t *use_resource, *use_slot; /* use_slot: position among the resource's */
	double *use_weight_ratio;          /* rows ended by 0; equal ones are mostly one */

	/* per activity */
	uint32_t *uses, *weights;
	uint32_t *bottleneck;

	/* tree of least ends of resources' first members; that of r is at leaf_at + r */
	double *end_s;
	uint32_t leaf_at;

	/* since the last filling */
	bool is_stale;
	uint32_t n_changed, *changed; /* resources that were full, with new or departed flows */

	/* scratch of filling */
	uint32_t n_rising;              /* flows */
	uint32_t n_loosened, *loosened; /* resources whose members are to rise */
	uint32_t n_touched, *touched;   /* real resources with more rising flows than when ranked */
	uint32_t n_risen;
	struct risen *risen;
	uint32_t n_heap;
	struct ranked
	        *heap; /* real resources with rising flows, first the one that is full first */
};

void fluid_init(struct fluid *f, const struct graph *g);
void fluid_fini(struct fluid *f);

/* Activity i, which has work, begins or ends it at now_s. Rates are stale until fluid_fill(). */
void fluid_enter(struct fluid *f, uint32_t i);
void fluid_leave(struct fluid *f, uint32_t i);

/* Makes all rates max-min fair. False when nothing had changed. */
bool fluid_fill(struct fluid *f);

/* When the first flow ends; INFINITY when there is none. */
double fluid_next_end_s(const struct fluid *f);

/* Writes the flows that end at until_s or before to out and returns their number. *last_s is
 * raised to the end of the last. */
uint32_t fluid_ending(const struct fluid *f, double until_s, uint32_t *out, double *last_s);

/* --- for filling --- */

/* Takes note that a flow begins to rise, at its use of a real resource r of which it is not a
 * member. True when r had not been touched before. */
static inline bool fluid_rise(struct fluid *f, uint32_t r, uint32_t use, double weight_ratio)
{
	struct load *load = &f->loads[r];
	load->rising_weight_ratio = (load->rising_weight_ratio + weight_ratio) * ROUND_UP;
	load->n_rising++;
	f->risen[f->n_risen] = (struct risen){use, load->risen};
	load->risen = f->n_risen++;
	if (load->is_touched)
		return false;
	load->is_touched = true;
	f->touched[f->n_touched++] = r;
	return true;
}

/* Brings r's clock to now. */
void fluid_tick(struct fluid *f, uint32_t r);
/* Makes the flow in this slot of r, which rises, a member of r, if it is not. */
void fluid_move(struct fluid *f, uint32_t r, uint32_t slot);
/* From now on r holds its members at this level; the first is due at first_units. */
void fluid_hold(struct fluid *f, uint32_t r, double level_per_s, double first_units);
