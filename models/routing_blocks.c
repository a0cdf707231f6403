/* Tokens counted once for each rank or node that they touch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/routing.h"

struct routing choices_routing(const struct choices *c, const struct moe_model *model,
                               struct arena *a)
{
	struct routing r = {
	        .n_ranks = c->n_ranks, .experts = model->experts, .model = model, .choices = c};

	r.count = arena_alloc(a, (size_t)(c->n_ranks * model->experts) * sizeof *r.count);
	for (int64_t rank = 0; rank < c->n_ranks; rank++) {
		double rows = (double)((c->first[rank + 1] - c->first[rank]) * c->top_k);

		r.rows_per_rank_count = fmax(r.rows_per_rank_count, rows);
		for (int64_t i = c->first[rank] * c->top_k; i < c->first[rank + 1] * c->top_k; i++)
			r.count[rank * model->experts + c->expert[i]]++;
	}
	return r;
}

double routing_tokens_count(const struct routing *r, int64_t rank)
{
	if (r->choices)
		return (double)(r->choices->first[rank + 1] - r->choices->first[rank]);
	return r->rows_per_rank_count / model_sent_count(r->model);
}

/* C(n - x, k) / C(n, k): none of k drawn of n lies among x. */
static double missed_ratio(int64_t n, int64_t x, int64_t k)
{
	double ratio = 1;

	for (int64_t j = 0; j < k; j++)
		ratio *= fmax(0, (double)(n - x - j)) / (double)(n - j);
	return ratio;
}

/* i of the m marked ones among g drawn of n: C(m, i) C(n - m, g - i) / C(n, g). */
static double drawn_ratio(int64_t n, int64_t m, int64_t g, int64_t i)
{
	double ratio = 1;

	if (i > m || g - i > n - m)
		return 0;
	for (int64_t j = 0; j < i; j++)
		ratio *= (double)(m - j) / (double)(n - j) * (double)(g - j) / (double)(i - j);
	for (int64_t j = 0; j < g - i; j++)
		ratio *= (double)(n - m - j) / (double)(n - i - j);
	return ratio;
}

double routing_touch_ratio(const struct moe_model *m, int64_t n_experts)
{
	int64_t per_group = m->experts / m->groups;
	int64_t spanned = n_experts > per_group ? n_experts / per_group : 1;
	int64_t part = n_experts > per_group ? per_group : n_experts;
	double missed = 0;

	for (int64_t i = 0; i <= spanned && i <= m->top_groups; i++)
		missed += drawn_ratio(m->groups, spanned, m->top_groups, i) *
		          missed_ratio(m->top_groups * per_group + m->zero_experts, i * part,
		                       m->top_k);
	return 1 - missed;
}

static void count_blocks(const struct routing *r, const struct choices *c, int64_t block,
                         double *out_count)
{
	int64_t blocks = (r->n_ranks + block - 1) / block, per_rank = r->experts / r->n_ranks;
	int64_t *seen_by = heap_zeroed((size_t)blocks, sizeof *seen_by);

	for (int64_t rank = 0; rank < r->n_ranks; rank++) {
		for (int64_t t = c->first[rank]; t < c->first[rank + 1]; t++) {
			for (int64_t j = 0; j < c->top_k; j++) {
				int64_t at = c->expert[t * c->top_k + j] / per_rank / block;

				if (seen_by[at] == t + 1)
					continue;
				seen_by[at] = t + 1;
				out_count[rank * blocks + at] += 1;
			}
		}
	}
	free(seen_by);
}

void routing_block_tokens(const struct routing *r, int64_t block, double *out_count)
{
	int64_t blocks = (r->n_ranks + block - 1) / block, per_rank = r->experts / r->n_ranks;
	struct choices drawn;
	struct arena *a;
	struct err e;

	memset(out_count, 0, (size_t)(r->n_ranks * blocks) * sizeof *out_count);
	if (r->choices) {
		count_blocks(r, r->choices, block, out_count);
	} else if (r->balanced) {
		for (int64_t i = 0; i < r->n_ranks * blocks; i++) {
			int64_t at = i % blocks;
			int64_t ranks = at == blocks - 1 ? r->n_ranks - at * block : block;

			out_count[i] = routing_tokens_count(r, i / blocks) *
			               routing_touch_ratio(r->model, ranks * per_rank);
		}
	} else {
		a = arena_new();
		CHECK(routing_choices(r, a, &drawn, &e) == RC_OK); /* it was drawn before */
		count_blocks(r, &drawn, block, out_count);
		arena_free(a);
	}
}
