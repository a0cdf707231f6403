/* One point of a sweep, term by term. */
#pragma once
#include "models/sweep_cases.h"
#include "sim/sweep.h"
#include "tools/args.h"

/* --explain POINT: a row of points.csv, from 1, or knobs as flow=direct,ep=64; those not named take
 * their first value. RC_NO when the point is not feasible. */
enum rc sweep_explain(const struct args *a, const struct sweep_cases *cases, FILE *out,
                      struct err *e);
