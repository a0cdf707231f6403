/* A lower bound of what any engine that keeps the graph's rules can answer, in O(edges).
 *
 * Call a(b) the set of activities other than b. Activity b is a *cut* when every other one is
 * ordered against it: those with lower index all lead to b, those with higher index all follow
 * from it. Indices are a topological order, so b is a cut if
 *   1. no edge (u, v) has u < b < v,
 *   2. no activity after b is without predecessor,
 *   3. no activity before b is without successor.
 * For walk back from v > b along any predecessors: the walk ends at a source, by 2 at or before
 * b, and by 1 it cannot step over b; so it meets b. Walking forward from u < b likewise, by 3.
 *
 * Cuts split the graph into stages that run one after the other. Let all that precedes a stage be
 * finished at time B, at the earliest. Within the stage, for an activity i
 *   solo(i)  = work / min(cap, capacity / weight over its uses): no rate exceeds that,
 *   head(i)  = B + longest path of (latency + solo) to i, + latency(i): work begins not earlier,
 *   tail(i)  = longest path of (latency + solo) from the end of i: the stage ends not earlier.
 * The stage ends no earlier than head(i) + solo(i) + tail(i), for each i. And for a resource r
 * used by a set S of the stage's activities: r moves nothing of S before min head over S; it
 * moves sum of weight x work at no more than its capacity; and when the last of S is done at
 * least min tail over S remains. So the stage does not end before
 *   min head + load / capacity + min tail.
 * The greatest of these bounds is the next stage's B. A cut is a stage of its own. By induction
 * every B is a lower bound, and so is every start and finish below. */
#include <stdlib.h>
#include "models/base/arena.h"
#include "sim/engine.h"

/* fmax and fmin are calls that also sort out NaN, which no graph holds. */
static double more(double x, double y)
{
	return x > y ? x : y;
}

static double less(double x, double y)
{
	return x < y ? x : y;
}

/* One resource in the stage at hand. */
struct demand {
	double head_s, load_s, tail_s;
	uint32_t stage; /* the stage (its first activity, plus 1) that these belong to */
};

struct scratch {
	double *solo_s;          /* per activity: work at the best rate */
	double *tail_s;          /* per activity */
	uint32_t *last_follower; /* per activity: greatest successor, 0 when none */
	struct demand *demands;  /* per resource */
};

static void scratch_init(struct scratch *s, const struct graph *g)
{
	size_t n = g->n_activities;
	s->demands = heap_zeroed(g->n_resources, sizeof *s->demands);
	s->solo_s = heap_resize(NULL, n, 2 * sizeof(double) + sizeof(uint32_t));
	s->tail_s = s->solo_s + n;
	s->last_follower = (uint32_t *)(s->tail_s + n);
}

static void scratch_fini(struct scratch *s)
{
	free(s->demands);
	free(s->solo_s);
}

static double solo_time(const struct graph *g, uint32_t i)
{
	double rate = g->cap_per_s[i];
	if (g->work_units[i] == 0)
		return 0;
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
		rate = less(rate, g->capacity_per_s[g->use_resource[k]] / g->use_weight_ratio[k]);
	return g->work_units[i] / rate;
}

/* Fills last_follower; returns the last activity without predecessor. */
static uint32_t find_followers(const struct graph *g, uint32_t *last_follower)
{
	uint32_t last_source = 0;
	for (uint32_t v = 0; v < g->n_activities; v++) {
		last_follower[v] = 0;
		if (g->pred_begin[v] == g->pred_begin[v + 1])
			last_source = v;
		for (size_t k = g->pred_begin[v]; k < g->pred_begin[v + 1]; k++)
			last_follower[g->pred[k]] = v; /* v only grows */
	}
	return last_source;
}

