#include "tools/sweep_finalists.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"
#include "sim/serve_policies.h"
#include "tools/sweep_report.h"
#include "tools/text.h"
#include "traces/requests.h"

enum { WORDS_SIZE = 400, PERCENT = 100 };

static const char *point_words(const struct sweep *s, const struct sweep_point *p, char *buf,
                               size_t size)
{
	char text[5][TEXT_SIZE];
	enum knob_id id[KNOBS];
	size_t n_options = sweep_options_listed(s, id), n;

	n = (size_t)snprintf(buf, size, "%s EP %s TP %s batch %s chunk %s",
	                     point_knob_cell(s, p, KNOB_FLOW, text[0], TEXT_SIZE),
	                     point_knob_cell(s, p, KNOB_EP, text[1], TEXT_SIZE),
	                     point_knob_cell(s, p, KNOB_TP, text[2], TEXT_SIZE),
	                     point_knob_cell(s, p, KNOB_BATCH, text[3], TEXT_SIZE),
	                     point_knob_cell(s, p, KNOB_CHUNK, text[4], TEXT_SIZE));
	for (size_t i = 0; i < n_options && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, " %s %s", knob_names[id[i]],
		                      point_knob_cell(s, p, id[i], text[0], TEXT_SIZE));
	return buf;
}

/* ---- by SimGrid ------------------------------------------------------------------------------ */

static enum rc finalist_row(struct table *t, const struct sweep *s, const struct sweep_point *p,
                            struct err *e)
{
	const struct point_choice choice = point_choice(p);
	struct arena *a = arena_new();
	struct sweep_single x;
	char text[4][TEXT_SIZE], words[WORDS_SIZE];
	enum rc rc = sweep_one_apart(s->config, &engine_simgrid, &choice, a, &x, e);

	if (rc == RC_OK) {
		table_cell(t, "%s", point_words(s, p, words, sizeof words));
		table_cell(t, "%s", time_text(p->prefill->time_s, text[0]));
		table_cell(t, "%s", time_text(x.prefill.time_s, text[1]));
		table_cell(t, "%s", time_text(p->decode->time_s, text[2]));
		table_cell(t, "%s", time_text(x.decode.time_s, text[3]));
		table_cell(t, "%s", x.point.feasible ? "yes" : "NO");
		table_end_row(t);
	}
	arena_free(a);
	return rc;
}

static enum rc finalists_of(const struct sweep *s, int64_t most, FILE *out, struct err *e)
{
	static const char *const headers[] = {"<finalist",  "TTFT",      "by simgrid", "TPOT",
	                                      "by simgrid", "<feasible", NULL};
	const struct sweep_point **front;
	size_t n = sweep_front(s, &front);
	struct table *t = table_new(headers);
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < n && i < (size_t)most; i++)
		rc = finalist_row(t, s, front[i], e);
	if (rc == RC_OK && n > 0) {
		fprintf(out, "\n");
		table_print(t, out);
	}
	table_free(t);
	free(front);
	return rc;
}

enum rc sweep_finalists(const struct args *a, struct sweep *const *s, size_t n, FILE *out,
                        struct err *e)
{
	const char *why_not;
	int64_t most;

	TRY(args_integer(a, "finalists", 0, 1, &most, e));
	if (!engine_simgrid.available(&why_not))
		return fail(e, RC_CONFIG, "--finalists: %s", why_not);
	for (size_t i = 0; i < n; i++)
		TRY(finalists_of(s[i], most, out, e));
	return RC_OK;
}

/* ---- through queues -------------------------------------------------------------------------- */

static enum rc policies_check(const struct config *c, enum policy_slot slot,
                              const struct field_list *l, struct err *e)
{
	const char *who = arena_print(c->arena, "%s: sweep", c->where[SECTION_SWEEP]);

	for (size_t i = 0; i < l->n; i++)
		TRY(policy_check(slot, l->text[i], who, e));
	return RC_OK;
}

enum rc served_check(const struct args *a, const struct config *c, struct err *e)
{
	bool asked = args_has(a, "serve");

	TRY(policies_check(c, SLOT_ROUTER, &c->sweep.router, e));
	TRY(policies_check(c, SLOT_BATCHING, &c->sweep.batching, e));
	if (!asked && sweep_has_percentiles(&c->sweep))
		return fail(
		        e, RC_CONFIG,
		        "%s: budgets on percentiles are of requests in queues: --serve N --rate R "
		        "checks them for the N best of the front",
		        c->where[SECTION_SWEEP]);
	if (asked && !args_has(a, "rate"))
		return fail(e, RC_CONFIG, "--serve: needs --rate, requests a second");
	for (size_t i = 0; !asked && i < 3; i++) {
		static const char *const needs[] = {"rate", "requests", "load"};

		if (args_has(a, needs[i]))
			return fail(e, RC_CONFIG, "--%s: goes with --serve N", needs[i]);
	}
	return RC_OK;
}

