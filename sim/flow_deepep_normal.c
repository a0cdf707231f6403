/* deepep-normal: DeepEP's high-throughput kernels; two hops, with one row for each node.
 *
 * Dispatch  layout counts; notify tells all ranks the counts, and the host of each, which allocates
 *           what it receives; then one kernel sends a token's row once to each node that needs it,
 *           to the GPU of the same place there, which forwards it to each rank that needs it, which
 *           copies it from its buffer to the received rows. The hops run beside each other, part
 *           by part of the tokens. The expert compute puts rows in its own order (expert.unpack).
 * Combine   the expert compute sums a token's results of one rank (expert.reduce); after a barrier
 *           the rows go back the same way: to the GPU of the source's place in the node, which sums
 *           those of its node, and from there as one row to the source, which sums over nodes.
 * Within one node there is only the second hop.
 *
 * dedup: rank sends one row for each rank over the first hop too, none one for each expert over
 * both; then nothing is summed on the way. pipeline: the parts; as each begins when the one before
 * has arrived, each costs a latency. Quantising happens on the way, once for each token; DeepEP
 * leaves it to its caller, which is `quantise: separate`.
 *
 * Steps and bytes: DeepEP at dd758caf, README and docs/legacy.md. A message is a row, a float scale
 * for each 128 values, 8 bytes of where it is from, and an expert and weight for each choice.
 *
 * The buffers of both hops are rings whose senders wait for credit. buffers() counts the rings; the
 * checker sees a slot for each row instead and says nothing about the credit. It says that the
 * barriers of notify and of combine's head are needed, since both operations use the buffers. */
#include "sim/flow_pipe.h"
#include <math.h>
#include <stdlib.h>

static const double scale_bytes = 4, scale_values_count = 128;
static const double from_bytes = 8;    /* source rank and its node's ranks that need the row */
static const double routing_bytes = 8; /* an int32 expert and a float weight, for each choice */
static const double align_bytes = 16;
static const double count_bytes = 4;
/* deep_ep/buffer.py: 20 SMs are 10 channels; its tables of chunk sizes end in rings of 288 rows for
   each peer of the node, and 128 for each node */
static const double channels_count = 10, node_ring_rows_count = 288, far_ring_rows_count = 128;
enum { PREFILL_PARTS = 4 };

/* How often a token's row crosses the first hop, and the second. */
static enum unit far_unit(const struct flow_request *q)
{
	static const enum unit of[] = {[DEDUP_AUTO] = UNIT_TOKEN_NODE,
	                               [DEDUP_NONE] = UNIT_BRANCH,
	                               [DEDUP_RANK] = UNIT_TOKEN_RANK,
	                               [DEDUP_NODE] = UNIT_TOKEN_NODE};

	return of[q->options.dedup];
}

static enum unit near_unit(const struct flow_request *q)
{
	return q->options.dedup == DEDUP_NONE ? UNIT_BRANCH : UNIT_TOKEN_RANK;
}

static const struct place own_counts = {.buffer = "own counts", .layout = LAYOUT_COUNTS};
static const struct place counts = {.buffer = "counts", .layout = LAYOUT_COUNTS};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};

/* By unit. Rows that wait for the second hop, at the twin of their source; at their owner, when
 * they have come, and when they are copied. */
static const struct place at_twin[] = {
        [UNIT_BRANCH] = {.buffer = "RDMA ring", .layout = LAYOUT_TWIN_BRANCHES},
        [UNIT_TOKEN_RANK] = {.buffer = "RDMA ring", .layout = LAYOUT_TWIN_BRANCHES},
        [UNIT_TOKEN_NODE] = {.buffer = "RDMA ring", .layout = LAYOUT_TWIN_SLOTS}};
static const struct place at_owner[] = {
        [UNIT_BRANCH] = {.buffer = "NVLink ring", .layout = LAYOUT_SLOTS},
        [UNIT_TOKEN_RANK] = {.buffer = "NVLink ring", .layout = LAYOUT_RANK_SLOTS}};
