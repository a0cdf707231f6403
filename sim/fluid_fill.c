/* Progressive filling, redone from the lowest level that a change can reach.
 *
 * Filling raises the level from 0. Resources are filled in order of the level where they are
 * full; a resource that is full stops all its flows that still rise. Each stop leaves a step on
 * the stacks of the flow's other resources. Where a resource would be full, given its top step,
 * never falls as filling goes on, since flows that stop low leave more to the rest: a heap entry
 * may be stale, but only too low, and is put right when it comes up.
 *
 * What a change cannot reach: let filling stand at level x, below the level where the departed
 * flow was stopped, or below that where a resource of the new flow is full with the new flow in
 * it. Until then no resource of that flow was full with or without it, so that all resources
 * filled so far were filled by the same flows to the same level. fluid_leave() and lower_redo()
 * take the least such level; what was filled below it is kept, the steps above it are dropped.
 *
 * A flow that meets its own cap is found when a resource of it is about to be filled above the
 * cap: it stops at the cap, though it is entered where filling stands, so that stacks stay in
 * order. No resource of it was filled in between (that would have found it), so keeping and
 * dropping by where filling stood is right for it too. */
#include <float.h>
#include <math.h>
#include "sim/fluid.h"

/* --- what must be redone --- */

/* Where r is full if no flow stops any more but by it; INFINITY when all have stopped. */
static double full_level(const struct resource *p, const struct step *top)
{
	if (p->n_flows == top->n_stopped)
		return INFINITY;
	double rising = p->weight_ratio - top->weight_ratio + p->weight_lo_ratio;
	double floor = p->weight_ratio * DBL_EPSILON; /* all that rounding may have left of it */
	return (p->capacity_per_s - top->used_per_s) / (rising > floor ? rising : floor);
}

static void drop_steps(struct fluid *f, uint32_t r)
{
	struct step *top = f->top[r];
	while (top->level_per_s >= f->redo_per_s)
		top--;
	f->top[r] = top;
}

/* Takes a changed resource back to where it is full with its new flows. */
static void lower_redo(struct fluid *f, uint32_t r)
{
	const struct resource *p = &f->resources[r];
	struct step *top = f->top[r];
	while (top > p->bottom && full_level(p, top - 1) <= top->level_per_s)
		top--;
	f->top[r] = top;
	f->redo_per_s = fmin(f->redo_per_s, fmin(full_level(p, top), p->full_per_s));
}

/* --- a heap of resources by level, least first; ties by index --- */

static bool ranks_before(struct ranked a, struct ranked b)
{
	return a.level_per_s < b.level_per_s ||
	       (a.level_per_s == b.level_per_s && a.resource < b.resource);
}

static void sift_down(struct ranked *heap, uint32_t n, uint32_t k)
{
	struct ranked item = heap[k];
	for (uint32_t child; (child = 2 * k + 1) < n; k = child) {
		child += child + 1 < n && ranks_before(heap[child + 1], heap[child]);
		if (!ranks_before(heap[child], item))
			break;
		heap[k] = heap[child];
	}
	heap[k] = item;
}

static void heap_pop(struct fluid *f)
{
	f->heap[0] = f->heap[--f->n_heap];
	if (f->n_heap > 1)
		sift_down(f->heap, f->n_heap, 0);
}

/* --- filling --- */

/* Opened resources are full nowhere, for now; a private one that must be redone is told by the
 * level it was filled at. */
static bool still_rises(const struct fluid *f, uint32_t i)
{
	uint32_t r = f->bottleneck[i];
	return r == NO_RESOURCE ||
	       (f->resources[r].pass != f->pass && f->resources[r].full_per_s >= f->redo_per_s);
}

/* Enters in the stacks of the flow's resources, other than `at`, that it stops at a level. */
static void stop_flow(struct fluid *f, const struct slot *s, uint32_t at, double stands_per_s,
                      double level_per_s)
{
	for (uint32_t u = s->begin_use; u < s->end_use; u++) {
		const struct flow_use *use = &f->uses[u];
		if (use->resource == at || use->resource >= f->n_real)
			continue;
		struct step *top = f->top[use->resource];
		if (top->level_per_s != stands_per_s) {
			top[1] = top[0];
			f->top[use->resource] = ++top;
			top->level_per_s = stands_per_s;
		}
		top->used_per_s += use->weight_ratio * level_per_s;
		top->weight_ratio += use->weight_ratio;
		top->n_stopped++;
	}
}

/* Records that r was filled; its members run at level_per_s from now on. */
static void run_members(struct fluid *f, uint32_t r, double stands_per_s, double level_per_s)
{
	struct resource *p = &f->resources[r];
	p->pass = f->pass;
	p->full_per_s = stands_per_s;
	p->level_per_s = level_per_s;
	p->clock_at_s = f->now_s;
	fluid_set_end(f, r, fluid_end_of(p, p->first_due_units));
}

