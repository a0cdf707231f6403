/* What we believe of a machine: its parameters, how sure we are of them, and how much kernels that
 * do the same work differ. From it come predictions with intervals.
 *
 * log time = log predict(machine) + log ratio of the kernel + rest.  The ratio of a kernel that was
 * not seen is 1 with the spread kernel_sd; rest has residual_sd and the rounding of the figure.
 * Parameters and the ratios seen are jointly normal on their free scales (models/parameter.h), and
 * the interval follows to first order. */
#pragma once
#include "models/parameter.h"
#include "sim/predict.h"

struct belief {
	struct machine machine;
	size_t n; /* parameters */
	struct parameter parameter[MOST_PARAMETERS];
	size_t n_kernels;
	const char **kernel; /* names */
	double *kernel_log_ratio;
	double *covariance_units;                  /* (n + n_kernels)^2, free scale */
	double kernel_sd_ratio, residual_sd_ratio; /* of log time */
};

/* From a machine as it was read. belief_fini() also after a failure. */
enum rc belief_init(struct belief *b, const struct machine *m, const struct note *notes,
                    const char *where, struct err *e);
void belief_fini(struct belief *b);

struct forecast {
	double expected_s;
	double low_s, high_s;  /* 90 of 100 measurements lie between */
	bool kernel_known;     /* this very kernel was calibrated */
	double known_sd_ratio; /* sd of log time without the rest and the spread of kernels: of
	                          parameters, the kernel's ratio and rounding */
};

/* Sets low_s and high_s from a forecast's parts and these spreads. */
void forecast_spread(struct forecast *f, double residual_sd_ratio, double kernel_sd_ratio);

extern const double forecast_quantile_ratio; /* the interval's half width, in sd */

/* Fails as predict() does. */
enum rc belief_forecast(const struct belief *b, struct predictor *p, const struct observation *o,
                        struct forecast *out, struct err *e);

/* Is the observation within what the machine was calibrated with (flow, EP, tokens, hidden)? Else
 * *why says where it lies beyond, in a few words. */
enum { BEYOND_SIZE = 96 };
bool calibration_covers(const struct calibration *c, const struct observation *o,
                        char why[BEYOND_SIZE]);

/* ---- how good forecasts were ---- */

struct accuracy {
	size_t rows;
	double median_ape_ratio, mape_ratio; /* of |predicted / measured - 1| */
	double coverage_90_ratio;            /* share of rows within their intervals */
};

struct forecast_row {
	const struct observation *o;
	struct forecast f;
	double error_ratio; /* predicted / measured - 1 */
	bool within;        /* measured within the interval */
	bool covered;       /* by calibration_covers() */
	char beyond[BEYOND_SIZE];
};

/* Judges f against o. */
struct forecast_row forecast_judge(const struct observation *o, const struct forecast *f,
                                   const struct calibration *c);

/* Of the rows whose group is `group`; NULL: of all. Weights are not looked at. */
struct accuracy accuracy_of(const struct forecast_row *row, size_t n, const char *group);
