/* What flows move, token by token: each flow's steps, as the head of its file tells them, are
 * walked for every token of a drawn routing and every byte is put down at the rank and the link
 * that it loads. The graph must say the same, though it is built from counts of rows. */
#include "tests/exchange.h"
#include "tests/tally.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double up_to(double bytes, double unit)
{
	return ceil(bytes / unit) * unit;
}

/* ---- the flows ---- */

static double slot_bytes(const struct tally *t)
{
	return t->row + t->scale + 8 * (double)t->top_k;
}

static void one_sided_dispatch(struct tally *t, const struct token *x)
{
	tally_local(t, x->source, t->h2);
	for (int64_t i = 0; i < x->n_distinct; i++)
		tally_put(t, x->source, x->distinct[i], slot_bytes(t));
}

/* Sums of each rank's results for the token. */
static void rank_sums(struct tally *t, const struct token *x)
{
	for (int64_t i = 0; i < x->n; i++)
		tally_local(t, x->owner[i], t->h2);
	for (int64_t i = 0; i < x->n_distinct; i++)
		tally_local(t, x->distinct[i], t->h2);
}

static void one_sided_combine(struct tally *t, const struct token *x)
{
	rank_sums(t, x);
	for (int64_t i = 0; i < x->n_distinct; i++)
		tally_move(t, x->distinct[i], x->source, t->h2, false);
	tally_local(t, x->source, t->h2);
}

static void ll_dispatch(struct tally *t, const struct token *x)
{
	double packed = t->row + t->scales, message = packed + 16;

	tally_local(t, x->source, t->h2 + message);
	for (int64_t i = 0; i < x->n; i++) {
		tally_local(t, x->source, message);
		tally_put(t, x->source, x->owner[i], message);
		tally_local(t, x->owner[i], message + packed);
	}
}

static void ll_combine(struct tally *t, const struct token *x)
{
	for (int64_t i = 0; i < x->n; i++) {
		tally_local(t, x->owner[i], 3 * t->h2);
		tally_put(t, x->owner[i], x->source, t->h2);
		tally_local(t, x->source, t->h2);
	}
	tally_local(t, x->source, t->h2);
}

static void ubep_dispatch(struct tally *t, const struct token *x)
{
	double blocks = 512 * ceil((t->row + 44) / 480);

	tally_local(t, x->source, t->h2);
	for (int64_t i = 0; i < x->n; i++) {
		tally_put(t, x->source, x->owner[i], blocks);
		tally_local(t, x->owner[i], blocks + t->row);
	}
}

static void ubep_combine(struct tally *t, const struct token *x)
{
	double blocks = 512 * ceil(t->h2 / 480);

	for (int64_t i = 0; i < x->n; i++) {
		tally_local(t, x->owner[i], t->h2);
		tally_put(t, x->owner[i], x->source, blocks);
		tally_local(t, x->source, blocks);
	}
	tally_local(t, x->source, t->h2);
}

/* A row over the first hop, and over the second. */
static void cross(struct tally *t, int64_t source, int64_t owner, double message)
{
	int64_t at = tally_twin(t, source, owner / t->node);

	if (!t->far)
		return;
	tally_put(t, source, at, message);
	if (at != source)
		tally_local(t, source, 2 * message);
}

static void pass(struct tally *t, int64_t source, int64_t owner, double message)
{
	int64_t at = tally_twin(t, source, owner / t->node);

	if (t->far)
		tally_local(t, at, message);
	tally_put(t, at, owner, message);
	tally_local(t, owner, 2 * message);
}

static void normal_dispatch(struct tally *t, const struct token *x)
{
	double message = up_to(t->row + t->scales + 8 + 8 * (double)t->top_k, 16);
	const int64_t *owners = t->none ? x->owner : x->distinct;
	int64_t n = t->none ? x->n : x->n_distinct;

	tally_local(t, x->source, t->h2);
	for (int64_t i = 0; i < n; i++) {
		if (t->none || t->rank)
			cross(t, x->source, owners[i], message);
		pass(t, x->source, owners[i], message);
	}
	for (int64_t i = 0; i < x->n_nodes && !t->none && !t->rank; i++)
		cross(t, x->source, x->node[i] * t->node, message);
	for (int64_t i = 0; i < x->n; i++)
		tally_local(t, x->owner[i], 2 * t->row);
}

/* A row from the twin to the source, which reads it. */
static void return_row(struct tally *t, int64_t source, int64_t at)
{
	tally_local(t, at, 2 * t->h2);
	tally_put(t, at, source, t->h2);
	tally_local(t, source, t->h2);
}

