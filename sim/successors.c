#include "sim/successors.h"

void find_successors(const struct graph *g, uint32_t *begin, uint32_t *list)
{
	uint32_t n = g->n_activities;
	CHECK(g->n_preds < UINT32_MAX);
	for (uint32_t i = 0; i <= n; i++)
		begin[i] = 0;
	for (size_t k = 0; k < g->n_preds; k++)
		begin[g->pred[k]]++;
	for (uint32_t i = 0, end = 0; i <= n; i++)
		begin[i] = end += begin[i];
	/* Now each holds the end of its list. Filling lists from their ends moves it to the begin.
	 */
	for (uint32_t i = n; i-- > 0;)
		for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++)
			list[--begin[g->pred[k]]] = i;
}
