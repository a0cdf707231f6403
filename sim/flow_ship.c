/* Shipments: how many rows go between which ranks, and the transfers that carry them. */
#include "sim/flow_ship.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- how many rows ---- */

static int64_t node_ranks(const struct flow_build *b)
{
	return machine_dies_per_node(b->topology->machine);
}

/* Without forwarders. */
static struct nodes nodes_of(const struct flow_build *b)
{
	return (struct nodes){b->topology->n_ranks, node_ranks(b), NULL};
}

/* Chosen as rows_init() does, by rows from each rank to each node. */
static const uint32_t *forwarders_of(struct flow_build *b)
{
	struct nodes nodes = nodes_of(b);
	int64_t n_nodes = nodes_count(&nodes);
	size_t n_cells = (size_t)(b->n * n_nodes);
	double *rows_count;

	if (b->forwarder)
		return b->forwarder;
	rows_count = heap_zeroed(n_cells, sizeof *rows_count);
	for (int64_t from = 0; from < b->n; from++) {
		for (int64_t to = 0; to < b->n; to++)
			rows_count[from * n_nodes + to / node_ranks(b)] +=
			        routing_rank_rows_count(b->request->routing, from, to);
	}
	b->forwarder = heap_zeroed(n_cells, sizeof *b->forwarder);
	forwarders_choose(&nodes, rows_count, b->forwarder);
	free(rows_count);
	return b->forwarder;
}

double build_tokens_count(const struct flow_build *b, int64_t rank)
{
	return b->topology->symmetric ? (double)b->request->tokens
	                              : routing_tokens_count(b->request->routing, rank);
}

/* Rows of a unit from each rank to each owner (to the first rank of each node). */
static void count_whole(const struct flow_build *b, enum unit unit, double *out)
{
	const struct routing *r = b->request->routing;
	int64_t n = b->n, block = unit == UNIT_TOKEN_NODE ? node_ranks(b) : 1;
	int64_t blocks = (n + block - 1) / block;
	double *touched = heap_zeroed((size_t)(n * blocks), sizeof *touched);

	if (unit == UNIT_TOKEN_RANK || unit == UNIT_TOKEN_NODE)
		routing_block_tokens(r, block, touched);
	for (int64_t from = 0; from < n; from++) {
		for (int64_t at = 0; at < blocks; at++) {
			double *rows = &out[from * n + at * block];

			if (unit == UNIT_BRANCH)
				*rows = routing_rank_rows_count(r, from, at);
			else if (unit == UNIT_TOKEN_ALL)
				*rows = build_tokens_count(b, from);
			else if (unit == UNIT_WEIGHTS)
				*rows = build_local_experts_count(b);
			else
				*rows = touched[from * blocks + at];
		}
	}
	free(touched);
}

/* [holder][needer] in dispatch. */
static const double *rows_of(struct flow_build *b, enum unit unit, enum hop hop)
{
	size_t n = (size_t)b->n;
	double *whole, **rows = &b->rows_count[unit][hop];
	struct nodes nodes = nodes_of(b);

	CHECK(!b->topology->symmetric && unit < UNIT_TOKEN);
	CHECK(unit != UNIT_TOKEN_NODE || hop == HOP_TO_NODE || hop == HOP_TO_FORWARDER ||
	      hop == HOP_GATHER || hop == HOP_PAIR);
	if (*rows)
		return *rows;
	if (hop == HOP_TO_FORWARDER || hop == HOP_FORWARD)
		nodes.forwarder = forwarders_of(b);
	whole = heap_zeroed(n * n, sizeof *whole);
	*rows = heap_zeroed(n * n, sizeof **rows);
	count_whole(b, unit, whole);
	for (int64_t source = 0; source < b->n; source++) {
		for (int64_t owner = 0; owner < b->n; owner++) {
			int64_t holder, needer;

			hop_ends(&nodes, hop, source, owner, &holder, &needer);
			(*rows)[holder * b->n + needer] += whole[source * b->n + owner];
		}
	}
	free(whole);
	return *rows;
}

/* Rows that `holder` has and `needer` needs. */
static double pair_rows(struct flow_build *b, const struct shipment *s, int64_t holder,
                        int64_t needer)
{
	int64_t from = s->way == FORWARD ? holder : needer,
	        to = s->way == FORWARD ? needer : holder;

	double rows;

	if (s->remote_only && holder == needer)
		return 0;
	rows = shipment_is_partial(s) ? build_chosen_count(b, s, from, to)
	                              : rows_of(b, s->unit, s->hop)[from * b->n + to];
	return rows / (double)(s->parts ? s->parts : 1);
}