static void normal_combine(struct tally *t, const struct token *x)
{
	const int64_t *owners = t->none ? x->owner : x->distinct;
	int64_t n = t->none ? x->n : x->n_distinct;

	if (!t->none)
		rank_sums(t, x);
	for (int64_t i = 0; i < n; i++) {
		int64_t at = tally_twin(t, x->source, owners[i] / t->node);

		tally_local(t, owners[i], t->h2);
		tally_put(t, owners[i], at, t->h2);
		tally_local(t, at, t->h2);
		if (t->far && (t->none || t->rank))
			return_row(t, x->source, at);
	}
	for (int64_t i = 0; i < x->n_nodes && t->far && !t->none && !t->rank; i++)
		return_row(t, x->source, tally_twin(t, x->source, x->node[i]));
	tally_local(t, x->source, t->h2);
}

static void hierarchical_dispatch(struct tally *t, const struct token *x)
{
	double row = t->row + t->scale;

	for (int64_t i = 0; i < x->n; i++) {
		int64_t at = tally_twin(t, x->owner[i], x->source / t->node);

		tally_local(t, x->source, t->h2 + row + 2 * row + row);
		tally_put(t, x->source, at, row);
		if (t->far) {
			tally_local(t, at, 2 * row + row);
			tally_put(t, at, x->owner[i], row);
		}
		tally_local(t, x->owner[i], 2 * row);
	}
}

static void hierarchical_combine(struct tally *t, const struct token *x)
{
	for (int64_t i = 0; i < x->n; i++) {
		int64_t at = tally_twin(t, x->owner[i], x->source / t->node);

		tally_local(t, x->owner[i], 2 * t->h2);
		if (t->far) {
			tally_local(t, x->owner[i], t->h2);
			tally_put(t, x->owner[i], at, t->h2);
			tally_local(t, at, 2 * t->h2);
		}
		tally_local(t, at, t->h2);
		tally_put(t, at, x->source, t->h2);
		tally_local(t, x->source, 2 * t->h2 + t->h2);
	}
	tally_local(t, x->source, t->h2);
}

/* All pairs. */
static void two_phase_dispatch(struct tally *t, const struct token *x)
{
	double row = slot_bytes(t);

	tally_local(t, x->source, t->h2);
	for (int64_t i = 0; i < x->n_distinct; i++) {
		int64_t owner = x->distinct[i], at = tally_twin(t, owner, x->source / t->node);

		if (t->far) {
			tally_put(t, x->source, at, row);
			tally_local(t, at, row);
		}
		tally_put(t, t->far ? at : x->source, owner, row);
	}
}

static void two_phase_combine(struct tally *t, const struct token *x)
{
	rank_sums(t, x);
	for (int64_t i = 0; i < x->n_distinct; i++) {
		int64_t owner = x->distinct[i], at = tally_twin(t, owner, x->source / t->node);

		tally_local(t, owner, t->h2);
		if (t->far) {
			tally_put(t, owner, at, t->h2);
			tally_local(t, at, t->h2);
		}
		tally_put(t, t->far ? at : owner, x->source, t->h2);
		tally_local(t, x->source, t->h2);
	}
	tally_local(t, x->source, t->h2);
}

/* One representative. */
static void delegates_dispatch(struct tally *t, const struct token *x)
{
	int64_t home = x->source / t->node;
	double row = slot_bytes(t);

	if (!t->far) {
		two_phase_dispatch(t, x);
		return;
	}
	tally_local(t, x->source, t->h2);
	for (int64_t i = 0; i < x->n_nodes; i++) {
		int64_t out = tally_delegate(t, x->source, home, x->node[i]);

		tally_put(t, x->source, out, row);
		tally_local(t, out, row);
		tally_put(t, out, tally_delegate(t, x->source, x->node[i], home), row);
	}
	for (int64_t i = 0; i < x->n_distinct; i++) {
		int64_t in = tally_delegate(t, x->source, x->distinct[i] / t->node, home);

		tally_local(t, in, row);
		tally_put(t, in, x->distinct[i], row);
	}
}

static void delegates_combine(struct tally *t, const struct token *x)
{
	int64_t home = x->source / t->node;

	if (!t->far) {
		two_phase_combine(t, x);
		return;
	}
	rank_sums(t, x);
	for (int64_t i = 0; i < x->n_distinct; i++) {
		int64_t in = tally_delegate(t, x->source, x->distinct[i] / t->node, home);

		tally_local(t, x->distinct[i], t->h2);
		tally_put(t, x->distinct[i], in, t->h2);
		tally_local(t, in, t->h2);
	}
	for (int64_t i = 0; i < x->n_nodes; i++) {
		int64_t in = tally_delegate(t, x->source, x->node[i], home);
		int64_t out = tally_delegate(t, x->source, home, x->node[i]);

		tally_local(t, in, 2 * t->h2);
		tally_put(t, in, out, t->h2);
		tally_local(t, out, t->h2);
		tally_put(t, out, x->source, t->h2);
		tally_local(t, x->source, t->h2);
	}
	tally_local(t, x->source, t->h2);
}

