#include "sim/sweep_grid.h"
#include <stdlib.h>
#include <string.h>
#include "models/constraint.h"

enum { MOST_POINTS = 1 << 23, MOST_PLACES = 1 << 27, MOST_APART = 1 << 20 };

/* When a constraint can be asked: of a pool's group, of a group and its size, of two groups, or of
 * a whole point. */
enum level { LEVEL_GROUP, LEVEL_SIZE, LEVEL_PAIR, LEVEL_POINT };

struct condition {
	struct constraint *constraint;
	enum level level;
	bool about[PHASES]; /* GROUP, SIZE: it is asked of that pool */
};

/* A pool's group at one combination of the shared knobs. */
struct candidate {
	struct sweep_group group;
	bool *size;          /* allowed values of chunk or batch */
	size_t n_sizes;      /* of these */
	size_t n_points, at; /* at: in the sweep's groups */
};

struct grid {
	const struct config *config;
	struct knobs knobs;
	struct condition *condition;
	size_t n_conditions;
	bool pairs, points; /* there are conditions of that level */
	struct constraint_names names;
	size_t n_shared, n_pool[PHASES]; /* combinations */
	struct candidate *candidate[PHASES];
};

static enum knob_id size_knob(enum phase pool)
{
	return pool == PHASE_PREFILL ? KNOB_CHUNK : KNOB_BATCH;
}

/* ---- what a file says ------------------------------------------------------------------------ */

static enum rc flows_check(const char *flow, const struct field_list *l, struct err *e)
{
	if (l->n == 0)
		return flow_find(flow, e) ? RC_OK : e->rc;
	for (size_t i = 0; i < l->n; i++) {
		if (!flow_find(l->text[i], e))
			return e->rc;
	}
	return RC_OK;
}

static enum rc flows_find(const struct grid *g, struct err *e)
{
	const struct knobs *k = &g->knobs;

	if (!k->apart[KNOB_FLOW])
		return flows_check(k->base->flow, k->list[KNOB_FLOW], e);
	TRY(flows_check(k->base->flow, k->pool_list[PHASE_PREFILL][KNOB_FLOW], e));
	return flows_check(k->base->flow, k->pool_list[PHASE_DECODE][KNOB_FLOW], e);
}

static struct condition condition_of(struct constraint *c)
{
	const unsigned both = 1U << PHASE_PREFILL | 1U << PHASE_DECODE;
	const unsigned sizes = 1U << KNOB_BATCH | 1U << KNOB_CHUNK;
	unsigned pools = constraint_pools(c);
	bool sized = (constraint_knobs(c) & sizes) != 0;
	struct condition out = {.constraint = c};

	for (enum phase pool = 0; pool < PHASES; pool++)
		out.about[pool] = pools == 0 || (pools >> pool & 1U);
	if (pools != both && !constraint_asks_instances(c))
		out.level = sized ? LEVEL_SIZE : LEVEL_GROUP;
	else
		out.level = sized || constraint_asks_instances(c) ? LEVEL_POINT : LEVEL_PAIR;
	return out;
}

static enum rc constraints_read(struct grid *g, struct arena *a, struct err *e)
{
	const struct field_list *l = &g->config->sweep.constraints;
	const struct yaml_node *node = l->node;

	g->n_conditions = l->n;
	g->condition = arena_alloc(a, (l->n + 1) * sizeof *g->condition);
	for (size_t i = 0; i < l->n; i++, node = node ? node->next : NULL) {
		struct constraint *c;

		TRY(constraint_parse(l->text[i], node ? node->file : "sweep.constraints",
		                     node ? node->line : 0, node ? node->column : 0, a, &c, e));
		g->condition[i] = condition_of(c);
		g->pairs = g->pairs || g->condition[i].level == LEVEL_PAIR;
		g->points = g->points || g->condition[i].level == LEVEL_POINT;
	}
	g->names = (struct constraint_names){.machine = g->config->machine.name,
	                                     .model = g->config->model.name,
	                                     .workload = g->config->workload.name};
	return RC_OK;
}

