#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "models/base/arena.h"
#include "tests/graphs.h"

static double between(struct rng *r, double low, double high)
{
	return low + (high - low) * rng_uniform_ratio(r);
}

static bool one_in(struct rng *r, uint64_t n)
{
	return rng_below(r, n) == 0;
}

/* A value of about 1, from three only when ties are wanted. */
static double value(struct rng *r, int features)
{
	return features & WITH_TIES ? 0.5 * (double)(1 + rng_below(r, 3)) : between(r, 0.1, 2);
}

static void append_random(struct rng *r, int features, struct graph *g)
{
	struct use uses[4];
	uint32_t after[4];
	struct activity a = {.label = one_in(r, 2) ? "one" : "two", .uses = uses, .after = after};
	a.work_units = features & WITH_ZERO_WORK && one_in(r, 5) ? 0 : value(r, features);
	a.n_uses = 1 + rng_below(r, 4);
	for (size_t k = 0; k < a.n_uses; k++) {
		uses[k].resource = (uint32_t)rng_below(r, g->n_resources);
		uses[k].weight_ratio = features & WITH_WEIGHTS ? value(r, features) : 1;
	}
	if (features & WITH_LATENCY && one_in(r, 2))
		a.latency_s = value(r, features);
	if (features & WITH_SHARES && one_in(r, 2))
		a.share_count = (double)(1 + rng_below(r, 4)) / (one_in(r, 3) ? 3 : 1);
	if (features & WITH_CAPS && one_in(r, 2))
		a.cap_per_s = value(r, features) / (double)(1 + rng_below(r, 4));
	if (a.cap_per_s > 0 && one_in(r, 8))
		a.n_uses = 0;
	if (features & WITH_PREDECESSORS && g->n_activities > 0)
		for (uint64_t n = rng_below(r, 4); n > 0; n--)
			after[a.n_after++] = (uint32_t)rng_below(r, g->n_activities);
	graph_append(g, &a);
}

void random_graph_into(struct graph *g, struct rng *r, int features, uint32_t n_most)
{
	uint64_t n_resources = 1 + rng_below(r, 8), n_activities = 1 + rng_below(r, n_most);
	for (uint64_t k = 0; k < n_resources; k++)
		graph_resource(g, RES_OTHER, (uint32_t)k, value(r, features));
	for (uint64_t k = 0; k < n_activities; k++)
		append_random(r, features, g);
}

struct graph *random_graph(struct rng *r, int features, uint32_t n_most)
{
	struct graph *g = graph_new();
	random_graph_into(g, r, features, n_most);
	return g;
}

/* --- machines --- */

enum { GROUP = 4 };
#define PORT_Bps 100e9
#define FLOW_BYTES 1e6

struct machine {
	const struct all_to_all *a;
	struct graph *g;
	uint32_t hbm, out, in, trunk_up, trunk_down, mesh; /* the first of each */
};

static uint32_t add_resources(struct graph *g, enum resource_kind kind, uint32_t n, double Bps)
{
	uint32_t first = g->n_resources;
	for (uint32_t k = 0; k < n; k++)
		graph_resource(g, kind, k, Bps);
	return first;
}

static void add_machine(struct machine *m)
{
	uint32_t n = m->a->n_ranks, n_groups = (n + GROUP - 1) / GROUP;
	bool mesh = m->a->shape == MESH_AND_NIC;
	m->out = add_resources(m->g, mesh ? RES_NIC_OUT : RES_EGRESS, n, PORT_Bps);
	m->in = add_resources(m->g, mesh ? RES_NIC_IN : RES_INGRESS, n, PORT_Bps);
	if (m->a->with_hbm)
		m->hbm = add_resources(m->g, RES_HBM, n, 1.25 * PORT_Bps);
	if (m->a->shape == CLOS) {
		m->trunk_up = add_resources(m->g, RES_TRUNK_UP, n_groups, 0.5 * GROUP * PORT_Bps);
		m->trunk_down =
		        add_resources(m->g, RES_TRUNK_DOWN, n_groups, 0.5 * GROUP * PORT_Bps);
	}
	if (mesh)
		m->mesh = add_resources(m->g, RES_MESH_LINK, n * GROUP, 0.3 * PORT_Bps);
}

