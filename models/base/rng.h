/* Counter-based random numbers: a value is a function of (seed, stream, counter), so that the
 * same input gives the same bytes whatever the number of threads and the order of work.
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011. */
#pragma once
#include <stdint.h>

struct rng {
	uint64_t seed;    /* the user's */
	uint64_t stream;  /* who draws: rank, layer, purpose */
	uint64_t counter; /* next block of 128 bits */
	uint32_t word[4]; /* the current block */
	int words_left;
};

void rng_init(struct rng *r, uint64_t seed, uint64_t stream);
uint32_t rng_u32(struct rng *r);
double rng_uniform_ratio(struct rng *r);           /* [0, 1), 53 bits */
uint64_t rng_below(struct rng *r, uint64_t limit); /* [0, limit), unbiased; limit > 0 */
void rng_shuffle(struct rng *r, uint32_t *items, uint64_t n);
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
