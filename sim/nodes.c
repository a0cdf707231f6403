#include "sim/nodes.h"
#include <stdlib.h>
#include "models/base/arena.h"

int64_t nodes_count(const struct nodes *n)
{
	return (n->n_ranks + n->node_ranks - 1) / n->node_ranks;
}

int64_t nodes_twin(const struct nodes *n, int64_t rank, int64_t node)
{
	int64_t twin = node * n->node_ranks + rank % n->node_ranks;

	return twin < n->n_ranks ? twin : n->n_ranks - 1;
}

int64_t nodes_forwarder(const struct nodes *n, int64_t source, int64_t node)
{
	if (source / n->node_ranks == node)
		return source;
	return n->forwarder ? n->forwarder[source * nodes_count(n) + node]
	                    : nodes_twin(n, source, node);
}

struct sender {
	double rows_count;
	int64_t rank;
};

static int by_falling_rows(const void *x, const void *y)
{
	const struct sender *a = x, *b = y;

	if (a->rows_count != b->rows_count)
		return a->rows_count < b->rows_count ? 1 : -1;
	return (a->rank > b->rank) - (a->rank < b->rank);
}

/* The rank of the node with the fewest rows, its twin if that has no more than others. */
static int64_t least_loaded(const struct nodes *n, int64_t source, int64_t node,
                            const double *load_count)
{
	int64_t first = node * n->node_ranks, best = nodes_twin(n, source, node);

	for (int64_t r = first; r < first + n->node_ranks && r < n->n_ranks; r++) {
		if (load_count[r] < load_count[best])
			best = r;
	}
	return best;
}

void forwarders_choose(const struct nodes *n, const double *rows_count, uint32_t *out)
{
	int64_t n_nodes = nodes_count(n);
	double *load_count = heap_zeroed((size_t)n->n_ranks, sizeof *load_count);
	struct sender *from = heap_zeroed((size_t)n->n_ranks, sizeof *from);

	for (int64_t node = 0; node < n_nodes; node++) {
		size_t n_from = 0;

		for (int64_t r = 0; r < n->n_ranks; r++) {
			if (r / n->node_ranks == node)
				out[r * n_nodes + node] = (uint32_t)r;
			else
				from[n_from++] = (struct sender){rows_count[r * n_nodes + node], r};
		}
		qsort(from, n_from, sizeof *from, by_falling_rows);
		for (size_t i = 0; i < n_from; i++) {
			int64_t by = least_loaded(n, from[i].rank, node, load_count);

			load_count[by] += from[i].rows_count;
			out[from[i].rank * n_nodes + node] = (uint32_t)by;
		}
	}
	free(load_count);
	free(from);
}
