#include "sim/step_pipeline.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const step_phases[] = {"attention", "exchange", "gate", "dispatch", "expert",
                                   "combine",   "dense",    "head", NULL};

static int64_t ranks_of_group(const struct step_request *q)
{
	return q->schedule->ep;
}

static struct tokens tokens_of(const struct step_request *q)
{
	double parts = (double)q->schedule->micro_batches;
	struct tokens t = {.context_count = q->context_count};

	/* decode splits the batch's sequences, prefill the chunk's tokens (of one sequence) */
	t.query_count = q->query_count / parts;
	t.sequences_count =
	        fmax(1, q->phase == PHASE_DECODE ? q->sequences_count / parts : q->sequences_count);
	t.rank_count = t.query_count / (double)q->schedule->tp;
	t.expand_count = q->context_count * q->sequences_count / parts;
	/* a later part of a chunk sees the earlier ones: half of the rest, on average */
	if (q->phase == PHASE_PREFILL)
		t.context_count += (q->query_count - t.query_count) / 2 / t.sequences_count;
	return t;
}

static int64_t rank_tokens(const struct step_request *q)
{
	return (int64_t)ceil(tokens_of(q).rank_count);
}

static bool no(char *why_not, size_t size, const char *text)
{
	snprintf(why_not, size, "%s", text);
	return false;
}

static bool dense_possible(const struct step_request *q, char *why_not, size_t size)
{
	if (q->schedule->ep != q->schedule->tp || schedule_npus(q->schedule) != q->schedule->tp)
		return no(why_not, size,
		          "a model without experts has nothing to share beyond TP: EP = TP, DP 1");
	if (q->schedule->micro_batches > 1)
		return no(why_not, size, "micro-batches of a model without experts: not modelled");
	if (q->model->dense_inter % q->schedule->tp != 0)
		return no(why_not, size, "TP does not divide dense_inter");
	return true;
}

static bool shape_possible(const struct step_request *q, char *why_not, size_t size)
{
	const struct schedule *s = q->schedule;
	int64_t npus = schedule_npus(s);

	if (q->model->experts % s->ep != 0)
		return no(why_not, size, "EP does not divide the number of experts");
	if (s->ep % s->tp != 0) /* a group lies within the ranks that share the experts */
		return no(why_not, size, "TP does not divide EP");
	if (npus % s->ep != 0)
		return no(why_not, size, "EP does not divide TP x DP");
	if (npus > machine_dies(q->machine))
		return no(why_not, size, "more NPUs than the machine has");
	if (q->model->attention.heads % s->tp != 0)
		return no(why_not, size, "TP does not divide the attention heads");
	if (machine_dies_per_node(q->machine) % s->tp != 0)
		return no(why_not, size, "TP does not divide a node");
	if (s->tp % q->machine->dies_per_package != 0 && q->machine->dies_per_package % s->tp != 0)
		return no(why_not, size, "TP groups would lie across packages");
	if (q->query_count < (double)s->micro_batches * (double)s->tp)
		return no(why_not, size, "fewer tokens than micro-batches x TP");
	return true;
}

static bool type_possible(const struct step_request *q, char *why_not, size_t size)
{
	enum dtype weights = (enum dtype)q->schedule->weights;

	if (machine_peak_flops(q->machine, weights) > 0)
		return true;
	snprintf(why_not, size, "the machine does not compute in %s", dtype_names[weights]);
	return false;
}

/* A routing without rows, for questions of shape. */
static struct routing shape_routing(const struct step_request *q)
{
	return (struct routing){.n_ranks = ranks_of_group(q),
	                        .experts = q->model->experts,
	                        .rows_per_rank_count = (double)(rank_tokens(q) * q->model->top_k),
	                        .balanced = true};
}

static struct flow_request flow_request_of(const struct step_request *q, const struct routing *r)
{
	return (struct flow_request){.machine = q->machine,
	                             .model = q->model,
	                             .routing = r,
	                             .phase = q->phase,
	                             .tokens = rank_tokens(q),
	                             .dispatch = (enum dtype)q->schedule->dispatch,
	                             .weights = (enum dtype)q->schedule->weights,
	                             .vector_cores = q->schedule->vector_cores,
	                             .options = q->schedule->options};
}

