#include "tools/plan_job.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tools/crew.h"
#include "traces/lengths.h"
#include "traces/requests.h"

/* ---- what is asked ---- */

bool plan_option(const char *name)
{
	for (const struct field *f = plan_fields; f->key; f++) {
		bool scalar = f->kind != FIELD_GROUP && f->kind != FIELD_LIST;

		if (scalar && strcmp(f->key, name) == 0)
			return strcmp(name, "trace") != 0; /* that of all verbs */
	}
	return false;
}

static enum rc options_apply(const struct args *a, struct config *c, struct err *e)
{
	for (size_t i = 0; i < a->n_given; i++) {
		const char *name = a->given[i].option->name;

		if (plan_option(name))
			TRY(config_key(c, SECTION_PLAN, name, a->given[i].value,
			               arena_print(c->arena, "--%s", name), e));
	}
	return RC_OK;
}

/* A trace that the file names, with what was set of the workload set again. */
static enum rc file_trace(const char *path, struct config *c, struct err *e)
{
	const struct setting *again = c->settings[SECTION_WORKLOAD];

	TRY(trace_workload(path, c->arena, &c->workload, e));
	c->given[SECTION_WORKLOAD] = true, c->where[SECTION_WORKLOAD] = path;
	c->notes[SECTION_WORKLOAD] = NULL;
	for (; again; again = again->next)
		TRY(config_key(c, SECTION_WORKLOAD, again->key, again->text, again->who, e));
	return RC_OK;
}

static double trace_rate(const struct request_list *l)
{
	double span_s = l->n > 1 ? l->at[l->n - 1].arrival_s - l->at[0].arrival_s : 0;

	return l->timed && span_s > 0 ? (double)(l->n - 1) / span_s : 0;
}

static enum rc trace_read(struct plan_job *j, struct err *e)
{
	struct config *c = j->config;
	bool given = args_has(j->args, "trace");

	j->trace_path = args_value(j->args, "trace", c->plan.trace);
	if (!*j->trace_path)
		return RC_OK;
	if (!given)
		TRY(file_trace(j->trace_path, c, e));
	TRY(trace_requests(j->trace_path, &j->trace, e));
	c->workload.rate_count = trace_rate(&j->trace);
	return RC_OK;
}

static double rate_of(const struct config *c)
{
	double base = c->plan.rate_count > 0 ? c->plan.rate_count : c->workload.rate_count;

	return base * c->plan.times_ratio;
}

static enum rc rate_check(const struct plan_job *j, const struct config *c, struct err *e)
{
	if (args_has(j->args, "rate") && !(c->plan.rate_count > 0))
		return fail(e, RC_CONFIG, "--rate: 0 is not above 0");
	if (!(rate_of(c) > 0))
		return fail(e, RC_CONFIG,
		            "plan: --rate is needed, requests a second: workload %s has none",
		            c->workload.name);
	return RC_OK;
}

static enum rc cases_check(const struct plan_job *j, struct err *e)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct config *c = j->cases.one[i].config;

		TRY(rate_check(j, c, e));
		if (sweep_has_percentiles(&c->sweep))
			return fail(e, RC_CONFIG,
			            "plan: budgets on percentiles are not for plans: --within says "
			            "which share of requests must be within budget.ttft and "
			            "budget.tpot");
		if (c->sweep.machines.n + c->sweep.models.n + c->sweep.workloads.n > 0)
			return fail(e, RC_CONFIG,
			            "plan: the sweep lists machines, models or workloads; as cases "
			            "of a plan they stand in plan.compare");
	}
	return RC_OK;
}

enum rc plan_job_open(const struct args *a, struct plan_job *j, struct err *e)
{
	int64_t jobs;

	*j = (struct plan_job){.args = a, .config = config_new()};
	if (a->n_words != 1)
		return fail(e, RC_CONFIG,
		            "plan: one FILE is needed, such as "
		            "configs/plans/deepseek-v3.1-cm384-azure10x.yaml");
	j->file = a->word[0];
	TRY(args_config(a, j->file, j->config, e));
	TRY(options_apply(a, j->config, e));
	TRY(args_integer(a, "jobs", jobs_default(), 1, &jobs, e));
	j->jobs = (int)jobs;
	TRY(config_check(j->config,
	                 NEEDS(SECTION_MACHINE) | NEEDS(SECTION_MODEL) | NEEDS(SECTION_WORKLOAD),
	                 e));
	TRY(trace_read(j, e));
	TRY(plan_cases(j->config, &j->cases, e));
	j->n = j->cases.n * j->cases.n_by;
	j->result = heap_zeroed(j->n, sizeof *j->result);
	for (size_t i = 0; i < j->n; i++)
		j->result[i].of = &j->cases.one[i];
	j->rate_count = rate_of(j->cases.one[0].config);
	return cases_check(j, e);
}

