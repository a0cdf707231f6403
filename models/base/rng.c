#include "models/base/rng.h"
#include "models/base/err.h"

/* Multipliers and Weyl constants of table 2 in the paper. */
static const uint32_t multiplier[2] = {0xd2511f53, 0xcd9e8d57};
static const uint32_t weyl[2] = {0x9e3779b9, 0xbb67ae85};

void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
	uint32_t k0 = key[0], k1 = key[1];

	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)multiplier[0] * c0;
		uint64_t p1 = (uint64_t)multiplier[1] * c2;

		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c1 = (uint32_t)p1;
		c3 = (uint32_t)p0;
		k0 += weyl[0];
		k1 += weyl[1];
	}
	out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

void rng_init(struct rng *r, uint64_t seed, uint64_t stream)
{
	*r = (struct rng){.seed = seed, .stream = stream};
}

/* The seed is the key; stream and counter are the halves of Philox's counter, so that no two
 * streams ever share a block. */
static void refill(struct rng *r)
{
	const uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
	const uint32_t counter[4] = {(uint32_t)r->counter, (uint32_t)(r->counter >> 32),
	                             (uint32_t)r->stream, (uint32_t)(r->stream >> 32)};

	philox4x32(counter, key, r->word);
	r->counter++;
	r->words_left = 4;
}

uint32_t rng_u32(struct rng *r)
{
	if (r->words_left == 0)
		refill(r);
	return r->word[4 - r->words_left--];
}

static uint64_t rng_u64(struct rng *r)
{
	uint64_t high = rng_u32(r);

	return high << 32 | rng_u32(r);
}

double rng_uniform_ratio(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

/* Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019: the high half
 * of word * limit, drawn again for the few words that would favour some results. */
static uint32_t below_u32(struct rng *r, uint32_t limit)
{
	uint64_t product = (uint64_t)rng_u32(r) * limit;

	if ((uint32_t)product < limit) {
		uint32_t excess = -limit % limit; /* 2^32 mod limit */

		while ((uint32_t)product < excess)
			product = (uint64_t)rng_u32(r) * limit;
	}
	return (uint32_t)(product >> 32);
}

uint64_t rng_below(struct rng *r, uint64_t limit)
{
	uint64_t word, excess;

	CHECK(limit > 0);
	if (limit <= UINT32_MAX)
		return below_u32(r, (uint32_t)limit);
	excess =
	        -limit % limit; /* 2^64 mod limit: below it a remainder would come once too often */
	do
		word = rng_u64(r);
	while (word < excess);
	return word % limit;
}

void rng_shuffle(struct rng *r, uint32_t *items, uint64_t n)
{
	for (uint64_t i = n; i > 1; i--) { /* Fisher and Yates */
		uint64_t other = rng_below(r, i);
		uint32_t item = items[i - 1];

		items[i - 1] = items[other];
		items[other] = item;
	}
}
