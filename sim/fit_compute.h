/* Fits one group of a machine's fields to measured operators: least squares of the logarithm of
 * time under a robust loss, within bounds, from several starts. Deterministic. */
#pragma once
#include "models/base/field.h"
#include "sim/compute_row.h"

enum { MOST_FIT_PARAMETERS = 12 };

struct law_parameter {
	const struct field *field; /* row of its group's table */
	double start, value;       /* unit: SI of the field */
	double least, most;        /* unit: likewise; bounds of the search */
	double sd_ratio;           /* of the estimate, relative; 0: at a bound, so unknown */
	bool at_bound;
	/* another parameter that the rows hardly tell from this one, and their correlation */
	size_t partner;
	double correlation_ratio;
};

struct law_fit {
	enum compute_law law;
	size_t n_parameters, n_rows;
	struct law_parameter parameter[MOST_FIT_PARAMETERS];
	struct compute_errors errors; /* of the rows fitted */
};

struct law_request {
	enum compute_law law;
	const struct note *notes; /* those with `fit` name what is free, if it is above zero */
	const struct compute_row *const *rows; /* of that law */
	size_t n_rows;
	uint64_t seed;
};

/* Sets the free fields of *m. RC_NO with a reason when none is free, or rows are fewer. */
enum rc fit_compute(struct machine *m, const struct law_request *q, struct law_fit *out,
                    struct err *e);

/* Fits to one half of the rows (every other one) and measures on the other, both ways round. */
struct law_halves {
	struct compute_errors fitted[2], held_out[2];
};
enum rc fit_compute_halves(const struct machine *m, const struct law_request *q,
                           struct law_halves *out, struct err *e);

/* The row of machine_fields that is the law's group, and a parameter's place in a machine. */
const struct field *compute_law_field(enum compute_law law);
double *fit_slot(struct machine *m, enum compute_law law, /* unit: SI of the field */
                 const struct field *field);
