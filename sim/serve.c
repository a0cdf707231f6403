/* The event loop of the serving simulation. */
#include "sim/serve.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "sim/serve_state.h"

/* ---- building and ending --------------------------------------------------------------------- */

/* Blocks of KV memory must tile those of the prefix cache, or publishing a prompt would take more
 * than the prompt did. */
static int64_t kv_block_tokens(const struct sim *s, bool cached)
{
	int64_t a = s->spec->kv_block, b = cached ? s->requests->block_tokens : 0;

	while (b > 0) {
		int64_t rest = a % b;

		a = b, b = rest;
	}
	return a;
}

static void group_init(struct sim *s, struct group *g, int pool, int32_t instance)
{
	bool cached = s->spec->prefix_cache && s->requests->block_tokens > 0 &&
	              s->setup->pool[pool].role != ROLE_DECODE;

	*g = (struct group){.index = (int32_t)(g - s->group), .instance = instance, .pool = pool};
	list_init(&g->waiting);
	list_init(&g->running);
	kv_init(&g->kv, kv_block_tokens(s, cached), s->setup->pool[pool].kv_tokens_count);
	g->prefix = cached ? prefix_new() : NULL;
}

static void group_fini(struct group *g)
{
	free(g->prefilling);
	free(g->heap);
	free(g->plan.chunk);
	kv_fini(&g->kv);
	prefix_free(g->prefix);
}

static void pools_init(struct sim *s)
{
	int32_t group = 0, instance = 0;

	for (size_t p = 0; p < s->setup->n_pools; p++) {
		const struct serve_pool *pool = &s->setup->pool[p];

		s->pool_first[p] = group;
		for (int64_t i = 0; i < pool->instances; i++, instance++) {
			s->instance[instance] = (struct instance){.index = instance,
			                                          .pool = (int32_t)p,
			                                          .first_group = group,
			                                          .n_groups = (int32_t)pool->groups,
			                                          .heap_at = SIZE_MAX};
			for (int64_t k = 0; k < pool->groups; k++)
				group_init(s, &s->group[group++], (int)p, instance);
		}
	}
	s->pool_first[s->setup->n_pools] = group;
}

static void jobs_init(struct sim *s, struct serve_result *out)
{
	for (size_t i = 0; i < s->requests->n; i++) {
		s->job[i] = (struct job){.source = -1, .next = NONE, .before = NONE};
		out->served[i] = (struct served){
		        .scheduled_s = -1, .first_s = -1, .last_s = -1, .group = -1};
	}
}

static void sim_init(struct sim *s, const struct serve_setup *setup,
                     const struct request_list *requests, struct serve_result *out)
{
	size_t n_groups = 0, n_instances = 0, largest = 0;

	for (size_t p = 0; p < setup->n_pools; p++) {
		n_instances += (size_t)setup->pool[p].instances;
		n_groups += (size_t)(setup->pool[p].instances * setup->pool[p].groups);
		if ((size_t)setup->pool[p].groups > largest)
			largest = (size_t)setup->pool[p].groups;
	}
	s->n_groups = (int32_t)n_groups, s->n_instances = (int32_t)n_instances;
	s->job = heap_zeroed(requests->n, sizeof *s->job);
	s->group = heap_zeroed(n_groups, sizeof *s->group);
	s->instance = heap_zeroed(n_instances, sizeof *s->instance);
	s->heap = heap_zeroed(n_instances, sizeof *s->heap);
	s->kick = heap_zeroed(n_instances, sizeof *s->kick);
	s->line_s = heap_zeroed(2 * largest, sizeof *s->line_s);
	s->block_tokens = requests->block_tokens;
	s->tokens_per_step_count = serving_tokens_per_step_count(s->spec);
	pools_init(s);
	jobs_init(s, out);
}

static void sim_fini(struct sim *s)
{
	failure_fini(s);
	for (int32_t i = 0; i < s->n_groups; i++)
		group_fini(&s->group[i]);
	free(s->job);
	free(s->group);
	free(s->instance);
	free(s->heap);
	free(s->kick);
	free(s->line_s);
	free(s->pull);
}

static void result_init(struct serve_result *r, size_t n)
{
	*r = (struct serve_result){.served = heap_zeroed(n, sizeof *r->served),
	                           .n = n,
	                           .failures = {.failed_s = -1, .resumed_s = -1, .rejoined_s = -1}};
	gauge_init(&r->waiting);
	gauge_init(&r->running);
	gauge_init(&r->kv_use);
	gauge_init(&r->output);
	gaps_init(&r->gaps);
}

