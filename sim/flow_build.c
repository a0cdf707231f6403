#include "sim/flow_build.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void rows_init(struct flow_build *b)
{
	const struct routing *r = b->request->routing;
	size_t n = (size_t)b->n;

	b->rows_count = heap_zeroed(n * n, sizeof *b->rows_count);
	b->rows_in_count = heap_zeroed(n, sizeof *b->rows_in_count);
	for (size_t from = 0; from < n; from++) {
		for (size_t to = 0; to < n; to++) {
			double rows = routing_rank_rows_count(r, (int64_t)from, (int64_t)to);

			b->rows_count[from * n + to] = rows;
			b->rows_in_count[to] += rows;
		}
	}
}

void flow_build_init(struct flow_build *b, struct graph *g, const struct topology *t,
                     const struct flow_request *q)
{
	size_t n = (size_t)t->n_built;

	CHECK(!t->symmetric || q->routing->balanced);
	*b = (struct flow_build){.graph = g, .topology = t, .request = q, .n = t->n_built};
	if (!t->symmetric)
		rows_init(b);
	b->scratch = heap_zeroed(n, sizeof *b->scratch);
	b->scratch_in = heap_zeroed(n * n, sizeof *b->scratch_in);
}

void flow_build_fini(struct flow_build *b)
{
	free(b->rows_count);
	free(b->rows_in_count);
	free(b->scratch);
	free(b->scratch_in);
}

double build_rows_out_count(const struct flow_build *b, int64_t rank)
{
	(void)rank; /* every rank has the same number of tokens */
	return b->request->routing->rows_per_rank_count;
}

double build_rows_in_count(const struct flow_build *b, int64_t rank)
{
	return b->rows_in_count ? b->rows_in_count[rank] : b->request->routing->rows_per_rank_count;
}

double build_local_experts_count(const struct flow_build *b)
{
	return (double)b->request->model->experts / (double)b->topology->n_ranks;
}

/* Rows that `holder` has and `needer` needs. */
static double pair_rows(const struct flow_build *b, enum direction way, int64_t holder,
                        int64_t needer)
{
	int64_t from = way == FORWARD ? holder : needer, to = way == FORWARD ? needer : holder;

	return b->rows_count[from * b->n + to];
}

double build_wire_s(const struct flow_build *b)
{
	const struct topology *t = b->topology;

	return machine_latency_s(t->machine, machine_farthest(t->machine, t->n_ranks));
}

/* Waits for others, then for its latency; is_sync: which is spent on synchronising. */
static uint32_t append_pause(struct flow_build *b, const char *label, int64_t rank,
                             double latency_s, bool is_sync, const uint32_t *after, size_t n_after)
{
	return graph_append(b->graph, &(struct activity){.label = label,
	                                                 .rank = (uint32_t)rank,
	                                                 .latency_s = latency_s,
	                                                 .is_sync = is_sync,
	                                                 .after = after,
	                                                 .n_after = n_after});
}

static uint32_t append_join(struct flow_build *b, const char *label, int64_t rank,
                            const uint32_t *after, size_t n_after)
{
	return append_pause(b, label, rank, 0, false, after, n_after);
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

void stage_wait(struct flow_build *b, const char *label, double latency_s, const uint32_t *after,
                uint32_t *done)
{
	pause_all(b, label, latency_s, true, after, done);
}

void stage_join(struct flow_build *b, const char *label, const uint32_t *one, const uint32_t *other,
                uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++)
		done[r] = append_join(b, label, r, (uint32_t[]){one[r], other[r]}, 2);
}

double build_quantised_bytes(const struct flow_build *b)
{
	return flow_quantises(b->request) ? flow_bf16_row_bytes(b->request) : 0;
}

/* The cap on an activity of `bytes` that quantises rows meanwhile; 0: none. */
static double quantise_cap_Bps(const struct flow_build *b, const struct traffic *traffic,
                               int64_t rank, double bytes)
{
	double quantised = traffic->quantised_bytes * build_rows_out_count(b, rank);

	if (!(quantised > 0))
		return 0;
	return b->topology->quantise_Bps * bytes / quantised;
}

void stage_copy(struct flow_build *b, const char *label, struct traffic traffic, double latency_s,
                const uint32_t *after, uint32_t *done)
{
	const struct topology *t = b->topology;

	for (int64_t r = 0; r < b->n; r++) {
		double bytes = traffic.per_row_out_bytes * build_rows_out_count(b, r) +
		               traffic.per_row_in_bytes * build_rows_in_count(b, r) +
		               traffic.per_token_bytes * (double)b->request->tokens;
		struct use uses[] = {{t->hbm + (uint32_t)r, 1}, {t->copy + (uint32_t)r, 1}};

		done[r] = graph_append(b->graph, &(struct activity){.label = label,
		                                                    .rank = (uint32_t)r,
		                                                    .work_units = bytes,
		                                                    .latency_s = latency_s,
		                                                    .cap_per_s = quantise_cap_Bps(
		                                                            b, &traffic, r, bytes),
		                                                    .uses = uses,
		                                                    .n_uses = 2,
		                                                    .after = after + r,
		                                                    .n_after = 1});
	}
}

