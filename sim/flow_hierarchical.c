/* hierarchical: two all-to-alls, within the node and between nodes; Tutel's 2DH, DeepSpeed-MoE.
 *
 * Dispatch  pack rows by expert; exchange counts and tell the host, which the library needs to size
 *           its transfers; align: bring rows for the same place of all nodes together; all-to-all
 *           in the node, to the rank of the owner's place; align by node; all-to-all between nodes
 *           among ranks of the same place, with messages as many times larger as a node has ranks;
 *           reorder into expert windows.
 * Combine   the same way back, and the weighted sum of top_k rows.
 * Compared with relay3, which does one all-to-all, that is two local copies and one collective
 * more, for a message to each node instead of each rank. Within one node it is relay3 with one copy
 * more. Only rows that there are move: Tutel's padding to the capacity is left out.
 *
 * Steps: Tutel (arXiv:2206.03382) section 3.4; DeepSpeed-MoE (arXiv:2201.05596) section 5.3.
 *
 * What the checker says: an exchange that ends when a rank's own rows have gone and come, as the
 * library's do, is enough, if counts take turns from layer to layer: a rank that gets no rows from
 * another may send it its next counts while that one still goes by the last. All else is kept in
 * order by the flags of the counts. */
#include "sim/flow_build.h"
#include <math.h>
#include <stdlib.h>

static const double count_bytes = 4; /* int32 per expert */

/* Where a rank's rows go in the receive buffers, the library settles by itself. */
static const struct place own_counts = {.buffer = "own counts", .layout = LAYOUT_COUNTS};
static const struct place counts = {
        .buffer = "counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place packed = {.buffer = "packed rows", .layout = LAYOUT_PACKED};
static const struct place send = {.buffer = "send buffer", .layout = LAYOUT_BRANCH};
static const struct place middle = {.buffer = "node receive buffer", .layout = LAYOUT_ALIGNED};
static const struct place aligned = {.buffer = "aligned rows", .layout = LAYOUT_ALIGNED};
static const struct place receive = {.buffer = "receive buffer", .layout = LAYOUT_RECEIVED};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place back_packed = {.buffer = "combine packed rows",
                                         .layout = LAYOUT_RECEIVED};
static const struct place back_middle = {.buffer = "combine node buffer", .layout = LAYOUT_ALIGNED};
static const struct place back_aligned = {.buffer = "combine aligned rows",
                                          .layout = LAYOUT_ALIGNED};
static const struct place back_receive = {.buffer = "combine receive buffer",
                                          .layout = LAYOUT_BRANCH};
static const struct place back_order = {.buffer = "combine rows", .layout = LAYOUT_PACKED};

/* One of the library's exchanges: read a buffer, write the receivers' buffers. */
static void all_to_all(struct flow_build *b, const struct shipment *s, const char *read,
                       const char *wait, uint32_t *at)
{
	const struct machine *m = b->topology->machine;
	bool forward = s->way == FORWARD;
	struct traffic out = {.per_row_out_bytes = forward ? s->row_bytes : 0,
	                      .per_row_in_bytes = forward ? 0 : s->row_bytes,
	                      .hop = s->hop};
	size_t n = (size_t)b->n;
	uint32_t *sent = heap_zeroed(2 * n, sizeof *sent), *arrived = sent + n;

	stage_delay(b, wait, m->sync.collective_s, at, at);
	stage_put(b, s, at, sent, arrived);
	stage_copy(b, read, out, 0, at, at);
	stage_join(b, wait, at, sent, at);
	stage_join(b, wait, at, arrived, at);
	stage_wait(b, wait, m->sync.flag_s, at, at);
	free(sent);
}

/* A local copy of all rows that are on their way at a rank: held before the hop in dispatch. */
static void copy_rows(struct flow_build *b, const char *label, enum hop hop, double row_bytes,
                      uint32_t *at)
{
	stage_copy(b, label, (struct traffic){.per_row_out_bytes = 2 * row_bytes, .hop = hop},
	           b->topology->machine->sync.kernel_s, at, at);
}

static void exchange_counts(struct flow_build *b, uint32_t *at)
{
	const struct machine *m = b->topology->machine;

	note_counts(b, at, &own_counts);
	stage_delay(b, "dispatch.counts", m->sync.collective_s, at, at);
	stage_send(b, "dispatch.counts", count_bytes * build_local_experts_count(b), 1, at, at);
	note_counts_sent(b, at, &own_counts, &counts);
	stage_flags(b, "dispatch.counts", at, at);
	stage_wait(b, "dispatch.host", m->sync.host_s, at, at);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double kernel_s = b->topology->machine->sync.kernel_s,
	       row = flow_scaled_row_bytes(b->request);
	struct source from = stage_source(b, ready, done);
	bool one_node = build_one_node(b);
	struct shipment in_node = {.label = "dispatch.put",
	                           .hop = HOP_ALIGN,
	                           .row_bytes = row,
	                           .from = &send,
	                           .to = &middle};
	struct shipment across = {.label = "dispatch.across",
	                          .hop = HOP_ACROSS,
	                          .row_bytes = row,
	                          .from = &aligned,
	                          .to = &receive};

	stage_copy(b, "dispatch.pack",
	           (struct traffic){.per_row_out_bytes = from.read_bytes + row,
	                            .quantised_bytes = from.quantised_bytes},
	           kernel_s, done, done);
	note_rows(b, done, from.op, UNIT_BRANCH, FORWARD, from.place, &packed);
	exchange_counts(b, done);
	copy_rows(b, "dispatch.align", HOP_ALIGN, row, done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, FORWARD, &packed, &send);
	all_to_all(b, &in_node, "dispatch.read", "dispatch.wait", done);
	if (!one_node) {
		copy_rows(b, "dispatch.align", HOP_ACROSS, row, done);
		note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, FORWARD, &middle, &aligned);
		all_to_all(b, &across, "dispatch.read", "dispatch.wait", done);
	}
	stage_copy(b, "dispatch.reorder", (struct traffic){.per_row_in_bytes = 2 * row}, kernel_s,
	           done, done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, FORWARD, one_node ? &middle : &receive,
	          &window);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	double kernel_s = b->topology->machine->sync.kernel_s;
	double bf16 = flow_bf16_row_bytes(b->request);
	bool one_node = build_one_node(b);
	struct shipment across = {.label = "combine.across",
	                          .way = BACKWARD,
	                          .hop = HOP_ACROSS,
	                          .row_bytes = bf16,
	                          .from = &back_packed,
	                          .to = &back_middle};
	struct shipment in_node = {.label = "combine.put",
	                           .way = BACKWARD,
	                           .hop = HOP_ALIGN,
	                           .row_bytes = bf16,
	                           .from = one_node ? &back_packed : &back_aligned,
	                           .to = &back_receive};

	stage_copy(b, "combine.reorder", (struct traffic){.per_row_in_bytes = 2 * bf16}, kernel_s,
	           ready, done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, BACKWARD, &result, &back_packed);
	if (!one_node) {
		all_to_all(b, &across, "combine.read", "combine.wait", done);
		copy_rows(b, "combine.align", HOP_ACROSS, bf16, done);
		note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, BACKWARD, &back_middle, &back_aligned);
	}
	all_to_all(b, &in_node, "combine.read", "combine.wait", done);
	copy_rows(b, "combine.align", HOP_ALIGN, bf16, done);
	note_rows(b, done, EFFECT_COPY, UNIT_BRANCH, BACKWARD, &back_receive, &back_order);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16}, kernel_s,
	           done, done);
	note_sum(b, done, UNIT_BRANCH, &back_order, UNIT_TOKEN, &place_output);
}

