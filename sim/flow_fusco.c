/* fusco: the permutation rides on the transfer; FUSCO.
 *
 * Dispatch  layout counts; notify tells all ranks all counts, from which each finds the places of
 *           its rows and who forwards in each node; where windows are sized by counts, the host
 *           allocates them. Then one kernel: a token's row goes once to each other node that needs
 *           it, read where the token lies, with a descriptor of where its branches go; the
 * forwarder there writes each branch to its place in the owner's expert window. Rows of the own
 *           node go there at once. The hops run beside each other, part by part of the tokens. No
 *           pack before it, no copy out of a ring, no unpack behind it: rows land in expert order.
 * Combine   the same way back: owners send results from where the experts left them to the
 * forwarder of the token, which sums those of its node and sends one row to the source, which sums.
 * Within one node there is only the second hop.
 *
 * Who forwards what a source sends to a node is chosen by load, not by place (sim/nodes.h); where
 * all sources send alike that is the GPU of the same place. pipeline: the parts, each of which
 * costs a latency. FUSCO moves bytes and does not convert: rows are quantised before, once for each
 * token.
 *
 * Sources: abstract of arXiv:2512.22036 and README of infinigence/FUSCO: descriptors of segments
 * fuse the permutation with a pipelined transfer, nodes are reached once, forwarders are balanced.
 * Assumed, since neither says: counts of all experts go to all ranks, with flags, and the host
 * waits for them; the rule by which forwarders are chosen, and that it is by rows that are
 * forwarded; one load a row to find its places, and that forwarders read descriptors in the shadow
 * of the wire; a descriptor of 12 bytes a choice; that a token crosses a node's own links once for
 * each expert, as it must to land in expert order without a copy; that results are summed by the
 * forwarder and not before; as many parts as deepep-normal has; rings of two parts; completion by
 * flags with the rows.
 *
 * What the checker says: counts in two halves and the wait for all of them stand for every other
 * barrier: who has all counts of a layer knows that all others are through with the layer before.
 * Three kinds of wait order nothing that others do not, and stay for their reasons: the host's, for
 * memory to be allocated, which is not modelled; a sender's for its own rows (quiet), which keeps
 * parts in order on the wire; and so the flags of the last hop's parts but the last, by which rows
 * tell of themselves. Slots stand for the rings that rows pass, as in deepep-normal: nothing is
 * said about their credit. Rows that stay in their node are noted as if they passed their source's
 * slots, which costs nothing. */
#include "sim/flow_pipe.h"
#include <math.h>
#include <stdlib.h>

static const double count_bytes = 4; /* int32, for each expert */
/* of a branch: int32 owner, int32 place in its window, float weight, which the forwarder needs */
static const double descriptor_bytes = 12;
enum { PREFILL_PARTS = 4 };

