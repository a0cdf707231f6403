#include "tools/sweep_report.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"
#include "tools/text.h"

enum { MILLION = 1000000 };

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
	if (!f->least_ttft || p->prefill->time_s < f->least_ttft->prefill->time_s)
		f->least_ttft = p;
	if (!f->least_tpot || p->decode->time_s < f->least_tpot->decode->time_s)
		f->least_tpot = p;
}

size_t sweep_summaries(const struct sweep *s, struct flow_summary *out)
{
	size_t n = 0;

	for (size_t i = 0, at = 0; i < s->n_points; i++) {
		if (at >= n || out[at].flow != point_flow(&s->points[i])) /* often as before */
			at = 0;
		while (at < n && out[at].flow != point_flow(&s->points[i]))
			at++;
		CHECK(at < MOST_SUMMARIES);
		if (at == n)
			out[n++] = (struct flow_summary){.flow = point_flow(&s->points[i])};
		summary_add(&out[at], &s->points[i]);
	}
	return n;
}

size_t sweep_front(const struct sweep *s, const struct sweep_point ***out)
{
	size_t n = 0;

	*out = heap_zeroed(s->n_feasible + 1, sizeof **out);
	for (size_t i = 0; i < s->n_points; i++) {
		if (s->points[i].pareto)
			(*out)[n++] = s->points + i;
	}
	qsort(*out, n, sizeof **out, points_by_objective);
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
	table_cell(t, "%s", short_time(f->least_ttft->prefill->time_s, text));
	table_cell(t, "%s", short_time(f->least_tpot->decode->time_s, text));
}

bool sweep_has_beaten(const struct sweep *s)
{
	for (size_t i = 0; i < s->n_points; i++) {
		if (s->points[i].reason == REASON_BEATEN)
			return true;
	}
	return false;
}

