/* explain: what the critical path is made of, and what a faster resource would save. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "sim/explain.h"
#include "sim/step.h"
#include "unit.h"

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
}

static struct explanation explained(const struct graph *g)
{
	struct explanation x = {0};
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(explain(g, &engine_fluid, &(struct engine_options){0}, &x, &e),
	                      RC_OK);
	return x;
}

static uint32_t append(struct graph *g, const char *label, uint32_t rank, double work,
                       double latency_s, uint32_t resource, const uint32_t *after)
{
	struct use use = {resource, 1};

	return graph_append(g, &(struct activity){.label = label,
	                                          .rank = rank,
	                                          .work_units = work,
	                                          .latency_s = latency_s,
	                                          .uses = &use,
	                                          .n_uses = work > 0,
	                                          .after = after,
	                                          .n_after = after ? 1 : 0});
}

/* Two ranks share a link of 10: each would need 1 s alone, both take 2 s; then a flag of 1 s. */
static struct graph *two_share(void)
{
	struct graph *g = graph_new();
	uint32_t link = graph_resource(g, RES_INGRESS, 0, 10), put[2], flag;

	put[0] = append(g, "dispatch.put", 0, 10, 0.5, link, NULL);
	put[1] = append(g, "dispatch.put", 1, 10, 0.5, link, NULL);
	flag = graph_append(g, &(struct activity){.label = "dispatch.flags",
	                                          .latency_s = 1,
	                                          .is_sync = true,
	                                          .after = put,
	                                          .n_after = 2});
	(void)flag;
	return g;
}

static const struct explain_row *row_of(const struct explanation *x, const char *label)
{
	for (size_t i = 0; i < x->n_rows; i++) {
		if (strcmp(x->row[i].label, label) == 0)
			return &x->row[i];
	}
	return NULL;
}

static void test_losses_known(void)
{
	struct graph *g = two_share();
	struct explanation x = explained(g);
	const struct explain_row *put = row_of(&x, "dispatch.put");

	CU_ASSERT_TRUE(near(x.makespan_s, 3.5));
	CU_ASSERT_PTR_NOT_NULL_FATAL(put);
	CU_ASSERT_TRUE(near(put->path_s, 2.5));
	CU_ASSERT_TRUE(near(put->loss_s[LOSS_WORK], 1));
	CU_ASSERT_TRUE(near(put->loss_s[LOSS_CONTENTION], 1));
	CU_ASSERT_TRUE(near(put->loss_s[LOSS_LATENCY], 0.5));
	CU_ASSERT_TRUE(near(x.loss_s[LOSS_SYNC], 1));
	CU_ASSERT_EQUAL(put->busiest, RES_INGRESS);
	CU_ASSERT_TRUE(near(put->busiest_ratio, 2 / 2.5));
	explain_fini(&x);
	graph_free(g);
}

/* A rank's own transfers share its port: that is its work, not contention. */
static void test_own_port_is_work(void)
{
	struct graph *g = graph_new();
	uint32_t link = graph_resource(g, RES_EGRESS, 0, 10);
	struct explanation x;

	append(g, "dispatch.put", 0, 10, 0, link, NULL);
	append(g, "dispatch.put", 0, 10, 0, link, NULL);
	x = explained(g);
	CU_ASSERT_TRUE(near(x.loss_s[LOSS_WORK], 2));
	CU_ASSERT_EQUAL(x.loss_s[LOSS_CONTENTION], 0);
	explain_fini(&x);
	graph_free(g);
}

static double saved(const struct explanation *x, const char *what)
{
	for (size_t i = 0; i < x->n_gains; i++) {
		if (strcmp(x->gain[i].what, what) == 0)
			return x->gain[i].saved_ratio;
	}
	return NAN;
}

static void test_gains_known(void)
{
	struct graph *g = two_share();
	struct explanation x = explained(g);

	/* 2 s of the 3.5 are the link's, 1.5 s fixed */
	CU_ASSERT_TRUE(near(saved(&x, resource_kind_name(RES_INGRESS)), (2 - 2 / 1.1) / 3.5));
	CU_ASSERT_TRUE(near(saved(&x, "latency"), (1.5 - 1.5 / 1.1) / 3.5));
	CU_ASSERT_EQUAL(saved(&x, "caps"), 0);
	CU_ASSERT_TRUE(isnan(saved(&x, resource_kind_name(RES_CUBE))));
	for (size_t i = 1; i < x.n_gains; i++)
		CU_ASSERT_TRUE(x.gain[i - 1].saved_ratio >= x.gain[i].saved_ratio);
	explain_fini(&x);
	graph_free(g);
}

/* The shipped flows: parts sum to the makespan, the graph is not changed by asking. */
static void check_flow(const struct config *c, const struct flow *flow, enum phase phase)
{
	struct step_request q = {.machine = &c->machine,
	                         .model = &c->model,
	                         .schedule = &c->schedule,
	                         .routing = &c->routing,
	                         .flow = flow,
	                         .engine = &engine_fluid,
	                         .phase = phase,
	                         .sequences_count = 8,
	                         .query_count = 64};
	struct graph *g = graph_new();
	struct explanation x, again;
	struct topology t;
	struct err e = {0};
	double sum_s = 0, rows_s = 0;

	CU_ASSERT_EQUAL_FATAL(step_graph(&q, 1, g, &t, NULL, &e), RC_OK);
	x = explained(g);
	again = explained(g);
	for (enum loss l = 0; l < LOSSES; l++) {
		CU_ASSERT_TRUE(x.loss_s[l] >= 0);
		sum_s += x.loss_s[l];
	}
	for (size_t i = 0; i < x.n_rows; i++)
		rows_s += x.row[i].path_s;
	CU_ASSERT_TRUE(near(sum_s, x.makespan_s));
	CU_ASSERT_TRUE(near(rows_s, x.makespan_s));
	CU_ASSERT_EQUAL(x.makespan_s, again.makespan_s);
	CU_ASSERT_TRUE(x.gain[0].saved_ratio > 0);
	explain_fini(&x);
	explain_fini(&again);
	graph_free(g);
}

static void test_flows_sum(void)
{
	struct config *c = config_new();
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(config_section(c, SECTION_MACHINE,
	                                     "node:2 die:8 package:2 die_link:200GBps latency:1us",
	                                     &e),
	                      RC_OK);
	CU_ASSERT_EQUAL_FATAL(config_section(c, SECTION_MODEL, "qwen3-30b-a3b", &e), RC_OK);
	c->schedule.ep = 16;
	for (c->routing.kind = ROUTING_BALANCED; c->routing.kind <= ROUTING_UNIFORM;
	     c->routing.kind++) {
		for (size_t i = 0; flows[i]; i++) {
			check_flow(c, flows[i], PHASE_PREFILL);
			check_flow(c, flows[i], PHASE_DECODE);
		}
	}
	config_free(c);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"losses of a shared link", test_losses_known},
	        {"a rank's own port is its work", test_own_port_is_work},
	        {"gains of ten percent", test_gains_known},
	        {"parts of every flow sum to its time", test_flows_sum},
	        {0},
	};

	return unit_main("explain", tests);
}