static const struct place own_counts = {
        .buffer = "own counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place counts = {
        .buffer = "counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};

/* On their way: at the forwarder, which the counts tell, in dispatch; back there by branch, and
 * summed; and at the source, by branch within one node. */
static const struct place passing = {
        .buffer = "forward ring", .layout = LAYOUT_FORWARDER_SLOTS, .table = &counts};
static const struct place back_passing = {
        .buffer = "combine ring", .layout = LAYOUT_FORWARDER_BRANCHES, .table = &counts};
static const struct place node_sum = {
        .buffer = "node sums", .layout = LAYOUT_FORWARDER_SLOTS, .table = &counts};
static const struct place returned = {.buffer = "returned rows", .layout = LAYOUT_BRANCH};

static int64_t parts_of(const struct flow_request *q)
{
	if (q->options.pipeline > 0)
		return q->options.pipeline;
	return q->phase == PHASE_PREFILL ? PREFILL_PARTS : 1;
}

static double message_bytes(const struct flow_request *q)
{
	return flow_scaled_row_bytes(q) + descriptor_bytes * (double)q->model->top_k;
}

/* Rows that do not leave their rank on this hop: they are where they should be. */
static void note_stay(struct flow_build *b, const uint32_t *at, struct shipment s)
{
	s.remote_only = false, s.stay_only = true;
	note_rows_part(b, at, &s);
}

/* ---- dispatch ---- */

static void plan(struct flow_build *b, const uint32_t *after, uint32_t *at)
{
	const struct machine *m = b->topology->machine;

	stage_delay(b, "dispatch.layout", m->sync.kernel_s, after, at);
	note_counts(b, at, &own_counts);
	stage_delay(b, "dispatch.notify", m->sync.kernel_s, at, at);
	stage_send(b, "dispatch.notify", count_bytes * (double)b->request->model->experts, 1, at,
	           at);
	note_counts_sent(b, at, &own_counts, &counts);
	stage_flags(b, "dispatch.notify", at, at);
	if (!flow_window_is_worst(b->request))
		stage_wait(b, "dispatch.host", m->sync.host_s, at, at);
	stage_delay(b, "dispatch.kernel", m->sync.kernel_s, at, at);
	stage_places(b, "dispatch.plan", at, at);
}

static void cross(struct flow_build *b, const struct place *from, int64_t part, struct pipe *p)
{
	struct shipment put = {.label = "dispatch.put",
	                       .unit = UNIT_TOKEN_NODE,
	                       .hop = HOP_TO_FORWARDER,
	                       .row_bytes = message_bytes(b->request),
	                       .from = from,
	                       .to = &passing,
	                       .part = part,
	                       .parts = parts_of(b->request),
	                       .remote_only = true};
	struct traffic read = {.per_row_out_bytes = p->ratio * flow_scaled_row_bytes(b->request),
	                       .unit = put.unit,
	                       .hop = put.hop,
	                       .remote_only = true};

	pipe_hop(b, &put, "dispatch.read", read, p, p->crossed);
	stage_join(b, "dispatch.forward", p->passed, p->arrived, p->passed);
	note_stay(b, p->passed, put);
}

static void forward(struct flow_build *b, const struct place *from, int64_t part, struct pipe *p)
{
	double row = flow_scaled_row_bytes(b->request);
	struct shipment put = {.label = "dispatch.forward",
	                       .hop = HOP_FORWARD,
	                       .row_bytes = row,
	                       .from = build_one_node(b) ? from : &passing,
	                       .to = &window,
	                       .part = part,
	                       .parts = parts_of(b->request)};
	struct traffic read = {.per_row_out_bytes = p->ratio * row, .hop = put.hop};

	pipe_hop(b, &put, "dispatch.forward_read", read, p, p->passed);
	stage_join(b, "dispatch.forward", p->taken, p->arrived, p->taken);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	bool quantises = flow_quantises(b->request);
	const struct place *from = quantises ? stage_quantise(b, ready, done) : &place_input;
	struct pipe p;

	plan(b, quantises ? done : ready, done);
	pipe_init(&p, b, parts_of(b->request), done);
	for (int64_t part = 0; part < parts_of(b->request); part++) {
		if (!build_one_node(b))
			cross(b, from, part, &p);
		forward(b, from, part, &p);
	}
	pipe_end(&p, b, "dispatch.forward", done);
}

/* ---- combine ---- */

static void back_in_node(struct flow_build *b, int64_t part, struct pipe *p)
{
	double bf16 = flow_bf16_row_bytes(b->request);
	struct shipment put = {.label = "combine.put",
	                       .way = BACKWARD,
	                       .hop = HOP_FORWARD,
	                       .row_bytes = bf16,
	                       .from = &result,
	                       .to = &back_passing,
	                       .part = part,
	                       .parts = parts_of(b->request)};
	struct traffic read = {.per_row_in_bytes = p->ratio * bf16, .hop = put.hop};

	pipe_hop(b, &put, "combine.read", read, p, p->passed);
}

/* The forwarder sums what came for a token; sums for other nodes' tokens are written and sent. */
static void back_across(struct flow_build *b, int64_t part, struct pipe *p)
{
	double bf16 = flow_bf16_row_bytes(b->request);
	struct shipment put = {.label = "combine.forward",
	                       .way = BACKWARD,
	                       .unit = UNIT_TOKEN_NODE,
	                       .hop = HOP_TO_FORWARDER,
	                       .row_bytes = bf16,
	                       .from = &node_sum,
	                       .to = &returned,
	                       .part = part,
	                       .parts = parts_of(b->request),
	                       .remote_only = true};

	stage_join(b, "combine.forward", p->crossed, p->arrived, p->crossed);
	stage_copy(b, "combine.forward_sum",
	           (struct traffic){.per_row_out_bytes = p->ratio * bf16, .hop = HOP_FORWARD}, 0,
	           p->crossed, p->crossed);
	note_sum_part(b, p->crossed, UNIT_BRANCH, &back_passing, UNIT_TOKEN_NODE, &node_sum, &put);
	pipe_hop(b, &put, "combine.forward_read",
	         (struct traffic){.per_row_in_bytes = p->ratio * 2 * bf16,
	                          .per_stay_bytes = p->ratio * bf16,
	                          .unit = put.unit,
	                          .hop = put.hop,
	                          .remote_only = true},
	         p, p->crossed);
	note_stay(b, p->crossed, put);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);
	bool direct = build_one_node(b);
	enum unit unit = direct ? UNIT_BRANCH : UNIT_TOKEN_NODE;
	struct pipe p;

	stage_delay(b, "combine.kernel", b->topology->machine->sync.kernel_s, ready, done);
	pipe_init(&p, b, parts_of(b->request), done);
	for (int64_t part = 0; part < parts_of(b->request); part++) {
		back_in_node(b, part, &p);
		if (!direct)
			back_across(b, part, &p);
		stage_join(b, "combine.sum", p.taken, p.arrived, p.taken);
	}
	pipe_end(&p, b, "combine.sum", done);
	stage_copy(b, "combine.sum",
	           (struct traffic){.per_row_out_bytes = bf16,
	                            .per_token_bytes = bf16,
	                            .unit = unit,
	                            .hop = direct ? HOP_FORWARD : HOP_TO_FORWARDER},
	           0, done, done);
	note_sum(b, done, unit, direct ? &back_passing : &returned, UNIT_TOKEN, &place_output);
}

