/* Resources that share flows, directly or through other resources, can feel each other's changes;
 * others cannot. Sets of them are kept by union-find, and each set as a circle through next, so
 * that it can be listed. Sets only grow as flows come; when most flows of one have gone, it is
 * made anew from those that remain. So a set may be larger than need be, never too small, and the
 * upkeep is constant per flow, amortised. */
#include "sim/fluid.h"

void circle_of_one(struct resource *resources, uint32_t r)
{
	struct resource *p = &resources[r];
	p->next = p->leader = r;
	p->circle_size = 1;
	p->n_came = p->n_went = 0;
}

uint32_t circle_leader(struct resource *resources, uint32_t r)
{
	while (resources[r].leader != r)
		r = resources[r].leader = resources[resources[r].leader].leader;
	return r;
}

/* Exchanging the successors of one resource of each makes one circle of both. */
void circles_join(struct resource *resources, uint32_t a, uint32_t b)
{
	uint32_t ra = circle_leader(resources, a), rb = circle_leader(resources, b);
	if (ra == rb)
		return;
	bool swap = resources[ra].circle_size < resources[rb].circle_size;
	struct resource *large = &resources[swap ? rb : ra], *small = &resources[swap ? ra : rb];
	small->leader = large->leader;
	large->circle_size += small->circle_size;
	large->n_came += small->n_came;
	large->n_went += small->n_went;
	uint32_t next = large->next;
	large->next = small->next;
	small->next = next;
}

static void remake(struct fluid *f, uint32_t leader)
{
	uint32_t n = 0, *list = f->open;
	uint32_t r = leader;
	do
		list[n++] = r;
	while ((r = f->resources[r].next) != leader);
	for (uint32_t k = 0; k < n; k++)
		circle_of_one(f->resources, list[k]);
	for (uint32_t k = 0; k < n; k++) {
		const struct resource *p = &f->resources[list[k]];
		const struct slot *slots = f->slots + p->slots_at;
		for (uint32_t m = 0; m < p->n_flows; m++) {
			uint32_t first = f->uses[slots[m].begin_use].resource;
			circles_join(f->resources, first, list[k]);
			if (first == list[k])
				f->resources[circle_leader(f->resources, first)].n_came++;
		}
	}
}

static void open_circle(struct fluid *f, uint32_t leader)
{
	uint32_t r = leader;
	do {
		const struct resource *p = &f->resources[r];
		if (p->n_flows > 0 && p->full_per_s >= f->redo_per_s)
			f->open[f->n_open++] = r;
		r = p->next;
	} while (r != leader);
}

void circles_open(struct fluid *f)
{
	for (uint32_t k = 0; k < f->n_changed; k++) {
		uint32_t leader = circle_leader(f->resources, f->changed[k]);
		const struct resource *p = &f->resources[leader];
		if (2 * (uint64_t)p->n_went > (uint64_t)p->n_came + p->circle_size)
			remake(f, leader);
	}
	f->n_open = 0;
	for (uint32_t k = 0; k < f->n_changed; k++) {
		uint32_t leader = circle_leader(f->resources, f->changed[k]);
		if (f->resources[leader].opened == f->pass)
			continue;
		f->resources[leader].opened = f->pass;
		open_circle(f, leader);
	}
}
