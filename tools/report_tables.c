/* Tables of a page: the front, what budgets buy, the feasible set by flow and knob, why schedules
 * are infeasible, time by phase. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tools/plot_data.h"
#include "tools/report.h"
#include "tools/text.h"

enum { PERCENT = 100, FRONT_ROWS = 60 };

/* ---- schedules as rows ---- */

static const char *with_unit(const struct report_case *c, const char *name, struct scale scale)
{
	return arena_print(c->arena, "%s (%s)", name, scale.unit);
}

void columns_add(struct page_table *t, const struct report_case *c)
{
	for (size_t i = 0; i < c->n_knobs; i++)
		page_column(t, c->knob[i].key, c->knob[i].title, c->knob[i].number);
	page_column(t, "npus", "NPUs", true);
	page_column(t, "ttft_s", with_unit(c, "TTFT", c->ttft), true);
	page_column(t, "tpot_s", with_unit(c, "TPOT", c->tpot), true);
	page_column(t, "tokens_per_s_per_npu", "tokens/s/NPU", true);
	page_column(t, "memory_bytes", "HBM (GB)", true);
}

static void scaled(struct page *p, double value_units, struct scale scale)
{
	page_number(p, value_units, "%.*f", scale.digits, value_units * scale.per_si_units);
}

void columns_cells(struct page *p, const struct report_case *c, const struct sweep_point *point)
{
	double bytes = fmax(point->prefill->memory.total_bytes, point->decode->memory.total_bytes);

	for (size_t i = 0; i < c->n_knobs; i++) {
		const char *text = report_knob_text(&c->knob[i], point);

		if (c->knob[i].number)
			page_number(p, strtod(text, NULL), "%s", text);
		else
			page_cell(p, "%s", text);
	}
	page_number(p, (double)point_npus(point), "%lld", (long long)point_npus(point));
	if (!point_priced(point)) {
		for (int i = 0; i < 4; i++)
			page_cell(p, "-");
		return;
	}
	scaled(p, point->prefill->time_s, c->ttft);
	scaled(p, point->decode->time_s, c->tpot);
	scaled(p, point->tokens_per_s_per_npu_count, c->rate);
	page_number(p, bytes, "%.1f", bytes / GB_BYTES);
}

/* ---- the front ---- */

void report_front(struct page *p, const struct report_case *c)
{
	size_t n = c->n_front < FRONT_ROWS ? c->n_front : FRONT_ROWS;
	struct page_table t = {
	        .id = report_id(c, "front-table"),
	        .caption = arena_print(
	                p->arena, "The front%s: the best by %s first",
	                n < c->n_front ? arena_print(p->arena, ", its first %zu", n) : "",
	                objective_words((enum objective)c->config->sweep.objective))};

	report_section(p, c, "front", "What the budgets allow");
	page_words(
	        p,
	        "%s of the feasible schedules %s beaten by no other in TTFT, TPOT and throughput "
	        "at once: the Pareto front.",
	        count_text(p->arena, c->n_front), c->n_front == 1 ? "is" : "are");
	report_try(p, c);
	if (c->no_gnuplot)
		page_words(p, "The pictures are missing: gnuplot was not found where this page was "
		              "made. The tables have all figures.");
	page_picture(p, &c->picture[PICTURE_FITS]);
	page_picture(p, &c->picture[PICTURE_FRONT]);
	if (n == 0)
		return;
	columns_add(&t, c);
	if (c->sure.draws > 0)
		page_column(&t, "feasible_ratio", "holds in draws (%)", true);
	page_table(p, &t);
	for (size_t i = 0; i < n; i++) {
		columns_cells(p, c, c->front[i]);
		if (i < c->sure.n)
			page_number(p, c->sure.probability_ratio[i], "%.0f",
			            PERCENT * c->sure.probability_ratio[i]);
		else if (c->sure.draws > 0)
			page_cell(p, "-");
		page_row_end(p);
	}
	page_table_end(p);
}

/* ---- other budgets ---- */

struct limits {
	double ttft_s, tpot_s; /* 0: none */
};

static bool within(const struct sweep_point *p, struct limits l)
{
	int64_t most = p->prefill->group->config->sweep.budget.npus;

	return point_fits(p) && !(most > 0 && point_npus(p) > most) &&
	       !(l.ttft_s > 0 && p->prefill->time_s > l.ttft_s) &&
	       !(l.tpot_s > 0 && p->decode->time_s > l.tpot_s);
}

