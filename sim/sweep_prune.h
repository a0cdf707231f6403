/* Which prices a sweep can do without. */
#pragma once
#include "sim/sweep_work.h"

/* A price whose times need not be known: all its points miss a budget of NPUs or memory, or its own
 * time does already by its bound. */
bool prune_by_budget(const struct sweep *s, const struct pool_price *p, enum phase phase);

/* Is the estimate of its times a proven bound of what the engine says? */
bool prune_bound_proven(const struct sweep *s, const struct pool_price *p);

/* With bounds for all prices that budgets leave: has the engine price what may be on the front.
 * run: prices n tasks with the sweep's engine. */
typedef enum rc prune_run_fn(void *data, struct task *tasks, size_t n, struct err *e);
enum rc prune_front(struct sweep *s, const struct sweep_options *o, prune_run_fn *run, void *data,
                    struct err *e);
