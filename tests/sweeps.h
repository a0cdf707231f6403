/* Sweeps for tests: small ones, drawn ones, and whether two came to the same. */
#pragma once
#include "models/base/rng.h"
#include "sim/sweep.h"

void sweep_set(struct config *c, const char *assignment); /* ends the case on an error */
__attribute__((format(printf, 2, 3))) void sweep_setf(struct config *c, const char *fmt, ...);

/* Knobs, machine and model by draw; some hundred points, budgets that some of them meet. */
struct config *drawn_sweep(struct rng *r);

/* Ends the case on an error. */
struct sweep *sweep_made(const struct config *c, const struct sweep_options *options);

bool same_price(const struct pool_price *a, const struct pool_price *b);
bool same_sweep(const struct sweep *a, const struct sweep *b); /* all points, to the bit */
