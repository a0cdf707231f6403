#include <math.h>
#include <stdlib.h>
#include "models/base/arena.h"
#include "sim/fluid.h"

/* --- memory --- */

/* Cuts n items off the block, at a cache line; without a block it only counts. */
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
	CARVE(f->risen, n_uses);
	CARVE(f->uses, n);
	CARVE(f->weights, n);
	CARVE(f->bottleneck, n);
	CARVE(f->use_resource, n_uses);
	CARVE(f->use_slot, n_uses);
	CARVE(f->use_weight_ratio, n_uses + n);
	CARVE(f->slots, n_uses);
	return used;
}

static void free_all(struct fluid *f, uint32_t r)
{
	f->loads[r].free_grains = grains(&f->loads[r], f->g->capacity_per_s[r]);
	f->loads[r].most_held_per_s = 0;
}

static void init_resources(struct fluid *f)
{
	for (uint32_t r = 0; r <= f->n_resources; r++)
		f->holds_per_s[r] = INFINITY;
	for (uint32_t r = 0; r < f->n_resources; r++)
		f->resources[r] = (struct resource){.cap_per_s = INFINITY};
	for (uint32_t r = 0; r < f->n_real; r++) {
		int exponent;
		frexp(f->g->capacity_per_s[r], &exponent);
		f->loads[r] = (struct load){
		        .grains_per_unit_ratio = ldexp(1, 60 - exponent),
		        .risen = NONE,
		};
		free_all(f, r);
	}
	for (uint32_t k = 0; k < 2 * f->leaf_at; k++)
		f->end_s[k] = INFINITY;
}

/* What init_uses() has laid out so far. */
struct filled {
	uint32_t n_uses, n_weights, n_private;
};

static bool same_row(const double *a, const double *b)
{
	while (*a == *b && *b > 0)
		a++, b++;
	return *a == *b;
}

/* Lays out the uses of activity i and counts the slots that they need. Its row of weights is the
 * previous activity's when they are equal: most are, and few rows stay in the cache. */
static void init_uses(struct fluid *f, uint32_t i, struct filled *at)
{
	const struct graph *g = f->g;
	double share = g->share_count[i], cap_level = g->cap_per_s[i] / share;
	double *row = f->use_weight_ratio + at->n_weights;
	uint32_t n = 0;
	f->uses[i] = at->n_uses;
	f->bottleneck[i] = f->n_resources;
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
		struct resource *r = &f->resources[g->use_resource[k]];
		f->use_resource[at->n_uses + n] = g->use_resource[k];
		row[n++] = g->use_weight_ratio[k] * share;
		r->slots_at++;
		if (cap_level < r->cap_per_s)
			r->cap_per_s = cap_level;
	}
	if (isfinite(cap_level)) {
		uint32_t r = f->n_real + at->n_private++;
		f->resources[r].cap_per_s = cap_level;
		f->resources[r].slots_at = 1;
		f->use_resource[at->n_uses + n] = r;
		row[n++] = 1;
	}
	row[n++] = 0;
	at->n_uses += n - 1;
	f->weights[i] = at->n_weights;
	if (at->n_weights >= n && same_row(row - n, row))
		f->weights[i] -= n;
	else
		at->n_weights += n;
}