/* Symmetric: from the one rank to a single owner. */
static double owner_rows(const struct flow_build *b, enum unit unit)
{
	const struct flow_request *q = b->request;
	int64_t local = q->model->experts / b->topology->n_ranks, node = node_ranks(b);

	if (node > b->topology->n_ranks)
		node = b->topology->n_ranks;
	switch (unit) {
	case UNIT_BRANCH:
		return q->routing->rows_per_rank_count / (double)b->topology->n_ranks;
	case UNIT_TOKEN_RANK:
		return (double)q->tokens * routing_touch_ratio(q->model, local);
	case UNIT_TOKEN_NODE:
		return (double)q->tokens * routing_touch_ratio(q->model, local * node);
	case UNIT_WEIGHTS:
		return (double)local;
	default:
		return (double)q->tokens;
	}
}

/* Symmetric: peers of the one rank in a tier (itself in TIER_SELF) on that hop, and the rows it
 * sends to each of them. */
static int64_t tier_peers(const struct flow_build *b, enum unit unit, enum hop hop, enum tier tier,
                          double *each_count)
{
	const struct topology *t = b->topology;
	struct nodes all = nodes_of(b);
	int64_t nodes = nodes_count(&all), ranks = t->n_ranks / nodes;
	bool far = tier == TIER_FAR || tier == TIER_RDMA;
	double rows = owner_rows(b, unit);

	CHECK(hop < HOP_GATHER); /* ranks that deal for their node are not like others */
	*each_count = rows;
	if (hop == HOP_WHOLE)
		return topology_peers(t, 0, tier);
	if (hop == HOP_IN_NODE || hop == HOP_ALIGN || hop == HOP_FORWARD) {
		*each_count = rows * (double)nodes;
		return far ? 0 : topology_peers(t, 0, tier);
	}
	if (unit != UNIT_TOKEN_NODE)
		*each_count = rows * (double)ranks;
	if (tier == TIER_SELF)
		return 1;
	return far && topology_peers(t, 0, tier) > 0 ? nodes - 1 : 0;
}

static double symmetric_count(const struct flow_build *b, enum unit unit, enum hop hop)
{
	double sum = 0, each;

	for (enum tier tier = TIER_SELF; tier < TIERS; tier++) {
		double peers = (double)tier_peers(b, unit, hop, tier, &each);

		sum += peers * each;
	}
	return sum;
}

double build_held_count(struct flow_build *b, enum unit unit, enum hop hop, int64_t rank)
{
	const double *rows;
	double sum = 0;

	if (b->topology->symmetric && unit == UNIT_BRANCH && hop == HOP_WHOLE)
		return b->request->routing->rows_per_rank_count; /* without rounding */
	if (b->topology->symmetric)
		return symmetric_count(b, unit, hop);
	rows = rows_of(b, unit, hop);
	for (int64_t to = 0; to < b->n; to++)
		sum += rows[rank * b->n + to];
	return sum;
}

double build_needed_count(struct flow_build *b, enum unit unit, enum hop hop, int64_t rank)
{
	const double *rows;
	double sum = 0;

	if (b->topology->symmetric)
		return build_held_count(b, unit, hop, rank);
	rows = rows_of(b, unit, hop);
	for (int64_t from = 0; from < b->n; from++)
		sum += rows[from * b->n + rank];
	return sum;
}

double build_stay_count(struct flow_build *b, enum unit unit, enum hop hop, int64_t rank)
{
	double each;

	if (!b->topology->symmetric)
		return rows_of(b, unit, hop)[rank * b->n + rank];
	return (double)tier_peers(b, unit, hop, TIER_SELF, &each) * each;
}

double build_shipment_count(struct flow_build *b, const struct shipment *s, int64_t rank,
                            bool outward)
{
	double sum = 0;

	if (b->topology->symmetric)
		return build_held_count(b, s->unit, s->hop, rank) * shipment_chosen_ratio(b, s) /
		       (double)(s->parts ? s->parts : 1);
	for (int64_t peer = 0; peer < b->n; peer++) {
		int64_t from = outward ? rank : peer, to = outward ? peer : rank;
		bool forward = s->way == FORWARD;

		sum += pair_rows(b, s, forward ? from : to, forward ? to : from);
	}
	return sum;
}