static void fusco_dispatch(struct tally *t, const struct token *x)
{
	double row = t->row + t->scale;

	if (t->scale > 0) /* quantised before */
		tally_local(t, x->source, t->h2 + t->row);
	for (int64_t i = 0; i < x->n_nodes; i++) {
		if (x->node[i] == x->source / t->node)
			continue;
		tally_local(t, x->source, row);
		tally_put(t, x->source, t->forwarder[x->source][x->node[i]],
		          row + 12 * (double)t->top_k);
	}
	for (int64_t i = 0; i < x->n; i++) {
		int64_t at = t->forwarder[x->source][x->owner[i] / t->node];

		tally_local(t, at, row);
		tally_put(t, at, x->owner[i], row);
	}
}

static void fusco_combine(struct tally *t, const struct token *x)
{
	for (int64_t i = 0; i < x->n; i++) {
		int64_t at = t->forwarder[x->source][x->owner[i] / t->node];

		tally_local(t, x->owner[i], t->h2);
		tally_put(t, x->owner[i], at, t->h2);
		tally_local(t, at, t->h2);
	}
	for (int64_t i = 0; t->far && i < x->n_nodes; i++) {
		int64_t at = t->forwarder[x->source][x->node[i]];

		tally_local(t, at, at == x->source ? t->h2 : 2 * t->h2);
		if (at != x->source)
			tally_put(t, at, x->source, t->h2);
		tally_local(t, x->source, t->h2);
	}
	tally_local(t, x->source, t->h2);
}

/* Control bytes to every peer, and for each expert of the peer. */
static const struct walked {
	const struct flow *flow;
	int dedup;
	void (*dispatch)(struct tally *t, const struct token *x);
	void (*combine)(struct tally *t, const struct token *x);
	double peer, per_expert;
} walks[] = {
        {&flow_one_sided, 0, one_sided_dispatch, one_sided_combine, 4 + 4, 0},
        {&flow_deepep_ll, 0, ll_dispatch, ll_combine, 0, 4 + 4},
        {&flow_ubep, 0, ubep_dispatch, ubep_combine, 512, 0},
        {&flow_deepep_normal, 0, normal_dispatch, normal_combine, 4, 4},
        {&flow_deepep_normal, DEDUP_NODE, normal_dispatch, normal_combine, 4, 4},
        {&flow_deepep_normal, DEDUP_RANK, normal_dispatch, normal_combine, 4, 4},
        {&flow_deepep_normal, DEDUP_NONE, normal_dispatch, normal_combine, 4, 4},
        {&flow_hierarchical, 0, hierarchical_dispatch, hierarchical_combine, 0, 4},
        {&flow_two_phase, 0, two_phase_dispatch, two_phase_combine, 4, 0},
        {&flow_two_phase, DEDUP_RANK, two_phase_dispatch, two_phase_combine, 4, 0},
        {&flow_two_phase, DEDUP_NODE, delegates_dispatch, delegates_combine, 4, 0},
        {&flow_fusco, 0, fusco_dispatch, fusco_combine, 4 * 256, 0},
};
enum { WALKS = sizeof walks / sizeof *walks };

/* ---- all tokens ---- */

static bool add_once(int64_t *list, int64_t *n, int64_t one)
{
	for (int64_t i = 0; i < *n; i++) {
		if (list[i] == one)
			return false;
	}
	list[(*n)++] = one;
	return true;
}

static struct token token_of(const struct tally *t, const struct choices *c, int64_t source,
                             int64_t at)
{
	struct token x = {.source = source, .n = c->top_k};

	for (int64_t i = 0; i < c->top_k; i++) {
		double expert = (double)c->expert[at * c->top_k + i];

		x.owner[i] = (int64_t)(expert / t->experts_per_rank);
		add_once(x.distinct, &x.n_distinct, x.owner[i]);
		add_once(x.node, &x.n_nodes, x.owner[i] / t->node);
	}
	return x;
}

static void tally_init(struct tally *t, const struct exchange_wish *w, int dedup)
{
	bool bf16 = w->dispatch == DTYPE_BF16;
	double hidden = (double)w->model->hidden;

	*t = (struct tally){.machine = w->machine,
	                    .ranks = w->n_ranks,
	                    .node = machine_dies_per_node(w->machine),
	                    .top_k = w->model->top_k,
	                    .experts_per_rank = (double)w->model->experts / (double)w->n_ranks,
	                    .h2 = 2 * hidden,
	                    .row = up_to(hidden * (bf16 ? 2 : 1), 32),
	                    .scale = bf16 ? 0 : 4,
	                    .scales = bf16 ? 0 : 4 * ceil(hidden / 128),
	                    .none = dedup == DEDUP_NONE,
	                    .rank = dedup == DEDUP_RANK};
	t->far = t->ranks > t->node;
}

