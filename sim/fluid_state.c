#include <math.h>
#include <stdlib.h>
#include "models/base/arena.h"
#include "sim/fluid.h"

/* --- memory --- */

/* Cuts n items off the block; with a NULL block it only counts. */
static void *carve(char *block, size_t *used, size_t n_items, size_t item_bytes)
{
	char *at = block ? block + *used : NULL;
	*used += (n_items * item_bytes + 15) / 16 * 16;
	return at;
}

#define CARVE(field, n) ((field) = carve(block, &used, (n), sizeof *(field)))

static size_t lay_out(struct fluid *f, char *block, size_t n_uses, struct step **steps)
{
	size_t used = 0, n = f->g->n_activities;
	CARVE(f->resources, f->n_resources);
	CARVE(f->end_s, 2 * (size_t)f->leaf_at);
	CARVE(f->top, f->n_real);
	CARVE(f->changed, f->n_real);
	CARVE(f->open, f->n_real);
	CARVE(f->heap, f->n_real);
	CARVE(f->use_begin, n + 1);
	CARVE(f->bottleneck, n);
	CARVE(f->uses, n_uses);
	CARVE(f->slots, n_uses);
	CARVE(*steps, f->g->n_uses + f->n_real);
	return used;
}

static void init_resources(struct fluid *f)
{
	for (uint32_t r = 0; r < f->n_resources; r++)
		f->resources[r] = (struct resource){
		        .capacity_per_s = r < f->n_real ? f->g->capacity_per_s[r] : 0,
		        .full_per_s = INFINITY,
		        .least_cap_per_s = INFINITY,
		};
	for (uint32_t r = 0; r < f->n_real; r++)
		circle_of_one(f->resources, r);
	for (uint32_t k = 0; k < 2 * f->leaf_at; k++)
		f->end_s[k] = INFINITY;
}

/* Copies the uses of activity i and counts the slots they need. */
static void init_uses(struct fluid *f, uint32_t i, uint32_t *n_uses, uint32_t *n_private)
{
	const struct graph *g = f->g;
	double share = g->share_count[i], cap_level = g->cap_per_s[i] / share;
	f->use_begin[i] = *n_uses;
	f->bottleneck[i] = NO_RESOURCE;
	if (g->work_units[i] == 0)
		return;
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
		struct resource *r = &f->resources[g->use_resource[k]];
		f->uses[(*n_uses)++] = (struct flow_use){
		        .weight_ratio = g->use_weight_ratio[k] * share,
		        .resource = g->use_resource[k],
		};
		r->slots_at++;
		if (cap_level < r->least_cap_per_s)
			r->least_cap_per_s = cap_level;
	}
	if (isfinite(cap_level)) {
		uint32_t r = f->n_real + (*n_private)++;
		f->resources[r].capacity_per_s = cap_level;
		f->resources[r].slots_at = 1;
		f->uses[(*n_uses)++] = (struct flow_use){.weight_ratio = 1, .resource = r};
	}
}

void fluid_init(struct fluid *f, const struct graph *g)
{
	struct step *steps;
	uint32_t n_uses = 0, n_private = 0;
	*f = (struct fluid){.g = g, .n_real = g->n_resources, .redo_per_s = INFINITY, .pass = 1};
	for (uint32_t i = 0; i < g->n_activities; i++)
		n_private += g->work_units[i] > 0 && isfinite(g->cap_per_s[i]);
	CHECK(g->n_uses < UINT32_MAX - n_private && g->n_resources < UINT32_MAX / 4 - n_private);
	f->n_resources = f->n_real + n_private;
	for (f->leaf_at = 1; f->leaf_at < f->n_resources;)
		f->leaf_at *= 2;
	f->block = heap_resize(NULL, lay_out(f, NULL, g->n_uses + n_private, &steps), 1);
	lay_out(f, f->block, g->n_uses + n_private, &steps);

	init_resources(f);
	n_private = 0;
	for (uint32_t i = 0; i < g->n_activities; i++)
		init_uses(f, i, &n_uses, &n_private);
	f->use_begin[g->n_activities] = n_uses;
	size_t slots_at = 0;
	for (uint32_t r = 0; r < f->n_resources; r++) {
		size_t n_slots = f->resources[r].slots_at;
		f->resources[r].slots_at = slots_at;
		if (r < f->n_real) {
			f->resources[r].bottom = f->top[r] = steps + slots_at + r;
			*f->top[r] = (struct step){.level_per_s = -1};
		}
		slots_at += n_slots;
	}
}

void fluid_fini(struct fluid *f)
{
	free(f->block);
}

/* --- who ends next --- */

void fluid_set_end(struct fluid *f, uint32_t r, double end_s)
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

