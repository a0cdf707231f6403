/* Why the front is the same. A proven bound says that a point's TTFT and TPOT are no less, and its
 * throughput no more. When a point that is priced by the engine and feasible beats these figures,
 * it beats the exact ones, too; so the point is not on the front, and it beats nobody that the
 * former does not. Points are priced until all others are beaten so. */
#include "sim/sweep_prune.h"
#include <stdlib.h>
#include <string.h>
#include "sim/sweep_front.h"

bool prune_bound_proven(const struct sweep *s, const struct pool_price *p)
{
	return p->group->schedule.micro_batches == 1 && s->engine != &engine_estimate;
}

bool prune_by_budget(const struct sweep *s, const struct pool_price *p, enum phase phase)
{
	const struct sweep_spec *spec = &s->config->sweep;
	double budget_s = phase == PHASE_PREFILL ? spec->budget.ttft_s : spec->budget.tpot_s;
	const struct sweep_point of = {.prefill = p, .decode = p};
	int64_t npus = schedule_npus(&p->group->schedule);

	if (spec->budget.npus > 0 && npus > spec->budget.npus)
		return true;
	if (p->memory.total_bytes > point_memory_limit_bytes(&of))
		return true;
	return p->known && p->bound && budget_s > 0 &&
	       p->time_s > budget_s * (1 + bound_slack_ratio);
}

static void item_improve(struct front_item *x, double ratio)
{
	x->ttft_s *= 1 - ratio, x->tpot_s *= 1 - ratio;
	x->rate_count /= 1 - ratio;
}

/* A list of the points that are feasible so far and have, or have not, a price left at its bound.
 */
static size_t list_points(const struct sweep *s, bool bound, struct front_item *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_points; i++) {
		struct sweep_point *p = s->points + i;

		if (p->reason != REASON_NONE)
			continue;
		if ((p->prefill->bound || p->decode->bound) != bound)
			continue;
		out[n] = front_item(p);
		if (bound) /* what ties with its bound must not seem beaten */
			item_improve(out + n, bound_slack_ratio);
		n++;
	}
	return n;
}

static bool task_add(struct sweep *s, const struct pool_price *p, enum phase phase,
                     struct task *out)
{
	struct pool_price *own = phase == PHASE_PREFILL ? s->prefill + (p - s->prefill)
	                                                : s->decode + (p - s->decode);

	if (!own->bound)
		return false;
	own->bound = false; /* so that it is listed once */
	*out = (struct task){.price = own, .phase = phase};
	return true;
}

static size_t list_tasks(struct sweep *s, const struct front_item *list, size_t n, struct task *out)
{
	size_t n_tasks = 0;

	for (size_t i = 0; i < n; i++) {
		const struct sweep_point *p = list[i].point;

		n_tasks += task_add(s, p->prefill, PHASE_PREFILL, out + n_tasks);
		n_tasks += task_add(s, p->decode, PHASE_DECODE, out + n_tasks);
	}
	return n_tasks;
}

static void join_all(struct sweep *s)
{
	for (size_t i = 0; i < s->n_points; i++)
		point_join(s->points + i);
}

struct lists {
	struct front_item *live, *front;
	struct task *tasks;
};

/* One round: prices the best of those that nothing priced beats. *more: there were any. */
static enum rc round_run(struct sweep *s, struct lists *l, prune_run_fn *run, void *data,
                         bool *more, struct err *e)
{
	size_t n_front = list_points(s, false, l->front), n = list_points(s, true, l->live);

	n_front = front_keep(l->front, n_front);
	n = front_unbeaten(l->front, n_front, l->live, n);
	n = front_keep(l->live, n);
	*more = n > 0;
	TRY(run(data, l->tasks, list_tasks(s, l->live, n, l->tasks), e));
	join_all(s);
	return RC_OK;
}

/* All estimates are believed: once, what they say is on the front or within the ratio of it. */
static enum rc near_run(struct sweep *s, struct lists *l, double near_ratio, prune_run_fn *run,
                        void *data, struct err *e)
{
	size_t n = list_points(s, true, l->live), n_front = list_points(s, false, l->live + n);

	n += n_front;
	memcpy(l->front, l->live, n * sizeof *l->live);
	n_front = front_keep(l->front, n);
	for (size_t i = 0; i < n; i++)
		item_improve(l->live + i, near_ratio);
	n = front_unbeaten(l->front, n_front, l->live, n);
	TRY(run(data, l->tasks, list_tasks(s, l->live, n, l->tasks), e));
	join_all(s);
	return RC_OK;
}

enum rc prune_front(struct sweep *s, const struct sweep_options *o, prune_run_fn *run, void *data,
                    struct err *e)
{
	struct lists l = {heap_zeroed(s->n_points, sizeof *l.live),
	                  heap_zeroed(s->n_points, sizeof *l.front),
	                  heap_zeroed(s->n_prefill + s->n_decode, sizeof *l.tasks)};
	bool more = o->prune == PRUNE_FRONT;
	enum rc rc = RC_OK;

	join_all(s);
	if (o->prune == PRUNE_NEAR)
		rc = near_run(s, &l, o->near_ratio, run, data, e);
	while (more && rc == RC_OK)
		rc = round_run(s, &l, run, data, &more, e);
	free(l.live);
	free(l.front);
	free(l.tasks);
	return rc;
}
