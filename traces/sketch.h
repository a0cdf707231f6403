/* Quantiles of many durations in little memory, the same whatever their order.
 *
 * Up to SKETCH_EXACT values are kept as they are, and quantiles are exact. Beyond that each value
 * goes to one of SKETCH_PARTS equal parts of its octave [2^k, 2^(k+1)), and a quantile is the
 * middle of its part (bounded by the least and the most): at most 1/(2 SKETCH_PARTS) = 0.1 % off,
 * relative to itself. Values below SKETCH_PARTS stay exact. */
#pragma once
#include <stdint.h>
#include <stddef.h>

enum { SKETCH_EXACT = 256, SKETCH_PARTS = 512 };

struct sketch {
	uint64_t n;
	int64_t least, most, sum; /* sum: stops at INT64_MAX */
	/* private */
	int64_t *value;           /* n of them, or NULL once there are more than SKETCH_EXACT */
	struct sketch_part *part; /* by index */
	uint32_t n_parts, room;
};

void sketch_init(struct sketch *s);
void sketch_fini(struct sketch *s);
void sketch_add(struct sketch *s, int64_t value); /* at least 0 */

/* The value that floor(p n) others are not above: one that was measured, no mean of two. Of an even
 * number p = 0.5 gives the upper of the middle two; p = 0 the least, p = 1 the most. 0 of nothing.
 */
int64_t sketch_quantile(const struct sketch *s, double p_ratio);
