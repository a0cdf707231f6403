/* What the answer hangs on, one uncertain number of the machine at a time; and, with a load, how
 * many NPUs it takes and what gives way first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/parameter.h"
#include "sim/plan.h"
#include "tools/report.h"

enum { PERCENT = 100, SWINGS = 10 };

/* ---- a tornado of the best schedule ---- */

/* The best schedule with one number an sd lower, and higher. */
struct swing {
	const struct parameter *of;
	double tpot_s[2], rate_count[2];
	bool feasible[2];
	size_t at;
};

static double width(const struct swing *s)
{
	return fabs(log(s->rate_count[1] / s->rate_count[0])) +
	       fabs(log(s->tpot_s[1] / s->tpot_s[0]));
}

static int widest_first(const void *a, const void *b)
{
	const struct swing *x = a, *y = b;
	double m = width(x), n = width(y);

	if (m != n)
		return m > n ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static enum rc swing_make(const struct report_case *c, const struct parameter *q, struct swing *out,
                          struct err *e)
{
	const struct machine *m = &c->config->machine;
	double value = parameter_get_units(q, m), free_units = parameter_free_units(q, value);
	double sd = parameter_free_sd_units(q, value, q->sd_ratio);

	out->of = q;
	for (int up = 0; up < 2; up++) {
		struct config moved = *c->config;
		struct arena *a = arena_new();
		struct sweep_point p;
		enum rc rc;

		parameter_set(q, &moved.machine,
		              parameter_value_units(q, up ? free_units + sd : free_units - sd));
		rc = report_point_again(&moved, c->sweep->engine, c->best, &p, a, e);
		if (rc == RC_OK) {
			out->tpot_s[up] = p.decode->time_s;
			out->rate_count[up] = p.tokens_per_s_per_npu_count;
			out->feasible[up] = p.feasible;
		}
		arena_free(a);
		TRY(rc);
	}
	return RC_OK;
}

static void swing_row(struct page *p, const struct report_case *c, const struct swing *s)
{
	const double tpot = c->tpot.per_si_units;

	page_cell(p, "%s", s->of->path);
	page_number(p, s->of->sd_ratio, "%.0f", PERCENT * s->of->sd_ratio);
	for (int up = 0; up < 2; up++)
		page_number(p, s->rate_count[up], "%.*f", c->rate.digits, s->rate_count[up]);
	for (int up = 0; up < 2; up++)
		page_number(p, s->tpot_s[up], "%.*f", c->tpot.digits, s->tpot_s[up] * tpot);
	page_cell(p, "%s",
	          s->feasible[0] && s->feasible[1] ? "both"
	          : s->feasible[0]                 ? "-sd alone"
	          : s->feasible[1]                 ? "+sd alone"
	                                           : "neither");
	page_row_end(p);
}

static void swings_table(struct page *p, const struct report_case *c, const struct swing *swing,
                         size_t n)
{
	struct page_table t = {.id = report_id(c, "swings"),
	                       .caption = arena_print(p->arena,
	                                              "What the best schedule hangs on: numbers of "
	                                              "the machine, each one standard deviation "
	                                              "down and up, the %zu widest",
	                                              n)};
	const char *tpot = c->tpot.unit;

	page_column(&t, "number", "number", false);
	page_column(&t, "sd_ratio", "sd (%)", true);
	page_column(&t, "tokens_per_s_per_npu_low", "tokens/s/NPU at -sd", true);
	page_column(&t, "tokens_per_s_per_npu_high", "at +sd", true);
	page_column(&t, "tpot_s_low", arena_print(p->arena, "TPOT (%s) at -sd", tpot), true);
	page_column(&t, "tpot_s_high", "at +sd", true);
	page_column(&t, "feasible", "feasible at", false);
	page_table(p, &t);
	for (size_t i = 0; i < n; i++)
		swing_row(p, c, &swing[i]);
	page_table_end(p);
}

enum rc report_swings(struct page *p, const struct report_case *c, struct err *e)
{
	struct parameter parameter[MOST_PARAMETERS];
	struct swing *swing;
	size_t n, kept = 0;
	enum rc rc = RC_OK;

	if (!c->best || c->sure.draws == 0)
		return RC_OK;
	TRY(parameters_list(&c->config->machine, c->config->notes[SECTION_MACHINE], parameter, &n,
	                    e));
	swing = heap_zeroed(n + 1, sizeof *swing);
	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		rc = swing_make(c, &parameter[i], &swing[kept], e);
		swing[kept].at = i;
		kept += rc == RC_OK && width(&swing[kept]) > 0;
	}
	qsort(swing, kept, sizeof *swing, widest_first);
	if (rc == RC_OK && kept > 0)
		swings_table(p, c, swing, kept < SWINGS ? kept : SWINGS);
	free(swing);
	return rc;
}

/* ---- a load ---- */

