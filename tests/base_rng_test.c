#include "models/base/rng.h"
#include "tests/unit.h"
#include <string.h>

/* The known answers that Random123 publishes for philox4x32-10. */
static void philox_gives_the_published_words(void)
{
	static const uint32_t known[][10] = {
	        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
	        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
	         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
	        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
	         0x94fdcceb, 0x5001e420, 0x24126ea1},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		uint32_t out[4];

		philox4x32(known[i], known[i] + 4, out);
		CU_ASSERT_EQUAL(memcmp(out, known[i] + 6, sizeof out), 0);
	}
}

static void the_stream_is_the_blocks_in_order(void)
{
	const uint32_t key[2] = {7, 1}, counters[3][4] = {{0, 0, 5, 2}, {1, 0, 5, 2}, {2, 0, 5, 2}};
	struct rng r;

	rng_init(&r, 0x100000007, 0x200000005);
	for (int block = 0; block < 3; block++) {
		uint32_t out[4];

		philox4x32(counters[block], key, out);
		for (int i = 0; i < 4; i++)
			CU_ASSERT_EQUAL(rng_u32(&r), out[i]);
	}
}

static void seeds_and_streams_differ(void)
{
	uint32_t word[4];

	for (unsigned i = 0; i < 4; i++) {
		struct rng r;

		rng_init(&r, i & 1, i >> 1);
		word[i] = rng_u32(&r);
		for (unsigned k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(word[i], word[k]);
	}
}

static void uniform_is_in_range_with_the_right_mean(void)
{
	enum { N = 200000 };
	double sum = 0, sum_of_squares = 0;
	int outside = 0;
	struct rng r;

	rng_init(&r, 3, 0);
	for (int i = 0; i < N; i++) {
		double x = rng_uniform_ratio(&r);

		outside += !(x >= 0 && x < 1);
		sum += x;
		sum_of_squares += x * x;
	}
	CU_ASSERT_EQUAL(outside, 0);
	CU_ASSERT_DOUBLE_EQUAL(sum / N, 0.5, 0.003);
	CU_ASSERT_DOUBLE_EQUAL(sum_of_squares / N, 1.0 / 3, 0.003);
}

/* 3 * 2^30 is the worst case of a plain remainder: a third of the results would come twice as
 * often. Each third must get a third, for words of either width. */
static void below_is_unbiased(void)
{
	static const uint64_t limits[] = {UINT64_C(3) << 30, UINT64_C(3) << 62, 3, 999};

	for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
		enum { N = 90000 };
		int count[3] = {0};
		struct rng r;

		rng_init(&r, 11, k);
		for (int i = 0; i < N; i++)
			count[rng_below(&r, limits[k]) / (limits[k] / 3)]++;
		for (int i = 0; i < 3; i++) /* 5 standard deviations */
			CU_ASSERT_DOUBLE_EQUAL(count[i], N / 3.0, 710);
	}
}

static void below_reaches_its_ends(void)
{
	bool seen[5] = {false};
	struct rng r;

	rng_init(&r, 0, 0);
	CU_ASSERT_EQUAL(rng_below(&r, 1), 0);
	for (int i = 0; i < 200; i++)
		seen[rng_below(&r, 5)] = true;
	CU_ASSERT(seen[0] && seen[1] && seen[2] && seen[3] && seen[4]);
	CU_ASSERT(rng_below(&r, UINT32_MAX) < UINT32_MAX);
	CU_ASSERT(rng_below(&r, UINT64_C(1) << 32) < UINT64_C(1) << 32);
	CU_ASSERT(rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

static void shuffle_permutes_evenly(void)
{
	enum { N = 24000 };
	int first_is[4] = {0}, last_is[4] = {0}, broken = 0;
	struct rng r;

	rng_init(&r, 5, 9);
	for (int i = 0; i < N; i++) {
		uint32_t items[4] = {0, 1, 2, 3};
		unsigned seen = 0;

		rng_shuffle(&r, items, 4);
		for (int k = 0; k < 4; k++)
			seen |= 1u << items[k];
		broken += seen != 15;
		first_is[items[0]]++;
		last_is[items[3]]++;
	}
	CU_ASSERT_EQUAL(broken, 0);
	for (int k = 0; k < 4; k++) { /* 5 standard deviations */
		CU_ASSERT_DOUBLE_EQUAL(first_is[k], N / 4.0, 340);
		CU_ASSERT_DOUBLE_EQUAL(last_is[k], N / 4.0, 340);
	}
	rng_shuffle(&r, NULL, 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"philox gives the published words", philox_gives_the_published_words},
	        {"the stream is the blocks in order", the_stream_is_the_blocks_in_order},
	        {"seeds and streams differ", seeds_and_streams_differ},
	        {"uniform is in range with the right mean",
	         uniform_is_in_range_with_the_right_mean},
	        {"below is unbiased", below_is_unbiased},
	        {"below reaches its ends", below_reaches_its_ends},
	        {"shuffle permutes evenly", shuffle_permutes_evenly},
	        {NULL, NULL},
	};

	return unit_main("base_rng", tests);
}