/* ---- answers ---- */

/* "No" of one of several cases is an answer. */
static enum rc keep_no(enum rc rc, const struct err *why, struct err *kept, struct err *e)
{
	if (rc == RC_NO)
		return *kept = *why, RC_OK;
	return rc == RC_OK ? RC_OK : fail(e, rc, "%s", why->text);
}

static enum rc case_answer(void *data, size_t i, struct err *e)
{
	struct plan_job *j = data;
	struct plan_result *r = j->result + i;
	const struct config *c = r->of->config;
	int jobs = j->n > 1 ? 1 : j->jobs; /* cases have threads of their own */
	struct err why = {0};

	TRY(sweep_run(c, &(struct sweep_options){.jobs = jobs, .prune = PRUNE_BUDGET}, &r->sweep,
	              e));
	r->routings = routing_cache_new(&c->routing);
	r->rc = plan_answer(r->sweep, &j->trace, rate_of(c), r->routings, &r->answer, &why);
	return keep_no(r->rc, &why, &r->why, e);
}

static enum rc effects(struct plan_job *j, struct err *e)
{
	const struct plan_result *first = NULL;

	for (size_t i = 0; i < j->n; i++) {
		struct plan_result *r = j->result + i;

		if (r->rc != RC_OK)
			continue;
		first = first ? first : r;
		TRY(plan_effect(&first->answer, &r->answer, r->of->config, r->sweep->engine,
		                &r->effect, e));
		r->has_effect = true;
	}
	return RC_OK;
}

/* ---- all that is told of one ---- */

static void limit_add(struct plan_result *r, const char *what, const char *remedy,
                      double rate_count)
{
	size_t i = r->n_limits++;

	for (; i > 0 && r->limit[i - 1].rate_count > rate_count; i--)
		r->limit[i] = r->limit[i - 1];
	r->limit[i] = (struct plan_limit){what, remedy, rate_count};
}

/* Beyond the goodput, which budget do more requests miss? */
static enum rc goodput_limit(struct plan_servers *s, struct plan_result *r, struct err *e)
{
	const double beyond_ratio = 1 + 0x1p-5;
	const struct plan *p = &r->answer.plan;
	struct slo slo = plan_slo(p), first = {.ttft_s = slo.ttft_s},
	           later = {.tpot_s = slo.tpot_s};
	struct serve_summary ttft, tpot;
	bool late;

	if (isinf(r->goodput_count))
		return RC_OK;
	TRY(plan_serve(s, p, beyond_ratio * r->goodput_count, &first, &ttft, e));
	TRY(plan_serve(s, p, beyond_ratio * r->goodput_count, &later, &tpot, e));
	late = ttft.attainment_ratio <= tpot.attainment_ratio;
	limit_add(r, late ? "queues: TTFT of prefill" : "queues: TPOT of decode",
	          late ? "more prefill deployments" : "more decode deployments", r->goodput_count);
	return RC_OK;
}

static enum rc limits_run(struct plan_servers *s, struct plan_result *r, struct err *e)
{
	const struct plan *p = &r->answer.plan;
	const struct config *c = r->of->config;
	struct plan_limits l = plan_limits(p, c->plan.load_ratio);
	double memory_rate_count;

	TRY(goodput_limit(s, r, e));
	limit_add(r, "prefill throughput", "more prefill deployments",
	          p->pool[PHASE_PREFILL].most_rate_count);
	limit_add(r, "decode throughput at this batch", "a larger batch, more decode deployments",
	          p->pool[PHASE_DECODE].most_rate_count);
	TRY(plan_memory_rate(p, r->sweep->engine, &memory_rate_count, e));
	if (memory_rate_count > 0)
		limit_add(r, "KV memory of decode", "more decode deployments", memory_rate_count);
	limit_add(r, "room on one machine", "a second machine", l.machine_rate_count);
	if (c->plan.machines > 1)
		limit_add(r, "number of machines", "plan.machines",
		          (double)c->plan.machines * l.machine_rate_count);
	return RC_OK;
}

