/* Kernels of dispatch and combine that a machine's calibration knows by name: what their times are
 * over those that the parameters say (CALIBRATION.md). A schedule that names none gets kernels of
 * which nothing is known, and so does what a named one was not seen to do. */
#pragma once
#include "models/machine.h"
#include "models/schedule.h"
#include "sim/graph.h"

enum exchange_op { OP_DISPATCH, OP_COMBINE, EXCHANGE_OPS };

/* Is the schedule's kernel known for that op in that phase? *out_ratio is then its ratio, else 1.
 */
bool kernel_known(const struct machine *m, const struct schedule *s, enum phase phase,
                  enum exchange_op op, double *out_ratio);

/* Does the schedule name no kernel, or one that the machine's calibration knows for something? */
bool kernel_possible(const struct machine *m, const struct schedule *s);

/* Activities from `first` on take so much longer: their work and their latencies. */
void kernel_scale(struct graph *g, uint32_t first, double ratio);