static bool stands_for_all(const struct step_request *q)
{
	struct routing shape = shape_routing(q);
	struct flow_request fq = flow_request_of(q, &shape);

	if (model_is_dense(q->model)) /* no routing, and no flow */
		return topology_can_be_symmetric(q->machine, ranks_of_group(q));
	return q->routing->kind == ROUTING_BALANCED &&
	       topology_can_be_symmetric(q->machine, ranks_of_group(q)) &&
	       !(q->flow->uneven && q->flow->uneven(&fq));
}

/* Is it within reach? Random rows take 20 ns and more each, transfers about 160 bytes; the graph is
 * of one layer, with two micro-batches of four, of all when a flow's work carries over. A flow may
 * move a prompt in rounds. */
static bool size_possible(const struct step_request *q, char *why_not, size_t size)
{
	const double most_rows = 1 << 27, most_transfers = 1 << 25, round_tokens = 8192;
	double ranks = (double)q->schedule->ep, tokens = (double)rank_tokens(q);
	double top_k = (double)q->model->top_k, micro = (double)q->schedule->micro_batches;
	double all = (double)(q->model->layers - q->model->dense_layers);
	double layers = q->flow->carries_over ? all : q->schedule->micro_batches > 1 ? 4 : 1;
	double peers = fmin(ranks, tokens * top_k), rounds = ceil(tokens / round_tokens);

	/* a draw looks at those before it */
	if (q->routing->kind != ROUTING_BALANCED &&
	    ranks * tokens * top_k * ceil(top_k / 64) > most_rows)
		return no(why_not, size,
		          "more random rows than can be drawn; use balanced routing");
	if (!stands_for_all(q) && layers * micro * ranks * peers * (rounds + 1) > most_transfers)
		return no(why_not, size, "more transfers between ranks than memory may hold");
	return true;
}

bool step_possible(const struct step_request *q, char *why_not, size_t why_size)
{
	struct routing shape;
	struct flow_request fq;
	const char *why;

	if (q->drafts > 0 && q->model->mtp_layers == 0)
		return no(why_not, why_size, "the model has no layer for MTP");
	if (q->schedule->pp > 1)
		return pipeline_possible(q, why_not, why_size);
	if (q->flow->layer && q->schedule->micro_batches > 1)
		return no(why_not, why_size,
		          "the flow overlaps within a layer: one micro-batch at a time");
	if (!shape_possible(q, why_not, why_size) || !type_possible(q, why_not, why_size) ||
	    !size_possible(q, why_not, why_size))
		return false;
	if (model_is_dense(q->model))
		return dense_possible(q, why_not, why_size);
	shape = shape_routing(q);
	fq = flow_request_of(q, &shape);
	if (!flow_applies(q->flow, &fq, &why))
		return no(why_not, why_size, why);
	return true;
}

/* Everything a graph is built from. */
struct build {
	const struct step_request *q;
	struct graph *g;
	struct topology *t;
	struct flow_build flow;
	struct flow_request request;
	struct routing routing;
	struct tokens tokens;
	int64_t n;
};

static enum rc routing_of(const struct step_request *q, struct arena *a, struct routing *out,
                          struct err *e)
{
	int64_t n_ranks = ranks_of_group(q), tokens = rank_tokens(q);

	if (q->routings && q->routing->kind != ROUTING_BALANCED)
		return routing_cache_get(q->routings, n_ranks, tokens, out, e);
	return routing_make(q->routing, q->model, n_ranks, tokens, a, out, e);
}

static experts_fn experts_part;

static enum rc build_init(struct build *b, const struct step_request *q, struct graph *g,
                          struct topology *t, struct arena *a, struct err *e)
{
	int64_t n_ranks = ranks_of_group(q);
	bool symmetric = stands_for_all(q);

