/* A sweep for other programs: JSON and CSV. */
#include <string.h>
#include "models/base/json.h"
#include "tools/sweep_finalists.h"
#include "tools/sweep_report.h"

/* ---- JSON ---- */

static void json_phases(struct json *j, const char *key, const double *phase_s)
{
	json_object(j, key);
	for (size_t i = 0; step_phases[i]; i++)
		json_number(j, step_phases[i], phase_s[i]);
	json_close(j);
}

static void json_schedule(struct json *j, const struct sweep *s, const struct sweep_point *p)
{
	struct knob_columns k;

	knob_columns(s, &k);
	for (size_t i = 0; i < k.n; i++) {
		const char *text;
		int64_t number;
		char buf[64];

		if (knob_column_value(s, p, &k.at[i], buf, sizeof buf, &text, &number))
			json_integer(j, k.name[i], number);
		else
			json_text(j, k.name[i], text);
	}
	json_integer(j, "npus", point_npus(p));
}

static void json_point(struct json *j, const struct sweep *s, const struct sweep_point *p)
{
	char why[WHY_SIZE];

	json_object(j, NULL);
	json_schedule(j, s, p);
	json_flag(j, "feasible", p->feasible);
	if (s->probability_ratio)
		json_number(j, "feasible_probability", s->probability_ratio[p - s->points]);
	json_text(j, "reason", reason_name(p->reason));
	json_text(j, "why", p->feasible ? NULL : point_why(p, why));
	json_flag(j, "pareto", p->pareto);
	if (point_priced(p)) {
		if (s->n_bounds > 0)
			json_flag(j, "bound", p->prefill->bound || p->decode->bound);
		json_number(j, "ttft_s", p->prefill->time_s);
		json_number(j, "tpot_s", p->decode->time_s);
		json_number(j, "tokens_per_s_per_npu", p->tokens_per_s_per_npu_count);
		if (s->knobs.any_apart || sweep_has_instances(s))
			json_number(j, "prefill_per_decode_deployment", point_balance_ratio(p));
		if (s->config->machine.power.busy_W > 0)
			json_number(j, "joule_per_token", point_energy_count(p));
		json_number(j, "prefill_memory_bytes", p->prefill->memory.total_bytes);
		json_number(j, "decode_memory_bytes", p->decode->memory.total_bytes);
		json_number(j, "prefill_buffers_bytes", p->prefill->memory.buffers_bytes);
		json_number(j, "decode_buffers_bytes", p->decode->memory.buffers_bytes);
		json_integer(j, "batch_most", p->decode->memory.batch_most);
		json_integer(j, "batch_gain", point_batch_gain(p));
		json_number(j, "kv_gain_tokens", point_kv_gain_count(p));
		json_phases(j, "prefill_phase_s", p->prefill->phase_s);
		json_phases(j, "decode_phase_s", p->decode->phase_s);
	}
	json_close(j);
}

static void json_flows(struct json *j, const struct sweep *s)
{
	struct flow_summary f[MOST_SUMMARIES];
	size_t n = sweep_summaries(s, f);
	bool beaten = sweep_has_beaten(s);

	json_object(j, "points_feasible");
	for (size_t i = 0; i < n; i++)
		json_integer(j, f[i].flow->name, (int64_t)f[i].n_feasible);
	json_close(j);
	json_object(j, "points_infeasible_by_reason");
	for (size_t i = 0; i < n; i++) {
		json_object(j, f[i].flow->name);
		for (enum reason r = REASON_SHAPE; r < (beaten ? REASONS : REASON_BEATEN); r++)
			json_integer(j, reason_name(r), (int64_t)f[i].n_by_reason[r]);
		json_close(j);
	}
	json_close(j);
}

static void json_parts(struct json *j, const char *what, const double *budget_s)
{
	char key[64];

	for (int i = 0; i < BUDGET_PERCENTILES; i++) {
		snprintf(key, sizeof key, "budget_%s_%s_s", what, percentile_names[i]);
		if (budget_s[i] > 0)
			json_number(j, key, budget_s[i]);
	}
}

/* The members of a sweep, in an object that is open. */
static void json_sweep(struct json *j, const struct sweep *s, const struct sweep_run_info *info,
                       const struct served_list *served)
{
	const struct config *c = s->config;

	json_text(j, "name", c->sweep.name);
	json_text(j, "machine", c->machine.name);
	json_text(j, "model", c->model.name);
	json_text(j, "workload", c->workload.name);
	json_text(j, "engine", s->engine->name);
	json_text(j, "routing", routing_kind_name(c->routing.kind));
	json_integer(j, "seed", c->routing.seed);
	json_number(j, "budget_ttft_s", c->sweep.budget.ttft_s);
	json_number(j, "budget_tpot_s", c->sweep.budget.tpot_s);
	json_parts(j, "ttft", c->sweep.budget.ttft_part_s);
	json_parts(j, "tpot", c->sweep.budget.tpot_part_s);
	json_number(j, "prompt_tokens", workload_prompt_count(&c->workload));
	json_number(j, "context_tokens", workload_context_count(&c->workload));
	json_integer(j, "points_total", (int64_t)s->n_points);
	json_integer(j, "points_feasible_total", (int64_t)s->n_feasible);
	if (s->draws > 0)
		json_integer(j, "draws", s->draws);
	json_flows(j, s);
	json_number(j, "sweep_seconds", info->sweep_seconds_s);
	json_integer(j, "jobs", info->jobs);
	json_integer(j, "steps_priced", (int64_t)(s->n_prefill + s->n_decode));
	if (s->n_bounds > 0)
		json_integer(j, "steps_left_at_bounds", (int64_t)s->n_bounds);
	json_array(j, "points");
	for (size_t i = 0; i < s->n_points; i++)
		json_point(j, s, s->points + i);
	json_close(j);
	if (served)
		served_json(served, s, j);
}

