/* The predecessors of a graph turned round. */
#pragma once
#include "sim/graph.h"

/* Those that follow activity i are list[begin[i]] to list[begin[i + 1] - 1], in order of index.
 * begin: n_activities + 1 values, list: n_preds. */
void find_successors(const struct graph *g, uint32_t *begin, uint32_t *list);