static void tally_walk(struct tally *t, const struct walked *k, const struct choices *c)
{
	for (int64_t node = 0; node * t->node < t->ranks; node++)
		tally_forwarders(t, c, node);
	for (int64_t source = 0; source < t->ranks; source++) {
		for (int64_t at = c->first[source]; at < c->first[source + 1]; at++) {
			struct token x = token_of(t, c, source, at);

			k->dispatch(t, &x);
			k->combine(t, &x);
		}
	}
	tally_control(t, k->peer + k->per_expert * t->experts_per_rank);
}

static bool is_of_rank(int kind)
{
	return kind != RES_DIE_LINK && kind != RES_MESH_LINK && kind != RES_TRUNK_UP &&
	       kind != RES_TRUNK_DOWN;
}

static void loads_are_alike(const struct tally *t, const struct graph *g, const char *name)
{
	double *load = heap_zeroed(g->n_resources, sizeof *load);
	double sum[RESOURCE_KINDS] = {0}, want[RESOURCE_KINDS] = {0};

	graph_loads(g, load);
	for (uint32_t r = 0; r < g->n_resources; r++) {
		sum[g->kind[r]] += load[r];
		if (is_of_rank(g->kind[r]) && g->kind[r] != RES_CUBE)
			NEARLY(load[r], t->load[g->owner[r]][g->kind[r]], 1e-12,
			       "%s: %s of rank %u", name, resource_kind_name(g->kind[r]),
			       g->owner[r]);
	}
	for (int64_t rank = 0; rank < t->ranks; rank++) {
		for (int kind = 0; kind < RESOURCE_KINDS; kind++)
			want[kind] += t->load[rank][kind];
	}
	for (int kind = 0; kind < RESOURCE_KINDS; kind++) {
		if (!is_of_rank(kind) && kind != RES_TRUNK_UP && kind != RES_TRUNK_DOWN)
			NEARLY(sum[kind], want[kind], 1e-12, "%s: %s", name,
			       resource_kind_name(kind));
	}
	free(load);
}

static const struct {
	const char *machine;
	int64_t ep;
} places[] = {
        {"cloudmatrix384", 16},
        {"cloudmatrix384", 32},
        {"atlas-a2", 8},
        {"atlas-a2", 32},
        {"gb200-nvl72", 16},
        {"h800-node-rdma", 64},
        {"node:2 die:16 package:2 die_link:100GBps rdma:25GBps", 32},
        {"node:6 die:3 package:3 die_link:100GBps", 16},
        {"node:6 die:3 rdma:25GBps", 16},
        {"node:8 die:1 rdma:25GBps", 8},
};

static void walk_is_as_built(const struct walked *k, struct exchange_wish *w)
{
	struct exchange x;
	struct choices c;
	struct tally t;
	char name[200];
	struct err e = {0};

	w->flow = k->flow;
	if (!exchange_ask(&x, w)) {
		CU_ASSERT_TRUE(!flow_serves(w->flow, w->phase) || flow_needs_fabric(w->flow));
		exchange_fini(&x);
		return;
	}
	x.request.options.dedup = k->dedup;
	exchange_build(&x, w);
	routing_choices(&x.routing, x.arena, &c, &e);
	UNIT_TEXT(e.text, "");
	tally_init(&t, w, k->dedup);
	tally_walk(&t, k, &c);
	snprintf(name, sizeof name, "%s, EP %lld, %s %s %s, dedup %d", w->machine->describes,
	         (long long)w->n_ranks, w->flow->name, phase_names[w->phase],
	         dtype_names[w->dispatch], k->dedup);
	loads_are_alike(&t, x.graph, name);
	exchange_fini(&x);
}

static void graphs_move_what_each_token_does(void)
{
	const struct routing_spec uniform = {
	        .kind = ROUTING_UNIFORM, .file = "", .model = "", .domain = "", .seed = 3};

	for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
		struct config *c = config_of(places[p].machine, "deepseek-v3.1");

		for (size_t i = 0; i < WALKS * PHASES * 2; i++) {
			struct exchange_wish w = {.machine = &c->machine,
			                          .model = &c->model,
			                          .phase = (enum phase)(i / WALKS % PHASES),
			                          .dispatch = i / WALKS / PHASES ? DTYPE_INT8
			                                                         : DTYPE_BF16,
			                          .n_ranks = places[p].ep,
			                          .tokens = 13,
			                          .routing = &uniform};

			walk_is_as_built(&walks[i % WALKS], &w);
		}
		config_free(c);
	}
}

static const struct unit_test tests[] = {
        {"graphs move what each token does", graphs_move_what_each_token_does},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow_tokens", tests);
}
