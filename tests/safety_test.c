/* Every flow is safe: proven by the checker, and run on real rows in many orders. And what the
 * checker itself can and cannot do. */
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "tests/exchange.h"
#include "tests/rehearsals.h"
#include "tests/unit.h"

static const char *const machines[] = {
        "node:1 die:64",
        "node:4 die:16 package:2 fabric:100GBps",
        "node:8 die:8 rdma:25GBps",
};

/* Shows what is wrong, and returns whether all is well. */
static bool is_clean(const struct rehearsal *q, const struct rehearsed *x)
{
	struct check c;
	char name[200], text[400];
	bool clean;

	check_run(x->graph, &x->record, SIZE_MAX, &c);
	clean = c.n_conflicts == 0;
	if (!clean) {
		snprintf(text, sizeof text, "%s: %s", rehearsal_text(q, name, sizeof name),
		         conflict_kind_name(c.conflict[0].kind));
		CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
	}
	check_fini(&c);
	return clean;
}

static bool runs_right(const struct rehearsal *q, const struct rehearsed *x, int64_t runs)
{
	struct execution *e = execution_new(x->graph, &x->record, q->layers);
	char name[200], text[400];
	bool right = true;

	for (int64_t i = 0; i < runs && right; i++) {
		struct outcome o = execution_run(e, (uint64_t)i, i % 2 ? PICK_PRIORITY : PICK_EVEN,
		                                 UINT32_MAX, UINT32_MAX, SIZE_MAX);

		right = !o.stuck && o.wrong_rows == 0 && o.stray_writes == 0;
		if (right)
			continue;
		snprintf(text, sizeof text, "%s, order %lld: %s, %lld rows wrong, %lld stray",
		         rehearsal_text(q, name, sizeof name), (long long)i,
		         o.stuck ? "stuck" : "ended", (long long)o.wrong_rows,
		         (long long)o.stray_writes);
		CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
	}
	execution_free(e);
	return right;
}

/* All flows in both phases, with every kind of routing, on several machines; the count of cases
 * that applied. */
static int64_t walk_placed(const struct placement_spec *placement, int64_t ep, int64_t experts,
                           int64_t tokens, int64_t runs)
{
	int64_t cases = 0;

	for (size_t m = 0; m < sizeof machines / sizeof *machines; m++) {
		struct stage_set s;

		stage_set_init(&s, machines[m], experts, 3);
		for (size_t i = 0; i < flows_count() * PHASES * SKEWS; i++) {
			struct rehearsal q = rehearsal_of(&s, flows[i / (PHASES * SKEWS)],
			                                  (enum phase)(i / SKEWS % PHASES), ep,
			                                  tokens, (enum skew)(i % SKEWS));
			struct rehearsed x;
			const char *why;

			q.dispatch = i % 3 ? DTYPE_INT8 : DTYPE_BF16;
			q.placement = *placement;
			if (!rehearse(&q, &x, &why))
				continue;
			if (is_clean(&q, &x))
				runs_right(&q, &x, runs);
			rehearsed_fini(&x);
			cases++;
		}
		stage_set_fini(&s);
	}
	return cases;
}

static int64_t walk(int64_t ep, int64_t experts, int64_t tokens, int64_t runs)
{
	return walk_placed(&(struct placement_spec){0}, ep, experts, tokens, runs);
}

/* Rows go to replicas, and come out as the plain layer of the experts that slots hold. */
static void replicas_are_safe(void)
{
	static const struct placement_spec even = {PLACEMENT_EPLB, 4, 0, REPLICAS_EVEN};
	static const struct placement_spec near = {PLACEMENT_EPLB, 8, 0, REPLICAS_NEAREST};
	static const struct placement_spec shared = {PLACEMENT_EPLB, 2, 2, REPLICAS_EVEN};
	int64_t applied = walk(4, 8, 3, 1);

	CU_ASSERT_EQUAL(walk_placed(&even, 4, 8, 3, 6), applied);
	CU_ASSERT_EQUAL(walk_placed(&near, 8, 8, 3, 6), applied);
	CU_ASSERT_EQUAL(walk_placed(&shared, 6, 8, 3, 6), applied);
}

static void small_groups_are_safe(void)
{
	CU_ASSERT_TRUE(walk(1, 4, 3, 20) > 0);
	CU_ASSERT_TRUE(walk(2, 8, 3, 20) > 0);
	CU_ASSERT_TRUE(walk(4, 8, 3, 20) > 0);
	CU_ASSERT_TRUE(walk(6, 12, 3, 10) > 0);
	CU_ASSERT_TRUE(walk(8, 16, 2, 10) > 0);
}

static void no_tokens_are_safe(void)
{
	CU_ASSERT_TRUE(walk(4, 8, 0, 2) > 0);
}

/* False when the option has no such choice. */
static bool option_set(struct flow_options *o, enum flow_option option, int value)
{
	flow_option_set(o, option, value);
	return value <= (option == OPTION_DEDUP ? 3 : 2);
}

