#include "sim/sweep_price.h"
#include <math.h>
#include <string.h>

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

static void full_batch(const struct workload *w, struct step_request *q)
{
	q->query_count = q->sequences_count = (double)q->schedule->batch;
	q->context_count = workload_context_count(w);
}

static struct step_request pool_request(const struct pricer *p, const struct pool_price *price,
                                        const struct schedule *s, enum phase phase)
{
	struct step_request q = request_of(p, price->group, s, phase);

	if (phase == PHASE_PREFILL)
		full_chunk(&p->config->workload, &q);
	else
		full_batch(&p->config->workload, &q);
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

/* The prompt goes through in chunks, each seeing those before it. A last piece too small to split
 * into micro-batches is rounded up. */
static enum rc prompt_time(struct step_request q, double prompt, double *out_s, struct err *e)
{
	double chunk = (double)q.schedule->chunk;
	double least = (double)(q.schedule->micro_batches * q.schedule->tp);
	int64_t chunks = (int64_t)ceil(prompt / chunk);

	*out_s = 0;
	for (int64_t i = 0; i < chunks; i++) {
		double done = (double)i * chunk;
		struct step_result r;

		q.sequences_count = 1;
		q.query_count = fmax(least, fmin(chunk, prompt - done));
		q.context_count = done;
		TRY(step_run(&q, &r, e));
		*out_s += r.step_s;
	}
	return RC_OK;
}

enum rc pool_times(const struct pricer *p, enum phase phase, const struct engine *engine,
                   struct pool_price *price, struct err *e)
{
	const struct workload *w = &p->config->workload;
	struct schedule s = pool_schedule(price, phase);
	struct step_request q = pool_request(p, price, &s, phase);
	double mean_count = phase == PHASE_PREFILL ? w->input.mean_count : w->output.mean_count;
	double groups_count;
	struct step_result r;

	q.engine = engine;
	TRY(step_run(&q, &r, e));
	memcpy(price->phase_s, r.phase_s, sizeof price->phase_s);
	groups_count = (double)schedule_npus(&s) / (double)s.tp;
	price->npu_s = r.step_s * (double)schedule_npus(&s) / groups_count * mean_count /
	               (double)price->size;
	price->time_s = r.step_s;
	if (phase == PHASE_PREFILL)
		TRY(prompt_time(q, workload_prompt_count(w), &price->time_s, e));
	price->known = true;
	return RC_OK;
}

/* ---- points ---- */

double point_memory_limit_bytes(const struct sweep_point *p)
{
	double most = p->decode->group->config->sweep.budget.memory_bytes;
	double usable = p->decode->memory.usable_bytes;

	return most > 0 ? fmin(most, usable) : usable;
}

static bool in_budget(double value, double budget)
{
	return !(budget > 0) || value <= budget;
}

/* A bound may be above what it bounds by rounding. */
static bool in_time(const struct pool_price *p, double budget_s)
{
	return in_budget(p->time_s, budget_s * (p->bound ? 1 + bound_slack_ratio : 1));
}

static enum reason reason_of(const struct sweep_point *p)
{
	const struct config *c = p->prefill->group->config;
	double limit_bytes;

	if (p->prefill->why_not || p->decode->why_not)
		return REASON_SHAPE;
	limit_bytes = point_memory_limit_bytes(p);
	if (!in_budget((double)point_npus(p), (double)c->sweep.budget.npus))
		return REASON_NPUS;
	if (p->prefill->memory.total_bytes > limit_bytes ||
	    p->decode->memory.total_bytes > limit_bytes)
		return REASON_MEMORY;
	if (!in_time(p->prefill, c->sweep.budget.ttft_s))
		return REASON_TTFT;
	if (!in_time(p->decode, c->sweep.budget.tpot_s))
		return REASON_TPOT;
	return REASON_NONE;
}

void point_join(struct sweep_point *p)
{
	const struct config *c = p->prefill->group->config;

	p->reason = (uint8_t)reason_of(p);
	p->feasible = p->reason == REASON_NONE;
	p->tokens_per_s_per_npu_count = 0;
	if (p->reason != REASON_SHAPE && p->prefill->known && p->decode->known)
		p->tokens_per_s_per_npu_count =
		        c->workload.output.mean_count / (p->prefill->npu_s + p->decode->npu_s);
}

bool point_priced(const struct sweep_point *p)
{
	return p->reason != REASON_SHAPE && p->prefill->known && p->decode->known;
}

struct schedule point_schedule(const struct sweep_point *p)
{
	struct schedule s = pool_schedule(p->prefill, PHASE_PREFILL);

	s.batch = p->decode->size;
	return s;
}

int64_t point_npus(const struct sweep_point *p)
{
	return schedule_npus(&p->prefill->group->schedule);
}

static const char *why_memory(const struct sweep_point *p, char why[WHY_SIZE])
{
	double limit_bytes = point_memory_limit_bytes(p), need_bytes;
	bool prefill = p->prefill->memory.total_bytes > limit_bytes;
	char need[32], have[32];

	need_bytes = (prefill ? p->prefill : p->decode)->memory.total_bytes;
	snprintf(why, WHY_SIZE, "memory: %s needs %s of %s", prefill ? "prefill" : "decode",
	         quantity_human(need_bytes, DIM_BYTES, 3, need, sizeof need),
	         quantity_human(limit_bytes, DIM_BYTES, 3, have, sizeof have));
	return why;
}

static const char *why_late(const char *what, double time_s, double budget_s, char why[WHY_SIZE])
{
	char is[32], may[32];

	snprintf(why, WHY_SIZE, "%s %s > %s", what,
	         quantity_human(time_s, DIM_TIME, 3, is, sizeof is),
	         quantity_human(budget_s, DIM_TIME, 3, may, sizeof may));
	return why;
}

const char *point_why(const struct sweep_point *p, char why[WHY_SIZE])
{
	const struct config *c = p->prefill->group->config;

	switch (p->reason) {
	case REASON_SHAPE:
		return p->prefill->why_not ? p->prefill->why_not : p->decode->why_not;
	case REASON_NPUS:
		snprintf(why, WHY_SIZE, "%lld NPUs > %lld", (long long)point_npus(p),
		         (long long)c->sweep.budget.npus);
		return why;
	case REASON_MEMORY:
		return why_memory(p, why);
	case REASON_TTFT:
		return why_late("TTFT", p->prefill->time_s, c->sweep.budget.ttft_s, why);
	case REASON_TPOT:
		return why_late("TPOT", p->decode->time_s, c->sweep.budget.tpot_s, why);
	case REASON_BEATEN:
		return "another is better in TTFT, TPOT and tokens/s/NPU";
	default:
		return "";
	}
}

int64_t point_batch_gain(const struct sweep_point *p)
{
	const struct sweep_point *base = p->relay2;

	if (!base || p->reason == REASON_SHAPE || base->reason == REASON_SHAPE)
		return 0;
	return p->decode->memory.batch_most - base->decode->memory.batch_most;
}

double point_kv_gain_count(const struct sweep_point *p)
{
	const struct workload *w = &p->prefill->group->config->workload;
	const struct sweep_point *base = p->relay2;

	if (!base || p->reason == REASON_SHAPE || base->reason == REASON_SHAPE)
		return 0;
	return (base->decode->memory.total_bytes - p->decode->memory.total_bytes) /
	       (p->decode->memory.kv_request_bytes / workload_longest_count(w));
}

double point_cost_count(const struct sweep_point *p)
{
	enum { HOUR_S = 3600 };
	double hour_cost = p->prefill->group->config->machine.extra.npu_hour_cost_count;

	return point_priced(p) ? hour_cost / HOUR_S / p->tokens_per_s_per_npu_count : 0;
}

double point_objective_units(const struct sweep_point *p, enum objective o)
{
	switch (o) {
	case OBJECTIVE_TTFT:
		return p->prefill->time_s;
	case OBJECTIVE_TPOT:
		return p->decode->time_s;
	case OBJECTIVE_NPUS:
		return (double)point_npus(p);
	case OBJECTIVE_COST:
		return point_cost_count(p);
	default:
		return -p->tokens_per_s_per_npu_count;
	}
}
