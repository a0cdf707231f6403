/* Measured operators against the laws of a machine: what it predicts for a row, and which group of
 * its fields has the say. */
#pragma once
#include "models/compute_row.h"
#include "sim/op.h"

/* Groups of machine fields, each fitted to the rows that it prices. */
enum compute_law {
	LAW_GEMM,
	LAW_QUANTISED_GEMM,
	LAW_GROUPED,
	LAW_QUANTISED_GROUPED,
	LAW_PREFILL,
	LAW_DECODE,
	COMPUTE_LAWS
};

extern const char *const compute_law_groups[]; /* keys of the groups; NULL-terminated */

enum compute_law compute_law_of(const struct compute_row *row);

struct op compute_row_op(const struct machine *m, const struct compute_row *row);
double compute_row_s(const struct machine *m, const struct compute_row *row);

/* Can the machine compute in the row's type? */
bool compute_row_possible(const struct machine *m, const struct compute_row *row);

/* Errors of prediction over measurement, -1 to infinity. */
struct compute_errors {
	size_t n;
	double median_ape_ratio, mean_ape_ratio;
	double median_ratio; /* with its sign */
	double worst_ratio;  /* the one of largest magnitude of the logarithm, with its sign */
};

struct compute_errors compute_errors_of(const struct machine *m,
                                        const struct compute_row *const *rows, size_t n);
