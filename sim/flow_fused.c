/* fused: dispatch, experts and combine of a layer in parts, so that one part communicates while
 * another computes.
 *
 * The pipeline of Tutel (arXiv:2206.03382, a2a_ffn_overlap_degree d) and of fused kernels such as
 * Comet and FlashMoE. The option `pipeline` is d. Prefill cuts each rank's tokens into d shares,
 * as Tutel does: each share's experts read their weights again. Decode, where reading weights is
 * the compute, cuts each rank's experts instead, and reads each once.
 *
 * Steps  counts of all experts go to all ranks, which then know where every row lies. One stream
 *        communicates: dispatch of part 1 .. d, then combine of part 1 .. d; another computes part
 *        after part. Dispatch writes rows into the experts' window and flags; a part computes when
 *        its flags are there; combine writes its results to the tokens' ranks. Flags after the
 *        last of them, then the weighted sum.
 * Each part and direction is a kernel, with its launch, its SyncAll and its flags; that is what a
 * larger d costs, besides smaller GEMMs. The 4-byte scale of a quantised row is charged.
 *
 * Checked: the flags of each part are needed, and one set of flags after combine is enough for all
 * parts, since a rank's writes leave it in order and flags follow the last. Nothing needs halves:
 * the wait for counts of the next layer stands between this layer's reads and the next's writes. */
#include "sim/flow_build.h"
#include <stdlib.h>
#include <string.h>

static const double count_bytes = 4; /* int32 per expert */
static const double flag_bytes = 32; /* to every rank */
enum { PARTS = 2 };                  /* without the option: the least that overlaps */

static const struct place own_counts = {.buffer = "own counts", .layout = LAYOUT_COUNTS};
static const struct place counts = {.buffer = "counts", .layout = LAYOUT_COUNTS};
static const struct place window = {
        .buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts};
static const struct place experts_window = {.buffer = "expert window", .layout = LAYOUT_WINDOW};
static const struct place result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};
static const struct place returned = {.buffer = "returned rows", .layout = LAYOUT_BRANCH};

static bool applies(const struct flow_request *q, const char **why_not)
{
	if (machine_farthest(q->machine, q->routing->n_ranks) == TIER_RDMA)
		*why_not = "rows are written into windows: the fabric does not span EP";
	return *why_not == NULL;
}

/* How many parts; in decode no more than a rank has experts, in prefill than it has tokens. */
static int64_t parts_of(const struct flow_request *q)
{
	int64_t set = q->options.pipeline, wish = set > 0 ? set : PARTS;
	int64_t local = q->model->experts / q->routing->n_ranks;
	int64_t most = q->phase == PHASE_DECODE ? local : q->tokens;

	return wish < most ? wish : most > 0 ? most : 1;
}

/* The part-th of parts, as a choice of tokens or of experts. */
static void choose_part(const struct flow_request *q, int64_t part, int64_t parts,
                        struct shipment *s)
{
	int64_t local = q->model->experts / q->routing->n_ranks;

	if (q->phase == PHASE_PREFILL) {
		s->part = part, s->parts = parts;
		return;
	}
	s->first_expert = part * local / parts;
	s->n_experts = (part + 1) * local / parts - s->first_expert;
}

static void exchange_counts(struct flow_build *b, uint32_t *at)
{
	double experts = (double)b->request->model->experts;

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, at, at);
	note_counts(b, at, &own_counts);
	stage_send(b, "dispatch.counts", count_bytes * experts, 1, at, at);
	note_counts_sent(b, at, &own_counts, &counts);
	stage_flags(b, "dispatch.counts", at, at);
	stage_places(b, "dispatch.counts", at, at);
}

/* Dispatch of one part; `first` goes on in the kernel that exchanged the counts. arrived: its rows
 * are there on every rank. */
