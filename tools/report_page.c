/* The page from its question to the command that makes it again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sweep_schema.h"
#include "tools/report.h"
#include "tools/text.h"

enum { PERCENT = 100, MILLION = 1000000 };

const char *report_id(const struct report_case *c, const char *id)
{
	return c->number > 0 ? arena_print(c->arena, "%s-%zu", id, c->number) : id;
}

void report_section(struct page *p, const struct report_case *c, const char *id, const char *title)
{
	page_section(p, report_id(c, id),
	             c->number > 0 ? arena_print(p->arena, "%s (case %zu)", title, c->number)
	                           : title);
}

static const char *case_words(const struct config *c, struct arena *a)
{
	return arena_print(a, "%s on %s, workload %s", c->model.name, c->machine.name,
	                   c->workload.name);
}

/* ---- the question ---- */

static const char *budgets_words(struct page *p, const struct report_case *c)
{
	const struct sweep_spec *spec = &c->config->sweep;
	const struct workload *w = &c->config->workload;
	const char *text = "";
	char buf[TEXT_SIZE];

	if (spec->budget.ttft_s > 0)
		text = arena_print(p->arena,
		                   "; the first token of a prompt of %s tokens within %s (TTFT)",
		                   count_text(p->arena, (size_t)round(workload_prompt_count(w))),
		                   time_words(c, spec->budget.ttft_s));
	if (spec->budget.tpot_s > 0)
		text = arena_print(p->arena,
		                   "%s; each further token within %s (TPOT), at a context of %s "
		                   "tokens",
		                   text, time_words(c, spec->budget.tpot_s),
		                   count_text(p->arena, (size_t)round(workload_context_count(w))));
	if (spec->budget.npus > 0)
		text = arena_print(p->arena, "%s; at most %lld NPUs", text,
		                   (long long)spec->budget.npus);
	if (spec->budget.memory_bytes > 0)
		text = arena_print(p->arena, "%s; at most %s of HBM in a rank", text,
		                   size_text(spec->budget.memory_bytes, buf));
	return *text ? text + 2 : "no budget but memory";
}

static void knobs_table(struct page *p, const struct report_case *c)
{
	struct page_table t = {.id = report_id(c, "knobs"),
	                       .caption = "What was tried: each value with each of the others"};

	page_column(&t, "knob", "knob", false);
	page_column(&t, "values", "values", false);
	page_table(p, &t);
	for (size_t i = 0; i < c->n_knobs; i++) {
		const struct report_knob *k = &c->knob[i];
		const char *text = "";

		for (size_t v = 0; v < k->n; v++)
			text = arena_print(p->arena, "%s%s%s", text, v ? ", " : "",
			                   k->value[v].text);
		page_cell(p, "%s", k->title);
		page_cell(p, "%s", text);
		page_row_end(p);
	}
	page_table_end(p);
}

static void question(struct page *p, const struct report_case *c)
{
	const struct config *of = c->config;
	const struct field_list *constraints = &of->sweep.constraints;

	report_section(p, c, "question", "The question");
	page_words(p,
	           "Which schedules serve %s on %s (%lld NPUs) for requests like those of %s "
	           "(prompts of %s tokens and answers of %s, on average) within these budgets: "
	           "%s? And which of these is best by %s?",
	           of->model.name, of->machine.name, (long long)machine_dies(&of->machine),
	           of->workload.name,
	           count_text(p->arena, (size_t)round(of->workload.input.mean_count)),
	           count_text(p->arena, (size_t)round(of->workload.output.mean_count)),
	           budgets_words(p, c), objective_words((enum objective)of->sweep.objective));
	knobs_table(p, c);
	if (*c->fixed)
		page_words(p, "The same in all: %s.", c->fixed);
	if (sweep_has_percentiles(&of->sweep))
		page_words(
		        p,
		        "The sweep has budgets of percentiles, too. They need queues, which this "
		        "page does not have: epsim sweep FILE --serve N serves the best of the "
		        "front.");
	for (size_t i = 0; i < constraints->n; i++)
		page_item(p, "Only where %s", constraints->text[i]);
}

/* ---- the answer ---- */

static const char *under_words(struct page *p, double is, double budget)
{
	if (!(budget > 0))
		return "no budget";
	return arena_print(p->arena, "%.1f %% below its budget", PERCENT * (1 - is / budget));
}

static bool has_instances(const struct sweep_point *b)
{
	return b->instances[PHASE_PREFILL] > 0 || b->instances[PHASE_DECODE] > 0;
}