/* Without a trace all requests have the workload's mean lengths. */
static enum rc lengths_read(const struct args *a, const struct config *c, struct request_list *out,
                            struct err *e)
{
	const struct workload *w = &c->workload;

	if (args_has(a, "trace"))
		return trace_requests(args_value(a, "trace", ""), out, e);
	request_append(out, &(struct request){.input = (int32_t)round(w->input.mean_count),
	                                      .output = (int32_t)round(w->output.mean_count)});
	return RC_OK;
}

static const char *policy_at(const struct field_list *l, size_t i, const char *fallback)
{
	return l->n > 0 ? l->text[i] : fallback;
}

static size_t at_least_one(size_t n)
{
	return n > 0 ? n : 1;
}

/* One point with every router and batching policy. */
static enum rc point_rows(const struct sweep *s, const struct sweep_point *p,
                          struct serve_wish *wish, struct served_list *out, struct err *e)
{
	const struct field_list *routers = &s->config->sweep.router;
	const struct field_list *batchings = &s->config->sweep.batching;

	for (size_t i = 0; i < at_least_one(routers->n); i++) {
		for (size_t k = 0; k < at_least_one(batchings->n); k++) {
			struct served_row *row = out->row + out->n;
			struct err why;
			enum rc rc;

			*row = (struct served_row){.point = p};
			row->router = policy_at(routers, i, s->config->serving.router);
			row->batching = policy_at(batchings, k, s->config->serving.batching);
			wish->router = row->router, wish->batching = row->batching;
			rc = point_serve(p, wish, &row->served, &why);
			if (rc == RC_NO)
				snprintf(row->refused, sizeof row->refused, "%.255s", why.text);
			else if (rc != RC_OK)
				return *e = why, rc;
			out->n++;
		}
	}
	return RC_OK;
}

static enum rc rows_make(const struct sweep *s, struct serve_wish *wish, int64_t most,
                         struct served_list *out, struct err *e)
{
	const struct sweep_spec *spec = &s->config->sweep;
	const struct sweep_point **front;
	size_t n = sweep_front(s, &front);
	enum rc rc = RC_OK;

	n = n < (size_t)most ? n : (size_t)most;
	out->row =
	        heap_zeroed(n * at_least_one(spec->router.n) * at_least_one(spec->batching.n) + 1,
	                    sizeof *out->row);
	for (size_t i = 0; rc == RC_OK && i < n; i++)
		rc = point_rows(s, front[i], wish, out, e);
	free(front);
	return rc;
}

enum rc served_make(const struct args *a, const struct sweep *s, struct served_list *out,
                    struct err *e)
{
	const double usual_ratio = 0.8;
	struct request_list base = {0};
	struct serve_wish wish = {.base = &base, .engine = s->engine};
	int64_t most, requests;
	enum rc rc;

	*out = (struct served_list){.traced = args_has(a, "trace")};
	TRY(args_integer(a, "serve", 0, 1, &most, e));
	TRY(args_integer(a, "requests", 0, 1, &requests, e));
	TRY(args_ratio(a, "rate", 0, 0, &wish.rate_count, e));
	TRY(args_ratio(a, "load", usual_ratio, 1, &wish.share_ratio, e));
	out->rate_count = wish.rate_count, wish.requests = (size_t)requests;
	rc = lengths_read(a, s->config, &base, e);
	if (rc == RC_OK)
		rc = rows_make(s, &wish, most, out, e);
	request_list_fini(&base);
	return rc;
}

void served_fini(struct served_list *l)
{
	free(l->row);
}

enum rc served_verdict(const struct served_list *l, const struct sweep *s, struct err *e)
{
	if (!sweep_has_percentiles(&s->config->sweep))
		return RC_OK;
	for (size_t i = 0; i < l->n; i++) {
		if (!*l->row[i].refused && l->row[i].served.within)
			return RC_OK;
	}
	return fail(e, RC_NO, "none of the %zu served keeps the percentile budgets", l->n);
}

/* ---- what it prints -------------------------------------------------------------------------- */

