#include "tools/sweep_report.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "tools/text.h"

/* ---- figures ---- */

static void summary_add(struct flow_summary *f, const struct sweep_point *p)
{
	f->n_points++;
	f->n_feasible += p->feasible;
	f->n_by_reason[p->reason]++;
	if (!p->feasible)
		return;
	if (!f->fastest || p->tokens_per_s_per_npu_count > f->fastest->tokens_per_s_per_npu_count)
		f->fastest = p;
	if (!f->least_ttft || p->ttft_s < f->least_ttft->ttft_s)
		f->least_ttft = p;
	if (!f->least_tpot || p->tpot_s < f->least_tpot->tpot_s)
		f->least_tpot = p;
}

size_t sweep_summaries(const struct sweep *s, struct flow_summary *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_points; i++) {
		size_t at = 0;

		while (at < n && out[at].flow != s->points[i].flow)
			at++;
		CHECK(at < MOST_SUMMARIES);
		if (at == n)
			out[n++] = (struct flow_summary){.flow = s->points[i].flow};
		summary_add(&out[at], &s->points[i]);
	}
	return n;
}

static int by_throughput(const void *a, const void *b)
{
	const struct sweep_point *x = *(const struct sweep_point *const *)a;
	const struct sweep_point *y = *(const struct sweep_point *const *)b;

	if (x->tokens_per_s_per_npu_count != y->tokens_per_s_per_npu_count)
		return x->tokens_per_s_per_npu_count < y->tokens_per_s_per_npu_count ? 1 : -1;
	return x < y ? -1 : x > y;
}

size_t sweep_front(const struct sweep *s, const struct sweep_point ***out)
{
	size_t n = 0;

	*out = heap_zeroed(s->n_feasible + 1, sizeof **out);
	for (size_t i = 0; i < s->n_points; i++) {
		if (s->points[i].pareto)
			(*out)[n++] = s->points + i;
	}
	qsort(*out, n, sizeof **out, by_throughput);
	return n;
}

/* ---- text ---- */

/* Three digits: a row has many figures. */
static const char *short_time(double time_s, char *buf)
{
	return quantity_human(time_s, DIM_TIME, 3, buf, TEXT_SIZE);
}

static void print_best(struct table *t, const struct flow_summary *f)
{
	char text[32];

	if (!f->fastest) {
		for (int i = 0; i < 3; i++)
			table_cell(t, "-");
		return;
	}
	table_cell(t, "%.0f", f->fastest->tokens_per_s_per_npu_count);
	table_cell(t, "%s", short_time(f->least_ttft->ttft_s, text));
	table_cell(t, "%s", short_time(f->least_tpot->tpot_s, text));
}