static void candidates_make(struct grid *g, struct arena *a)
{
	for (enum phase pool = 0; pool < PHASES; pool++) {
		size_t n = g->knobs.n[size_knob(pool)];
		struct candidate *all = arena_alloc(a, g->n_pool[pool] * sizeof *all);
		bool *sizes = arena_alloc(a, g->n_pool[pool] * n * sizeof *sizes);

		for (size_t i = 0; i < g->n_pool[pool]; i++)
			all[i].size = sizes + i * n;
		g->candidate[pool] = all;
	}
}

static enum rc grid_init(struct grid *g, const struct config *c, struct arena *a, struct err *e)
{
	double shared = 1, pool_places[PHASES] = {1, 1};

	*g = (struct grid){.config = c};
	knobs_of(&c->sweep, &c->schedule, &g->knobs);
	TRY(flows_find(g, e));
	TRY(constraints_read(g, a, e));
	for (enum knob_id id = 0; id < KNOBS_SHARED; id++) {
		shared *= (double)g->knobs.n[id];
		for (enum phase pool = 0; pool < PHASES; pool++)
			pool_places[pool] *= (double)g->knobs.pool_n[pool][id];
	}
	if (shared * pool_places[0] * pool_places[1] > MOST_PLACES || pool_places[0] > MOST_APART ||
	    pool_places[1] > MOST_APART)
		return fail(e, RC_CONFIG,
		            "%s: the sweep has %.3g combinations even without batch and chunk, "
		            "more than %d",
		            c->where[SECTION_SWEEP], shared * pool_places[0] * pool_places[1],
		            MOST_PLACES);
	g->n_shared = (size_t)shared;
	for (enum phase pool = 0; pool < PHASES; pool++)
		g->n_pool[pool] = (size_t)pool_places[pool];
	candidates_make(g, a);
	return RC_OK;
}

/* ---- candidates ------------------------------------------------------------------------------ */

/* The combination of that number, the last knob fastest. */
static void shared_set(const struct grid *g, size_t place, struct schedule *s)
{
	for (int id = KNOBS_SHARED - 1; id >= 0; id--) {
		if (g->knobs.apart[id])
			continue;
		knob_set(&g->knobs, (enum knob_id)id, place % g->knobs.n[id], s);
		place /= g->knobs.n[id];
	}
}

static void apart_set(const struct grid *g, enum phase pool, size_t place, struct schedule *s)
{
	for (int id = KNOBS_SHARED - 1; id >= 0; id--) {
		if (!g->knobs.apart[id])
			continue;
		knob_set_pool(&g->knobs, pool, (enum knob_id)id, place % g->knobs.pool_n[pool][id],
		              s);
		place /= g->knobs.pool_n[pool][id];
	}
}

static bool level_holds(const struct grid *g, enum level level, const struct schedule *s,
                        enum phase pool)
{
	const struct constraint_point at = {.schedule = {s, s}};

	for (size_t i = 0; i < g->n_conditions; i++) {
		const struct condition *c = g->condition + i;

		if (c->level == level && c->about[pool] &&
		    !constraint_holds_in(c->constraint, &at, &g->names, pool))
			return false;
	}
	return true;
}

static void candidate_set(const struct grid *g, enum phase pool, size_t shared, size_t place,
                          struct candidate *out)
{
	enum knob_id id = size_knob(pool);
	struct schedule s = g->config->schedule;

	shared_set(g, shared, &s);
	apart_set(g, pool, place, &s);
	out->group = (struct sweep_group){.config = g->config,
	                                  .flow = flow_find(s.flow, &(struct err){0}),
	                                  .shared = shared,
	                                  .place = shared * g->n_pool[pool] + place};
	s.flow = out->group.flow->name;
	out->group.schedule = s;
	out->n_sizes = out->n_points = 0;
	if (!level_holds(g, LEVEL_GROUP, &s, pool))
		return;
	for (size_t i = 0; i < g->knobs.n[id]; i++) {
		knob_set(&g->knobs, id, i, &s);
		out->size[i] = level_holds(g, LEVEL_SIZE, &s, pool);
		out->n_sizes += out->size[i];
	}
}

