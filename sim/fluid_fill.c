/* Progressive filling, of what an event can have changed only.
 *
 * From the last time, every flow is held by a full resource, at that resource's level, and no
 * resource holds members below the level of another of its flows. Flows that left or came change
 * that. A full resource that has lost or got a flow, held or not by itself, no longer knows its
 * level: it is *loosened*, that is, its members rise again; then so must every full resource that
 * they use, because its share changes with theirs.
 *
 * Then the level rises from 0. Of all resources with rising flows, the one that is full first,
 * with held flows at their old levels, is taken. If one of its held flows has a higher level, this
 * resource cuts it down: the flow's bottleneck is loosened, too, and we look again. If not, it
 * holds its rising flows from now on. When none rises any more, all is done.
 *
 * Why levels that were passed stay right: a resource is only loosened while filling stands at or
 * below its level. The first way to loosen comes before filling stands anywhere; the second is
 * from a member of one loosened resource to another, full one that it uses, whose level is not
 * lower (else it would hold the flow); the third asks for a higher level. And no resource that
 * gets a rising flow becomes full below where filling stands: up to the flow's old level it takes
 * from the flow what it took before. So each resource is settled once per event, at the level
 * where filling from scratch would have settled it, and those that are not loosened are not
 * looked at, but for the sums of those whose flows rise.
 *
 * A flow's own cap is noticed when a resource of the flow is about to hold it above its cap: no
 * resource can have held it in between. */
#include <math.h>
#include "sim/fluid.h"

/* --- the heap --- */

static void place(struct fluid *f, uint32_t k, struct ranked item)
{
	f->heap[k] = item;
	f->loads[item.resource].place = k + 1;
}

static void sift_up(struct fluid *f, uint32_t k, struct ranked item)
{
	for (; k > 0 && item.level_per_s < f->heap[(k - 1) / 2].level_per_s; k = (k - 1) / 2)
		place(f, k, f->heap[(k - 1) / 2]);
	place(f, k, item);
}

static void sift_down(struct fluid *f, uint32_t k, struct ranked item)
{
	for (uint32_t child; (child = 2 * k + 1) < f->n_heap; k = child) {
		child += child + 1 < f->n_heap &&
		         f->heap[child + 1].level_per_s < f->heap[child].level_per_s;
		if (f->heap[child].level_per_s >= item.level_per_s)
			break;
		place(f, k, f->heap[child]);
	}
	place(f, k, item);
}

static void forget_rising(struct load *load)
{
	load->rising_weight_ratio = 0;
	load->first_rising = NO_USE;
}

static void heap_pop(struct fluid *f)
{
	struct load *load = &f->loads[f->heap[0].resource];
	struct ranked last = f->heap[--f->n_heap];
	load->place = 0;
	forget_rising(load);
	if (f->n_heap > 0)
		sift_down(f, 0, last);
}

/* --- loosening --- */

/* Where a resource is full, with held flows at their levels. */
static double full_level(const struct load *load)
{
	if (load->n_rising == 0)
		return INFINITY;
	return sum_of(&load->free_per_s) / load->rising_weight_ratio;
}

static bool rises(const struct fluid *f, const struct slot *s)
{
	return isinf(f->holds_per_s[s->bottleneck]);
}

static void loosen(struct fluid *f, uint32_t r)
{
	if (isinf(f->holds_per_s[r]))
		return;
	f->holds_per_s[r] = INFINITY;
	f->loosened[f->n_loosened++] = r;
}

static void raise_members(struct fluid *f, uint32_t r)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	double weight = 0;
	fluid_tick(f, r);
	for (uint32_t k = 0; k < p->n_members; k++) {
		weight += slots[k].weight_ratio;
		for (uint32_t u = slots[k].begin_use; u < slots[k].end_use; u++) {
			uint32_t other = f->uses[u].resource;
			if (other == r || other >= f->n_real)
				continue;
			sum_add(&f->loads[other].free_per_s,
			        f->uses[u].weight_ratio * p->level_per_s);
			fluid_rise(f, u);
			loosen(f, other);
		}
	}
	f->n_rising += p->n_members;
	if (r >= f->n_real)
		return;
	f->loads[r].n_rising += p->n_members;
	f->loads[r].rising_weight_ratio = (f->loads[r].rising_weight_ratio + weight) * ROUND_UP;
	fluid_touch(f, r);
}

/* Raises the members of all that are loosened, and of all that are in consequence. Then the heap
 * holds all resources with rising flows, none too high. */
static void raise_loosened(struct fluid *f)
{
	for (uint32_t k = 0; k < f->n_loosened; k++)
		raise_members(f, f->loosened[k]);
	f->n_loosened = 0;
	for (uint32_t k = 0; k < f->n_touched; k++) {
		uint32_t r = f->touched[k];
		struct load *load = &f->loads[r];
		struct ranked item = {full_level(load), r};
		load->is_touched = false;
		if (load->place == 0)
			sift_up(f, f->n_heap++, item);
		else if (item.level_per_s < f->heap[load->place - 1].level_per_s)
			sift_up(f, load->place - 1, item);
	}
	f->n_touched = 0;
}