static size_t route(const struct machine *m, uint32_t from, uint32_t to, struct use *uses)
{
	size_t n = 0;
	bool local = from / GROUP == to / GROUP;
	if (m->a->shape == MESH_AND_NIC && local) {
		uses[n++].resource = m->mesh + from * GROUP + to % GROUP;
	} else {
		uses[n++].resource = m->out + from;
		uses[n++].resource = m->in + to;
	}
	if (m->a->shape == CLOS && !local) {
		uses[n++].resource = m->trunk_up + from / GROUP;
		uses[n++].resource = m->trunk_down + to / GROUP;
	}
	if (m->a->with_hbm) {
		uses[n++].resource = m->hbm + from;
		uses[n++].resource = m->hbm + to;
	}
	for (size_t k = 0; k < n; k++)
		uses[k].weight_ratio = 1;
	return n;
}

/* Bytes to each rank in proportion to its popularity, a random tenth more or less. */
static double flow_bytes(struct rng *r, const struct all_to_all *a, const uint32_t *place,
                         uint32_t to)
{
	if (a->skew_ratio == 0)
		return FLOW_BYTES;
	return floor(FLOW_BYTES * between(r, 0.9, 1.1) * 8 / pow(1 + place[to], a->skew_ratio));
}

static uint32_t add_stage(struct rng *r, const struct machine *m, const uint32_t *barrier)
{
	uint32_t n = m->a->n_ranks, first = m->g->n_activities;
	uint32_t *place = heap_resize(NULL, n, sizeof *place);
	for (uint32_t k = 0; k < n; k++)
		place[k] = k;
	rng_shuffle(r, place, n);
	for (uint32_t from = 0; from < n; from++)
		for (uint32_t to = 0; to < n; to++) {
			struct use uses[6];
			struct activity a = {.label = "put", .rank = from, .uses = uses};
			if (from == to)
				continue;
			a.work_units = flow_bytes(r, m->a, place, to);
			a.latency_s = m->a->latency_s + m->a->stagger_s * rng_uniform_ratio(r);
			a.n_uses = route(m, from, to, uses);
			a.after = barrier;
			a.n_after = barrier != NULL;
			if (a.work_units > 0)
				graph_append(m->g, &a);
		}
	free(place);
	uint32_t n_flows = m->g->n_activities - first;
	uint32_t *flows = heap_resize(NULL, n_flows, sizeof *flows);
	for (uint32_t k = 0; k < n_flows; k++)
		flows[k] = first + k;
	struct activity end = {.label = "barrier", .after = flows, .n_after = n_flows};
	uint32_t i = graph_append(m->g, &end);
	free(flows);
	return i;
}

struct graph *all_to_all_graph(struct rng *r, const struct all_to_all *a)
{
	struct machine m = {.a = a, .g = graph_new()};
	uint32_t barrier = 0;
	add_machine(&m);
	for (uint32_t s = 0; s < a->n_stages; s++)
		barrier = add_stage(r, &m, s > 0 ? &barrier : NULL);
	return m.g;
}

struct graph *slower_graph(const struct graph *g, double time_ratio)
{
	struct graph *slow = graph_new();
	for (uint32_t r = 0; r < g->n_resources; r++)
		graph_resource(slow, g->kind[r], g->owner[r], g->capacity_per_s[r] / time_ratio);
	for (uint32_t i = 0; i < g->n_activities; i++) {
		struct use uses[8];
		struct activity a = {
		        .label = g->label_text[g->label[i]],
		        .rank = g->rank[i],
		        .work_units = g->work_units[i],
		        .latency_s = g->latency_s[i] * time_ratio,
		        .share_count = g->share_count[i],
		        .cap_per_s = isinf(g->cap_per_s[i]) ? 0 : g->cap_per_s[i] / time_ratio,
		        .uses = uses,
		        .n_uses = g->use_begin[i + 1] - g->use_begin[i],
		        .after = g->pred + g->pred_begin[i],
		        .n_after = g->pred_begin[i + 1] - g->pred_begin[i],
		};
		for (size_t k = 0; k < a.n_uses; k++)
			uses[k] = (struct use){g->use_resource[g->use_begin[i] + k],
			                       g->use_weight_ratio[g->use_begin[i] + k]};
		graph_append(slow, &a);
	}
	return slow;
}