double build_rows_out_count(struct flow_build *b, int64_t rank)
{
	return build_held_count(b, UNIT_BRANCH, HOP_WHOLE, rank);
}

double build_rows_in_count(struct flow_build *b, int64_t rank)
{
	return build_needed_count(b, UNIT_BRANCH, HOP_WHOLE, rank);
}

double build_tier_count(struct flow_build *b, const struct shipment *s, enum tier tier,
                        int64_t rank, bool outward)
{
	double rows = 0, each;

	if (b->topology->symmetric)
		return (double)tier_peers(b, s->unit, s->hop, tier, &each) * each *
		       shipment_chosen_ratio(b, s);
	for (int64_t peer = 0; peer < b->n; peer++) {
		if (machine_tier(b->topology->machine, rank, peer) == tier)
			rows += outward ? pair_rows(b, s, rank, peer) : pair_rows(b, s, peer, rank);
	}
	return rows;
}

/* ---- the transfers ---- */

/* One transfer of rows between a pair, or in the symmetric form to all peers of a tier. */
struct transfer {
	const char *label;
	enum tier tier;
	int64_t holder, needer;
	bool put; /* the holder's cores issue it, else the needer's */
	enum plane plane;
	uint32_t few_cores; /* that issue it; 0: all */
	double bytes;
	double streams_count;
	double queue_s; /* posting of RDMA messages before and with this one */
	uint32_t after;
};

/* What moves a transfer's bytes: the first resource of its kind. */
static uint32_t movers(const struct flow_build *b, const struct transfer *x)
{
	const struct topology *t = b->topology;

	if (x->plane == PLANE_SDMA)
		return t->sdma;
	/* put and get are what cores reach through the fabric's port; the die link has its own */
	if (x->tier == TIER_SELF || x->tier == TIER_PACKAGE)
		return t->copy;
	if (x->few_cores)
		return x->few_cores;
	return x->put ? t->put : t->get;
}

static uint32_t transfer_append(struct flow_build *b, const struct transfer *x)
{
	const struct topology *t = b->topology;
	struct use uses[PATH_USES + 3];
	size_t n = topology_path(t, x->tier, x->holder, x->needer, uses);
	uint32_t issuer = (uint32_t)(x->put ? x->holder : x->needer);
	uint32_t other = (uint32_t)(x->put ? x->needer : x->holder);
	bool sdma = x->plane == PLANE_SDMA;

	/* put: arriving writes weigh on the needer's HBM; get: served reads on the holder's;
	   SDMA: both, since no core moves the issuer's part */
	uses[n++] = (struct use){t->hbm + other, 1};
	if (sdma)
		uses[n++] = (struct use){t->hbm + issuer, 1};
	uses[n++] = (struct use){movers(b, x) + issuer, 1};
	return graph_append(b->graph,
	                    &(struct activity){.label = x->label,
	                                       .rank = issuer,
	                                       .work_units = x->bytes,
	                                       .latency_s = machine_latency_s(t->machine, x->tier) *
	                                                            (x->put ? 1 : 2) +
	                                                    x->queue_s +
	                                                    (sdma ? t->machine->sdma.latency_s : 0),
	                                       .share_count = x->streams_count,
	                                       .cap_per_s = sdma ? t->machine->sdma.path_Bps : 0,
	                                       .uses = uses,
	                                       .n_uses = n,
	                                       .after = &x->after,
	                                       .n_after = 1});
}

/* Posts one activity for all peers of a tier; or one for each, where they are posted in turn. */
static size_t exchange_tier(struct flow_build *b, const struct shipment *s, struct transfer x,
                            uint32_t *part)
{
	const struct topology *t = b->topology;
	bool posted = x.tier == TIER_RDMA && !s->row_messages;
	double message_s = posted ? t->machine->rdma.message_s : 0, each_count;
	int64_t peers = tier_peers(b, s->unit, s->hop, x.tier, &each_count), n = peers > 0;

	if ((s->remote_only && x.tier == TIER_SELF) || s->plane == PLANE_SDMA)
		return 0;
	if (message_s > 0)
		n = peers;
	for (int64_t i = 0; i < n; i++) {
		x.streams_count = (double)peers / (double)n;
		x.bytes = each_count * x.streams_count * s->row_bytes *
		          shipment_chosen_ratio(b, s) / (double)(s->parts ? s->parts : 1);
		x.queue_s = (double)(i + 1) * message_s;
		part[i] = transfer_append(b, &x);
	}
	return (size_t)n;
}

