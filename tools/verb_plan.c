/* epsim plan: how many NPUs serve a load within the budgets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "sim/plan.h"
#include "tools/args.h"
#include "tools/text.h"
#include "traces/requests.h"

enum { SWINGS = 8, PERCENT = 100 };

struct job {
	const struct args *args;
	struct config *config;
	struct sweep *sweep;
	struct request_list base; /* lengths */
	struct plan plan;
	double rate_count, within_ratio;
	struct plan_margins margins;
	struct plan_served served;
	int64_t npus_by_throughput;
	FILE *out;
};

static enum rc ratio_option(const struct args *a, const char *name, double fallback, double least,
                            double most, double *out, struct err *e)
{
	struct err inner;

	*out = fallback;
	if (!args_has(a, name))
		return RC_OK;
	if (quantity_parse(args_value(a, name, ""), DIM_RATIO, out, &inner) != RC_OK)
		return fail(e, RC_CONFIG, "--%s: %s", name, inner.text);
	if (*out <= least && isinf(most))
		return fail(e, RC_CONFIG, "--%s: %g is not above %g", name, *out, least);
	if (*out <= least || *out > most)
		return fail(e, RC_CONFIG, "--%s: %g is not above %g and at most %g", name, *out,
		            least, most);
	return RC_OK;
}

static const char *schedule_words(const struct pool_price *p, enum phase phase, char *buf,
                                  size_t size)
{
	const struct schedule *s = &p->group->schedule;

	snprintf(buf, size, "%s EP %lld TP %lld %s %lld", s->flow, (long long)s->ep,
	         (long long)s->tp, phase == PHASE_PREFILL ? "chunk" : "batch", (long long)p->size);
	return buf;
}

static void print_answer(const struct job *j)
{
	const struct plan *p = &j->plan;
	const struct config *c = j->config;
	char pre[128], dec[128], ttft[TEXT_SIZE], tpot[TEXT_SIZE];

	fprintf(j->out,
	        "%lld NPUs of %s serve %s at %g requests/s of %s within TTFT %s and TPOT %s:\n"
	        "%lld x %lld for prefill (%s) and %lld x %lld for decode (%s).\n",
	        (long long)p->npus, c->machine.name, c->model.name, p->rate_count, c->workload.name,
	        c->sweep.budget.ttft_s > 0 ? time_text(c->sweep.budget.ttft_s, ttft) : "any",
	        c->sweep.budget.tpot_s > 0 ? time_text(c->sweep.budget.tpot_s, tpot) : "any",
	        (long long)p->pool[PHASE_PREFILL].deployments,
	        (long long)(p->pool[PHASE_PREFILL].npus / p->pool[PHASE_PREFILL].deployments),
	        schedule_words(p->pool[PHASE_PREFILL].price, PHASE_PREFILL, pre, sizeof pre),
	        (long long)p->pool[PHASE_DECODE].deployments,
	        (long long)(p->pool[PHASE_DECODE].npus / p->pool[PHASE_DECODE].deployments),
	        schedule_words(p->pool[PHASE_DECODE].price, PHASE_DECODE, dec, sizeof dec));
	if (p->npus > machine_dies(&c->machine))
		fprintf(j->out, "The machine has %lld: %lld machines are needed.\n",
		        (long long)machine_dies(&c->machine),
		        (long long)ceil((double)p->npus / (double)machine_dies(&c->machine)));
	if (c->machine.extra.npu_hour_cost_count > 0)
		fprintf(j->out, "A million output tokens cost %.3g.\n", plan_million_cost_count(p));
}

/* What gives way first as the load grows. */
static void print_limits(const struct job *j)
{
	struct plan_limits l = plan_limits(&j->plan, j->margins.share_ratio);

	fprintf(j->out,
	        "\nheadroom: prefill is planned for up to %.4g requests/s (x%.2f), decode for %.4g "
	        "(x%.2f);\nthe machine has room for %.4g (x%.2f). First to give way: %s\n",
	        l.prefill_rate_count, l.prefill_rate_count / j->plan.rate_count,
	        l.decode_rate_count, l.decode_rate_count / j->plan.rate_count, l.machine_rate_count,
	        l.machine_rate_count / j->plan.rate_count,
	        l.machine_rate_count < fmin(l.prefill_rate_count, l.decode_rate_count)
	                ? "the machine"
	        : l.prefill_rate_count < l.decode_rate_count ? "prefill"
	                                                     : "decode");
}

