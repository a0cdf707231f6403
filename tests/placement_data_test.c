/* EPLB on OLMoE's published expert counts: the table that others computed from them comes out, and
 * so do the figures in configs/routings/, which are medians over layers and domains. */
#include "models/config.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXPERTS = 64, RANKS = 8, DOMAINS = 6, LAYERS = 3 };

static const char *const domains[DOMAINS] = {"arxiv", "book", "c4", "github", "tulu", "wikipedia"};
static const int64_t layers[LAYERS] = {0, 7, 15};

static const char *data_path(struct arena *a, const char *name)
{
	const char *data = getenv("EPSIM_DATA");

	return arena_print(a, "%s/%s", data && *data ? data : "../shared/data", name);
}

static bool readable(const char *path)
{
	if (access(path, R_OK) == 0)
		return true;
	printf("skipped: no %s ", path);
	return false;
}

static const char *counts_path(struct arena *a)
{
	return data_path(a, "traces/olmoe_routing/expert_counts.csv");
}

/* Busiest rank over the mean: `domain` run under a placement by the counts of `known`. */
static double rank_ratio(const char *domain, const char *known, int64_t layer, int kind,
                         int64_t replicas)
{
	struct arena *a = arena_new();
	const struct moe_model m = {
	        .name = "olmoe", .experts = EXPERTS, .top_k = 8, .groups = 1, .top_groups = 1};
	struct routing_spec spec = {.kind = ROUTING_FILE,
	                            .file = counts_path(a),
	                            .model = "olmoe",
	                            .domain = domain,
	                            .layer = layer,
	                            .statistics = {.domain = known}};
	const struct placement_spec place = {.kind = kind, .replicas = replicas};
	double share[EXPERTS], believed[EXPERTS], on_rank[RANKS], most = 0;
	struct placement p;
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(routing_shares(&spec, &m, a, share, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(routing_known_shares(&spec, &m, a, believed, &e), RC_OK);
	placement_make(&place, &m, RANKS, RANKS, believed, 0, a, &p);
	placement_rank_loads(&p, share, on_rank);
	for (int i = 0; i < RANKS; i++)
		most = fmax(most, on_rank[i]);
	arena_free(a);
	return most * RANKS;
}

/* One row: "| 7 arxiv | 1.628 | 1.017 | ...": contiguous, by its own counts with 0 and 16 replicas,
 * by those of c4. */
static bool table_row(const char *line)
{
	char domain[16];
	double want[5], got[5];
	long long layer;

	if (sscanf(line, "| %lld %15[a-z0-9] | %lf | %lf | %lf | %lf | %lf |", &layer, domain,
	           &want[0], &want[1], &want[2], &want[3], &want[4]) != 7)
		return false;
	got[0] = rank_ratio(domain, "", layer, 0, 0);
	got[1] = rank_ratio(domain, "", layer, PLACEMENT_EPLB, 0);
	got[2] = rank_ratio(domain, "", layer, PLACEMENT_EPLB, 16);
	got[3] = rank_ratio(domain, "c4", layer, PLACEMENT_EPLB, 0);
	got[4] = rank_ratio(domain, "c4", layer, PLACEMENT_EPLB, 16);
	for (int i = 0; i < 5; i++) {
		bool same = fabs(got[i] - want[i]) <= 0.0005 + 1e-9; /* three digits */

		if (!same)
			printf("%lld %s, column %d: %.5f, not %.3f\n", layer, domain, i, got[i],
			       want[i]);
		CU_ASSERT_TRUE(same);
	}
	return true;
}

static void known_table_comes_out(void)
{
	struct arena *a = arena_new();
	const char *path = data_path(a, "../systems.md");
	char line[4096];
	int rows = 0;
	FILE *in;

	if (readable(counts_path(a)) && readable(path)) {
		in = fopen(path, "r");
		CU_ASSERT_PTR_NOT_NULL_FATAL(in);
		while (fgets(line, sizeof line, in))
			rows += table_row(line);
		fclose(in);
		CU_ASSERT_EQUAL(rows, 8);
	}
	arena_free(a);
}

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- medians over layers and domains ---- */

/* Whose counts EPLB goes by. */
enum known { NOTHING, OWN, OTHER, MIXED };

/* Shares of all experts, domain by domain; together: the layers' experts side by side as one's. */
struct loads {
	int64_t experts, n_layers;
	double ratio[LAYERS][DOMAINS][LAYERS * EXPERTS];
};

static void loads_read(bool together, struct loads *out)
{
	struct arena *a = arena_new();
	const struct moe_model m = {
	        .name = "olmoe", .experts = EXPERTS, .top_k = 8, .groups = 1, .top_groups = 1};

	*out = (struct loads){.experts = together ? LAYERS * EXPERTS : EXPERTS,
	                      .n_layers = together ? 1 : LAYERS};
	for (int i = 0; i < LAYERS * DOMAINS; i++) {
		int layer = i / DOMAINS, domain = i % DOMAINS;
		struct routing_spec spec = {.kind = ROUTING_FILE,
		                            .file = counts_path(a),
		                            .model = "olmoe",
		                            .domain = domains[domain],
		                            .layer = layers[layer]};
		double *to = together ? out->ratio[0][domain] + (ptrdiff_t)layer * EXPERTS
		                      : out->ratio[layer][domain];
		struct err e = {0};

		CU_ASSERT_EQUAL_FATAL(routing_shares(&spec, &m, a, to, &e), RC_OK);
	}
	arena_free(a);
}

/* Busiest rank over the mean, of `run` placed by `believed`. */
static double busiest(const struct loads *x, const double *run, const double *believed, int kind,
                      int64_t slots)
{
	struct arena *a = arena_new();
	int64_t ranks = x->experts / EXPERTS * RANKS;
	const struct moe_model m = {
	        .name = "olmoe", .experts = x->experts, .top_k = 8, .groups = 1, .top_groups = 1};
	const struct placement_spec place = {.kind = kind, .replicas = slots * ranks - x->experts};
	double on_rank[LAYERS * RANKS], most = 0, all = 0;
	struct placement p;

	placement_make(&place, &m, ranks, ranks, believed, 0, a, &p);
	placement_rank_loads(&p, run, on_rank);
	for (int64_t i = 0; i < ranks; i++)
		most = fmax(most, on_rank[i]), all += on_rank[i];
	arena_free(a);
	return most * (double)ranks / all;
}

static void mix_others(const struct loads *x, int64_t layer, int64_t domain, double *out)
{
	memset(out, 0, (size_t)x->experts * sizeof *out);
	for (int64_t d = 0; d < DOMAINS; d++) {
		for (int64_t i = 0; d != domain && i < x->experts; i++)
			out[i] += x->ratio[layer][d][i];
	}
}

static double median(const struct loads *x, enum known known, int64_t slots)
{
	double ratio[LAYERS * DOMAINS * DOMAINS], mixed[LAYERS * EXPERTS];
	int kind = known == NOTHING ? 0 : PLACEMENT_EPLB;
	size_t n = 0;

	for (int64_t i = 0; i < x->n_layers * DOMAINS * DOMAINS; i++) {
		int64_t layer = i / DOMAINS / DOMAINS, run = i / DOMAINS % DOMAINS;
		int64_t other = i % DOMAINS;
		const double *believed = x->ratio[layer][other];

		if ((run == other) == (known == OTHER))
			continue;
		mix_others(x, layer, run, mixed);
		ratio[n++] = busiest(x, x->ratio[layer][run], known == MIXED ? mixed : believed,
		                     kind, slots);
	}
	qsort(ratio, n, sizeof *ratio, rising);
	return (ratio[n / 2] + ratio[(n - 1) / 2]) / 2;
}

/* A row of the page: "| 64 | 9 | 1.42 | 1.01 | 1.35 | 1.26 |". */
static bool page_row(const char *line, const struct loads *apart, const struct loads *together)
{
	static const enum known known[] = {NOTHING, OWN, OTHER, MIXED};
	long long experts, slots;
	double want[4];

	if (sscanf(line, "| %lld | %lld | %lf | %lf | %lf | %lf |", &experts, &slots, &want[0],
	           &want[1], &want[2], &want[3]) != 6)
		return false;
	for (int i = 0; i < 4; i++) {
		int64_t per_rank = known[i] == NOTHING ? EXPERTS / RANKS : slots;
		double got = median(experts == EXPERTS ? apart : together, known[i], per_rank);

		if (fabs(got - want[i]) > 0.00501)
			printf("%lld experts, %lld slots, column %d: %.4f\n", experts, slots, i,
			       got);
		CU_ASSERT_DOUBLE_EQUAL(got, want[i], 0.00501); /* two digits */
	}
	return true;
}

/* sim/PLACEMENT.md is held to its word. */
static void the_page_is_right(void)
{
	struct arena *a = arena_new();
	struct loads apart, together;
	char line[4096];
	int rows = 0;
	FILE *in;

	if (readable(counts_path(a))) {
		loads_read(false, &apart);
		loads_read(true, &together);
		in = fopen("sim/PLACEMENT.md", "r");
		CU_ASSERT_PTR_NOT_NULL_FATAL(in);
		while (fgets(line, sizeof line, in))
			rows += page_row(line, &apart, &together);
		fclose(in);
		CU_ASSERT_EQUAL(rows, 4);
	}
	arena_free(a);
}

static void shipped_figures_come_out(void)
{
	static const struct {
		const char *name;
		enum known known;
	} cases[] = {{"eplb-fresh", OWN}, {"eplb-stale", OTHER}};
	struct arena *a = arena_new();
	bool there = readable(counts_path(a));
	struct loads apart;

	if (there)
		loads_read(false, &apart);
	for (size_t i = 0; there && i < sizeof cases / sizeof *cases; i++) {
		struct config *c = config_new();
		struct err e = {0};

		CU_ASSERT_EQUAL(config_section(c, SECTION_ROUTING, cases[i].name, &e), RC_OK);
		CU_ASSERT_DOUBLE_EQUAL(c->routing.rank_max_mean_ratio,
		                       median(&apart, cases[i].known, 9), 0.005); /* two digits */
		config_free(c);
	}
	arena_free(a);
}

/* Old statistics with replicas can be worse than no placement at all; fresh ones never are here. */
static void stale_can_be_worse_than_none(void)
{
	struct arena *a = arena_new();
	bool there = readable(counts_path(a));
	int worse = 0;

	for (size_t i = 0; there && i < (size_t)LAYERS * DOMAINS; i++) {
		const char *run = domains[i % DOMAINS];
		int64_t layer = layers[i / DOMAINS];
		double none = rank_ratio(run, "", layer, 0, 0);

		worse += rank_ratio(run, "c4", layer, PLACEMENT_EPLB, 16) > none;
		AT_MOST(rank_ratio(run, "", layer, PLACEMENT_EPLB, 16), none, 0, "%s", run);
		AT_MOST(rank_ratio(run, "", layer, PLACEMENT_EPLB, 16), 1.03, 0, "%s", run);
	}
	CU_ASSERT(!there || worse > 0);
	arena_free(a);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"the known table comes out", known_table_comes_out},
	        {"the page is right", the_page_is_right},
	        {"shipped figures come out", shipped_figures_come_out},
	        {"stale can be worse than none", stale_can_be_worse_than_none},
	        {0},
	};

	return unit_main("placement_data", tests);
}
