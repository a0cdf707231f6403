/* Ranks that die, in the manner of elastic expert parallelism (EEP, arXiv:2605.10670). The others
 * wait in a dispatch that never ends until they time out; the lost ranks are then taken out of the
 * peer table, requests on them start again on other groups, and experts that no living rank holds
 * are fetched from host memory. The instance goes on with fewer ranks, each with more of the
 * experts' work. The lost ranks start again by themselves and are taken back at the end of a step.
 *
 * Spare copies: rank r holds the first `spares` experts of the rank half the instance away. */
#include <math.h>
#include "models/base/err.h"
#include "sim/serve_state.h"

static struct instance *victim(struct sim *s)
{
	return &s->instance[0];
}

void failure_init(struct sim *s)
{
	if (s->spec->failure.at_s > 0)
		s->failure = (struct failure){FAILURE_DIES, s->spec->failure.at_s};
}

static void next(struct sim *s, enum failure_stage stage, double after_s)
{
	s->failure = (struct failure){stage, s->now_s + after_s};
}

/* ---- who is lost, and what with them --------------------------------------------------------- */

static int64_t n_lost(const struct sim *s)
{
	int64_t n = s->instance[0].n_groups;

	return s->spec->failure.groups < n ? s->spec->failure.groups : n;
}

/* The lost groups are the first ones. */
static bool is_lost(const struct sim *s, int64_t group)
{
	return group < n_lost(s);
}

/* Experts of lost ranks that no living rank has a copy of. */
static double uncovered_experts_count(const struct sim *s)
{
	const struct instance *i = &s->instance[0];
	double mine = s->setup->pool[i->pool].rank_experts_count, sum = 0;
	double spares = fmin((double)s->spec->failure.spares, mine);

	for (int64_t g = 0; g < i->n_groups; g++) {
		int64_t holder = (g + i->n_groups / 2) % i->n_groups;
		bool copied = holder != g && !is_lost(s, holder);

		if (is_lost(s, g))
			sum += mine - (copied ? spares : 0);
	}
	return sum;
}

static bool is_coverable(const struct sim *s)
{
	if (n_lost(s) == s->instance[0].n_groups)
		return false;
	return s->spec->failure.host_backup || !(uncovered_experts_count(s) > 0);
}

/* All living ranks fetch a part each. */
static double reload_s(struct sim *s)
{
	const struct serve_pool *p = &s->setup->pool[victim(s)->pool];
	double living = (double)(victim(s)->n_groups - n_lost(s));
	double ranks = living * (double)p->npus / (double)p->groups;

	s->result->reloaded_bytes = uncovered_experts_count(s) * p->expert_bytes;
	return s->result->reloaded_bytes / (ranks * s->spec->failure.host_Bps);
}

/* ---- stages ---------------------------------------------------------------------------------- */

/* All its requests start again, on whatever group the router finds. */
static void group_empty(struct sim *s, struct group *g)
{
	uint32_t job;

	g->dead = true;
	while ((job = g->running.first) != NONE || (job = g->waiting.first) != NONE) {
		if (s->job[job].state != JOB_WAITING)
			s->result->retried++;
		job_reset(s, g, job);
		job_route(s, job);
	}
}

static void groups_empty(struct sim *s, bool all)
{
	struct instance *i = victim(s);

	for (int32_t k = 0; k < i->n_groups; k++) /* first all, or requests would move in circles */
		s->group[i->first_group + k].dead = all || is_lost(s, k);
	for (int32_t k = 0; k < i->n_groups; k++) {
		if (all || is_lost(s, k))
			group_empty(s, &s->group[i->first_group + k]);
	}
}

static void dies(struct sim *s)
{
	instance_stop(s, victim(s));
	victim(s)->stopped = true;
	s->result->failed_s = s->now_s;
	next(s, FAILURE_KNOWN, s->spec->failure.detect_s);
}

static void known(struct sim *s)
{
	bool restart = s->spec->failure.restart_s > 0;

	if (!restart && !is_coverable(s)) {
		s->result->not_coverable = true;
		s->failure.next = FAILURE_NONE;
		groups_empty(s, true);
		return;
	}
	groups_empty(s, restart);
	if (restart)
		next(s, FAILURE_WHOLE, s->spec->failure.restart_s);
	else
		next(s, FAILURE_RESUMES, s->spec->failure.patch_s + reload_s(s));
}

static void serve_again(struct sim *s)
{
	uint32_t job;

	while ((job = s->limbo.first) != NONE && route(s, 0, job) >= 0) {
		list_remove(s, &s->limbo, job);
		gauge_add(&s->result->waiting, s->now_s, -1);
		job_route(s, job);
	}
	victim(s)->stopped = false;
	if (s->result->resumed_s < 0)
		s->result->resumed_s = s->now_s;
	instance_kick(s, victim(s));
}

static void resumes(struct sim *s)
{
	double n = victim(s)->n_groups;

	victim(s)->shared_scale_ratio = n / (n - (double)n_lost(s));
	serve_again(s);
	if (s->spec->failure.warm_s > 0)
		next(s, FAILURE_REJOINS, s->spec->failure.warm_s);
	else
		s->failure.next = FAILURE_NONE;
}

static void rejoins(struct sim *s)
{
	instance_stop(s, victim(s));
	victim(s)->stopped = true;
	next(s, FAILURE_WHOLE, s->spec->failure.rejoin_s);
}

static void whole(struct sim *s)
{
	for (int32_t k = 0; k < victim(s)->n_groups; k++)
		s->group[victim(s)->first_group + k].dead = false;
	victim(s)->shared_scale_ratio = 1;
	s->result->rejoined_s = s->now_s;
	serve_again(s);
	s->failure.next = FAILURE_NONE;
}

void failure_step(struct sim *s)
{
	static void (*const stages[])(struct sim * s) = {[FAILURE_DIES] = dies,
	                                                 [FAILURE_KNOWN] = known,
	                                                 [FAILURE_RESUMES] = resumes,
	                                                 [FAILURE_REJOINS] = rejoins,
	                                                 [FAILURE_WHOLE] = whole};

	stages[s->failure.next](s);
}
