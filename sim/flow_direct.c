/* direct: rows go straight into the destination's expert window; combine reads remote windows.
 *
 * Prefill: layout counts rows; notify pulls every rank's counts and computes offsets; the host
 * reads two of them and allocates windows collectively; dispatch writes rows; combine reads them.
 * Decode: counts are exchanged inside the kernel, together with the addresses of the windows;
 * rows are written; completion flags. Combine asks for addresses, then reads.
 *
 * Steps and bytes: arXiv:2605.06055 sections 4-5 and its prefill prototype (sgl-kernel-npu at
 * 6b8772f0). Two waits that the prototype leaves to its surroundings are modelled: peers' layout
 * before notify reads their counts, peers' expert output before combine reads it. Sizes that are
 * not published: decode counts are taken as 4 bytes for each of the E experts to every peer, since
 * a row's place depends on the counts of all ranks; the handshake as one round trip.
 * The 4-byte scale of a quantised row is charged to the wire and to the window's HBM. */
#include "sim/flow_build.h"
#include <stdlib.h>

static const double count_bytes = 4; /* int32 per expert */
static const double flag_bytes = 32; /* completion, to every rank */
static const int host_reads = 2;     /* maxBs and totalRecv */
static const int allocations = 3;    /* collective, one more when quantised */

/* Decode keeps two tables and uses them in turns: a rank that is through with a layer sends its
 * counts for the next while others still read theirs to combine. */
