#include "sim/sweep_grid.h"
#include <stdlib.h>
#include <string.h>
#include "models/constraint.h"

enum { MOST_POINTS = 1 << 23, MOST_PLACES = 1 << 27 };

struct grid {
	const struct config *config;
	struct knobs knobs;
	const struct flow **flow;
	struct constraint **constraint;
	size_t n_constraints;
	struct constraint_names names;
	size_t n_places; /* combinations of the shared knobs */
};

static enum rc flows_find(struct grid *g, struct arena *a, struct err *e)
{
	const struct config *c = g->config;
	size_t n = g->knobs.n[KNOB_FLOW];

	g->flow = arena_alloc(a, n * sizeof *g->flow);
	for (size_t i = 0; i < n; i++) {
		g->flow[i] = flow_find(
		        c->sweep.flow.n > 0 ? c->sweep.flow.text[i] : c->schedule.flow, e);
		if (!g->flow[i])
			return e->rc;
	}
	return RC_OK;
}

static enum rc constraints_read(struct grid *g, struct arena *a, struct err *e)
{
	const struct field_list *l = &g->config->sweep.constraints;
	const struct yaml_node *node = l->node;

	g->n_constraints = l->n;
	g->constraint = arena_alloc(a, (l->n + 1) * sizeof(struct constraint *));
	for (size_t i = 0; i < l->n; i++, node = node ? node->next : NULL)
		TRY(constraint_parse(l->text[i], node ? node->file : "sweep.constraints",
		                     node ? node->line : 0, node ? node->column : 0, a,
		                     &g->constraint[i], e));
	g->names = (struct constraint_names){.machine = g->config->machine.name,
	                                     .model = g->config->model.name,
	                                     .workload = g->config->workload.name};
	return RC_OK;
}

static enum rc grid_init(struct grid *g, const struct config *c, struct arena *a, struct err *e)
{
	double places = 1;

	*g = (struct grid){.config = c};
	knobs_of(&c->sweep, &c->schedule, &g->knobs);
	TRY(flows_find(g, a, e));
	TRY(constraints_read(g, a, e));
	for (enum knob_id id = 0; id < KNOBS_SHARED; id++)
		places *= (double)g->knobs.n[id];
	if (places > MOST_PLACES)
		return fail(e, RC_CONFIG,
		            "%s: the sweep has %.3g combinations even without batch and chunk, "
		            "more than %d",
		            c->where[SECTION_SWEEP], places, MOST_PLACES);
	g->n_places = (size_t)places;
	return RC_OK;
}

static void place_schedule(const struct grid *g, size_t place, struct sweep_group *out)
{
	struct schedule s = g->config->schedule;
	size_t at[KNOBS_SHARED], left = place;

	for (int id = KNOBS_SHARED - 1; id >= 0; id--) {
		at[id] = left % g->knobs.n[id];
		left /= g->knobs.n[id];
		knob_set(&g->knobs, (enum knob_id)id, at[id], &s);
	}
	*out = (struct sweep_group){
	        .config = g->config, .flow = g->flow[at[KNOB_FLOW]], .place = place};
	s.flow = out->flow->name;
	out->schedule = s;
}

/* Do the constraints hold whose knobs beyond the shared ones are exactly these? */
static bool allowed(const struct grid *g, const struct schedule *s, unsigned beyond)
{
	const unsigned pools = 1U << KNOB_BATCH | 1U << KNOB_CHUNK;

	for (size_t i = 0; i < g->n_constraints; i++) {
		if ((constraint_knobs(g->constraint[i]) & pools) == beyond &&
		    !constraint_holds(g->constraint[i], s, &g->names))
			return false;
	}
	return true;
}

/* Calls visit for each allowed point of a group, by its values of batch and chunk. */
typedef void visit_fn(void *data, size_t batch, size_t chunk);

