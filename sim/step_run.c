/* From graphs to the time of a step. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/kernel.h"
#include "sim/step_pipeline.h"
#include "sim/step_tokens.h"

/* One priced graph: its makespan and what each phase owns of it. */
struct priced {
	double makespan_s;
	double idle_s; /* of that, in the mean over ranks, after their own ends; 0 where the next
	                  step starts on all at once */
	double phase_s[MOST_STEP_PHASES];
};

static size_t phase_of(const char *label)
{
	size_t length = strcspn(label, ".");

	for (size_t i = 0; step_phases[i]; i++) {
		if (strlen(step_phases[i]) == length && memcmp(step_phases[i], label, length) == 0)
			return i;
	}
	CHECK(!"a label without a phase");
	return 0;
}

struct step_scratch {
	struct graph *graph;
	struct timeline timeline;
	double *label_s;
	size_t label_room;
};

struct step_scratch *step_scratch_new(void)
{
	struct step_scratch *s = heap_zeroed(1, sizeof *s);

	s->graph = graph_new();
	timeline_init(&s->timeline);
	return s;
}

void step_scratch_free(struct step_scratch *s)
{
	if (!s)
		return;
	graph_free(s->graph);
	timeline_fini(&s->timeline);
	free(s->label_s);
	free(s);
}

/* From the ends of a graph's ranks, which its last activity waits for, to that one's. */
static double mean_idle_s(const struct graph *g, const struct timeline *t)
{
	uint32_t last = g->n_activities - 1, begin = g->pred_begin[last],
	         end = g->pred_begin[last + 1];
	double sum_s = 0;

	for (uint32_t k = begin; k < end; k++)
		sum_s += t->finish_s[last] - t->finish_s[g->pred[k]];
	return sum_s / (double)(end - begin);
}

/* Prices the scratch's graph. */
static enum rc price(const struct step_request *q, struct step_scratch *s, struct priced *out,
                     struct err *e)
{
	const struct graph *g = s->graph;

	TRY(q->engine->run(g, &q->engine_options, &s->timeline, e));
	*out = (struct priced){.makespan_s = s->timeline.makespan_s};
	if (g->n_labels > s->label_room) {
		s->label_room = g->n_labels;
		s->label_s = heap_resize(s->label_s, s->label_room, sizeof *s->label_s);
	}
	timeline_by_label(g, &s->timeline, s->label_s);
	for (uint32_t i = 0; i < g->n_labels; i++)
		out->phase_s[phase_of(g->label_text[i])] += s->label_s[i];
	return RC_OK;
}

static enum rc price_layers(const struct step_request *q, int64_t n_layers, struct priced *out,
                            struct imbalance *imbalance, struct err *e)
{
	struct step_scratch *s = q->scratch;
	struct topology t;

	graph_clear(s->graph);
	TRY(step_graph(q, n_layers, s->graph, &t, imbalance, e));
	TRY(price(q, s, out, e));
	if (q->flow->ranks_apart)
		out->idle_s = mean_idle_s(s->graph, &s->timeline);
	return RC_OK;
}

/* interval_s: less than step_s by so much, until run_all() adds that. */
static void add_scaled(struct step_result *out, const struct priced *p, double times)
{
	out->step_s += times * p->makespan_s;
	out->interval_s -= times * p->idle_s;
	for (size_t i = 0; i < MOST_STEP_PHASES; i++)
		out->phase_s[i] += times * p->phase_s[i];
}

/* Layers with a dense MLP, and the head: no exchange, so one rank stands for all. */
static enum rc price_ops(const struct step_request *q, const struct op *ops, size_t n,
                         struct priced *out, struct err *e)
{
	struct graph *g = q->scratch->graph;
	struct topology t;
	uint32_t start;

	graph_clear(g);
	topology_init(&t, q->machine, 1, 0, true, g);
	start = graph_append(g, &(struct activity){.label = "attention.start"});
	ops_append(g, &t, ops, n, 0, start);
	return price(q, q->scratch, out, e);
}

static enum rc dense_layer(const struct step_request *q, double context_ratio, struct priced *out,
                           struct err *e)
{
	struct tokens t = tokens_of_step(q, context_ratio);
	struct op ops[2 * MOST_OPS];
	size_t n = ops_attention(q->machine, q->model, q->schedule, &t, ops);

	n += ops_dense(q->machine, q->model, q->schedule, &t, ops + n);
	return price_ops(q, ops, n, out, e);
}

/* The last to come through them is who has most context. */
static enum rc add_dense_layers(const struct step_request *q, struct step_result *out,
                                struct err *e)
{
	struct priced last, mean;

