/* One point of a sweep term by term, and finalists by another engine. */
#pragma once
#include "models/sweep_cases.h"
#include "sim/sweep.h"
#include "tools/args.h"

/* --explain POINT: a row of points.csv, from 1, or knobs as flow=direct,ep=64; those not named take
 * their first value. RC_NO when the point is not feasible. */
enum rc sweep_explain(const struct args *a, const struct sweep_cases *cases, FILE *out,
                      struct err *e);

/* --finalists N: the best of each front, priced by simgrid beside the sweep's engine. */
enum rc sweep_finalists(const struct args *a, struct sweep *const *s, size_t n, FILE *out,
                        struct err *e);
