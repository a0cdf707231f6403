/* Rows to slots: nothing is lost or made, tokens and counts agree, a plain placement changes no
 * count, stale statistics change the placement alone, and ranks meet the imbalance asked for. */
#include "models/placement.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NODE = 4, TOKENS = 37 };

static struct moe_model model_of(int64_t experts)
{
	return (struct moe_model){.name = "small",
	                          .hidden = 128,
	                          .layers = 1,
	                          .experts = experts,
	                          .top_k = 3,
	                          .groups = 1,
	                          .top_groups = 1,
	                          .expert_inter = 64,
	                          .shared_inter = 64};
}

static struct routing_spec skewed(void)
{
	return (struct routing_spec){.kind = ROUTING_SKEWED,
	                             .max_mean_ratio = 3,
	                             .file = "",
	                             .model = "",
	                             .domain = "",
	                             .seed = 4};
}

struct placed {
	struct arena *arena;
	struct moe_model model;
	struct routing_spec spec;
	struct routing drawn, routing;
};

static void placed_init(struct placed *x, const struct placement_spec *s, int64_t ranks)
{
	struct err e = {0};
	const char *why = "";

	*x = (struct placed){.arena = arena_new(), .model = model_of(16), .spec = skewed()};
	CU_ASSERT_TRUE_FATAL(placement_possible(s, &x->model, ranks, &why));
	CU_ASSERT_EQUAL_FATAL(
	        routing_make(&x->spec, &x->model, ranks, TOKENS, x->arena, &x->drawn, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(routing_place(&x->drawn, s, NODE, x->arena, &x->routing, &e), RC_OK);
}

static const struct {
	struct placement_spec spec;
	int64_t ranks;
} cases[] = {
        {{PLACEMENT_EPLB, 0, 0, REPLICAS_EVEN}, 8},
        {{PLACEMENT_EPLB, 8, 0, REPLICAS_EVEN}, 8},
        {{PLACEMENT_EPLB, 8, 0, REPLICAS_NEAREST}, 8},
        {{PLACEMENT_EPLB, 16, 0, REPLICAS_NEAREST}, 4},
        {{PLACEMENT_RANDOM, 4, 0, REPLICAS_EVEN}, 10},
        {{PLACEMENT_ROUND_ROBIN, 8, 0, REPLICAS_NEAREST}, 12},
        {{PLACEMENT_EPLB, 4, 4, REPLICAS_EVEN}, 12},
        {{PLACEMENT_EPLB_GLOBAL, 12, 4, REPLICAS_NEAREST}, 8},
        {{PLACEMENT_CONTIGUOUS, 16, 0, REPLICAS_EVEN}, 1},
        {{PLACEMENT_CONTIGUOUS, 1, 0, REPLICAS_NEAREST}, 17},
        {{PLACEMENT_EPLB, 16, 32, REPLICAS_EVEN}, 64},
        {{PLACEMENT_CONTIGUOUS, 0, 16, REPLICAS_EVEN}, 2},
};
enum { CASES = sizeof cases / sizeof *cases };

/* What a source routed to an expert is what it sends to its slots; a shared expert gets a row of
 * each token. */
static void source_keeps(const struct placed *x, int64_t from)
{
	const struct placement *p = x->routing.placement;

	for (int64_t expert = 0; expert < p->routed + p->shared; expert++) {
		double rows = 0, want = TOKENS;

		for (int64_t j = p->first[expert]; j < p->first[expert + 1]; j++)
			rows += routing_rows_count(&x->routing, from, p->slot[j]);
		if (expert < p->routed)
			want = routing_rows_count(&x->drawn, from, expert);
		CU_ASSERT_EQUAL(rows, want);
	}
}

static void rows_are_kept(void)
{
	for (size_t i = 0; i < CASES; i++) {
		struct placed x;
		double sent = 0, received = 0;

		placed_init(&x, &cases[i].spec, cases[i].ranks);
		for (int64_t from = 0; from < cases[i].ranks; from++) {
			source_keeps(&x, from);
			sent += x.routing.rows_per_rank_count;
			for (int64_t to = 0; to < cases[i].ranks; to++)
				received += routing_rank_rows_count(&x.routing, from, to);
		}
		CU_ASSERT_EQUAL(sent, received);
		arena_free(x.arena);
	}
}

/* The tokens behind it have the same counts, and distinct slots. */
static void tokens_agree_with_counts(void)
{
	for (size_t i = 0; i < CASES; i++) {
		struct placed x;
		struct choices c;
		struct routing again;
		struct err e = {0};

		placed_init(&x, &cases[i].spec, cases[i].ranks);
		CU_ASSERT_EQUAL_FATAL(routing_choices(&x.routing, x.arena, &c, &e), RC_OK);
		CU_ASSERT_EQUAL(c.top_k, x.routing.model->top_k);
		again = choices_routing(&c, x.routing.model, x.arena);
		CU_ASSERT_EQUAL(
		        memcmp(again.count, x.routing.count,
		               (size_t)(again.n_ranks * again.experts) * sizeof *again.count),
		        0);
		for (int64_t t = 0; t < c.first[c.n_ranks] * c.top_k; t++) {
			for (int64_t j = t / c.top_k * c.top_k; j < t; j++)
				CU_ASSERT_NOT_EQUAL(c.expert[j], c.expert[t]);
		}
		arena_free(x.arena);
	}
}

/* Even: replicas of an expert differ by as many rows as there are sources, at most. */
static void replicas_share_evenly(void)
{
	struct placed x;
	const struct placement *p;

	placed_init(&x, &cases[1].spec, 8);
	p = x.routing.placement;
	for (int64_t expert = 0; expert < p->routed; expert++) {
		double most = 0, least = HUGE_VAL;

		for (int64_t j = p->first[expert]; j < p->first[expert + 1]; j++) {
			double rows = 0;

			for (int64_t from = 0; from < 8; from++)
				rows += routing_rows_count(&x.routing, from, p->slot[j]);
			most = fmax(most, rows), least = fmin(least, rows);
		}
		CU_ASSERT(most - least <= 8);
	}
	arena_free(x.arena);
}

static void plain_changes_nothing(void)
{
	const struct placement_spec plain = {0};
	struct placed x;

	placed_init(&x, &plain, 8);
	CU_ASSERT_EQUAL(x.routing.experts, x.drawn.experts);
	CU_ASSERT_EQUAL(memcmp(x.routing.count, x.drawn.count,
	                       (size_t)(8 * x.drawn.experts) * sizeof *x.drawn.count),
	                0);
	arena_free(x.arena);
}

/* ---- statistics ---- */

static void counts_write(char *path, size_t size)
{
	const char *folder = getenv("TMPDIR");
	FILE *out;

	snprintf(path, size, "%s/epsim-place-XXXXXX", folder ? folder : "/tmp");
	out = fdopen(mkstemp(path), "wb");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fprintf(out, "model,topk_view,domain,layer,expert,count\n");
	for (int i = 0; i < 16; i++)
		fprintf(out, "m,topk,today,0,%d,%d\nm,topk,past,0,%d,%d\n", i, 100 + 40 * i, i,
		        100 + 40 * (i * 5 % 16));
	CU_ASSERT_EQUAL_FATAL(fclose(out), 0);
}

struct outcome_of {
	uint32_t drawn[8 * 80], placed[8 * 80];
	double ratio; /* busiest rank over the mean */
};

static void run(const char *path, const char *known, int64_t experts, struct outcome_of *out)
{
	struct arena *a = arena_new();
	struct moe_model m = model_of(experts);
	const struct placement_spec s = {.kind = PLACEMENT_EPLB, .replicas = experts / 2};
	struct routing_spec spec = {.kind = ROUTING_FILE,
	                            .file = path,
	                            .model = "",
	                            .domain = "today",
	                            .resample = true,
	                            .statistics = {.domain = known}};
	struct routing drawn, placed;
	struct err e = {0};

	*out = (struct outcome_of){.ratio = 0};
	CU_ASSERT_EQUAL_FATAL(routing_make(&spec, &m, 8, 3000, a, &drawn, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(routing_place(&drawn, &s, NODE, a, &placed, &e), RC_OK);
	memcpy(out->drawn, drawn.count, (size_t)(8 * experts) * sizeof *drawn.count);
	memcpy(out->placed, placed.count, (size_t)(8 * placed.experts) * sizeof *placed.count);
	out->ratio = routing_rank_max_mean_ratio(&placed);
	arena_free(a);
}

/* Statistics move slots, not rows; the same domain's are fresh to the bit; also where the file has
 * fewer experts than the model, whose shares are then stretched together. */
static void statistics_move_slots_alone(void)
{
	static const int64_t sizes[] = {16, 48};
	char path[256];

	counts_write(path, sizeof path);
	for (size_t i = 0; i < 2; i++) {
		struct outcome_of fresh, same, stale;

		run(path, "", sizes[i], &fresh);
		run(path, "today", sizes[i], &same);
		run(path, "past", sizes[i], &stale);
		CU_ASSERT_EQUAL(memcmp(fresh.placed, same.placed, sizeof fresh.placed), 0);
		CU_ASSERT_EQUAL(memcmp(fresh.drawn, stale.drawn, sizeof fresh.drawn), 0);
		CU_ASSERT_NOT_EQUAL(memcmp(fresh.placed, stale.placed, sizeof fresh.placed), 0);
		CU_ASSERT(stale.ratio > fresh.ratio + 0.1);
	}
	unlink(path);
}

/* ---- ranks ---- */

static void ranks_meet_the_wish(void)
{
	static const double wishes[] = {1, 1.01, 1.35, 2, 5};

	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		for (int64_t ranks = 8; ranks <= 64; ranks *= 2) {
			struct arena *a = arena_new();
			struct moe_model m = model_of(128);
			struct routing_spec spec = skewed();
			struct routing r;
			struct err e = {0};

			spec.max_mean_ratio = 0, spec.rank_max_mean_ratio = wishes[i];
			CU_ASSERT_EQUAL(routing_make(&spec, &m, ranks, 4000, a, &r, &e), RC_OK);
			NEARLY(routing_rank_max_mean_ratio(&r), wishes[i], 0.05, "%lld ranks",
			       (long long)ranks); /* rows are drawn */
			arena_free(a);
		}
	}
}

static void impossible_wishes_are_refused(void)
{
	static const struct {
		int64_t ranks;
		double wish;
		const char *why;
	} wrong[] = {
	        {7, 1.5, "7 ranks do not divide 128 experts"},
	        {4, 4.5, "none gets more than 4 times the mean"},
	        {64, 43, "none gets more than 42.6667 times the mean"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct arena *a = arena_new();
		struct moe_model m = model_of(128);
		struct routing_spec spec = skewed();
		struct routing r;
		struct err e = {0};

		spec.max_mean_ratio = 0, spec.rank_max_mean_ratio = wrong[i].wish;
		CU_ASSERT_EQUAL(routing_make(&spec, &m, wrong[i].ranks, 10, a, &r, &e), RC_CONFIG);
		UNIT_HOLDS(e.text, wrong[i].why);
		arena_free(a);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"rows are kept", rows_are_kept},
	        {"tokens agree with counts", tokens_agree_with_counts},
	        {"replicas share evenly", replicas_share_evenly},
	        {"a plain placement changes nothing", plain_changes_nothing},
	        {"statistics move slots alone", statistics_move_slots_alone},
	        {"ranks meet the wish", ranks_meet_the_wish},
	        {"impossible wishes are refused", impossible_wishes_are_refused},
	        {0},
	};

	return unit_main("routing_place", tests);
}
