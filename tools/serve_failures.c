/* What `epsim serve` tells of ranks that died: in words, in JSON, in a trace. */
#include <math.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "tools/serve_request.h"
#include "tools/text.h"

/* The share of the output before that counts as back. */
static const double back_ratio = 0.95;

static void marks_text(const struct serve_failures *f, FILE *out)
{
	static const char *const headers[] = {"<time",    "after",  "<ranks",
	                                      "instance", "groups", NULL};
	struct table *t = table_new(headers);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < f->n_marks; i++) {
		const struct serve_mark *m = &f->mark[i];

		table_cell(t, "%.6g s", m->at_s);
		table_cell(t, "%s", time_text(m->at_s - f->failed_s, text));
		table_cell(t, "%s", serve_mark_names[m->kind]);
		table_cell(t, "%d", m->instance);
		table_cell(t, "%d", m->groups);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void experts_text(const struct serve_failures *f, FILE *out)
{
	char peer[TEXT_SIZE], host[TEXT_SIZE], takes[TEXT_SIZE];

	if (!(f->busiest_experts_count > 0))
		return;
	fprintf(out,
	        "experts       of a layer: %.0f with a living copy; %s copied from peers, %s from "
	        "host memory, in %s of the pauses; a rank computes %.3g at most\n",
	        f->local_experts_count, size_text(f->peer_bytes, peer),
	        size_text(f->host_bytes, host), time_text(f->repair_s, takes),
	        f->busiest_experts_count);
}

static void recovery_text(const struct serve_job *j, FILE *out)
{
	struct serve_recovery r;
	char back[TEXT_SIZE];

	serve_recovery_of(&j->result, back_ratio, &r);
	fprintf(out, "output        %.4g tokens/s before", r.before_rate_count);
	if (r.fewer_rate_count >= 0)
		fprintf(out, ", %.4g (%.1f %%) while fewer serve", r.fewer_rate_count,
		        100 * r.fewer_rate_count / r.before_rate_count);
	if (r.back_s >= 0)
		fprintf(out, "; all back and at %.0f %% after %s", 100 * back_ratio,
		        time_text(r.back_s, back));
	fprintf(out, "\n");
}

void serve_failures_text(const struct serve_job *j, FILE *out)
{
	const struct serve_failures *f = &j->result.failures;
	char pause[TEXT_SIZE], whole[TEXT_SIZE];

	if (f->failed_s < 0)
		return;
	fprintf(out, "\nranks died at %.4g s", f->failed_s);
	if (f->resumed_s >= 0)
		fprintf(out, ": a pause of %s", time_text(f->resumed_s - f->failed_s, pause));
	if (f->rejoined_s >= 0)
		fprintf(out, ", whole after %s", time_text(f->rejoined_s - f->failed_s, whole));
	if (f->not_coverable)
		fprintf(out, "; not coverable: %s", f->not_coverable);
	fprintf(out, "\n");
	marks_text(f, out);
	experts_text(f, out);
	recovery_text(j, out);
	fprintf(out, "started again %lld requests; lost %zu\n", (long long)j->result.retried,
	        j->summary.lost);
}

static double or_nan(double time_s)
{
	return time_s >= 0 ? time_s : NAN;
}

static void marks_json(const struct serve_failures *f, struct json *o)
{
	json_array(o, "events");
	for (size_t i = 0; i < f->n_marks; i++) {
		json_object(o, NULL);
		json_number(o, "at_s", f->mark[i].at_s);
		json_text(o, "ranks", serve_mark_names[f->mark[i].kind]);
		json_integer(o, "instance", f->mark[i].instance);
		json_integer(o, "groups", f->mark[i].groups);
		json_close(o);
	}
	json_close(o);
}

void serve_failures_json(const struct serve_job *j, struct json *o)
{
	const struct serve_failures *f = &j->result.failures;
	struct serve_recovery r;

	if (f->failed_s < 0)
		return;
	serve_recovery_of(&j->result, back_ratio, &r);
	json_object(o, "failures");
	json_number(o, "failed_s", f->failed_s);
	json_number(o, "resumed_s", or_nan(f->resumed_s));
	json_number(o, "rejoined_s", or_nan(f->rejoined_s));
	json_flag(o, "coverable", !f->not_coverable);
	if (f->not_coverable)
		json_text(o, "why_not", f->not_coverable);
	json_number(o, "before_tokens_per_s", r.before_rate_count);
	json_number(o, "fewer_tokens_per_s", or_nan(r.fewer_rate_count));
	json_number(o, "back_after_s", or_nan(r.back_s));
	json_number(o, "local_experts", f->local_experts_count);
	json_number(o, "peer_bytes", f->peer_bytes);
	json_number(o, "host_bytes", f->host_bytes);
	json_number(o, "repair_s", f->repair_s);
	json_number(o, "warm_load_s", f->warm_load_s);
	json_number(o, "busiest_experts", f->busiest_experts_count);
	json_integer(o, "retried", j->result.retried);
	json_integer(o, "lost", (int64_t)j->summary.lost);
	marks_json(f, o);
	json_close(o);
}

/* ---- over time ------------------------------------------------------------------------------- */

/* The last mark of any instance up to a time: "" before the first. */
static const char *state_at(const struct serve_failures *f, double at_s)
{
	const char *state = "";

	for (size_t i = 0; i < f->n_marks && f->mark[i].at_s <= at_s; i++)
		state = serve_mark_names[f->mark[i].kind];
	return state;
}

static double mean_at(const struct gauge *g, double at_s) /* unit: of the gauge */
{
	size_t i = (size_t)(at_s / g->span_s);

	return i < gauge_spans(g) ? gauge_span_mean(g, i) : 0;
}

void serve_timeline_csv(const struct serve_job *j, FILE *out)
{
	const struct serve_result *r = &j->result;
	const struct gauge *g = &r->output;

	fprintf(out, "time_s,span_s,output_tokens_per_s,waiting_requests,running_requests,"
	             "kv_use_ratio,last_event\n");
	for (size_t i = 0; i < gauge_spans(g); i++) {
		double at_s = (double)i * g->span_s;

		fprintf(out, "%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%s\n", at_s, g->span_s,
		        gauge_span_mean(g, i), mean_at(&r->waiting, at_s),
		        mean_at(&r->running, at_s), mean_at(&r->kv_use, at_s),
		        state_at(&r->failures, at_s));
	}
}
