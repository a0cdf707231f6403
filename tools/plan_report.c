/* One plan, for people. */
#include <math.h>
#include "models/base/table.h"
#include "tools/plan_job.h"
#include "tools/text.h"

enum { PERCENT = 100 };

static void print_pools(const struct plan *p, FILE *out)
{
	char pre[128], dec[128];

	fprintf(out, "%lld x %lld for prefill (%s) and %lld x %lld for decode (%s).\n",
	        (long long)p->pool[PHASE_PREFILL].deployments,
	        (long long)(p->pool[PHASE_PREFILL].npus / p->pool[PHASE_PREFILL].deployments),
	        plan_schedule_words(p->pool[PHASE_PREFILL].price, PHASE_PREFILL, pre, sizeof pre),
	        (long long)p->pool[PHASE_DECODE].deployments,
	        (long long)(p->pool[PHASE_DECODE].npus / p->pool[PHASE_DECODE].deployments),
	        plan_schedule_words(p->pool[PHASE_DECODE].price, PHASE_DECODE, dec, sizeof dec));
}

static void print_machines(const struct plan_result *r, FILE *out)
{
	const struct machine *m = &r->of->config->machine;
	int64_t dies = machine_dies(m), each = machine_dies_per_node(m);

	if (r->answer.machines > 1)
		fprintf(out,
		        "A machine has %lld: %lld machines are needed. No deployment spans two; KV "
		        "goes between them by RDMA.\n",
		        (long long)dies, (long long)r->answer.machines);
	else
		fprintf(out, "That is %.3g %% of one machine of %lld: %lld of its %lld nodes.\n",
		        PERCENT * (double)r->answer.plan.npus / (double)dies, (long long)dies,
		        (long long)((r->answer.plan.npus + each - 1) / each), (long long)m->nodes);
}

static void print_cost(const struct plan_result *r, FILE *out)
{
	double cost_count = plan_million_cost_count(&r->answer.plan);

	if (cost_count > 0)
		fprintf(out, "A million output tokens cost %.3g, at %.3g an NPU-hour.\n",
		        cost_count, r->of->config->machine.extra.npu_hour_cost_count);
	else
		fprintf(out, "What a million tokens cost needs the price of an NPU-hour: --set "
		             "machine.extra.npu_hour=N.\n");
}

static void print_answer(const struct plan_result *r, FILE *out)
{
	const struct plan *p = &r->answer.plan;
	const struct config *c = r->of->config;
	char ttft[TEXT_SIZE], tpot[TEXT_SIZE], rate[TEXT_SIZE];

	if (*c->plan.question)
		fprintf(out, "%s\n\n", c->plan.question);
	fprintf(out,
	        "%lld NPUs of %s serve %s at %s requests/s of %s within TTFT %s and TPOT %s:\n",
	        (long long)p->npus, c->machine.name, c->model.name, rate_text(p->rate_count, rate),
	        c->workload.name,
	        c->sweep.budget.ttft_s > 0 ? time_text(c->sweep.budget.ttft_s, ttft) : "any",
	        c->sweep.budget.tpot_s > 0 ? time_text(c->sweep.budget.tpot_s, tpot) : "any");
	print_pools(p, out);
	fprintf(out, "%.1f %% of requests are within both budgets, and %.4g %% must be",
	        PERCENT * r->answer.summary.attainment_ratio, PERCENT * c->plan.within_ratio);
	if (p->npus > r->answer.npus_by_throughput)
		fprintf(out, "; queues ask %lld NPUs more than throughput",
		        (long long)(p->npus - r->answer.npus_by_throughput));
	fprintf(out, ".\n");
	print_machines(r, out);
	print_cost(r, out);
}

static void print_limits(const struct plan_result *r, FILE *out)
{
	static const char *const headers[] = {"<limit", "requests/s", "x load", "<then", NULL};
	struct table *t = table_new(headers);
	double rate_count = r->answer.plan.rate_count;
	char text[TEXT_SIZE];

	for (size_t i = 0; i < r->n_limits; i++) {
		const struct plan_limit *l = r->limit + i;

		table_cell(t, "%s", l->what);
		table_cell(t, "%s", rate_text(l->rate_count, text));
		table_cell(t, "%.2f", l->rate_count / rate_count);
		table_cell(t, "%s", l->remedy);
		table_end_row(t);
	}
	fprintf(out,
	        "\nheadroom: these pools carry up to %s requests/s, %.0f %% more; first to "
	        "give way: %s\n",
	        rate_text(r->limit[0].rate_count, text),
	        PERCENT * (r->limit[0].rate_count / rate_count - 1), r->limit[0].what);
	table_print(t, out);
	table_free(t);
}