	*b = (struct build){.q = q, .g = g, .t = t, .tokens = tokens_of(q)};
	if (!model_is_dense(q->model))
		TRY(routing_of(q, a, &b->routing, e));
	b->request = flow_request_of(q, &b->routing);
	topology_init(t, q->machine, n_ranks,
	              flow_vector_cores(q->flow, q->machine, q->schedule->vector_cores), symmetric,
	              g);
	b->n = t->n_built;
	if (model_is_dense(q->model))
		return RC_OK;
	flow_build_init(&b->flow, g, t, &b->request);
	b->flow.experts = experts_part, b->flow.experts_context = b;
	return RC_OK;
}

/* The attention group's ranks exchange partial sums; they are neighbours in a node. parts: 1 for a
 * reduce-scatter or an all-gather, 2 for both in one all-reduce. */
static void tp_exchange(struct build *b, double parts, const uint32_t *after, uint32_t *done)
{
	const struct machine *m = b->q->machine;
	double bytes = parts * tp_exchange_bytes(b->q->model, b->q->schedule, &b->tokens);
	int64_t tp = b->q->schedule->tp;
	enum tier tier = machine_farthest(m, tp);

	for (int64_t r = 0; r < b->n; r++) {
		struct use uses[2 * MOST_MESH];
		size_t n = topology_group_spread(b->t, tp, r, true, uses, MOST_MESH);

		n += topology_group_spread(b->t, tp, r, false, uses + n, MOST_MESH);
		done[r] = graph_append(
		        b->g, &(struct activity){.label = "exchange.tp",
		                                 .rank = (uint32_t)r,
		                                 .work_units = bytes,
		                                 .latency_s = m->sync.collective_s +
		                                              parts * machine_latency_s(m, tier),
		                                 .uses = uses,
		                                 .n_uses = n,
		                                 .after = after + r,
		                                 .n_after = 1});
	}
}

static void attention(struct build *b, const uint32_t *after, uint32_t *done)
{
	struct op ops[MOST_OPS];
	size_t n = ops_attention(b->q->machine, b->q->model, b->q->schedule, &b->tokens, ops);

	for (int64_t r = 0; r < b->n; r++)
		done[r] = ops_append(b->g, b->t, ops, n, r, after[r]);
	if (b->q->schedule->tp > 1)
		tp_exchange(b, 1, done, done);
	n = ops_gate(b->q->machine, b->q->model, b->q->schedule, &b->tokens, ops);
	for (int64_t r = 0; r < b->n; r++)
		done[r] = ops_append(b->g, b->t, ops, n, r, done[r]);
}

/* The part's rows on a rank, and how many experts they are for. */
static double part_rows_count(struct build *b, const struct expert_part *p, int64_t rank,
                              double *active_count)
{
	const struct routing *r = &b->routing;
	int64_t all = r->experts, local = all / r->n_ranks, n = p->n > 0 ? p->n : local;
	double parts = p->parts > 0 ? (double)p->parts : 1;

	if (p->at_source) {
		*active_count = active_range_count(r, rank, 0, all, parts);
		return build_rows_out_count(&b->flow, rank) / parts;
	}
	*active_count = active_range_count(r, -1, rank * local + p->first, n, parts);
	if (n == local)
		return build_rows_in_count(&b->flow, rank) / parts;
	return range_rows_count(r, -1, rank * local + p->first, n) / parts;
}

/* experts_fn */
static void experts_part(void *context, struct flow_build *f, const struct expert_part *p,
                         const uint32_t *after, uint32_t *done)
{
	struct build *b = context;

	(void)f; /* is b->flow */
	for (int64_t r = 0; r < b->n; r++) {
		struct op ops[MOST_OPS];
		double active, rows = part_rows_count(b, p, r, &active);
		size_t n =
		        ops_experts(b->q->machine, b->q->model, b->q->schedule, rows, active, ops);

		for (size_t i = 0; p->same_kernel && i < n; i++)
			ops[i].wait_s -= ops[i].launch_s, ops[i].launches_count = 0;
		done[r] = ops_append(b->g, b->t, ops, n, r, after[r]);
	}
}

