/* Uncertainty on its way from a machine's parameters to a step: draws of the machine, and what
 * their results spread over. */
#pragma once
#include "sim/step.h"

enum { MOST_DRAWS = 100000 };

struct spread {
	double low, median, high; /* unit: as the values. 5 %, 50 %, 95 % of the draws */
	int64_t draws;            /* 0: none were made */
};

/* Sorts the values. Quantiles by linear interpolation between order statistics. */
struct spread spread_of(double *value_units, int64_t n);

/* A draw of the machine, with what kernels of the same work differ by: dispatch and combine of its
 * steps take that much more or less time. Both come from the machine's file (sd:, calibration:). */
enum rc machine_guess(const struct machine *m, const struct note *notes, uint64_t seed,
                      uint64_t draw, struct machine *out, struct err *e);
