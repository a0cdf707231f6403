/* For the test that watches over SimGrid; others take the engine from sim/engine.h. */
#pragma once
#include <stdbool.h>
#include "sim/engine.h"

/* Prices g. With links_wait, as SimGrid would by default: latencies on links, optimiser Lazy. When
 * several transfers end their latency at once it then overloads resources, and RC_INTERNAL says
 * so. All latencies must be equal. */
enum rc simgrid_price(const struct graph *g, bool links_wait, struct timeline *t, struct err *e);
