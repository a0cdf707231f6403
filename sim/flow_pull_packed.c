/* pull-packed: rows lie packed in their source's own window, destinations pull them expert by
 * expert, and each expert computes as soon as its rows are there.
 *
 * PTO MegaMoE for A2 and A3 (hw-native-sys/pto-isa at 3186c381; flows.md section 7), one kernel:
 * Front reorder  sorts rows by expert, quantises each and writes it into the rank's own window.
 * Counts         each rank writes its counts by expert to all others. They carry a marker value:
 *                a count that is there is its own flag, and says that the rows are there, too.
 * Pulls          each destination pulls the rows of its experts, one expert after the other, two
 *                of them under way at a time, so that one's latency hides under the other's bytes.
 * Experts        each starts when its rows have arrived; all in the same kernel.
 * Combine        each expert's results are written to the tokens' ranks by 8 vector cores (more
 *                would take HBM from the GEMMs), under the next experts; then flags, and each
 *                token's weighted sum (unpermute).
 * The option `pipeline` makes it that many groups of experts instead of single ones.
 *
 * Not in the source and taken: counts are 4 bytes for each of the E experts to every peer, since a
 * row's place at its source depends on the counts before it; completion is a 32-byte flag to every
 * rank. What cores of a die say to each other for each expert is not priced.
 *
 * Checked: counts may serve as flags only because SyncAll stands between the rows and them. With
 * the flags after combine nothing needs halves, and the marker need not change from layer to layer
 * if the reader clears it: no rank sends its next counts before all have read these. */
#include "sim/flow_build.h"
#include <stdlib.h>
#include <string.h>

static const double count_bytes = 4;             /* int32 per expert, with its marker */
static const double flag_bytes = 32;             /* completion, to every rank */
enum { COMBINE_CORES = 8, PULLS_AT_A_TIME = 2 }; /* pto-isa; ping-pong */

static const struct place own_counts = {.buffer = "own counts", .layout = LAYOUT_COUNTS};
static const struct place counts = {.buffer = "counts", .layout = LAYOUT_COUNTS};
static const struct place packed = {.buffer = "packed rows", .layout = LAYOUT_PACKED};
static const struct place packed_there = {
        .buffer = "packed rows", .layout = LAYOUT_PACKED, .table = &counts};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place experts_window = {.buffer = "expert window", .layout = LAYOUT_WINDOW};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place returned = {.buffer = "returned rows", .layout = LAYOUT_BRANCH};

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (machine_farthest(q->machine, q->routing->n_ranks) == TIER_RDMA)
		*why_not = "rows are pulled from windows: the fabric does not span EP";
	return *why_not == NULL;
}

/* Groups of experts: as many as asked for, or one for each expert. */
static int64_t groups_of(const struct flow_request *q)
{
	int64_t set = q->options.pipeline, local = q->model->experts / q->routing->n_ranks;

	return set > 0 && set < local ? set : local;
}

static void choose_group(const struct flow_request *q, int64_t group, int64_t groups,
                         struct shipment *s)
{
	int64_t local = q->model->experts / q->routing->n_ranks;

	s->first_expert = group * local / groups;
	s->n_experts = (group + 1) * local / groups - s->first_expert;
}

static void front_reorder(struct flow_build *b, const uint32_t *ready, uint32_t *at)
{
	const struct machine *m = b->topology->machine;
	double experts = (double)b->request->model->experts;
	struct source from = stage_source(b, ready, at);

	stage_copy(b, "dispatch.reorder",
	           (struct traffic){.per_row_out_bytes =
	                                    from.read_bytes + flow_scaled_row_bytes(b->request),
	                            .quantised_bytes = from.quantised_bytes},
	           m->sync.kernel_s, at, at);
	note_rows(b, at, from.op, UNIT_BRANCH, FORWARD, from.place, &packed);
	note_counts(b, at, &own_counts);
	stage_wait(b, "dispatch.sync", m->sync.vector_s, at, at);
	stage_send(b, "dispatch.counts", count_bytes * experts, 1, at, at);
	note_counts_sent(b, at, &own_counts, &counts);
	stage_flags(b, "dispatch.counts", at, at);
	stage_places(b, "dispatch.counts", at, at);
}