void serve_result_fini(struct serve_result *r)
{
	free(r->served);
	free(r->failures.mark);
	gaps_fini(&r->gaps);
	r->served = NULL;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void clock_set(struct sim *s, double now_s)
{
	CHECK(now_s >= s->now_s);
	s->result->present_integral_s += (double)s->present * (now_s - s->now_s);
	s->now_s = now_s;
}

void instance_kick(struct sim *s, struct instance *i)
{
	instance_cut(s, i);
	if (i->busy || i->kicked || i->stopped)
		return;
	i->kicked = true;
	instance_know_all(s, i);
	s->kick[s->n_kicks++] = (uint32_t)i->index;
}

static enum rc kicked_start(struct sim *s, struct err *e)
{
	for (size_t k = 0; k < s->n_kicks; k++) {
		struct instance *i = &s->instance[s->kick[k]];

		i->kicked = false;
		TRY(instance_start(s, i, e));
	}
	s->n_kicks = 0;
	return RC_OK;
}

void group_offer(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];
	bool first = g->waiting.n == 0;

	j->known_s = s->now_s;
	if (j->source < 0) {
		j->due_flop = job_flop(s, job, job_match_tokens(s, g, job));
		g->outstanding_flop += j->due_flop;
	}
	job_wait(s, g, job, false);
	/* behind others it changes nothing before the step that takes those */
	if (first || !s->instance[g->instance].busy)
		instance_kick(s, &s->instance[g->instance]);
}

/* Can a group of each pool hold it, alone and to its end? */
static bool job_possible(const struct sim *s, uint32_t job)
{
	for (size_t p = 0; p < s->setup->n_pools; p++) {
		if (!group_could_hold(s, &s->group[s->pool_first[p]], job))
			return false;
	}
	return true;
}

static void arrive(struct sim *s, uint32_t job)
{
	s->result->events++;
	if (!job_possible(s, job)) {
		s->result->served[job].fate = FATE_REJECTED;
		s->n_done++;
		return;
	}
	s->present++;
	s->job[job].target = job_request(s, job)->input;
	job_route(s, job);
}

enum event { EVENT_NONE, EVENT_FAILURE, EVENT_ARRIVAL, EVENT_PULL, EVENT_STEP };

/* The next event; at one time in the order of the enumeration, so that a step's end finds what came
 * at that moment. */
static enum event event_next(const struct sim *s, double *at_s)
{
	enum event event = EVENT_NONE;

	*at_s = HUGE_VAL;
	if (s->failure_s < HUGE_VAL && s->n_done < s->requests->n)
		*at_s = s->failure_s, event = EVENT_FAILURE;
	if (s->next_arrival < s->requests->n &&
	    s->requests->at[s->next_arrival].arrival_s < *at_s) {
		*at_s = s->requests->at[s->next_arrival].arrival_s;
		event = EVENT_ARRIVAL;
	}
	if (s->n_pulls > 0 && s->pull[0].end_s < *at_s)
		*at_s = s->pull[0].end_s, event = EVENT_PULL;
	if (s->n_heap > 0 && s->instance[s->heap[0]].end_s < *at_s)
		*at_s = s->instance[s->heap[0]].end_s, event = EVENT_STEP;
	return event;
}

static void step_end(struct sim *s)
{
	struct instance *i = &s->instance[s->heap[0]];

	instance_finish(s, i);
	if (!i->kicked) {
		i->kicked = true;
		s->kick[s->n_kicks++] = (uint32_t)i->index;
	}
}

static enum rc events_run(struct sim *s, struct err *e)
{
	enum { SHOW = 4096 };
	const struct serve_setup *setup = s->setup;
	enum event event;
	double at_s;

	while ((event = event_next(s, &at_s)) != EVENT_NONE) {
		size_t before = s->n_done;

		clock_set(s, at_s);
		if (event == EVENT_FAILURE)
			failure_step(s);
		else if (event == EVENT_ARRIVAL)
			arrive(s, (uint32_t)s->next_arrival++);
		else if (event == EVENT_PULL)
			job_pulled(s, pull_pop(s).job);
		else
			step_end(s);
		TRY(kicked_start(s, e));
		if (setup->progress && before / SHOW != s->n_done / SHOW)
			setup->progress(setup->progress_data, s->n_done, s->requests->n);
	}
	CHECK(s->n_done == s->requests->n && s->present == 0);
	return RC_OK;
}

static void result_close(struct sim *s)
{
	struct serve_result *r = s->result;

	r->end_s = s->now_s;
	gauge_set(&r->waiting, s->now_s, r->waiting.value_units);
	gauge_set(&r->running, s->now_s, r->running.value_units);
	gauge_set(&r->kv_use, s->now_s, r->kv_use.value_units);
	gauge_set(&r->output, s->now_s, 0);
	for (int32_t i = 0; i < s->n_groups; i++) {
		const struct kv *kv = &s->group[i].kv;

		CHECK(kv->used == 0 && kv->pinned == 0 && kv->n_growing == 0);
		if (r->kv_blocks == 0 || (double)kv->most * (double)r->kv_blocks >
		                                 (double)r->kv_most_blocks * (double)kv->blocks)
			r->kv_most_blocks = kv->most, r->kv_blocks = kv->blocks;
	}
}

enum rc serve_run(const struct serve_setup *setup, const struct request_list *requests,
                  struct serve_result *out, struct err *e)
{
	struct serve_result r;
	struct sim s = {.setup = setup, .spec = setup->spec, .requests = requests, .result = &r};
	enum rc rc;

	TRY(policies_find(setup->spec, &s, e));
	result_init(&r, requests->n);
	sim_init(&s, setup, requests, &r);
	rc = failure_init(&s, e);
	if (rc == RC_OK)
		rc = events_run(&s, e);
	if (rc == RC_OK) {
		result_close(&s);
		*out = r;
	} else {
		serve_result_fini(&r);
	}
	sim_fini(&s);
	return rc;
}