	if (q->model->dense_layers == 0 || model_is_dense(q->model))
		return RC_OK;
	TRY(dense_layer(q, context_most_ratio(q), &last, e));
	if (q->flow->ranks_apart && contexts_differ(q)) {
		TRY(dense_layer(q, 1, &mean, e));
		last.idle_s = last.makespan_s - mean.makespan_s;
	}
	add_scaled(out, &last, (double)q->model->dense_layers);
	return RC_OK;
}

static enum rc add_head(const struct step_request *q, struct step_result *out, struct err *e)
{
	double logits = q->phase == PHASE_DECODE ? q->query_count : q->sequences_count;
	struct op ops[MOST_OPS];
	struct priced p;
	size_t n = ops_head(q->machine, q->model, q->schedule, logits / (double)q->schedule->tp,
	                    step_head_shards_count(q), ops);

	TRY(price_ops(q, ops, n, &p, e));
	add_scaled(out, &p, 1);
	return RC_OK;
}

static enum rc add_moe_layers(const struct step_request *q, struct step_result *out, struct err *e)
{
	enum { RAMP = 2, STEADY = 4 };
	int64_t layers = model_is_dense(q->model) ? q->model->layers
	                                          : q->model->layers - q->model->dense_layers;
	struct priced one, few, more;
	double steady;

	if (layers == 0)
		return RC_OK;
	if (q->schedule->micro_batches == 1 && !q->flow->carries_over) {
		TRY(price_layers(q, 1, &one, &out->imbalance, e));
		out->layer_s = one.makespan_s;
		add_scaled(out, &one, (double)layers);
		return RC_OK;
	}
	/* work that is carried over may take many layers to become even */
	if (layers <= STEADY || q->flow->carries_over) {
		TRY(price_layers(q, layers, &one, &out->imbalance, e));
		out->layer_s = one.makespan_s / (double)layers;
		add_scaled(out, &one, 1);
		return RC_OK;
	}
	TRY(price_layers(q, RAMP, &few, &out->imbalance, e));
	TRY(price_layers(q, STEADY, &more, NULL, e));
	steady = (double)(layers - STEADY) / (STEADY - RAMP);
	add_scaled(out, &more, 1 + steady);
	add_scaled(out, &few, -steady);
	out->layer_s = (more.makespan_s - few.makespan_s) / (STEADY - RAMP);
	return RC_OK;
}

/* What kernels take beyond the parameters, see struct machine. */
static double excess_ratio(const struct step_request *q, enum exchange_op op)
{
	const struct machine *m = q->machine;
	double known_ratio;

	if (kernel_known(m, q->schedule, q->phase, op, &known_ratio))
		return 0; /* nothing is left to guess of it */
	return op == OP_DISPATCH ? m->dispatch_excess_ratio : m->combine_excess_ratio;
}

static void add_excess(const struct step_request *q, struct step_result *r)
{
	for (size_t i = 0; step_phases[i]; i++) {
		bool dispatch = strcmp(step_phases[i], "dispatch") == 0;
		bool combine = strcmp(step_phases[i], "combine") == 0;
		double excess_s = r->phase_s[i] * (dispatch  ? excess_ratio(q, OP_DISPATCH)
		                                   : combine ? excess_ratio(q, OP_COMBINE)
		                                             : 0);

		r->phase_s[i] += excess_s, r->step_s += excess_s;
	}
}

/* Each guess of a decode step runs one more layer (of MTP) and the head. */
static void add_drafts(const struct step_request *q, struct step_result *r)
{
	if (q->drafts == 0)
		return;
	r->drafts_s = (double)q->drafts * (r->layer_s + r->phase_s[phase_of("head")]);
	r->step_s += r->drafts_s;
}

static enum rc run_all(const struct step_request *q, struct step_result *out, struct err *e)
{
	struct step_result r = {.imbalance = {1, 1}};

	TRY(add_dense_layers(q, &r, e));
	TRY(add_moe_layers(q, &r, e));
	if (!q->stage || q->stage->last)
		TRY(add_head(q, &r, e));
	add_excess(q, &r);
	add_drafts(q, &r);
	r.interval_s += r.step_s;
	*out = r;
	return RC_OK;
}

enum rc step_run(const struct step_request *q, struct step_result *out, struct err *e)
{
	struct step_request own = *q;
	enum rc rc;

	if (q->scratch)
		return q->schedule->pp > 1 ? pipeline_run(q, out, e) : run_all(q, out, e);
	own.scratch = step_scratch_new();
	rc = step_run(&own, out, e);
	step_scratch_free(own.scratch);
	return rc;
}