static enum rc print_growth(const struct job *j, struct err *e)
{
	static const char *const headers[] = {"requests/s", "NPUs",  "prefill",
	                                      "decode",     "<with", NULL};
	static const double growth[] = {1, 2, 4, 10};
	struct table *t = table_new(headers);
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < sizeof growth / sizeof *growth; i++) {
		char pre[128], dec[128];
		struct plan p;

		rc = plan_make(j->sweep, growth[i] * j->rate_count, j->margins, &p, e);
		if (rc != RC_OK)
			break;
		table_cell(t, "%g", p.rate_count);
		table_cell(t, "%lld", (long long)p.npus);
		table_cell(t, "%lld", (long long)p.pool[PHASE_PREFILL].npus);
		table_cell(t, "%lld", (long long)p.pool[PHASE_DECODE].npus);
		table_cell(
		        t, "%s; %s",
		        schedule_words(p.pool[PHASE_PREFILL].price, PHASE_PREFILL, pre, sizeof pre),
		        schedule_words(p.pool[PHASE_DECODE].price, PHASE_DECODE, dec, sizeof dec));
		table_end_row(t);
	}
	if (rc == RC_OK) {
		fprintf(j->out, "\nas the load grows, by throughput alone:\n");
		table_print(t, j->out);
	}
	table_free(t);
	return rc;
}

static enum rc print_goodput(const struct job *j, struct err *e)
{
	static const char *const headers[] = {"requests/s", "within",    "TTFT p90",
	                                      "TPOT p90",   "tok/s/NPU", NULL};
	static const double loads[] = {0.5, 0.8, 1, 1.1, 1.25, 1.5};
	struct table *t = table_new(headers);
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < sizeof loads / sizeof *loads; i++) {
		struct plan_served s;
		char text[TEXT_SIZE];

		rc = plan_serve(&j->plan, &j->base, loads[i] * j->plan.rate_count, j->sweep->engine,
		                &s, e);
		if (rc != RC_OK)
			break;
		table_cell(t, "%g", s.rate_count);
		table_cell(t, "%.1f %%", PERCENT * s.summary.attainment_ratio);
		table_cell(t, "%s", time_text(s.summary.ttft.p90_s, text));
		table_cell(t, "%s", time_text(s.summary.tpot.p90_s, text));
		table_cell(t, "%.1f", s.summary.output_rate_per_npu_count);
		table_end_row(t);
	}
	if (rc == RC_OK) {
		fprintf(j->out, "\nserved through queues, Poisson arrivals:\n");
		table_print(t, j->out);
	}
	table_free(t);
	return rc;
}

static void npus_cell(struct table *t, double npus_count)
{
	if (isfinite(npus_count))
		table_cell(t, "%.1f", npus_count);
	else
		table_cell(t, "misses a budget");
}

static void print_swings(const struct job *j)
{
	static const char *const headers[] = {"<of the machine", "sd", "NPUs at -sd", "at +sd",
	                                      NULL};
	struct plan_swing swing[SWINGS];
	size_t n = plan_swings(&j->plan, j->sweep->engine, j->margins.share_ratio, swing, SWINGS);
	struct table *t = table_new(headers);

	for (size_t i = 0; i < n; i++) {
		table_cell(t, "%s", swing[i].path);
		table_cell(t, "%.0f %%", PERCENT * swing[i].sd_ratio);
		npus_cell(t, swing[i].low_npus_count);
		npus_cell(t, swing[i].high_npus_count);
		table_end_row(t);
	}
	if (n > 0) {
		fprintf(j->out,
		        "\nwhat the answer hangs on, %zu widest (NPUs before rounding to "
		        "deployments):\n",
		        n);
		table_print(t, j->out);
	}
	table_free(t);
}