static void experts(struct build *b, const uint32_t *after, uint32_t *done)
{
	experts_part(b, &b->flow, &(struct expert_part){0}, after, done);
}

static void combine(struct build *b, const uint32_t *after, uint32_t *done)
{
	b->q->flow->combine(&b->flow, after, done);
	if (b->q->schedule->tp > 1)
		tp_exchange(b, 1, done, done);
}

/* A layer of a model without experts: attention and the MLP, both split over TP, an all-reduce
 * after each. */
static void dense_layer(struct build *b, const uint32_t *after, uint32_t *done)
{
	struct moe_model share = *b->q->model;
	struct tokens all = b->tokens;
	struct op ops[MOST_OPS], mlp[MOST_OPS];
	size_t n = ops_attention(b->q->machine, b->q->model, b->q->schedule, &b->tokens, ops);
	size_t n_mlp;

	share.dense_inter /= b->q->schedule->tp;
	all.rank_count = all.query_count;
	n_mlp = ops_dense(b->q->machine, &share, b->q->schedule, &all, mlp);
	for (int64_t r = 0; r < b->n; r++)
		done[r] = ops_append(b->g, b->t, ops, n, r, after[r]);
	if (b->q->schedule->tp > 1)
		tp_exchange(b, 2, done, done);
	for (int64_t r = 0; r < b->n; r++)
		done[r] = ops_append(b->g, b->t, mlp, n_mlp, r, done[r]);
	if (b->q->schedule->tp > 1)
		tp_exchange(b, 2, done, done);
}

/* One layer's dispatch, experts and combine, one after the other or as the flow weaves them. */
static void moe_block(struct build *b, uint32_t *at)
{
	if (b->q->flow->layer) {
		b->q->flow->layer(&b->flow, at, at);
		if (b->q->schedule->tp > 1)
			tp_exchange(b, 1, at, at);
		return;
	}
	b->q->flow->dispatch(&b->flow, at, at);
	experts(b, at, at);
	combine(b, at, at);
}

enum { MOST_MICRO = 2 };

/* Where each micro-batch and each of the two streams stands, [micro][rank] and [rank]. */
struct streams {
	uint32_t *at[MOST_MICRO], *compute, *network;
};

typedef void part_fn(struct build *b, const uint32_t *after, uint32_t *done);

static void dispatch(struct build *b, const uint32_t *after, uint32_t *done)
{
	b->q->flow->dispatch(&b->flow, after, done);
}

/* Runs one part of micro-batch i after what it had done and after the stream is free. */
static void on_stream(struct build *b, struct streams *s, int64_t i, uint32_t *stream,
                      part_fn *part)
{
	stage_join(&b->flow, "attention.stream", s->at[i], stream, s->at[i]);
	part(b, s->at[i], s->at[i]);
	memcpy(stream, s->at[i], (size_t)b->n * sizeof *stream);
}

static void layers_append(struct build *b, struct streams *s, int64_t n_layers)
{
	int64_t parts = b->q->schedule->micro_batches;

	if (model_is_dense(b->q->model)) {
		for (int64_t layer = 0; layer < n_layers; layer++)
			dense_layer(b, s->at[0], s->at[0]);
		return;
	}
	if (parts == 1) {
		for (int64_t layer = 0; layer < n_layers; layer++) {
			b->flow.layer = layer, b->flow.layers_left = n_layers - 1 - layer;
			attention(b, s->at[0], s->at[0]);
			moe_block(b, s->at[0]);
		}
		return;
	}
	/* each stream serves the micro-batches in turn, so that one communicates while the other
	   computes */
	for (int64_t layer = 0; layer < n_layers; layer++) {
		for (int64_t i = 0; i < parts; i++) {
			on_stream(b, s, i, s->compute, attention);
			on_stream(b, s, i, s->network, dispatch);
		}
		for (int64_t i = 0; i < parts; i++) {
			on_stream(b, s, i, s->compute, experts);
			on_stream(b, s, i, s->network, combine);
		}
	}
}

