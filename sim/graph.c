#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "sim/graph.h"

/* What appending needs and no reader does. Every graph comes from graph_new(), so that a
 * struct graph is always the head of one of these.
 *
 * Repeats among predecessors and uses are found without search: seen_by[p] is one more than the
 * activity that last named p as predecessor, use_at[r] the place of the last use of r. */
struct graph_builder {
	struct graph g; /* first */
	uint32_t *seen_by;
	size_t *use_at;
	uint32_t last_label;
};

static const char *const kind_names[RESOURCE_KINDS] = {
        [RES_HBM] = "hbm",
        [RES_EGRESS] = "fabric.egress",
        [RES_INGRESS] = "fabric.ingress",
        [RES_DIE_LINK] = "die.link",
        [RES_MESH_LINK] = "mesh.link",
        [RES_TRUNK_UP] = "trunk.up",
        [RES_TRUNK_DOWN] = "trunk.down",
        [RES_NIC_OUT] = "nic.out",
        [RES_NIC_IN] = "nic.in",
        [RES_PUT] = "vector.put",
        [RES_GET] = "vector.get",
        [RES_COPY] = "vector.copy",
        [RES_SDMA] = "sdma",
        [RES_CUBE] = "cube",
        [RES_OTHER] = "other",
};

const char *resource_kind_name(enum resource_kind kind)
{
	CHECK((unsigned)kind < RESOURCE_KINDS);
	return kind_names[kind];
}

static struct graph_builder *builder_of(struct graph *g)
{
	return (struct graph_builder *)g;
}

void graph_clear(struct graph *g)
{
	g->n_activities = g->n_resources = g->n_labels = 0;
	g->n_uses = g->n_preds = 0;
	g->rank_multiplicity_count = 1;
	builder_of(g)->last_label = 0;
}

void graph_free(struct graph *g)
{
	if (!g)
		return;
	free(g->work_units);
	free(g->latency_s);
	free(g->is_sync);
	free(g->share_count);
	free(g->cap_per_s);
	free(g->label);
	free(g->rank);
	free(g->use_begin);
	free(g->pred_begin);
	free(g->use_resource);
	free(g->use_weight_ratio);
	free(g->pred);
	free(g->capacity_per_s);
	free(g->kind);
	free(g->owner);
	free(g->label_text);
	free(builder_of(g)->seen_by);
	free(builder_of(g)->use_at);
	free(g);
}

/* Room for at least need items, doubling so that appending costs amortised constant time. */
static size_t grown(size_t room, size_t need)
{
	size_t twice = room < 32 ? 64 : 2 * room;
	return twice < need ? need : twice;
}

/* Resizes the array that a field of g points to. */
#define RESIZE(field, n) ((field) = heap_resize((field), (n), sizeof *(field)))

static void grow_activities(struct graph *g)
{
	size_t room = grown(g->activity_room, g->n_activities + (size_t)1);
	RESIZE(g->work_units, room);
	RESIZE(g->latency_s, room);
	RESIZE(g->is_sync, room);
	RESIZE(g->share_count, room);
	RESIZE(g->cap_per_s, room);
	RESIZE(g->label, room);
	RESIZE(g->rank, room);
	RESIZE(g->use_begin, room + 1);
	RESIZE(g->pred_begin, room + 1);
	RESIZE(builder_of(g)->seen_by, room);
	g->activity_room = room;
}

/* use_begin and pred_begin hold their first 0 from here on: an empty graph reads like any other. */
struct graph *graph_new(void)
{
	struct graph_builder *b = heap_zeroed(1, sizeof *b);
	graph_clear(&b->g);
	grow_activities(&b->g);
	b->g.use_begin[0] = b->g.pred_begin[0] = 0;
	return &b->g;
}

static void grow_uses(struct graph *g, size_t n_more)
{
	size_t room = grown(g->use_room, g->n_uses + n_more);
	RESIZE(g->use_resource, room);
	RESIZE(g->use_weight_ratio, room);
	g->use_room = room;
}

