/* What `epsim compute` prints: errors by group of rows, and fits. */
#pragma once
#include "sim/fit_compute.h"

/* Rows by file, hardware, operator and type; returns the errors of all. */
struct compute_errors compute_report(const struct machine *m, const struct compute_row *rows,
                                     size_t n, bool each_row, bool as_json, FILE *out);

/* A law's fit: parameters, errors of all rows, and of the two halves. */
struct fitted {
	struct law_fit fit;
	struct law_halves halves;
};

void fits_text(const struct fitted *fitted, size_t n, FILE *out);
void fits_json(const struct fitted *fitted, size_t n, FILE *out);

/* One operator and its parts. */
void op_report(const struct op *op, bool as_json, FILE *out);
