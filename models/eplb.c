/* EPLB: the load balancer that DeepSeek published, to the letter (deepseek-ai/EPLB @d52c72d5,
 * rebalance_experts). Three steps: groups of experts are packed to nodes, the experts of a node
 * replicated, its slots packed to ranks. Where groups do not divide among nodes, all is one group
 * and one node. */
#include <math.h>
#include <stdlib.h>
#include "models/placement.h"

struct loaded {
	double load_ratio;
	int64_t index;
};

static int hotter(const void *a, const void *b)
{
	const struct loaded *x = a, *y = b;

	if (x->load_ratio != y->load_ratio)
		return (x->load_ratio < y->load_ratio) - (x->load_ratio > y->load_ratio);
	return (x->index > y->index) - (x->index < y->index);
}

/* The pack with the least load that has room; the first on ties. */
static int64_t lightest(const double *pack_ratio, const int64_t *filled, int64_t packs,
                        int64_t room)
{
	int64_t best = -1;

	for (int64_t i = 0; i < packs; i++) {
		if (filled[i] < room && (best < 0 || pack_ratio[i] < pack_ratio[best]))
			best = i;
	}
	return best;
}

/* balanced_packing(): n items into packs of the same number, the heaviest first. place: [n], which
 * is pack * (n / packs) + order of entry. */
static void pack(const double *load_ratio, int64_t n, int64_t packs, int64_t *place)
{
	int64_t room = n / packs, *filled = heap_zeroed((size_t)packs, sizeof *filled);
	double *pack_ratio = heap_zeroed((size_t)packs, sizeof *pack_ratio);
	struct loaded *item = heap_zeroed((size_t)n, sizeof *item);

	for (int64_t i = 0; i < n; i++)
		item[i] = (struct loaded){load_ratio[i], i};
	if (room > 1)
		qsort(item, (size_t)n, sizeof *item, hotter);
	for (int64_t i = 0; i < n; i++) {
		int64_t at = room > 1 ? lightest(pack_ratio, filled, packs, room) : i;

		place[item[i].index] = at * room + filled[at]++;
		pack_ratio[at] += item[i].load_ratio;
	}
	free(filled);
	free(pack_ratio);
	free(item);
}

static int64_t hottest(const double *load_ratio, const int64_t *count, int64_t n)
{
	int64_t best = 0;

	for (int64_t i = 1; i < n; i++) {
		if (load_ratio[i] / (double)count[i] > load_ratio[best] / (double)count[best])
			best = i;
	}
	return best;
}

/* replicate_experts(): every expert once, then one more at a time for the one with the most load a
 * replica. expert: [slots]; count: [n]. */
static void replicate(const double *load_ratio, int64_t n, int64_t slots, int64_t *expert,
                      int64_t *count)
{
	for (int64_t slot = 0; slot < n; slot++)
		expert[slot] = slot, count[slot] = 1;
	for (int64_t slot = n; slot < slots; slot++) {
		expert[slot] = hottest(load_ratio, count, n);
		count[expert[slot]]++;
	}
}

/* Experts in the order of nodes: which expert is the i-th. */
static void order_by_node(const struct eplb *x, const double *load_ratio, int64_t *order)
{
	int64_t size = x->experts / x->groups;
	int64_t *place = heap_zeroed((size_t)x->groups, sizeof *place);
	double *group_ratio = heap_zeroed((size_t)x->groups, sizeof *group_ratio);

	for (int64_t i = 0; i < x->experts; i++)
		group_ratio[i / size] += load_ratio[i];
	pack(group_ratio, x->groups, x->nodes, place);
	for (int64_t i = 0; i < x->experts; i++)
		order[place[i / size] * size + i % size] = i;
	free(place);
	free(group_ratio);
}

/* The slots of one node, whose experts are order[0 .. n - 1]. */
static void place_node(const struct eplb *x, const double *load_ratio, const int64_t *order,
                       uint32_t *out)
{
	int64_t n = x->experts / x->nodes, slots = x->slots / x->nodes;
	int64_t *expert = heap_zeroed((size_t)(2 * slots + n), sizeof *expert);
	int64_t *place = expert + slots, *count = place + slots;
	double *own_ratio = heap_zeroed((size_t)(n + slots), sizeof *own_ratio);
	double *slot_ratio = own_ratio + n;

	for (int64_t i = 0; i < n; i++)
		own_ratio[i] = load_ratio[order[i]];
	replicate(own_ratio, n, slots, expert, count);
	for (int64_t i = 0; i < slots; i++)
		slot_ratio[i] = own_ratio[expert[i]] / (double)count[expert[i]];
	pack(slot_ratio, slots, x->n_ranks / x->nodes, place);
	for (int64_t i = 0; i < slots; i++)
		out[place[i]] = (uint32_t)order[expert[i]];
	free(expert);
	free(own_ratio);
}

void eplb_place(const struct eplb *x, const double *load_ratio, uint32_t *expert)
{
	int64_t *order = heap_zeroed((size_t)x->experts, sizeof *order);
	struct eplb y = *x;

	if (y.groups % y.nodes != 0)
		y.groups = y.nodes = 1;
	CHECK(y.experts % y.groups == 0 && y.n_ranks % y.nodes == 0 && y.slots % y.n_ranks == 0);
	order_by_node(&y, load_ratio, order);
	for (int64_t node = 0; node < y.nodes; node++)
		place_node(&y, load_ratio, order + node * (y.experts / y.nodes),
		           expert + node * (y.slots / y.nodes));
	free(order);
}
