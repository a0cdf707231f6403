/* two-phase: gather in the node, then one message for each pair; Janus.
 *
 * A node's rows for another node are brought together over its own links before they cross the
 * network, so that few large messages cross. Two ways of it, of which the cheaper is to be taken:
 *   dedup: rank  all pairs (the default). The rank of the owner's place gathers what its node sends
 *                to the owner, one row for each token, and sends it.
 *   dedup: node  one representative. One rank of the node gathers what the node sends to the other
 *                node, one row for each token, and sends it to one rank there, which passes each
 *                row on to all owners that need it. Other nodes have other representatives, in
 *                turn, but with fewer nodes than ranks in a node some have nothing to send.
 * Combine goes the same way back, with sums of each rank, and of each node where rows were passed
 * on. Within one node rows go to their owners at once. Experts gather their rows from the slots.
 *
 * Source: arXiv:2512.13525 (Janus), whose attention and experts are on ranks of their own; here
 * they share ranks, as in all flows. Slots and flags are taken as in one-sided; a flag goes to
 * every rank at the end of dispatch, and with the rows elsewhere.
 *
 * What the checker says: slots need no turns and no barrier, since a row's result comes back
 * through the ranks that its row passed, before the next layer's row may pass them. Of the last
 * leg's flags and those at the end of dispatch either would do; but only the latter tell an owner
 * that no more rows will come. */
#include "sim/flow_build.h"
#include <math.h>
#include <stdlib.h>

static const double scale_bytes = 4;   /* of a quantised row */
static const double routing_bytes = 8; /* int32 expert and float weight, for each of top_k */
static const double flag_bytes = 4;    /* completion, to every rank */

/* One of the ways that rows take, and where it ends. */
struct leg {
	const char *label, *read, *wait;
	enum unit unit;
	enum hop hop;
	struct place to;
	bool sums; /* combine: rows of a rank are summed for their node before it */
};
enum { MOST_LEGS = 3 };
struct route {
	struct leg out[MOST_LEGS], back[MOST_LEGS];
	int64_t n;
};

static const struct place slots = {.buffer = "dispatch slots", .layout = LAYOUT_RANK_SLOTS};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place reduced = {.buffer = "combine slots", .layout = LAYOUT_RANK_SLOTS};
static const struct place node_sum = {.buffer = "node sums", .layout = LAYOUT_PAIR_IN};

#define SLOTS                                                                                      \
	{                                                                                          \
		.buffer = "dispatch slots", .layout = LAYOUT_RANK_SLOTS                            \
	}
#define RETURNED                                                                                   \
	{                                                                                          \
		.buffer = "returned rows", .layout = LAYOUT_BRANCH                                 \
	}

static const struct route in_node = {.out = {{"dispatch.put", "dispatch.read", "dispatch.wait",
                                              UNIT_TOKEN_RANK, HOP_WHOLE, SLOTS, false}},
                                     .back = {{"combine.put", "combine.read", "combine.wait",
                                               UNIT_TOKEN_RANK, HOP_WHOLE, RETURNED, false}},
                                     .n = 1};
static const struct route all_pairs = {
        .out = {{"dispatch.gather",
                 "dispatch.gather_read",
                 "dispatch.wait",
                 UNIT_TOKEN_RANK,
                 HOP_ALIGN,
                 {.buffer = "gathered rows", .layout = LAYOUT_ALIGNED},
                 false},
                {"dispatch.put", "dispatch.read", "dispatch.wait", UNIT_TOKEN_RANK, HOP_ACROSS,
                 SLOTS, false}},
        .back = {{"combine.put",
                  "combine.read",
                  "combine.wait",
                  UNIT_TOKEN_RANK,
                  HOP_ACROSS,
                  {.buffer = "combine gathered rows", .layout = LAYOUT_ALIGNED},
                  false},
                 {"combine.spread", "combine.spread_read", "combine.wait", UNIT_TOKEN_RANK,
                  HOP_ALIGN, RETURNED, false}},
        .n = 2};
