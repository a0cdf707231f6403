#include "sim/predict.h"
#include <stdlib.h>
#include <string.h>
#include "sim/engine.h"
#include "sim/flow_build.h"

struct predictor {
	struct graph *graph;
	struct timeline timeline;
	double *label_s;
	size_t label_room;
};

struct predictor *predictor_new(void)
{
	struct predictor *p = heap_zeroed(1, sizeof *p);

	p->graph = graph_new();
	timeline_init(&p->timeline);
	return p;
}

void predictor_free(struct predictor *p)
{
	if (!p)
		return;
	graph_free(p->graph);
	timeline_fini(&p->timeline);
	free(p->label_s);
	free(p);
}

/* What comes before the kernels of dispatch and combine. */
static const char *const before_kernel[] = {"dispatch.layout",   "dispatch.notify", "dispatch.host",
                                            "dispatch.quantise", "expert.finalize", NULL};

static bool is_before_kernel(const char *label)
{
	for (size_t i = 0; before_kernel[i]; i++) {
		if (strcmp(label, before_kernel[i]) == 0)
			return true;
	}
	return false;
}

/* What the critical path spends before the kernel. */
static double before_kernel_s(struct predictor *p)
{
	const struct graph *g = p->graph;
	double sum_s = 0;

	if (g->n_labels > p->label_room) {
		p->label_room = g->n_labels;
		p->label_s = heap_resize(p->label_s, p->label_room, sizeof *p->label_s);
	}
	memset(p->label_s, 0, g->n_labels * sizeof *p->label_s);
	timeline_by_label(g, &p->timeline, p->label_s);
	for (uint32_t i = 0; i < g->n_labels; i++)
		sum_s += is_before_kernel(g->label_text[i]) ? p->label_s[i] : 0;
	return sum_s;
}

static void op_build(struct predictor *p, const struct flow *flow, const struct flow_request *q,
                     enum exchange_op op)
{
	int64_t n_ranks = q->routing->n_ranks;
	bool symmetric = topology_can_be_symmetric(q->machine, n_ranks);
	struct topology t;
	struct flow_build b;
	uint32_t *at;

	graph_clear(p->graph);
	topology_init(&t, q->machine, n_ranks, flow_vector_cores(flow, q->machine, q->vector_cores),
	              symmetric, p->graph);
	at = heap_zeroed((size_t)t.n_built, sizeof *at);
	for (int64_t r = 0; r < t.n_built; r++)
		at[r] = graph_append(p->graph, &(struct activity){.label = "exchange.start",
		                                                  .rank = (uint32_t)r});
	flow_build_init(&b, p->graph, &t, q);
	(op == OP_DISPATCH ? flow->dispatch : flow->combine)(&b, at, at);
	flow_build_fini(&b);
	free(at);
}

static enum rc batch_predict(struct predictor *p, const struct flow *flow, struct flow_request *q,
                             const struct observation *o, double *out_s, struct err *e)
{
	struct engine_options exact = {0};
	const char *why;

	if (!flow_applies(flow, q, &why))
		return fail(e, RC_NO, "%s", why);
	op_build(p, flow, q, o->op);
	TRY(engine_fluid.run(p->graph, &exact, &p->timeline, e));
	*out_s = p->timeline.makespan_s - (o->notify ? 0 : before_kernel_s(p));
	return RC_OK;
}

/* The same dies, each a node of its own: all that leaves one goes by RDMA. */
static const struct machine *machine_apart(const struct machine *m, struct machine *out)
{
	*out = *m;
	out->nodes = machine_dies(m);
	out->packages_per_node = out->dies_per_package = 1;
	return out;
}

enum rc predict(struct predictor *p, const struct machine *m, const struct observation *o,
                double *out_s, struct err *e)
{
	const struct flow *flow = flow_find(o->flow, e);
	struct moe_model model = {.hidden = o->hidden,
	                          .experts = o->experts,
	                          .top_k = o->top_k,
	                          .groups = o->groups > 0 ? o->groups : 1,
	                          .top_groups = o->groups > 0 ? o->top_groups : 1};
	struct routing routing = {
	        .n_ranks = o->ep, .experts = o->experts, .balanced = true, .model = &model};
	struct machine apart;
	struct flow_request q = {
	        .machine = m,
	        .model = &model,
	        .routing = &routing,
	        .phase = o->phase,
	        .dispatch = o->dispatch,
	        .options = {.quantise = o->quantised_before ? QUANTISE_SEPARATE : QUANTISE_AUTO}};
	double sum_s = 0, s = 0;

	if (!flow)
		return e->rc;
	if (o->rdma_only)
		q.machine = machine_apart(m, &apart);
	q.vector_cores = flow_vector_cores(flow, m, o->vector_cores);
	for (size_t i = 0; i < o->n_batches; i++) {
		q.tokens = o->tokens[i];
		routing.tokens = q.tokens;
		routing.rows_per_rank_count = (double)(q.tokens * o->top_k);
		TRY(batch_predict(p, flow, &q, o, &s, e));
		sum_s += s;
	}
	*out_s = sum_s / (double)o->n_batches;
	return RC_OK;
}
