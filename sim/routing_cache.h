/* Drawn routings of a sweep, each drawn once: many steps have the same ranks and tokens. Shared by
 * threads; what is handed out stays until the cache is freed. */
#pragma once
#include "models/routing.h"

struct routing_cache;

/* spec must outlive it. */
struct routing_cache *routing_cache_new(const struct routing_spec *spec);
void routing_cache_free(struct routing_cache *c);

/* As routing_make() does, without an arena: the counts belong to the cache. Models of one cache
 * differ in experts and top_k alone, as a placement makes them. */
enum rc routing_cache_get(struct routing_cache *c, const struct moe_model *model, int64_t n_ranks,
                          int64_t tokens, struct routing *out, struct err *e);
