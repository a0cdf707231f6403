/* The plain MoE exchange, against which every flow's results are held: no ranks, no buffers, token
 * after token. What a rank should have follows from the seed alone. */
#pragma once
#include "hw/moe_rank.h"

struct verdict {
	int64_t window_rows, window_wrong; /* rows of the expert window, and how many differ */
	int64_t tokens, output_wrong;      /* tokens of the output, and how many differ */
	int64_t beyond;        /* numbers outside the stated bound around the exact sum */
	double most_off_ratio; /* largest distance to the exact sum, in that bound */
	uint64_t digest;       /* of window and output; equal for equal results */
};

/* After dispatch: is the window right to the bit? */
void reference_window(struct moe_rank *x, struct verdict *v);

/* After combine: is the output equal to the plain one, to the bit, which sums FP32 products in the
 * token's order; and is each number within the bound of the sum in double precision:
 *     |y - exact| <= 2^-8 |exact| + top_k 2^-22 sum |w_j y_j|
 * half a unit of BF16's last place, and what FP32 rounding can add. */
void reference_output(struct moe_rank *x, struct verdict *v);

bool verdict_good(const struct verdict *v);
void verdict_add(struct verdict *sum, const struct verdict *more);