/* Earliest times by the stage's longest paths, from begin_s. */
static void pass_forward(const struct graph *g, const struct scratch *s, uint32_t begin,
                         uint32_t end, double begin_s, struct timeline *t)
{
	for (uint32_t i = begin; i < end; i++) {
		double start_s = begin_s;
		for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++)
			start_s = more(start_s, t->finish_s[g->pred[k]]);
		t->start_s[i] = start_s;
		t->finish_s[i] = start_s + g->latency_s[i] + s->solo_s[i];
	}
}

static void add_demand(struct demand *d, uint32_t stage, double head_s, double load_s,
                       double tail_s)
{
	if (d->stage != stage)
		*d = (struct demand){.head_s = head_s, .tail_s = tail_s, .stage = stage};
	d->head_s = less(d->head_s, head_s);
	d->tail_s = less(d->tail_s, tail_s);
	d->load_s += load_s;
}

/* Tails, and what each resource is asked for. Returns the bound by the longest path. */
static double pass_backward(const struct graph *g, struct scratch *s, uint32_t begin, uint32_t end,
                            const struct timeline *t)
{
	double bound_s = 0;
	for (uint32_t i = begin; i < end; i++)
		s->tail_s[i] = 0;
	for (uint32_t i = end; i-- > begin;) {
		double tail_s = s->tail_s[i];
		double before_s = g->latency_s[i] + s->solo_s[i] + tail_s;
		bound_s = more(bound_s, t->finish_s[i] + tail_s);
		for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++)
			if (g->pred[k] >= begin)
				s->tail_s[g->pred[k]] = more(s->tail_s[g->pred[k]], before_s);
		if (g->work_units[i] == 0)
			continue;
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
			uint32_t r = g->use_resource[k];
			double load_s =
			        g->use_weight_ratio[k] * g->work_units[i] / g->capacity_per_s[r];
			add_demand(&s->demands[r], begin + 1, t->start_s[i] + g->latency_s[i],
			           load_s, tail_s);
		}
	}
	return bound_s;
}

/* Bound of the end of the stage [begin, end), which begins at begin_s. */
static double bound_stage(const struct graph *g, struct scratch *s, uint32_t begin, uint32_t end,
                          double begin_s, struct timeline *t)
{
	if (begin == end)
		return begin_s;
	pass_forward(g, s, begin, end, begin_s, t);
	double bound_s = pass_backward(g, s, begin, end, t);
	for (uint32_t i = begin; i < end; i++)
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
			const struct demand *d = &s->demands[g->use_resource[k]];
			if (d->stage == begin + 1)
				bound_s = more(bound_s, d->head_s + d->load_s + d->tail_s);
		}
	return bound_s;
}

static enum rc run(const struct graph *g, const struct engine_options *options, struct timeline *t,
                   struct err *e)
{
	(void)options;
	(void)e;
	struct scratch s;
	uint32_t n = g->n_activities;
	timeline_resize(t, n);
	if (n == 0)
		return RC_OK;
	scratch_init(&s, g);
	uint32_t last_source = find_followers(g, s.last_follower);
	uint32_t begin = 0;    /* of the stage at hand */
	uint32_t reach = 0;    /* the furthest follower of what came so far */
	bool dead_end = false; /* did something before have no follower? */
	double bound_s = 0;
	for (uint32_t i = 0; i < n; i++) {
		s.solo_s[i] = solo_time(g, i);
		if (i >= last_source && reach <= i && !dead_end) {
			bound_s = bound_stage(g, &s, begin, i, bound_s, t);
			bound_s = bound_stage(g, &s, i, i + 1, bound_s, t);
			begin = i + 1;
		}
		reach = s.last_follower[i] > reach ? s.last_follower[i] : reach;
		dead_end = dead_end || s.last_follower[i] == 0;
	}
	t->makespan_s = bound_stage(g, &s, begin, n, bound_s, t);
	scratch_fini(&s);
	return RC_OK;
}

static bool available(const char **why_not)
{
	(void)why_not;
	return true;
}

const struct engine engine_estimate = {
        .name = "estimate",
        .doc = "lower bound of fluid: longest path and busiest resource of each stage",
        .available = available,
        .run = run,
};
