/* One fit of machines' parameters to observations: the most likely values under their priors.
 *
 *   log measured = log predict(parameters) + kernel ratio + rest
 *
 * parameters  normal on their free scale around the prior, with its sd
 * kernel ratio  log ratio of each kernel (struct observation), normal around 0 with the spread tau:
 *               two kernels for the same work on the same machine differ, and one row says little
 *               of which part is the machine's
 * rest        sd sigma and the rounding of the figure; large ones count less (Cauchy's weights)
 *
 * A parameter of several machines may be one unknown, which moves it in all of them. sigma and tau
 * are of all rows, whatever their machine; they follow from the data by expectation and
 * maximisation, each with a weak prior. Unknowns are whitened: 1 is one prior sd. Solved by GSL's
 * trust-region Levenberg-Marquardt. */
#pragma once
#include "models/parameter.h"
#include "sim/predict.h"

/* One of the machines. */
struct fit_part {
	const struct machine *machine;
	const struct parameter *parameter; /* free ones; their value is the prior's */
	const size_t *unknown; /* of each: the unknown that moves it; those of one unknown have the
	                          same prior and sd */
	size_t n;
};

struct fit_problem {
	const struct fit_part *part;
	size_t n_parts;
	size_t n; /* unknowns that are parameters */
	const struct observation *const *row;
	const size_t *row_part; /* of each row: index of its machine */
	size_t n_rows;
	const size_t *row_kernel; /* of each row: index of its kernel */
	size_t n_kernels;
};

struct fit {
	size_t n_all;             /* n + n_kernels */
	double *x_units;          /* whitened unknowns */
	double *covariance_units; /* of the free scale and of log ratios, n_all^2 */
	double *log_error_units;  /* of each row: log predicted, with its kernel, over measured */
	double *weight_ratio;     /* of each row, from the robust loss: 1 near, 0 far */
	double *leverage_ratio;   /* of each row: its share of effective_count */
	double tau_ratio, sigma_ratio;
	double cost_units;      /* sum of squares, priors included */
	double effective_count; /* parameters that the data determine: trace of the hat matrix */
	size_t iterations;
};

/* start_units: n_all whitened values; NULL: the priors. out is caller's storage; fit_fini(). */
void fit_run(const struct fit_problem *q, const double *start_units, struct fit *out);
/* The same with sigma and tau as they start, to compare starts by cost_units alone. */
void fit_first(const struct fit_problem *q, const double *start_units, struct fit *out);
void fit_fini(struct fit *f);

/* One of the machines at whitened values x. */
void fit_machine(const struct fit_part *part, const double *x_units, struct machine *out);
