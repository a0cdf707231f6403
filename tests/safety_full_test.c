/* ctest: full 900 */
/* Large groups; a thousand orders of every flow; and every edge of every flow deleted in turn:
 * whatever a run on real rows can turn into wrong data, the checker must have found. */
#include <stdlib.h>
#include <string.h>
#include "tests/exchange.h"
#include "tests/rehearsals.h"
#include "tests/unit.h"

static void large_groups_are_safe(void)
{
	static const struct {
		const char *machine;
		int64_t ep;
	} cases[] = {
	        {"node:4 die:16 package:2 fabric:100GBps", 32},
	        {"node:4 die:16 package:2 fabric:100GBps", 64},
	        {"node:8 die:8 rdma:25GBps", 64},
	};
	int64_t applied = 0;

	for (size_t i = 0; i < sizeof cases / sizeof *cases * SKEWS; i++) {
		struct stage_set s;

		stage_set_init(&s, cases[i / SKEWS].machine, 128, 4);
		for (size_t f = 0; f < flows_count() * PHASES; f++) {
			struct rehearsal q =
			        rehearsal_of(&s, flows[f / PHASES], (enum phase)(f % PHASES),
			                     cases[i / SKEWS].ep, 3, (enum skew)(i % SKEWS));
			struct rehearsed x;
			struct check c;
			const char *why;

			if (!rehearse(&q, &x, &why))
				continue;
			check_run(x.graph, &x.record, SIZE_MAX, &c);
			CU_ASSERT_EQUAL(c.n_conflicts, 0);
			check_fini(&c);
			rehearsed_fini(&x);
			applied++;
		}
		stage_set_fini(&s);
	}
	CU_ASSERT_TRUE(applied > 0);
}

/* Orders of one flow that did not end with the plain layer's rows; -1: it does not apply. */
static int64_t wrong_orders(const struct rehearsal *q, int64_t orders)
{
	struct execution *e;
	struct rehearsed x;
	const char *why;
	int64_t wrong = 0;

	if (!rehearse(q, &x, &why))
		return -1;
	e = execution_new(x.graph, &x.record, q->layers);
	for (int64_t run = 0; run < orders; run++) {
		struct outcome o =
		        execution_run(e, (uint64_t)run, run % 2 ? PICK_PRIORITY : PICK_EVEN,
		                      UINT32_MAX, UINT32_MAX, SIZE_MAX);

		wrong += o.stuck || o.wrong_rows > 0 || o.stray_writes > 0;
	}
	execution_free(e);
	rehearsed_fini(&x);
	return wrong;
}

/* Every flow and phase, with every kind of routing, within one address space and beyond. */
static void a_thousand_orders_end_alike(void)
{
	static const char *const machines[] = {"node:2 die:2 package:2 fabric:100GBps",
	                                       "node:2 die:2 rdma:25GBps"};
	enum { CASES = 2 * PHASES * SKEWS };
	size_t n_run = 0;

	for (size_t m = 0; m < 2; m++) {
		struct stage_set s;

		stage_set_init(&s, machines[m], 8, 3);
		for (size_t i = 0; i < flows_count() * PHASES * SKEWS; i++) {
			struct rehearsal q = rehearsal_of(&s, flows[i / (PHASES * SKEWS)],
			                                  (enum phase)(i / SKEWS % PHASES), 4, 3,
			                                  (enum skew)(i % SKEWS));
			int64_t wrong = wrong_orders(&q, 1000);

			if (wrong > 0)
				printf("\n    %s, %s, %s routing: %lld of 1000 wrong ",
				       q.flow->name, phase_names[q.phase], skew_names[q.skew],
				       (long long)wrong);
			CU_ASSERT_TRUE(wrong <= 0);
			n_run += wrong >= 0;
		}
		stage_set_fini(&s);
	}
	CU_ASSERT_TRUE(n_run > flows_count() * CASES / 2);
}

/* What became of the deletions of one flow's edges. */
struct tally {
	int64_t edges, found, breaking, missed;
};

/* Runs without the edge, its start put off and its end hurried. */
static bool breaks(struct execution *e, const struct graph *g, uint32_t to, size_t edge)
{
	enum { RUNS = 24 };

	for (uint64_t run = 0; run < RUNS; run++) {
		struct outcome o = execution_run(e, run, run % 4 ? PICK_PRIORITY : PICK_EVEN,
		                                 run % 3 ? g->pred[edge] : UINT32_MAX,
		                                 run % 2 ? to : UINT32_MAX, edge);

		if (o.stuck || o.wrong_rows > 0 || o.stray_writes > 0)
			return true;
	}
	return false;
}

