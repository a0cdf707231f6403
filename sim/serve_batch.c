/* What batching policies are made of. */
#include <math.h>
#include "models/base/arena.h"
#include "sim/serve_state.h"

int64_t tokens_after(const struct sim *s, int64_t steps)
{
	return (int64_t)floor((double)steps * s->tokens_per_step_count);
}

void plan_clear(struct plan *p)
{
	p->load = (struct group_load){0};
	p->n_chunks = 0;
	p->decodes = p->blind = false;
}

/* Whoever yields is gone from the plan as well. */
static void plan_drop(struct plan *p, uint32_t job)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_chunks; i++) {
		if (p->chunk[i].job != job)
			p->chunk[n++] = p->chunk[i];
	}
	p->n_chunks = n;
}

/* Blocks beside those that decoding sequences need in this step. */
static int64_t room(const struct sim *s, const struct group *g)
{
	int64_t grow = tokens_after(s, g->steps + 1) - g->tokens;

	if (!g->plan.decodes)
		return kv_free(&g->kv);
	return kv_free(&g->kv) - kv_growth_blocks(&g->kv, g->tokens, grow);
}

/* Makes so many blocks free, by preemption; false when `keep` itself had to yield. */
static bool make_room(struct sim *s, struct group *g, int64_t n_blocks, uint32_t keep)
{
	while (room(s, g) < n_blocks) {
		uint32_t victim = s->preemption->victim(s, g);

		CHECK(victim != NONE); /* what cannot fit alone is rejected when it arrives */
		plan_drop(&g->plan, victim);
		job_preempt(s, g, victim);
		g->plan.blind = true; /* at the next step there may be room for who waits */
		if (victim == keep)
			return false;
	}
	return true;
}

void plan_decodes(struct sim *s, struct group *g)
{
	g->plan.decodes = true;
	(void)make_room(s, g, 0, NONE);
	g->plan.decodes = g->n_decoding > 0;
	g->plan.load.decode_count = (double)g->n_decoding;
	g->plan.load.decode_context_count =
	        (double)(g->base_sum + (int64_t)g->n_decoding * g->tokens);
}

static void chunk_push(struct plan *p, uint32_t job, int64_t tokens)
{
	if (p->n_chunks == p->chunks_room) {
		p->chunks_room = p->chunks_room ? 2 * p->chunks_room : 8;
		p->chunk = heap_resize(p->chunk, p->chunks_room, sizeof *p->chunk);
	}
	p->chunk[p->n_chunks++] = (struct chunk){job, (int32_t)tokens};
}

/* KV for the first `tokens` of its target. */
static bool chunk_room(struct sim *s, struct group *g, uint32_t job, int64_t tokens)
{
	struct job *j = &s->job[job];
	int64_t more = kv_blocks_of(&g->kv, tokens - j->shared) - j->held;

	if (more <= 0)
		return true;
	if (!make_room(s, g, more, job))
		return false;
	group_take(s, g, more);
	j->held += (int32_t)more;
	return true;
}

void plan_continue(struct sim *s, struct group *g, int64_t *budget)
{
	for (size_t i = 0; i<g->n_prefilling && * budget> 0;) {
		uint32_t job = g->prefilling[i];
		const struct job *j = &s->job[job];
		int64_t tokens = j->target - j->computed;

		if (tokens > *budget)
			tokens = *budget;
		if (!chunk_room(s, g, job, j->computed + tokens))
			continue; /* it has left the array */
		chunk_push(&g->plan, job, tokens);
		*budget -= tokens;
		i++;
	}
}

/* ---- admission ------------------------------------------------------------------------------- */

static bool slot_free(const struct sim *s, struct group *g)
{
	int64_t n = g->running.n;

	if (n >= s->spec->max_seqs)
		return false;
	if (s->spec->schedule_ahead && g->held >= s->spec->max_seqs)
		return g->plan.blind = true, false;
	return true;
}

static bool is_known(const struct sim *s, struct group *g, uint32_t job)
{
	if (!s->spec->schedule_ahead || s->job[job].known_s <= s->instance[g->instance].before_s)
		return true;
	return g->plan.blind = true, false;
}

