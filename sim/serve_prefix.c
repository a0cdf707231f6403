#include "sim/serve_prefix.h"
#include <stdlib.h>
#include "models/base/arena.h"
#include "models/base/err.h"

enum { NIL = UINT32_MAX };

/* A cached block. Idle ones are linked, oldest first. */
struct node {
	uint32_t block, pins;
	uint32_t older, newer; /* idle: neighbours; free: older is the next free one */
};

struct prefix {
	struct node *node;
	uint32_t n_nodes, nodes_room, free;
	uint32_t *slot; /* open addressing: node + 1, 0: empty */
	uint32_t slots, n_there;
	uint32_t oldest, newest;
	int64_t n_idle;
};

struct prefix *prefix_new(void)
{
	struct prefix *p = heap_zeroed(1, sizeof *p);

	p->slots = 1024;
	p->slot = heap_zeroed(p->slots, sizeof *p->slot);
	p->free = p->oldest = p->newest = NIL;
	return p;
}

void prefix_free(struct prefix *p)
{
	if (!p)
		return;
	free(p->node);
	free(p->slot);
	free(p);
}

static uint32_t home_of(const struct prefix *p, uint32_t block)
{
	return (block * UINT32_C(0x9e3779b1)) >> 7 & (p->slots - 1);
}

/* Where the block is, or the empty slot where it would be. */
static uint32_t slot_of(const struct prefix *p, uint32_t block)
{
	uint32_t i = home_of(p, block);

	while (p->slot[i] && p->node[p->slot[i] - 1].block != block)
		i = (i + 1) & (p->slots - 1);
	return i;
}

static void slots_grow(struct prefix *p)
{
	uint32_t *old = p->slot, n = p->slots;

	p->slots = 2 * n;
	p->slot = heap_zeroed(p->slots, sizeof *p->slot);
	for (uint32_t i = 0; i < n; i++) {
		if (old[i])
			p->slot[slot_of(p, p->node[old[i] - 1].block)] = old[i];
	}
	free(old);
}

/* Later entries of the same run move up, so that none is cut off from its home. */
static void slot_clear(struct prefix *p, uint32_t i)
{
	uint32_t mask = p->slots - 1;

	p->slot[i] = 0;
	for (uint32_t k = (i + 1) & mask; p->slot[k]; k = (k + 1) & mask) {
		uint32_t home = home_of(p, p->node[p->slot[k] - 1].block);

		if (((k - home) & mask) >= ((k - i) & mask)) {
			p->slot[i] = p->slot[k];
			p->slot[k] = 0;
			i = k;
		}
	}
}

static uint32_t node_new(struct prefix *p, uint32_t block)
{
	uint32_t i = p->free;

	if (i != NIL) {
		p->free = p->node[i].older;
	} else {
		if (p->n_nodes == p->nodes_room) {
			p->nodes_room = p->nodes_room ? 2 * p->nodes_room : 1024;
			p->node = heap_resize(p->node, p->nodes_room, sizeof *p->node);
		}
		i = p->n_nodes++;
	}
	p->node[i] = (struct node){.block = block, .older = NIL, .newer = NIL};
	return i;
}

static void idle_remove(struct prefix *p, uint32_t i)
{
	struct node *n = &p->node[i];

	*(n->older == NIL ? &p->oldest : &p->node[n->older].newer) = n->newer;
	*(n->newer == NIL ? &p->newest : &p->node[n->newer].older) = n->older;
	n->older = n->newer = NIL;
	p->n_idle--;
}

static void idle_append(struct prefix *p, uint32_t i)
{
	struct node *n = &p->node[i];

	n->older = p->newest, n->newer = NIL;
	*(p->newest == NIL ? &p->oldest : &p->node[p->newest].newer) = i;
	p->newest = i;
	p->n_idle++;
}

uint32_t prefix_match(const struct prefix *p, const uint32_t *block, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && p->slot[slot_of(p, block[i])])
		i++;
	return i;
}

int prefix_pin(struct prefix *p, uint32_t block)
{
	uint32_t at = slot_of(p, block), i;

	if (!p->slot[at]) {
		if (2 * (p->n_there + 1) > p->slots) {
			slots_grow(p);
			at = slot_of(p, block);
		}
		i = node_new(p, block);
		p->slot[at] = i + 1;
		p->n_there++;
		return p->node[i].pins = 1;
	}
	i = p->slot[at] - 1;
	if (p->node[i].pins == 0)
		idle_remove(p, i);
	return p->node[i].pins++ == 0;
}

int prefix_unpin(struct prefix *p, uint32_t block)
{
	uint32_t at = slot_of(p, block), i;

	CHECK(p->slot[at]);
	i = p->slot[at] - 1;
	CHECK(p->node[i].pins > 0);
	if (--p->node[i].pins > 0)
		return 0;
	idle_append(p, i);
	return 1;
}

void prefix_trim(struct prefix *p, int64_t n_idle)
{
	while (p->n_idle > n_idle && p->n_idle > 0) {
		uint32_t i = p->oldest;

		idle_remove(p, i);
		slot_clear(p, slot_of(p, p->node[i].block));
		p->node[i].older = p->free;
		p->free = i;
		p->n_there--;
	}
}

int64_t prefix_idle(const struct prefix *p)
{
	return p->n_idle;
}
