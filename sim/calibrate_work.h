/* Work of one calibration, in parts: rows in order (calibrate_rows.c), which parameters are shared
 * (calibrate_share.c), the fit of all rows (calibrate_fit.c), and fits that leave some out
 * (calibrate_folds.c). Of no use elsewhere. */
#pragma once
#include <stdatomic.h>
#include "sim/calibrate.h"

enum { NOT_SHARED = SIZE_MAX };

/* One machine. Its rows and kernels stand together among all. */
struct part {
	const struct calibrate_machine *given;
	struct calibrated *out;
	struct machine prior; /* all parameters at their priors */
	struct parameter all[MOST_PARAMETERS], fit[MOST_PARAMETERS];
	size_t n_all, n_fit, at[MOST_PARAMETERS]; /* fit[i] is all[at[i]] */
	size_t unknown[MOST_PARAMETERS];          /* that moves fit[i] */
	size_t shared[MOST_PARAMETERS];           /* all[i] is that one of work.shared */
	bool felt[MOST_PARAMETERS];               /* some row depends on all[i], which is free */
	size_t row_from, row_to, kernel_from, kernel_to;
};

/* Everything shared by the fits of one calibration. Machines stand by name and rows in an order of
 * their own, so that sums do not depend on the order given. */
struct work {
	const struct calibrate_options *options;
	struct arena *arena;
	struct part *part;
	struct fit_part *fit_part; /* what a fit sees of it */
	size_t n_parts, n_unknowns;
	struct shared_parameter *shared; /* machine[]: of part */
	size_t n_shared;
	const struct observation **row;
	size_t *row_part, *place; /* place: in the order given, of its machine */
	size_t n_rows;
	const char **kernel; /* of each machine, sorted */
	size_t *kernel_part, *row_kernel;
	size_t n_kernels;
	const double *start_units; /* of the folds: the solution with all rows */
	size_t n_starts_alike;
	/* folds */
	const char **row_fold; /* of each row */
	const char **fold;     /* their names, sorted */
	size_t n_folds;
	atomic_size_t next;
	struct forecast *left; /* by row */
};

/* Sets rows, kernels and folds. */
void work_rows(struct work *w);
/* What a machine's rows span. */
void range_make(const struct work *w, const struct part *p, struct calibration *c);

/* Sets what is shared; NULL: nothing. */
enum rc share_read(struct work *w, const char *share, struct joint *joint, struct err *e);

/* Which parameters are free and felt by a row. */
void parameters_choose(struct work *w);
/* The fit of all rows with the parameters that they tell. */
void fit_told(struct work *w, struct fit *f);

/* A fit's rows, and whose its kernels are. */
struct problem {
	struct fit_problem fit;
	const char *const *kernel;
	const size_t *kernel_part;
};
struct problem problem_of(const struct work *w);

/* The solution as a belief of one machine: fitted values, joint covariance, and the parameters
 * that were not fitted as they were. Kernels without a row (left out with their fold) are dropped.
 */
void belief_make(const struct work *w, size_t part, const struct problem *q, const struct fit *f,
                 struct belief *b);

/* Forecasts of each fold's rows by the others. */
void folds_all(struct work *w);
double rest_sd_ratio(const struct work *w, double fitted_ratio);