static void candidates_set(const struct grid *g, size_t shared)
{
	for (enum phase pool = 0; pool < PHASES; pool++) {
		for (size_t i = 0; i < g->n_pool[pool]; i++)
			candidate_set(g, pool, shared, i, g->candidate[pool] + i);
	}
}

/* ---- points of two candidates ---------------------------------------------------------------- */

/* Where in a block: values of the knobs. */
struct pick {
	size_t size[PHASES], instances[PHASES];
};

struct pair {
	const struct grid *grid;
	struct candidate *of[PHASES];
	struct schedule schedule[PHASES];
};

static bool pair_holds(const struct pair *p, enum level level, const struct pick *at)
{
	const struct grid *g = p->grid;
	struct constraint_point point = {.schedule = {&p->schedule[0], &p->schedule[1]}};

	for (enum phase pool = 0; at && pool < PHASES; pool++)
		point.instances[pool] = knob_instances(&g->knobs, pool, at->instances[pool]);
	for (size_t i = 0; i < g->n_conditions; i++) {
		if (g->condition[i].level == level &&
		    !constraint_holds_at(g->condition[i].constraint, &point, &g->names))
			return false;
	}
	return true;
}

/* Calls visit for each allowed point; returns how many there are. */
typedef void visit_fn(void *data, const struct pair *p, const struct pick *at);

static size_t instances_visit(const struct pair *p, struct pick at, visit_fn *visit, void *data)
{
	const struct knobs *k = &p->grid->knobs;
	size_t n = 0;

	for (size_t i = 0; i < k->n_instances[PHASE_PREFILL]; i++) {
		at.instances[PHASE_PREFILL] = i;
		for (size_t j = 0; j < k->n_instances[PHASE_DECODE]; j++) {
			at.instances[PHASE_DECODE] = j;
			if (p->grid->points && !pair_holds(p, LEVEL_POINT, &at))
				continue;
			if (visit)
				visit(data, p, &at);
			n++;
		}
	}
	return n;
}

static size_t pair_visit(struct pair *p, visit_fn *visit, void *data)
{
	const struct grid *g = p->grid;
	const struct knobs *k = &g->knobs;
	size_t n = p->of[PHASE_PREFILL]->n_sizes * p->of[PHASE_DECODE]->n_sizes;
	struct pick at = {0};

	if (n == 0 || (g->pairs && !pair_holds(p, LEVEL_PAIR, NULL)))
		return 0;
	if (!visit && !g->points)
		return n * k->n_instances[PHASE_PREFILL] * k->n_instances[PHASE_DECODE];
	n = 0;
	for (size_t b = 0; b < k->n[KNOB_BATCH]; b++) {
		if (!p->of[PHASE_DECODE]->size[b])
			continue;
		at.size[PHASE_DECODE] = b;
		knob_set(k, KNOB_BATCH, b, &p->schedule[PHASE_DECODE]);
		for (size_t c = 0; c < k->n[KNOB_CHUNK]; c++) {
			if (!p->of[PHASE_PREFILL]->size[c])
				continue;
			at.size[PHASE_PREFILL] = c;
			knob_set(k, KNOB_CHUNK, c, &p->schedule[PHASE_PREFILL]);
			n += instances_visit(p, at, visit, data);
		}
	}
	return n;
}

static struct pair pair_of(const struct grid *g, size_t prefill, size_t decode)
{
	struct pair p = {.grid = g};

	p.of[PHASE_PREFILL] = g->candidate[PHASE_PREFILL] + prefill;
	p.of[PHASE_DECODE] = g->candidate[PHASE_DECODE] + decode;
	for (enum phase pool = 0; pool < PHASES; pool++)
		p.schedule[pool] = p.of[pool]->group.schedule;
	return p;
}