static size_t group_points(const struct grid *g, struct schedule s, visit_fn *visit, void *data)
{
	const unsigned of_batch = 1U << KNOB_BATCH, of_chunk = 1U << KNOB_CHUNK;
	size_t n = 0;

	if (g->n_constraints == 0 && !visit)
		return g->knobs.n[KNOB_BATCH] * g->knobs.n[KNOB_CHUNK];
	if (!allowed(g, &s, 0))
		return 0;
	for (size_t b = 0; b < g->knobs.n[KNOB_BATCH]; b++) {
		knob_set(&g->knobs, KNOB_BATCH, b, &s);
		if (!allowed(g, &s, of_batch))
			continue;
		for (size_t c = 0; c < g->knobs.n[KNOB_CHUNK]; c++) {
			knob_set(&g->knobs, KNOB_CHUNK, c, &s);
			if (!allowed(g, &s, of_chunk) || !allowed(g, &s, of_batch | of_chunk))
				continue;
			if (visit)
				visit(data, b, c);
			n++;
		}
	}
	return n;
}

/* Counts points and groups that have any. */
static enum rc grid_count(const struct grid *g, size_t *n_points, size_t *n_groups, struct err *e)
{
	double all = (double)g->n_places * (double)g->knobs.n[KNOB_BATCH] *
	             (double)g->knobs.n[KNOB_CHUNK];

	*n_points = *n_groups = 0;
	for (size_t place = 0; place < g->n_places && *n_points <= MOST_POINTS; place++) {
		struct sweep_group group;
		size_t n;

		if (g->n_constraints == 0) {
			n = g->knobs.n[KNOB_BATCH] * g->knobs.n[KNOB_CHUNK];
		} else {
			place_schedule(g, place, &group);
			n = group_points(g, group.schedule, NULL, NULL);
		}
		*n_points += n, *n_groups += n > 0;
	}
	if (*n_points > MOST_POINTS && g->n_constraints == 0)
		return fail(e, RC_CONFIG, "%s: the sweep has %.3g points, more than %d",
		            g->config->where[SECTION_SWEEP], all, MOST_POINTS);
	if (*n_points > MOST_POINTS)
		return fail(e, RC_CONFIG, "%s: the constraints leave more than %d points of %.3g",
		            g->config->where[SECTION_SWEEP], MOST_POINTS, all);
	if (*n_points == 0)
		return fail(e, RC_CONFIG, "%s: the constraints leave none of %.0f points",
		            g->config->where[SECTION_SWEEP], all);
	return RC_OK;
}

enum rc sweep_count(const struct config *c, size_t *out, struct err *e)
{
	struct arena *a = arena_new();
	size_t n_points, n_groups;
	struct grid g;
	enum rc rc = grid_init(&g, c, a, e);

	if (rc == RC_OK)
		rc = grid_count(&g, &n_points, &n_groups, e);
	if (rc == RC_OK)
		*out = n_points;
	arena_free(a);
	return rc;
}

/* ---- groups and points ---- */

struct fill {
	struct sweep *sweep;
	size_t group;
};

static void point_add(void *data, size_t batch, size_t chunk)
{
	struct fill *f = data;
	struct sweep *s = f->sweep;
	struct sweep_group *g = s->groups + f->group;
	struct pool_price *prefill = s->prefill + f->group * s->knobs.n[KNOB_CHUNK] + chunk;
	struct pool_price *decode = s->decode + f->group * s->knobs.n[KNOB_BATCH] + batch;

	if (!prefill->group)
		s->n_prefill++;
	if (!decode->group)
		s->n_decode++;
	prefill->group = decode->group = g;
	s->points[s->n_points++] = (struct sweep_point){.prefill = prefill, .decode = decode};
	g->n++;
}

static void sizes_set(struct sweep *s, size_t group)
{
	struct schedule at = s->groups[group].schedule;

	for (size_t i = 0; i < s->knobs.n[KNOB_CHUNK]; i++) {
		knob_set(&s->knobs, KNOB_CHUNK, i, &at);
		s->prefill[group * s->knobs.n[KNOB_CHUNK] + i].size = at.chunk;
	}
	for (size_t i = 0; i < s->knobs.n[KNOB_BATCH]; i++) {
		knob_set(&s->knobs, KNOB_BATCH, i, &at);
		s->decode[group * s->knobs.n[KNOB_BATCH] + i].size = at.batch;
	}
}

static void groups_fill(const struct grid *g, struct sweep *s)
{
	size_t n = 0;

	for (size_t place = 0; place < g->n_places; place++) {
		struct sweep_group *group = s->groups + n;
		struct fill f = {s, n};

		place_schedule(g, place, group);
		group->first = s->n_points;
		if (group_points(g, group->schedule, NULL, NULL) == 0)
			continue;
		group_points(g, group->schedule, point_add, &f);
		sizes_set(s, n);
		n++;
	}
}

