#include "sim/flow_build.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/flow_ship.h"

void flow_build_init(struct flow_build *b, struct graph *g, const struct topology *t,
                     const struct flow_request *q)
{
	size_t n = (size_t)t->n_built;

	CHECK(!t->symmetric || q->routing->balanced);
	*b = (struct flow_build){.graph = g, .topology = t, .request = q, .n = t->n_built};
	b->scratch = heap_zeroed(n, sizeof *b->scratch);
	b->scratch_in = heap_zeroed(n * n, sizeof *b->scratch_in);
}

void flow_build_fini(struct flow_build *b)
{
	for (enum unit unit = 0; unit < UNITS; unit++) {
		for (enum hop hop = 0; hop < HOPS; hop++)
			free(b->rows_count[unit][hop]);
	}
	free(b->forwarder);
	free(b->segment_mean_count[0]);
	free(b->segment_mean_count[1]);
	free(b->scratch);
	free(b->scratch_in);
	free(b->stream);
}

double build_local_experts_count(const struct flow_build *b)
{
	return (double)b->request->model->experts / (double)b->topology->n_ranks;
}

bool build_one_node(const struct flow_build *b)
{
	return b->topology->n_ranks <= machine_dies_per_node(b->topology->machine);
}

double build_cores_count(const struct flow_build *b)
{
	return b->topology->cores_count;
}

double build_wire_s(const struct flow_build *b)
{
	const struct topology *t = b->topology;

	return machine_latency_s(t->machine, machine_farthest(t->machine, t->n_ranks));
}

uint32_t append_pause(struct flow_build *b, const char *label, int64_t rank, double latency_s,
                      bool is_sync, const uint32_t *after, size_t n_after)
{
	return graph_append(b->graph, &(struct activity){.label = label,
	                                                 .rank = (uint32_t)rank,
	                                                 .latency_s = latency_s,
	                                                 .is_sync = is_sync,
	                                                 .after = after,
	                                                 .n_after = n_after});
}

uint32_t append_join(struct flow_build *b, const char *label, int64_t rank, const uint32_t *after,
                     size_t n_after)
{
	return append_pause(b, label, rank, 0, false, after, n_after);
}

uint32_t build_few_cores(struct flow_build *b, int64_t n_cores)
{
	const struct topology *t = b->topology;
	const struct machine *m = t->machine;
	int64_t all = (int64_t)t->cores_count, n = n_cores < all ? n_cores : all;
	int64_t near = m->dies_per_package < t->n_ranks ? m->dies_per_package : t->n_ranks;
	uint32_t first = b->graph->n_resources;

	if (b->few_cores)
		return b->few_cores;
	for (int64_t r = 0; r < b->n; r++)
		graph_resource(b->graph, RES_PUT, (uint32_t)r,
		               machine_put_Bps(m, n, t->n_ranks - near));
	return b->few_cores = first;
}

static void pause_all(struct flow_build *b, const char *label, double latency_s, bool is_sync,
                      const uint32_t *after, uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++)
		done[r] = append_pause(b, label, r, latency_s, is_sync, after + r, 1);
}

void stage_delay(struct flow_build *b, const char *label, double latency_s, const uint32_t *after,
                 uint32_t *done)
{
	pause_all(b, label, latency_s, false, after, done);
}

/* What some work had waited for. */
struct begun {
	uint32_t *after; /* n of them, each once */
	size_t n;
	bool *seen; /* by activity */
};

/* What the work that ends in `end` had waited for: its predecessors, seen through joins. Joins of
 * joins lead to one activity by many paths, of which the first counts. */
static void begun_after(const struct flow_build *b, uint32_t end, struct begun *out)
{
	const struct graph *g = b->graph;
	bool works = end < b->record->touched_room && b->record->touched[end];

	if (out->seen[end])
		return;
	out->seen[end] = true;
	if (g->is_sync[end] || g->pred_begin[end] == g->pred_begin[end + 1]) {
		out->after[out->n++] = end;
		return;
	}
	for (size_t k = g->pred_begin[end]; k < g->pred_begin[end + 1]; k++) {
		if (works)
			out->after[out->n++] = g->pred[k];
		else
			begun_after(b, g->pred[k], out);
	}
}