/* One transfer of rows between a pair, or in the symmetric form to all peers of a tier. */
struct transfer {
	const char *label;
	enum tier tier;
	int64_t holder, needer;
	bool put; /* the holder's cores issue it, else the needer's */
	double bytes;
	double streams_count;
	double queue_s; /* posting of RDMA messages before and with this one */
	uint32_t after;
};

static uint32_t transfer_append(struct flow_build *b, const struct transfer *x)
{
	const struct topology *t = b->topology;
	struct use uses[PATH_USES + 2];
	size_t n = topology_path(t, x->tier, x->holder, x->needer, uses);
	int64_t issuer = x->put ? x->holder : x->needer;

	/* put: arriving writes weigh on the needer's HBM; get: served reads on the holder's */
	uses[n++] = (struct use){t->hbm + (uint32_t)(x->put ? x->needer : x->holder), 1};
	if (x->tier == TIER_SELF)
		uses[n++] = (struct use){t->copy + (uint32_t)issuer, 1};
	else
		uses[n++] = (struct use){(x->put ? t->put : t->get) + (uint32_t)issuer, 1};
	return graph_append(b->graph,
	                    &(struct activity){.label = x->label,
	                                       .rank = (uint32_t)issuer,
	                                       .work_units = x->bytes,
	                                       .latency_s = machine_latency_s(t->machine, x->tier) *
	                                                            (x->put ? 1 : 2) +
	                                                    x->queue_s,
	                                       .share_count = x->streams_count,
	                                       .uses = uses,
	                                       .n_uses = n,
	                                       .after = &x->after,
	                                       .n_after = 1});
}

/* Posts one activity for all peers of a tier; or one for each, where they are posted in turn. */
static size_t exchange_tier(struct flow_build *b, struct transfer x, double row_bytes,
                            uint32_t *part)
{
	const struct topology *t = b->topology;
	double message_s = x.tier == TIER_RDMA ? t->machine->rdma.message_s : 0;
	int64_t peers = topology_peers(t, 0, x.tier), n = peers > 0;

	if (message_s > 0)
		n = peers;
	for (int64_t i = 0; i < n; i++) {
		x.streams_count = (double)peers / (double)n;
		x.bytes = build_rows_out_count(b, 0) * x.streams_count / (double)t->n_ranks *
		          row_bytes;
		x.queue_s = (double)(i + 1) * message_s;
		part[i] = transfer_append(b, &x);
	}
	return (size_t)n;
}

/* The one rank to all its peers. All that it sends has arrived when as much has arrived at it. */
static uint32_t exchange_symmetric(struct flow_build *b, struct transfer x, double row_bytes)
{
	uint32_t *part = heap_zeroed(TIERS + (size_t)b->topology->n_ranks, sizeof *part), end;
	size_t n = 0;

	for (x.tier = TIER_SELF; x.tier < TIERS; x.tier++)
		n += exchange_tier(b, x, row_bytes, part + n);
	end = append_join(b, x.label, 0, part, n);
	free(part);
	return end;
}

/* The peer in a rank's place `step`, -1 for none: node by node, itself first, and so that in each
 * step all ranks turn to different ones. */
static int64_t peer_at(const struct topology *t, int64_t rank, int64_t step)
{
	int64_t per_node = machine_dies_per_node(t->machine);
	int64_t nodes = (t->n_ranks + per_node - 1) / per_node;
	int64_t node = (rank / per_node + step / per_node) % nodes;
	int64_t peer = node * per_node + (rank + step) % per_node;

	return step < nodes * per_node && peer < t->n_ranks ? peer : -1;
}

/* Ends of all activities of one issuer, or of what it had to wait for. */
static uint32_t issued_join(struct flow_build *b, const char *label, int64_t rank,
                            const uint32_t *part, size_t n, const uint32_t *after)
{
	return n ? append_join(b, label, rank, part, n)
	         : append_join(b, label, rank, after + rank, 1);
}

/* One activity a pair. issued[rank]: what that rank issued is through; met[rank]: what others
 * issued towards it is; both may be NULL. */
static void exchange_pairs(struct flow_build *b, struct transfer x, enum direction way,
                           double row_bytes, const uint32_t *after, uint32_t *issued, uint32_t *met)
{
	const struct topology *t = b->topology;
	int64_t steps = b->n + machine_dies_per_node(t->machine);
	uint32_t *in = b->scratch_in, *out = b->scratch;
	size_t *n_in = heap_zeroed((size_t)b->n, sizeof *n_in);

	for (int64_t issuer = 0; issuer < b->n; issuer++) {
		size_t n_out = 0;
		double posted_count = 0;

		for (int64_t step = 0; step < steps; step++) {
			int64_t peer = peer_at(t, issuer, step);
			double rows;

			if (peer < 0)
				continue;
			x.holder = x.put ? issuer : peer, x.needer = x.put ? peer : issuer;
			rows = pair_rows(b, way, x.holder, x.needer);
			if (!(rows > 0))
				continue;
			x.tier = machine_tier(t->machine, issuer, peer);
			x.bytes = rows * row_bytes, x.streams_count = 1;
			posted_count += x.tier == TIER_RDMA;
			x.queue_s =
			        x.tier == TIER_RDMA ? posted_count * t->machine->rdma.message_s : 0;
			x.after = after[issuer];
			out[n_out] = transfer_append(b, &x);
			in[peer * b->n + (int64_t)n_in[peer]++] = out[n_out++];
		}
		if (issued)
			issued[issuer] = issued_join(b, x.label, issuer, out, n_out, after);
	}
	for (int64_t r = 0; met && r < b->n; r++)
		met[r] = issued_join(b, x.label, r, in + r * b->n, n_in[r], after);
	free(n_in);
}