static const char *npus_words(struct page *p, const struct sweep_point *b)
{
	return arena_print(p->arena, has_instances(b) ? "%s NPUs in all" : "deployments of %s NPUs",
	                   count_text(p->arena, (size_t)point_npus(b)));
}

static const char *best_words(struct page *p, const struct report_case *c)
{
	const struct sweep_point *b = c->best;
	const struct sweep_spec *spec = &c->config->sweep;

	return arena_print(
	        p->arena,
	        "%s of %s schedules meet all budgets. The best by %s is %s: %s output "
	        "tokens/s/NPU, "
	        "first token after %s (%s), each further one after %s (%s), with %s.",
	        count_text(p->arena, c->sweep->n_feasible),
	        count_text(p->arena, c->sweep->n_points),
	        objective_words((enum objective)spec->objective), schedule_words(c, b),
	        rate_words(c, b->tokens_per_s_per_npu_count), time_words(c, b->prefill->time_s),
	        under_words(p, b->prefill->time_s, spec->budget.ttft_s),
	        time_words(c, b->decode->time_s),
	        under_words(p, b->decode->time_s, spec->budget.tpot_s), npus_words(p, b));
}

static const struct sweep_point *nearest(const struct sweep *s, double *miss_ratio,
                                         const char **what)
{
	const struct sweep_point *best = NULL;

	*miss_ratio = INFINITY;
	for (size_t i = 0; i < s->n_points; i++) {
		const char *of;
		double ratio = point_miss_ratio(s->points + i, &of);

		if (ratio < *miss_ratio)
			best = s->points + i, *miss_ratio = ratio, *what = of;
	}
	return best;
}

static const char *none_words(struct page *p, const struct report_case *c)
{
	double ratio;
	const char *what = "";
	const struct sweep_point *near = nearest(c->sweep, &ratio, &what);

	if (!near)
		return arena_print(p->arena, "None of %s schedules can run on this machine.",
		                   count_text(p->arena, c->sweep->n_points));
	return arena_print(p->arena,
	                   "None of %s schedules meets all budgets. The nearest, %s, is over in %s "
	                   "by %.1f %%: TTFT %s, TPOT %s, %s output tokens/s/NPU.",
	                   count_text(p->arena, c->sweep->n_points), schedule_words(c, near), what,
	                   PERCENT * ratio, time_words(c, near->prefill->time_s),
	                   time_words(c, near->decode->time_s),
	                   rate_words(c, near->tokens_per_s_per_npu_count));
}

static void best_tiles(struct page *p, const struct report_case *c)
{
	const struct sweep_point *b = c->best;
	const struct sweep_spec *spec = &c->config->sweep;
	struct page_tile tile[8];
	size_t n = 0;

	tile[n++] = (struct page_tile){
	        "Feasible schedules", count_text(p->arena, c->sweep->n_feasible),
	        arena_print(p->arena, "of %s", count_text(p->arena, c->sweep->n_points))};
	tile[n++] = (struct page_tile){"Throughput", rate_words(c, b->tokens_per_s_per_npu_count),
	                               "output tokens/s/NPU"};
	tile[n++] = (struct page_tile){"TTFT", time_words(c, b->prefill->time_s),
	                               under_words(p, b->prefill->time_s, spec->budget.ttft_s)};
	tile[n++] = (struct page_tile){"TPOT", time_words(c, b->decode->time_s),
	                               under_words(p, b->decode->time_s, spec->budget.tpot_s)};
	tile[n++] = (struct page_tile){"NPUs", count_text(p->arena, (size_t)point_npus(b)),
	                               has_instances(b) ? "of all instances" : "of a deployment"};
	if (c->config->machine.extra.npu_hour_cost_count > 0)
		tile[n++] = (struct page_tile){
		        "Cost", arena_print(p->arena, "%.3g", point_cost_count(b) * MILLION),
		        "a million output tokens"};
	if (c->sure.draws > 0)
		tile[n++] = (struct page_tile){
		        "Holds in",
		        arena_print(p->arena, "%.0f %%", PERCENT * c->sure.probability_ratio[0]),
		        "of draws of the machine's uncertain numbers"};
	page_tiles(p, tile, n);
}