static void json_pool(struct json *o, const char *name, const struct plan_pool *p, enum phase phase)
{
	const struct schedule *s = &p->price->group->schedule;

	json_object(o, name);
	json_integer(o, "npus", p->npus);
	json_integer(o, "deployments", p->deployments);
	json_text(o, "flow", s->flow);
	json_integer(o, "ep", s->ep);
	json_integer(o, "tp", s->tp);
	json_integer(o, phase == PHASE_PREFILL ? "chunk_tokens" : "batch", p->price->size);
	json_number(o, phase == PHASE_PREFILL ? "idle_ttft_s" : "idle_tpot_s", p->price->time_s);
	json_number(o, "most_requests_per_s", p->most_rate_count);
	json_close(o);
}

static void report_json(const struct job *j)
{
	struct plan_limits l = plan_limits(&j->plan, j->margins.share_ratio);
	struct json *o = json_new(j->out);

	json_object(o, NULL);
	json_text(o, "machine", j->config->machine.name);
	json_text(o, "model", j->config->model.name);
	json_text(o, "workload", j->config->workload.name);
	json_number(o, "requests_per_s", j->plan.rate_count);
	json_integer(o, "npus", j->plan.npus);
	json_integer(o, "npus_by_throughput", j->npus_by_throughput);
	json_integer(o, "machine_npus", machine_dies(&j->config->machine));
	json_number(o, "within_budgets_ratio", j->served.summary.attainment_ratio);
	json_pool(o, "prefill", &j->plan.pool[PHASE_PREFILL], PHASE_PREFILL);
	json_pool(o, "decode", &j->plan.pool[PHASE_DECODE], PHASE_DECODE);
	json_number(o, "prefill_limit_requests_per_s", l.prefill_rate_count);
	json_number(o, "decode_limit_requests_per_s", l.decode_rate_count);
	json_number(o, "machine_limit_requests_per_s", l.machine_rate_count);
	json_number(o, "million_tokens_cost", plan_million_cost_count(&j->plan));
	json_close(o);
	json_free(o);
}

/* Which pool did queues make larger? PHASES: neither. */
static enum phase grown_pool(const struct plan *before, const struct plan *after)
{
	double most = 1;
	enum phase grown = PHASES;

	for (enum phase phase = 0; phase < PHASES; phase++) {
		double ratio = (double)after->pool[phase].npus / (double)before->pool[phase].npus;

		if (ratio > most)
			most = ratio, grown = phase;
	}
	return grown;
}

/* Room for queues: the next schedule of that pool must be faster than this one. */
static bool tighten(const struct job *j, const struct plan *p, enum phase phase,
                    struct plan_margins *m)
{
	const struct sweep_spec *spec = &j->config->sweep;
	double budget_s = phase == PHASE_PREFILL ? spec->budget.ttft_s : spec->budget.tpot_s;

	if (phase == PHASES || !(budget_s > 0))
		return false;
	m->time_ratio[phase] = p->pool[phase].price->time_s / budget_s * (1 - 0x1p-20);
	return true;
}

/* The cheapest schedules by throughput are often too slow when idle to leave room for queues. So
 * the next cheapest that are faster are tried, until throughput alone asks for as many NPUs. */
static enum rc plan_load(struct job *j, struct err *e)
{
	enum { TRIES = 12 };
	struct plan_margins m = {j->margins.share_ratio, {1, 1}};
	struct err last = {0};
	enum phase grown = PHASES;

	for (int i = 0; i < TRIES; i++) {
		struct plan_served served;
		struct plan before, p;
		enum rc rc =
		        plan_make(j->sweep, j->rate_count, m, &p, i ? &(struct err){0} : &last);

		if (rc != RC_OK || (j->plan.npus > 0 && p.npus >= j->plan.npus))
			break;
		before = p;
		rc = plan_check(&p, &j->base, j->within_ratio, j->sweep->engine, &served, &last);
		if (rc != RC_OK && rc != RC_NO)
			return fail(e, rc, "%s", last.text);
		if (rc == RC_OK && (j->plan.npus == 0 || p.npus < j->plan.npus)) {
			j->plan = p, j->served = served, j->margins = m;
			j->npus_by_throughput = before.npus;
		}
		grown = grown_pool(&before, &p);
		if (!tighten(j, &before, grown, &m))
			break;
	}
	return j->plan.npus > 0 ? RC_OK : fail(e, RC_NO, "%s", last.text);
}

