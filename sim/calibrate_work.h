/* Work of one calibration, in parts: rows in order (calibrate_rows.c), the fit of all of them
 * (calibrate_fit.c), and fits that leave some out (calibrate_folds.c). Of no use elsewhere. */
#pragma once
#include <stdatomic.h>
#include "sim/calibrate.h"

/* Everything shared by the fits of one calibration. Rows stand in an order of their own, so that
 * sums do not depend on the order given. */
struct work {
	struct machine prior; /* all parameters at their priors */
	const struct calibrate_options *options;
	struct arena *arena;
	struct parameter all[MOST_PARAMETERS], fit[MOST_PARAMETERS];
	size_t n_all, n_fit, at[MOST_PARAMETERS]; /* fit[i] is all[at[i]] */
	const struct observation **row;
	size_t *place; /* in the order given */
	size_t n_rows;
	const char **kernel; /* sorted */
	size_t *row_kernel;
	size_t n_kernels;
	const double *start; /* of the folds: the solution with all rows */
	/* folds */
	const char **row_fold; /* of each row */
	const char **fold;     /* their names, sorted */
	size_t n_folds;
	atomic_size_t next;
	struct forecast *left; /* by row */
};

/* Sets rows, kernels and folds. */
void work_rows(struct work *w, const struct observation *const *row, size_t n);
/* What the rows span. */
void range_make(const struct work *w, struct calibration *c);
/* Index of text, or n. */
size_t name_at(const char *const *name, size_t n, const char *text);

/* Which parameters are free and felt by a row. */
void parameters_choose(struct work *w, struct calibrated *out);
/* The fit of all rows with the parameters that they tell. */
void fit_told(struct work *w, struct calibrated *out, struct fit *f);
struct fit_problem problem_of(const struct work *w);
/* The solution as a belief: fitted values, joint covariance, and the parameters that were not
 * fitted as they were. Kernels without a row (left out with their fold) are dropped. */
void belief_make(const struct work *w, const struct fit_problem *q, const struct fit *f,
                 const char *const *kernel, struct belief *b);

/* Forecasts of each fold's rows by the others. */
void folds_all(struct work *w);
double rest_sd(const struct work *w, double fitted);