static const struct place own_counts = {.buffer = "own counts", .layout = LAYOUT_COUNTS};
static const struct place own_in_turns = {
        .buffer = "own counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place counts = {.buffer = "counts", .layout = LAYOUT_COUNTS};
static const struct place counts_in_turns = {
        .buffer = "counts", .layout = LAYOUT_COUNTS, .turns = TURNS_LAYER};
static const struct place window[PHASES] = {
        {.buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts},
        {.buffer = "expert window", .layout = LAYOUT_WINDOW, .table = &counts_in_turns}};
static const struct place result[PHASES] = {
        {.buffer = "expert output", .layout = LAYOUT_WINDOW, .table = &counts},
        {.buffer = "expert output", .layout = LAYOUT_WINDOW, .table = &counts_in_turns}};
static const struct place fetched = {.buffer = "vector cores", .layout = LAYOUT_BRANCH};
static const struct place experts_window = {.buffer = "expert window", .layout = LAYOUT_WINDOW};
static const struct place experts_result = {.buffer = "expert output", .layout = LAYOUT_WINDOW};

static bool applies(const struct flow_request *q, const char **why_not)
{
	bool prefill = q->phase == PHASE_PREFILL;

	if (machine_farthest(q->machine, q->routing->n_ranks) == TIER_RDMA)
		*why_not = "direct placement needs one address space: the fabric does not span EP";
	else if (prefill && q->options.addresses != ADDRESSES_AUTO)
		*why_not = "addresses are exchanged in decode alone";
	return *why_not == NULL;
}

/* Read rows and write them to their windows, until the last has arrived. */
static void place_rows(struct flow_build *b, const struct source *from, uint32_t *at)
{
	struct shipment put = {.label = "dispatch.put",
	                       .row_bytes = flow_scaled_row_bytes(b->request),
	                       .op = from->op,
	                       .from = from->place,
	                       .to = &window[b->request->phase]};
	struct traffic read = {.per_row_out_bytes = from->read_bytes,
	                       .quantised_bytes = from->quantised_bytes};

	stage_read_put(b, "dispatch.read", &read, &put, at);
	stage_wait(b, "dispatch.sync", b->topology->machine->sync.vector_s, at, at);
}

/* All rows of all ranks are there. */
static void complete(struct flow_build *b, const char *barrier, const char *flags, uint32_t *at)
{
	int completion = b->request->options.completion;
	bool prefill = b->request->phase == PHASE_PREFILL;

	if (completion == COMPLETION_BARRIER || (completion == COMPLETION_AUTO && prefill))
		stage_barrier(b, barrier, at, at);
	else
		stage_signal(b, flags, flag_bytes, 1, at, at);
}

/* Counts of each rank's rows for each expert. */
static double table_entries(const struct flow_build *b)
{
	return (double)b->request->routing->n_ranks * (double)b->request->model->experts;
}

static void prefill_dispatch(struct flow_build *b, const struct source *from, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double experts = (double)b->request->model->experts;

	stage_delay(b, "dispatch.layout", m->sync.kernel_s, done, done);
	note_counts(b, done, &own_counts);
	stage_flags(b, "dispatch.layout", done, done);
	/* a pull: the request goes one way before the counts come back */
	stage_delay(b, "dispatch.notify", m->sync.kernel_s + build_wire_s(b), done, done);
	stage_control(b, "dispatch.notify", count_bytes * experts, done, done);
	note_counts_pulled(b, done, &own_counts, &counts);
	stage_wait(b, "dispatch.notify", m->sync.vector_s, done, done);
	stage_barrier(b, "dispatch.notify", done, done);
	/* half of the cores share the offsets of R x E blocks */
	stage_scan(b, "dispatch.notify", table_entries(b) / (build_cores_count(b) / 2), done, done);
	stage_wait(b, "dispatch.notify", m->sync.vector_s, done, done);
	stage_wait(b, "dispatch.host", host_reads * m->sync.host_s, done, done);
	stage_host_barrier(b, "dispatch.host", allocations + flow_quantises(b->request), done,
	                   done);
	stage_delay(b, "dispatch.kernel", m->sync.kernel_s, done, done);
	place_rows(b, from, done);
	complete(b, "dispatch.barrier", "dispatch.flags", done);
}

static void decode_dispatch(struct flow_build *b, const struct source *from, uint32_t *done)
{
	double experts = (double)b->request->model->experts;

	stage_delay(b, "dispatch.kernel", b->topology->machine->sync.kernel_s, done, done);
	note_counts(b, done, &own_in_turns);
	stage_send(b, "dispatch.counts", count_bytes * experts, 1, done, done);
	note_counts_sent(b, done, &own_in_turns, &counts_in_turns);
	stage_flags(b, "dispatch.counts", done, done);
	stage_places(b, "dispatch.counts", done, done);
	place_rows(b, from, done);
	complete(b, "dispatch.barrier", "dispatch.flags", done);
}

static void dispatch(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	struct source from = stage_source(b, ready, done);

	if (b->request->phase == PHASE_PREFILL)
		prefill_dispatch(b, &from, done);
	else
		decode_dispatch(b, &from, done);
}

/* The outputs of all peers are there; in decode the same message brings their addresses, for which
 * a request went out before, unless they are cached. */
static void outputs_ready(struct flow_build *b, uint32_t *at)
{
	if (b->request->phase == PHASE_PREFILL) {
		complete(b, "combine.barrier", "combine.flags", at);
		return;
	}
	if (b->request->options.addresses != ADDRESSES_CACHED)
		stage_delay(b, "combine.handshake", build_wire_s(b), at, at);
	stage_signal(b, "combine.handshake", 0, 1, at, at);
}

static void combine(struct flow_build *b, const uint32_t *ready, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double bf16 = flow_bf16_row_bytes(b->request);
	struct shipment get = {.label = "combine.get",
	                       .way = BACKWARD,
	                       .row_bytes = bf16,
	                       .from = &result[b->request->phase],
	                       .to = &fetched};
	uint32_t *pulled = heap_zeroed(2 * (size_t)b->n, sizeof *pulled), *least = pulled + b->n;

	stage_delay(b, "combine.kernel", m->sync.kernel_s, ready, done);
	outputs_ready(b, done);
	stage_get(b, &get, done, pulled);
	stage_whole_tokens(b, &get, false, done, least);
	stage_join(b, "combine.get", pulled, least, pulled);
	stage_copy(b, "combine.write", (struct traffic){.per_token_bytes = bf16}, 0, done, done);
	stage_join(b, "combine.get", done, pulled, done);
	note_sum(b, done, UNIT_BRANCH, &fetched, UNIT_TOKEN, &place_output);
	if (b->request->phase == PHASE_PREFILL) {
		stage_wait(b, "combine.sync", m->sync.vector_s, done, done);
		complete(b, "combine.barrier", "combine.flags", done);
	}
	free(pulled);
}

static size_t buffers(const struct flow_request *q, struct buffer *out)
{
	double n_in = flow_window_rows_count(q);
	double experts = (double)q->model->experts, n_ranks = (double)q->routing->n_ranks;
	const struct buffer all[] = {
	        {"expert window", "symmetric heap", LIFE_LAYER, n_in * flow_scaled_row_bytes(q)},
	        {"expert output", "symmetric heap", LIFE_LAYER, n_in * flow_bf16_row_bytes(q)},
	        {"counts and offsets", "symmetric heap", LIFE_LAYER,
	         2 * count_bytes * n_ranks * experts},
	        {"domain state", "symmetric heap", LIFE_DOMAIN, q->machine->extra.domain_bytes},
	};

	return buffers_list(out, all, sizeof all / sizeof *all);
}

const struct flow flow_direct = {
        .name = "direct",
        .doc = "rows straight into the destination's expert window; combine reads remote windows",
        .options = 1 << OPTION_COMPLETION | 1 << OPTION_ADDRESSES | 1 << OPTION_WINDOW |
                   1 << OPTION_QUANTISE,
        .applies = applies,
        .dispatch = dispatch,
        .combine = combine,
        .window = &experts_window,
        .result = &experts_result,
        .buffers = buffers,
};