static const struct place received[] = {
        [UNIT_BRANCH] = {.buffer = "received rows", .layout = LAYOUT_SLOTS},
        [UNIT_TOKEN_RANK] = {.buffer = "received rows", .layout = LAYOUT_RANK_SLOTS}};

/* And back: sums of a rank, at the twin, sums of a node there, and at the source. */
static const struct place reduced = {.buffer = "combine input", .layout = LAYOUT_RANK_SLOTS};
static const struct place back_at_twin = {.buffer = "NVLink ring", .layout = LAYOUT_TWIN_BRANCHES};
static const struct place back_sum = {.buffer = "RDMA send ring", .layout = LAYOUT_TWIN_SLOTS};
static const struct place back_at_source = {.buffer = "RDMA ring", .layout = LAYOUT_BRANCH};

static double message_bytes(const struct flow_request *q)
{
	double scales = ceil((double)q->model->hidden / scale_values_count) * scale_bytes;
	double bytes = flow_row_bytes(q) + (flow_quantises(q) ? scales : 0) + from_bytes +
	               routing_bytes * (double)q->model->top_k;

	return ceil(bytes / align_bytes) * align_bytes;
}

static int64_t parts_of(const struct flow_request *q)
{
	if (q->options.pipeline > 0)
		return q->options.pipeline;
	return q->phase == PHASE_PREFILL ? PREFILL_PARTS : 1;
}

/* ---- dispatch ---- */

/* First hop: each token is read once; rows to other nodes are staged for the NIC, which reads them
 * there. */
static void cross(struct flow_build *b, const struct source *from, int64_t part, struct pipe *p)
{
	double message = message_bytes(b->request), ratio = p->ratio;
	enum unit unit = far_unit(b->request);
	struct shipment put = {.label = "dispatch.put",
	                       .unit = unit,
	                       .hop = HOP_TO_NODE,
	                       .row_bytes = message,
	                       .op = from->op,
	                       .from = from->place,
	                       .to = &at_twin[unit],
	                       .part = part,
	                       .parts = parts_of(b->request)};
	struct traffic read = {.per_token_bytes = ratio * from->read_bytes,
	                       .quantised_token_bytes = ratio * from->quantised_bytes,
	                       .per_row_out_bytes = ratio * 2 * message,
	                       .unit = unit,
	                       .hop = HOP_TO_NODE,
	                       .remote_only = true};

	pipe_hop(b, &put, "dispatch.read", read, p, p->crossed);
	stage_join(b, "dispatch.forward", p->passed, p->arrived, p->passed);
}

/* Second hop, from the source itself within one node, and the copy out of the ring. */
static void forward(struct flow_build *b, const struct source *from, int64_t part, struct pipe *p)
{
	double message = message_bytes(b->request), ratio = p->ratio;
	bool direct = build_one_node(b);
	enum unit unit = near_unit(b->request);
	struct shipment put = {.label = "dispatch.forward",
	                       .unit = unit,
	                       .hop = HOP_IN_NODE,
	                       .row_bytes = message,
	                       .op = direct ? from->op : EFFECT_COPY,
	                       .from = direct ? from->place : &at_twin[far_unit(b->request)],
	                       .to = &at_owner[unit],
	                       .part = part,
	                       .parts = parts_of(b->request)};
	struct shipment take = {.unit = unit,
	                        .from = &at_owner[unit],
	                        .to = &received[unit],
	                        .part = part,
	                        .parts = put.parts};
	struct traffic read = {.per_row_out_bytes = ratio * message, .unit = unit, .hop = put.hop};

	if (direct)
		read = (struct traffic){.per_token_bytes = ratio * from->read_bytes,
		                        .quantised_token_bytes = ratio * from->quantised_bytes};
	pipe_hop(b, &put, "dispatch.forward_read", read, p, p->passed);
	stage_join(b, "dispatch.receive", p->taken, p->arrived, p->taken);
	stage_copy(b, "dispatch.receive",
	           (struct traffic){
	                   .per_row_in_bytes = ratio * 2 * message, .unit = unit, .hop = put.hop},
	           0, p->taken, p->taken);
	note_rows_part(b, p->taken, &take);
}