/* Most rows that pass a rank between the two exchanges, or at worst might. */
static double middle_rows_count(const struct flow_request *q)
{
	const struct routing *r = q->routing;
	int64_t node = machine_dies_per_node(q->machine), n = r->n_ranks;
	double per_node = fmin((double)n, (double)node), nodes = ceil((double)n / (double)node);
	double local = (double)q->model->experts / (double)n, most = 0;
	const struct nodes all = {n, node, NULL};

	if (flow_window_is_worst(q))
		return per_node * (double)q->tokens * fmin((double)q->model->top_k, local * nodes);
	if (r->balanced)
		return r->rows_per_rank_count;
	for (int64_t at = 0; at < n; at++) {
		double rows = 0;

		for (int64_t from = 0; from < n; from++) {
			for (int64_t to = 0; from / node == at / node && to < n; to++) {
				int64_t holder, passes;

				hop_ends(&all, HOP_ALIGN, from, to, &holder, &passes);
				rows += passes == at ? routing_rank_rows_count(r, from, to) : 0;
			}
		}
		most = fmax(most, rows);
	}
	return most;
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n = flow_rows_out_count(q), n_in = flow_window_rows_count(q);
	double n_middle = middle_rows_count(q), most = fmax(n, fmax(n_in, n_middle));
	double row = flow_scaled_row_bytes(q), bf16 = flow_bf16_row_bytes(q);
	const struct buffer all[] = {
	        {"domain state", "HCCL window", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	        {"packed rows, send buffer", "workspace", LIFE_DISPATCH, 2 * n * row},
	        {"node buffers", "workspace", LIFE_DISPATCH, 2 * n_middle * row},
	        {"receive buffer", "workspace", LIFE_DISPATCH, n_in * row},
	        {"expert window", "workspace", LIFE_LAYER, n_in * row},
	        {"expert output", "workspace", LIFE_LAYER, n_in * bf16},
	        {"combine packed rows", "workspace", LIFE_COMBINE, n_in * bf16},
	        {"combine node buffers", "workspace", LIFE_COMBINE, 2 * n_middle * bf16},
	        {"combine receive buffers", "workspace", LIFE_COMBINE, 2 * n * bf16},
	        {"library window", "HCCL window", LIFE_DOMAIN,
	         2 * q->machine->extra.relay_domain_bytes + most * fmax(row, bf16)},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_hierarchical = {
        .name = "hierarchical",
        .doc = "all-to-all in the node, then between nodes in larger messages (Tutel 2DH)",
        .options = 1 << OPTION_QUANTISE | 1 << OPTION_WINDOW,
        .dispatch = dispatch,
        .combine = combine,
        .window = &window,
        .result = &result,
        .buffers = buffers,
};