static void print_summaries(const struct sweep *s, FILE *out)
{
	static const char *const headers[] = {
	        "<flow", "schedules", "feasible",       "no: shape",  "npus",       "memory",
	        "TTFT",  "TPOT",      "best tok/s/NPU", "least TTFT", "least TPOT", NULL};
	static const char *const pruned[] = {"<flow",  "schedules",      "feasible",   "no: shape",
	                                     "npus",   "memory",         "TTFT",       "TPOT",
	                                     "beaten", "best tok/s/NPU", "least TTFT", "least TPOT",
	                                     NULL};
	struct flow_summary f[MOST_SUMMARIES];
	size_t n = sweep_summaries(s, f);
	bool beaten = sweep_has_beaten(s);
	struct table *t = table_new(beaten ? pruned : headers);

	for (size_t i = 0; i < n; i++) {
		table_cell(t, "%s", f[i].flow->name);
		table_cell(t, "%zu", f[i].n_points);
		table_cell(t, "%zu", f[i].n_feasible);
		for (enum reason r = REASON_SHAPE; r < (beaten ? REASONS : REASON_BEATEN); r++)
			table_cell(t, "%zu", f[i].n_by_reason[r]);
		print_best(t, &f[i]);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static const enum knob_id shown_knobs[] = {KNOB_FLOW,  KNOB_EP,       KNOB_TP,    KNOB_BATCH,
                                           KNOB_CHUNK, KNOB_DISPATCH, KNOB_MICRO, KNOB_CORES};

static void print_point(struct table *t, const struct sweep *s, const struct sweep_point *p)
{
	enum knob_id id[KNOBS];
	size_t n_options = sweep_options_listed(s, id);
	char text[64];

	for (size_t i = 0; i < sizeof shown_knobs / sizeof *shown_knobs; i++)
		table_cell(t, "%s", point_knob_cell(s, p, shown_knobs[i], text, sizeof text));
	for (size_t i = 0; i < n_options; i++)
		table_cell(t, "%s", point_knob_cell(s, p, id[i], text, sizeof text));
	if (sweep_has_instances(s))
		table_cell(t, "%d/%d", p->instances[PHASE_PREFILL], p->instances[PHASE_DECODE]);
	table_cell(t, "%lld", (long long)point_npus(p));
	table_cell(t, "%s", short_time(p->prefill->time_s, text));
	table_cell(t, "%s", short_time(p->decode->time_s, text));
	table_cell(t, "%.0f", p->tokens_per_s_per_npu_count);
	table_cell(t, "%.1f GB", p->decode->memory.total_bytes / GB_BYTES);
	table_cell(t, "%s",
	           quantity_human(p->decode->memory.buffers_bytes, DIM_BYTES, 3, text, 32));
	table_cell(t, "%lld", (long long)p->decode->memory.batch_most);
	table_cell(t, "%+lld", (long long)point_batch_gain(p));
	table_cell(t, "%+.0f", point_kv_gain_count(p));
	if (s->probability_ratio)
		table_cell(t, "%.0f %%", 100 * s->probability_ratio[p - s->points]);
	table_end_row(t);
}

/* Schedules that differ in a knob that hardly matters print the same figures: the first stands for
 * them. */
static bool prints_alike(const struct sweep_point *a, const struct sweep_point *b)
{
	char x[3][32], y[3][32];

	quantity_human(a->prefill->time_s, DIM_TIME, 3, x[0], 32);
	quantity_human(b->prefill->time_s, DIM_TIME, 3, y[0], 32);
	quantity_human(a->decode->time_s, DIM_TIME, 3, x[1], 32);
	quantity_human(b->decode->time_s, DIM_TIME, 3, y[1], 32);
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

/* The options that the sweep lists stand behind the other knobs. */
static void front_headers(const struct sweep *s, const char **out)
{
	static const char *const before[] = {"<flow",     "EP",    "TP",    "batch", "chunk",
	                                     "<dispatch", "micro", "cores", NULL};
	static const char *const after[] = {"NPUs",    "TTFT",      "TPOT", "tok/s/NPU", "memory",
	                                    "buffers", "batch max", "gain", "KV gain",   NULL};
	enum knob_id id[KNOBS];
	size_t n = sweep_options_listed(s, id);

	for (const char *const *h = before; *h; h++)
		*out++ = *h;
	for (size_t i = 0; i < n; i++)
		*out++ = knob_names[id[i]];
	if (sweep_has_instances(s))
		*out++ = "instances";
	for (const char *const *h = after; *h; h++)
		*out++ = *h;
	if (s->probability_ratio)
		*out++ = "feasible";
	*out = NULL;
}

/* How many points of each flow are feasible in all draws, in most, in any. */
static void print_draws(const struct sweep *s, FILE *out)
{
	static const char *const headers[] = {"<flow", "surely", "probably", "possibly", NULL};
	static const double least_ratio[] = {0.95, 0.5, 0};
	struct flow_summary f[MOST_SUMMARIES];
	size_t n = sweep_summaries(s, f);
	struct table *t;

	if (!s->probability_ratio)
		return;
	t = table_new(headers);
	for (size_t i = 0; i < n; i++) {
		table_cell(t, "%s", f[i].flow->name);
		for (size_t k = 0; k < 3; k++) {
			size_t count = 0;

			for (size_t j = 0; j < s->n_points; j++)
				count += point_flow(&s->points[j]) == f[i].flow &&
				         s->probability_ratio[j] > 0 &&
				         s->probability_ratio[j] >= least_ratio[k];
			table_cell(t, "%zu", count);
		}
		table_end_row(t);
	}
	fprintf(out,
	        "\nfeasible in at least 95 %%, 50 %%, any of %lld draws of the machine's uncertain "
	        "numbers\n\n",
	        (long long)s->draws);
	table_print(t, out);
	table_free(t);
}

static void print_front(const struct sweep *s, size_t rows, FILE *out)
{
	const char *headers[KNOBS + 24];
	const struct sweep_point **front;
	size_t n = sweep_front(s, &front), shown = 0;
	struct table *t;

	front_headers(s, headers);
	t = table_new(headers);

	for (size_t i = 0; i < n && shown < rows; i++) {
		if (seen(front, i))
			continue;
		print_point(t, s, front[i]);
		shown++;
	}
	fprintf(out,
	        "\n%zu of the feasible schedules %s beaten by no other in TTFT, TPOT and "
	        "tokens/s/NPU at once;\n%zu %s shown, those with the same figures once\n\n",
	        n, n == 1 ? "is" : "are", shown, shown == 1 ? "is" : "are");
	table_print(t, out);
	table_free(t);
	free(front);
}

static void print_parts(const char *what, const double *budget_s, FILE *out)
{
	char text[TEXT_SIZE];

	for (int i = 0; i < BUDGET_PERCENTILES; i++) {
		if (budget_s[i] > 0)
			fprintf(out, ", %s %s %s in queues", what, percentile_names[i],
			        short_time(budget_s[i], text));
	}
}

static void print_budgets(const struct sweep *s, FILE *out)
{
	const struct config *c = s->config;
	char ttft[32], tpot[32], memory[32];

	fprintf(out, "budgets: TTFT %s for a prompt of %.0f tokens, TPOT %s at context %.0f",
	        c->sweep.budget.ttft_s > 0 ? short_time(c->sweep.budget.ttft_s, ttft) : "any",
	        workload_prompt_count(&c->workload),
	        c->sweep.budget.tpot_s > 0 ? short_time(c->sweep.budget.tpot_s, tpot) : "any",
	        workload_context_count(&c->workload));
	if (c->sweep.budget.npus > 0)
		fprintf(out, ", %lld NPUs", (long long)c->sweep.budget.npus);
	if (c->sweep.budget.memory_bytes > 0)
		fprintf(out, ", %s a rank",
		        quantity_human(c->sweep.budget.memory_bytes, DIM_BYTES, 3, memory,
		                       sizeof memory));
	print_parts("TTFT", c->sweep.budget.ttft_part_s, out);
	print_parts("TPOT", c->sweep.budget.tpot_part_s, out);
	fprintf(out, "\n");
}

/* The best by the objective, where that is not the table's own order. */
static void print_objective(const struct sweep *s, FILE *out)
{
	enum objective o = (enum objective)s->config->sweep.objective;
	const struct sweep_point **front;
	size_t n = sweep_front(s, &front);

	if (n > 0 && o != OBJECTIVE_THROUGHPUT) {
		const struct sweep_point *p = front[0];
		char text[5][64];

		fprintf(out, "\nleast %s on the front: %s, EP %s, TP %s, batch %s, chunk %s",
		        objective_names[o], point_knob_cell(s, p, KNOB_FLOW, text[0], 64),
		        point_knob_cell(s, p, KNOB_EP, text[1], 64),
		        point_knob_cell(s, p, KNOB_TP, text[2], 64),
		        point_knob_cell(s, p, KNOB_BATCH, text[3], 64),
		        point_knob_cell(s, p, KNOB_CHUNK, text[4], 64));
		if (o == OBJECTIVE_COST)
			fprintf(out, ": %.3g for a million output tokens",
			        point_cost_count(p) * MILLION);
		if (o == OBJECTIVE_ENERGY)
			fprintf(out, ": %.3g J for an output token", point_energy_count(p));
		fprintf(out, "\n");
	}
	free(front);
}

static void print_sweep(const struct sweep *s, const struct sweep_run_info *info, FILE *out)
{
	const struct config *c = s->config;

	fprintf(out, "%s: %s on %s, workload %s\n", c->sweep.name, c->model.name, c->machine.name,
	        c->workload.name);
	print_budgets(s, out);
	fprintf(out, "%zu schedules, %zu feasible (engine %s, routing %s)\n", s->n_points,
	        s->n_feasible, s->engine->name, routing_kind_name(c->routing.kind));
	if (s->n_bounds > 0)
		fprintf(out, "%zu of %zu prices of pools are left at a lower bound\n", s->n_bounds,
		        s->n_prefill + s->n_decode);
	fprintf(out, "\n");
	print_summaries(s, out);
	print_draws(s, out);
	if (s->n_feasible > 0)
		print_front(s, info->rows, out);
	print_objective(s, out);
	fprintf(out, "\n");
}

void sweep_report_text(struct sweep *const *s, size_t n, const struct sweep_run_info *info,
                       FILE *out)
{
	size_t n_feasible = 0;

	for (size_t i = 0; i < n; i++) {
		print_sweep(s[i], info, out);
		n_feasible += s[i]->n_feasible;
	}
	if (n_feasible > 0)
		fprintf(out, "gain, KV gain: requests, and tokens of KV cache, that an attention "
		             "group has "
		             "room for beyond relay2's\n");
	fprintf(out, "TTFT and TPOT are of idle pools: no waiting, no KV transfer between them\n");
}