void fluid_init(struct fluid *f, const struct graph *g)
{
	struct filled at = {0};
	size_t n_private = 0, slots_at = 0;
	*f = (struct fluid){.g = g, .n_real = g->n_resources};
	for (uint32_t i = 0; i < g->n_activities; i++)
		n_private += g->work_units[i] > 0 && isfinite(g->cap_per_s[i]);
	size_t n_uses = g->n_uses + n_private;
	CHECK(n_uses + g->n_activities < NONE && g->n_resources + n_private < NONE / 4);
	f->n_resources = f->n_real + (uint32_t)n_private;
	for (f->leaf_at = 1; f->leaf_at < f->n_resources;)
		f->leaf_at *= 2;
	f->block = heap_resize(NULL, lay_out(f, NULL, n_uses) + 64, 1);
	lay_out(f, (char *)f->block + 64 - (uintptr_t)f->block % 64, n_uses);

	init_resources(f);
	for (uint32_t i = 0; i < g->n_activities; i++)
		if (g->work_units[i] > 0)
			init_uses(f, i, &at);
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

double fluid_next_end_s(const struct fluid *f)
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

static struct slot *slots_of(const struct fluid *f, uint32_t r)
{
	return f->slots + f->resources[r].slots_at;
}

/* The use of r by a flow whose first one this is. */
static uint32_t use_of(const struct fluid *f, uint32_t r, uint32_t first)
{
	while (f->use_resource[first] != r)
		first++;
	return first;
}

static void put_slot(struct fluid *f, uint32_t r, uint32_t at, struct slot s)
{
	slots_of(f, r)[at] = s;
	f->use_slot[use_of(f, r, s.uses)] = at;
}

static void swap_slots(struct fluid *f, uint32_t r, uint32_t a, uint32_t b)
{
	struct slot old_a = slots_of(f, r)[a];
	if (a == b)
		return;
	put_slot(f, r, a, slots_of(f, r)[b]);
	put_slot(f, r, b, old_a);
}

/* Ends flow i's membership, if any. Returns its work left, per share. */
static double detach(struct fluid *f, uint32_t i)
{
	uint32_t r = f->bottleneck[i];
	if (r == f->n_resources)
		return f->g->work_units[i] / f->g->share_count[i];
	fluid_tick(f, r);
	struct resource *p = &f->resources[r];
	uint32_t slot = f->use_slot[use_of(f, r, f->uses[i])];
	double left_units = slots_of(f, r)[slot].due_units - p->clock_units;
	swap_slots(f, r, slot, --p->n_members);
	if (p->n_members == 0) {
		f->holds_per_s[r] = INFINITY;
		p->level_per_s = p->clock_units = 0; /* small clocks lose less to rounding */
		set_end(f, r, INFINITY);
	}
	return left_units > 0 ? left_units : 0;
}

void fluid_move(struct fluid *f, uint32_t r, uint32_t slot)
{
	struct resource *p = &f->resources[r];
	struct slot *member = slots_of(f, r) + p->n_members;
	uint32_t i = slots_of(f, r)[slot].flow;
	if (f->bottleneck[i] == r)
		return;
	double left_units = detach(f, i);
	swap_slots(f, r, slot, p->n_members++);
	member->due_units = p->clock_units + left_units;
	f->bottleneck[i] = r;
	const double *weights = f->use_weight_ratio + f->weights[i];
	for (uint32_t k = 0; weights[k] > 0; k++) {
		uint32_t u = f->uses[i] + k;
		slots_of(f, f->use_resource[u])[f->use_slot[u]].bottleneck = r;
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

/* A flow without other resources runs at its cap, whatever others do. */
static void run_alone(struct fluid *f, uint32_t r)
{
	fluid_move(f, r, 0);
	fluid_hold(f, r, f->resources[r].cap_per_s, slots_of(f, r)->due_units);
}

void fluid_enter(struct fluid *f, uint32_t i)
{
	const double *weights = f->use_weight_ratio + f->weights[i];
	uint32_t first = f->use_resource[f->uses[i]];
	f->is_stale = true;
	f->n_rising += first < f->n_real;
	for (uint32_t k = 0; weights[k] > 0; k++) {
		uint32_t u = f->uses[i] + k, r = f->use_resource[u];
		f->use_slot[u] = f->resources[r].n_flows++;
		slots_of(f, r)[f->use_slot[u]] = (struct slot){
		        .weight_ratio = weights[k],
		        .flow = i,
		        .bottleneck = f->n_resources,
		        .uses = f->uses[i],
		        .weights = f->weights[i],
		};
		if (r >= f->n_real)
			continue;
		mark_changed(f, r);
		fluid_rise(f, r, u, weights[k]);
	}
	if (first >= f->n_real)
		run_alone(f, first);
}

void fluid_leave(struct fluid *f, uint32_t i)
{
	const double *weights = f->use_weight_ratio + f->weights[i];
	double level = f->holds_per_s[f->bottleneck[i]];
	f->is_stale = true;
	for (uint32_t k = 0; weights[k] > 0; k++) {
		uint32_t r = f->use_resource[f->uses[i] + k];
		if (r >= f->n_real)
			continue;
		mark_changed(f, r);
		if (r != f->bottleneck[i])
			f->loads[r].free_grains += grains(&f->loads[r], weights[k] * level);
	}
	detach(f, i);
	for (uint32_t k = 0; weights[k] > 0; k++) {
		uint32_t u = f->uses[i] + k, r = f->use_resource[u];
		uint32_t last = --f->resources[r].n_flows;
		if (f->use_slot[u] != last)
			put_slot(f, r, f->use_slot[u], slots_of(f, r)[last]);
		if (f->resources[r].n_flows == 0 && r < f->n_real)
			free_all(f, r);
	}
}