/* ---- memory ---- */

/* Rings hold two parts of what a rank has to do where all have the same; if more comes, its senders
 * wait for room. Within one node results are summed at the end, when all are there. */
static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n = (double)q->routing->n_ranks, tokens = (double)q->tokens;
	double top_k = (double)q->model->top_k, experts = (double)q->model->experts;
	double nodes = ceil(n / (double)machine_dies_per_node(q->machine));
	double n_out = flow_rows_out_count(q), n_in = flow_window_rows_count(q);
	double held = nodes > 1 ? fmin(2 / (double)parts_of(q), 1) : 1;
	double bf16 = flow_bf16_row_bytes(q), row = flow_scaled_row_bytes(q);
	double sums = nodes > 1 ? tokens * fmin(nodes, top_k) : 0;
	const struct buffer all[] = {
	        {"forward ring", "symmetric heap", LIFE_DOMAIN, held * sums * message_bytes(q)},
	        {"combine ring", "symmetric heap", LIFE_DOMAIN, held * n_out * bf16},
	        {"node sums", "symmetric heap", LIFE_DOMAIN, held * sums * bf16},
	        {"returned rows", "symmetric heap", LIFE_DOMAIN, sums * bf16},
	        {"counts", "symmetric heap", LIFE_DOMAIN, 2 * n * experts * count_bytes},
	        {"descriptors", "workspace", LIFE_LAYER, n_out * descriptor_bytes},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	        {"expert window", "symmetric heap", LIFE_LAYER, n_in * row},
	        {"expert output", "symmetric heap", LIFE_LAYER, n_in * bf16},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_fusco = {
        .name = "fusco",
        .doc = "one row to each node, to its least loaded GPU, from there into expert windows "
               "(FUSCO)",
        .options = 1 << OPTION_WINDOW | 1 << OPTION_PIPELINE,
        .dispatch = dispatch,
        .combine = combine,
        .window = &window,
        .result = &result,
        .buffers = buffers,
};