static void notify(struct flow_build *b, uint32_t *at)
{
	const struct machine *m = b->topology->machine;

	stage_delay(b, "dispatch.layout", m->sync.kernel_s, at, at);
	note_counts(b, at, &own_counts);
	stage_delay(b, "dispatch.notify", m->sync.kernel_s, at, at);
	stage_send(b, "dispatch.notify", count_bytes * (1 + build_local_experts_count(b)), 1, at,
	           at);
	note_counts_sent(b, at, &own_counts, &counts);
	stage_barrier(b, "dispatch.notify", at, at);
	stage_wait(b, "dispatch.host", m->sync.host_s, at, at);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	struct source from = stage_source(b, ready, done);
	double row = flow_row_bytes(b->request);
	struct pipe p;

	notify(b, done);
	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, done, done);
	pipe_init(&p, b, parts_of(b->request), done);
	for (int64_t part = 0; part < parts_of(b->request); part++) {
		if (!build_one_node(b))
			cross(b, &from, part, &p);
		forward(b, &from, part, &p);
	}
	pipe_end(&p, b, "dispatch.receive", done);
	stage_copy(b, "expert.unpack", (struct traffic){.per_row_in_bytes = 2 * row}, 0, done,
	           done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, FORWARD, &received[near_unit(b->request)],
	          &window);
}

/* ---- combine ---- */

/* Rows that go back over the second hop: sums of a rank's results, or the results. */
static const struct place *reduce(struct flow_build *b, uint32_t *at)
{
	double bf16 = flow_bf16_row_bytes(b->request);

	if (near_unit(b->request) == UNIT_BRANCH)
		return &result;
	stage_copy(b, "expert.reduce", (struct traffic){.per_row_in_bytes = bf16}, 0, at, at);
	stage_copy(b, "expert.reduce",
	           (struct traffic){.per_row_in_bytes = bf16, .unit = UNIT_TOKEN_RANK}, 0, at, at);
	note_sum(b, at, UNIT_BRANCH, &result, UNIT_TOKEN_RANK, &reduced);
	return &reduced;
}

static void back_in_node(struct flow_build *b, const struct place *from, int64_t part,
                         struct pipe *p)
{
	double bf16 = flow_bf16_row_bytes(b->request), ratio = p->ratio;
	struct shipment put = {.label = "combine.put",
	                       .way = BACKWARD,
	                       .unit = near_unit(b->request),
	                       .hop = HOP_IN_NODE,
	                       .row_bytes = bf16,
	                       .from = from,
	                       .to = &back_at_twin,
	                       .part = part,
	                       .parts = parts_of(b->request)};

	pipe_hop(b, &put, "combine.read",
	         (struct traffic){
	                 .per_row_in_bytes = ratio * bf16, .unit = put.unit, .hop = HOP_IN_NODE},
	         p, p->passed);
}

