/* An operator: what it computes and reads, and how long cube and HBM take over it alone. The two
 * run side by side after a wait; it ends with the later one. */
#pragma once
#include "sim/flow_build.h"

struct op {
	const char *label; /* "attention.core" */
	double flop;
	double bytes;          /* of HBM */
	double cube_s;         /* the cube is busy, or vector cores that work beside it */
	double hbm_s;          /* HBM is busy, when nobody shares it */
	double wait_s;         /* launches, and what neither hides */
	double launch_s;       /* of that, launches of elementwise operators and of GEMMs */
	double launches_count; /* operators of the framework that this one stands for */
	double cores_ratio;    /* of the die's cores that it was priced on; 0: all */
};

double op_alone_s(const struct op *op);

/* Adds the operator that follows at once: the time of both alone is the sum. */
void op_join(struct op *into, const struct op *next);

/* n passes that read and write a BF16 row of `width` for each token. */
struct op op_elementwise(const struct machine *m, const char *label, double tokens_count,
                         double width_count, double passes_count);

/* Appends one operator for one rank; returns its end. */
uint32_t op_append(struct graph *g, const struct topology *t, const struct op *op, int64_t rank,
                   uint32_t after);
/* Appends a list of them, one after the other. */
uint32_t ops_append(struct graph *g, const struct topology *t, const struct op *ops, size_t n,
                    int64_t rank, uint32_t after);
