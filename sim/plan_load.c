/* The requests of a plan's load. */
#include <math.h>
#include <string.h>
#include "models/lengths_draw.h"
#include "sim/plan_queue.h"

/* Long enough that the first requests, left out, and those still at work are few. By the budgets,
 * so that all schedules serve the same requests. */
static size_t requests_for(const struct config *c, double rate_count)
{
	enum { LIVES = 5, LEAST = 500, ROUND = 100 };
	const double no_budget_s[PHASES] = {5, 0.05}; /* lint: only how long to look */
	double ttft_s = c->sweep.budget.ttft_s, tpot_s = c->sweep.budget.tpot_s, life_s;

	life_s = ttft_s > 0 ? ttft_s : no_budget_s[PHASE_PREFILL];
	life_s += (tpot_s > 0 ? tpot_s : no_budget_s[PHASE_DECODE]) * c->workload.output.mean_count;
	return (size_t)(ROUND * ceil(fmax(LEAST, LIVES * life_s * rate_count) / ROUND));
}

static void lengths_make(const struct config *c, const struct request_list *trace, size_t n,
                         struct request_list *out)
{
	const struct workload *w = &c->workload;

	if (trace->n > 0)
		request_list_copy(trace, out);
	else if (c->plan.lengths == PLAN_LENGTHS_DRAWN)
		lengths_draw(w, n, (uint64_t)c->routing.seed, out);
	else
		request_append(out,
		               &(struct request){.input = (int32_t)round(w->input.mean_count),
		                                 .output = (int32_t)round(w->output.mean_count)});
}

static enum rc process_find(const struct config *c, const struct request_list *trace,
                            const struct arrival_process **out, struct err *e)
{
	const char *name = c->plan.arrivals;

	if (!*name)
		name = trace->timed ? "replay" : "poisson";
	*out = arrival_find(name);
	CHECK(*out); /* plan_spec_check() */
	if (!(*out)->gap_s && !trace->timed)
		return fail(e, RC_CONFIG,
		            "plan.arrivals: replay needs a trace with times: --trace FILE");
	return RC_OK;
}

enum rc plan_load_make(const struct config *c, const struct request_list *trace, double rate_count,
                       struct plan_load *out, struct err *e)
{
	enum { WARM = 5 };
	struct plan_load l = {.wanted = requests_for(c, rate_count)};
	size_t most = (size_t)c->plan.requests, n = l.wanted < most ? l.wanted : most;
	bool replay;

	TRY(process_find(c, trace, &l.process, e));
	replay = !l.process->gap_s;
	if (replay && trace->n <= most && trace->n > n)
		n = trace->n; /* all of its ups and downs */
	lengths_make(c, trace, n, &l.list);
	l.arrival = (struct arrival_spec){.rate_count = rate_count,
	                                  .cv_ratio = c->plan.cv_ratio,
	                                  .seed = (uint64_t)c->routing.seed};
	arrivals_make(&l.list, n, l.process, &l.arrival);
	l.warmup = replay ? 0 : n / WARM;
	*out = l;
	return RC_OK;
}

void plan_load_fini(struct plan_load *l)
{
	request_list_fini(&l->list);
}