static bool better(const struct sweep_point *a, const struct sweep_point *b, enum objective o)
{
	double x, y;

	if (!b)
		return true;
	x = point_objective_units(a, o), y = point_objective_units(b, o);
	if (x != y)
		return x < y;
	return a->tokens_per_s_per_npu_count > b->tokens_per_s_per_npu_count;
}

static void budget_row(struct page *p, const struct report_case *c, const char *changed,
                       struct limits l)
{
	enum objective o = (enum objective)c->config->sweep.objective;
	const struct sweep_point *best = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->sweep->n_points; i++) {
		const struct sweep_point *at = c->sweep->points + i;

		if (!within(at, l))
			continue;
		n++;
		if (better(at, best, o))
			best = at;
	}
	page_cell(p, "%s", changed);
	l.ttft_s > 0 ? scaled(p, l.ttft_s, c->ttft) : page_cell(p, "any");
	l.tpot_s > 0 ? scaled(p, l.tpot_s, c->tpot) : page_cell(p, "any");
	page_count(p, n);
	best ? scaled(p, best->tokens_per_s_per_npu_count, c->rate) : page_cell(p, "-");
	page_cell(p, "%s", best ? schedule_words(c, best) : "none");
	page_row_end(p);
}

void report_budgets(struct page *p, const struct report_case *c)
{
	static const double factor[] = {0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2};
	struct limits now = {c->config->sweep.budget.ttft_s, c->config->sweep.budget.tpot_s};
	struct page_table t = {.id = report_id(c, "budgets"),
	                       .caption = "The best schedule if one budget were another"};

	if (!(now.ttft_s > 0) && !(now.tpot_s > 0))
		return;
	report_section(p, c, "other-budgets", "What other budgets would buy");
	page_column(&t, "changed", "budget changed", false);
	page_column(&t, "ttft_s", with_unit(c, "TTFT budget", c->ttft), true);
	page_column(&t, "tpot_s", with_unit(c, "TPOT budget", c->tpot), true);
	page_column(&t, "points_feasible", "feasible", true);
	page_column(&t, "tokens_per_s_per_npu", "tokens/s/NPU", true);
	page_column(&t, "best_schedule", "best schedule", false);
	page_table(p, &t);
	budget_row(p, c, "as asked", now);
	for (int of_tpot = 0; of_tpot < 2; of_tpot++) {
		for (size_t i = 0; i < sizeof factor / sizeof *factor; i++) {
			struct limits l = now;

			*(of_tpot ? &l.tpot_s : &l.ttft_s) *= factor[i];
			if ((of_tpot ? now.tpot_s : now.ttft_s) > 0)
				budget_row(p, c,
				           arena_print(p->arena, "%s x %g",
				                       of_tpot ? "TPOT" : "TTFT", factor[i]),
				           l);
		}
	}
	page_table_end(p);
}

/* ---- the feasible set ---- */

struct tally {
	size_t n, n_feasible;
	double best_count; /* tokens/s/NPU */
};

static void tally_add(struct tally *t, const struct sweep_point *p)
{
	t->n++;
	t->n_feasible += p->feasible;
	if (p->feasible)
		t->best_count = fmax(t->best_count, p->tokens_per_s_per_npu_count);
}

static void tally_cells(struct page *p, const struct report_case *c, const struct tally *t)
{
	double ratio = t->n > 0 ? (double)t->n_feasible / (double)t->n : 0;

	page_count(p, t->n);
	page_count(p, t->n_feasible);
	page_number(p, ratio, "%.1f", PERCENT * ratio);
	t->n_feasible > 0 ? scaled(p, t->best_count, c->rate) : page_cell(p, "-");
}

static void tally_columns(struct page_table *t)
{
	page_column(t, "points_total", "schedules", true);
	page_column(t, "points_feasible", "feasible", true);
	page_column(t, "feasible_ratio", "share (%)", true);
	page_column(t, "tokens_per_s_per_npu", "best tokens/s/NPU", true);
}

static void flows_table(struct page *p, const struct report_case *c)
{
	struct page_table t = {.id = report_id(c, "flows"),
	                       .caption = "Feasible schedules by flow"};

	page_column(&t, "flow", "flow", false);
	tally_columns(&t);
	page_column(&t, "ttft_s", with_unit(c, "least TTFT", c->ttft), true);
	page_column(&t, "tpot_s", with_unit(c, "least TPOT", c->tpot), true);
	page_table(p, &t);
	for (size_t i = 0; i < c->n_flows; i++) {
		const struct flow_summary *f = &c->flow[i];
		struct tally of = {f->n_points, f->n_feasible,
		                   f->fastest ? f->fastest->tokens_per_s_per_npu_count : 0};

		page_cell(p, "%s", f->flow->name);
		tally_cells(p, c, &of);
		f->fastest ? scaled(p, f->least_ttft->prefill->time_s, c->ttft) : page_cell(p, "-");
		f->fastest ? scaled(p, f->least_tpot->decode->time_s, c->tpot) : page_cell(p, "-");
		page_row_end(p);
	}
	page_table_end(p);
}