/* Whatever a flow lets its user choose, it is safe and right. */
static void options_are_safe(void)
{
	int64_t cases = 0;

	for (size_t m = 0; m < sizeof machines / sizeof *machines; m++) {
		struct stage_set s;

		stage_set_init(&s, machines[m], 24, 3);
		for (size_t i = 0; i < flows_count() * PHASES * FLOW_OPTIONS * 3; i++) {
			enum flow_option option = (enum flow_option)(i / 3 % FLOW_OPTIONS);
			size_t f = i / 3 / FLOW_OPTIONS;
			struct rehearsal q =
			        rehearsal_of(&s, flows[f / PHASES], (enum phase)(f % PHASES), 24, 2,
			                     (enum skew)(i % SKEWS));
			struct rehearsed x;
			const char *why;

			if (!(q.flow->options >> option & 1) ||
			    !option_set(&q.options, option, (int)(i % 3) + 1) ||
			    !rehearse(&q, &x, &why))
				continue;
			if (is_clean(&q, &x))
				runs_right(&q, &x, 2);
			rehearsed_fini(&x);
			cases++;
		}
		stage_set_fini(&s);
	}
	CU_ASSERT_TRUE(cases > 0);
}

/* The two waits that the published prefill kernel leaves to its surroundings: before the counts are
 * pulled, before the outputs are read. */
static void the_two_gaps_are_found(void)
{
	static const struct {
		const char *wait, *buffer;
	} gaps[] = {{"dispatch.layout.flags", "own counts"},
	            {"combine.barrier.barrier#1", "expert output"}};
	struct stage_set s;

	stage_set_init(&s, "node:1 die:4", 8, 3);
	for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
		struct rehearsal q = rehearsal_of(&s, &flow_direct, PHASE_PREFILL, 4, 3, SKEW_EVEN);
		struct rehearsed x;
		struct check c;
		const char *why;
		char name[128];
		bool found = false;

		for (q.drop = 0; q.drop < 20; q.drop++) {
			CU_ASSERT_TRUE_FATAL(rehearse(&q, &x, &why));
			sync_name(&x.record, (uint32_t)q.drop, name, sizeof name);
			if (strcmp(name, gaps[i].wait) == 0)
				break;
			rehearsed_fini(&x);
		}
		CU_ASSERT_STRING_EQUAL(name, gaps[i].wait);
		check_run(x.graph, &x.record, SIZE_MAX, &c);
		for (size_t j = 0; j < c.n_conflicts; j++) {
			const struct cell *cell = &x.record.cell[c.conflict[j].cell];

			found |= c.conflict[j].kind == CONFLICT_READ_WRITE &&
			         strcmp(x.record.buffer[cell->buffer].name, gaps[i].buffer) == 0;
		}
		CU_ASSERT_TRUE(found);
		check_fini(&c);
		rehearsed_fini(&x);
	}
	stage_set_fini(&s);
}

static size_t conflicts_count(const struct rehearsal *q)
{
	struct rehearsed x;
	struct check c;
	const char *why;
	size_t n;

	CU_ASSERT_TRUE_FATAL(rehearse(q, &x, &why));
	check_run(x.graph, &x.record, SIZE_MAX, &c);
	n = c.n_conflicts;
	check_fini(&c);
	rehearsed_fini(&x);
	return n;
}

/* Words that others write for the next layer while some still read this layer's. */
static void counts_must_alternate(void)
{
	struct stage_set s;

	stage_set_init(&s, "node:1 die:4", 8, 3);
	for (enum turns_rule rule = TURNS_AS_STATED; rule <= TURNS_NEVER; rule++) {
		struct rehearsal direct =
		        rehearsal_of(&s, &flow_direct, PHASE_DECODE, 4, 3, SKEW_EVEN);
		struct rehearsal relay =
		        rehearsal_of(&s, &flow_relay2, PHASE_DECODE, 4, 3, SKEW_EMPTY);

		direct.turns_rule = relay.turns_rule = rule;
		CU_ASSERT_EQUAL(conflicts_count(&direct) == 0, rule == TURNS_AS_STATED);
		CU_ASSERT_EQUAL(conflicts_count(&relay) == 0, rule == TURNS_AS_STATED);
	}
	stage_set_fini(&s);
}

/* One flow with one wait's flags not set. Returns the number of its waits, 0: it does not apply;
 * counts those with flags. */
static uint32_t without_flags(const struct rehearsal *q, int64_t *tried)
{
	struct rehearsed x;
	struct execution *e;
	struct check c;
	const char *why;
	bool has_flags = false, deadlock = false;
	uint32_t n_syncs;

	if (!rehearse(q, &x, &why))
		return 0;
	n_syncs = x.record.n_syncs;
	for (size_t j = 0; j < x.record.n_waits; j++)
		has_flags |= x.record.wait[j].sync == q->unset && x.record.wait[j].count > 0;
	check_run(x.graph, &x.record, SIZE_MAX, &c);
	for (size_t j = 0; j < c.n_conflicts; j++)
		deadlock |= c.conflict[j].kind == CONFLICT_DEADLOCK;
	CU_ASSERT_EQUAL(deadlock, has_flags);
	e = execution_new(x.graph, &x.record, q->layers);
	CU_ASSERT_EQUAL(execution_run(e, 0, PICK_EVEN, UINT32_MAX, UINT32_MAX, SIZE_MAX).stuck,
	                has_flags);
	*tried += has_flags;
	execution_free(e);
	check_fini(&c);
	rehearsed_fini(&x);
	return n_syncs;
}

