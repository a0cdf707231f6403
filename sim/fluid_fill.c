/* Progressive filling, of what an event can have changed only.
 *
 * From the last time, every flow is held by a full resource at that resource's level, which no
 * other flow there exceeds. Flows that left or came have upset this. A full resource that lost or
 * got a flow does not know its level any more: it is *loosened*, that is, its members rise again.
 * Then so must every full resource that these members use, since its share changes with theirs.
 *
 * Now the level rises from 0. Of the resources with rising flows, take the one that is full first,
 * held flows keeping their levels. If some held flow there has a higher level, it will be cut
 * down: its bottleneck is loosened, too, and we look again. If none has, the resource holds its
 * rising flows from now on. When no flow rises any more, all is done.
 *
 * Why what was passed stays right. A resource is only loosened while filling stands at or below
 * its old level: the first ones before it stands anywhere; those that members of a loosened one
 * use have no lower level than it (else they would hold the member); those that are cut down by
 * definition. And a resource that gets rising flows does not become full below where filling
 * stands, since up to their old level these take what they took before. So each resource is
 * settled once, at the level where filling from nothing would have settled it. What is not
 * loosened is only touched where its flows rise.
 *
 * A cap is noticed when a resource is about to hold the flow above it: nothing can have held the
 * flow in between. */
#include <math.h>
#include "sim/fluid.h"

/* --- loosening --- */

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

/* A member of r begins to rise, at its other resources. */
static void raise_flow(struct fluid *f, const struct slot *s, uint32_t r, double level_per_s)
{
	const double *weights = f->use_weight_ratio + s->weights;
	for (uint32_t k = 0; weights[k] > 0; k++) {
		uint32_t use = s->uses + k, other = f->use_resource[use];
		if (other == r || other >= f->n_real)
			continue;
		f->loads[other].free_grains += grains(&f->loads[other], weights[k] * level_per_s);
		if (fluid_rise(f, other, use, weights[k]))
			loosen(f, other);
	}
}

static void raise_members(struct fluid *f, uint32_t r)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	double weight = 0;
	fluid_tick(f, r);
	for (uint32_t k = 0; k < p->n_members; k++) {
		weight = (weight + slots[k].weight_ratio) * ROUND_UP;
		raise_flow(f, &slots[k], r, p->level_per_s);
	}
	f->n_rising += p->n_members;
	if (r >= f->n_real)
		return;
	struct load *load = &f->loads[r];
	load->n_rising += p->n_members;
	load->rising_weight_ratio = (load->rising_weight_ratio + weight) * ROUND_UP;
	if (!load->is_touched)
		f->touched[f->n_touched++] = r;
	load->is_touched = true;
}

/* --- the heap --- */

/* Where r is full, with held flows at their levels. */
static double full_level(const struct load *load)
{
	if (load->n_rising == 0)
		return INFINITY;
	return (double)load->free_grains /
	       (load->grains_per_unit_ratio * load->rising_weight_ratio);
}

static void sift_down(struct ranked *heap, uint32_t n, uint32_t k, struct ranked item)
{
	for (uint32_t child; (child = 2 * k + 1) < n; k = child) {
		child += child + 1 < n && heap[child + 1].level_per_s < heap[child].level_per_s;
		if (heap[child].level_per_s >= item.level_per_s)
			break;
		heap[k] = heap[child];
	}
	heap[k] = item;
}

static void forget(struct fluid *f, uint32_t r)
{
	struct load *load = &f->loads[r];
	load->is_ranked = false;
	load->rising_weight_ratio = 0;
	load->risen = NONE;
}

static void unrank_first(struct fluid *f)
{
	forget(f, f->heap[0].resource);
	if (--f->n_heap > 0)
		sift_down(f->heap, f->n_heap, 0, f->heap[f->n_heap]);
}

/* Ranks the touched resources; those that are ranked already may have to come down. */
static void rank_touched(struct fluid *f)
{
	for (uint32_t k = 0; k < f->n_touched; k++) {
		struct load *load = &f->loads[f->touched[k]];
		load->is_touched = false;
		if (!load->is_ranked)
			f->heap[f->n_heap++].resource = f->touched[k];
		load->is_ranked = true;
	}
	f->n_touched = 0;
	for (uint32_t k = 0; k < f->n_heap; k++)
		f->heap[k].level_per_s = full_level(&f->loads[f->heap[k].resource]);
	for (uint32_t k = f->n_heap / 2; k-- > 0;)
		sift_down(f->heap, f->n_heap, k, f->heap[k]);
}