/* May all that run, and it, grow to their ends? */
static bool promise_holds(const struct sim *s, const struct group *g, uint32_t job)
{
	return !s->preemption->promises || g->promised + job_most_blocks(s, g, job) <= g->kv.blocks;
}

static void admit(struct sim *s, struct group *g, uint32_t job, enum job_state state)
{
	struct served *log = &s->result->served[job];

	list_remove(s, &g->waiting, job);
	list_push(s, &g->running, job);
	gauge_add(&s->result->waiting, s->now_s, -1);
	gauge_add(&s->result->running, s->now_s, 1);
	g->promised += job_most_blocks(s, g, job);
	s->job[job].state = (uint8_t)state;
	if (log->scheduled_s < 0)
		log->scheduled_s = s->now_s;
}

/* Its KV comes from the group that computed it, over that group's link, one after the other. */
static bool admit_pull(struct sim *s, struct group *g, uint32_t job)
{
	struct job *j = &s->job[job];
	struct group *source = &s->group[j->source];
	const struct serve_pool *p = &s->setup->pool[source->pool];
	int64_t blocks = kv_blocks_of(&g->kv, j->target);
	double start_s = fmax(s->now_s, source->link_free_s);
	double takes_s = p->transfer_latency_s + p->transfer_token_s * j->target;

	if (blocks > room(s, g) || !promise_holds(s, g, job))
		return false;
	kv_take(&g->kv, blocks);
	j->pull_blocks = (int32_t)blocks;
	source->link_free_s = start_s + takes_s;
	s->result->transferred_count += j->target;
	pull_push(s, &(struct pull){start_s + takes_s, job});
	admit(s, g, job, JOB_PULLING);
	return true;
}

/* What stays free when a prompt takes n blocks. */
static bool prompt_fits(const struct sim *s, const struct group *g, int64_t n_blocks)
{
	int64_t keep = (int64_t)(s->spec->watermark_ratio * (double)g->kv.blocks);

	return n_blocks + (s->batching->watermark ? keep : 0) <= room(s, g);
}

static bool admit_prompt(struct sim *s, struct group *g, uint32_t job, int64_t budget,
                         int64_t *tokens)
{
	struct job *j = &s->job[job];
	int32_t hit = job_pin(s, g, job);
	int64_t need;

	*tokens = j->target - hit < budget ? j->target - hit : budget;
	need = kv_blocks_of(&g->kv, s->batching->whole_prompts || s->spec->reserve_prompt
	                                    ? j->target - hit
	                                    : *tokens);
	if (!prompt_fits(s, g, need) || !promise_holds(s, g, job)) {
		job_unpin(s, g, job);
		return false;
	}
	group_take(s, g, need);
	j->held = (int32_t)need;
	j->computed = hit;
	if (s->result->served[job].scheduled_s < 0) {
		s->result->served[job].hit_count = hit;
		s->result->prefix_hit_count += hit;
		s->result->prefix_asked_count += job_request(s, job)->input;
	}
	admit(s, g, job, JOB_PREFILLING);
	prefilling_push(g, job);
	chunk_push(&g->plan, job, *tokens);
	return true;
}

bool plan_admit(struct sim *s, struct group *g, int64_t budget, int64_t *tokens)
{
	uint32_t job = g->waiting.first;

	*tokens = 0;
	if (job == NONE || !slot_free(s, g) || !is_known(s, g, job))
		return false;
	if (s->job[job].source >= 0)
		return admit_pull(s, g, job);
	return budget > 0 && admit_prompt(s, g, job, budget, tokens);
}

int64_t plan_next_tokens(struct sim *s, struct group *g)
{
	uint32_t job = g->waiting.first;
	int64_t tokens;

	if (job == NONE || !slot_free(s, g) || !is_known(s, g, job))
		return 0;
	if (s->job[job].source >= 0)
		return 1; /* pulled, not computed */
	tokens = s->job[job].target - job_pin(s, g, job);
	job_unpin(s, g, job);
	return tokens;
}