void sweep_report_json(struct sweep *const *s, size_t n, const struct sweep_run_info *info,
                       FILE *out)
{
	struct json *j = json_new(out);

	json_object(j, NULL);
	if (n == 1)
		json_sweep(j, s[0], info, info->served);
	else
		json_array(j, "cases");
	for (size_t i = 0; n > 1 && i < n; i++) {
		json_object(j, NULL);
		json_sweep(j, s[i], info, info->served ? info->served + i : NULL);
		json_close(j);
	}
	if (n > 1)
		json_close(j);
	json_close(j);
	json_free(j);
}

/* ---- CSV ---- */

/* What columns there are: those of knobs, of cases when there are some. */
struct columns {
	struct knob_columns knobs;
	bool cases, bounds;
};

static struct columns columns_of(struct sweep *const *s, size_t n)
{
	struct columns c = {.cases = n > 1};

	knob_columns(s[0], &c.knobs);
	for (size_t i = 0; i < n; i++)
		c.bounds = c.bounds || s[i]->n_bounds > 0;
	return c;
}

static void csv_phases(const double *phase_s, FILE *out)
{
	for (size_t i = 0; step_phases[i]; i++)
		fprintf(out, ",%.9g", phase_s[i]);
}

static void csv_header(const struct columns *c, FILE *out)
{
	fputs(c->cases ? "machine,model,workload," : "", out);
	for (size_t i = 0; i < c->knobs.n; i++)
		fprintf(out, "%s%s", i ? "," : "", c->knobs.name[i]);
	fprintf(out,
	        ",npus,feasible,reason,why,pareto%s,ttft_s,tpot_s,"
	        "tokens_per_s_per_npu,prefill_memory_bytes,decode_memory_bytes,"
	        "prefill_buffers_bytes,decode_buffers_bytes,batch_most,batch_gain,kv_gain_tokens",
	        c->bounds ? ",bound" : "");
	for (int pool = 0; pool < 2; pool++) {
		for (size_t i = 0; step_phases[i]; i++)
			fprintf(out, ",%s_%s_s", pool ? "decode" : "prefill", step_phases[i]);
	}
	fprintf(out, "\n");
}

static void csv_knobs(const struct columns *k, const struct sweep *s, const struct sweep_point *p,
                      FILE *out)
{
	char buf[64];

	if (k->cases)
		fprintf(out, "%s,%s,%s,", s->config->machine.name, s->config->model.name,
		        s->config->workload.name);
	for (size_t i = 0; i < k->knobs.n; i++) {
		const char *text;
		int64_t number;

		knob_column_value(s, p, &k->knobs.at[i], buf, sizeof buf, &text, &number);
		fprintf(out, "%s%s", i ? "," : "", text);
	}
}

static void csv_point(const struct columns *k, const struct sweep *s, const struct sweep_point *p,
                      FILE *out)
{
	char why[WHY_SIZE];

	csv_knobs(k, s, p, out);
	fprintf(out, ",%lld,%d,%s,\"%s\",%d", (long long)point_npus(p), p->feasible,
	        reason_name((enum reason)p->reason), point_why(p, why), p->pareto);
	if (k->bounds)
		fprintf(out, ",%d", p->prefill->bound || p->decode->bound);
	if (!point_priced(p)) {
		for (size_t i = 0; i < 10 + 2 * MOST_STEP_PHASES; i++)
			fputc(',', out);
		fputc('\n', out);
		return;
	}
	fprintf(out, ",%.9g,%.9g,%.9g,%.0f,%.0f,%.0f,%.0f,%lld,%lld,%.0f", p->prefill->time_s,
	        p->decode->time_s, p->tokens_per_s_per_npu_count, p->prefill->memory.total_bytes,
	        p->decode->memory.total_bytes, p->prefill->memory.buffers_bytes,
	        p->decode->memory.buffers_bytes, (long long)p->decode->memory.batch_most,
	        (long long)point_batch_gain(p), point_kv_gain_count(p));
	csv_phases(p->prefill->phase_s, out);
	csv_phases(p->decode->phase_s, out);
	fprintf(out, "\n");
}

void sweep_report_csv(struct sweep *const *s, size_t n, FILE *out)
{
	struct columns k = columns_of(s, n);

	csv_header(&k, out);
	for (size_t c = 0; c < n; c++) {
		for (size_t i = 0; i < s[c]->n_points; i++)
			csv_point(&k, s[c], s[c]->points + i, out);
	}
}
