/* The graph's storage: what is appended is what is read. */
#include <math.h>
#include <string.h>
#include "sim/graph.h"
#include "tests/graphs.h"
#include "tests/unit.h"

static void an_empty_graph_reads_as_any_other(void)
{
	struct graph *g = graph_new();
	graph_check(g);
	CU_ASSERT_EQUAL(g->n_activities, 0);
	CU_ASSERT_EQUAL(g->use_begin[0], 0);
	CU_ASSERT_EQUAL(g->pred_begin[0], 0);
	CU_ASSERT_EQUAL(g->rank_multiplicity_count, 1);
	graph_free(g);
	graph_free(NULL);
}

static void what_is_appended_is_read(void)
{
	struct graph *g = graph_new();
	uint32_t hbm = graph_resource(g, RES_HBM, 3, 8);
	uint32_t out = graph_resource(g, RES_EGRESS, 4, 2);
	struct use uses[] = {{out, 1}, {hbm, 2.5}};
	uint32_t after[] = {0};
	graph_append(g, &(struct activity){.label = "a", .latency_s = 1});
	struct activity a = {.label = "b",
	                     .rank = 7,
	                     .work_units = 5,
	                     .share_count = 3,
	                     .cap_per_s = 4,
	                     .uses = uses,
	                     .n_uses = 2,
	                     .after = after,
	                     .n_after = 1};
	CU_ASSERT_EQUAL(graph_append(g, &a), 1);
	graph_check(g);
	CU_ASSERT_EQUAL(g->kind[out], RES_EGRESS);
	CU_ASSERT_EQUAL(g->owner[out], 4);
	CU_ASSERT_EQUAL(g->capacity_per_s[hbm], 8);
	CU_ASSERT_EQUAL(g->work_units[1], 5);
	CU_ASSERT_EQUAL(g->rank[1], 7);
	CU_ASSERT_EQUAL(g->share_count[0], 1);
	CU_ASSERT_EQUAL(g->share_count[1], 3);
	CU_ASSERT_TRUE(isinf(g->cap_per_s[0]));
	CU_ASSERT_EQUAL(g->cap_per_s[1], 4);
	CU_ASSERT_EQUAL(g->use_begin[1], 0);
	CU_ASSERT_EQUAL(g->use_begin[2], 2);
	CU_ASSERT_EQUAL(g->use_resource[1], hbm);
	CU_ASSERT_EQUAL(g->use_weight_ratio[1], 2.5);
	CU_ASSERT_EQUAL(g->pred_begin[2], 1);
	CU_ASSERT_EQUAL(g->pred[0], 0);
	graph_free(g);
}

static void repeated_predecessors_are_dropped_and_uses_added(void)
{
	struct graph *g = graph_new();
	uint32_t r[] = {graph_resource(g, RES_OTHER, 0, 1), graph_resource(g, RES_OTHER, 1, 1)};
	struct use uses[] = {{r[1], 1}, {r[0], 2}, {r[1], 3}};
	uint32_t after[] = {1, 0, 1, 1, 0};
	for (int k = 0; k < 2; k++)
		graph_append(g, &(struct activity){.label = "a", .uses = uses, .n_uses = 1});
	struct activity a = {.label = "a", .uses = uses, .n_uses = 3, .after = after, .n_after = 5};
	for (int k = 0; k < 2; k++) {
		uint32_t i = graph_append(g, &a);
		size_t u = g->use_begin[i], p = g->pred_begin[i];
		CU_ASSERT_EQUAL(g->use_begin[i + 1] - u, 2);
		CU_ASSERT_EQUAL(g->use_resource[u], r[1]);
		CU_ASSERT_EQUAL(g->use_weight_ratio[u], 4);
		CU_ASSERT_EQUAL(g->use_resource[u + 1], r[0]);
		CU_ASSERT_EQUAL(g->pred_begin[i + 1] - p, 2);
		CU_ASSERT_EQUAL(g->pred[p], 1);
		CU_ASSERT_EQUAL(g->pred[p + 1], 0);
	}
	graph_check(g);
	graph_free(g);
}

static void labels_are_one_by_text(void)
{
	char same[] = "dispatch.put"; /* the text of another literal, elsewhere */
	struct graph *g = graph_new();
	const char *labels[] = {"dispatch.put", "combine.get", same, "dispatch.put", "combine.get"};
	for (int k = 0; k < 5; k++)
		graph_append(g, &(struct activity){.label = labels[k]});
	CU_ASSERT_EQUAL(g->n_labels, 2);
	CU_ASSERT_EQUAL(g->label[0], g->label[2]);
	CU_ASSERT_EQUAL(g->label[0], g->label[3]);
	CU_ASSERT_EQUAL(g->label[1], g->label[4]);
	UNIT_TEXT(g->label_text[g->label[4]], "combine.get");
	graph_check(g);
	graph_free(g);
}

