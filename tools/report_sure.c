/* How sure the answer is: draws of the machine's uncertain numbers, its calibration, and measured
 * times where some are given. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sweep_price.h"
#include "tools/report.h"
#include "tools/text.h"

enum { PERCENT = 100 };

/* ---- draws ---- */

/* Figures of the best schedule in each draw. */
struct drawn {
	double *ttft_s, *tpot_s, *rate_count;
};

enum rc report_point_again(const struct config *config, const struct engine *engine,
                           const struct sweep_point *p, struct sweep_point *out, struct arena *a,
                           struct err *e)
{
	const struct pool_price *own[PHASES] = {
	        [PHASE_PREFILL] = p->prefill, [PHASE_DECODE] = p->decode};
	struct sweep_single *x[PHASES];

	for (enum phase pool = 0; pool < PHASES; pool++) {
		struct schedule s = pool_schedule(own[pool], pool);

		s.batch = p->decode->size, s.chunk = p->prefill->size;
		x[pool] = arena_alloc(a, sizeof *x[pool]);
		TRY(sweep_one(config, engine, &s, a, x[pool], e));
	}
	*out = *p;
	out->prefill = &x[PHASE_PREFILL]->prefill, out->decode = &x[PHASE_DECODE]->decode;
	point_join(out);
	return RC_OK;
}

static enum rc draw_once(struct report_case *c, int64_t draw, const struct drawn *to, struct err *e)
{
	const struct config *base = c->config;
	struct config drawn = *base;

	TRY(machine_guess(&base->machine, base->notes[SECTION_MACHINE],
	                  (uint64_t)base->routing.seed, (uint64_t)draw, &drawn.machine, e));
	for (size_t i = 0; i < c->sure.n; i++) {
		struct arena *a = arena_new();
		struct sweep_point p;
		enum rc rc = report_point_again(&drawn, c->sweep->engine, c->front[i], &p, a, e);

		if (rc == RC_OK) {
			c->sure.probability_ratio[i] += p.feasible;
			if (i == 0) {
				to->ttft_s[draw] = p.prefill->time_s;
				to->tpot_s[draw] = p.decode->time_s;
				to->rate_count[draw] = p.tokens_per_s_per_npu_count;
			}
		}
		arena_free(a);
		TRY(rc);
	}
	return RC_OK;
}

/* Has any number of the machine an sd, or its kernels? */
static enum rc is_uncertain(const struct report_case *c, bool *out, struct err *e)
{
	const struct machine *m = &c->config->machine;
	struct parameter parameter[MOST_PARAMETERS];
	size_t n;

	TRY(parameters_list(m, c->config->notes[SECTION_MACHINE], parameter, &n, e));
	*out = n > 0 || m->calibration.kernel_sd_ratio > 0;
	return RC_OK;
}

enum rc report_sure(struct report_case *c, int64_t draws, struct err *e)
{
	size_t n = (size_t)draws;
	struct drawn to = {heap_zeroed(n + 1, sizeof(double)), heap_zeroed(n + 1, sizeof(double)),
	                   heap_zeroed(n + 1, sizeof(double))};
	enum rc rc = is_uncertain(c, &c->sure.uncertain, e);

	if (rc == RC_OK && draws > 0 && c->sure.uncertain)
		c->sure.n = c->n_front < SURE_ROWS ? c->n_front : SURE_ROWS;
	for (int64_t i = 0; rc == RC_OK && i < draws && c->sure.n > 0; i++)
		rc = draw_once(c, i, &to, e);
	if (rc == RC_OK && draws > 0 && c->sure.n > 0) {
		c->sure.draws = draws;
		c->sure.ttft_s = spread_of(to.ttft_s, draws);
		c->sure.tpot_s = spread_of(to.tpot_s, draws);
		c->sure.rate_count = spread_of(to.rate_count, draws);
		for (size_t i = 0; i < c->sure.n; i++)
			c->sure.probability_ratio[i] /= (double)draws;
	}
	free(to.ttft_s), free(to.tpot_s), free(to.rate_count);
	return rc;
}