static void grow_preds(struct graph *g, size_t n_more)
{
	size_t room = grown(g->pred_room, g->n_preds + n_more);
	RESIZE(g->pred, room);
	g->pred_room = room;
}

static void grow_resources(struct graph *g)
{
	size_t room = grown(g->resource_room, g->n_resources + (size_t)1);
	RESIZE(g->capacity_per_s, room);
	RESIZE(g->kind, room);
	RESIZE(g->owner, room);
	RESIZE(builder_of(g)->use_at, room);
	g->resource_room = room;
}

uint32_t graph_resource(struct graph *g, enum resource_kind kind, uint32_t owner,
                        double capacity_per_s)
{
	CHECK((unsigned)kind < RESOURCE_KINDS);
	CHECK(capacity_per_s > 0 && isfinite(capacity_per_s));
	CHECK(g->n_resources < UINT32_MAX);
	if (g->n_resources == g->resource_room)
		grow_resources(g);
	uint32_t r = g->n_resources++;
	g->capacity_per_s[r] = capacity_per_s;
	g->kind[r] = (uint8_t)kind;
	g->owner[r] = owner;
	builder_of(g)->use_at[r] = 0;
	return r;
}

/* A flow names few labels, each by one literal and many times in a row: the last one is tried
 * first, then all by address, and only a new address is compared letter by letter. */
static uint32_t intern_label(struct graph *g, const char *text)
{
	uint32_t *last = &builder_of(g)->last_label;
	if (*last < g->n_labels && g->label_text[*last] == text)
		return *last;
	for (uint32_t i = 0; i < g->n_labels; i++)
		if (g->label_text[i] == text)
			return *last = i;
	for (uint32_t i = 0; i < g->n_labels; i++)
		if (strcmp(g->label_text[i], text) == 0)
			return *last = i;
	if (g->n_labels == g->label_room) {
		g->label_room = grown(g->label_room, g->n_labels + (size_t)1);
		RESIZE(g->label_text, g->label_room);
	}
	g->label_text[g->n_labels] = text;
	return *last = g->n_labels++;
}

/* A resource named twice by one activity is taken by the sum of the weights, so that readers meet
 * each resource of an activity once. */
static void append_uses(struct graph *g, const struct use *uses, size_t n_uses)
{
	size_t begin = g->n_uses;
	size_t *use_at = builder_of(g)->use_at;
	if (begin + n_uses > g->use_room)
		grow_uses(g, n_uses);
	for (size_t k = 0; k < n_uses; k++) {
		uint32_t r = uses[k].resource;
		double weight = uses[k].weight_ratio;
		CHECK(r < g->n_resources);
		CHECK(weight > 0 && isfinite(weight));
		size_t at = use_at[r];
		if (at >= begin && at < g->n_uses && g->use_resource[at] == r) {
			g->use_weight_ratio[at] += weight;
			continue;
		}
		use_at[r] = g->n_uses;
		g->use_resource[g->n_uses] = r;
		g->use_weight_ratio[g->n_uses++] = weight;
	}
}

static void append_preds(struct graph *g, uint32_t activity, const uint32_t *after, size_t n_after)
{
	uint32_t *seen_by = builder_of(g)->seen_by;
	if (g->n_preds + n_after > g->pred_room)
		grow_preds(g, n_after);
	for (size_t k = 0; k < n_after; k++) {
		uint32_t p = after[k];
		CHECK(p < activity);
		if (seen_by[p] == activity + 1)
			continue;
		seen_by[p] = activity + 1;
		g->pred[g->n_preds++] = p;
	}
}