static void time_cell(struct table *t, double time_s)
{
	char text[TEXT_SIZE];

	table_cell(t, "%s", quantity_human(time_s, DIM_TIME, 3, text, sizeof text));
}

static void row_cells(struct table *t, const struct served_row *r)
{
	const struct serve_summary *x = &r->served.summary;

	table_cell(t, "%lld/%lld", (long long)r->served.instances[PHASE_PREFILL],
	           (long long)r->served.instances[PHASE_DECODE]);
	table_cell(t, "%lld", (long long)r->served.npus);
	table_cell(t, "%s", r->router);
	table_cell(t, "%s", r->batching);
	time_cell(t, x->ttft.p50_s);
	time_cell(t, x->ttft.p90_s);
	time_cell(t, x->ttft.p99_s);
	time_cell(t, x->tpot.p50_s);
	time_cell(t, x->tpot.p90_s);
	time_cell(t, x->tpot.p99_s);
	table_cell(t, "%.1f %%", PERCENT * x->attainment_ratio);
	if (r->served.goodput_rate_count > 0)
		table_cell(t, "%.3g", r->served.goodput_rate_count);
	else
		table_cell(t, "-");
	table_cell(t, "%.0f", x->output_rate_per_npu_count);
	table_cell(t, "%s", r->served.within ? "kept" : r->served.why_not);
}

void served_text(const struct served_list *l, const struct sweep *s, FILE *out)
{
	static const char *const headers[] = {
	        "<served",  "pools",  "NPUs",    "<router",   "<batching",
	        "TTFT p50", "p90",    "p99",     "TPOT p50",  "p90",
	        "p99",      "within", "goodput", "tok/s/NPU", "<percentile budgets",
	        NULL};
	struct table *t = table_new(headers);
	size_t n_refused = 0;

	for (size_t i = 0; i < l->n; i++) {
		char words[WORDS_SIZE];

		n_refused += *l->row[i].refused != '\0';
		if (*l->row[i].refused)
			continue;
		table_cell(t, "%s", point_words(s, l->row[i].point, words, sizeof words));
		row_cells(t, &l->row[i]);
		table_end_row(t);
	}
	fprintf(out,
	        "\nserved at %g requests/s, Poisson arrivals, lengths of the %s; pools: "
	        "deployments "
	        "of prefill/decode\n\n",
	        l->rate_count, l->traced ? "trace" : "workload's mean");
	if (n_refused < l->n)
		table_print(t, out);
	table_free(t);
	for (size_t i = 0; n_refused > 0 && i < l->n; i++) {
		char words[WORDS_SIZE];

		if (*l->row[i].refused)
			fprintf(out, "not served: %s: %s\n",
			        point_words(s, l->row[i].point, words, sizeof words),
			        l->row[i].refused);
	}
}

static void json_latency(struct json *j, const char *key, const struct latency *l)
{
	json_object(j, key);
	json_number(j, "mean", l->mean_s);
	json_number(j, "p50", l->p50_s);
	json_number(j, "p90", l->p90_s);
	json_number(j, "p95", l->p95_s);
	json_number(j, "p99", l->p99_s);
	json_close(j);
}

static void json_row(struct json *j, const struct sweep *s, const struct served_row *r)
{
	const struct serve_summary *x = &r->served.summary;

	json_object(j, NULL);
	json_integer(j, "row", r->point - s->points + 1);
	json_text(j, "router", r->router);
	json_text(j, "batching", r->batching);
	json_text(j, "refused", *r->refused ? r->refused : NULL);
	if (!*r->refused) {
		json_integer(j, "prefill_instances", r->served.instances[PHASE_PREFILL]);
		json_integer(j, "decode_instances", r->served.instances[PHASE_DECODE]);
		json_integer(j, "npus", r->served.npus);
		json_latency(j, "ttft_s", &x->ttft);
		json_latency(j, "tpot_s", &x->tpot);
		json_number(j, "within_budgets_ratio", x->attainment_ratio);
		json_number(j, "goodput_requests_per_s", r->served.goodput_rate_count);
		json_number(j, "tokens_per_s_per_npu", x->output_rate_per_npu_count);
		json_flag(j, "percentile_budgets_kept", r->served.within);
		json_text(j, "why", r->served.within ? NULL : r->served.why_not);
	}
	json_close(j);
}

void served_json(const struct served_list *l, const struct sweep *s, struct json *j)
{
	json_number(j, "served_requests_per_s", l->rate_count);
	json_array(j, "served");
	for (size_t i = 0; i < l->n; i++)
		json_row(j, s, &l->row[i]);
	json_close(j);
}
