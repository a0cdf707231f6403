/* A job's way through a group. While it decodes, its KV holds its prompt and all its tokens but the
 * last, whose keys and values the next step writes: input + generated - 1. A prompt that is
 * computed anew after preemption holds all of them. */
#include <math.h>
#include "sim/serve_state.h"

const struct request *job_request(const struct sim *s, uint32_t job)
{
	return &s->requests->at[job];
}

double job_flop(const struct sim *s, uint32_t job, int64_t from)
{
	const struct serve_pool *p = &s->setup->pool[0];
	double n = job_request(s, job)->input, done = (double)from;

	return p->token_flop * (n - done) + p->pair_flop * (n * n - done * done) / 2;
}

/* ---- prefix cache ---------------------------------------------------------------------------- */

/* KV blocks that a block of the cache takes. */
static int64_t cache_block_blocks(const struct sim *s, const struct group *g)
{
	return kv_blocks_of(&g->kv, s->block_tokens);
}

/* Whole blocks of its prompt that have names. */
static uint32_t named_blocks(const struct sim *s, uint32_t job)
{
	const struct request *r = job_request(s, job);
	int64_t whole = r->input / s->block_tokens;

	return whole < r->n_blocks ? (uint32_t)whole : r->n_blocks;
}

int64_t job_most_blocks(const struct sim *s, const struct group *g, uint32_t job)
{
	const struct request *r = job_request(s, job);
	bool prompt_only = s->setup->pool[g->pool].role == ROLE_PREFILL;
	/* the last step may overshoot by what was guessed */
	int64_t tokens = r->input + (prompt_only ? 0 : r->output + s->spec->mtp.drafts);
	int64_t named = g->prefix ? named_blocks(s, job) : 0;

	if (prompt_only && s->job[job].target > tokens) /* it starts again with tokens it gave */
		tokens = s->job[job].target;
	return named * cache_block_blocks(s, g) +
	       kv_blocks_of(&g->kv, tokens - named * s->block_tokens);
}

static const uint32_t *blocks_of(const struct sim *s, uint32_t job)
{
	return s->requests->block + job_request(s, job)->first_block;
}

static void trim(struct sim *s, struct group *g)
{
	int64_t room = kv_free(&g->kv) / cache_block_blocks(s, g), most;

	most = (int64_t)(s->spec->prefix_tokens_count / (double)s->block_tokens);
	if (s->spec->prefix_tokens_count > 0 && most < room)
		room = most;
	prefix_trim(g->prefix, room > 0 ? room : 0);
}

void group_take(struct sim *s, struct group *g, int64_t n_blocks)
{
	kv_take(&g->kv, n_blocks);
	if (g->prefix)
		trim(s, g);
}

/* Blocks of the cache that it may use: one token at least is computed. */
static uint32_t match(const struct sim *s, const struct group *g, uint32_t job)
{
	uint32_t n = prefix_match(g->prefix, blocks_of(s, job), named_blocks(s, job));

	return (int64_t)n * s->block_tokens >= s->job[job].target ? n - 1 : n;
}

int64_t job_match_tokens(const struct sim *s, const struct group *g, uint32_t job)
{
	return g->prefix ? match(s, g, job) * s->block_tokens : 0;
}

int32_t job_pin(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];

	if (!g->prefix)
		return 0;
	j->pinned = match(s, g, job);
	for (uint32_t i = 0; i < j->pinned; i++)
		kv_pin(&g->kv,
		       prefix_pin(g->prefix, blocks_of(s, job)[i]) * cache_block_blocks(s, g));
	j->shared = (int32_t)(j->pinned * s->block_tokens);
	return j->shared;
}

/* The last ones first, so that they are the first to go. */
void job_unpin(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];

	for (; j->pinned > 0; j->pinned--)
		kv_pin(&g->kv, -prefix_unpin(g->prefix, blocks_of(s, job)[j->pinned - 1]) *
		                       cache_block_blocks(s, g));
	j->shared = 0;
	if (g->prefix)
		trim(s, g);
}

void job_publish(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];
	int64_t own;

	if (!g->prefix)
		return;
	for (; j->pinned < named_blocks(s, job); j->pinned++)
		kv_pin(&g->kv, prefix_pin(g->prefix, blocks_of(s, job)[j->pinned]) *
		                       cache_block_blocks(s, g));
	j->shared = (int32_t)(j->pinned * s->block_tokens);
	own = kv_blocks_of(&g->kv, j->computed - j->shared);
	kv_take(&g->kv, own - j->held);
	j->held = (int32_t)own;
	trim(s, g);
}

/* ---- its states ------------------------------------------------------------------------------ */

int64_t job_private_tokens(const struct sim *s, const struct group *g, uint32_t job)
{
	return s->job[job].base + g->tokens;
}

void job_wait(struct sim *s, struct group *g, uint32_t job, bool at_front)
{
	struct job *j = &s->job[job];

	j->state = JOB_WAITING;
	s->result->served[job].group = g->index;
	if (at_front)
		list_push_front(s, &g->waiting, job);
	else
		list_push(s, &g->waiting, job);
	gauge_add(&s->result->waiting, s->now_s, 1);
}

