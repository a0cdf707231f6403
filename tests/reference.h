/* Max-min fair sharing by the definition in sim/graph.h, as plainly as can be: an oracle for
 * small graphs, with nothing in common with the fluid engine. */
#pragma once
#include "sim/engine.h"

/* t: timeline_init(). */
void reference_run(const struct graph *g, struct timeline *t);
