/* Calibration of machines: their free parameters (`fit: yes`) from observations, jointly over
 * flows, ops and phases; and how well rows are predicted that were left out. Several machines may
 * be fitted together, with parameters that are one number in all of them. */
#pragma once
#include "sim/belief.h"
#include "sim/fit.h"

enum fold_by { FOLD_GROUP, FOLD_SOURCE, FOLD_KERNEL, FOLD_ROW, FOLD_NONE, FOLD_KINDS };
extern const char *const fold_names[]; /* NULL-terminated: group, source, kernel, row, none */

struct calibrate_options {
	enum fold_by fold; /* rows that are left out together */
	bool from_values; /* priors are the machine's values and sd as they are, not those before an
	                     earlier calibration: right where that one had other rows. Of one
	                     machine alone */
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
	size_t n_joint_rows; /* of all machines that were fitted together, these among them */
	double fit_sd_ratio; /* rest among fitted rows; the belief's is what rows left out need */
	double effective_count; /* parameters and kernel ratios that its rows determine */
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

/* ---- several machines together ---- */

struct calibrate_machine {
	const char *name;
	const struct machine *machine;
	const struct note *notes;
	const char *where;
	const struct observation *const *row;
	size_t n_rows;
	bool from_values; /* as the option */
};

enum shared_state { SHARED_TOLD, SHARED_UNTOLD, SHARED_IDLE, SHARED_STATES };
extern const char *const shared_state_names[]; /* told, untold, idle: by all rows together */

/* A parameter that is one number in several machines: all where it is free. */
struct shared_parameter {
	const char *path;
	enum shared_state state;
	double prior_sd_ratio; /* the narrowest of theirs, which held for all */
	size_t n_machines;
	size_t *machine; /* rising, of those given */
	size_t *at;      /* of each: which of its belief.parameter */
};

/* A member of a group that could not be shared. */
struct left_apart {
	const char *path, *why;
};

struct joint { /* everything in the arena */
	size_t n_shared;
	struct shared_parameter *shared;
	size_t n_apart;
	struct left_apart *apart;
	size_t n_rows, n_parameters, n_kernels; /* unknowns: a shared parameter counts once */
};

/* share: paths of parameters and of their groups, "vector.scan,sync". A path is shared by all
 * machines where it is free, two or more, with the same prior; where their sd differ the narrowest
 * holds. Of a group those are that can be. The others, and the ratios of kernels, are each
 * machine's own; the spreads and the rest are one for all rows. Folds by group or kernel are of
 * one machine, those by source of all.
 *
 * out: one for each machine, calibrated_fini() each, also after a failure; each belief holds what
 * the others' rows say of its parameters. fit_sd_ratio and starts are those of the whole. The
 * result does not depend on the order of machines either, as long as names differ. RC_CONFIG also:
 * a wrong path, unlike priors, one machine. */
enum rc calibrate_joint(const struct calibrate_machine *m, size_t n, const char *share,
                        const struct calibrate_options *options, struct arena *a,
                        struct calibrated *out, struct joint *joint, struct err *e);