static void draws_row(struct page *p, const char *name, const struct spread *s, struct scale scale,
                      double expected_units)
{
	const double k = scale.per_si_units;

	page_cell(p, "%s (%s)", name, scale.unit);
	page_number(p, expected_units, "%.*f", scale.digits, expected_units * k);
	page_number(p, s->low, "%.*f", scale.digits, s->low * k);
	page_number(p, s->median, "%.*f", scale.digits, s->median * k);
	page_number(p, s->high, "%.*f", scale.digits, s->high * k);
	page_row_end(p);
}

static void draws_table(struct page *p, const struct report_case *c)
{
	struct page_table t = {.id = report_id(c, "draws"),
	                       .caption = "The best schedule, as far as the machine's numbers are "
	                                  "uncertain: 90 of 100 draws lie between 5 % and 95 %"};

	page_column(&t, "figure", "figure", false);
	page_column(&t, "expected", "expected", true);
	page_column(&t, "low", "5 %", true);
	page_column(&t, "median", "median", true);
	page_column(&t, "high", "95 %", true);
	page_table(p, &t);
	draws_row(p, "TTFT", &c->sure.ttft_s, c->ttft, c->best->prefill->time_s);
	draws_row(p, "TPOT", &c->sure.tpot_s, c->tpot, c->best->decode->time_s);
	draws_row(p, "throughput", &c->sure.rate_count, c->rate,
	          c->best->tokens_per_s_per_npu_count);
	page_table_end(p);
}

/* The first of the front that holds in nearly all draws, unless the best does. */
void report_caution(struct page *p, const struct report_case *c)
{
	const double surely_ratio = 0.95;
	size_t i = 0;

	while (i < c->sure.n && c->sure.probability_ratio[i] < surely_ratio)
		i++;
	if (i == 0 || c->sure.draws == 0)
		return;
	if (i == c->sure.n)
		page_words(
		        p,
		        "But the budgets are within the machine's uncertainty: in %lld draws of "
		        "its "
		        "uncertain numbers none of the front's first %zu schedules meets them in "
		        "%.0f %%.",
		        (long long)c->sure.draws, c->sure.n, PERCENT * surely_ratio);
	else
		page_words(
		        p,
		        "But it meets them in only %.0f %% of %lld draws of the machine's "
		        "uncertain "
		        "numbers. The best of the front that does in at least %.0f %%: %s, with %s "
		        "tokens/s/NPU, TTFT %s, TPOT %s.",
		        PERCENT * c->sure.probability_ratio[0], (long long)c->sure.draws,
		        PERCENT * surely_ratio, schedule_words(c, c->front[i]),
		        rate_words(c, c->front[i]->tokens_per_s_per_npu_count),
		        time_words(c, c->front[i]->prefill->time_s),
		        time_words(c, c->front[i]->decode->time_s));
}

static void draws_say(struct page *p, const struct report_case *c)
{
	if (!c->sure.uncertain)
		page_words(p,
		           "No number of the machine has a standard deviation, so no interval of "
		           "the answer is known.");
	if (c->sure.draws == 0)
		return;
	page_part(p, "What the machine's uncertain numbers leave open");
	page_words(
	        p,
	        "The machine's numbers that have a standard deviation were drawn %lld times. The "
	        "best schedule met all budgets in %.0f %% of the draws; the table of the front "
	        "says "
	        "it of the others.",
	        (long long)c->sure.draws, PERCENT * c->sure.probability_ratio[0]);
	draws_table(p, c);
}

/* ---- calibration ---- */

static const char *list_words(struct page *p, const struct field_list *l)
{
	const char *text = "";

	for (size_t i = 0; i < l->n; i++)
		text = arena_print(p->arena, "%s%s%s", text, i ? ", " : "", l->text[i]);
	return text;
}

static const char *range_words(struct page *p, const struct field_list *l)
{
	return l->n == 2 ? arena_print(p->arena, "%.0f to %.0f", l->number[0], l->number[1])
	                 : "any";
}

/* Tokens of a rank in one exchange, as sim/step.c has them. */
static int64_t rank_tokens(const struct schedule *s, enum phase phase)
{
	double all = (double)(phase == PHASE_PREFILL ? s->chunk : s->batch);

	return (int64_t)ceil(all / (double)(s->micro_batches * s->tp));
}

static struct observation exchange_of(const struct report_case *c, const struct sweep_point *point,
                                      enum phase phase)
{
	const struct schedule s =
	        pool_schedule(phase == PHASE_PREFILL ? point->prefill : point->decode, phase);

