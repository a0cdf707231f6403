/* Rows to experts become rows to the slots that hold them. */
#include <stdlib.h>
#include <math.h>
#include "models/placement.h"

/* Rows of one source for one expert, over the slots that it chooses among. */
static void split(const struct placement *p, int64_t source, int64_t expert, uint32_t rows,
                  uint32_t *count)
{
	int64_t turns = placement_turns_count(p, source, expert);

	for (int64_t n = 0; n < turns && n < rows; n++)
		count[placement_slot(p, source, expert, n)] +=
		        (uint32_t)((rows - n - 1) / turns) + 1;
}

static uint32_t *split_all(const struct placement *p, const struct routing *drawn, struct arena *a)
{
	uint32_t *count = arena_alloc(a, (size_t)(p->n_ranks * p->slots) * sizeof *count);

	for (int64_t source = 0; source < p->n_ranks; source++) {
		uint32_t *to = count + source * p->slots;

		for (int64_t expert = 0; expert < p->routed; expert++)
			split(p, source, expert, drawn->count[source * p->routed + expert], to);
		for (int64_t expert = p->routed; expert < p->routed + p->shared; expert++)
			to[placement_slot(p, source, expert, 0)] += (uint32_t)drawn->tokens;
	}
	return count;
}

enum rc routing_place(const struct routing *drawn, const struct placement_spec *placement,
                      int64_t node_ranks, struct arena *a, struct routing *out, struct err *e)
{
	double *known_ratio = arena_alloc(a, (size_t)drawn->experts * sizeof *known_ratio);
	struct placement *p = arena_alloc(a, sizeof *p);
	struct moe_model *seen = arena_alloc(a, sizeof *seen);
	struct routing *before = arena_alloc(a, sizeof *before);
	struct routing placed = *drawn;

	CHECK(drawn->spec && !drawn->balanced && !drawn->choices);
	TRY(routing_known_shares(drawn->spec, drawn->model, a, known_ratio, e));
	placement_make(placement, drawn->model, drawn->n_ranks, node_ranks, known_ratio,
	               (uint64_t)drawn->spec->seed, a, p);
	*seen = placement_model(placement, drawn->model);
	*before = *drawn;
	placed.experts = p->slots, placed.model = seen;
	placed.rows_per_rank_count = (double)drawn->tokens * (double)seen->top_k;
	placed.count = split_all(p, drawn, a);
	placed.unplaced = before, placed.placement = p;
	*out = placed;
	return RC_OK;
}

double routing_rank_max_mean_ratio(const struct routing *r)
{
	double most = 0, sum = 0;

	if (r->balanced)
		return 1;
	for (int64_t to = 0; to < r->n_ranks; to++) {
		double rows = 0;

		for (int64_t from = 0; from < r->n_ranks; from++)
			rows += routing_rank_rows_count(r, from, to);
		most = fmax(most, rows), sum += rows;
	}
	return sum > 0 ? most * (double)r->n_ranks / sum : 1;
}
