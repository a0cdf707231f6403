#include <math.h>
#include <stdlib.h>
#include "models/base/arena.h"
#include "sim/fluid.h"

/* --- memory --- */

/* Cuts n items off the block; without a block it only counts. */
static void *carve(char *block, size_t *used, size_t n_items, size_t item_bytes)
{
	char *at = block ? block + *used : NULL;
	*used += (n_items * item_bytes + 63) / 64 * 64;
	return at;
}

#define CARVE(field, n) ((field) = carve(block, &used, (n), sizeof *(field)))

static size_t lay_out(struct fluid *f, char *block, size_t n_uses)
{
	size_t used = 0, n = f->g->n_activities;
	CARVE(f->loads, f->n_real);
	CARVE(f->resources, f->n_resources);
	CARVE(f->holds_per_s, f->n_resources + (size_t)1);
	CARVE(f->end_s, 2 * (size_t)f->leaf_at);
	CARVE(f->changed, f->n_real);
	CARVE(f->touched, f->n_real);
	CARVE(f->loosened, f->n_resources);
	CARVE(f->heap, f->n_real);
	CARVE(f->use_begin, n + 1);
	CARVE(f->bottleneck, n);
	CARVE(f->uses, n_uses);
	CARVE(f->slots, n_uses);
	return used;
}

static void init_resources(struct fluid *f)
{
	for (uint32_t r = 0; r < f->n_resources; r++) {
		f->resources[r] = (struct resource){.cap_per_s = INFINITY};
		f->holds_per_s[r] = INFINITY;
	}
	f->holds_per_s[f->n_resources] = INFINITY;
	for (uint32_t r = 0; r < f->n_real; r++)
		f->loads[r] = (struct load){
		        .free_per_s = {.value_units = f->g->capacity_per_s[r]},
		        .first_rising = NO_USE,
		};
	for (uint32_t k = 0; k < 2 * f->leaf_at; k++)
		f->end_s[k] = INFINITY;
}

/* Copies the uses of activity i and counts the slots that they need. */
static void init_uses(struct fluid *f, uint32_t i, uint32_t *n_uses, uint32_t *n_private)
{
	const struct graph *g = f->g;
	double share = g->share_count[i], cap_level = g->cap_per_s[i] / share;
	f->use_begin[i] = *n_uses;
	f->bottleneck[i] = f->n_resources;
	if (g->work_units[i] == 0)
		return;
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
		struct resource *r = &f->resources[g->use_resource[k]];
		f->uses[(*n_uses)++] = (struct flow_use){
		        .weight_ratio = g->use_weight_ratio[k] * share,
		        .resource = g->use_resource[k],
		};
		r->slots_at++;
		if (cap_level < r->cap_per_s)
			r->cap_per_s = cap_level;
	}
	if (isfinite(cap_level)) {
		uint32_t r = f->n_real + (*n_private)++;
		f->resources[r].cap_per_s = cap_level;
		f->resources[r].slots_at = 1;
		f->uses[(*n_uses)++] = (struct flow_use){.weight_ratio = 1, .resource = r};
	}
}

void fluid_init(struct fluid *f, const struct graph *g)
{
	uint32_t n_uses = 0, n_private = 0;
	*f = (struct fluid){.g = g, .n_real = g->n_resources};
	for (uint32_t i = 0; i < g->n_activities; i++)
		n_private += g->work_units[i] > 0 && isfinite(g->cap_per_s[i]);
	CHECK(g->n_uses < UINT32_MAX - n_private && g->n_resources < UINT32_MAX / 4 - n_private);
	f->n_resources = f->n_real + n_private;
	for (f->leaf_at = 1; f->leaf_at < f->n_resources;)
		f->leaf_at *= 2;
	f->block = heap_resize(NULL, lay_out(f, NULL, g->n_uses + n_private), 1);
	lay_out(f, f->block, g->n_uses + n_private);

	init_resources(f);
	n_private = 0;
	for (uint32_t i = 0; i < g->n_activities; i++)
		init_uses(f, i, &n_uses, &n_private);
	f->use_begin[g->n_activities] = n_uses;
	size_t slots_at = 0;
	for (uint32_t r = 0; r < f->n_resources; r++) { /* from counts to places */
		size_t n_slots = f->resources[r].slots_at;
		f->resources[r].slots_at = slots_at;
		slots_at += n_slots;
	}
}

void fluid_fini(struct fluid *f)
{
	free(f->block);
}

/* --- who ends next --- */

static void set_end(struct fluid *f, uint32_t r, double end_s)
{
	double *tree = f->end_s;
	uint32_t k = f->leaf_at + r;
	tree[k] = end_s;
	while (k > 1) {
		double least = tree[k] < tree[k ^ 1] ? tree[k] : tree[k ^ 1];
		k /= 2;
		if (tree[k] == least)
			return;
		tree[k] = least;
	}
}

double fluid_next_end(const struct fluid *f)
{
	return f->end_s[1];
}

/* When a member due at this clock ends; never in the past, by rounding. */
static double end_of(const struct resource *p, double due_units)
{
	double left_units = due_units - p->clock_units;
	return p->clock_at_s + (left_units > 0 ? left_units / p->level_per_s : 0);
}

static uint32_t members_ending(const struct fluid *f, uint32_t r, double until_s, uint32_t *out,
                               double *last_s)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	uint32_t n = 0;
	for (uint32_t k = 0; k < p->n_members; k++) {
		double at_s = end_of(p, slots[k].due_units);
		if (at_s > until_s)
			continue;
		out[n++] = slots[k].flow;
		*last_s = fmax(*last_s, at_s);
	}
	return n;
}