	return (struct observation){.flow = s.flow,
	                            .phase = phase,
	                            .ep = s.ep,
	                            .n_batches = 1,
	                            .tokens = {rank_tokens(&s, phase)},
	                            .hidden = c->config->model.hidden};
}

static void range_row(struct page *p, const char *what, const char *is, const char *seen)
{
	page_cell(p, "%s", what);
	page_cell(p, "%s", is);
	page_cell(p, "%s", seen);
	page_row_end(p);
}

static void range_table(struct page *p, const struct report_case *c)
{
	const struct calibration *k = &c->config->machine.calibration;
	struct page_table t = {.id = report_id(c, "range"),
	                       .caption = "The best schedule beside what was calibrated"};
	struct observation o[PHASES];

	for (enum phase phase = 0; phase < PHASES; phase++)
		o[phase] = exchange_of(c, c->best, phase);
	page_column(&t, "of", "of an exchange", false);
	page_column(&t, "best_schedule", "best schedule", false);
	page_column(&t, "calibrated", "calibrated", false);
	page_table(p, &t);
	range_row(p, "flow", o[0].flow, list_words(p, &k->flows));
	range_row(p, "EP", arena_print(p->arena, "%lld", (long long)o[0].ep),
	          range_words(p, &k->ep));
	for (enum phase phase = 0; phase < PHASES; phase++)
		range_row(p, arena_print(p->arena, "tokens of a rank, %s", phase_names[phase]),
		          arena_print(p->arena, "%lld", (long long)o[phase].tokens[0]),
		          range_words(p, &k->tokens));
	range_row(p, "hidden size", arena_print(p->arena, "%lld", (long long)o[0].hidden),
	          range_words(p, &k->hidden));
	page_table_end(p);
}

static void range_say(struct page *p, const struct report_case *c)
{
	char why[PHASES][BEYOND_SIZE];
	bool inside = true;

	for (enum phase phase = 0; phase < PHASES; phase++) {
		struct observation o = exchange_of(c, c->best, phase);

		inside &= calibration_covers(&c->config->machine.calibration, &o, why[phase]);
	}
	if (inside)
		page_words(p, "The best schedule lies within what was calibrated.");
	else
		page_words(
		        p,
		        "The best schedule lies outside what was calibrated (%s): its figures are "
		        "extrapolated, and no measured error stands for them.",
		        *why[PHASE_PREFILL] ? why[PHASE_PREFILL] : why[PHASE_DECODE]);
	range_table(p, c);
}

static void calibration_say(struct page *p, const struct report_case *c)
{
	const struct machine *m = &c->config->machine;
	const struct calibration *k = &m->calibration;

	if (k->rows == 0) {
		page_words(p,
		           "The machine %s is not calibrated: its numbers are those of data sheets "
		           "and assumptions, each with its source in the configuration below. No "
		           "error of its predictions is known.",
		           m->name);
		return;
	}
	page_words(p,
	           "The machine %s is calibrated with %lld measured times of dispatch and combine "
	           "(data %s). A measured time differs from the fit by %.1f %%, and kernels of "
	           "different sources that do the same work differ by %.0f %% (standard deviations "
	           "of log time).",
	           m->name, (long long)k->rows, k->data, PERCENT * k->residual_sd_ratio,
	           PERCENT * k->kernel_sd_ratio);
	if (c->best)
		range_say(p, c);
}

/* ---- measured times ---- */

static enum rc rows_forecast(const struct report_case *c, const struct observed *o,
                             struct forecast_row *out, size_t *n, struct err *e)
{
	const struct config *config = c->config;
	struct predictor *p = predictor_new();
	struct belief b;
	enum rc rc = belief_init(&b, &config->machine, config->notes[SECTION_MACHINE],
	                         config->where[SECTION_MACHINE], e);

	*n = 0;
	for (size_t i = 0; rc == RC_OK && i < o->n; i++) {
		struct forecast f;

		if (strcmp(o->row[i]->machine, config->machine.name) != 0)
			continue;
		rc = belief_forecast(&b, p, o->row[i], &f, e);
		if (rc == RC_OK)
			out[(*n)++] = forecast_judge(o->row[i], &f, &config->machine.calibration);
	}
	belief_fini(&b);
	predictor_free(p);
	return rc;
}