static void knob_rows(struct page *p, const struct report_case *c, const struct report_knob *k)
{
	const struct sweep *s = c->sweep;
	struct tally *of = heap_zeroed(k->n, sizeof *of);

	for (size_t i = 0; i < s->n_points; i++)
		tally_add(&of[report_knob_at(k, s->points + i)], s->points + i);
	for (size_t v = 0; v < k->n; v++) {
		page_cell(p, "%s", k->title);
		page_cell(p, "%s", k->value[v].text);
		tally_cells(p, c, &of[v]);
		page_row_end(p);
	}
	free(of);
}

void report_feasible(struct page *p, const struct report_case *c)
{
	struct page_table t = {.id = report_id(c, "by-knob"),
	                       .caption = "Feasible schedules by the value of each knob"};

	report_section(p, c, "feasible", "The feasible set");
	flows_table(p, c);
	page_column(&t, "knob", "knob", false);
	page_column(&t, "value", "value", false);
	tally_columns(&t);
	page_table(p, &t);
	for (size_t i = 0; i < c->n_knobs; i++) {
		if (c->knob[i].id != KNOB_FLOW || c->knob[i].apart)
			knob_rows(p, c, &c->knob[i]);
	}
	page_table_end(p);
}

/* ---- why not ---- */

static bool reason_seen(const struct report_case *c, enum reason r)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_flows; i++)
		n += c->flow[i].n_by_reason[r];
	return n > 0;
}

static void reasons_table(struct page *p, const struct report_case *c)
{
	struct page_table t = {.id = report_id(c, "reasons"),
	                       .caption =
	                               "Infeasible schedules by the first reason, in the order of "
	                               "the columns"};

	page_column(&t, "flow", "flow", false);
	for (enum reason r = REASON_SHAPE; r < REASONS; r++) {
		if (reason_seen(c, r))
			page_column(&t, reason_name(r), reason_words(r), true);
	}
	page_table(p, &t);
	for (size_t i = 0; i < c->n_flows; i++) {
		page_cell(p, "%s", c->flow[i].flow->name);
		for (enum reason r = REASON_SHAPE; r < REASONS; r++) {
			if (reason_seen(c, r))
				page_count(p, c->flow[i].n_by_reason[r]);
		}
		page_row_end(p);
	}
	page_table_end(p);
}

/* Of the schedules of a flow with a reason, the one that misses least. */
static const struct sweep_point *nearest(const struct report_case *c, const struct flow *flow,
                                         enum reason r, double *miss_ratio, const char **what)
{
	const struct sweep_point *best = NULL;

	*miss_ratio = INFINITY;
	for (size_t i = 0; i < c->sweep->n_points; i++) {
		const struct sweep_point *at = c->sweep->points + i;
		const char *of;
		double ratio;

		if (at->reason != r || point_flow(at) != flow)
			continue;
		ratio = point_miss_ratio(at, &of);
		if (ratio < *miss_ratio)
			best = at, *miss_ratio = ratio, *what = of;
	}
	return best;
}

static void nearest_rows(struct page *p, const struct report_case *c, const struct flow *flow)
{
	for (enum reason r = REASON_NPUS; r <= REASON_TPOT; r++) {
		char why[WHY_SIZE];
		const char *what = "";
		double ratio;
		const struct sweep_point *at = nearest(c, flow, r, &ratio, &what);

		if (!at)
			continue;
		page_cell(p, "%s", flow->name);
		page_cell(p, "%s", reason_words(r));
		page_cell(p, "%s", what);
		page_number(p, ratio, "%.2f", PERCENT * ratio);
		page_cell(p, "%s", point_why(at, why));
		scaled(p, at->tokens_per_s_per_npu_count, c->rate);
		page_cell(p, "%s", schedule_words(c, at));
		page_row_end(p);
	}
}