/* Every rank pauses, but not for the end of the work before. */
static void pause_early(struct flow_build *b, const char *label, double latency_s,
                        const uint32_t *after, uint32_t *done)
{
	size_t n_activities = b->graph->n_activities, n_preds = b->graph->n_preds;
	/* each activity gives itself or its predecessors, once */
	uint32_t *begun = heap_zeroed(n_preds + n_activities + 1, sizeof *begun);
	bool *seen = heap_zeroed(n_activities + 1, sizeof *seen);

	for (int64_t r = 0; r < b->n; r++) {
		struct begun x = {begun, 0, seen};

		memset(seen, 0, n_activities * sizeof *seen);
		begun_after(b, after[r], &x);
		done[r] = append_pause(b, label, r, latency_s, true, x.after, x.n);
	}
	free(seen);
	free(begun);
}

void stage_wait(struct flow_build *b, const char *label, double latency_s, const uint32_t *after,
                uint32_t *done)
{
	uint32_t sync;

	if (b->record && record_sync(b->record, label, SYNC_CORES, &sync))
		pause_early(b, label, latency_s, after, done);
	else
		pause_all(b, label, latency_s, true, after, done);
}

void stage_scan(struct flow_build *b, const char *label, double entries_count,
                const uint32_t *after, uint32_t *done)
{
	stage_delay(b, label, entries_count * b->topology->machine->vector.scan_s, after, done);
}

void stage_places(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done)
{
	stage_scan(b, label, flow_rows_out_count(b->request) / build_cores_count(b), after, done);
}

void stage_join(struct flow_build *b, const char *label, const uint32_t *one, const uint32_t *other,
                uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++)
		done[r] = append_join(b, label, r, (uint32_t[]){one[r], other[r]}, 2);
}

/* The cap on an activity of `bytes` that quantises rows meanwhile; 0: none. */
static double quantise_cap_Bps(const struct flow_build *b, double quantised_bytes, double bytes)
{
	return quantised_bytes > 0 ? b->topology->quantise_Bps * bytes / quantised_bytes : 0;
}

/* HBM bytes of one rank, and BF16 bytes of what it quantises. */
static double traffic_bytes(struct flow_build *b, const struct traffic *t, int64_t rank,
                            double *quantised_bytes)
{
	double tokens = build_tokens_count(b, rank);
	double out = t->of ? build_shipment_count(b, t->of, rank, true)
	                   : build_held_count(b, t->unit, t->hop, rank);
	double in = t->of ? build_shipment_count(b, t->of, rank, false)
	                  : build_needed_count(b, t->unit, t->hop, rank);
	double stay = t->remote_only ? build_stay_count(b, t->unit, t->hop, rank) : 0;

	*quantised_bytes = t->quantised_bytes * (out - stay) + t->quantised_token_bytes * tokens;
	return t->per_row_out_bytes * (out - stay) + t->per_row_in_bytes * (in - stay) +
	       t->per_token_bytes * tokens + t->per_stay_bytes * stay;
}

void stage_copy(struct flow_build *b, const char *label, struct traffic traffic, double latency_s,
                const uint32_t *after, uint32_t *done)
{
	const struct topology *t = b->topology;

	for (int64_t r = 0; r < b->n; r++) {
		struct use uses[] = {{t->hbm + (uint32_t)r, 1}, {t->copy + (uint32_t)r, 1}};
		double quantised_bytes, bytes = traffic_bytes(b, &traffic, r, &quantised_bytes);
		struct activity a = {.label = label,
		                     .rank = (uint32_t)r,
		                     .work_units = bytes,
		                     .latency_s = latency_s,
		                     .cap_per_s = quantise_cap_Bps(b, quantised_bytes, bytes),
		                     .uses = uses,
		                     .n_uses = 2,
		                     .after = after + r,
		                     .n_after = 1};

		done[r] = graph_append(b->graph, &a);
	}
}