/* The other flows beside the best. */
static void flows_words(struct page *p, const struct report_case *c)
{
	const char *text = "";

	for (size_t i = 0; i < c->n_flows; i++) {
		const struct flow_summary *f = &c->flow[i];
		double best = c->best->tokens_per_s_per_npu_count;

		if (f->flow == point_flow(c->best))
			continue;
		text = f->fastest
		               ? arena_print(
		                         p->arena, "%s%s%s with %s (%+.1f %%)", text,
		                         *text ? ", " : "",
		                         rate_words(c, f->fastest->tokens_per_s_per_npu_count),
		                         f->flow->name,
		                         PERCENT * (f->fastest->tokens_per_s_per_npu_count / best -
		                                    1))
		               : arena_print(p->arena, "%s%snone with %s", text, *text ? ", " : "",
		                             f->flow->name);
	}
	if (*text)
		page_words(p, "Most tokens/s/NPU within the budgets with other flows: %s.", text);
}

static void answer(struct page *p, const struct report_case *c)
{
	report_section(p, c, "answer", "The answer");
	if (c->number > 0)
		page_words(p, "%s:", case_words(c->config, p->arena));
	page_answer(p, c->best != NULL, c->best ? best_words(p, c) : none_words(p, c));
	if (!c->best)
		return;
	report_caution(p, c);
	best_tiles(p, c);
	flows_words(p, c);
}

/* ---- the end ---- */

static const char *dump_text(const struct config *c, struct arena *a)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	const char *kept;

	CHECK(out);
	config_dump(c, out);
	CHECK(fclose(out) == 0);
	kept = arena_copy(a, text, n);
	free(text);
	return kept;
}

static void configuration(struct page *p, const struct report *r, const struct report_case *c)
{
	report_section(p, c, "configuration", "Configuration, and how to make this page");
	page_words(p, "Made by %s with", schema_program());
	page_command(p, r->command);
	page_words(p,
	           "or, from the configuration below in a file of its own, with epsim report "
	           "FILE. The same input makes the same page, byte for byte. One schedule term by "
	           "term: epsim sweep FILE --explain ROW.");
	page_fold(p, "The whole configuration, with the source of each number",
	          dump_text(c->config, p->arena));
}

static enum rc case_say(struct page *p, const struct report *r, const struct report_case *c,
                        struct err *e)
{
	answer(p, c);
	question(p, c);
	report_front(p, c);
	report_budgets(p, c);
	report_feasible(p, c);
	report_why_not(p, c);
	report_phases(p, c);
	TRY(report_plan(p, r, c, e));
	TRY(report_certainty(p, r, c, e));
	report_schedules(p, c);
	configuration(p, r, c);
	return RC_OK;
}

static const char *subtitle(const struct report *r, struct arena *a)
{
	if (r->n > 1)
		return arena_print(a, "%zu cases: machines, models or workloads", r->n);
	return case_words(r->cases[0].config, a);
}

/* Which case is best is the reader's to say: their machines may differ in all. */
static void cases_table(struct page *p, const struct report *r)
{
	struct page_table t = {.id = "cases", .caption = "The best schedule of each case"};

	page_section(p, "all-cases", "Cases");
	page_column(&t, "case", "case", true);
	page_column(&t, "machine", "machine", false);
	page_column(&t, "model", "model", false);
	page_column(&t, "workload", "workload", false);
	page_column(&t, "points_feasible", "feasible", true);
	page_column(&t, "tokens_per_s_per_npu", "best tokens/s/NPU", true);
	page_column(&t, "best_schedule", "best schedule", false);
	page_table(p, &t);
	for (size_t i = 0; i < r->n; i++) {
		const struct report_case *c = &r->cases[i];

		page_count(p, c->number);
		page_cell(p, "%s", c->config->machine.name);
		page_cell(p, "%s", c->config->model.name);
		page_cell(p, "%s", c->config->workload.name);
		page_count(p, c->sweep->n_feasible);
		if (c->best)
			page_number(p, c->best->tokens_per_s_per_npu_count, "%s",
			            rate_words(c, c->best->tokens_per_s_per_npu_count));
		else
			page_cell(p, "none");
		page_cell(p, "%s", c->best ? schedule_words(c, c->best) : "");
		page_row_end(p);
	}
	page_table_end(p);
}

enum rc report_page(const struct report *r, const struct page_form *form, FILE *out, struct err *e)
{
	struct page p;
	enum rc rc = RC_OK;

	page_begin(&p, form, r->arena, out, r->cases[0].config->sweep.name, subtitle(r, r->arena));
	if (r->n > 1)
		cases_table(&p, r);
	for (size_t i = 0; rc == RC_OK && i < r->n; i++)
		rc = case_say(&p, r, &r->cases[i], e);
	page_end(&p);
	return rc;
}
