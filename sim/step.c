#include "sim/step_build.h"
#include "sim/step_pipeline.h"
#include "sim/step_tokens.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const step_phases[] = {"attention", "exchange", "gate", "dispatch", "expert",
                                   "combine",   "dense",    "head", NULL};

static int64_t ranks_of_group(const struct step_request *q)
{
	return q->schedule->ep;
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
	const char *why;

	if (!placement_possible(&s->placement, q->model, s->ep, &why))
		return no(why_not, size, why);
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

/* A routing without rows, for questions of shape. `seen`: the model as ranks see it. */
static struct routing shape_routing(const struct step_request *q, const struct moe_model *seen)
{
	return (struct routing){.n_ranks = ranks_of_group(q),
	                        .experts = seen->experts,
	                        .rows_per_rank_count =
	                                (double)rank_tokens_count(q) * model_sent_count(seen),
	                        .balanced = true};
}

static struct flow_request flow_request_of(const struct step_request *q,
                                           const struct moe_model *seen, const struct routing *r)
{
	return (struct flow_request){.machine = q->machine,
	                             .model = seen,
	                             .routing = r,
	                             .phase = q->phase,
	                             .tokens = rank_tokens_count(q),
	                             .dispatch = (enum dtype)q->schedule->dispatch,
	                             .weights = (enum dtype)q->schedule->weights,
	                             .vector_cores = streams_vector_cores(q->machine, q->schedule),
	                             .options = q->schedule->options};
}

static bool stands_for_all(const struct step_request *q)
{
	struct moe_model seen = placement_model(&q->schedule->placement, q->model);
	struct routing shape = shape_routing(q, &seen);
	struct flow_request fq = flow_request_of(q, &seen, &shape);

	if (model_is_dense(q->model)) /* no routing, and no flow */
		return topology_can_be_symmetric(q->machine, ranks_of_group(q));
	return q->routing->kind == ROUTING_BALANCED && !contexts_differ(q) &&
	       topology_can_be_symmetric(q->machine, ranks_of_group(q)) &&
	       !(q->flow->uneven && q->flow->uneven(&fq));
}

/* Is it within reach? Random rows take 20 ns and more each, transfers about 160 bytes; the graph is
 * of one layer, with two micro-batches of four, of all when a flow's work carries over. A flow may
 * move a prompt in rounds. */
static bool size_possible(const struct step_request *q, char *why_not, size_t size)
{
	const double most_rows = 1 << 27, most_transfers = 1 << 25, round_tokens = 8192;
	double ranks = (double)q->schedule->ep, tokens = (double)rank_tokens_count(q);
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
	struct moe_model seen;
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
	    !size_possible(q, why_not, why_size) || !build_possible(q, why_not, why_size))
		return false;
	if (model_is_dense(q->model))
		return dense_possible(q, why_not, why_size);
	seen = placement_model(&q->schedule->placement, q->model);
	shape = shape_routing(q, &seen);
	fq = flow_request_of(q, &seen, &shape);
	if (!flow_applies(q->flow, &fq, &why))
		return no(why_not, why_size, why);
	return true;
}

/* seen: must outlive *out. What is said of ranks is drawn for slots as they are. */
static enum rc routing_of(const struct step_request *q, const struct moe_model *seen,
                          struct arena *a, struct routing *out, struct err *e)
{
	const struct placement_spec *placement = &q->schedule->placement;
	int64_t n_ranks = ranks_of_group(q), tokens = rank_tokens_count(q);
	bool of_ranks = routing_is_of_ranks(q->routing);
	const struct moe_model *drawn_for = of_ranks ? seen : q->model;
	struct routing drawn;

	if (q->routings && q->routing->kind != ROUTING_BALANCED)
		TRY(routing_cache_get(q->routings, drawn_for, n_ranks, tokens, &drawn, e));
	else
		TRY(routing_make(q->routing, drawn_for, n_ranks, tokens, a, &drawn, e));
	if (!of_ranks && !placement_is_plain(placement))
		return routing_place(&drawn, placement, machine_dies_per_node(q->machine), a, out,
		                     e);
	*out = drawn;
	return RC_OK;
}

static experts_fn experts_part;

static enum rc build_init(struct build *b, const struct step_request *q, struct graph *g,
                          struct topology *t, struct arena *a, struct err *e)
{
	int64_t n_ranks = ranks_of_group(q);
	bool symmetric = stands_for_all(q);

	*b = (struct build){.q = q, .g = g, .t = t, .tokens = tokens_of_part(q, 1)};
	b->seen = placement_model(&q->schedule->placement, q->model);
	if (!model_is_dense(q->model))
		TRY(routing_of(q, &b->seen, a, &b->routing, e));
	b->request = flow_request_of(q, &b->seen, &b->routing);
	topology_init(t, q->machine, n_ranks,
	              flow_vector_cores(q->flow, q->machine,
	                                streams_vector_cores(q->machine, q->schedule)),
	              symmetric, g);
	build_streams(b);
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

/* Operators are priced on what their stream has of a die. */
static const struct machine *machine_now(const struct build *b)
{
	return &b->share[b->stream].machine;
}

static uint32_t append_one(struct build *b, struct op *ops, size_t n, int64_t rank, uint32_t after)
{
	for (size_t i = 0; i < n; i++)
		ops[i].cores_ratio = b->share[b->stream].cores_ratio;
	return ops_append(b->g, b->t, ops, n, rank, after);
}

static void append_all(struct build *b, struct op *ops, size_t n, const uint32_t *after,
                       uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++)
		done[r] = append_one(b, ops, n, r, after[r]);
}

