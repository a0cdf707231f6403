/* Routing: counts are whole, exact and repeatable; shares and wishes are met. */
#include "models/base/arena.h"
#include "models/routing.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct shape {
	int64_t experts, top_k, groups, top_groups;
};

static struct moe_model model_of(struct shape s)
{
	return (struct moe_model){.name = "small",
	                          .experts = s.experts,
	                          .top_k = s.top_k,
	                          .groups = s.groups,
	                          .top_groups = s.top_groups};
}

static struct routing_spec spec_of(enum routing_kind kind)
{
	return (struct routing_spec){.kind = kind,
	                             .max_mean_ratio = kind == ROUTING_SKEWED ? 1.5 : 0,
	                             .file = "",
	                             .model = "",
	                             .domain = ""};
}

/* Ends the case on an error. */
static struct routing make(struct routing_spec spec, struct shape s, int64_t n_ranks,
                           int64_t tokens, struct arena *a)
{
	struct moe_model m = model_of(s);
	struct routing r = {0};
	struct err e = {0};

	routing_make(&spec, &m, n_ranks, tokens, a, &r, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_EQUAL_FATAL(e.rc, RC_OK);
	return r;
}

static double load_of(const struct routing *r, int64_t expert)
{
	double sum = 0;

	for (int64_t from = 0; from < r->n_ranks; from++)
		sum += routing_rows_count(r, from, expert);
	return sum;
}

static size_t bytes_of(const struct routing *r)
{
	return (size_t)(r->n_ranks * r->experts) * sizeof *r->count;
}

static bool same_counts(const struct routing *a, const struct routing *b)
{
	return memcmp(a->count, b->count, bytes_of(a)) == 0;
}

static const struct shape shapes[] = {
        {8, 1, 1, 1}, {8, 2, 2, 1}, {8, 8, 1, 1}, {64, 8, 8, 4}, {256, 8, 8, 4}, {1, 1, 1, 1},
};
static const enum routing_kind drawn[] = {ROUTING_UNIFORM, ROUTING_SKEWED, ROUTING_GROUPED};
enum { SHAPES_N = sizeof shapes / sizeof *shapes, DRAWN = sizeof drawn / sizeof *drawn };

/* max/mean 1.5 cannot be where all experts are taken */
static bool can_be(enum routing_kind kind, struct shape s)
{
	return kind != ROUTING_SKEWED || 1.5 <= (double)s.experts / (double)s.top_k;
}

/* ---- laws of counts ---- */

static void counts_are_exact(const struct routing *r, int64_t tokens, int64_t top_k)
{
	for (int64_t from = 0; from < r->n_ranks; from++) {
		uint64_t sum = 0, by_rank = 0;

		for (int64_t expert = 0; expert < r->experts; expert++) {
			uint32_t count = r->count[from * r->experts + expert];

			CU_ASSERT(count <= tokens);
			CU_ASSERT_EQUAL(routing_rows_count(r, from, expert), count);
			sum += count;
		}
		for (int64_t to = 0; to < r->n_ranks && r->experts % r->n_ranks == 0; to++)
			by_rank += (uint64_t)routing_rank_rows_count(r, from, to);
		CU_ASSERT_EQUAL(sum, tokens * top_k);
		if (r->experts % r->n_ranks == 0)
			CU_ASSERT_EQUAL(by_rank, sum);
	}
	CU_ASSERT_EQUAL(r->rows_per_rank_count, (double)(tokens * top_k));
}

static void each_rank_sends_exactly_its_rows(void)
{
	static const int64_t tokens[] = {0, 1, 7, 200};

	for (size_t i = 0; i < SHAPES_N * DRAWN * 4; i++) {
		struct shape s = shapes[i % SHAPES_N];
		enum routing_kind kind = drawn[i / SHAPES_N % DRAWN];
		struct arena *a = arena_new();

		if (can_be(kind, s)) {
			int64_t t = tokens[i / SHAPES_N / DRAWN], n = s.experts < 4 ? 1 : 4;
			struct routing r = make(spec_of(kind), s, n, t, a);

			counts_are_exact(&r, t, s.top_k);
		}
		arena_free(a);
	}
}

static void seed_decides_all(void)
{
	const struct shape s = {64, 8, 8, 4};

	for (size_t k = 0; k < DRAWN; k++) {
		struct arena *a = arena_new();
		struct routing_spec other = spec_of(drawn[k]);
		struct routing one = make(spec_of(drawn[k]), s, 8, 50, a);
		struct routing two = make(spec_of(drawn[k]), s, 8, 50, a), three;

		other.seed = 1;
		three = make(other, s, 8, 50, a);
		CU_ASSERT_TRUE(same_counts(&one, &two));
		CU_ASSERT_FALSE(same_counts(&one, &three));
		for (int64_t rank = 1; rank < 8; rank++) /* nor are ranks alike */
			CU_ASSERT_NOT_EQUAL(memcmp(one.count, one.count + rank * s.experts,
			                           (size_t)s.experts * sizeof *one.count),
			                    0);
		arena_free(a);
	}
}

/* Tokens are drawn in order from a stream of each rank: more tokens add to what fewer gave, and
 * more ranks change nothing for those before. */
static void more_tokens_and_ranks_only_add(void)
{
	const struct shape s = {64, 8, 8, 4};

	for (size_t k = 0; k < DRAWN; k++) {
		struct arena *a = arena_new();
		struct routing more = make(spec_of(drawn[k]), s, 8, 51, a);
		struct routing fewer = make(spec_of(drawn[k]), s, 8, 50, a);
		struct routing ranks = make(spec_of(drawn[k]), s, 16, 50, a);

		for (int64_t i = 0; i < 8 * s.experts; i++)
			CU_ASSERT(more.count[i] == fewer.count[i] ||
			          more.count[i] == fewer.count[i] + 1);
		CU_ASSERT_EQUAL(memcmp(fewer.count, ranks.count, bytes_of(&fewer)), 0);
		arena_free(a);
	}
}

static void balanced_is_even_to_the_bit(void)
{
	const struct shape s = {64, 8, 1, 1};
	struct arena *a = arena_new();
	struct routing r = make(spec_of(ROUTING_BALANCED), s, 16, 50, a);
	double max_mean, cv;

	CU_ASSERT_PTR_NULL(r.count);
	CU_ASSERT_EQUAL(routing_rows_count(&r, 3, 5), 50 * 8 / 64.0);
	CU_ASSERT_EQUAL(routing_rank_rows_count(&r, 3, 5), 50 * 8 / 16.0);
	routing_skew(&r, &max_mean, &cv);
	CU_ASSERT_DOUBLE_EQUAL(max_mean, 1, 1e-12);
	CU_ASSERT_DOUBLE_EQUAL(cv, 0, 1e-12);
	arena_free(a);
}

static void skew_of_a_known_table(void)
{
	uint32_t count[] = {1, 0, 3, 0, 3, 0, 1, 0}; /* loads 4, 0, 4, 0 of mean 2 */
	struct routing r = {.n_ranks = 2, .experts = 4, .rows_per_rank_count = 4, .count = count};
	double max_mean, cv;

	routing_skew(&r, &max_mean, &cv);
	CU_ASSERT_EQUAL(max_mean, 2);
	CU_ASSERT_EQUAL(cv, 1);
	CU_ASSERT_EQUAL(routing_rank_rows_count(&r, 0, 1), 3);
	CU_ASSERT_EQUAL(routing_rank_rows_count(&r, 1, 0), 3);
	CU_ASSERT_EQUAL(routing_rank_rows_count(&r, 1, 1), 1);
	r.rows_per_rank_count = 0, memset(count, 0, sizeof count);
	routing_skew(&r, &max_mean, &cv); /* nothing sent */
	CU_ASSERT_EQUAL(max_mean, 1);
	CU_ASSERT_EQUAL(cv, 0);
}

/* ---- distributions ---- */

/* n classes of equal probability: the statistic has about mean n - 1 and deviation sqrt(2
   n). */
static void evenly_spread(const double *count, int64_t n, double variance_ratio)
{
	double sum = 0, chi = 0;

	for (int64_t i = 0; i < n; i++)
		sum += count[i];
	for (int64_t i = 0; i < n; i++)
		chi += pow(count[i] - sum / (double)n, 2) / (sum / (double)n * variance_ratio);
	AT_MOST(fabs(chi - (double)(n - 1)), 6 * sqrt(2 * (double)n), 0, "chi square of %lld",
	        (long long)n);
}

static void uniform_spreads_evenly(void)
{
	for (size_t i = 0; i < SHAPES_N; i++) {
		struct arena *a = arena_new();
		struct routing r = make(spec_of(ROUTING_UNIFORM), shapes[i], 1, 20000, a);
		double count[256], taken = (double)shapes[i].top_k / (double)shapes[i].experts;

		for (int64_t expert = 0; expert < r.experts; expert++)
			count[expert] = load_of(&r, expert);
		if (taken < 1) /* each expert: binomial of tokens and taken */
			evenly_spread(count, r.experts, 1 - taken);
		else
			CU_ASSERT_EQUAL(count[0], 20000);
		arena_free(a);
	}
}

/* With one token from each of many ranks every pair of experts comes equally often. */
static void pairs_come_equally_often(void)
{
	const struct shape s = {6, 2, 1, 1};
	struct arena *a = arena_new();
	struct routing r = make(spec_of(ROUTING_UNIFORM), s, 60000, 1, a);
	double count[15] = {0};

	for (int64_t from = 0; from < r.n_ranks; from++) {
		int64_t n = 0, place = 0;

		for (int64_t one = 0; one < s.experts; one++)
			for (int64_t two = one + 1; two < s.experts; two++, n++)
				if (r.count[from * 6 + one] && r.count[from * 6 + two])
					place = n;
		count[place]++;
	}
	evenly_spread(count, 15, 1);
	arena_free(a);
}

static void grouped_tokens_stay_in_their_groups(void)
{
	const struct shape s = {64, 8, 8, 3};
	struct arena *a = arena_new();
	struct routing r = make(spec_of(ROUTING_GROUPED), s, 20000, 1, a);
	double groups[8] = {0}, experts[64] = {0};
	int most = 0, least = 8;

	for (int64_t from = 0; from < r.n_ranks; from++) {
		double rows[8] = {0};
		int n = 0;

		for (int64_t expert = 0; expert < s.experts; expert++) {
			uint32_t count = r.count[from * s.experts + expert];

			CU_ASSERT(count <= 1);
			rows[expert / 8] += count, experts[expert] += count;
		}
		for (int g = 0; g < 8; g++)
			n += rows[g] > 0, groups[g] += rows[g] > 0;
		most = n > most ? n : most, least = n < least ? n : least;
	}
	CU_ASSERT_EQUAL(most, 3);
	CU_ASSERT(least < 3); /* a chosen group may get no row */
	evenly_spread(groups, 8, 5.0 / 8);
	for (int64_t expert = 0; expert < s.experts; expert++) /* 6 standard deviations */
		CU_ASSERT_DOUBLE_EQUAL(experts[expert], 2500, 6 * 50);
	arena_free(a);
}

static const struct wish_case {
	struct shape shape;
	double max_mean, cv, slack_ratio;
} wishes[] = {
        {{256, 8, 1, 1}, 1, 0, 0.03},  {{256, 8, 1, 1}, 2, 0, 0.03},   {{256, 8, 1, 1}, 5, 0, 0.03},
        {{256, 8, 1, 1}, 32, 0, 0.01}, {{256, 8, 1, 1}, 0, 0.5, 0.03}, {{256, 8, 1, 1}, 0, 2, 0.03},
        {{128, 4, 1, 1}, 8, 0, 0.03},  {{64, 8, 1, 1}, 3, 0, 0.03},    {{64, 8, 1, 1}, 8, 0, 0.01},
        {{160, 8, 1, 1}, 0, 1, 0.03},  {{8, 1, 1, 1}, 4, 0, 0.02},     {{8, 1, 1, 1}, 8, 0, 0.001},
        {{8, 1, 1, 1}, 0, 2.6, 0.02},  {{8, 2, 1, 1}, 2, 0, 0.06}, /* few: approximate */
};

static void wishes_are_met(void)
{
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		const struct wish_case *w = &wishes[i];
		struct arena *a = arena_new();
		struct routing_spec spec = spec_of(ROUTING_SKEWED);
		struct routing r;
		double max_mean, cv;

		spec.max_mean_ratio = w->max_mean, spec.cv_ratio = w->cv, spec.seed = 3;
		r = make(spec, w->shape, 4, 50000, a);
		counts_are_exact(&r, 50000, w->shape.top_k);
		routing_skew(&r, &max_mean, &cv);
		if (w->max_mean > 0)
			NEARLY(max_mean, w->max_mean, w->slack_ratio, "wish %zu", i);
		else
			NEARLY(cv, w->cv, w->slack_ratio, "wish %zu", i);
		arena_free(a);
	}
}