/* ---- the same knobs under another flow ---- */

static const char *flow_name_at(const struct sweep *s, size_t i)
{
	const struct field_list *l = s->knobs.list[KNOB_FLOW];

	return l->n > 0 ? l->text[i] : s->knobs.base->flow;
}

/* The point of a group with these values, which stand in the order of batch, then chunk. */
static const struct sweep_point *group_point(const struct sweep *s, const struct sweep_group *g,
                                             size_t batch, size_t chunk)
{
	size_t at = (size_t)(g - s->groups), low = g->first, high = g->first + g->n;
	const struct pool_price *prefill = s->prefill + at * s->knobs.n[KNOB_CHUNK] + chunk;
	const struct pool_price *decode = s->decode + at * s->knobs.n[KNOB_BATCH] + batch;

	if (g->n == s->knobs.n[KNOB_BATCH] * s->knobs.n[KNOB_CHUNK])
		return s->points + g->first + batch * s->knobs.n[KNOB_CHUNK] + chunk;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct sweep_point *p = s->points + middle;

		if (p->decode < decode || (p->decode == decode && p->prefill < prefill))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == g->first + g->n || s->points[low].prefill != prefill ||
	    s->points[low].decode != decode)
		return NULL;
	return s->points + low;
}

/* The group with the same other knobs, or NULL. */
static const struct sweep_group *group_sibling(const struct sweep *s, const struct sweep_group *of,
                                               const struct flow *flow)
{
	size_t per_flow = 1, at = 0, low = 0, high = s->n_groups;

	for (enum knob_id id = KNOB_FLOW + 1; id < KNOBS_SHARED; id++)
		per_flow *= s->knobs.n[id];
	while (at < s->knobs.n[KNOB_FLOW] && strcmp(flow_name_at(s, at), flow->name) != 0)
		at++;
	at = at * per_flow + of->place % per_flow;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->groups[middle].place < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n_groups && s->groups[low].place == at ? s->groups + low : NULL;
}

static const struct sweep_point *point_sibling(const struct sweep *s, const struct sweep_point *p,
                                               const struct sweep_group *g)
{
	size_t chunk = (size_t)(p->prefill - s->prefill) % s->knobs.n[KNOB_CHUNK];
	size_t batch = (size_t)(p->decode - s->decode) % s->knobs.n[KNOB_BATCH];

	return g ? group_point(s, g, batch, chunk) : NULL;
}

const struct sweep_point *sweep_sibling(const struct sweep *s, const struct sweep_point *p,
                                        const struct flow *flow)
{
	return point_sibling(s, p, group_sibling(s, p->prefill->group, flow));
}

static void relay2_find(struct sweep *s)
{
	for (size_t g = 0; g < s->n_groups; g++) {
		const struct sweep_group *base = group_sibling(s, s->groups + g, &flow_relay2);

		for (size_t i = 0; base && i < s->groups[g].n; i++) {
			struct sweep_point *p = s->points + s->groups[g].first + i;

			p->relay2 = point_sibling(s, p, base);
		}
	}
}

enum rc sweep_grid(const struct config *c, struct sweep *s, struct err *e)
{
	struct grid g;
	size_t n_points, n_groups;

	s->config = c;
	s->arena = arena_new();
	s->engine = engine_find(c->sweep.engine, e);
	if (!s->engine)
		return e->rc;
	TRY(grid_init(&g, c, s->arena, e));
	TRY(grid_count(&g, &n_points, &n_groups, e));
	s->knobs = g.knobs;
	s->n_groups = n_groups;
	s->groups = heap_zeroed(n_groups + 1, sizeof *s->groups); /* one more is tried */
	s->prefill = heap_zeroed(n_groups * s->knobs.n[KNOB_CHUNK], sizeof *s->prefill);
	s->decode = heap_zeroed(n_groups * s->knobs.n[KNOB_BATCH], sizeof *s->decode);
	s->points = heap_zeroed(n_points, sizeof *s->points);
	groups_fill(&g, s);
	CHECK(s->n_points == n_points);
	relay2_find(s);
	return RC_OK;
}
