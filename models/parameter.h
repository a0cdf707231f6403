/* The uncertain numbers of a machine: those with `sd:`, each on a scale of its own where it is
 * free of bounds and, as an assumption, normal.
 *
 *   no upper bound   log x                         (lognormal; sd of log x is the relative sd)
 *   within a range   log((x - least) / (most - x))
 * A rate that another parameter of the file limits (fabric.put by fabric.rate) is lognormal, cut
 * off there.
 *
 * After a calibration they are correlated: struct calibration of the machine holds how. */
#pragma once
#include "models/machine.h"

enum { MOST_PARAMETERS = 96 };

struct parameter {
	const char *path; /* "fabric.put" */
	const struct field *field;
	size_t offset;                  /* in struct machine */
	bool fit;                       /* `calibrate` may move it */
	double least_units, most_units; /* its range; most 0: no upper limit */
	double ceiling_units; /* what it is cut at on its way from the free scale; 0: none */
	double value_units;   /* SI, as is everything here without another suffix */
	double sd_ratio;
	double prior_units; /* what its source says: value and sd before any calibration */
	double prior_sd_ratio;
};

/* All parameters of m with an sd above zero and a value that is not 0 (off), in the order of the
 * field tables. notes: config->notes[SECTION_MACHINE]. out: MOST_PARAMETERS. RC_CONFIG: a prior
 * that does not read. */
enum rc parameters_list(const struct machine *m, const struct note *notes, struct parameter *out,
                        size_t *n, struct err *e);

double parameter_get_units(const struct parameter *p, const struct machine *m);
void parameter_set(const struct parameter *p, struct machine *m, double value_units);

/* To the free scale and back; and what a relative sd is there. */
double parameter_free_units(const struct parameter *p, double value_units);
double parameter_value_units(const struct parameter *p, double free_units);
double parameter_free_sd_units(const struct parameter *p, double value_units, double sd_ratio);
double parameter_relative_sd_ratio(const struct parameter *p, double value_units,
                                   double free_sd_units);

/* Is the value within a thousandth of the range's end, where only the bound holds it? */
bool parameter_at_bound(const struct parameter *p, double value_units);

/* Covariance of the n parameters and then of the machine's known kernels (log ratios), on the free
 * scale: *out holds (n + kernels)^2 values, freed by the caller. Uncorrelated where no calibration
 * says otherwise. RC_CONFIG: a calibration section that does not fit together. */
enum rc parameters_covariance(const struct machine *m, const struct parameter *p, size_t n,
                              const char *where, double **out_units, struct err *e);

/* The machine with all parameters drawn from their joint distribution; draw 0, 1, ... of a seed are
 * independent of each other, and none depends on another's having been made. Figures that only make
 * sense together stay in order (efficiencies below 1). */
enum rc machine_draw(const struct machine *m, const struct note *notes, uint64_t seed,
                     uint64_t draw, struct machine *out, struct err *e);

/* A normal draw from the words of r (Box and Muller, 1958). */
struct rng;
double normal_draw_units(struct rng *r);

/* Cholesky factor L (lower, in place, upper part zeroed) of the n x n matrix; a direction that
 * rounding made slightly negative counts as known. */
void cholesky(double *matrix_units, size_t n);