static void print_summaries(const struct sweep *s, FILE *out)
{
	static const char *const headers[] = {
	        "<flow", "schedules", "feasible",       "no: shape",  "npus",       "memory",
	        "TTFT",  "TPOT",      "best tok/s/NPU", "least TTFT", "least TPOT", NULL};
	struct flow_summary f[MOST_SUMMARIES];
	size_t n = sweep_summaries(s, f);
	struct table *t = table_new(headers);

	for (size_t i = 0; i < n; i++) {
		table_cell(t, "%s", f[i].flow->name);
		table_cell(t, "%zu", f[i].n_points);
		table_cell(t, "%zu", f[i].n_feasible);
		for (enum reason r = REASON_SHAPE; r < REASONS; r++)
			table_cell(t, "%zu", f[i].n_by_reason[r]);
		print_best(t, &f[i]);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void print_point(struct table *t, const struct sweep_point *p, const struct machine *m)
{
	const struct schedule *c = &p->schedule;
	char text[32];

	table_cell(t, "%s", p->flow->name);
	table_cell(t, "%lld", (long long)c->ep);
	table_cell(t, "%lld", (long long)c->tp);
	table_cell(t, "%lld", (long long)c->batch);
	table_cell(t, "%lld", (long long)c->chunk);
	table_cell(t, "%s", dtype_names[c->dispatch]);
	table_cell(t, "%lld", (long long)c->micro_batches);
	table_cell(t, "%lld", (long long)flow_vector_cores(p->flow, m, c->vector_cores));
	table_cell(t, "%lld", (long long)p->npus);
	table_cell(t, "%s", short_time(p->ttft_s, text));
	table_cell(t, "%s", short_time(p->tpot_s, text));
	table_cell(t, "%.0f", p->tokens_per_s_per_npu_count);
	table_cell(t, "%.1f GB", p->decode_memory_bytes / GB_BYTES);
	table_cell(t, "%s", quantity_human(p->decode_buffers_bytes, DIM_BYTES, 3, text, 32));
	table_cell(t, "%lld", (long long)p->batch_most);
	table_cell(t, "%+lld", (long long)p->batch_gain);
	table_cell(t, "%+.0f", p->kv_gain_count);
	table_end_row(t);
}

/* Schedules that differ in a knob that hardly matters print the same figures: the first stands for
 * them. */
static bool prints_alike(const struct sweep_point *a, const struct sweep_point *b)
{
	char x[3][32], y[3][32];

	quantity_human(a->ttft_s, DIM_TIME, 3, x[0], 32);
	quantity_human(b->ttft_s, DIM_TIME, 3, y[0], 32);
	quantity_human(a->tpot_s, DIM_TIME, 3, x[1], 32);
	quantity_human(b->tpot_s, DIM_TIME, 3, y[1], 32);
	snprintf(x[2], 32, "%.0f", a->tokens_per_s_per_npu_count);
	snprintf(y[2], 32, "%.0f", b->tokens_per_s_per_npu_count);
	return strcmp(x[0], y[0]) == 0 && strcmp(x[1], y[1]) == 0 && strcmp(x[2], y[2]) == 0;
}

static bool seen(const struct sweep_point *const *front, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (prints_alike(front[i], front[n]))
			return true;
	}
	return false;
}

static void print_front(const struct sweep *s, size_t rows, FILE *out)
{
	static const char *const headers[] = {
	        "<flow",  "EP",      "TP",        "batch", "chunk",   "<dispatch",
	        "micro",  "cores",   "NPUs",      "TTFT",  "TPOT",    "tok/s/NPU",
	        "memory", "buffers", "batch max", "gain",  "KV gain", NULL};
	const struct sweep_point **front;
	size_t n = sweep_front(s, &front), shown = 0;
	struct table *t = table_new(headers);

	for (size_t i = 0; i < n && shown < rows; i++) {
		if (seen(front, i))
			continue;
		print_point(t, front[i], &s->config->machine);
		shown++;
	}
	fprintf(out,
	        "\n%zu of the feasible schedules are beaten by no other in TTFT, TPOT and "
	        "tokens/s/NPU at once;\n%zu are shown, those with the same figures once\n\n",
	        n, shown);
	table_print(t, out);
	table_free(t);
	free(front);
}

static void print_budgets(const struct sweep *s, FILE *out)
{
	const struct config *c = s->config;
	char ttft[32], tpot[32];

	fprintf(out, "budgets: TTFT %s for a prompt of %.0f tokens, TPOT %s at context %.0f\n",
	        c->sweep.budget.ttft_s > 0 ? short_time(c->sweep.budget.ttft_s, ttft) : "any",
	        workload_prompt_count(&c->workload),
	        c->sweep.budget.tpot_s > 0 ? short_time(c->sweep.budget.tpot_s, tpot) : "any",
	        workload_context_count(&c->workload));
}

void sweep_report_text(const struct sweep *s, const struct sweep_run_info *info, FILE *out)
{
	const struct config *c = s->config;

	fprintf(out, "%s: %s on %s, workload %s\n", c->sweep.name, c->model.name, c->machine.name,
	        c->workload.name);
	print_budgets(s, out);
	fprintf(out, "%zu schedules, %zu feasible (engine %s, routing %s)\n\n", s->n_points,
	        s->n_feasible, s->engine->name, routing_kind_name(c->routing.kind));
	print_summaries(s, out);
	if (s->n_feasible > 0)
		print_front(s, info->rows, out);
	fprintf(out, "\n");
	if (s->n_feasible > 0)
		fprintf(out, "gain, KV gain: requests, and tokens of KV cache, that an attention "
		             "group has "
		             "room for beyond relay2's\n");
	fprintf(out, "TTFT and TPOT are of idle pools: no waiting, no KV transfer between them\n");
}

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
	const struct schedule *c = &p->schedule;

	json_text(j, "flow", p->flow->name);
	json_integer(j, "ep", c->ep);
	json_integer(j, "tp", c->tp);
	json_integer(j, "dp", c->dp > 0 ? c->dp : c->ep / c->tp);
	json_integer(j, "batch", c->batch);
	json_integer(j, "chunk_tokens", c->chunk);
	json_text(j, "dispatch", dtype_names[c->dispatch]);
	json_text(j, "weights", dtype_names[c->weights]);
	json_text(j, "kv", dtype_names[c->kv]);
	json_integer(j, "micro_batches", c->micro_batches);
	json_integer(j, "vector_cores",
	             flow_vector_cores(p->flow, &s->config->machine, c->vector_cores));
	json_integer(j, "npus", p->npus);
}

