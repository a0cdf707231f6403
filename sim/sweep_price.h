/* Prices of pools, and the points that join them. */
#pragma once
#include <pthread.h>
#include "sim/sweep.h"

/* What all prices of a sweep share. */
struct pricer {
	const struct config *config;
	const struct engine *engine;
	struct routing_cache *routings; /* may be NULL */
	struct step_scratch *scratch;   /* of this thread; may be NULL */
	struct arena *arena;            /* for words, under the lock */
	pthread_mutex_t *lock;          /* NULL: one thread */
};

/* By how much a bound may be above what it bounds, by rounding. */
extern const double bound_slack_ratio;

/* The schedule of a group with that size in place of its chunk (prefill) or batch (decode). */
struct schedule pool_schedule(const struct pool_price *p, enum phase phase);

/* Shape and memory: what needs no engine. price->group and size are set before. */
enum rc pool_memory(const struct pricer *p, enum phase phase, struct pool_price *price,
                    struct err *e);
/* Times, of a price that has its memory and no why_not. */
enum rc pool_times(const struct pricer *p, enum phase phase, const struct engine *engine,
                   struct pool_price *price, struct err *e);

/* Joins its two prices: throughput, budgets, the first reason why not. */
void point_join(struct sweep_point *point);