/* An expert that every token takes gets as many rows as there are tokens, and never more. */
static void one_expert_can_take_all_it_can(void)
{
	struct arena *a = arena_new();
	struct routing_spec spec = spec_of(ROUTING_SKEWED);
	const struct shape s = {64, 8, 1, 1};
	struct routing r;
	double most = 0;

	spec.max_mean_ratio = 8;
	r = make(spec, s, 4, 10000, a);
	for (int64_t expert = 0; expert < 64; expert++)
		most = fmax(most, load_of(&r, expert));
	CU_ASSERT(most <= 40000 && most > 39990);
	arena_free(a);
}

static void shares_fall_as_a_power_in_shuffled_places(void)
{
	const struct shape s = {64, 8, 1, 1};
	struct moe_model m = model_of(s);
	struct arena *a = arena_new();
	bool moved = false;

	for (int64_t seed = 0; seed < 4; seed++) {
		struct routing_spec spec = spec_of(ROUTING_SKEWED);
		double share[64], sum = 0, most = 0, least = 1;
		struct err e;

		spec.seed = seed, spec.max_mean_ratio = 4;
		CU_ASSERT_EQUAL(routing_shares(&spec, &m, a, share, &e), RC_OK);
		for (int i = 0; i < 64; i++)
			sum += share[i], most = fmax(most, share[i]), least = fmin(least, share[i]);
		CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-12);
		CU_ASSERT_DOUBLE_EQUAL(most * 64, 4, 1e-9);
		moved |= share[0] != most;
		/* share of place p: most / p^x, so x follows from the last and must fit all */
		double x = log(most / least) / log(64);

		for (int i = 0; i < 64; i++) {
			double place = pow(most / share[i], 1 / x);

			CU_ASSERT_DOUBLE_EQUAL(place, round(place), 1e-6);
		}
	}
	CU_ASSERT_TRUE(moved);
	arena_free(a);
}

