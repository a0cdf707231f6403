/* Plans side by side, for people. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"
#include "tools/plan_job.h"
#include "tools/text.h"

enum { PERCENT = 100 };

static const struct plan_result *first_of(const struct plan_job *j)
{
	const struct plan_result *r = j->result;

	while (r->rc != RC_OK)
		r++;
	return r;
}

static void print_question(const struct plan_job *j, FILE *out)
{
	const struct config *c = j->config;
	char ttft[TEXT_SIZE], tpot[TEXT_SIZE], rate[TEXT_SIZE];

	if (*c->plan.question)
		fprintf(out, "%s\n\n", c->plan.question);
	fprintf(out,
	        "%s on %s, %s requests/s of %s; TTFT %s and TPOT %s for %.4g %% of requests\n\n",
	        c->model.name, c->machine.name, rate_text(j->rate_count, rate), c->workload.name,
	        c->sweep.budget.ttft_s > 0 ? time_text(c->sweep.budget.ttft_s, ttft) : "any",
	        c->sweep.budget.tpot_s > 0 ? time_text(c->sweep.budget.tpot_s, tpot) : "any",
	        PERCENT * c->plan.within_ratio);
}

/* ---- answers ---- */

static void answer_cells(const struct plan_job *j, const struct plan_result *r, struct table *t)
{
	const struct plan *p = &r->answer.plan;
	char pre[128], dec[128];

	table_cell(t, "%s", plan_case_name(r->of));
	if (r->rc != RC_OK) {
		for (int i = 0; i < 6; i++)
			table_cell(t, "-");
		table_cell(t, "%s", r->why.text);
		return;
	}
	table_cell(t, "%lld", (long long)p->npus);
	table_cell(t, "%+lld", (long long)(p->npus - first_of(j)->answer.plan.npus));
	table_cell(t, "%lld", (long long)p->pool[PHASE_PREFILL].npus);
	table_cell(t, "%lld", (long long)p->pool[PHASE_DECODE].npus);
	table_cell(t, "%lld", (long long)r->answer.machines);
	table_cell(t, "%.1f %%", PERCENT * r->answer.summary.attainment_ratio);
	table_cell(
	        t, "%lld x %s; %lld x %s", (long long)p->pool[PHASE_PREFILL].deployments,
	        plan_schedule_words(p->pool[PHASE_PREFILL].price, PHASE_PREFILL, pre, sizeof pre),
	        (long long)p->pool[PHASE_DECODE].deployments,
	        plan_schedule_words(p->pool[PHASE_DECODE].price, PHASE_DECODE, dec, sizeof dec));
}