static void json_point(struct json *j, const struct sweep *s, const struct sweep_point *p)
{
	json_object(j, NULL);
	json_schedule(j, s, p);
	json_flag(j, "feasible", p->feasible);
	json_text(j, "reason", reason_name(p->reason));
	json_text(j, "why", p->feasible ? NULL : p->why);
	json_flag(j, "pareto", p->pareto);
	if (p->reason != REASON_SHAPE) {
		json_number(j, "ttft_s", p->ttft_s);
		json_number(j, "tpot_s", p->tpot_s);
		json_number(j, "tokens_per_s_per_npu", p->tokens_per_s_per_npu_count);
		json_number(j, "prefill_memory_bytes", p->prefill_memory_bytes);
		json_number(j, "decode_memory_bytes", p->decode_memory_bytes);
		json_number(j, "prefill_buffers_bytes", p->prefill_buffers_bytes);
		json_number(j, "decode_buffers_bytes", p->decode_buffers_bytes);
		json_integer(j, "batch_most", p->batch_most);
		json_integer(j, "batch_gain", p->batch_gain);
		json_number(j, "kv_gain_tokens", p->kv_gain_count);
		json_phases(j, "prefill_phase_s", p->prefill_phase_s);
		json_phases(j, "decode_phase_s", p->decode_phase_s);
	}
	json_close(j);
}

static void json_flows(struct json *j, const struct sweep *s)
{
	struct flow_summary f[MOST_SUMMARIES];
	size_t n = sweep_summaries(s, f);

	json_object(j, "points_feasible");
	for (size_t i = 0; i < n; i++)
		json_integer(j, f[i].flow->name, (int64_t)f[i].n_feasible);
	json_close(j);
	json_object(j, "points_infeasible_by_reason");
	for (size_t i = 0; i < n; i++) {
		json_object(j, f[i].flow->name);
		for (enum reason r = REASON_SHAPE; r < REASONS; r++)
			json_integer(j, reason_name(r), (int64_t)f[i].n_by_reason[r]);
		json_close(j);
	}
	json_close(j);
}

