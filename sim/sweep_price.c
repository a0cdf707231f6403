#include "sim/sweep_price.h"
#include <math.h>
#include <string.h>
#include "sim/step_pipeline.h"

const double bound_slack_ratio = 0x1p-30;

static struct step_request request_of(const struct pricer *p, const struct sweep_group *g,
                                      const struct schedule *s, enum phase phase)
{
	return (struct step_request){.machine = &p->config->machine,
	                             .model = &p->config->model,
	                             .schedule = s,
	                             .routing = &p->config->routing,
	                             .routings = p->routings,
	                             .scratch = p->scratch,
	                             .flow = g->flow,
	                             .engine = p->engine,
	                             .phase = phase};
}

struct schedule pool_schedule(const struct pool_price *p, enum phase phase)
{
	struct schedule s = p->group->schedule;

	*(phase == PHASE_PREFILL ? &s.chunk : &s.batch) = p->size;
	return s;
}

/* Chunks full of prompts of mean length: several in one, or one over several at the mean of the
 * contexts that its chunks see. */
static void full_chunk(const struct workload *w, struct step_request *q)
{
	double chunk = (double)q->schedule->chunk, input = w->input.mean_count;

	q->query_count = chunk;
	q->sequences_count = fmax(1, chunk / input);
	q->context_count = fmax(0, (input - chunk) / 2);
}

/* Guessed tokens go through the step beside the last one of each sequence. */
static void full_batch(const struct workload *w, struct step_request *q)
{
	q->drafts = q->schedule->mtp;
	q->sequences_count = (double)q->schedule->batch;
	q->query_count = q->sequences_count * (double)(1 + q->drafts);
	q->context_count = workload_context_count(w);
}

/* Groups are at unlike places of their prompts and answers. */
static struct step_request pool_request(const struct pricer *p, const struct pool_price *price,
                                        const struct schedule *s, enum phase phase)
{
	struct step_request q = request_of(p, price->group, s, phase);

	if (phase == PHASE_PREFILL)
		full_chunk(&p->config->workload, &q);
	else
		full_batch(&p->config->workload, &q);
	q.context_spread_ratio = p->config->workload.context_spread_ratio;
	return q;
}

/* Each chunk of a prompt is a step of its own. */
static bool prompt_possible(const struct workload *w, const struct schedule *s, char *why,
                            size_t size)
{
	enum { MOST_CHUNKS = 1 << 14 };

	if (workload_prompt_count(w) <= (double)s->chunk * MOST_CHUNKS)
		return true;
	snprintf(why, size, "the prompt takes more than %d chunks", MOST_CHUNKS);
	return false;
}

static const char *keep_text(const struct pricer *p, const char *text)
{
	const char *kept;

	if (p->lock)
		pthread_mutex_lock(p->lock);
	kept = arena_string(p->arena, text);
	if (p->lock)
		pthread_mutex_unlock(p->lock);
	return kept;
}

enum rc pool_memory(const struct pricer *p, enum phase phase, struct pool_price *price,
                    struct err *e)
{
	const struct workload *w = &p->config->workload;
	struct schedule s = pool_schedule(price, phase);
	struct step_request q = pool_request(p, price, &s, phase);
	bool prefill = phase == PHASE_PREFILL;
	char why[WHY_SIZE];

	if (!step_possible(&q, why, sizeof why) ||
	    (prefill && !prompt_possible(w, &s, why, sizeof why))) {
		price->why_not = keep_text(p, why);
		return RC_OK;
	}
	return step_memory(&q,
	                   prefill ? fmax(workload_prompt_count(w), w->input.mean_count)
	                           : workload_longest_count(w),
	                   &price->memory, e);
}

/* One more piece of a prompt: its end, given the end of the one before (of each stage, zeros at
 * first). */
static enum rc piece_time(const struct step_request *q, double *end_s, double *out_s, struct err *e)
{
	struct pipeline p;
	struct step_result r;

	if (q->schedule->pp > 1) {
		TRY(pipeline_stages(q, &p, &r, e));
		pipeline_pass(&p, end_s);
		*out_s = end_s[p.n - 1];
		return RC_OK;
	}
	TRY(step_run(q, &r, e));
	end_s[0] += r.step_s;
	return *out_s = end_s[0], RC_OK;
}

/* The prompt goes through in chunks, each seeing those before it. A last piece too small to split
 * into micro-batches is rounded up. */
static enum rc prompt_time(struct step_request q, double prompt, double *out_s, struct err *e)
{
	double chunk = (double)q.schedule->chunk, end_s[MOST_STAGES] = {0};
	double least = (double)(q.schedule->micro_batches * q.schedule->tp);
	int64_t chunks = (int64_t)ceil(prompt / chunk);

	*out_s = 0;
	q.context_spread_ratio = 0; /* the pool is idle but for it */
	for (int64_t i = 0; i < chunks; i++) {
		double done = (double)i * chunk;

		q.sequences_count = 1;
		q.query_count = fmax(least, fmin(chunk, prompt - done));
		q.context_count = done;
		TRY(piece_time(&q, end_s, out_s, e));
	}
	return RC_OK;
}

/* What drafts took is more of the layers and the head: it joins their phases, by their shares. */
static void phases_set(const struct step_result *r, double tokens_count, double *out_s)
{
	double step_s = r->step_s - r->drafts_s;

	memcpy(out_s, r->phase_s, sizeof r->phase_s);
	for (size_t i = 0; r->drafts_s > 0 && i < MOST_STEP_PHASES; i++)
		out_s[i] *= r->step_s / step_s / tokens_count;
}

enum rc pool_times(const struct pricer *p, enum phase phase, const struct engine *engine,
                   struct pool_price *price, struct err *e)
{
	const struct workload *w = &p->config->workload;
	struct schedule s = pool_schedule(price, phase);
	struct step_request q = pool_request(p, price, &s, phase);
	double mean_count = phase == PHASE_PREFILL ? w->input.mean_count : w->output.mean_count;
	double tokens_count = 1, groups_count;
	struct step_result r;

	if (phase == PHASE_DECODE)
		tokens_count = drafts_tokens_count(s.mtp, p->config->serving.mtp.accept_ratio);
	q.engine = engine;
	TRY(step_run(&q, &r, e));
	phases_set(&r, tokens_count, price->phase_s);
	groups_count = (double)schedule_stage_npus(&s) / (double)s.tp;
	price->npu_s = r.interval_s * (double)schedule_npus(&s) / groups_count * mean_count /
	               (double)price->size / tokens_count;
	price->time_s = r.step_s / tokens_count;
	if (phase == PHASE_PREFILL)
		TRY(prompt_time(q, workload_prompt_count(w), &price->time_s, e));
	price->known = true;
	return RC_OK;
}