static void delete_edges(const struct rehearsed *x, int64_t layers, struct tally *t)
{
	const struct graph *g = x->graph;
	struct execution *e = execution_new(g, &x->record, layers);

	for (uint32_t to = 0; to < g->n_activities; to++) {
		for (size_t edge = g->pred_begin[to]; edge < g->pred_begin[to + 1]; edge++) {
			struct check c;
			bool found, broken;

			check_run(g, &x->record, edge, &c);
			found = c.n_conflicts > 0;
			check_fini(&c);
			broken = breaks(e, g, to, edge);
			t->edges++, t->found += found, t->breaking += broken;
			t->missed += broken && !found;
		}
	}
	execution_free(e);
}

/* One flow under one kind of routing. Returns whether it applies. */
static bool flow_deletions(struct rehearsal *q, struct tally *t)
{
	struct rehearsed x;
	const char *why;

	*t = (struct tally){0};
	/* what outlives a layer meets itself again two layers on */
	q->layers = q->flow->carries_over ? 4 : 2;
	if (!rehearse(q, &x, &why))
		return false;
	delete_edges(&x, q->layers, t);
	rehearsed_fini(&x);
	return true;
}

static void deleted_edges_are_found(void)
{
	static const enum skew skews[] = {SKEW_EVEN, SKEW_EMPTY, SKEW_RAGGED};
	struct stage_set s;

	stage_set_init(&s, "node:3 die:1 fabric:100GBps", 6, 2);
	for (size_t i = 0; i < flows_count() * PHASES; i++) {
		int64_t edges = 0, found = 0, breaking = 0;

		for (size_t k = 0; k < sizeof skews / sizeof *skews; k++) {
			struct rehearsal q = rehearsal_of(&s, flows[i / PHASES],
			                                  (enum phase)(i % PHASES), 3, 2, skews[k]);
			struct tally t;

			if (!flow_deletions(&q, &t))
				continue;
			CU_ASSERT_EQUAL(t.missed, 0);
			CU_ASSERT_TRUE(t.breaking > 0 && t.breaking <= t.found);
			edges += t.edges, found += t.found, breaking += t.breaking;
		}
		if (edges > 0)
			printf("\n    %s, %s: %lld edges, %lld deletions are flagged, %lld were "
			       "turned into wrong data",
			       flows[i / PHASES]->name, phase_names[i % PHASES], (long long)edges,
			       (long long)found, (long long)breaking);
	}
	stage_set_fini(&s);
}

/* One flow without one of its waits: what a few orders turn into wrong data is flagged. False when
 * it does not apply; *n_waits of the flow. */
static bool wait_dropped(const struct rehearsal *q, uint32_t *n_waits, struct tally *t)
{
	struct rehearsed x;
	struct check c;
	const char *why;
	bool found, broken;
	char name[128];

	if (!rehearse(q, &x, &why))
		return false;
	*n_waits = x.record.n_syncs;
	check_run(x.graph, &x.record, SIZE_MAX, &c);
	found = c.n_conflicts > 0;
	check_fini(&c);
	rehearsed_fini(&x);
	broken = wrong_orders(q, 6) > 0;
	t->edges++, t->found += found, t->breaking += broken;
	if (broken && !found)
		printf("\n    %s, %s: wait %lld is missed, %s ", q->flow->name,
		       phase_names[q->phase], (long long)q->drop,
		       rehearsal_text(q, name, sizeof name));
	CU_ASSERT_FALSE(broken && !found);
	return true;
}

/* Every wait of every flow left out in turn, with few and with many experts on a rank: those that
 * start experts one by one have a wait for each. */
static void dropped_waits_are_found(void)
{
	static const int64_t experts[] = {8, 128};
	struct tally t = {0};

	for (size_t k = 0; k < 2; k++) {
		struct stage_set s;

		stage_set_init(&s, "node:2 die:2 fabric:100GBps", experts[k], 3);
		for (size_t i = 0; i < flows_count() * PHASES; i++) {
			struct rehearsal q =
			        rehearsal_of(&s, flows[i / PHASES], (enum phase)(i % PHASES), 4, 3,
			                     k ? SKEW_RAGGED : SKEW_EVEN);
			uint32_t n_waits = 1;

			for (q.drop = 0; q.drop < n_waits; q.drop++) {
				if (!wait_dropped(&q, &n_waits, &t))
					break;
			}
		}
		stage_set_fini(&s);
	}
	printf("\n    %lld waits left out, %lld flagged, %lld turned into wrong data ",
	       (long long)t.edges, (long long)t.found, (long long)t.breaking);
	CU_ASSERT_TRUE(t.breaking > 0 && t.breaking <= t.found);
}

static const struct unit_test tests[] = {
        {"large groups are safe", large_groups_are_safe},
        {"a thousand orders end alike", a_thousand_orders_end_alike},
        {"deleted edges are found", deleted_edges_are_found},
        {"dropped waits are found", dropped_waits_are_found},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("safety_full", tests);
}