uint32_t graph_append(struct graph *g, const struct activity *a)
{
	uint32_t i = g->n_activities;
	CHECK(i < UINT32_MAX - 1);
	CHECK(a->label && a->work_units >= 0 && isfinite(a->work_units));
	CHECK(g->n_uses + a->n_uses < UINT32_MAX && g->n_preds + a->n_after < UINT32_MAX);
	CHECK(a->latency_s >= 0 && isfinite(a->latency_s));
	CHECK(a->share_count >= 0 && isfinite(a->share_count) && a->cap_per_s >= 0);
	CHECK(a->work_units == 0 || a->n_uses > 0 || (a->cap_per_s > 0 && isfinite(a->cap_per_s)));
	if (i == g->activity_room)
		grow_activities(g);

	g->work_units[i] = a->work_units;
	g->latency_s[i] = a->latency_s;
	g->is_sync[i] = a->is_sync;
	g->share_count[i] = a->share_count > 0 ? a->share_count : 1;
	g->cap_per_s[i] = a->cap_per_s > 0 ? a->cap_per_s : INFINITY;
	g->label[i] = intern_label(g, a->label);
	g->rank[i] = a->rank;
	builder_of(g)->seen_by[i] = 0;
	append_uses(g, a->uses, a->n_uses);
	append_preds(g, i, a->after, a->n_after);
	g->use_begin[i + 1] = (uint32_t)g->n_uses;
	g->pred_begin[i + 1] = (uint32_t)g->n_preds;
	return g->n_activities++;
}

static void check_activity(const struct graph *g, uint32_t i)
{
	CHECK(g->use_begin[i] <= g->use_begin[i + 1] && g->pred_begin[i] <= g->pred_begin[i + 1]);
	CHECK(g->work_units[i] >= 0 && isfinite(g->work_units[i]));
	CHECK(g->latency_s[i] >= 0 && isfinite(g->latency_s[i]));
	CHECK(g->share_count[i] > 0 && isfinite(g->share_count[i]));
	CHECK(g->cap_per_s[i] > 0);
	CHECK(g->label[i] < g->n_labels);
	CHECK(g->work_units[i] == 0 || g->use_begin[i] < g->use_begin[i + 1] ||
	      isfinite(g->cap_per_s[i]));
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
		CHECK(g->use_resource[k] < g->n_resources);
		CHECK(g->use_weight_ratio[k] > 0 && isfinite(g->use_weight_ratio[k]));
	}
	for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++)
		CHECK(g->pred[k] < i);
}

void graph_check(const struct graph *g)
{
	uint32_t n = g->n_activities;
	CHECK(n <= g->activity_room && g->n_resources <= g->resource_room);
	CHECK(g->n_uses <= g->use_room && g->n_preds <= g->pred_room);
	CHECK(g->rank_multiplicity_count >= 1 && isfinite(g->rank_multiplicity_count));
	for (uint32_t r = 0; r < g->n_resources; r++) {
		CHECK(g->capacity_per_s[r] > 0 && isfinite(g->capacity_per_s[r]));
		CHECK(g->kind[r] < RESOURCE_KINDS);
	}
	for (uint32_t l = 0; l < g->n_labels; l++)
		for (uint32_t m = 0; m < l; m++)
			CHECK(strcmp(g->label_text[l], g->label_text[m]) != 0);
	CHECK(g->use_begin[0] == 0 && g->use_begin[n] == g->n_uses);
	CHECK(g->pred_begin[0] == 0 && g->pred_begin[n] == g->n_preds);
	for (uint32_t i = 0; i < n; i++)
		check_activity(g, i);
}

void graph_loads(const struct graph *g, double *out_units)
{
	for (uint32_t r = 0; r < g->n_resources; r++)
		out_units[r] = 0;
	for (uint32_t i = 0; i < g->n_activities; i++)
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
			out_units[g->use_resource[k]] += g->use_weight_ratio[k] * g->work_units[i];
}

void graph_loads_by_kind(const struct graph *g, double *out_units)
{
	for (int kind = 0; kind < RESOURCE_KINDS; kind++)
		out_units[kind] = 0;
	for (uint32_t i = 0; i < g->n_activities; i++)
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
			out_units[g->kind[g->use_resource[k]]] +=
			        g->use_weight_ratio[k] * g->work_units[i];
}