static void exchange(struct flow_build *b, const char *label, bool put, enum direction way,
                     double row_bytes, const uint32_t *after, uint32_t *sent, uint32_t *arrived)
{
	struct transfer x = {.label = label, .put = put, .after = after[0]};
	uint32_t *waits;
	uint32_t end;

	if (b->topology->symmetric) {
		end = exchange_symmetric(b, x, row_bytes);
		if (sent)
			sent[0] = end;
		if (arrived)
			arrived[0] = end;
		return;
	}
	/* after may be the same array as sent or arrived */
	waits = heap_zeroed((size_t)b->n, sizeof *waits);
	memcpy(waits, after, (size_t)b->n * sizeof *waits);
	exchange_pairs(b, x, way, row_bytes, waits, put ? sent : arrived, put ? arrived : sent);
	free(waits);
}

void stage_put(struct flow_build *b, const char *label, enum direction way, double row_bytes,
               const uint32_t *after, uint32_t *sent, uint32_t *arrived)
{
	exchange(b, label, true, way, row_bytes, after, sent, arrived);
}

void stage_get(struct flow_build *b, const char *label, enum direction way, double row_bytes,
               const uint32_t *after, uint32_t *arrived)
{
	exchange(b, label, false, way, row_bytes, after, NULL, arrived);
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

void stage_signal(struct flow_build *b, const char *label, double message_bytes,
                  double messages_per_peer_count, const uint32_t *after, uint32_t *done)
{
	double peers = (double)(b->topology->n_ranks - 1);

	stage_delay(b, label, peers * messages_per_peer_count * b->topology->message_s, after,
	            done);
	control(b, label, message_bytes * messages_per_peer_count, false, done, done);
	stage_flags(b, label, done, done);
}

void stage_issue(struct flow_build *b, const char *label, enum direction way, const uint32_t *after,
                 uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++) {
		double rows =
		        way == FORWARD ? build_rows_out_count(b, r) : build_rows_in_count(b, r);

		done[r] = append_pause(b, label, r, rows * b->topology->message_s, false, after + r,
		                       1);
	}
}

/* Rows that rank r sends to (outward) or gets from peers of a tier. */
static double tier_rows(const struct flow_build *b, enum direction way, enum tier tier, int64_t r,
                        bool outward)
{
	const struct topology *t = b->topology;
	double rows = 0;

	if (t->symmetric)
		return build_rows_out_count(b, 0) * (double)topology_peers(t, 0, tier) /
		       (double)t->n_ranks;
	for (int64_t peer = 0; peer < b->n; peer++) {
		if (machine_tier(t->machine, r, peer) == tier)
			rows += outward ? pair_rows(b, way, r, peer) : pair_rows(b, way, peer, r);
	}
	return rows;
}

void stage_row_control(struct flow_build *b, const char *label, enum direction way,
                       double per_row_bytes, const uint32_t *after, uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++) {
		uint32_t part[2 * TIERS + 1] = {after[r]};
		size_t n = 1;

		for (enum tier tier = TIER_PACKAGE; tier < TIERS; tier++) {
			double latency_s = machine_latency_s(b->topology->machine, tier);

			control_append(b, label, tier, r, true,
			               per_row_bytes * tier_rows(b, way, tier, r, true), latency_s,
			               after[r], part, &n);
			control_append(b, label, tier, r, false,
			               per_row_bytes * tier_rows(b, way, tier, r, false), latency_s,
			               after[r], part, &n);
		}
		done[r] = append_join(b, label, r, part, n);
	}
}

/* One activity that waits for all ranks, then one for each rank. */
static void meet(struct flow_build *b, const char *label, double latency_s, const uint32_t *after,
                 uint32_t *done)
{
	uint32_t all = append_join(b, label, 0, after, (size_t)b->n);

	for (int64_t r = 0; r < b->n; r++)
		done[r] = append_pause(b, label, r, latency_s, true, &all, 1);
}

void stage_flags(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done)
{
	meet(b, label, b->topology->machine->sync.flag_s + build_wire_s(b), after, done);
}

void stage_barrier(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done)
{
	double rounds = ceil(log2((double)b->topology->n_ranks));

	meet(b, label, rounds * (b->topology->machine->sync.round_s + build_wire_s(b)), after,
	     done);
}

void stage_host_barrier(struct flow_build *b, const char *label, int64_t times,
                        const uint32_t *after, uint32_t *done)
{
	meet(b, label, (double)times * b->topology->machine->sync.host_barrier_s, after, done);
}