void cohort_push(struct group *g, double last_s, int64_t n)
{
	struct cohort *last = g->n_cohorts > 0 ? &g->cohort[g->n_cohorts - 1] : NULL;

	if (last && (last->last_s == last_s || g->n_cohorts == MOST_COHORTS))
		last->n += n;
	else
		g->cohort[g->n_cohorts++] = (struct cohort){last_s, n};
}

static void cohort_drop(struct group *g)
{
	for (size_t i = g->n_cohorts; i-- > 0;) {
		if (g->cohort[i].n > 0) {
			g->cohort[i].n--;
			return;
		}
	}
	CHECK(!"a sequence that no cohort counts");
}

/* The first step after which it has all its tokens. */
static int64_t finish_step(const struct sim *s, const struct group *g, int64_t remaining)
{
	int64_t goal = g->tokens + remaining;
	int64_t step = (int64_t)ceil((double)goal / s->tokens_per_step_count);

	while (tokens_after(s, step) < goal)
		step++;
	while (step > g->steps + 1 && tokens_after(s, step - 1) >= goal)
		step--;
	return step;
}

void job_decode(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];
	const struct served *log = &s->result->served[job];

	j->state = JOB_DECODING;
	j->base = j->computed - j->shared - g->tokens;
	j->finish_step = finish_step(s, g, job_request(s, job)->output - log->generated_count);
	g->base_sum += j->base + j->shared;
	kv_growing_add(&g->kv, j->base, 1);
	decoding_push(s, g, job);
	cohort_push(g, j->token_s, 1);
}

/* Brings the log up to the tokens that it has gained here. */
static void decode_end(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];
	const struct request *r = job_request(s, job);
	int64_t tokens = job_private_tokens(s, g, job) + j->shared;

	s->result->served[job].generated_count =
	        (int32_t)fmin((double)r->output, (double)(tokens - r->input + 1));
	j->held = (int32_t)kv_blocks_of(&g->kv, job_private_tokens(s, g, job));
	j->token_s = fmax(g->decoded_s, j->token_s);
	g->base_sum -= j->base + j->shared;
	kv_growing_add(&g->kv, j->base, -1);
	decoding_remove(s, g, job);
	cohort_drop(g);
}

/* No longer in a batch of the group. */
static void running_remove(struct sim *s, struct group *g, uint32_t job)
{
	list_remove(s, &g->running, job);
	gauge_add(&s->result->running, s->now_s, -1);
	if (s->job[job].state != JOB_HANDED)
		g->promised -= job_most_blocks(s, g, job);
}

void job_leave(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];

	if (j->state == JOB_DECODING)
		decode_end(s, g, job);
	else if (j->state == JOB_PREFILLING || j->state == JOB_LANDED)
		prefilling_remove(g, job);
	running_remove(s, g, job);
	kv_take(&g->kv, -j->held);
	j->held = 0;
	job_unpin(s, g, job);
	j->state = JOB_AWAY;
}

void job_hand_over(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];

	prefilling_remove(g, job);
	j->state = JOB_HANDED; /* what was promised to it stays */
	running_remove(s, g, job);
	j->source = g->index;
	j->target = j->computed;
}

void job_source_free(struct sim *s, uint32_t job)
{
	struct job *j = &s->job[job];
	struct group *source = &s->group[j->source];

	source->promised -= job_most_blocks(s, source, job);
	kv_take(&source->kv, -j->held);
	job_unpin(s, source, job);
	j->held = 0, j->source = -1;
	instance_kick(s, &s->instance[source->instance]); /* it has room again */
}

void job_pull_stop(struct sim *s, struct group *g, uint32_t job)
{
	pull_remove(s, job);
	running_remove(s, g, job);
	kv_take(&g->kv, -s->job[job].pull_blocks);
	s->job[job].state = JOB_AWAY;
	instance_kick(s, &s->instance[g->instance]);
}

void job_pulled(struct sim *s, uint32_t job)
{
	struct job *j = &s->job[job];
	struct group *source = &s->group[j->source];
	struct group *g = &s->group[s->result->served[job].group];

	if (source->state == RANK_SUSPECT || g->state == RANK_SUSPECT)
		return; /* an end of the transfer is dead, which nobody knows yet */
	job_source_free(s, job);
	j->held = j->pull_blocks;
	j->state = JOB_LANDED;
	prefilling_push(g, job);
	instance_kick(s, &s->instance[g->instance]);
}

void job_reset(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];

	if (j->state == JOB_WAITING) {
		list_remove(s, &g->waiting, job);
		gauge_add(&s->result->waiting, s->now_s, -1);
	} else {
		job_leave(s, g, job);
	}
	g->outstanding_flop -= j->due_flop;
	j->due_flop = 0;
	j->computed = 0, j->source = -1;
	j->target = job_request(s, job)->input + s->result->served[job].generated_count;
}

void job_preempt(struct sim *s, struct group *g, uint32_t job)
{
	job_reset(s, g, job);
	s->result->served[job].preempted_count++;
	s->result->preemptions++;
	job_wait(s, g, job, true);
}

void job_finish(struct sim *s, struct group *g, uint32_t job, enum serve_fate fate)
{
	struct served *log = &s->result->served[job];

	job_leave(s, g, job);
	CHECK(log->generated_count == job_request(s, job)->output && log->fate == FATE_NONE);
	log->fate = (int16_t)fate;
	log->last_s = s->now_s;
	s->present--;
	s->n_done++;
}