/* Raises the members of all that are loosened, and of all that are in consequence. */
static void raise_loosened(struct fluid *f)
{
	for (uint32_t k = 0; k < f->n_loosened; k++)
		raise_members(f, f->loosened[k]);
	f->n_loosened = 0;
	rank_touched(f);
}

/* --- holding --- */

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

/* The flow in this slot, a member of r now, is held at a level. */
static void settle(struct fluid *f, const struct slot *s, uint32_t r, double level_per_s)
{
	const double *weights = f->use_weight_ratio + s->weights;
	for (uint32_t k = 0; weights[k] > 0; k++) {
		uint32_t other = f->use_resource[s->uses + k];
		if (other == r || other >= f->n_real)
			continue;
		struct load *load = &f->loads[other];
		load->free_grains -= grains(load, weights[k] * level_per_s);
		load->rising_weight_ratio = (load->rising_weight_ratio - weights[k]) * ROUND_UP;
		load->n_rising--;
		if (level_per_s > load->most_held_per_s)
			load->most_held_per_s = level_per_s;
	}
}

/* The private resource of the flow in this slot; NONE when it has no cap. */
static uint32_t private_of(const struct fluid *f, const struct slot *s)
{
	const double *weights = f->use_weight_ratio + s->weights;
	uint32_t n = 0;
	while (weights[n] > 0)
		n++;
	uint32_t last = f->use_resource[s->uses + n - 1];
	return last < f->n_real ? NONE : last;
}

/* Holds the rising flow in this slot at its cap, if that is below a level. */
static bool hold_at_cap(struct fluid *f, const struct slot *s, double level_per_s)
{
	uint32_t r = private_of(f, s);
	if (r == NONE || f->resources[r].cap_per_s >= level_per_s || !rises(f, s))
		return false;
	fluid_move(f, r, 0);
	const struct slot *own = f->slots + f->resources[r].slots_at;
	settle(f, own, r, f->resources[r].cap_per_s);
	fluid_hold(f, r, f->resources[r].cap_per_s, own->due_units);
	f->n_rising--;
	return true;
}

/* Holds all rising flows of r that meet their cap below a level. False when there is none. */
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
		k += slots[k].flow == flow; /* else it was a member, and another is in its slot */
	}
	return any;
}

/* Makes all rising flows members. Most are so from before. */
static void take_risen(struct fluid *f, uint32_t r)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	const struct load *load = &f->loads[r];
	for (uint32_t k = load->risen; p->n_members < load->n_rising; k = f->risen[k].next) {
		CHECK(k != NONE);
		uint32_t at = f->use_slot[f->risen[k].use];
		if (slots[at].bottleneck != r && rises(f, &slots[at]))
			fluid_move(f, r, at);
	}
}

/* Returns the level, which is not below where filling stands, by rounding. */
static double hold_rising(struct fluid *f, uint32_t r, double stands_per_s)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	struct load *load = &f->loads[r];
	double weight = 0, first_units = INFINITY;
	take_risen(f, r);
	for (uint32_t k = 0; k < p->n_members; k++)
		weight += slots[k].weight_ratio;
	double level = fmax(stands_per_s,
	                    (double)load->free_grains / (load->grains_per_unit_ratio * weight));
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

/* Takes the first resource of the heap one step further. Returns where filling stands. */
static double fill_first(struct fluid *f, double stands_per_s)
{
	struct ranked first = f->heap[0];
	double level = full_level(&f->loads[first.resource]);
	if (isinf(level)) {
		unrank_first(f);
	} else if (level > first.level_per_s) { /* others were held since */
		first.level_per_s = level;
		sift_down(f->heap, f->n_heap, 0, first);
	} else {
		stands_per_s = fmax(stands_per_s, level);
		if (hold_at_caps(f, first.resource, stands_per_s) ||
		    cut_down(f, first.resource, stands_per_s))
			return stands_per_s;
		stands_per_s = hold_rising(f, first.resource, stands_per_s);
		unrank_first(f);
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
		stands_per_s = fill_first(f, stands_per_s);
	while (f->n_heap > 0)
		forget(f, f->heap[--f->n_heap].resource);
	f->n_changed = 0;
	f->n_risen = 0;
	f->is_stale = false;
	return true;
}