/* The twin reads what came for a token, sums it if it may, stages the row and sends it on. */
static void back_across(struct flow_build *b, int64_t part, struct pipe *p)
{
	double bf16 = flow_bf16_row_bytes(b->request), ratio = p->ratio;
	enum unit near = near_unit(b->request), far = far_unit(b->request);
	struct shipment put = {.label = "combine.forward",
	                       .way = BACKWARD,
	                       .unit = far,
	                       .hop = HOP_TO_NODE,
	                       .row_bytes = bf16,
	                       .from = far == near ? &back_at_twin : &back_sum,
	                       .to = &back_at_source,
	                       .part = part,
	                       .parts = parts_of(b->request)};

	stage_join(b, "combine.forward", p->crossed, p->arrived, p->crossed);
	stage_copy(b, "combine.forward_sum",
	           (struct traffic){
	                   .per_row_out_bytes = ratio * bf16, .unit = near, .hop = HOP_IN_NODE},
	           0, p->crossed, p->crossed);
	if (far != near)
		note_sum_part(b, p->crossed, near, &back_at_twin, far, &back_sum, &put);
	pipe_hop(b, &put, "combine.forward_read",
	         (struct traffic){
	                 .per_row_in_bytes = ratio * 2 * bf16, .unit = far, .hop = HOP_TO_NODE},
	         p, p->crossed);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request);
	bool direct = build_one_node(b);
	enum unit unit = direct ? near_unit(b->request) : far_unit(b->request);
	enum hop hop = direct ? HOP_IN_NODE : HOP_TO_NODE;
	const struct place *from;
	struct pipe p;

	stage_delay(b, "expert.reduce", 0, ready, done);
	from = reduce(b, done);
	stage_delay(b, "combine.notify", m->sync.kernel_s, done, done);
	stage_barrier(b, "combine.notify", done, done);
	stage_delay(b, "combine.kernel", m->sync.kernel_s, done, done);
	pipe_init(&p, b, parts_of(b->request), done);
	for (int64_t part = 0; part < parts_of(b->request); part++) {
		back_in_node(b, from, part, &p);
		if (!direct)
			back_across(b, part, &p);
		stage_join(b, "combine.sum", p.taken, p.arrived, p.taken);
	}
	pipe_end(&p, b, "combine.sum", done);
	stage_copy(b, "combine.sum",
	           (struct traffic){.per_row_out_bytes = bf16,
	                            .per_token_bytes = bf16,
	                            .unit = unit,
	                            .hop = hop},
	           0, done, done);
	note_sum(b, done, unit, direct ? &back_at_twin : &back_at_source, UNIT_TOKEN,
	         &place_output);
}

/* ---- memory ---- */

/* Most rows, one for each token that has experts there, that come to a rank. */
static double rank_rows_count(const struct flow_request *q)
{
	int64_t n = q->routing->n_ranks, local = q->model->experts / n;
	bool worst = flow_window_is_worst(q);
	double all = (double)(n * q->tokens), most = 0, *touched;

	if (worst || q->routing->balanced)
		return worst ? all : all * routing_touch_ratio(q->model, local);
	touched = heap_zeroed((size_t)(n * n), sizeof *touched);
	routing_block_tokens(q->routing, 1, touched);
	for (int64_t to = 0; to < n; to++) {
		double rows = 0;

		for (int64_t from = 0; from < n; from++)
			rows += touched[from * n + to];
		most = fmax(most, rows);
	}
	free(touched);
	return most;
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double per_node = (double)machine_dies_per_node(q->machine),
	       n = (double)q->routing->n_ranks;
	double nodes = ceil(n / per_node), peers = fmin(n, per_node);
	double bf16 = flow_bf16_row_bytes(q), message = message_bytes(q);
	double slot = channels_count * fmax(message, bf16), n_in = flow_window_rows_count(q);
	double came = near_unit(q) == UNIT_BRANCH ? n_in : rank_rows_count(q);
	const struct buffer all[] = {
	        {"NVLink rings", "workspace", LIFE_DOMAIN, peers * node_ring_rows_count * slot},
	        {"RDMA rings", "symmetric heap", LIFE_DOMAIN,
	         nodes > 1 ? 2 * nodes * far_ring_rows_count * slot : 0},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	        {"received rows", "workspace", LIFE_DISPATCH, came * message},
	        {"expert window", "workspace", LIFE_LAYER, n_in * flow_row_bytes(q)},
	        {"expert output", "workspace", LIFE_LAYER, n_in * bf16},
	        {"combine input", "workspace", LIFE_COMBINE,
	         near_unit(q) == UNIT_BRANCH ? 0 : came * bf16},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_deepep_normal = {
        .name = "deepep-normal",
        .doc = "one row to each node, to the GPU of the same place, which forwards it (DeepEP)",
        .options = 1 << OPTION_QUANTISE | 1 << OPTION_DEDUP | 1 << OPTION_WINDOW |
                   1 << OPTION_PIPELINE,
        .dispatch = dispatch,
        .combine = combine,
        .window = &window,
        .result = &result,
        .buffers = buffers,
};