static void stage_cells(const struct plan_stage *x, struct table *t)
{
	const struct plan *p = &x->answer.plan;
	char pre[128], dec[128];

	table_cell(t, "%s", rate_text(p->rate_count, pre));
	table_cell(t, "%lld", (long long)p->npus);
	table_cell(t, "%lld", (long long)x->answer.machines);
	table_cell(t, "%lld", (long long)p->pool[PHASE_PREFILL].npus);
	table_cell(t, "%lld", (long long)p->pool[PHASE_DECODE].npus);
	table_cell(t, "%.1f %%", PERCENT * x->answer.summary.attainment_ratio);
	table_cell(
	        t, "%s; %s",
	        plan_schedule_words(p->pool[PHASE_PREFILL].price, PHASE_PREFILL, pre, sizeof pre),
	        plan_schedule_words(p->pool[PHASE_DECODE].price, PHASE_DECODE, dec, sizeof dec));
}

static void print_growth(const struct plan_result *r, FILE *out)
{
	static const char *const headers[] = {"month",    "load",    "requests/s", "NPUs",
	                                      "machines", "prefill", "decode",     "within",
	                                      "<with",    NULL};
	bool monthly = r->of->config->plan.growth.months > 0;
	struct table *t = table_new(headers + !monthly);

	for (size_t i = 0; i < r->n_stages; i++) {
		const struct plan_stage *x = r->stage + i;

		if (monthly)
			table_cell(t, "%zu", i);
		table_cell(t, "x%.3g", x->factor_ratio);
		if (x->rc == RC_OK) {
			stage_cells(x, t);
		} else {
			char text[TEXT_SIZE];

			table_cell(t, "%s",
			           rate_text(x->factor_ratio * r->answer.plan.rate_count, text));
			for (int k = 0; k < 5; k++)
				table_cell(t, "-");
			table_cell(t, "%s", x->why.text);
		}
		table_end_row(t);
	}
	fprintf(out, "\nas the load grows, each planned anew:\n");
	table_print(t, out);
	table_free(t);
}

static void print_goodput(const struct plan_job *j, const struct plan_result *r, FILE *out)
{
	static const char *const headers[] = {"requests/s", "x load",    "within", "TTFT p90",
	                                      "TPOT p90",   "tok/s/NPU", NULL};
	struct table *t = table_new(headers);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < r->n_curve; i++) {
		const struct serve_summary *s = &r->curve[i].summary;

		table_cell(t, "%s", rate_text(r->curve[i].rate_count, text));
		table_cell(t, "%.2f", r->curve[i].rate_count / r->answer.plan.rate_count);
		table_cell(t, "%.1f %%", PERCENT * s->attainment_ratio);
		table_cell(t, "%s", time_text(s->ttft.p90_s, text));
		table_cell(t, "%s", time_text(s->tpot.p90_s, text));
		table_cell(t, "%.1f", s->output_rate_per_npu_count);
		table_end_row(t);
	}
	fprintf(out, "\nthese pools at other loads (%s):\n", plan_requests_words(j, r));
	table_print(t, out);
	table_free(t);
	if (isfinite(r->goodput_count))
		fprintf(out, "goodput, by bisection: %s requests/s within both for %.4g %%\n",
		        rate_text(r->goodput_count, text),
		        PERCENT * r->of->config->plan.within_ratio);
}

static void npus_cell(struct table *t, double npus_count, bool rechosen)
{
	if (isfinite(npus_count))
		table_cell(t, "%.1f%s", npus_count, rechosen ? " *" : "");
	else
		table_cell(t, "no schedule");
}

static void print_swings(const struct plan_result *r, FILE *out)
{
	static const char *const headers[] = {"<number", "sd", "NPUs at -sd", "at +sd", NULL};
	const struct plan_tornado *o = &r->tornado;
	size_t most = (size_t)r->of->config->plan.swings, n = o->n < most ? o->n : most;
	struct table *t = table_new(headers);
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct plan_swing *s = o->swing + i;

		table_cell(t, "%s", s->path);
		table_cell(t, "%.0f %%", PERCENT * s->sd_ratio);
		npus_cell(t, s->low_npus_count, s->low_rechosen);
		npus_cell(t, s->high_npus_count, s->high_rechosen);
		any |= s->low_rechosen || s->high_rechosen;
		table_end_row(t);
	}
	if (n > 0) {
		fprintf(out,
		        "\nwhat the answer hangs on: %zu widest of %zu uncertain numbers that move "
		        "it; NPUs by throughput before rounding, %.1f as it is:\n",
		        n, o->n, o->npus_count);
		table_print(t, out);
		if (any)
			fprintf(out, "*: another schedule is chosen then\n");
	}
	table_free(t);
}

void plan_report(const struct plan_job *j, FILE *out)
{
	const struct plan_result *r = j->result;

	print_answer(r, out);
	print_limits(r, out);
	print_growth(r, out);
	print_goodput(j, r, out);
	print_swings(r, out);
	fprintf(out, "\nagain: %s\n", plan_serve_command(j, r));
}
