#include "sim/routing_cache.h"
#include <pthread.h>
#include <stdlib.h>

struct entry {
	int64_t n_ranks, tokens;
	pthread_mutex_t lock; /* of what follows: the first who asks draws, others wait for it */
	bool is_made;
	struct arena *arena;
	struct routing routing;
	struct entry *next;
};

struct routing_cache {
	const struct routing_spec *spec;
	const struct moe_model *model;
	pthread_mutex_t lock; /* of the list */
	struct entry *first;
};

struct routing_cache *routing_cache_new(const struct routing_spec *spec,
                                        const struct moe_model *model)
{
	struct routing_cache *c = heap_zeroed(1, sizeof *c);

	c->spec = spec, c->model = model;
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

static struct entry *entry_of(struct routing_cache *c, int64_t n_ranks, int64_t tokens)
{
	struct entry *x;

	pthread_mutex_lock(&c->lock);
	for (x = c->first; x && (x->n_ranks != n_ranks || x->tokens != tokens);)
		x = x->next;
	if (!x) {
		x = heap_zeroed(1, sizeof *x);
		x->n_ranks = n_ranks, x->tokens = tokens;
		x->arena = arena_new();
		CHECK(pthread_mutex_init(&x->lock, NULL) == 0);
		x->next = c->first, c->first = x;
	}
	pthread_mutex_unlock(&c->lock);
	return x;
}

enum rc routing_cache_get(struct routing_cache *c, int64_t n_ranks, int64_t tokens,
                          struct routing *out, struct err *e)
{
	struct entry *x = entry_of(c, n_ranks, tokens);
	enum rc rc = RC_OK;

	pthread_mutex_lock(&x->lock);
	if (!x->is_made)
		rc = routing_make(c->spec, c->model, n_ranks, tokens, x->arena, &x->routing, e);
	x->is_made = x->is_made || rc == RC_OK;
	if (rc == RC_OK)
		*out = x->routing;
	pthread_mutex_unlock(&x->lock);
	return rc;
}