/* Stops the flow if its cap is met below the level where filling stands. The slot comes as a copy,
 * since leaving a bottleneck reorders slots. */
static bool stop_at_cap(struct fluid *f, struct slot s, double stands_per_s)
{
	uint32_t r = f->uses[s.end_use - 1].resource;
	struct resource *p = &f->resources[r];
	if (r < f->n_real || p->capacity_per_s >= stands_per_s || !still_rises(f, s.flow))
		return false;
	p->first_due_units = fluid_detach(f, s.flow);
	fluid_join(f, r, 0, p->first_due_units);
	stop_flow(f, &s, r, stands_per_s, p->capacity_per_s);
	run_members(f, r, stands_per_s, p->capacity_per_s);
	return true;
}

static bool stop_capped(struct fluid *f, uint32_t r, double stands_per_s)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	bool any = false;
	for (uint32_t k = 0; k < p->n_flows;) {
		uint32_t flow = slots[k].flow;
		any |= stop_at_cap(f, slots[k], stands_per_s);
		k += slots[k].flow == flow; /* else another one has come here */
	}
	return any;
}

/* Makes all flows that still rise members of r. Most are from the last time. */
static void take_rising(struct fluid *f, uint32_t r)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	uint32_t n_rising = p->n_flows - f->top[r]->n_stopped;
	for (uint32_t k = p->n_members; p->n_members < n_rising && k < p->n_flows; k++)
		if (still_rises(f, slots[k].flow))
			fluid_join(f, r, k, fluid_detach(f, slots[k].flow));
	CHECK(p->n_members == n_rising);
}

/* Returns the level where r is full: not below where filling stands, by rounding. The weight is
 * added up anew, as the difference of sums may have lost digits. */
static double fill_resource(struct fluid *f, uint32_t r, double stands_per_s)
{
	struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	double weight = 0, first_due = INFINITY;
	take_rising(f, r);
	for (uint32_t k = 0; k < p->n_members; k++) {
		weight += slots[k].weight_ratio;
		first_due = fmin(first_due, slots[k].due_units);
	}
	double level = fmax(stands_per_s, (p->capacity_per_s - f->top[r]->used_per_s) / weight);
	for (uint32_t k = 0; k < p->n_members; k++)
		stop_flow(f, &slots[k], r, level, level);
	p->first_due_units = first_due;
	run_members(f, r, level, level);
	return level;
}

static void open_heap(struct fluid *f)
{
	for (uint32_t k = 0; k < f->n_open; k++) {
		uint32_t r = f->open[k];
		struct resource *p = &f->resources[r];
		drop_steps(f, r);
		fluid_tick(f, r);
		p->full_per_s = INFINITY;
		f->heap[k] = (struct ranked){full_level(p, f->top[r]), r};
	}
	f->n_heap = f->n_open;
	for (uint32_t k = f->n_heap / 2; k-- > 0;)
		sift_down(f->heap, f->n_heap, k);
}

static void fill_open(struct fluid *f)
{
	double stands_per_s = f->redo_per_s; /* above all steps that were kept, even by rounding */
	while (f->n_heap > 0) {
		uint32_t r = f->heap[0].resource;
		const struct resource *p = &f->resources[r];
		double level = full_level(p, f->top[r]);
		if (isinf(level)) {
			heap_pop(f);
		} else if (level > f->heap[0].level_per_s) {
			f->heap[0].level_per_s = level;
			sift_down(f->heap, f->n_heap, 0);
		} else {
			stands_per_s = fmax(stands_per_s, level);
			if (p->least_cap_per_s < stands_per_s && stop_capped(f, r, stands_per_s))
				continue;
			stands_per_s = fill_resource(f, r, stands_per_s);
			heap_pop(f);
		}
	}
	for (uint32_t k = 0; k < f->n_open; k++) {
		struct resource *p = &f->resources[f->open[k]];
		if (p->pass == f->pass)
			continue;
		p->level_per_s = 0; /* not full: without members */
		fluid_set_end(f, f->open[k], INFINITY);
	}
}

bool fluid_fill(struct fluid *f)
{
	if (f->n_changed == 0)
		return false;
	for (uint32_t k = 0; k < f->n_changed; k++)
		drop_steps(f, f->changed[k]);
	for (uint32_t k = 0; k < f->n_changed; k++)
		lower_redo(f, f->changed[k]);
	circles_open(f);
	open_heap(f);
	fill_open(f);
	for (uint32_t k = 0; k < f->n_changed; k++)
		f->resources[f->changed[k]].is_changed = false;
	f->n_changed = 0;
	f->redo_per_s = INFINITY;
	f->pass++;
	return true;
}