static void send_part(struct flow_build *b, const struct source *from, struct shipment s,
                      bool first, uint32_t *at, uint32_t *arrived)
{
	const struct machine *m = b->topology->machine;
	struct traffic read = {.per_row_out_bytes = from->read_bytes,
	                       .quantised_bytes = from->quantised_bytes,
	                       .of = &s};

	s.label = "dispatch.put", s.row_bytes = flow_scaled_row_bytes(b->request);
	s.op = from->op, s.from = from->place, s.to = &window;
	if (!first)
		stage_delay(b, "dispatch.kernel", m->sync.kernel_s, at, at);
	stage_read_put(b, "dispatch.read", &read, &s, at);
	stage_wait(b, "dispatch.sync", m->sync.vector_s, at, at);
	stage_send(b, "dispatch.flags", flag_bytes, 1, at, at);
	stage_flags(b, "dispatch.flags", at, arrived);
}

/* Combine of one part, without the flags that end the last. */
static void return_part(struct flow_build *b, struct shipment s, uint32_t *at)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request);
	struct traffic read = {.per_row_in_bytes = bf16, .of = &s};

	s.label = "combine.put", s.way = BACKWARD, s.row_bytes = bf16;
	s.from = &result, s.to = &returned;
	stage_delay(b, "combine.kernel", m->sync.kernel_s, at, at);
	stage_read_put(b, "combine.read", &read, &s, at);
	stage_wait(b, "combine.sync", m->sync.vector_s, at, at);
}

static void finish(struct flow_build *b, uint32_t *at)
{
	double bf16 = flow_bf16_row_bytes(b->request);

	stage_signal(b, "combine.flags", flag_bytes, 1, at, at);
	stage_copy(b, "combine.reduce",
	           (struct traffic){.per_row_out_bytes = bf16, .per_token_bytes = bf16}, 0, at, at);
	note_sum(b, at, UNIT_BRANCH, &returned, UNIT_TOKEN, &place_output);
}

static void layer(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	int64_t parts = parts_of(b->request);
	size_t n = (size_t)b->n;
	struct source from = stage_source(b, ready, done);
	uint32_t *arrived = heap_zeroed((size_t)parts * n, sizeof *arrived);
	uint32_t *compute = heap_zeroed(n, sizeof *compute);

	exchange_counts(b, done);
	memcpy(compute, done, n * sizeof *compute);
	for (int64_t i = 0; i < parts; i++) {
		struct shipment s = {0};

		choose_part(b->request, i, parts, &s);
		send_part(b, &from, s, i == 0, done, arrived + (size_t)i * n);
	}
	for (int64_t i = 0; i < parts; i++) {
		struct shipment s = {0};

		choose_part(b->request, i, parts, &s);
		stage_join(b, "expert.start", compute, arrived + (size_t)i * n, compute);
		b->experts(b->experts_context, b,
		           &(struct expert_part){.first = s.first_expert,
		                                 .n = s.n_experts,
		                                 .part = s.part,
		                                 .parts = s.parts},
		           compute, compute);
		stage_join(b, "combine.start", compute, done, done);
		return_part(b, s, done);
	}
	finish(b, done);
	free(arrived);
	free(compute);
}

/* The same in one part. */
static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	struct source from = stage_source(b, ready, done);

	exchange_counts(b, done);
	send_part(b, &from, (struct shipment){0}, true, done, done);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	memmove(done, ready, (size_t)b->n * sizeof *done);
	return_part(b, (struct shipment){0}, done);
	finish(b, done);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n_in = flow_window_rows_count(q), bf16 = flow_bf16_row_bytes(q);
	double experts = (double)q->model->experts, n_ranks = (double)q->routing->n_ranks;
	const struct buffer all[] = {
	        {"expert window", "symmetric heap", LIFE_LAYER, n_in * flow_scaled_row_bytes(q)},
	        {"expert output", "workspace", LIFE_LAYER, n_in * bf16},
	        {"returned rows", "symmetric heap", LIFE_LAYER, flow_rows_out_count(q) * bf16},
	        {"counts and offsets", "symmetric heap", LIFE_LAYER,
	         2 * count_bytes * n_ranks * experts},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_fused = {
        .name = "fused",
        .doc = "dispatch, experts and combine in parts that overlap (Tutel's pipeline degree)",
        .options = 1 << OPTION_WINDOW | 1 << OPTION_QUANTISE | 1 << OPTION_PIPELINE,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .layer = layer,
        .window = &experts_window,
        .result = &result,
        .buffers = buffers,
};