/* ---- counts ---------------------------------------------------------------------------------- */

struct totals {
	size_t n_points, n_blocks, n_groups[PHASES];
};

/* Counts the points of one combination of the shared knobs, and those of each candidate. */
static void place_count(const struct grid *g, size_t shared, struct totals *t)
{
	candidates_set(g, shared);
	for (size_t i = 0; i < g->n_pool[PHASE_PREFILL]; i++) {
		for (size_t j = 0; j < g->n_pool[PHASE_DECODE]; j++) {
			struct pair p = pair_of(g, i, j);
			size_t n = pair_visit(&p, NULL, NULL);

			p.of[PHASE_PREFILL]->n_points += n, p.of[PHASE_DECODE]->n_points += n;
			t->n_points += n, t->n_blocks += n > 0;
		}
	}
	for (enum phase pool = 0; pool < PHASES; pool++) {
		for (size_t i = 0; i < g->n_pool[pool]; i++)
			t->n_groups[pool] += g->candidate[pool][i].n_points > 0;
	}
}

/* Without constraints there is nothing to try. */
static void count_all(const struct grid *g, double all, struct totals *t)
{
	size_t n_prefill = g->n_pool[PHASE_PREFILL], n_decode = g->n_pool[PHASE_DECODE];

	*t = (struct totals){.n_points = all > MOST_POINTS ? MOST_POINTS + 1UL : (size_t)all,
	                     .n_blocks = g->n_shared * n_prefill * n_decode,
	                     .n_groups = {g->n_shared * n_prefill, g->n_shared * n_decode}};
}

/* Counts points, and groups that have any. */
static enum rc grid_count(const struct grid *g, struct totals *t, struct err *e)
{
	double all = knobs_combinations_count(&g->knobs);

	*t = (struct totals){0};
	if (g->n_conditions == 0)
		count_all(g, all, t);
	for (size_t i = 0; g->n_conditions > 0 && i < g->n_shared && t->n_points <= MOST_POINTS;
	     i++)
		place_count(g, i, t);
	if (t->n_points > MOST_POINTS && g->n_conditions == 0)
		return fail(e, RC_CONFIG, "%s: the sweep has %.3g points, more than %d",
		            g->config->where[SECTION_SWEEP], all, MOST_POINTS);
	if (t->n_points > MOST_POINTS)
		return fail(e, RC_CONFIG, "%s: the constraints leave more than %d points of %.3g",
		            g->config->where[SECTION_SWEEP], MOST_POINTS, all);
	if (t->n_points == 0)
		return fail(e, RC_CONFIG, "%s: the constraints leave none of %.0f points",
		            g->config->where[SECTION_SWEEP], all);
	return RC_OK;
}

enum rc sweep_count(const struct config *c, size_t *out, struct err *e)
{
	struct arena *a = arena_new();
	struct totals t;
	struct grid g;
	enum rc rc = grid_init(&g, c, a, e);

	if (rc == RC_OK)
		rc = grid_count(&g, &t, e);
	if (rc == RC_OK)
		*out = t.n_points;
	arena_free(a);
	return rc;
}

/* ---- groups and points ----------------------------------------------------------------------- */

static void point_add(void *data, const struct pair *pair, const struct pick *at)
{
	struct sweep *s = data;
	const struct candidate *prefill = pair->of[PHASE_PREFILL], *decode = pair->of[PHASE_DECODE];
	struct sweep_point *p = s->points + s->n_points++;
	struct pool_price *x =
	        s->prefill + prefill->at * s->knobs.n[KNOB_CHUNK] + at->size[PHASE_PREFILL];
	struct pool_price *y =
	        s->decode + decode->at * s->knobs.n[KNOB_BATCH] + at->size[PHASE_DECODE];

	s->n_prefill += !x->group, s->n_decode += !y->group;
	x->group = s->groups + prefill->at, y->group = s->decode_groups + decode->at;
	*p = (struct sweep_point){.prefill = x, .decode = y};
	for (enum phase pool = 0; pool < PHASES; pool++)
		p->instances[pool] = (uint16_t)knob_instances(&s->knobs, pool, at->instances[pool]);
}

