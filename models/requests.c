#include "models/requests.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/err.h"
#include "models/base/rng.h"

void request_list_fini(struct request_list *l)
{
	free(l->at);
	free(l->block);
	memset(l, 0, sizeof *l);
}

void request_list_copy(const struct request_list *from, struct request_list *to)
{
	request_list_fini(to);
	*to = *from;
	to->room = from->n, to->blocks_room = from->n_blocks;
	to->at = NULL, to->block = NULL;
	if (from->n > 0)
		to->at = memcpy(heap_resize(NULL, from->n, sizeof *to->at), from->at,
		                from->n * sizeof *to->at);
	if (from->n_blocks > 0)
		to->block = memcpy(heap_resize(NULL, from->n_blocks, sizeof *to->block),
		                   from->block, from->n_blocks * sizeof *to->block);
}

void request_append(struct request_list *l, const struct request *r)
{
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 1024;
		l->at = heap_resize(l->at, l->room, sizeof *l->at);
	}
	l->at[l->n++] = *r;
}

void request_block_append(struct request_list *l, uint32_t block)
{
	if (l->n_blocks == l->blocks_room) {
		l->blocks_room = l->blocks_room ? 2 * l->blocks_room : 4096;
		l->block = heap_resize(l->block, l->blocks_room, sizeof *l->block);
	}
	l->block[l->n_blocks++] = block;
}

/* ---- arrival processes ----------------------------------------------------------------------- */

static double even_gap(const struct arrival_spec *s, double uniform)
{
	(void)uniform;
	return 1 / s->rate_count;
}

static double poisson_gap(const struct arrival_spec *s, double uniform)
{
	return -log1p(-uniform) / s->rate_count;
}

/* Shape 1 / CV^2 keeps the mean gap. GSL does not find the inverse near 0, where P(x) = x^a /
 * Gamma(a
 * + 1) within a share of x. */
static double gamma_gap(const struct arrival_spec *s, double uniform)
{
	const double small_ratio = 0x1p-20;
	double shape = 1 / (s->cv_ratio * s->cv_ratio), scale = 1 / (shape * s->rate_count);
	double near_ratio = exp((log(uniform) + lgamma(shape + 1)) / shape);

	if (near_ratio < small_ratio)
		return near_ratio * scale;
	return gsl_cdf_gamma_Pinv(uniform, shape, scale);
}

const struct arrival_process arrivals[] = {
        {"replay", "as the trace has them, stretched when a rate is given", NULL},
        {"poisson", "independent: exponential gaps", poisson_gap},
        {"gamma", "bursty: gamma gaps of a given CV", gamma_gap},
        {"even", "equal gaps", even_gap},
        {0},
};

const struct arrival_process *arrival_find(const char *name)
{
	for (const struct arrival_process *p = arrivals; p->name; p++) {
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

/* Repeats of the list find their blocks in the cache as the first round did: they are the same
 * prompts. */
static void lengths_repeat(struct request_list *l, size_t n)
{
	size_t own = l->n;

	for (size_t i = own; i < n; i++) {
		struct request r = l->at[i % own];

		request_append(l, &r);
	}
	l->n = n;
}

static void replay(struct request_list *l, size_t own, double rate_count)
{
	double first_s = l->at[0].arrival_s, scale = 1, span_s, gap_s;
	size_t last = own - 1;

	span_s = l->at[last].arrival_s - first_s;
	gap_s = last > 0 ? span_s / (double)last : 0;
	if (rate_count > 0 && gap_s > 0)
		scale = 1 / (rate_count * gap_s);
	for (size_t i = l->n; i-- > 0;) {
		size_t rounds = i / own;
		double round_s = (double)rounds * (span_s + gap_s);

		l->at[i].arrival_s = scale * (round_s + l->at[i % own].arrival_s - first_s);
	}
}

void arrivals_make(struct request_list *l, size_t n, const struct arrival_process *p,
                   const struct arrival_spec *s)
{
	size_t own = l->n;
	struct rng rng;
	double now_s = 0;

	CHECK(own > 0 && n > 0);
	lengths_repeat(l, n);
	if (!p->gap_s) {
		replay(l, own < n ? own : n, s->rate_count);
		return;
	}
	rng_init(&rng, s->seed, 0);
	for (size_t i = 0; i < n; i++) {
		l->at[i].arrival_s = now_s;
		now_s += p->gap_s(s, rng_uniform_ratio(&rng));
	}
}

double request_reuse_ratio(const struct request_list *l)
{
	uint32_t most = 0;
	size_t hits = 0, all = 0;
	bool *seen;

	for (size_t i = 0; i < l->n_blocks; i++)
		most = l->block[i] > most ? l->block[i] : most;
	seen = heap_zeroed((size_t)most + 1, sizeof *seen);
	for (size_t i = 0; i < l->n; i++) {
		const uint32_t *block = l->block + l->at[i].first_block;
		bool hit = true;

		for (uint32_t k = 0; k < l->at[i].n_blocks; k++, all++) {
			hit = hit && seen[block[k]];
			hits += hit;
		}
		for (uint32_t k = 0; k < l->at[i].n_blocks; k++)
			seen[block[k]] = true;
	}
	free(seen);
	return all > 0 ? (double)hits / (double)all : 0;
}