static const struct route representative = {
        .out = {{"dispatch.gather",
                 "dispatch.gather_read",
                 "dispatch.wait",
                 UNIT_TOKEN_NODE,
                 HOP_GATHER,
                 {.buffer = "gathered rows", .layout = LAYOUT_PAIR_OUT},
                 false},
                {"dispatch.put",
                 "dispatch.read",
                 "dispatch.wait",
                 UNIT_TOKEN_NODE,
                 HOP_PAIR,
                 {.buffer = "node's rows", .layout = LAYOUT_PAIR_IN},
                 false},
                {"dispatch.spread", "dispatch.spread_read", "dispatch.wait", UNIT_TOKEN_RANK,
                 HOP_SPREAD, SLOTS, false}},
        .back = {{"combine.gather",
                  "combine.gather_read",
                  "combine.wait",
                  UNIT_TOKEN_RANK,
                  HOP_SPREAD,
                  {.buffer = "node's results", .layout = LAYOUT_PAIR_BRANCHES},
                  false},
                 {"combine.put",
                  "combine.read",
                  "combine.wait",
                  UNIT_TOKEN_NODE,
                  HOP_PAIR,
                  {.buffer = "combine gathered rows", .layout = LAYOUT_PAIR_OUT},
                  true},
                 {"combine.spread", "combine.spread_read", "combine.wait", UNIT_TOKEN_NODE,
                  HOP_GATHER, RETURNED, false}},
        .n = 3};

static bool one_node(const struct flow_request *q)
{
	return q->routing->n_ranks <= machine_dies_per_node(q->machine);
}

static const struct route *route_of(const struct flow_request *q)
{
	if (one_node(q))
		return &in_node;
	return q->options.dedup == DEDUP_NODE ? &representative : &all_pairs;
}

static bool uneven(const struct flow_request *q)
{
	return route_of(q) == &representative;
}

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (q->options.dedup == DEDUP_NONE)
		*why_not = "rows go once to each rank or node";
	return *why_not == NULL;
}

static double sent_row_bytes(const struct flow_request *q)
{
	return flow_row_bytes(q) + (flow_quantises(q) ? scale_bytes : 0) +
	       routing_bytes * (double)q->model->top_k;
}

/* Puts rows over one leg, reads them beside it, and waits for what others put. */
static void walk(struct flow_build *b, const struct leg *leg, const struct shipment *s,
                 struct traffic read, uint32_t *at)
{
	uint32_t *arrived = heap_zeroed(2 * (size_t)b->n, sizeof *arrived);
	uint32_t *sent = arrived + b->n;

	stage_put(b, s, at, sent, arrived);
	stage_copy(b, leg->read, read, 0, at, at);
	stage_join(b, leg->label, at, sent, at);
	stage_join(b, leg->label, at, arrived, at);
	stage_wait(b, leg->wait, b->topology->machine->sync.flag_s, at, at);
	free(arrived);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct route *route = route_of(b->request);
	struct source from = stage_source(b, ready, done);
	double row = sent_row_bytes(b->request);

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, done, done);
	for (int64_t i = 0; i < route->n; i++) {
		const struct leg *leg = &route->out[i];
		struct shipment put = {.label = leg->label,
		                       .unit = leg->unit,
		                       .hop = leg->hop,
		                       .row_bytes = row,
		                       .op = i ? EFFECT_COPY : from.op,
		                       .from = i ? &route->out[i - 1].to : from.place,
		                       .to = &leg->to};
		struct traffic read = {
		        .per_row_out_bytes = row, .unit = leg->unit, .hop = leg->hop};

		if (i == 0) /* each token is read once */
			read = (struct traffic){.per_token_bytes = from.read_bytes,
			                        .quantised_token_bytes = from.quantised_bytes};
		walk(b, leg, &put, read, done);
	}
	stage_signal(b, "dispatch.flags", flag_bytes, 1, done, done);
}

/* Sums of what a rank's experts say about a token: the end of the expert compute. */
static void reduce(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double bf16 = flow_bf16_row_bytes(b->request);

	stage_copy(b, "expert.reduce", (struct traffic){.per_row_in_bytes = bf16}, 0, ready, done);
	stage_copy(b, "expert.reduce",
	           (struct traffic){.per_row_in_bytes = bf16, .unit = UNIT_TOKEN_RANK}, 0, done,
	           done);
	note_sum(b, done, UNIT_BRANCH, &result, UNIT_TOKEN_RANK, &reduced);
}

