/* A slow function of up to three numbers, remembered as a surface: the box is cut into cells only
 * where it is asked for, first by ratio, then again and again until interpolation between the
 * corners of a cell agrees with the function at probe points. Within a cell it is linear along each
 * axis.
 *
 * Probes of a cell: its centre, the centres of its faces and the points halfway to its corners. The
 * error there is at most error_ratio of the function's first value, unless the cell is one unit
 * wide along all axes. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "models/base/err.h"

enum { SURFACE_AXES = 3, SURFACE_VALUES = 2 };

/* Sets out[0] and out[1]; errors of both are held against |out[0]|, which should be the larger. */
typedef enum rc surface_fn(void *data, const double *at_units, double *out_units, struct err *e);

struct surface_axis {
	double least_units, most_units; /* most > least */
	bool whole;                     /* asked at whole numbers only */
};

struct surface_spec {
	int n_axes;
	struct surface_axis axis[SURFACE_AXES];
	double error_ratio;
	surface_fn *fn;
	void *data;
};

struct surface;

struct surface *surface_new(const struct surface_spec *spec);
void surface_free(struct surface *s);

/* Beyond the box the nearest cell is extrapolated. Fails as the function does. */
enum rc surface_at(struct surface *s, const double *at_units, double *out_units, struct err *e);

/* The straight piece along one axis that starts at a point: values there, their change for each
 * unit, and where it ends (infinity in the last cell). */
struct surface_line {
	double value_units[SURFACE_VALUES], slope_units[SURFACE_VALUES];
	double end_units;
};
enum rc surface_line(struct surface *s, const double *at_units, int axis, struct surface_line *out,
                     struct err *e);

size_t surface_points(const struct surface *s); /* calls of the function so far */
