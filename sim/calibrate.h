/* Calibration of one machine: its free parameters (`fit: yes`) from observations, jointly over
 * flows, ops and phases; and how well rows are predicted that were left out. */
#pragma once
#include "sim/belief.h"
#include "sim/fit.h"

enum fold_by { FOLD_GROUP, FOLD_SOURCE, FOLD_KERNEL, FOLD_ROW, FOLD_NONE, FOLD_KINDS };
extern const char *const fold_names[]; /* NULL-terminated: group, source, kernel, row, none */

struct calibrate_options {
	enum fold_by fold; /* rows that are left out together */
	bool from_values; /* priors are the machine's values and sd as they are, not those before an
	                     earlier calibration: right where that one had other rows */
	size_t starts; /* at least 1; the first from the priors, the others from them at random */
	uint64_t seed;
	int jobs;
	void (*progress)(void *data, size_t done, size_t total);
	void *progress_data;
};

struct calibrated {
	struct belief belief;           /* after the fit; all uncertain parameters, fitted or not */
	size_t n_fitted;                /* parameters that were free and that some row depends on */
	size_t fitted[MOST_PARAMETERS]; /* which of belief.parameter */
	size_t n_untold; /* free, but the rows narrow them by less than a twentieth: left at their
	                    priors, sd and all */
	size_t untold[MOST_PARAMETERS];
	size_t n_idle; /* free, but no row depends on them */
	size_t idle[MOST_PARAMETERS];
	size_t n_rows;
	double fit_sd_ratio; /* rest among fitted rows; the belief's is what rows left out need */
	double effective_count; /* parameters and kernel ratios that the data determine */
	double *weight_ratio; /* of each row, in the order given: what the robust loss left of it */
	size_t *kernel_rows;  /* rows of each kernel of the belief */
	struct forecast_row *row;  /* fitted, with the row among those fitted */
	struct forecast_row *left; /* left out with its fold; n_left of them, in order */
	size_t n_left;
	size_t n_starts_alike; /* starts that ended within a thousandth of the best cost */
	size_t starts;
	uint64_t digest;
	struct calibration range; /* flows, ep, tokens, hidden of the rows; lists in the arena */
};

/* The result does not depend on the order of rows or on jobs. Every row must be possible on the
 * machine. RC_CONFIG: no parameter is free, or a prior does not read. */
enum rc calibrate(const struct machine *m, const struct note *notes, const char *where,
                  const struct observation *const *row, size_t n_rows,
                  const struct calibrate_options *options, struct arena *a, struct calibrated *out,
                  struct err *e);
void calibrated_fini(struct calibrated *c);

/* Correlation of two of the belief's unknowns: parameters, then kernels. */
double belief_correlation_ratio(const struct belief *b, size_t i, size_t j);