/* Loosens what holds flows of r above a level. False when there is no such. */
static bool cut_down(struct fluid *f, uint32_t r, double level_per_s)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	double most_held = 0;
	if (f->loads[r].most_held_per_s <= level_per_s)
		return false;
	for (uint32_t k = p->n_members; k < p->n_flows; k++) {
		double level = f->holds_per_s[slots[k].bottleneck];
		if (isinf(level))
			continue;
		if (level > level_per_s)
			loosen(f, slots[k].bottleneck);
		else if (level > most_held)
			most_held = level;
	}
	f->loads[r].most_held_per_s = most_held;
	if (f->n_loosened == 0)
		return false;
	raise_loosened(f);
	return true;
}

/* --- holding --- */

/* The flow in this slot, a member of r now, is held at a level. */
static void settle(struct fluid *f, const struct slot *s, uint32_t r, double level_per_s)
{
	for (uint32_t u = s->begin_use; u < s->end_use; u++) {
		const struct flow_use *use = &f->uses[u];
		if (use->resource == r || use->resource >= f->n_real)
			continue;
		struct load *load = &f->loads[use->resource];
		sum_add(&load->free_per_s, -use->weight_ratio * level_per_s);
		load->rising_weight_ratio =
		        (load->rising_weight_ratio - use->weight_ratio) * ROUND_UP;
		load->n_rising--;
		if (level_per_s > load->most_held_per_s)
			load->most_held_per_s = level_per_s;
	}
}

/* Holds the rising flow in this slot at its cap, if that is below a level. */
static bool hold_at_cap(struct fluid *f, const struct slot *s, double level_per_s)
{
	uint32_t r = f->uses[s->end_use - 1].resource;
	const struct resource *p = &f->resources[r];
	if (r < f->n_real || p->cap_per_s >= level_per_s || !rises(f, s))
		return false;
	fluid_move(f, r, 0);
	const struct slot *own = &f->slots[p->slots_at];
	settle(f, own, r, p->cap_per_s);
	fluid_hold(f, r, p->cap_per_s, own->due_units);
	f->n_rising--;
	return true;
}

static bool hold_at_caps(struct fluid *f, uint32_t r, double level_per_s)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	bool any = false;
	if (p->cap_per_s >= level_per_s)
		return false;
	for (uint32_t k = 0; k < p->n_flows;) {
		uint32_t flow = slots[k].flow;
		any |= hold_at_cap(f, &slots[k], level_per_s);
		k += slots[k].flow == flow; /* else, no member now, it left the slot to another */
	}
	return any;
}

/* Makes members of all rising flows. Most are from before. */
static void take_rising(struct fluid *f, uint32_t r)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	uint32_t n_rising = f->loads[r].n_rising;
	for (uint32_t u = f->loads[r].first_rising; p->n_members < n_rising;
	     u = f->uses[u].next_rising) {
		const struct slot *s = &slots[f->uses[u].slot];
		if (s->bottleneck != r && rises(f, s))
			fluid_move(f, r, f->uses[u].slot);
	}
}

/* Returns the level, which is not below where filling stands, by rounding. */
static double hold_rising(struct fluid *f, uint32_t r, double stands_per_s)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	struct load *load = &f->loads[r];
	double weight = 0, first_units = INFINITY;
	take_rising(f, r);
	for (uint32_t k = 0; k < p->n_members; k++)
		weight += slots[k].weight_ratio;
	double level = fmax(stands_per_s, sum_of(&load->free_per_s) / weight);
	for (uint32_t k = 0; k < p->n_members; k++) {
		settle(f, &slots[k], r, level);
		if (slots[k].due_units < first_units)
			first_units = slots[k].due_units;
	}
	fluid_hold(f, r, level, first_units);
	f->n_rising -= p->n_members;
	load->n_rising = 0;
	if (load->most_held_per_s > level)
		load->most_held_per_s = level;
	return level;
}

/* Takes the lowest resource of the heap one step further. Returns where filling stands. */
static double fill_lowest(struct fluid *f, double stands_per_s)
{
	uint32_t r = f->heap[0].resource;
	struct ranked item = {full_level(&f->loads[r]), r};
	if (isinf(item.level_per_s)) {
		heap_pop(f);
	} else if (item.level_per_s > f->heap[0].level_per_s) { /* others were held */
		sift_down(f, 0, item);
	} else {
		stands_per_s = fmax(stands_per_s, item.level_per_s);
		if (hold_at_caps(f, r, stands_per_s) || cut_down(f, r, stands_per_s))
			return stands_per_s;
		stands_per_s = hold_rising(f, r, stands_per_s);
		heap_pop(f);
	}
	return stands_per_s;
}

bool fluid_fill(struct fluid *f)
{
	double stands_per_s = 0;
	if (!f->is_stale)
		return false;
	for (uint32_t k = 0; k < f->n_changed; k++) {
		f->resources[f->changed[k]].is_changed = false;
		loosen(f, f->changed[k]);
	}
	raise_loosened(f);
	while (f->n_rising > 0)
		stands_per_s = fill_lowest(f, stands_per_s);
	while (f->n_heap > 0) {
		struct load *load = &f->loads[f->heap[--f->n_heap].resource];
		load->place = 0;
		forget_rising(load);
	}
	f->n_changed = 0;
	f->is_stale = false;
	return true;
}