/* ---- what cannot be ---- */

static void impossible_wishes_are_refused(void)
{
	static const struct {
		struct shape shape;
		double max_mean, cv;
		const char *message;
	} wrong[] = {
	        {{64, 8, 1, 1}, 8.01, 0, "routing.max_mean 8.01 cannot be"},
	        {{8, 8, 1, 1}, 1.01, 0, "no expert gets more than 1 times the mean"},
	        {{64, 8, 1, 1}, 0, 6, "routing.cv 6 cannot be"},
	        {{8, 1, 1, 1}, 0, 100, "routing.cv 100 cannot be"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct moe_model m = model_of(wrong[i].shape);
		struct routing_spec spec = spec_of(ROUTING_SKEWED);
		struct arena *a = arena_new();
		struct routing r;
		struct err e = {0};

		spec.max_mean_ratio = wrong[i].max_mean, spec.cv_ratio = wrong[i].cv;
		CU_ASSERT_EQUAL(routing_make(&spec, &m, 1, 10, a, &r, &e), RC_CONFIG);
		UNIT_HOLDS(e.text, wrong[i].message);
		arena_free(a);
	}
}

static void specs_are_checked(void)
{
	static const struct {
		struct routing_spec spec;
		const char *message; /* "" when right */
	} cases[] = {
	        {{.kind = ROUTING_BALANCED, .file = ""}, ""},
	        {{.kind = ROUTING_SKEWED, .max_mean_ratio = 2, .file = ""}, ""},
	        {{.kind = ROUTING_FILE, .file = "counts.csv"}, ""},
	        {{.kind = ROUTING_SKEWED, .file = ""},
	         "needs one of routing.max_mean, routing.cv and"},
	        {{.kind = ROUTING_SKEWED, .max_mean_ratio = 2, .cv_ratio = 1, .file = ""},
	         "needs one of routing.max_mean, routing.cv and"},
	        {{.kind = ROUTING_UNIFORM, .cv_ratio = 1, .file = ""}, "kind: skewed, not uniform"},
	        {{.kind = ROUTING_SKEWED, .max_mean_ratio = 0.9, .file = ""}, "0.9 is below 1"},
	        {{.kind = ROUTING_SKEWED, .rank_max_mean_ratio = 0.9, .file = ""},
	         "routing.rank_max_mean 0.9 is below 1"},
	        {{.kind = ROUTING_SKEWED, .rank_max_mean_ratio = 2, .cv_ratio = 1, .file = ""},
	         "needs one of routing.max_mean, routing.cv and"},
	        {{.kind = ROUTING_UNIFORM, .file = "", .statistics = {.domain = "c4"}},
	         "routing.statistics go with kind: file"},
	        {{.kind = ROUTING_FILE, .file = "a.csv", .statistics = {.domain = "c4"}}, ""},
	        {{.kind = ROUTING_FILE, .file = ""}, "routing.file and kind: file go together"},
	        {{.kind = ROUTING_UNIFORM, .file = "counts.csv"},
	         "routing.file and kind: file go together"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		enum rc rc = routing_spec_check(&cases[i].spec, "here", &e);

		CU_ASSERT_EQUAL(rc, *cases[i].message ? RC_CONFIG : RC_OK);
		UNIT_HOLDS(e.text, cases[i].message);
	}
}

static const struct unit_test tests[] = {
        {"each rank sends exactly its rows", each_rank_sends_exactly_its_rows},
        {"seed decides all", seed_decides_all},
        {"more tokens and ranks only add", more_tokens_and_ranks_only_add},
        {"balanced is even to the bit", balanced_is_even_to_the_bit},
        {"skew of a known table", skew_of_a_known_table},
        {"uniform spreads evenly", uniform_spreads_evenly},
        {"pairs come equally often", pairs_come_equally_often},
        {"grouped tokens stay in their groups", grouped_tokens_stay_in_their_groups},
        {"wishes are met", wishes_are_met},
        {"one expert can take all it can", one_expert_can_take_all_it_can},
        {"shares fall as a power in shuffled places", shares_fall_as_a_power_in_shuffled_places},
        {"impossible wishes are refused", impossible_wishes_are_refused},
        {"specs are checked", specs_are_checked},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("routing", tests);
}