/* The representative's sums of its node's results. */
static const struct place *sum_for_node(struct flow_build *b, const struct leg *before,
                                        uint32_t *at)
{
	double bf16 = flow_bf16_row_bytes(b->request);

	stage_copy(b, "combine.node_sum",
	           (struct traffic){
	                   .per_row_out_bytes = bf16, .unit = UNIT_TOKEN_RANK, .hop = HOP_SPREAD},
	           0, at, at);
	stage_copy(b, "combine.node_sum",
	           (struct traffic){
	                   .per_row_in_bytes = bf16, .unit = UNIT_TOKEN_NODE, .hop = HOP_PAIR},
	           0, at, at);
	note_sum(b, at, UNIT_TOKEN_RANK, &before->to, UNIT_TOKEN_NODE, &node_sum);
	return &node_sum;
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct route *route = route_of(b->request);
	const struct leg *leg = &route->back[0], *last = &route->back[route->n - 1];
	const struct place *from = &reduced;
	double bf16 = flow_bf16_row_bytes(b->request);

	reduce(b, ready, done);
	stage_delay(b, "combine.kernel", b->topology->machine->sync.kernel_s, done, done);
	for (int64_t i = 0; i < route->n; i++, from = &leg->to, leg++) {
		struct shipment put = {.label = leg->label,
		                       .way = BACKWARD,
		                       .unit = leg->unit,
		                       .hop = leg->hop,
		                       .row_bytes = bf16,
		                       .from = leg->sums ? sum_for_node(b, leg - 1, done) : from,
		                       .to = &leg->to};

		walk(b, leg, &put,
		     (struct traffic){.per_row_in_bytes = bf16, .unit = leg->unit, .hop = leg->hop},
		     done);
	}
	stage_copy(b, "combine.sum",
	           (struct traffic){.per_row_out_bytes = bf16,
	                            .per_token_bytes = bf16,
	                            .unit = last->unit,
	                            .hop = last->hop},
	           0, done, done);
	note_sum(b, done, last->unit, &last->to, UNIT_TOKEN, &place_output);
}

/* Slots for every token that may come: at its owners, and on the way, where a rank may deal with
 * all rows of a node that go to one rank, or to several nodes. */
static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n = (double)q->routing->n_ranks, tokens = (double)q->tokens;
	double node = (double)machine_dies_per_node(q->machine), peers = fmin(n, node);
	double nodes = ceil(n / node), duties = floor(nodes / peers) + 1;
	double row = sent_row_bytes(q), bf16 = flow_bf16_row_bytes(q), there = 0, kept = 0;
	double top_k = (double)q->model->top_k;

	if (route_of(q) == &all_pairs) /* a row for each owner of the place: one in each node */
		there = peers * tokens * fmin(nodes, top_k);
	if (route_of(q) == &representative) /* of those it sends for, and of those it receives */
		there = 2 * duties * peers * tokens, kept = duties * peers * tokens * top_k;
	const struct buffer all[] = {
	        {"dispatch slots", "symmetric heap", LIFE_DOMAIN, n * tokens * row},
	        {"combine slots", "symmetric heap", LIFE_DOMAIN, n * tokens * bf16},
	        {"rows on their way", "symmetric heap", LIFE_DOMAIN, there * row},
	        {"results on their way", "symmetric heap", LIFE_DOMAIN, (there + kept) * bf16},
	        {"returned rows", "symmetric heap", LIFE_DOMAIN, tokens * top_k * bf16},
	        {"expert output", "workspace", LIFE_LAYER, flow_window_rows_count(q) * bf16},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_two_phase = {
        .name = "two-phase",
        .doc = "gather in the node, then one message for each pair of ranks or nodes (Janus)",
        .options = 1 << OPTION_QUANTISE | 1 << OPTION_DEDUP | 1 << OPTION_WINDOW,
        .uneven = uneven,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .window = &slots,
        .result = &result,
        .buffers = buffers,
};