void build_group(struct build *b, const uint32_t *after, uint32_t *done)
{
	tp_exchange(b, 1, after, done);
}

void build_attention(struct build *b, const uint32_t *after, uint32_t *done)
{
	int64_t tp = b->q->schedule->tp;
	bool differ = contexts_differ(b->q);
	struct tokens t = b->tokens;
	struct op ops[MOST_OPS];
	size_t n = 0;

	for (int64_t r = 0; r < b->n; r++) {
		if (differ)
			t = tokens_of_part(b->q, context_ratio(b->q, r / tp));
		if (r == 0 || (differ && r % tp == 0))
			n = ops_attention(machine_now(b), b->q->model, b->q->schedule, &t, ops);
		done[r] = append_one(b, ops, n, r, after[r]);
	}
	if (tp > 1)
		build_group(b, done, done);
}

void build_gate(struct build *b, const uint32_t *after, uint32_t *done)
{
	struct moe_model gated = *b->q->model;
	struct op ops[MOST_OPS];
	size_t n;

	gated.shared_inter = b->seen.shared_inter; /* none where it is dispatched to */
	n = ops_gate(machine_now(b), &gated, b->q->schedule, &b->tokens, ops);

	append_all(b, ops, n, after, done);
}

void build_dense(struct build *b, const uint32_t *after, uint32_t *done)
{
	struct op ops[MOST_OPS];
	size_t n = ops_dense(machine_now(b), b->q->model, b->q->schedule, &b->tokens, ops);

	append_all(b, ops, n, after, done);
}

static void attention(struct build *b, const uint32_t *after, uint32_t *done)
{
	build_attention(b, after, done);
	build_gate(b, done, done);
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
		        ops_experts(machine_now(b), b->q->model, b->q->schedule, rows, active, ops);

		for (size_t i = 0; p->same_kernel && i < n; i++)
			ops[i].wait_s -= ops[i].launch_s, ops[i].launches_count = 0;
		done[r] = append_one(b, ops, n, r, after[r]);
	}
}

void build_experts(struct build *b, const uint32_t *after, uint32_t *done)
{
	experts_part(b, &b->flow, &(struct expert_part){0}, after, done);
}

void build_dispatch(struct build *b, const uint32_t *after, uint32_t *done)
{
	uint32_t first = b->g->n_activities;

	b->q->flow->dispatch(&b->flow, after, done);
	kernel_scale(b->g, first, b->kernel_ratio[OP_DISPATCH]);
}

void build_combine(struct build *b, const uint32_t *after, uint32_t *done)
{
	uint32_t first = b->g->n_activities;

	b->q->flow->combine(&b->flow, after, done);
	kernel_scale(b->g, first, b->kernel_ratio[OP_COMBINE]);
}

static void combine(struct build *b, const uint32_t *after, uint32_t *done)
{
	build_combine(b, after, done);
	if (b->q->schedule->tp > 1)
		build_group(b, done, done);
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
	build_dispatch(b, at, at);
	build_experts(b, at, at);
	combine(b, at, at);
}

void build_on_stream(struct build *b, struct streams *s, int64_t i, uint32_t *stream, part_fn *part)
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
	if (model_is_shortcut(b->q->model)) {
		for (int64_t layer = 0; layer < n_layers; layer++)
			layer_with_shortcut(b, s);
		return;
	}
	if (streams_two(b->q->schedule)) {
		layers_on_streams(b, s, n_layers);
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
			build_on_stream(b, s, i, s->compute, attention);
			build_on_stream(b, s, i, s->other, build_dispatch);
		}
		for (int64_t i = 0; i < parts; i++) {
			build_on_stream(b, s, i, s->compute, build_experts);
			build_on_stream(b, s, i, s->other, combine);
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
	s.compute = block + 2 * n, s.other = block + 3 * n;
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
	build_dispatch(b, at, at);
	/* experts start together: dispatch and combine are told apart by this point */
	graph_append(b->g, &(struct activity){.label = "dispatch.end", .after = at, .n_after = n});
	for (size_t i = 0; i < n; i++)
		at[i] = b->g->n_activities - 1;
	build_combine(b, at, at);
	graph_append(b->g, &(struct activity){.label = "combine.end", .after = at, .n_after = n});
	free(at);
}

static struct imbalance imbalance_of(const struct routing *r)
{
	struct imbalance x = {.rank_ratio = routing_rank_max_mean_ratio(r)};
	double cv_ratio;

	routing_skew(r->unplaced ? r->unplaced : r, &x.expert_ratio, &cv_ratio);
	return x;
}

enum rc step_graph(const struct step_request *q, int64_t n_layers, struct graph *g,
                   struct topology *t, struct imbalance *imbalance, struct err *e)
{
	struct arena *a = arena_new();
	struct build b;
	enum rc rc = build_init(&b, q, g, t, a, e);

	if (rc == RC_OK) {
		build_layers(&b, n_layers);
		if (imbalance && !model_is_dense(q->model))
			*imbalance = imbalance_of(&b.routing);
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
	struct moe_model seen = placement_model(&q->schedule->placement, q->model);
	struct routing routing = shape_routing(q, &seen);
	struct flow_request fq = flow_request_of(q, &seen, &routing);
	enum rc rc = RC_OK;

	*n = 0;
	/* windows are sized for the worst case, or by the counts that it gets */
	if ((q->phase == PHASE_PREFILL || fq.options.window == WINDOW_COUNTS) &&
	    !model_is_dense(q->model))
		rc = routing_of(q, &seen, a, &routing, e);
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