static uint32_t members_ending(const struct fluid *f, uint32_t r, double until_s, uint32_t *out,
                               double *last_s)
{
	const struct resource *p = &f->resources[r];
	const struct slot *slots = f->slots + p->slots_at;
	uint32_t n = 0;
	for (uint32_t k = 0; k < p->n_members; k++) {
		double end_s =
		        p->clock_at_s + (slots[k].due_units - p->clock_units) / p->level_per_s;
		if (end_s > until_s)
			continue;
		out[n++] = slots[k].flow;
		*last_s = fmax(*last_s, end_s);
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

/* --- flows come, go and change bottleneck --- */

void fluid_tick(struct fluid *f, uint32_t r)
{
	struct resource *p = &f->resources[r];
	p->clock_units += p->level_per_s * (f->now_s - p->clock_at_s);
	p->clock_at_s = f->now_s;
}

static void swap_slots(struct fluid *f, const struct resource *p, uint32_t a, uint32_t b)
{
	struct slot *slots = f->slots + p->slots_at, old_a = slots[a];
	if (a == b)
		return;
	slots[a] = slots[b];
	slots[b] = old_a;
	f->uses[slots[a].use].slot = a;
	f->uses[slots[b].use].slot = b;
}

void fluid_join(struct fluid *f, uint32_t r, uint32_t slot, double units_left)
{
	struct resource *p = &f->resources[r];
	struct slot *s = f->slots + p->slots_at + p->n_members;
	swap_slots(f, p, slot, p->n_members++);
	s->due_units = p->clock_units + units_left;
	f->bottleneck[s->flow] = r;
}

double fluid_detach(struct fluid *f, uint32_t i)
{
	uint32_t r = f->bottleneck[i];
	if (r == NO_RESOURCE)
		return f->g->work_units[i] / f->g->share_count[i];
	const struct flow_use *u = f->uses + f->use_begin[i];
	while (u->resource != r)
		u++;
	fluid_tick(f, r);
	struct resource *p = &f->resources[r];
	double units_left = f->slots[p->slots_at + u->slot].due_units - p->clock_units;
	swap_slots(f, p, u->slot, --p->n_members);
	f->bottleneck[i] = NO_RESOURCE;
	if (p->n_members == 0)
		p->clock_units = 0; /* a small number loses less to rounding */
	if (r >= f->n_real)
		fluid_set_end(f, r, INFINITY);
	return fmax(units_left, 0);
}

/* Adds w to the sum with the rounding error kept (Knuth, TAOCP 2, 4.2.2, theorem B): what is left
 * of a sum of many when most were taken away again is as exact as if it had been added up anew. */
static void add_weight(struct resource *p, double w)
{
	double sum = p->weight_ratio + w, was = sum - w;
	double error = (p->weight_ratio - was) + (w - (sum - was));
	p->weight_ratio = sum;
	p->weight_lo_ratio += error;
}

static void mark_changed(struct fluid *f, uint32_t r)
{
	if (f->resources[r].is_changed)
		return;
	f->resources[r].is_changed = true;
	f->changed[f->n_changed++] = r;
}

/* A flow without resource runs at its cap, whatever others do. */
static void run_alone(struct fluid *f, uint32_t i)
{
	uint32_t r = f->uses[f->use_begin[i]].resource;
	struct resource *p = &f->resources[r];
	double units_left = f->g->work_units[i] / f->g->share_count[i];
	p->level_per_s = p->full_per_s = p->capacity_per_s;
	p->clock_at_s = f->now_s;
	fluid_join(f, r, 0, units_left);
	fluid_set_end(f, r, fluid_end_of(p, units_left));
}

void fluid_enter(struct fluid *f, uint32_t i)
{
	uint32_t begin = f->use_begin[i], end = f->use_begin[i + 1];
	uint32_t first = f->uses[begin].resource;
	for (uint32_t u = begin; u < end; u++) {
		struct flow_use *use = &f->uses[u];
		struct resource *p = &f->resources[use->resource];
		use->slot = p->n_flows++;
		f->slots[p->slots_at + use->slot] = (struct slot){
		        .weight_ratio = use->weight_ratio,
		        .flow = i,
		        .use = u,
		        .begin_use = begin,
		        .end_use = end,
		};
		if (use->resource >= f->n_real) {
			f->redo_per_s = fmin(f->redo_per_s, p->capacity_per_s);
			continue;
		}
		add_weight(p, use->weight_ratio);
		circles_join(f->resources, first, use->resource);
		mark_changed(f, use->resource);
	}
	if (first >= f->n_real)
		run_alone(f, i);
	else
		f->resources[circle_leader(f->resources, first)].n_came++;
}

static void clear_resource(struct fluid *f, uint32_t r)
{
	struct resource *p = &f->resources[r];
	p->weight_ratio = p->weight_lo_ratio = p->level_per_s = 0;
	p->full_per_s = INFINITY;
	f->top[r] = p->bottom;
	fluid_set_end(f, r, INFINITY);
}

/* Filling stopped this flow when it stood where its bottleneck was full, so below that it was
 * only one that still rose, and its resources were not full: without it all goes the same. */
void fluid_leave(struct fluid *f, uint32_t i)
{
	uint32_t begin = f->use_begin[i], end = f->use_begin[i + 1];
	uint32_t first = f->uses[begin].resource;
	if (first < f->n_real) {
		double full_per_s = f->resources[f->bottleneck[i]].full_per_s;
		f->redo_per_s = fmin(f->redo_per_s, full_per_s);
		f->resources[circle_leader(f->resources, first)].n_went++;
	}
	fluid_detach(f, i);
	for (uint32_t u = begin; u < end; u++) {
		uint32_t r = f->uses[u].resource;
		struct resource *p = &f->resources[r];
		swap_slots(f, p, f->uses[u].slot, --p->n_flows);
		if (r >= f->n_real)
			continue;
		add_weight(p, -f->uses[u].weight_ratio);
		mark_changed(f, r);
		if (p->n_flows == 0)
			clear_resource(f, r);
	}
}