/* A graph that was cleared is as good as new, and its memory stays. */
static void a_cleared_graph_is_as_new(void)
{
	struct rng a, b;
	struct graph *used = graph_new();
	rng_init(&a, 1, 0);
	for (int k = 0; k < 20; k++) {
		b = a;
		struct graph *fresh = random_graph(&a, ALL_FEATURES, 200);
		graph_clear(used);
		random_graph_into(used, &b, ALL_FEATURES, 200);
		graph_check(used);
		CU_ASSERT_EQUAL(used->n_uses, fresh->n_uses);
		CU_ASSERT_EQUAL(used->n_preds, fresh->n_preds);
		CU_ASSERT_EQUAL(memcmp(used->pred, fresh->pred, fresh->n_preds * sizeof(uint32_t)),
		                0);
		CU_ASSERT_EQUAL(memcmp(used->use_weight_ratio, fresh->use_weight_ratio,
		                       fresh->n_uses * sizeof(double)),
		                0);
		graph_free(fresh);
	}
	size_t room = used->use_room;
	graph_clear(used);
	CU_ASSERT_EQUAL(used->use_room, room);
	graph_check(used);
	graph_free(used);
}

static void loads_are_weight_times_work(void)
{
	struct graph *g = graph_new();
	double loads[3], by_kind[RESOURCE_KINDS];
	uint32_t hbm0 = graph_resource(g, RES_HBM, 0, 1), hbm1 = graph_resource(g, RES_HBM, 1, 1);
	uint32_t out = graph_resource(g, RES_EGRESS, 0, 1);
	struct use uses[] = {{hbm0, 2}, {out, 1}, {hbm1, 0.5}};
	graph_append(g,
	             &(struct activity){.label = "a", .work_units = 3, .uses = uses, .n_uses = 3});
	graph_append(g,
	             &(struct activity){.label = "b", .work_units = 1, .uses = uses, .n_uses = 1});
	graph_loads(g, loads);
	CU_ASSERT_EQUAL(loads[hbm0], 8);
	CU_ASSERT_EQUAL(loads[hbm1], 1.5);
	CU_ASSERT_EQUAL(loads[out], 3);
	graph_loads_by_kind(g, by_kind);
	CU_ASSERT_EQUAL(by_kind[RES_HBM], 9.5);
	CU_ASSERT_EQUAL(by_kind[RES_EGRESS], 3);
	CU_ASSERT_EQUAL(by_kind[RES_INGRESS], 0);
	graph_free(g);
}

static void kinds_have_names_of_their_own(void)
{
	for (int a = 0; a < RESOURCE_KINDS; a++)
		for (int b = 0; b < a; b++)
			CU_ASSERT_STRING_NOT_EQUAL(resource_kind_name((enum resource_kind)a),
			                           resource_kind_name((enum resource_kind)b));
	UNIT_TEXT(resource_kind_name(RES_EGRESS), "fabric.egress");
}

static void append_alone(struct activity a)
{
	struct graph *g = graph_new();
	graph_resource(g, RES_OTHER, 0, 1);
	a.label = "a";
	graph_append(g, &a);
	graph_free(g);
}

static void append_work_without_use(void)
{
	append_alone((struct activity){.work_units = 1});
}

static void append_before_its_predecessor(void)
{
	append_alone((struct activity){.after = (uint32_t[]){0}, .n_after = 1});
}

static void append_use_of_no_resource(void)
{
	append_alone((struct activity){.uses = &(struct use){1, 1}, .n_uses = 1});
}

static void append_use_without_weight(void)
{
	append_alone((struct activity){.uses = &(struct use){0, 0}, .n_uses = 1});
}

static void append_endless_work(void)
{
	append_alone((struct activity){.work_units = INFINITY, .cap_per_s = 1});
}

static void mistakes_abort(void)
{
	append_alone((struct activity){.work_units = 1, .cap_per_s = 1});
	append_alone((struct activity){.uses = &(struct use){0, 1}, .n_uses = 1});
	CU_ASSERT_TRUE(unit_aborts(append_work_without_use));
	CU_ASSERT_TRUE(unit_aborts(append_before_its_predecessor));
	CU_ASSERT_TRUE(unit_aborts(append_use_of_no_resource));
	CU_ASSERT_TRUE(unit_aborts(append_use_without_weight));
	CU_ASSERT_TRUE(unit_aborts(append_endless_work));
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"an empty graph reads as any other", an_empty_graph_reads_as_any_other},
	        {"what is appended is read", what_is_appended_is_read},
	        {"repeats", repeated_predecessors_are_dropped_and_uses_added},
	        {"labels are one by text", labels_are_one_by_text},
	        {"a cleared graph is as new", a_cleared_graph_is_as_new},
	        {"loads are weight times work", loads_are_weight_times_work},
	        {"kinds have names of their own", kinds_have_names_of_their_own},
	        {"mistakes abort", mistakes_abort},
	        {0},
	};
	return unit_main("graph", tests);
}