/* Control bytes of one rank and one direction in one tier. */
static void control_append(struct flow_build *b, const char *label, enum tier tier, int64_t rank,
                           bool outward, double bytes, double latency_s, uint32_t after,
                           uint32_t *part, size_t *n)
{
	enum { MOST_LINKS = MOST_MESH };
	struct use uses[MOST_LINKS];
	size_t n_uses = topology_spread(b->topology, tier, rank, outward, uses, MOST_LINKS);

	if (n_uses == 0 || !(bytes > 0))
		return;
	part[(*n)++] = graph_append(b->graph, &(struct activity){.label = label,
	                                                         .rank = (uint32_t)rank,
	                                                         .work_units = bytes,
	                                                         .is_sync = true,
	                                                         .latency_s = latency_s,
	                                                         .uses = uses,
	                                                         .n_uses = n_uses,
	                                                         .after = &after,
	                                                         .n_after = 1});
}

/* wired: the wire's latency is part of it. */
static void control(struct flow_build *b, const char *label, double per_peer_bytes, bool wired,
                    const uint32_t *after, uint32_t *done)
{
	const struct topology *t = b->topology;

	for (int64_t r = 0; r < b->n; r++) {
		uint32_t part[2 * TIERS + 1] = {after[r]};
		size_t n = 1;

		for (enum tier tier = TIER_PACKAGE; tier < TIERS; tier++) {
			double bytes = per_peer_bytes * (double)topology_peers(t, r, tier);
			double latency_s = wired ? machine_latency_s(t->machine, tier) : 0;

			control_append(b, label, tier, r, true, bytes, latency_s, after[r], part,
			               &n);
			control_append(b, label, tier, r, false, bytes, latency_s, after[r], part,
			               &n);
		}
		done[r] = append_join(b, label, r, part, n);
	}
}

void stage_control(struct flow_build *b, const char *label, double per_peer_bytes,
                   const uint32_t *after, uint32_t *done)
{
	control(b, label, per_peer_bytes, true, after, done);
}

void stage_send(struct flow_build *b, const char *label, double message_bytes,
                double messages_per_peer_count, const uint32_t *after, uint32_t *done)
{
	double peers = (double)(b->topology->n_ranks - 1);

	stage_delay(b, label, peers * messages_per_peer_count * b->topology->message_s, after,
	            done);
	control(b, label, message_bytes * messages_per_peer_count, false, done, done);
}

void stage_signal(struct flow_build *b, const char *label, double message_bytes,
                  double messages_per_peer_count, const uint32_t *after, uint32_t *done)
{
	stage_send(b, label, message_bytes, messages_per_peer_count, after, done);
	stage_flags(b, label, done, done);
}

const struct place *stage_quantise(struct flow_build *b, const uint32_t *after, uint32_t *done)
{
	static const struct place quantised = {.buffer = "quantised tokens",
	                                       .layout = LAYOUT_TOKEN};
	const struct flow_request *q = b->request;
	double bf16 = flow_bf16_row_bytes(q), row = flow_row_bytes(q);

	stage_copy(b, "dispatch.quantise",
	           (struct traffic){.per_token_bytes = bf16 + row, .quantised_token_bytes = bf16},
	           b->topology->machine->sync.kernel_s, after, done);
	note_rows(b, done, EFFECT_QUANTISE, UNIT_TOKEN, FORWARD, &place_input, &quantised);
	return &quantised;
}

struct source stage_source(struct flow_build *b, const uint32_t *after, uint32_t *done)
{
	const struct flow_request *q = b->request;
	double bf16 = flow_bf16_row_bytes(q), row = flow_row_bytes(q);
	bool separate = q->options.quantise == QUANTISE_SEPARATE && flow_quantises(q);

	memmove(done, after, (size_t)b->n * sizeof *done);
	if (!separate)
		return (struct source){&place_input, bf16, flow_quantises(q) ? bf16 : 0,
		                       EFFECT_QUANTISE};
	return (struct source){stage_quantise(b, done, done), row, 0, EFFECT_COPY};
}