static void sizes_set(const struct knobs *k, enum phase pool, struct pool_price *out)
{
	enum knob_id id = size_knob(pool);
	struct schedule at = *k->base;

	for (size_t i = 0; i < k->n[id]; i++) {
		knob_set(k, id, i, &at);
		out[i].size = pool == PHASE_PREFILL ? at.chunk : at.batch;
	}
}

/* Keeps the candidates that have points. Pools that share all knobs have the same groups. */
static void groups_add(const struct grid *g, struct sweep *s)
{
	for (size_t i = 0; i < g->n_pool[PHASE_PREFILL]; i++) {
		struct candidate *c = g->candidate[PHASE_PREFILL] + i;

		if (c->n_points == 0)
			continue;
		c->at = s->n_groups++;
		s->groups[c->at] = c->group;
		sizes_set(&s->knobs, PHASE_PREFILL, s->prefill + c->at * s->knobs.n[KNOB_CHUNK]);
	}
	for (size_t i = 0; i < g->n_pool[PHASE_DECODE]; i++) {
		struct candidate *c = g->candidate[PHASE_DECODE] + i;

		if (c->n_points == 0)
			continue;
		c->at = s->n_decode_groups++;
		s->decode_groups[c->at] = c->group;
		sizes_set(&s->knobs, PHASE_DECODE, s->decode + c->at * s->knobs.n[KNOB_BATCH]);
	}
}

static void place_fill(const struct grid *g, size_t shared, struct sweep *s)
{
	place_count(g, shared, &(struct totals){0});
	groups_add(g, s);
	for (size_t i = 0; i < g->n_pool[PHASE_PREFILL]; i++) {
		for (size_t j = 0; j < g->n_pool[PHASE_DECODE]; j++) {
			struct pair p = pair_of(g, i, j);
			size_t first = s->n_points, n;

			n = pair_visit(&p, point_add, s);
			if (n > 0)
				s->blocks[s->n_blocks++] = (struct sweep_block){
				        p.of[PHASE_PREFILL]->at, p.of[PHASE_DECODE]->at, first, n};
		}
	}
}

enum rc sweep_grid(const struct config *c, struct sweep *s, struct err *e)
{
	struct totals t;
	struct grid g;

	s->config = c;
	s->arena = arena_new();
	s->engine = engine_find(c->sweep.engine, e);
	if (!s->engine)
		return e->rc;
	TRY(grid_init(&g, c, s->arena, e));
	TRY(grid_count(&g, &t, e));
	s->knobs = g.knobs;
	s->groups = heap_zeroed(t.n_groups[PHASE_PREFILL], sizeof *s->groups);
	s->decode_groups = g.knobs.any_apart
	                           ? heap_zeroed(t.n_groups[PHASE_DECODE], sizeof *s->decode_groups)
	                           : s->groups;
	s->blocks = heap_zeroed(t.n_blocks, sizeof *s->blocks);
	s->prefill =
	        heap_zeroed(t.n_groups[PHASE_PREFILL] * s->knobs.n[KNOB_CHUNK], sizeof *s->prefill);
	s->decode =
	        heap_zeroed(t.n_groups[PHASE_DECODE] * s->knobs.n[KNOB_BATCH], sizeof *s->decode);
	s->points = heap_zeroed(t.n_points, sizeof *s->points);
	for (size_t i = 0; i < g.n_shared; i++)
		place_fill(&g, i, s);
	CHECK(s->n_points == t.n_points && s->n_blocks == t.n_blocks);
	CHECK(s->n_groups == t.n_groups[PHASE_PREFILL]);
	sweep_siblings(s);
	return RC_OK;
}