static bool same_kind(const struct observation *a, const struct observation *b)
{
	return strcmp(a->flow, b->flow) == 0 && a->phase == b->phase && a->op == b->op;
}

static void accuracy_row(struct page *p, const char *name, const struct accuracy *a)
{
	page_cell(p, "%s", name);
	page_count(p, a->rows);
	page_number(p, a->median_ape_ratio, "%.1f", PERCENT * a->median_ape_ratio);
	page_number(p, a->mape_ratio, "%.1f", PERCENT * a->mape_ratio);
	page_number(p, a->coverage_90_ratio, "%.0f", PERCENT * a->coverage_90_ratio);
	page_row_end(p);
}

static void accuracy_kinds(struct page *p, const struct forecast_row *row, size_t n)
{
	struct forecast_row *of = heap_zeroed(n + 1, sizeof *of);

	for (size_t i = 0; i < n; i++) {
		const struct observation *o = row[i].o;
		struct accuracy a;
		size_t n_of = 0, first = 0;

		while (!same_kind(row[first].o, o))
			first++;
		if (first < i)
			continue;
		for (size_t k = i; k < n; k++) {
			if (same_kind(row[k].o, o))
				of[n_of++] = row[k];
		}
		a = accuracy_of(of, n_of, NULL);
		if (a.rows > 0)
			accuracy_row(p,
			             arena_print(p->arena, "%s, %s %s", o->flow,
			                         phase_names[o->phase], exchange_op_names[o->op]),
			             &a);
	}
	free(of);
}

static void accuracy_say(struct page *p, const struct report_case *c,
                         const struct forecast_row *row, size_t n)
{
	struct accuracy all = accuracy_of(row, n, NULL);
	struct page_table t = {.id = report_id(c, "validation"),
	                       .caption =
	                               "Predicted against measured times of dispatch and combine "
	                               "on this machine"};

	page_part(p, "Predicted against measured");
	if (all.rows == 0) {
		page_words(p, "No row of the measured files is of machine %s.",
		           c->config->machine.name);
		return;
	}
	page_column(&t, "kernels", "kernels", false);
	page_column(&t, "rows_count", "rows", true);
	page_column(&t, "median_error_ratio", "median error (%)", true);
	page_column(&t, "mean_error_ratio", "mean error (%)", true);
	page_column(&t, "within_interval_ratio", "inside 90 % interval (%)", true);
	page_table(p, &t);
	accuracy_kinds(p, row, n);
	accuracy_row(p, "all", &all);
	page_table_end(p);
}

/* The files as `epsim validate` takes them. */
static enum rc observed_say(struct page *p, const struct report *r, const struct report_case *c,
                            struct err *e)
{
	static const struct option as_flow = AS_FLOW_OPTION;
	struct args *a = arena_alloc(r->arena, sizeof *a);
	char *list = arena_string(r->arena, r->observed), *rest = list;
	struct forecast_row *row = NULL;
	struct observed o;
	size_t n = 0;
	enum rc rc;

	a->verb = &verb_validate;
	for (char *file; (file = strtok_r(rest, ",", &rest)) && a->n_words < MOST_ARGS;)
		a->word[a->n_words++] = file;
	if (r->as_flow) {
		a->given[0].option = &as_flow, a->given[0].value = r->as_flow;
		a->n_given = 1;
	}
	rc = observed_open(a, true, &o, e);
	if (rc == RC_OK) {
		row = heap_zeroed(o.n + 1, sizeof *row);
		rc = rows_forecast(c, &o, row, &n, e);
	}
	if (rc == RC_OK)
		accuracy_say(p, c, row, n);
	free(row);
	observed_close(&o);
	return rc;
}

enum rc report_certainty(struct page *p, const struct report *r, const struct report_case *c,
                         struct err *e)
{
	report_section(p, c, "certainty", "How sure this is");
	page_words(
	        p,
	        "TTFT and TPOT are of idle pools: no waiting for a place, no KV transfer between "
	        "prefill and decode. Prices are by engine %s with %s routing.",
	        c->sweep->engine->name, routing_kind_name(c->config->routing.kind));
	calibration_say(p, c);
	draws_say(p, c);
	TRY(report_swings(p, c, e));
	return r->observed ? observed_say(p, r, c, e) : RC_OK;
}