static const char *pool_words(struct page *p, const struct plan_pool *pool, enum phase phase)
{
	const struct schedule *s = &pool->price->group->schedule;

	return arena_print(p->arena, "%s, EP %lld, TP %lld, %s %lld", s->flow, (long long)s->ep,
	                   (long long)s->tp, phase == PHASE_PREFILL ? "chunk" : "batch",
	                   (long long)pool->price->size);
}

static void pools_table(struct page *p, const struct report_case *c, const struct plan *plan,
                        const struct plan_limits *limits)
{
	struct page_table t = {.id = report_id(c, "pools"),
	                       .caption = "The pools, and how far their load may grow"};
	const double most[PHASES] = {[PHASE_PREFILL] = limits->prefill_rate_count,
	                             [PHASE_DECODE] = limits->decode_rate_count};

	page_column(&t, "pool", "pool", false);
	page_column(&t, "deployments", "deployments", true);
	page_column(&t, "npus", "NPUs", true);
	page_column(&t, "requests_per_s", "planned for up to (requests/s)", true);
	page_column(&t, "headroom_ratio", "times the load", true);
	page_column(&t, "schedule", "schedule", false);
	page_table(p, &t);
	for (enum phase phase = 0; phase < PHASES; phase++) {
		const struct plan_pool *pool = &plan->pool[phase];

		page_cell(p, "%s", phase_names[phase]);
		page_count(p, (size_t)pool->deployments);
		page_count(p, (size_t)pool->npus);
		page_number(p, most[phase], "%.1f", most[phase]);
		page_number(p, most[phase] / plan->rate_count, "%.2f",
		            most[phase] / plan->rate_count);
		page_cell(p, "%s", pool_words(p, pool, phase));
		page_row_end(p);
	}
	page_table_end(p);
}

static void first_words(struct page *p, const struct report_case *c, const struct plan *plan,
                        const struct plan_limits *l)
{
	double pools = fmin(l->prefill_rate_count, l->decode_rate_count);
	bool machine = l->machine_rate_count < pools;

	page_words(
	        p,
	        "As the load grows, %s gives way first, at %.4g requests/s, %.2f times the load. "
	        "The machine (%lld NPUs) has room for %.4g requests/s of these schedules.",
	        machine                                        ? "the machine"
	        : l->prefill_rate_count < l->decode_rate_count ? "the prefill pool"
	                                                       : "the decode pool",
	        fmin(pools, l->machine_rate_count),
	        fmin(pools, l->machine_rate_count) / plan->rate_count,
	        (long long)machine_dies(&c->config->machine), l->machine_rate_count);
}

static void growth_table(struct page *p, const struct report_case *c, double rate_count,
                         struct plan_margins margins)
{
	static const double growth[] = {1, 2, 4, 10};
	struct page_table t = {.id = report_id(c, "growth"),
	                       .caption = "The load grown, each planned anew"};
	struct plan plan;
	struct err e;

	page_column(&t, "requests_per_s", "requests/s", true);
	page_column(&t, "npus", "NPUs", true);
	page_column(&t, "prefill_npus", "prefill", true);
	page_column(&t, "decode_npus", "decode", true);
	page_table(p, &t);
	for (size_t i = 0; i < sizeof growth / sizeof *growth; i++) {
		double rate = growth[i] * rate_count;

		if (plan_make(c->sweep, rate, margins, &plan, &e) != RC_OK)
			break;
		page_number(p, rate, "%g", rate);
		page_count(p, (size_t)plan.npus);
		page_count(p, (size_t)plan.pool[PHASE_PREFILL].npus);
		page_count(p, (size_t)plan.pool[PHASE_DECODE].npus);
		page_row_end(p);
	}
	page_table_end(p);
}

enum rc report_plan(struct page *p, const struct report *r, const struct report_case *c,
                    struct err *e)
{
	const struct plan_margins margins = {r->load_ratio, {1, 1}};
	struct plan_limits limits;
	struct plan plan;
	enum rc rc;

	if (!(r->rate_count > 0))
		return RC_OK;
	report_section(p, c, "capacity", "How many NPUs the load takes");
	rc = plan_make(c->sweep, r->rate_count, margins, &plan, e);
	if (rc == RC_NO) {
		page_words(p, "None will do: %s.", e->text);
		return RC_OK;
	}
	TRY(rc);
	limits = plan_limits(&plan, r->load_ratio);
	page_words(
	        p,
	        "%s NPUs serve %g requests/s, with pools that may differ in schedule and are used "
	        "to %.0f %% of their throughput. This is by throughput alone; epsim plan serves "
	        "the "
	        "load through queues, which may ask for more.",
	        count_text(p->arena, (size_t)plan.npus), r->rate_count, PERCENT * r->load_ratio);
	if (c->config->machine.extra.npu_hour_cost_count > 0)
		page_words(p, "A million output tokens cost %.3g.", plan_million_cost_count(&plan));
	first_words(p, c, &plan, &limits);
	pools_table(p, c, &plan, &limits);
	growth_table(p, c, r->rate_count, margins);
	return RC_OK;
}