/* With any wait's flags not set, its flow hangs: the checker says so, and so does a run. */
static void unset_flags_hang(void)
{
	struct stage_set s;
	int64_t tried = 0;

	stage_set_init(&s, "node:2 die:2 fabric:100GBps", 8, 3);
	for (size_t i = 0; i < flows_count() * PHASES; i++) {
		struct rehearsal q = rehearsal_of(&s, flows[i / PHASES], (enum phase)(i % PHASES),
		                                  4, 3, SKEW_EVEN);
		uint32_t n_syncs = 1;

		for (q.unset = 0; q.unset < n_syncs; q.unset++)
			n_syncs = without_flags(&q, &tried);
	}
	CU_ASSERT_TRUE(tried > 0);
	stage_set_fini(&s);
}

/* ---- the checker against a plain search for paths, on random graphs and accesses ---- */

enum { NODES = 60 };

static bool path(const struct graph *g, uint32_t from, uint32_t to)
{
	if (from == to)
		return true;
	for (size_t k = g->pred_begin[to]; k < g->pred_begin[to + 1]; k++) {
		if (g->pred[k] >= from && path(g, from, g->pred[k]))
			return true;
	}
	return false;
}

static bool has_race(const struct graph *g, const struct record *r)
{
	for (size_t i = 0; i < r->n_effects; i++) {
		const struct effect *w = &r->effect[i];

		for (size_t j = 0; j < r->n_effects; j++) {
			const struct effect *o = &r->effect[j];
			bool touches = o->cell == w->cell;

			for (uint32_t k = 0; k < o->n_readings; k++)
				touches |= r->reading[o->first_reading + k].cell == w->cell;
			if (o->activity != w->activity && touches &&
			    !path(g, w->activity, o->activity) &&
			    !path(g, o->activity, w->activity))
				return true;
		}
	}
	return false;
}

static struct graph *random_graph(struct rng *r)
{
	struct graph *g = graph_new();

	for (uint32_t i = 0; i < NODES; i++) {
		uint32_t after[3], n = 0;

		for (int k = 0; k < 3 && i > 0; k++)
			after[n++] = i - 1 - (uint32_t)rng_below(r, i < 6 ? i : 6);
		graph_append(g, &(struct activity){
		                        .label = "dispatch.any", .after = after, .n_after = n});
	}
	return g;
}

static void the_checker_finds_what_a_search_finds(void)
{
	static const struct place place = {.buffer = "rows", .layout = LAYOUT_TOKEN};
	int64_t races = 0;

	for (uint64_t seed = 0; seed < 400; seed++) {
		int64_t first[2] = {0, 12};
		uint32_t expert[12] = {0};
		struct choices choices = {.n_ranks = 1, .top_k = 1, first, expert};
		struct rows rows;
		struct record record;
		struct rng r;
		struct graph *g;
		struct check c;
		bool found = false;

		rng_init(&r, 5, seed);
		g = random_graph(&r);
		rows_init(&rows, &choices, 1, 1);
		record_init(&record, &rows);
		for (int i = 0; i < 14; i++) {
			struct item x = {(int64_t)rng_below(&r, 12), 0, 0};

			record_row(&record, (uint32_t)rng_below(&r, NODES),
			           rng_below(&r, 2) ? EFFECT_INPUT : EFFECT_COPY, UNIT_TOKEN, true,
			           &x, rng_below(&r, 2) ? &place : NULL, &place, 0);
		}
		check_run(g, &record, SIZE_MAX, &c);
		for (size_t i = 0; i < c.n_conflicts; i++)
			found |= c.conflict[i].kind <= CONFLICT_READ_WRITE &&
			         c.conflict[i].first != c.conflict[i].second;
		CU_ASSERT_EQUAL(found, has_race(g, &record));
		races += found;
		check_fini(&c);
		record_fini(&record);
		rows_fini(&rows);
		graph_free(g);
	}
	CU_ASSERT_TRUE(races > 50 && races < 350); /* both answers were asked for */
}

static const struct unit_test tests[] = {
        {"small groups are safe", small_groups_are_safe},
        {"replicas are safe", replicas_are_safe},
        {"no tokens are safe", no_tokens_are_safe},
        {"options are safe", options_are_safe},
        {"the two gaps are found", the_two_gaps_are_found},
        {"counts must alternate", counts_must_alternate},
        {"unset flags hang", unset_flags_hang},
        {"the checker finds what a search finds", the_checker_finds_what_a_search_finds},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("safety", tests);
}
