/* epsim explain: where the time of a layer goes, and what would shorten it. */
#include <math.h>
#include <string.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "sim/explain.h"
#include "tools/run_request.h"
#include "tools/text.h"

/* Gains below this are not worth a line. */
static const double shown_ratio = 0x1p-14;

struct explained {
	struct run run;
	struct explanation why;
	double balanced_s; /* the makespan with balanced routing; 0: it is balanced */
};

/* The same request with every expert getting the same share. */
static enum rc price_balanced(struct explained *x, struct err *e)
{
	struct routing_spec routing = {
	        .kind = ROUTING_BALANCED, .file = "", .model = "", .domain = ""};
	struct run like = x->run;
	enum rc rc;

	if (x->run.config->routing.kind == ROUTING_BALANCED)
		return RC_OK;
	like.request.routing = &routing;
	like.graph = graph_new();
	timeline_init(&like.timeline);
	rc = run_price(&like, e);
	x->balanced_s = like.timeline.makespan_s;
	timeline_fini(&like.timeline);
	graph_free(like.graph);
	return rc;
}

/* ---- text ---- */

static void cell_time(struct table *t, double time_s)
{
	char text[TEXT_SIZE];

	if (time_s > 0)
		table_cell(t, "%s", time_text(time_s, text));
	else
		table_cell(t, "-");
}