static void nearest_table(struct page *p, const struct report_case *c)
{
	struct page_table t = {
	        .id = report_id(c, "nearest"),
	        .caption = "The nearest infeasible schedule of each flow and reason, and "
	                   "the budget that it misses most"};

	page_column(&t, "flow", "flow", false);
	page_column(&t, "reason", "reason", false);
	page_column(&t, "misses", "misses most", false);
	page_column(&t, "miss_ratio", "by (%)", true);
	page_column(&t, "why", "reason in figures", false);
	page_column(&t, "tokens_per_s_per_npu", "tokens/s/NPU", true);
	page_column(&t, "schedule", "schedule", false);
	page_table(p, &t);
	for (size_t i = 0; i < c->n_flows; i++)
		nearest_rows(p, c, c->flow[i].flow);
	page_table_end(p);
}

void report_why_not(struct page *p, const struct report_case *c)
{
	report_section(p, c, "infeasible", "Why schedules are infeasible");
	if (c->sweep->n_feasible == c->sweep->n_points) {
		page_words(p, "All are feasible.");
		return;
	}
	reasons_table(p, c);
	nearest_table(p, c);
}

/* ---- time by phase ---- */

static bool phase_seen(const struct plot_bar *bar, size_t n, size_t phase)
{
	for (size_t i = 0; i < n; i++) {
		if (bar[i].point &&
		    bar[i].point->decode->phase_s[phase] + bar[i].point->prefill->phase_s[phase] >
		            0)
			return true;
	}
	return false;
}

static void phases_row(struct page *p, const struct report_case *c, const struct plot_bar *bar,
                       size_t n_bars, const struct plot_bar *all, enum phase phase,
                       struct scale scale)
{
	const double *phase_s =
	        phase == PHASE_DECODE ? bar->point->decode->phase_s : bar->point->prefill->phase_s;
	double sum_s = 0;

	page_cell(p, "%s", bar->flow->name);
	for (size_t k = 0; step_phases[k]; k++) {
		sum_s += phase_s[k];
		if (phase_seen(all, n_bars, k))
			scaled(p, phase_s[k], scale);
	}
	scaled(p, sum_s, scale);
	page_cell(p, "%s", schedule_words(c, bar->point));
	page_row_end(p);
}

static double longest_s(const struct plot_bar *bar, size_t n, enum phase phase)
{
	double most_s = 0;

	for (size_t i = 0; i < n; i++) {
		double sum_s = 0;

		for (size_t k = 0; bar[i].point && step_phases[k]; k++)
			sum_s += phase == PHASE_DECODE ? bar[i].point->decode->phase_s[k]
			                               : bar[i].point->prefill->phase_s[k];
		most_s = fmax(most_s, sum_s);
	}
	return most_s;
}

static void phases_table(struct page *p, const struct report_case *c, const struct plot_bar *bar,
                         enum phase phase)
{
	struct scale scale = scale_time(longest_s(bar, c->n_flows, phase));
	struct page_table t = {
	        .id = report_id(c, phase == PHASE_DECODE ? "decode-phases" : "prefill-phases"),
	        .caption = arena_print(p->arena, "%s, in %s: phases of the critical path",
	                               phase == PHASE_DECODE ? "One decode step"
	                                                     : "One full prefill chunk",
	                               scale.unit)};

	page_column(&t, "flow", "flow", false);
	for (size_t k = 0; step_phases[k]; k++) {
		if (phase_seen(bar, c->n_flows, k))
			page_column(&t, arena_print(p->arena, "%s_s", step_phases[k]),
			            step_phases[k], true);
	}
	page_column(&t, "sum_s", "sum", true);
	page_column(&t, "schedule", "schedule", false);
	page_table(p, &t);
	for (size_t i = 0; i < c->n_flows; i++) {
		if (bar[i].point)
			phases_row(p, c, &bar[i], c->n_flows, bar, phase, scale);
	}
	page_table_end(p);
}

void report_phases(struct page *p, const struct report_case *c)
{
	struct plot_bar bar[MOST_SUMMARIES];
	struct plot plot;

	plot_init(&plot, c->sweep, c->arena);
	if (plot.n_priced == 0)
		return;
	plot_bars_best(&plot, bar);
	report_section(p, c, "phases", "Where the time goes");
	page_words(p,
	           "Each flow with its own best schedule, or where none is feasible that of least "
	           "TPOT. What hides behind another phase takes no room.");
	page_picture(p, &c->picture[PICTURE_DECODE]);
	page_picture(p, &c->picture[PICTURE_PREFILL]);
	phases_table(p, c, bar, PHASE_DECODE);
	phases_table(p, c, bar, PHASE_PREFILL);
}