static void pull_group(struct flow_build *b, struct shipment s, const uint32_t *after,
                       uint32_t *pulled)
{
	struct traffic write = {.per_row_in_bytes = flow_scaled_row_bytes(b->request), .of = &s};
	uint32_t *got = heap_zeroed((size_t)b->n, sizeof *got);

	s.label = "dispatch.get", s.row_bytes = flow_scaled_row_bytes(b->request);
	s.from = &packed_there, s.to = &window;
	stage_get(b, &s, after, got);
	stage_copy(b, "dispatch.write", write, 0, after, pulled);
	stage_join(b, "dispatch.get", pulled, got, pulled);
	free(got);
}

static void push_group(struct flow_build *b, struct shipment s, uint32_t *at)
{
	double bf16 = flow_bf16_row_bytes(b->request);
	struct traffic read = {.per_row_in_bytes = bf16, .of = &s};

	s.label = "combine.put", s.way = BACKWARD, s.row_bytes = bf16;
	s.from = &result, s.to = &returned;
	s.few_cores = build_few_cores(b, COMBINE_CORES);
	stage_read_put(b, "combine.read", &read, &s, at);
}

static void finish(struct flow_build *b, uint32_t *at)
{
	double bf16 = flow_bf16_row_bytes(b->request);

	stage_wait(b, "combine.sync", b->topology->machine->sync.vector_s, at, at);
	stage_signal(b, "combine.flags", flag_bytes, 1, at, at);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16}, 0, at, at);
	note_sum(b, at, UNIT_BRANCH, &returned, UNIT_TOKEN, &place_output);
}

/* at[stage][rank]: where the last PULLS_AT_A_TIME pulls and pushes, and compute, have come to. */
struct progress {
	uint32_t *pull[PULLS_AT_A_TIME], *push[PULLS_AT_A_TIME], *compute;
};

static void one_group(struct flow_build *b, int64_t group, int64_t groups, struct progress *p)
{
	uint32_t *pull = p->pull[group % PULLS_AT_A_TIME], *push = p->push[group % PULLS_AT_A_TIME];
	struct shipment s = {0};

	choose_group(b->request, group, groups, &s);
	pull_group(b, s, pull, pull);
	stage_join(b, "expert.start", p->compute, pull, p->compute);
	b->experts(b->experts_context, b,
	           &(struct expert_part){
	                   .first = s.first_expert, .n = s.n_experts, .same_kernel = group > 0},
	           p->compute, p->compute);
	stage_join(b, "combine.start", p->compute, push, push);
	push_group(b, s, push);
}

static void layer(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	enum { LINES = 2 * PULLS_AT_A_TIME + 1 };
	size_t n = (size_t)b->n;
	uint32_t *block = heap_zeroed(LINES * n, sizeof *block);
	struct progress p = {.compute = block + 2 * PULLS_AT_A_TIME * n};
	int64_t groups = groups_of(b->request);

	front_reorder(b, ready, done);
	for (size_t i = 0; i < LINES; i++)
		memcpy(block + i * n, done, n * sizeof *block);
	for (size_t i = 0; i < PULLS_AT_A_TIME; i++) {
		p.pull[i] = block + 2 * i * n;
		p.push[i] = block + (2 * i + 1) * n;
	}
	for (int64_t group = 0; group < groups; group++)
		one_group(b, group, groups, &p);
	stage_join(b, "combine.put", p.push[0], p.push[1], done);
	finish(b, done);
	free(block);
}

/* The same without overlap: all experts are one group. */
static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	front_reorder(b, ready, done);
	pull_group(b, (struct shipment){0}, done, done);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	memmove(done, ready, (size_t)b->n * sizeof *done);
	push_group(b, (struct shipment){0}, done);
	finish(b, done);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n = flow_rows_out_count(q), n_in = flow_window_rows_count(q);
	double row = flow_scaled_row_bytes(q), bf16 = flow_bf16_row_bytes(q);
	double experts = (double)q->model->experts, n_ranks = (double)q->routing->n_ranks;
	const struct buffer all[] = {
	        {"packed rows", "symmetric heap", LIFE_LAYER, n * row},
	        {"expert window", "workspace", LIFE_LAYER, n_in * row},
	        {"expert output", "workspace", LIFE_LAYER, n_in * bf16},
	        {"returned rows", "symmetric heap", LIFE_LAYER, n * bf16},
	        {"counts and offsets", "symmetric heap", LIFE_LAYER,
	         2 * count_bytes * n_ranks * experts},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_pull_packed = {
        .name = "pull-packed",
        .doc = "destinations pull packed rows expert by expert; each computes when they are there",
        .options = 1 << OPTION_WINDOW | 1 << OPTION_QUANTISE | 1 << OPTION_PIPELINE,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .layer = layer,
        .window = &experts_window,
        .result = &result,
        .buffers = buffers,
};