/* The one rank to all its peers. All that it sends has arrived when as much has arrived at it. */
static uint32_t exchange_symmetric(struct flow_build *b, const struct shipment *s,
                                   struct transfer x)
{
	uint32_t *part = heap_zeroed(TIERS + (size_t)b->topology->n_ranks, sizeof *part), end;
	size_t n = 0;

	for (x.tier = TIER_SELF; x.tier < TIERS; x.tier++)
		n += exchange_tier(b, s, x, part + n);
	if (n == 0)
		part[n++] = x.after;
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

/* All pairs of a shipment that is being built. */
struct pairs {
	struct flow_build *b;
	const struct shipment *s;
	struct transfer x;
	const uint32_t *after;
	uint32_t *of_pair; /* [holder][needer]: its activity, with a record */
	size_t *n_in;      /* [rank]: activities that others issued towards it, in scratch_in */
	uint32_t sync_met; /* the wait for them */
	bool sets;         /* it has flags */
};

bool item_in_part(const struct rows *w, const struct item *x, const struct shipment *s)
{
	int64_t source = w->source[x->token], first = w->choices->first[source];
	int64_t tokens = w->choices->first[source + 1] - first;

	return s->parts == 0 || (x->token - first) * s->parts / tokens == s->part;
}

/* Every rank's share of the experts to every rank. */
static void record_weights_shipment(const struct pairs *p, bool *from_whom)
{
	struct flow_build *b = p->b;
	int64_t experts = b->request->model->experts, local = experts / b->n;

	for (int64_t to = 0; to < b->n; to++) {
		for (int64_t expert = 0; expert < experts; expert++) {
			int64_t from = expert / local;

			from_whom[to * b->n + from] = true;
			record_weights(b->record, p->of_pair[from * b->n + to], p->s->layer, expert,
			               to, p->s->to);
		}
	}
}

/* What the pairs' activities do to memory. from_whom: set for each [needer][holder] with rows. */
static void record_shipment(const struct pairs *p, bool *from_whom)
{
	struct flow_build *b = p->b;
	const struct shipment *s = p->s;
	const struct rows *w = b->record->rows;
	struct item *items;
	size_t n = rows_items(w, s->unit, &items);

	for (size_t i = 0; i < n; i++) {
		int64_t holder, needer, from, to;

		hop_ends(&w->nodes, s->hop, w->source[items[i].token], items[i].owner, &holder,
		         &needer);
		from = s->way == FORWARD ? holder : needer;
		to = s->way == FORWARD ? needer : holder;
		if ((s->remote_only && from == to) || !item_in_part(w, &items[i], s) ||
		    !item_is_chosen(b, &items[i], s))
			continue;
		from_whom[to * b->n + from] = true;
		record_row(b->record, p->of_pair[from * b->n + to], s->op, s->unit,
		           s->way == FORWARD, &items[i], s->from, s->to, p->x.put ? from : to);
	}
	free(items);
}

/* The transfers that one rank issues; returns their number, and leaves them in b->scratch. */
static size_t issue_pairs(struct pairs *p, int64_t issuer)
{
	struct flow_build *b = p->b;
	const struct machine *m = b->topology->machine;
	struct transfer *x = &p->x;
	double posted_count = 0;
	size_t n_out = 0;

	x->after = p->after[issuer];
	for (int64_t step = 0; step < b->n + machine_dies_per_node(m); step++) {
		int64_t peer = peer_at(b->topology, issuer, step);
		double rows;
		uint32_t i;

		if (peer < 0)
			continue;
		x->holder = x->put ? issuer : peer, x->needer = x->put ? peer : issuer;
		rows = pair_rows(b, p->s, x->holder, x->needer);
		if (!(rows > 0))
			continue;
		x->tier = machine_tier(m, issuer, peer);
		x->bytes = rows * p->s->row_bytes, x->streams_count = 1;
		posted_count += x->tier == TIER_RDMA && !p->s->row_messages;
		x->queue_s = x->tier == TIER_RDMA ? posted_count * m->rdma.message_s : 0;
		i = b->scratch[n_out++] = transfer_append(b, x);
		b->scratch_in[peer * b->n + (int64_t)p->n_in[peer]++] = i;
		if (p->of_pair)
			p->of_pair[x->holder * b->n + x->needer] = i;
		if (p->sets)
			record_set(b->record, p->sync_met, i, peer, 1);
	}
	return n_out;
}

/* Everybody waits for what was issued towards it; with flags, for as many as rows tell. */
static void meet_pairs(struct pairs *p, bool left_out, uint32_t *met)
{
	struct flow_build *b = p->b;
	bool *from_whom = heap_zeroed((size_t)(b->n * b->n), sizeof *from_whom);

	if (p->of_pair && p->s->unit == UNIT_WEIGHTS)
		record_weights_shipment(p, from_whom);
	else if (p->of_pair)
		record_shipment(p, from_whom);
	for (int64_t r = 0; met && r < b->n; r++) {
		int64_t whom = 0;

		met[r] = issued_join(b, p->s->label, r, b->scratch_in + r * b->n,
		                     left_out ? 0 : p->n_in[r], p->after);
		for (int64_t peer = 0; peer < b->n; peer++)
			whom += from_whom[r * b->n + peer];
		if (p->sets && !left_out)
			record_wait(b->record, p->sync_met, met[r], r, whom);
	}
	free(from_whom);
}

/* One activity a pair. issued[rank]: what that rank issued is through; met[rank]: what others
 * issued towards it is; both may be NULL. A wait that is left out ends as soon as it begins. */
static void exchange_pairs(struct flow_build *b, const struct shipment *s, struct transfer x,
                           const uint32_t *after, uint32_t *issued, uint32_t *met)
{
	struct pairs p = {.b = b, .s = s, .x = x, .after = after};
	enum sync_kind own = x.put ? SYNC_QUIET : SYNC_ARRIVAL;
	bool no_issued = false, no_met = false;
	uint32_t sync;

	p.n_in = heap_zeroed((size_t)b->n, sizeof *p.n_in);
	if (b->record) {
		p.of_pair = heap_zeroed((size_t)(b->n * b->n), sizeof *p.of_pair);
		no_issued = issued && record_sync(b->record, s->label, own, &sync);
		no_met = met && record_sync(b->record, s->label, SYNC_FLAGS, &p.sync_met);
		p.sets = met != NULL;
	}
	for (int64_t issuer = 0; issuer < b->n; issuer++) {
		size_t n = issue_pairs(&p, issuer);

		if (issued)
			issued[issuer] = issued_join(b, s->label, issuer, b->scratch,
			                             no_issued ? 0 : n, after);
	}
	meet_pairs(&p, no_met, met);
	free(p.of_pair);
	free(p.n_in);
}

static void exchange(struct flow_build *b, const struct shipment *s, bool put,
                     const uint32_t *after, uint32_t *sent, uint32_t *arrived)
{
	struct transfer x = {.label = s->label,
	                     .put = put,
	                     .plane = s->plane,
	                     .few_cores = s->few_cores,
	                     .after = after[0]};
	uint32_t *waits;
	uint32_t end;

	if (b->topology->symmetric) {
		end = exchange_symmetric(b, s, x);
		if (sent)
			sent[0] = end;
		if (arrived)
			arrived[0] = end;
		return;
	}
	/* after may be the same array as sent or arrived */
	waits = heap_zeroed((size_t)b->n, sizeof *waits);
	memcpy(waits, after, (size_t)b->n * sizeof *waits);
	exchange_pairs(b, s, x, waits, put ? sent : arrived, put ? arrived : sent);
	free(waits);
}

void stage_whole_tokens(struct flow_build *b, const struct shipment *s, bool put,
                        const uint32_t *after, uint32_t *done)
{
	const struct machine *m = b->topology->machine;
	double core_Bps = put ? m->vector.put_core_Bps : m->vector.get_core_Bps;

	for (int64_t r = 0; r < b->n; r++) {
		double tokens = build_tokens_count(b, r), rows, most;

		rows = build_held_count(b, s->unit, s->hop, r) -
		       build_stay_count(b, s->unit, s->hop, r);
		most = ceil(tokens / build_cores_count(b));
		done[r] = append_pause(b, s->label, r,
		                       tokens > 0 ? most * rows / tokens * s->row_bytes / core_Bps
		                                  : 0,
		                       false, after + r, 1);
	}
}

void stage_put(struct flow_build *b, const struct shipment *s, const uint32_t *after,
               uint32_t *sent, uint32_t *arrived)
{
	exchange(b, s, true, after, sent, arrived);
}

void stage_get(struct flow_build *b, const struct shipment *s, const uint32_t *after,
               uint32_t *arrived)
{
	exchange(b, s, false, after, NULL, arrived);
}