static void all_wait(struct build *b, const struct streams *s)
{
	int64_t parts = b->q->schedule->micro_batches;
	uint32_t *ends = heap_zeroed((size_t)(b->n * parts), sizeof *ends);

	for (int64_t i = 0; i < parts; i++)
		memcpy(ends + i * b->n, s->at[i], (size_t)b->n * sizeof *ends);
	graph_append(b->g, &(struct activity){.label = "combine.end",
	                                      .after = ends,
	                                      .n_after = (size_t)(b->n * parts)});
	free(ends);
}

static void build_layers(struct build *b, int64_t n_layers)
{
	struct streams s;
	size_t n = (size_t)b->n;
	uint32_t *block = heap_zeroed(4 * n, sizeof *block);
	uint32_t start = graph_append(b->g, &(struct activity){.label = "attention.start"});

	for (size_t i = 0; i < 4 * n; i++)
		block[i] = start;
	s.at[0] = block, s.at[1] = block + n;
	s.compute = block + 2 * n, s.network = block + 3 * n;
	layers_append(b, &s, n_layers);
	all_wait(b, &s);
	free(block);
}

static void build_exchange(struct build *b)
{
	size_t n = (size_t)b->n;
	uint32_t *at = heap_zeroed(n, sizeof *at);
	uint32_t start = graph_append(b->g, &(struct activity){.label = "dispatch.start"});

	for (size_t i = 0; i < n; i++)
		at[i] = start;
	b->q->flow->dispatch(&b->flow, at, at);
	/* experts start together: dispatch and combine are told apart by this point */
	graph_append(b->g, &(struct activity){.label = "dispatch.end", .after = at, .n_after = n});
	for (size_t i = 0; i < n; i++)
		at[i] = b->g->n_activities - 1;
	b->q->flow->combine(&b->flow, at, at);
	graph_append(b->g, &(struct activity){.label = "combine.end", .after = at, .n_after = n});
	free(at);
}

enum rc step_graph(const struct step_request *q, int64_t n_layers, struct graph *g,
                   struct topology *t, double *max_mean_ratio, struct err *e)
{
	struct arena *a = arena_new();
	struct build b;
	enum rc rc = build_init(&b, q, g, t, a, e);
	double cv_ratio;

	if (rc == RC_OK) {
		build_layers(&b, n_layers);
		if (max_mean_ratio && !model_is_dense(q->model))
			routing_skew(&b.routing, max_mean_ratio, &cv_ratio);
		if (!model_is_dense(q->model))
			flow_build_fini(&b.flow);
	}
	arena_free(a);
	return rc;
}

enum rc exchange_graph(const struct step_request *q, struct graph *g, struct topology *t,
                       struct err *e)
{
	struct arena *a = arena_new();
	struct build b;
	enum rc rc = build_init(&b, q, g, t, a, e);

	if (rc == RC_OK) {
		build_exchange(&b);
		flow_build_fini(&b.flow);
	}
	arena_free(a);
	return rc;
}

enum rc step_buffers(const struct step_request *q, struct buffer *out, size_t *n, struct err *e)
{
	struct arena *a = arena_new();
	struct routing routing = shape_routing(q);
	struct flow_request fq = flow_request_of(q, &routing);
	enum rc rc = RC_OK;

	*n = 0;
	/* windows are sized for the worst case, or by the counts that it gets */
	if ((q->phase == PHASE_PREFILL || fq.options.window == WINDOW_COUNTS) &&
	    !model_is_dense(q->model))
		rc = routing_of(q, a, &routing, e);
	if (rc == RC_OK && !model_is_dense(q->model)) {
		*n = q->flow->buffers(&fq, out);
		/* micro-batches are in flight at once, each with its own rows */
		for (size_t i = 0; i < *n; i++) {
			if (out[i].lifetime != LIFE_DOMAIN)
				out[i].bytes *= (double)q->schedule->micro_batches;
		}
	}
	arena_free(a);
	return rc;
}
