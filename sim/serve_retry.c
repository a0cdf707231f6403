/* Requests that look for a group: where they go next, who waits because no group lives, and what
 * becomes of those whose group was lost. Tokens that came stay; KV that was lost is computed anew.
 */
#include "sim/serve_state.h"

bool group_could_hold(const struct sim *s, const struct group *g, uint32_t job)
{
	double keep = s->batching->watermark ? s->spec->watermark_ratio : 0;

	return job_most_blocks(s, g, job) + (int64_t)(keep * (double)g->kv.blocks) <= g->kv.blocks;
}

/* Prompts are computed in the first pool, but where what it has to compute again became too long
 * for a group there: decode groups compute it as they do after preemption. */
static int next_pool(const struct sim *s, uint32_t job)
{
	const struct group *g = &s->group[s->pool_first[0]];

	if (s->setup->n_pools == 1)
		return 0;
	return s->job[job].source >= 0 || !group_could_hold(s, g, job);
}

static void job_lose(struct sim *s, uint32_t job)
{
	struct served *log = &s->result->served[job];

	if (s->job[job].source >= 0)
		job_source_free(s, job);
	s->job[job].state = JOB_AWAY;
	log->fate = FATE_LOST;
	log->last_s = s->now_s;
	s->present--;
	s->n_done++;
}

void job_route(struct sim *s, uint32_t job)
{
	int pool = next_pool(s, job);
	int32_t to = s->router->pick(s, pool, job);

	if (to >= 0) {
		group_offer(s, &s->group[to], job);
	} else if (pool_revives(s, pool)) {
		s->job[job].state = JOB_LIMBO;
		list_push(s, &s->limbo[pool], job);
		gauge_add(&s->result->waiting, s->now_s, 1);
	} else {
		job_lose(s, job);
	}
}

static void limbo_leave(struct sim *s, int pool, uint32_t job)
{
	list_remove(s, &s->limbo[pool], job);
	gauge_add(&s->result->waiting, s->now_s, -1);
	s->job[job].state = JOB_AWAY;
}

void limbo_flush(struct sim *s)
{
	for (int pool = 0; pool < (int)s->setup->n_pools; pool++) {
		for (int64_t n = s->limbo[pool].n; n > 0; n--) {
			uint32_t job = s->limbo[pool].first;

			limbo_leave(s, pool, job);
			job_route(s, job);
		}
	}
}

static void job_retried(struct sim *s, uint32_t job)
{
	s->result->retried++;
	s->result->served[job].retried_count++;
}

/* Out of a decode group's hands; its KV still lies in a prefill group. */
static void job_detach(struct sim *s, struct group *g, uint32_t job)
{
	if (s->job[job].state == JOB_PULLING) {
		job_pull_stop(s, g, job);
		return;
	}
	list_remove(s, &g->waiting, job);
	gauge_add(&s->result->waiting, s->now_s, -1);
	s->job[job].state = JOB_AWAY;
}

/* Its group is lost, with the KV it has there. */
static void job_displace(struct sim *s, struct group *g, uint32_t job)
{
	if (s->job[job].state != JOB_WAITING)
		job_retried(s, job);
	if (s->job[job].source >= 0)
		job_detach(s, g, job);
	else
		job_reset(s, g, job);
	job_route(s, job);
}

/* The prefill group that holds its KV is lost. */
static void job_source_lost(struct sim *s, uint32_t job)
{
	struct job *j = &s->job[job];

	if (j->state == JOB_LIMBO)
		limbo_leave(s, 1, job);
	else
		job_detach(s, &s->group[s->result->served[job].group], job);
	job_source_free(s, job);
	job_retried(s, job);
	j->computed = 0;
	j->target = job_request(s, job)->input + s->result->served[job].generated_count;
	job_route(s, job);
}

void group_empty(struct sim *s, struct group *g)
{
	uint32_t job;

	CHECK(g->dead); /* or they would come back */
	while ((job = g->running.first) != NONE || (job = g->waiting.first) != NONE)
		job_displace(s, g, job);
	for (size_t i = 0; s->setup->n_pools > 1 && i < s->requests->n; i++) {
		if (s->job[i].source == g->index)
			job_source_lost(s, (uint32_t)i);
	}
	if (g->prefix)
		prefix_trim(g->prefix, 0);
	g->n_cohorts = 0;
}