void sweep_report_json(const struct sweep *s, const struct sweep_run_info *info, FILE *out)
{
	const struct config *c = s->config;
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_text(j, "name", c->sweep.name);
	json_text(j, "machine", c->machine.name);
	json_text(j, "model", c->model.name);
	json_text(j, "workload", c->workload.name);
	json_text(j, "engine", s->engine->name);
	json_text(j, "routing", routing_kind_name(c->routing.kind));
	json_integer(j, "seed", c->routing.seed);
	json_number(j, "budget_ttft_s", c->sweep.budget.ttft_s);
	json_number(j, "budget_tpot_s", c->sweep.budget.tpot_s);
	json_number(j, "prompt_tokens", workload_prompt_count(&c->workload));
	json_number(j, "context_tokens", workload_context_count(&c->workload));
	json_integer(j, "points_total", (int64_t)s->n_points);
	json_integer(j, "points_feasible_total", (int64_t)s->n_feasible);
	json_flows(j, s);
	json_number(j, "sweep_seconds", info->sweep_seconds_s);
	json_integer(j, "jobs", info->jobs);
	json_integer(j, "steps_priced", (int64_t)(s->n_prefill + s->n_decode));
	json_array(j, "points");
	for (size_t i = 0; i < s->n_points; i++)
		json_point(j, s, s->points + i);
	json_close(j);
	json_close(j);
	json_free(j);
}

/* ---- CSV ---- */

static void csv_phases(const double *phase_s, FILE *out)
{
	for (size_t i = 0; step_phases[i]; i++)
		fprintf(out, ",%.9g", phase_s[i]);
}

static void csv_header(FILE *out)
{
	fprintf(out,
	        "flow,ep,tp,dp,batch,chunk_tokens,dispatch,weights,kv,micro_batches,"
	        "vector_cores,npus,feasible,reason,why,pareto,ttft_s,tpot_s,"
	        "tokens_per_s_per_npu,prefill_memory_bytes,decode_memory_bytes,"
	        "prefill_buffers_bytes,decode_buffers_bytes,batch_most,batch_gain,kv_gain_tokens");
	for (int pool = 0; pool < 2; pool++) {
		for (size_t i = 0; step_phases[i]; i++)
			fprintf(out, ",%s_%s_s", pool ? "decode" : "prefill", step_phases[i]);
	}
	fprintf(out, "\n");
}

static void csv_point(const struct sweep *s, const struct sweep_point *p, FILE *out)
{
	const struct schedule *c = &p->schedule;
	int64_t cores = flow_vector_cores(p->flow, &s->config->machine, c->vector_cores);

	fprintf(out, "%s,%lld,%lld,%lld,%lld,%lld,%s,%s,%s,%lld,%lld,%lld,%d,%s,\"%s\",%d",
	        p->flow->name, (long long)c->ep, (long long)c->tp,
	        (long long)(c->dp > 0 ? c->dp : c->ep / c->tp), (long long)c->batch,
	        (long long)c->chunk, dtype_names[c->dispatch], dtype_names[c->weights],
	        dtype_names[c->kv], (long long)c->micro_batches, (long long)cores,
	        (long long)p->npus, p->feasible, reason_name(p->reason), p->why, p->pareto);
	if (p->reason == REASON_SHAPE) {
		for (size_t i = 0; i < 10 + 2 * MOST_STEP_PHASES; i++)
			fputc(',', out);
		fputc('\n', out);
		return;
	}
	fprintf(out, ",%.9g,%.9g,%.9g,%.0f,%.0f,%.0f,%.0f,%lld,%lld,%.0f", p->ttft_s, p->tpot_s,
	        p->tokens_per_s_per_npu_count, p->prefill_memory_bytes, p->decode_memory_bytes,
	        p->prefill_buffers_bytes, p->decode_buffers_bytes, (long long)p->batch_most,
	        (long long)p->batch_gain, p->kv_gain_count);
	csv_phases(p->prefill_phase_s, out);
	csv_phases(p->decode_phase_s, out);
	fprintf(out, "\n");
}

void sweep_report_csv(const struct sweep *s, FILE *out)
{
	csv_header(out);
	for (size_t i = 0; i < s->n_points; i++)
		csv_point(s, s->points + i, out);
}
