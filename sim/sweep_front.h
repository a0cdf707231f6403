/* Which points no other beats. */
#pragma once
#include "sim/sweep.h"

struct front_item {
	double ttft_s, tpot_s, rate_count; /* tokens/s/NPU */
	const struct sweep_point *point;
};

struct front_item front_item(const struct sweep_point *p);

/* Keeps the items that no other beats in TTFT, TPOT and throughput at once, ties among them, and
 * returns their number. The order becomes that of falling throughput. */
size_t front_keep(struct front_item *list, size_t n);

/* Keeps the items that none of the front beats; both are sorted like above. */
size_t front_unbeaten(struct front_item *front, size_t n_front, struct front_item *list, size_t n);
