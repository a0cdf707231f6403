#include "sim/rows.h"
#include <stdlib.h>

/* Who passes rows on: chosen from the counts alone, so that all ranks that have them agree. */
static void forwarders_init(struct rows *w)
{
	int64_t n_nodes = nodes_count(&w->nodes), node_experts;
	size_t n_cells = (size_t)(w->n_ranks * n_nodes);
	double *rows_count = heap_zeroed(n_cells, sizeof *rows_count);

	node_experts = w->experts / w->n_ranks * w->node_ranks;
	for (int64_t i = 0; i < w->n_ranks * w->experts; i++)
		rows_count[i / w->experts * n_nodes + i % w->experts / node_experts] += w->count[i];
	w->forwarder = heap_zeroed(n_cells, sizeof *w->forwarder);
	forwarders_choose(&w->nodes, rows_count, w->forwarder);
	w->nodes.forwarder = w->forwarder;
	free(rows_count);
}

void rows_init(struct rows *w, const struct choices *c, int64_t experts, int64_t node_ranks)
{
	int64_t n = c->first[c->n_ranks];

	*w = (struct rows){.choices = c,
	                   .n_ranks = c->n_ranks,
	                   .node_ranks = node_ranks,
	                   .experts = experts,
	                   .tokens_most = 1,
	                   .nodes = {c->n_ranks, node_ranks, NULL}};
	w->count = heap_zeroed((size_t)(c->n_ranks * experts), sizeof *w->count);
	w->before = heap_zeroed((size_t)(n * c->top_k), sizeof *w->before);
	w->source = heap_zeroed((size_t)n, sizeof *w->source);
	for (int64_t rank = 0; rank < c->n_ranks; rank++) {
		uint32_t *count = w->count + rank * experts;

		if (c->first[rank + 1] - c->first[rank] > w->tokens_most)
			w->tokens_most = c->first[rank + 1] - c->first[rank];
		for (int64_t t = c->first[rank]; t < c->first[rank + 1]; t++) {
			w->source[t] = rank;
			for (int64_t i = t * c->top_k; i < (t + 1) * c->top_k; i++)
				w->before[i] = count[c->expert[i]]++;
		}
	}
	forwarders_init(w);
}

void rows_fini(struct rows *w)
{
	free(w->count);
	free(w->before);
	free(w->source);
	free(w->forwarder);
}

int64_t rows_holds(const struct rows *w, int64_t i)
{
	return w->holds ? w->holds[i] : i;
}

int64_t rows_owner(const struct rows *w, int64_t token, int64_t choice)
{
	uint32_t expert = w->choices->expert[token * w->choices->top_k + choice];

	return expert / (w->experts / w->n_ranks);
}

int64_t rows_node(const struct rows *w, int64_t rank)
{
	return rank / w->node_ranks;
}

/* Has an earlier choice of the token the same owner (node)? */
static bool repeats(const struct rows *w, enum unit unit, int64_t token, int64_t choice)
{
	int64_t owner = rows_owner(w, token, choice);

	for (int64_t j = 0; j < choice; j++) {
		int64_t other = rows_owner(w, token, j);

		if (unit == UNIT_TOKEN_RANK && other == owner)
			return true;
		if (unit == UNIT_TOKEN_NODE && rows_node(w, other) == rows_node(w, owner))
			return true;
	}
	return false;
}

size_t rows_items(const struct rows *w, enum unit unit, struct item **out)
{
	int64_t tokens = w->choices->first[w->n_ranks], top_k = w->choices->top_k;
	int64_t most = unit == UNIT_TOKEN_ALL ? w->n_ranks : top_k;
	struct item *items = heap_zeroed((size_t)(tokens * most) + 1, sizeof *items);
	size_t n = 0;

	for (int64_t t = 0; t < tokens; t++) {
		if (unit == UNIT_TOKEN)
			items[n++] = (struct item){t, 0, w->source[t]};
		for (int64_t rank = 0; unit == UNIT_TOKEN_ALL && rank < w->n_ranks; rank++)
			items[n++] = (struct item){t, 0, rank};
		for (int64_t j = 0; unit <= UNIT_TOKEN_NODE && j < top_k; j++) {
			if (!repeats(w, unit, t, j))
				items[n++] = (struct item){t, j, rows_owner(w, t, j)};
		}
	}
	*out = items;
	return n;
}

bool rows_within(const struct rows *w, const struct item *fine, enum unit coarse,
                 const struct item *of)
{
	if (fine->token != of->token)
		return false;
	switch (coarse) {
	case UNIT_BRANCH:
		return fine->choice == of->choice;
	case UNIT_TOKEN_RANK:
	case UNIT_TOKEN_ALL:
		return fine->owner == of->owner;
	case UNIT_TOKEN_NODE:
		return rows_node(w, fine->owner) == rows_node(w, of->owner);
	default:
		return true;
	}
}

/* Who of a node deals with another node for all of it. */
static int64_t delegate_of(const struct nodes *n, int64_t node, int64_t other)
{
	int64_t first = node * n->node_ranks, left = n->n_ranks - first;

	return first + other % (left < n->node_ranks ? left : n->node_ranks);
}

