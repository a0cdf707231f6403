#include "sim/sweep_price.h"
#include <math.h>
#include <string.h>

static struct step_request request_of(const struct pricer *p, const struct flow *flow,
                                      const struct schedule *s, enum phase phase)
{
	return (struct step_request){.machine = &p->config->machine,
	                             .model = &p->config->model,
	                             .schedule = s,
	                             .routing = &p->config->routing,
	                             .routings = p->routings,
	                             .flow = flow,
	                             .engine = p->engine,
	                             .phase = phase};
}

static double groups_count(const struct schedule *s)
{
	return (double)schedule_npus(s) / (double)s->tp;
}

/* Needed against usable, in words. */
static bool memory_fits(const struct memory *m, const char *pool, char *why, size_t size)
{
	char need[32], have[32];

	if (m->total_bytes <= m->usable_bytes)
		return true;
	snprintf(why, size, "memory: %s needs %s of %s", pool,
	         quantity_human(m->total_bytes, DIM_BYTES, 3, need, sizeof need),
	         quantity_human(m->usable_bytes, DIM_BYTES, 3, have, sizeof have));
	return false;
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

/* Chunks full of prompts of mean length: several in one, or one over several at the mean of the
 * contexts that its chunks see. */
static void full_chunk(const struct workload *w, struct step_request *q)
{
	double chunk = (double)q->schedule->chunk, input = w->input.mean_count;

	q->query_count = chunk;
	q->sequences_count = fmax(1, chunk / input);
	q->context_count = fmax(0, (input - chunk) / 2);
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

enum rc prefill_price(const struct pricer *p, const struct flow *flow, const struct schedule *s,
                      struct prefill_price *out, struct err *e)
{
	struct step_request q = request_of(p, flow, s, PHASE_PREFILL);
	const struct workload *w = &p->config->workload;
	struct step_result r;

	memset(out, 0, sizeof *out);
	full_chunk(w, &q);
	out->possible = step_possible(&q, out->why, sizeof out->why) &&
	                prompt_possible(w, s, out->why, sizeof out->why);
	if (!out->possible)
		return RC_OK;
	TRY(step_memory(&q, fmax(workload_prompt_count(w), w->input.mean_count), &out->memory, e));
	out->fits = memory_fits(&out->memory, "prefill", out->why, sizeof out->why);
	TRY(step_run(&q, &r, e));
	memcpy(out->phase_s, r.phase_s, sizeof out->phase_s);
	out->npu_s = r.step_s * (double)schedule_npus(s) / groups_count(s) * w->input.mean_count /
	             (double)s->chunk;
	return prompt_time(q, workload_prompt_count(w), &out->ttft_s, e);
}

enum rc decode_price(const struct pricer *p, const struct flow *flow, const struct schedule *s,
                     struct decode_price *out, struct err *e)
{
	struct step_request q = request_of(p, flow, s, PHASE_DECODE);
	const struct workload *w = &p->config->workload;
	struct step_result r;

	memset(out, 0, sizeof *out);
	q.query_count = q.sequences_count = (double)s->batch;
	q.context_count = workload_context_count(w);
	out->possible = step_possible(&q, out->why, sizeof out->why);
	if (!out->possible)
		return RC_OK;
	TRY(step_memory(&q, workload_longest_count(w), &out->memory, e));
	out->fits = memory_fits(&out->memory, "decode", out->why, sizeof out->why);
	TRY(step_run(&q, &r, e));
	memcpy(out->phase_s, r.phase_s, sizeof out->phase_s);
	out->tpot_s = r.step_s;
	out->npu_s = r.step_s * (double)schedule_npus(s) / groups_count(s) * w->output.mean_count /
	             (double)s->batch;
	return RC_OK;
}

static void refuse(struct sweep_point *p, enum reason reason, const char *why)
{
	if (p->reason != REASON_NONE)
		return;
	p->reason = reason;
	snprintf(p->why, sizeof p->why, "%s", why);
}

static void refuse_time(struct sweep_point *p, enum reason reason, const char *what, double time_s,
                        double budget_s)
{
	char why[WHY_SIZE], is[32], may[32];

	if (!(budget_s > 0) || time_s <= budget_s)
		return;
	snprintf(why, sizeof why, "%s %s > %s", what,
	         quantity_human(time_s, DIM_TIME, 3, is, sizeof is),
	         quantity_human(budget_s, DIM_TIME, 3, may, sizeof may));
	refuse(p, reason, why);
}

static void budgets_hold(const struct config *c, const struct prefill_price *pre,
                         const struct decode_price *dec, struct sweep_point *p)
{
	char why[WHY_SIZE];

	if (c->sweep.budget.npus > 0 && p->npus > c->sweep.budget.npus) {
		snprintf(why, sizeof why, "%lld NPUs > %lld", (long long)p->npus,
		         (long long)c->sweep.budget.npus);
		refuse(p, REASON_NPUS, why);
	}
	if (!pre->fits)
		refuse(p, REASON_MEMORY, pre->why);
	if (!dec->fits)
		refuse(p, REASON_MEMORY, dec->why);
	refuse_time(p, REASON_TTFT, "TTFT", p->ttft_s, c->sweep.budget.ttft_s);
	refuse_time(p, REASON_TPOT, "TPOT", p->tpot_s, c->sweep.budget.tpot_s);
}

void point_join(const struct config *c, const struct prefill_price *pre,
                const struct decode_price *dec, struct sweep_point *p)
{
	p->npus = schedule_npus(&p->schedule);
	p->reason = REASON_NONE;
	if (!pre->possible)
		refuse(p, REASON_SHAPE, pre->why);
	if (!dec->possible)
		refuse(p, REASON_SHAPE, dec->why);
	if (pre->possible && dec->possible) {
		p->ttft_s = pre->ttft_s, p->tpot_s = dec->tpot_s;
		p->tokens_per_s_per_npu_count =
		        c->workload.output.mean_count / (pre->npu_s + dec->npu_s);
		memcpy(p->prefill_phase_s, pre->phase_s, sizeof p->prefill_phase_s);
		memcpy(p->decode_phase_s, dec->phase_s, sizeof p->decode_phase_s);
		p->prefill_buffers_bytes = pre->memory.buffers_bytes;
		p->decode_buffers_bytes = dec->memory.buffers_bytes;
		p->prefill_memory_bytes = pre->memory.total_bytes;
		p->decode_memory_bytes = dec->memory.total_bytes;
		p->usable_bytes = dec->memory.usable_bytes;
		p->batch_most = dec->memory.batch_most;
		p->kv_token_bytes =
		        dec->memory.kv_request_bytes / workload_longest_count(&c->workload);
		budgets_hold(c, pre, dec, p);
	}
	p->feasible = p->reason == REASON_NONE;
}
