/* Kernels of dispatch and combine that a machine's calibration knows by name: what their times are
 * over those that the parameters say (CALIBRATION.md). A schedule that names none gets kernels of
 * which nothing is known. */
#pragma once
#include "models/machine.h"
#include "models/schedule.h"
#include "sim/graph.h"

enum exchange_op { OP_DISPATCH, OP_COMBINE };

/* Ratio of the schedule's kernel for that op in that phase; 1 where the schedule names none. False
 * and *why_not where the calibration has no such kernel. */
bool kernel_ratio(const struct machine *m, const struct schedule *s, enum phase phase,
                  enum exchange_op op, double *out, const char **why_not);

/* Does the schedule name its kernels? Then their spread is none. */
bool kernel_is_named(const struct schedule *s);

/* Activities from `first` on take so much longer: their work and their latencies. */
void kernel_scale(struct graph *g, uint32_t first, double ratio);