static enum rc report(const struct job *j, struct err *e)
{
	if (args_has(j->args, "json"))
		return report_json(j), RC_OK;
	print_answer(j);
	fprintf(j->out, "%.1f %% of requests are within both budgets",
	        PERCENT * j->served.summary.attainment_ratio);
	if (j->plan.npus > j->npus_by_throughput)
		fprintf(j->out, ", for which queues ask %lld NPUs more than throughput",
		        (long long)(j->plan.npus - j->npus_by_throughput));
	fprintf(j->out, ".\n");
	print_limits(j);
	TRY(print_growth(j, e));
	TRY(print_goodput(j, e));
	print_swings(j);
	return RC_OK;
}

static enum rc plan(struct job *j, struct err *e)
{
	const struct args *a = j->args;
	const char *trace = args_value(a, "trace", NULL);
	const struct workload *w = &j->config->workload;
	int64_t jobs;

	if (a->n_words != 1)
		return fail(e, RC_CONFIG, "plan: one FILE of a sweep is needed");
	TRY(args_config(a, a->word[0], j->config, e));
	TRY(config_check(j->config,
	                 NEEDS(SECTION_MACHINE) | NEEDS(SECTION_MODEL) | NEEDS(SECTION_WORKLOAD),
	                 e));
	if (sweep_has_percentiles(&j->config->sweep))
		return fail(e, RC_CONFIG,
		            "plan: budgets on percentiles are not for plans: --within says which "
		            "share of requests must be within budget.ttft and budget.tpot");
	if (!args_has(a, "rate"))
		return fail(e, RC_CONFIG, "plan: --rate is needed, requests a second");
	TRY(ratio_option(a, "rate", 0, 0, HUGE_VAL, &j->rate_count, e));
	TRY(ratio_option(a, "load", 0.8, 0, 1, &j->margins.share_ratio, e));
	TRY(ratio_option(a, "within", 0.9, 0, 1, &j->within_ratio, e));
	TRY(args_integer(a, "jobs", jobs_default(), 1, &jobs, e));
	if (trace)
		TRY(trace_requests(trace, &j->base, e));
	else
		request_append(&j->base,
		               &(struct request){.input = (int32_t)round(w->input.mean_count),
		                                 .output = (int32_t)round(w->output.mean_count)});
	TRY(sweep_run(j->config, &(struct sweep_options){.jobs = (int)jobs, .prune = PRUNE_BUDGET},
	              &j->sweep, e));
	TRY(plan_load(j, e));
	return report(j, e);
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct job j = {.args = a, .config = config_new(), .out = out};
	enum rc rc = plan(&j, e);

	request_list_fini(&j.base);
	sweep_free(j.sweep);
	config_free(j.config);
	return rc;
}

static const struct option options[] = {
        {"rate", "N", "requests a second; needed"},
        {"load", "SHARE", "of a pool's throughput that is planned for; default 80%"},
        {"within", "SHARE", "of requests that must be within the budgets; default 90%"},
        {"jobs", "N", "threads; default: all processors"},
        {0},
};

const struct verb verb_plan = {
        .name = "plan",
        .doc = "Plans how many NPUs serve a load within TTFT and TPOT budgets",
        .usage = "FILE --rate N [option...]",
        .examples = {"epsim plan configs/sweeps/deepseek-v3.1-cm384.yaml --rate 20",
                     "epsim plan configs/sweeps/qwen3-235b-a2.yaml --rate 10 --within 95%"},
        .options = options,
        .takes_config = true,
        .about = "FILE is that of a sweep: its knobs and budgets. Pools are sized by throughput, "
                 "then "
                 "served\nthrough queues until enough requests are within the budgets.\n"
                 "Exit status 1: no schedule will do.",
        .run = run,
};