void stage_read_put(struct flow_build *b, const char *label, const struct traffic *traffic,
                    const struct shipment *put, uint32_t *at)
{
	uint32_t *sent = heap_zeroed((size_t)b->n, sizeof *sent);

	if (traffic->quantised_bytes > 0) {
		stage_copy(b, label, *traffic, 0, at, at);
		stage_put(b, put, at, sent, NULL);
	} else {
		stage_put(b, put, at, sent, NULL);
		stage_copy(b, label, *traffic, 0, at, at);
	}
	stage_join(b, put->label, at, sent, at);
	free(sent);
}

void stage_issue(struct flow_build *b, const struct shipment *s, const char *label,
                 const uint32_t *after, uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++) {
		double rows = s->way == FORWARD ? build_held_count(b, s->unit, s->hop, r)
		                                : build_needed_count(b, s->unit, s->hop, r);

		done[r] = append_pause(b, label, r, rows * b->topology->message_s, false, after + r,
		                       1);
	}
}

void stage_post(struct flow_build *b, const struct shipment *s, const char *label,
                const uint32_t *after, uint32_t *done)
{
	double message_s = b->topology->machine->rdma.message_s;

	for (int64_t r = 0; r < b->n; r++)
		done[r] = append_pause(b, label, r,
		                       message_s * build_tier_count(b, s, TIER_RDMA, r, true),
		                       false, after + r, 1);
}

void stage_row_control(struct flow_build *b, const struct shipment *s, const char *label,
                       double per_row_bytes, const uint32_t *after, uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++) {
		uint32_t part[2 * TIERS + 1] = {after[r]};
		size_t n = 1;

		for (enum tier tier = TIER_PACKAGE; tier < TIERS; tier++) {
			double latency_s = machine_latency_s(b->topology->machine, tier);

			control_append(b, label, tier, r, true,
			               per_row_bytes * build_tier_count(b, s, tier, r, true),
			               latency_s, after[r], part, &n);
			control_append(b, label, tier, r, false,
			               per_row_bytes * build_tier_count(b, s, tier, r, false),
			               latency_s, after[r], part, &n);
		}
		done[r] = append_join(b, label, r, part, n);
	}
}

/* One activity that waits for all ranks, then one for each rank. With a record each rank also
 * keeps its own order, whichever of the others it is made to wait for. */
static void meet(struct flow_build *b, const char *label, enum sync_kind kind, double latency_s,
                 const uint32_t *after, uint32_t *done)
{
	uint32_t all, sync = 0;

	if (b->record && record_sync(b->record, label, kind, &sync)) {
		pause_all(b, label, latency_s, true, after, done);
		return;
	}
	all = append_join(b, label, 0, after, (size_t)b->n);
	for (int64_t r = 0; b->record && r < b->n; r++) {
		for (int64_t peer = 0; peer < b->n; peer++)
			record_set(b->record, sync, after[r], peer, 1);
	}
	for (int64_t r = 0; r < b->n; r++) {
		done[r] = append_pause(b, label, r, latency_s, true, (uint32_t[]){all, after[r]},
		                       b->record ? 2 : 1);
		if (b->record)
			record_wait(b->record, sync, done[r], r, b->n);
	}
}

void stage_flags(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done)
{
	meet(b, label, SYNC_FLAGS, b->topology->machine->sync.flag_s + build_wire_s(b), after,
	     done);
}

void stage_barrier(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done)
{
	double rounds = ceil(log2((double)b->topology->n_ranks));

	meet(b, label, SYNC_BARRIER,
	     rounds * (b->topology->machine->sync.round_s + build_wire_s(b)), after, done);
}

void stage_host_barrier(struct flow_build *b, const char *label, int64_t times,
                        const uint32_t *after, uint32_t *done)
{
	meet(b, label, SYNC_HOST, (double)times * b->topology->machine->sync.host_barrier_s, after,
	     done);
}