/* The loads that are asked for, and the goodput, in rising order. */
static size_t curve_rates(struct plan_result *r)
{
	const struct field_list *loads = &r->of->config->plan.curve;
	size_t n = 0;

	r->curve = heap_zeroed(loads->n + 2, sizeof *r->curve);
	for (size_t i = 0; i <= loads->n; i++) {
		double rate_count = i < loads->n ? loads->number[i] * r->answer.plan.rate_count
		                                 : r->goodput_count;
		size_t at = n;
		bool known = false;

		if (!isfinite(rate_count) || !(rate_count > 0))
			continue;
		for (size_t k = 0; k < n; k++)
			known |= r->curve[k].rate_count == rate_count;
		if (known)
			continue;
		for (; at > 0 && r->curve[at - 1].rate_count > rate_count; at--)
			r->curve[at] = r->curve[at - 1];
		r->curve[at].rate_count = rate_count;
		n++;
	}
	return n;
}

static enum rc curve_run(struct plan_servers *s, struct plan_result *r, struct err *e)
{
	const struct plan *p = &r->answer.plan;
	struct slo slo = plan_slo(p);
	size_t n = curve_rates(r);

	for (; r->n_curve < n; r->n_curve++) {
		struct plan_point *x = r->curve + r->n_curve;

		TRY(plan_serve(s, p, x->rate_count, &slo, &x->summary, e));
	}
	return RC_OK;
}

struct growth {
	struct plan_job *job;
	struct plan_result *result;
};

static enum rc stage_run(void *data, size_t i, struct err *e)
{
	const struct growth *g = data;
	struct plan_result *r = g->result;
	struct plan_stage *x = r->stage + i;
	struct err why = {0};

	if (x->factor_ratio == 1)
		return x->answer = r->answer, RC_OK;
	x->rc = plan_answer(r->sweep, &g->job->trace, x->factor_ratio * r->answer.plan.rate_count,
	                    r->routings, &x->answer, &why);
	return keep_no(x->rc, &why, &x->why, e);
}

static enum rc growth_run(struct plan_job *j, struct plan_result *r, struct err *e)
{
	const struct plan_spec *spec = &r->of->config->plan;
	struct growth g = {j, r};
	bool monthly = spec->growth.months > 0;

	r->n_stages = monthly ? (size_t)spec->growth.months + 1 : spec->growth.factors.n;
	r->stage = heap_zeroed(r->n_stages + 1, sizeof *r->stage);
	for (size_t i = 0; i < r->n_stages; i++)
		r->stage[i].factor_ratio = monthly ? pow(1 + spec->growth.monthly_ratio, (double)i)
		                                   : spec->growth.factors.number[i];
	return crew_run(j->jobs, r->n_stages, stage_run, &g, e);
}

static enum rc served_run(struct plan_job *j, struct plan_result *r, struct err *e)
{
	const struct config *c = r->of->config;
	struct plan_load load = {0};
	struct plan_servers *s;
	enum rc rc;

	TRY(plan_load_make(c, &j->trace, r->answer.plan.rate_count, &load, e));
	r->served_count = load.list.n, r->warm_count = load.warmup;
	r->wanted_count = load.wanted;
	s = plan_servers_new(&load, r->sweep->engine, 0, r->routings);
	rc = plan_goodput(s, &r->answer.plan, c->plan.within_ratio, &r->goodput_count, e);
	if (rc == RC_OK)
		rc = limits_run(s, r, e);
	if (rc == RC_OK)
		rc = curve_run(s, r, e);
	plan_servers_free(s);
	plan_load_fini(&load);
	return rc;
}

static enum rc details(struct plan_job *j, struct plan_result *r, struct err *e)
{
	TRY(served_run(j, r, e));
	TRY(growth_run(j, r, e));
	if (r->of->config->plan.swings == 0)
		return RC_OK;
	return plan_tornado(r->sweep, &r->answer.plan, j->config->arena, &r->tornado, e);
}

enum rc plan_job_run(struct plan_job *j, struct err *e)
{
	bool any = false;

	TRY(crew_run(j->jobs, j->n, case_answer, j, e));
	for (size_t i = 0; i < j->n; i++)
		any |= j->result[i].rc == RC_OK;
	if (!any)
		return fail(e, RC_NO, "%s", j->result[0].why.text);
	return plan_compares(j) ? effects(j, e) : details(j, j->result, e);
}

void plan_job_close(struct plan_job *j)
{
	for (size_t i = 0; i < j->n && j->result; i++) {
		sweep_free(j->result[i].sweep);
		routing_cache_free(j->result[i].routings);
		free(j->result[i].curve);
		free(j->result[i].stage);
	}
	free(j->result);
	request_list_fini(&j->trace);
	config_free(j->config);
}
