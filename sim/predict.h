/* The time of one dispatch or combine as a benchmark would see it: what `validate` compares with a
 * measurement and `calibrate` fits.
 *
 * Dispatch and combine are priced alone, each from its own start, by the fluid engine with balanced
 * routing. Layout, notify and host steps before the kernel count only where the observation says
 * so: benchmarks time kernels, with the counts at hand. */
#pragma once
#include "models/machine.h"
#include "models/observation.h"
#include "sim/flow.h"

struct predictor; /* scratch memory; one a thread */

struct predictor *predictor_new(void);
void predictor_free(struct predictor *p); /* NULL is fine */

/* Mean over the observation's batches, s. RC_CONFIG: no such flow; RC_NO: the flow cannot run this
 * on that machine, with the reason. The observation's own machine name is not looked at. */
enum rc predict(struct predictor *p, const struct machine *m, const struct observation *o,
                double *out_s, struct err *e);