/* Ends of the hop between those two, which within one node is none: the source's own rows stay. */
static void pair_ends(const struct nodes *n, int64_t source, int64_t owner, int64_t *sender,
                      int64_t *receiver)
{
	int64_t from = source / n->node_ranks, to = owner / n->node_ranks;

	*sender = from == to ? source : delegate_of(n, from, to);
	*receiver = from == to ? source : delegate_of(n, to, from);
}

void hop_ends(const struct nodes *n, enum hop hop, int64_t source, int64_t owner, int64_t *holder,
              int64_t *needer)
{
	int64_t in_node = nodes_twin(n, source, owner / n->node_ranks);
	int64_t at_home = nodes_twin(n, owner, source / n->node_ranks);
	int64_t forwarder = nodes_forwarder(n, source, owner / n->node_ranks);
	int64_t sender, receiver;

	pair_ends(n, source, owner, &sender, &receiver);
	*holder = hop == HOP_IN_NODE   ? in_node
	          : hop == HOP_ACROSS  ? at_home
	          : hop == HOP_FORWARD ? forwarder
	          : hop == HOP_PAIR    ? sender
	          : hop == HOP_SPREAD  ? receiver
	                               : source;
	*needer = hop == HOP_TO_NODE        ? in_node
	          : hop == HOP_ALIGN        ? at_home
	          : hop == HOP_TO_FORWARDER ? forwarder
	          : hop == HOP_GATHER       ? sender
	          : hop == HOP_PAIR         ? receiver
	                                    : owner;
}

/* Rows for experts first .. end - 1 from sources from_source .. to_source - 1. */
static int64_t rows_of_owner(const struct rows *w, const uint32_t *count, int64_t first,
                             int64_t end, int64_t from_source, int64_t to_source)
{
	int64_t sum = 0;

	for (int64_t source = from_source; source < to_source; source++) {
		for (int64_t expert = first; expert < end; expert++)
			sum += count[source * w->experts + expert];
	}
	return sum;
}

/* Layouts at neither the source nor the owner, with a fixed slot for whatever may come. */
static void place_on_the_way(const struct rows *w, enum layout layout, const struct item *x,
                             int64_t *rank, int64_t *row)
{
	const struct choices *c = w->choices;
	int64_t source = w->source[x->token], node = rows_node(w, x->owner), other;
	int64_t slot = source * w->tokens_most + x->token - c->first[source];
	int64_t branch_slot = slot * c->top_k + x->choice;

	switch (layout) {
	case LAYOUT_TWIN_SLOTS:
		*rank = nodes_twin(&w->nodes, source, node), *row = slot;
		return;
	case LAYOUT_TWIN_BRANCHES:
		*rank = nodes_twin(&w->nodes, source, node), *row = branch_slot;
		return;
	case LAYOUT_FORWARDER_SLOTS:
		*rank = nodes_forwarder(&w->nodes, source, node), *row = slot;
		return;
	case LAYOUT_FORWARDER_BRANCHES:
		*rank = nodes_forwarder(&w->nodes, source, node), *row = branch_slot;
		return;
	case LAYOUT_PAIR_OUT:
		pair_ends(&w->nodes, source, x->owner, rank, &other);
		*row = node * w->n_ranks * w->tokens_most + slot;
		return;
	case LAYOUT_PAIR_IN:
		pair_ends(&w->nodes, source, x->owner, &other, rank);
		*row = slot;
		return;
	case LAYOUT_PAIR_BRANCHES:
		pair_ends(&w->nodes, source, x->owner, &other, rank);
		*row = branch_slot;
		return;
	case LAYOUT_ALIGNED:
		*rank = nodes_twin(&w->nodes, x->owner, rows_node(w, source)), *row = branch_slot;
		return;
	default:
		CHECK(!"a layout that holds no rows");
	}
}

void rows_place(const struct rows *w, enum layout layout, const struct item *x,
                const uint32_t *count, int64_t *rank, int64_t *row)
{
	const struct choices *c = w->choices;
	const uint32_t *k = count ? count : w->count;
	int64_t local = w->experts / w->n_ranks, source = w->source[x->token];
	int64_t t = x->token - c->first[source], branch = x->token * c->top_k + x->choice;
	int64_t expert = c->expert[branch], before = w->before[branch];
	int64_t first = x->owner * local, n = w->n_ranks, most = w->tokens_most;

	*rank = x->owner;
	switch (layout) {
	case LAYOUT_TOKEN:
		*rank = source, *row = t;
		return;
	case LAYOUT_BRANCH:
		*rank = source, *row = t * c->top_k + x->choice;
		return;
	case LAYOUT_PACKED:
		*rank = source;
		*row = rows_of_owner(w, k, 0, expert, source, source + 1) + before;
		return;
	case LAYOUT_RECEIVED:
		*row = rows_of_owner(w, k, first, first + local, 0, source) +
		       rows_of_owner(w, k, first, expert, source, source + 1) + before;
		return;
	case LAYOUT_WINDOW:
		*row = rows_of_owner(w, k, first, expert, 0, n) +
		       rows_of_owner(w, k, expert, expert + 1, 0, source) + before;
		return;
	case LAYOUT_SLOTS:
		*row = (source * local + expert - first) * most + before;
		return;
	case LAYOUT_RANK_SLOTS:
		*row = source * most + t;
		return;
	case LAYOUT_OWNER_SLOTS:
		*rank = source, *row = t * n + x->owner;
		return;
	default:
		place_on_the_way(w, layout, x, rank, row);
	}
}
