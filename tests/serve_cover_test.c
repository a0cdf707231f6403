/* Experts of lost ranks: whatever is lost and joins, a table that is said to be whole is. */
#include <math.h>
#include "models/base/rng.h"
#include "sim/serve_cover.h"
#include "tests/unit.h"

static int64_t living_count(const struct cover *c)
{
	int64_t n = 0;

	for (int64_t r = 0; r < c->ranks; r++)
		n += c->lives[r];
	return n;
}

/* Copies are counted right, no rank has an expert twice, and nothing is missing. */
static void check_table(const struct cover *c)
{
	for (int32_t e = 0; e < c->experts; e++) {
		int32_t copies = 0;

		for (int64_t r = 0; r < c->ranks; r++) {
			int32_t here = 0;

			for (int64_t i = 0; i < c->own + c->slots; i++)
				here += c->held[r * (c->own + c->slots) + i] == e;
			CU_ASSERT_TRUE(!c->lives[r] || here <= 1);
			copies += c->lives[r] ? here : 0;
		}
		CU_ASSERT_TRUE(copies >= 1);
		CU_ASSERT_EQUAL(copies, c->copies[e]);
	}
}

static void random_case(uint64_t seed, int64_t *n_covered, int64_t *n_peer)
{
	struct rng r;
	struct cover c;
	struct cover_repair repair;
	int64_t own, ep;

	rng_init(&r, seed, 0);
	own = 1 + (int64_t)rng_below(&r, 4), ep = 2 + (int64_t)rng_below(&r, 11);
	cover_init(&c, ep * (1 + (int64_t)rng_below(&r, 2)), ep * own, own,
	           own + (int64_t)rng_below(&r, 3), (int64_t)rng_below(&r, (uint64_t)own + 1));
	for (int turn = 0; turn < 6; turn++) {
		bool host = rng_below(&r, 2);

		for (uint64_t n = rng_below(&r, 3); n > 0; n--)
			cover_lose(&c, (int64_t)rng_below(&r, (uint64_t)c.ranks));
		if (rng_below(&r, 2))
			cover_join(&c, (int64_t)rng_below(&r, (uint64_t)c.ranks));
		if (cover_mend(&c, host, &repair) != COVERED)
			break;
		CU_ASSERT_TRUE(host || repair.host == 0);
		check_table(&c);
		CU_ASSERT_TRUE(cover_busiest_count(&c) * (double)living_count(&c) >=
		               (double)(c.ranks * c.own) - 1e-9);
		++*n_covered, *n_peer += repair.peer;
	}
	cover_fini(&c);
}

static void test_random(void)
{
	int64_t covered = 0, peer = 0;

	for (uint64_t seed = 0; seed < 500; seed++)
		random_case(seed, &covered, &peer);
	printf("%lld tables, %lld copies between ranks ", (long long)covered, (long long)peer);
	CU_ASSERT_TRUE(covered > 500 && peer > 100);
}

/* 8 ranks of 4 experts, all of which have a replica: four lost ranks need nothing from hosts, and
 * the others have eight experts each. */
static void test_replicas(void)
{
	struct cover c;
	struct cover_repair r;

	cover_init(&c, 8, 32, 4, 4, 4);
	CU_ASSERT_EQUAL(cover_busiest_count(&c), 4);
	for (int64_t k = 0; k < 4; k++)
		cover_lose(&c, k);
	CU_ASSERT_EQUAL(cover_mend(&c, false, &r), COVERED);
	CU_ASSERT_EQUAL(r.local, 16);
	CU_ASSERT_EQUAL(r.peer, 0);
	CU_ASSERT_EQUAL(cover_busiest_count(&c), 8);
	cover_lose(&c, 4); /* its 4 and the replicas of rank 0 */
	CU_ASSERT_EQUAL(cover_mend(&c, false, &r), COVER_NO_COPY);
	CU_ASSERT_EQUAL(cover_mend(&c, true, &r), COVER_NO_SLOT); /* 3 x 8 places for 32 */
	cover_fini(&c);
}

/* Two neighbours lost: their replicas are on two ranks, which give some away. */
static void test_even(void)
{
	struct cover c;
	struct cover_repair r;

	cover_init(&c, 8, 32, 4, 4, 4);
	cover_lose(&c, 0);
	CU_ASSERT_EQUAL(cover_mend(&c, false, &r), COVERED);
	CU_ASSERT_EQUAL(r.local, 4);
	/* 32 experts on 7 ranks: at most 5 each */
	CU_ASSERT_TRUE(r.peer > 0 && cover_busiest_count(&c) <= 5);
	cover_join(&c, 0);
	CU_ASSERT_EQUAL(cover_busiest_count(&c), 4);
	cover_fini(&c);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"replicas", test_replicas},
	        {"even loads", test_even},
	        {"random losses and returns", test_random},
	        {0},
	};

	return unit_main("serve_cover", tests);
}