static void print_answers(const struct plan_job *j, FILE *out)
{
	static const char *const headers[] = {"<case",    "NPUs",   "more",  "prefill", "decode",
	                                      "machines", "within", "<with", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < j->n; i++) {
		answer_cells(j, j->result + i, t);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

/* ---- why ---- */

static void effect_cells(const struct plan_result *first, const struct plan_result *r,
                         struct table *t)
{
	const struct plan_effect *x = &r->effect;
	int64_t more = r->answer.plan.npus - first->answer.plan.npus;

	table_cell(t, "%s", plan_case_name(r->of));
	table_cell(t, "%+lld", (long long)more);
	if (x->possible) {
		table_cell(t, "%+lld", (long long)(x->same_need.npus - x->first.npus));
		table_cell(t, "%+lld", (long long)(x->own.npus - x->same_need.npus));
	} else {
		table_cell(t, "-");
		table_cell(t, "%+lld", (long long)(x->own.npus - x->first.npus));
	}
	table_cell(t, "%+lld", (long long)(more - (x->own.npus - x->first.npus)));
	table_cell(t, "%s", *x->why_not ? x->why_not : "meet the budgets");
}

static void print_effects(const struct plan_job *j, FILE *out)
{
	static const char *const headers[] = {"<case",       "more NPUs", "same schedules",
	                                      "chosen anew", "queues",    "<the same schedules",
	                                      NULL};
	const struct plan_result *first = first_of(j);
	struct table *t = table_new(headers);

	for (size_t i = 0; i < j->n; i++) {
		const struct plan_result *r = j->result + i;

		if (r == first || !r->has_effect)
			continue;
		effect_cells(first, r, t);
		table_end_row(t);
	}
	fprintf(out,
	        "\nwhere the difference from '%s' comes from, in whole deployments: its schedules "
	        "in the other case,\nthe schedules that the case rather has, what queues add\n",
	        plan_case_name(first->of));
	table_print(t, out);
	table_free(t);
}

static void pool_cells(const struct pool_price *p, enum phase phase, struct table *t)
{
	char text[TEXT_SIZE];

	table_cell(t, "%s", time_text(p->time_s, text));
	table_cell(t, "%s", time_text(plan_exchange_s(p), text));
	table_cell(t, "%s", size_text(p->memory.buffers_bytes, text));
	if (phase == PHASE_DECODE)
		table_cell(t, "%lld", (long long)p->memory.batch_most);
}

/* Time, memory and batch of the first case's schedules in each. */
static void print_same(const struct plan_job *j, FILE *out)
{
	static const char *const headers[] = {"<case",   "NPUs",       "TPOT", "exchange",
	                                      "buffers", "batch most", "TTFT", "exchange",
	                                      "buffers", NULL};
	const struct plan *p = &first_of(j)->answer.plan;
	struct table *t = table_new(headers);
	char pre[128], dec[128];

	for (size_t i = 0; i < j->n; i++) {
		const struct plan_result *r = j->result + i;

		if (!r->has_effect || !r->effect.possible)
			continue;
		table_cell(t, "%s", plan_case_name(r->of));
		table_cell(t, "%.1f", r->effect.same_need.npus_count);
		pool_cells(&r->effect.same[PHASE_DECODE], PHASE_DECODE, t);
		pool_cells(&r->effect.same[PHASE_PREFILL], PHASE_PREFILL, t);
		table_end_row(t);
	}
	fprintf(out,
	        "\nthe same schedules in each case: NPUs by throughput before rounding; decode "
	        "(%s), "
	        "then prefill (%s), idle;\nexchange: dispatch and combine of a step, of a chunk; "
	        "batch most: what memory allows\n",
	        plan_schedule_words(p->pool[PHASE_DECODE].price, PHASE_DECODE, dec, sizeof dec),
	        plan_schedule_words(p->pool[PHASE_PREFILL].price, PHASE_PREFILL, pre, sizeof pre));
	table_print(t, out);
	table_free(t);
}

static void print_sentence(const struct plan_job *j, FILE *out)
{
	const struct plan_result *first = first_of(j), *best = first;
	int64_t saved;

	for (size_t i = 0; i < j->n; i++) {
		const struct plan_result *r = j->result + i;

		if (r->rc == RC_OK && r->answer.plan.npus < best->answer.plan.npus)
			best = r;
	}
	fprintf(out, "\n");
	for (size_t i = 0; i < j->n; i++) {
		const struct plan_result *r = j->result + i;

		saved = r->answer.plan.npus - best->answer.plan.npus;
		if (r->rc != RC_OK)
			fprintf(out, "'%s' has no answer: %s.\n", plan_case_name(r->of),
			        r->why.text);
		else if (saved > 0)
			fprintf(out, "'%s' saves %lld NPUs of %lld, %.0f %%, against '%s'.\n",
			        plan_case_name(best->of), (long long)saved,
			        (long long)r->answer.plan.npus,
			        PERCENT * (double)saved / (double)r->answer.plan.npus,
			        plan_case_name(r->of));
		else if (r != best)
			fprintf(out, "'%s' needs as many NPUs as '%s': %lld.\n",
			        plan_case_name(r->of), plan_case_name(best->of),
			        (long long)best->answer.plan.npus);
	}
}

/* What deployments that are whole hide. */
static void print_before_rounding(const struct plan_job *j, FILE *out)
{
	const struct plan_result *first = first_of(j);

	for (size_t i = 0; i < j->n; i++) {
		const struct plan_result *r = j->result + i;
		double before_count = r->effect.first.npus_count;
		double now_count = r->effect.same_need.npus_count, share = now_count / before_count;

		if (r == first || !r->has_effect || !r->effect.possible || share == 1)
			continue;
		fprintf(out,
		        "Before rounding to deployments the same schedules take %.1f NPUs in '%s' "
		        "and %.1f in '%s', %.1f %% %s.\n",
		        now_count, plan_case_name(r->of), before_count, plan_case_name(first->of),
		        PERCENT * fabs(1 - share), share < 1 ? "less" : "more");
	}
}

/* ---- a grid ---- */

static const struct plan_result *cell_of(const struct plan_job *j, size_t at, size_t by)
{
	return j->result + at * j->cases.n_by + by;
}

/* The fewest NPUs of a column; of equals the first. NULL: none has an answer. */
static const struct plan_result *best_of(const struct plan_job *j, size_t at)
{
	const struct plan_result *best = NULL;

	for (size_t by = 0; by < j->cases.n_by; by++) {
		const struct plan_result *r = cell_of(j, at, by);

		if (r->rc == RC_OK && (!best || r->answer.plan.npus < best->answer.plan.npus))
			best = r;
	}
	return best;
}

static const char *column_name(const struct plan_job *j, size_t at)
{
	const struct plan_spec *p = &j->config->plan;

	return p->compare.n > 0 ? p->compare.text[at] : "NPUs";
}

static void print_grid(const struct plan_job *j, FILE *out)
{
	const char *headers[64] = {"<case"};
	size_t n = j->cases.n < 60 ? j->cases.n : 60;
	struct table *t;

	for (size_t at = 0; at < n; at++)
		headers[at + 1] = column_name(j, at);
	t = table_new(headers);
	for (size_t by = 0; by < j->cases.n_by; by++) {
		table_cell(t, "%s", j->config->plan.by.text[by]);
		for (size_t at = 0; at < n; at++) {
			const struct plan_result *r = cell_of(j, at, by), *best = best_of(j, at);

			if (r->rc != RC_OK)
				table_cell(t, "no");
			else
				table_cell(t, "%s%lld",
				           r->answer.plan.npus == best->answer.plan.npus ? "* "
				                                                         : "",
				           (long long)r->answer.plan.npus);
		}
		table_end_row(t);
	}
	fprintf(out, "NPUs; *: the fewest of a column\n");
	table_print(t, out);
	table_free(t);
	fprintf(out, "\n");
}

static void print_best(const struct plan_job *j, FILE *out)
{
	fprintf(out, "\n");
	for (size_t at = 0; at < j->cases.n; at++) {
		const struct plan_result *best = best_of(j, at);

		if (!best) {
			fprintf(out, "%s: no answer.\n", column_name(j, at));
			continue;
		}
		fprintf(out, "%s: %s is best, %lld NPUs", column_name(j, at),
		        j->config->plan.by.text[(size_t)(best - j->result) % j->cases.n_by],
		        (long long)best->answer.plan.npus);
		for (size_t by = 0; by < j->cases.n_by; by++) {
			const struct plan_result *r = cell_of(j, at, by);

			if (r != best && r->rc == RC_OK &&
			    r->answer.plan.npus == best->answer.plan.npus)
				fprintf(out, ", as %s is", j->config->plan.by.text[by]);
		}
		fprintf(out, ".\n");
	}
}

void plan_compare_report(const struct plan_job *j, FILE *out)
{
	bool grid = j->config->plan.by.n > 0;

	print_question(j, out);
	if (grid)
		print_grid(j, out);
	print_answers(j, out);
	if (grid) {
		print_best(j, out);
		return;
	}
	print_effects(j, out);
	print_same(j, out);
	print_sentence(j, out);
	print_before_rounding(j, out);
}