static void print_path(const struct explained *x, FILE *out)
{
	static const char *const headers[] = {
	        "<on the critical path", "time", "work", "contention", "latency", "sync",
	        "<busiest then",         "used", "<and", "used",       NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < x->why.n_rows; i++) {
		const struct explain_row *r = &x->why.row[i];

		table_cell(t, "%s", r->label);
		cell_time(t, r->path_s);
		for (enum loss l = 0; l < LOSSES; l++)
			cell_time(t, r->loss_s[l]);
		table_cell(t, "%s", r->busiest_ratio > 0 ? resource_kind_name(r->busiest) : "-");
		table_cell(t, r->busiest_ratio > 0 ? "%.0f %%" : "-", 100 * r->busiest_ratio);
		table_cell(t, "%s", r->second_ratio > 0 ? resource_kind_name(r->second) : "-");
		table_cell(t, r->second_ratio > 0 ? "%.0f %%" : "-", 100 * r->second_ratio);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void print_losses(const struct explained *x, FILE *out)
{
	char text[TEXT_SIZE];

	fprintf(out, "\nof all:");
	for (enum loss l = 0; l < LOSSES; l++)
		fprintf(out, "%s %s %s (%.0f %%)", l ? "," : "", loss_name(l),
		        time_text(x->why.loss_s[l], text),
		        100 * x->why.loss_s[l] / x->why.makespan_s);
	fprintf(out, "\n");
	if (x->balanced_s > 0)
		fprintf(out,
		        "skew: the same with balanced routing takes %s, so uneven experts cost "
		        "%.1f %%\n",
		        time_text(x->balanced_s, text),
		        100 * (x->why.makespan_s / x->balanced_s - 1));
}

static void print_gains(const struct explained *x, FILE *out)
{
	static const char *const headers[] = {"<10 % faster", "time", "saved", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < x->why.n_gains; i++) {
		const struct explain_gain *g = &x->why.gain[i];

		if (fabs(g->saved_ratio) < shown_ratio)
			continue;
		table_cell(t, "%s", g->what);
		cell_time(t, g->makespan_s);
		table_cell(t, "%.2f %%", 100 * g->saved_ratio);
		table_end_row(t);
	}
	fprintf(out, "\n");
	table_print(t, out);
	table_free(t);
}

/* What to do about it, in a sentence. */
static void print_advice(const struct explained *x, FILE *out)
{
	const struct explain_gain *g = x->why.gain;
	const struct explain_row *most = x->why.row;

	for (size_t i = 1; i < x->why.n_rows; i++) {
		if (x->why.row[i].path_s > most->path_s)
			most = &x->why.row[i];
	}
	fprintf(out, "\n%s takes most of the path (%.0f %%); ", most->label,
	        100 * most->path_s / x->why.makespan_s);
	if (x->why.n_gains > 0 && g->saved_ratio > 0)
		fprintf(out, "a 10 %% faster %s would save most (%.1f %%).\n", g->what,
		        100 * g->saved_ratio);
	else
		fprintf(out, "no single faster resource would help.\n");
}

static void report_text(const struct explained *x, FILE *out)
{
	const struct step_request *q = &x->run.request;
	char text[TEXT_SIZE];

	fprintf(out, "%s on %s: %s, %s, EP %lld, %s: %s (engine %s)\n\n", q->model->name,
	        q->machine->name, q->flow->name, phase_names[q->phase], (long long)q->schedule->ep,
	        x->run.scope == SCOPE_EXCHANGE ? "dispatch and combine" : "one MoE layer",
	        time_text(x->why.makespan_s, text), q->engine->name);
	print_path(x, out);
	print_losses(x, out);
	print_gains(x, out);
	print_advice(x, out);
}

/* ---- JSON ---- */

static void json_losses(struct json *j, const double *loss_s)
{
	json_number(j, "work_s", loss_s[LOSS_WORK]);
	json_number(j, "contention_s", loss_s[LOSS_CONTENTION]);
	json_number(j, "latency_s", loss_s[LOSS_LATENCY]);
	json_number(j, "synchronisation_s", loss_s[LOSS_SYNC]);
}

static void json_row(struct json *j, const struct explain_row *r)
{
	json_object(j, NULL);
	json_text(j, "label", r->label);
	json_number(j, "path_s", r->path_s);
	json_losses(j, r->loss_s);
	json_text(j, "busiest", r->busiest_ratio > 0 ? resource_kind_name(r->busiest) : NULL);
	json_number(j, "busiest_ratio", r->busiest_ratio);
	json_text(j, "second", r->second_ratio > 0 ? resource_kind_name(r->second) : NULL);
	json_number(j, "second_ratio", r->second_ratio);
	json_close(j);
}

static void report_json(const struct explained *x, FILE *out)
{
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_text(j, "machine", x->run.request.machine->name);
	json_text(j, "model", x->run.request.model->name);
	json_text(j, "flow", x->run.request.flow->name);
	json_text(j, "engine", x->run.request.engine->name);
	json_text(j, "scope", scope_names[x->run.scope]);
	json_number(j, "time_s", x->why.makespan_s);
	if (x->balanced_s > 0)
		json_number(j, "balanced_time_s", x->balanced_s);
	json_losses(j, x->why.loss_s);
	json_array(j, "path");
	for (size_t i = 0; i < x->why.n_rows; i++)
		json_row(j, &x->why.row[i]);
	json_close(j);
	json_array(j, "ten_percent_faster");
	for (size_t i = 0; i < x->why.n_gains; i++) {
		json_object(j, NULL);
		json_text(j, "what", x->why.gain[i].what);
		json_number(j, "time_s", x->why.gain[i].makespan_s);
		json_number(j, "saved_ratio", x->why.gain[i].saved_ratio);
		json_close(j);
	}
	json_close(j);
	json_close(j);
	json_free(j);
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct explained x = {0};
	enum rc rc = run_open(a, SCOPE_LAYER, &x.run, e);

	if (rc == RC_OK && x.run.scope == SCOPE_STEP)
		rc = fail(e, RC_CONFIG, "explain: --scope layer or exchange, not step");
	if (rc == RC_OK)
		rc = run_price(&x.run, e);
	if (rc == RC_OK)
		rc = explain(x.run.graph, x.run.request.engine, &x.run.request.engine_options,
		             &x.why, e);
	if (rc == RC_OK)
		rc = price_balanced(&x, e);
	if (rc == RC_OK)
		rc = run_timeline_write(a, &x.run, e);
	if (rc == RC_OK && args_has(a, "json"))
		report_json(&x, out);
	else if (rc == RC_OK)
		report_text(&x, out);
	explain_fini(&x.why);
	run_close(&x.run);
	return rc;
}

static const struct option options[] = {
        {"scope", "SCOPE",
         "layer (one MoE layer) or exchange (its dispatch and combine alone); "
         "default layer"},
        RUN_OPTIONS,
        {0},
};

const struct verb verb_explain = {
        .name = "explain",
        .doc = "Tells where the time of a layer goes and what would shorten it",
        .usage = "[FILE] [option...]",
        .examples = {"epsim explain --machine cloudmatrix384 --model deepseek-v3.1 --flow relay2 "
                     "--ep 64",
                     "epsim explain --machine cloudmatrix384 --model deepseek-v3.1 --flow direct "
                     "--ep 16 "
                     "--routing uniform --scope exchange --timeline layer.json"},
        .options = options,
        .takes_config = true,
        .about = "Parts of the critical path: work at the speed it would have alone, contention "
                 "(what\n"
                 "sharing resources adds), latency (fixed costs and wires), synchronisation "
                 "(flags,\n"
                 "barriers, host round trips).",
        .run = run,
};
