/* The combinations of a sweep that its constraints allow: groups, their points, and the pool prices
 * that these need. No price is made here. */
#pragma once
#include "sim/sweep.h"

/* Fills s->config, engine, knobs, groups, prices (unknown yet) and points. s is zeroed before and
 * freed by sweep_free() in any case. */
enum rc sweep_grid(const struct config *c, struct sweep *s, struct err *e);

/* Sets each point's relay2. */
void sweep_siblings(struct sweep *s);
