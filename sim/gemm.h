/* GEMMs on the cube: tiles over cores, operands from HBM and L2, and what quantised ones pay on the
 * vector cores. COMPUTE.md has the formulas, and what they were fitted to. */
#pragma once
#include "sim/op.h"

/* x [rows, depth] times w [depth, columns]. Elements of both are of one type, results BF16. */
struct gemm {
	double rows_count, depth_count, columns_count;
	double experts_count; /* grouped: weights of so many, the rows spread over them */
	enum dtype type;
	bool quantised; /* x comes in that type; else as BF16, and is quantised first */
	bool repeated;  /* as a benchmark does, which finds its operands in L2 */
};

/* Both take time that never falls with rows, depth or columns. */
struct op op_gemm(const struct machine *m, const char *label, const struct gemm *x);
struct op op_grouped(const struct machine *m, const char *label, const struct gemm *x);

/* The vector cores' time to quantise elements of BF16. */
double quantise_s(const struct machine *m, double elements_count);
