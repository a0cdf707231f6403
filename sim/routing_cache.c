#include "sim/routing_cache.h"
#include <pthread.h>
#include <stdlib.h>

struct entry {
	struct moe_model model;
	int64_t n_ranks, tokens;
	pthread_mutex_t lock; /* of what follows: the first who asks draws, others wait for it */
	bool is_made;
	struct arena *arena;
	struct routing routing;
	struct entry *next;
};

struct routing_cache {
	const struct routing_spec *spec;
	pthread_mutex_t lock; /* of the list */
	struct entry *first;
};

struct routing_cache *routing_cache_new(const struct routing_spec *spec)
{
	struct routing_cache *c = heap_zeroed(1, sizeof *c);

	c->spec = spec;
	CHECK(pthread_mutex_init(&c->lock, NULL) == 0);
	return c;
}

void routing_cache_free(struct routing_cache *c)
{
	if (!c)
		return;
	for (struct entry *x = c->first, *next; x; x = next) {
		next = x->next;
		pthread_mutex_destroy(&x->lock);
		arena_free(x->arena);
		free(x);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static bool is_for(const struct entry *x, const struct moe_model *model, int64_t n_ranks,
                   int64_t tokens)
{
	return x->n_ranks == n_ranks && x->tokens == tokens && x->model.experts == model->experts &&
	       x->model.top_k == model->top_k;
}

static struct entry *entry_of(struct routing_cache *c, const struct moe_model *model,
                              int64_t n_ranks, int64_t tokens)
{
	struct entry *x;

	pthread_mutex_lock(&c->lock);
	for (x = c->first; x && !is_for(x, model, n_ranks, tokens);)
		x = x->next;
	if (!x) {
		x = heap_zeroed(1, sizeof *x);
		x->n_ranks = n_ranks, x->tokens = tokens, x->model = *model;
		x->arena = arena_new();
		CHECK(pthread_mutex_init(&x->lock, NULL) == 0);
		x->next = c->first, c->first = x;
	}
	pthread_mutex_unlock(&c->lock);
	return x;
}

enum rc routing_cache_get(struct routing_cache *c, const struct moe_model *model, int64_t n_ranks,
                          int64_t tokens, struct routing *out, struct err *e)
{
	struct entry *x = entry_of(c, model, n_ranks, tokens);
	enum rc rc = RC_OK;

	pthread_mutex_lock(&x->lock);
	if (!x->is_made)
		rc = routing_make(c->spec, &x->model, n_ranks, tokens, x->arena, &x->routing, e);
	x->is_made = x->is_made || rc == RC_OK;
	if (rc == RC_OK)
		*out = x->routing;
	pthread_mutex_unlock(&x->lock);
	return rc;
}