uint32_t fluid_ending(const struct fluid *f, double until_s, uint32_t *out, double *last_s)
{
	uint32_t n = 0, k = 1;
	/* Depth first through the tree, skipping what ends later. */
	for (;;) {
		if (f->end_s[k] <= until_s && k < f->leaf_at) {
			k *= 2;
			continue;
		}
		if (f->end_s[k] <= until_s)
			n += members_ending(f, k - f->leaf_at, until_s, out + n, last_s);
		while (k & 1)
			k /= 2;
		if (k == 0)
			return n;
		k++;
	}
}

/* --- clocks and members --- */

void fluid_tick(struct fluid *f, uint32_t r)
{
	struct resource *p = &f->resources[r];
	p->clock_units += p->level_per_s * (f->now_s - p->clock_at_s);
	p->clock_at_s = f->now_s;
}

void fluid_hold(struct fluid *f, uint32_t r, double level_per_s, double first_units)
{
	struct resource *p = &f->resources[r];
	f->holds_per_s[r] = p->level_per_s = level_per_s;
	p->clock_at_s = f->now_s;
	set_end(f, r, end_of(p, first_units));
}

static void swap_slots(struct fluid *f, uint32_t r, uint32_t a, uint32_t b)
{
	struct slot *slots = f->slots + f->resources[r].slots_at, old_a = slots[a];
	if (a == b)
		return;
	slots[a] = slots[b];
	slots[b] = old_a;
	for (uint32_t u = slots[a].begin_use; u < slots[a].end_use; u++)
		if (f->uses[u].resource == r)
			f->uses[u].slot = a;
	for (uint32_t u = slots[b].begin_use; u < slots[b].end_use; u++)
		if (f->uses[u].resource == r)
			f->uses[u].slot = b;
}

/* Ends flow i's membership, if any. Returns its work left, per share. */
static double detach(struct fluid *f, uint32_t i)
{
	uint32_t r = f->bottleneck[i];
	const struct flow_use *u = f->uses + f->use_begin[i];
	if (r == f->n_resources)
		return f->g->work_units[i] / f->g->share_count[i];
	while (u->resource != r)
		u++;
	fluid_tick(f, r);
	struct resource *p = &f->resources[r];
	double left_units = f->slots[p->slots_at + u->slot].due_units - p->clock_units;
	swap_slots(f, r, u->slot, --p->n_members);
	if (p->n_members == 0) {
		f->holds_per_s[r] = INFINITY;
		p->level_per_s = p->clock_units = 0; /* small clocks lose less to rounding */
		set_end(f, r, INFINITY);
	}
	return fmax(left_units, 0);
}

void fluid_move(struct fluid *f, uint32_t r, uint32_t slot)
{
	struct resource *p = &f->resources[r];
	struct slot *member = f->slots + p->slots_at + p->n_members;
	uint32_t i = f->slots[p->slots_at + slot].flow;
	if (f->bottleneck[i] == r)
		return;
	double left_units = detach(f, i);
	swap_slots(f, r, slot, p->n_members++);
	member->due_units = p->clock_units + left_units;
	f->bottleneck[i] = r;
	for (uint32_t u = member->begin_use; u < member->end_use; u++) {
		const struct flow_use *use = &f->uses[u];
		f->slots[f->resources[use->resource].slots_at + use->slot].bottleneck = r;
	}
}

/* --- flows come and go --- */

static void mark_changed(struct fluid *f, uint32_t r)
{
	if (f->resources[r].is_changed || isinf(f->holds_per_s[r]))
		return;
	f->resources[r].is_changed = true;
	f->changed[f->n_changed++] = r;
}

void fluid_enter(struct fluid *f, uint32_t i)
{
	uint32_t begin = f->use_begin[i], end = f->use_begin[i + 1];
	f->is_stale = true;
	for (uint32_t u = begin; u < end; u++) {
		struct flow_use *use = &f->uses[u];
		struct resource *p = &f->resources[use->resource];
		use->slot = p->n_flows++;
		f->slots[p->slots_at + use->slot] = (struct slot){
		        .weight_ratio = use->weight_ratio,
		        .flow = i,
		        .bottleneck = f->n_resources,
		        .begin_use = begin,
		        .end_use = end,
		};
		if (use->resource >= f->n_real)
			continue;
		mark_changed(f, use->resource);
		fluid_rise(f, u);
	}
	uint32_t first = f->uses[begin].resource;
	if (first < f->n_real) {
		f->n_rising++;
	} else { /* without resources it runs at its cap, whatever others do */
		fluid_move(f, first, 0);
		fluid_hold(f, first, f->resources[first].cap_per_s,
		           f->slots[f->resources[first].slots_at].due_units);
	}
}

void fluid_leave(struct fluid *f, uint32_t i)
{
	double level = f->holds_per_s[f->bottleneck[i]];
	f->is_stale = true;
	for (uint32_t u = f->use_begin[i]; u < f->use_begin[i + 1]; u++) {
		uint32_t r = f->uses[u].resource;
		if (r >= f->n_real)
			continue;
		mark_changed(f, r);
		if (r != f->bottleneck[i])
			sum_add(&f->loads[r].free_per_s, f->uses[u].weight_ratio * level);
	}
	detach(f, i);
	for (uint32_t u = f->use_begin[i]; u < f->use_begin[i + 1]; u++) {
		uint32_t r = f->uses[u].resource;
		swap_slots(f, r, f->uses[u].slot, --f->resources[r].n_flows);
		if (f->resources[r].n_flows == 0 && r < f->n_real) {
			f->loads[r].free_per_s = (struct sum){f->g->capacity_per_s[r], 0};
			f->loads[r].most_held_per_s = 0;
		}
	}
}
