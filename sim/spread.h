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

/* A draw of the machine, with what kernels of the same work differ by: dispatch and combine take
 * that much more or less time. Both come from the machine's file (sd:, calibration:). */
struct machine_guess {
	struct machine machine;
	double dispatch_ratio, combine_ratio;
};

enum rc machine_guess(const struct machine *m, const struct note *notes, uint64_t seed,
                      uint64_t draw, struct machine_guess *out, struct err *e);

/* The step's time under a guess, s. The request's machine is not looked at. */
enum rc step_guess(const struct step_request *q, const struct machine_guess *g, double *out_s,
                   struct err *e);
