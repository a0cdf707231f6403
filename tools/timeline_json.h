/* A priced graph as a Chrome trace (array form): opens in Perfetto, chrome://tracing and MindStudio
 * Insight. One process a rank, one thread an engine (cube, HBM, fabric, copies, waits; more where
 * activities overlap), counters of HBM and fabric use. */
#pragma once
#include "sim/engine.h"

/* At most `ranks` ranks are written, the first ones; 0: all. */
void timeline_json(const struct graph *g, const struct timeline *t, uint32_t ranks, FILE *out);
