#include "tools/run_report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "sim/streams.h"
#include "tools/text.h"

/* ---- figures ---- */

struct resource_row {
	enum resource_kind kind;
	double moved_units;            /* mean over the resources of the kind */
	double mean_ratio, most_ratio; /* utilisation over the graph's makespan */
};

static size_t resource_rows(const struct run_result *m, struct resource_row *out)
{
	const struct graph *g = m->run.graph;
	double *load = heap_zeroed(g->n_resources, sizeof *load);
	size_t n = 0;

	graph_loads(g, load);
	for (enum resource_kind kind = 0; kind < RESOURCE_KINDS; kind++) {
		struct resource_row row = {.kind = kind};
		double count = 0;

		for (uint32_t i = 0; i < g->n_resources; i++) {
			double share;

			if (g->kind[i] != kind)
				continue;
			share = load[i] / (g->capacity_per_s[i] * m->run.timeline.makespan_s);
			row.moved_units += load[i], row.mean_ratio += share, count++;
			row.most_ratio = fmax(row.most_ratio, share);
		}
		if (row.moved_units > 0) {
			row.moved_units /= count, row.mean_ratio /= count;
			out[n++] = row;
		}
	}
	free(load);
	return n;
}

/* Time on the critical path by label; rows in order of first appearance. */
static double *label_times(const struct run_result *m)
{
	double *label_s = heap_zeroed(m->run.graph->n_labels, sizeof *label_s);

	timeline_by_label(m->run.graph, &m->run.timeline, label_s);
	return label_s;
}

static double total_s(const struct run_result *m)
{
	return m->run.scope == SCOPE_STEP ? m->step.step_s : m->run.timeline.makespan_s;
}

/* ---- text ---- */

static int64_t vector_cores_of(const struct step_request *q)
{
	return flow_vector_cores(q->flow, q->machine,
	                         streams_vector_cores(q->machine, q->schedule));
}

static void print_heading(const struct run_result *m, FILE *out)
{
	const struct schedule *s = &m->run.config->schedule;
	const struct step_request *q = &m->run.request;
	int64_t cores = vector_cores_of(q);
	char context[80];

	fprintf(out, "%s on %s: %s, %s\n", q->model->name, q->machine->name, q->flow->name,
	        phase_names[q->phase]);
	fprintf(out, "EP %lld, TP %lld, %lld NPUs; %.0f new tokens an attention group, %s\n",
	        (long long)s->ep, (long long)s->tp, (long long)schedule_npus(s), q->query_count,
	        run_context_text(q, context, sizeof context));
	fprintf(out, "dispatch %s, weights %s, KV %s; %lld micro-batch%s", dtype_names[s->dispatch],
	        dtype_names[s->weights], dtype_names[s->kv], (long long)s->micro_batches,
	        s->micro_batches > 1 ? "es" : "");
	if (streams_two(s))
		fprintf(out, " on 2 streams");
	if (s->attention_cores > 0)
		fprintf(out, ", %lld of %lld cube cores for attention",
		        (long long)s->attention_cores, (long long)q->machine->cube.cores);
	fprintf(out, ", %lld vector cores; engine %s\n", (long long)cores, q->engine->name);
}

static void print_time_row(struct table *t, const char *name, double time_s, double whole_s)
{
	char text[TEXT_SIZE];

	if (!(time_s > 0))
		return;
	table_cell(t, "%s", name);
	table_cell(t, "%s", time_text(time_s, text));
	table_cell(t, "%.1f %%", 100 * time_s / whole_s);
	table_end_row(t);
}

static void print_times(const struct run_result *m, FILE *out)
{
	static const char *const headers[] = {"<phase", "time", "share", NULL};
	static const char *const what[] = {"step", "one MoE layer", "dispatch and combine"};
	struct table *t = table_new(headers);
	char text[TEXT_SIZE];

	if (m->run.scope == SCOPE_STEP) {
		for (size_t i = 0; step_phases[i]; i++)
			print_time_row(t, step_phases[i], m->step.phase_s[i], total_s(m));
		print_time_row(t, "MTP", m->step.drafts_s, total_s(m));
	} else {
		double *label_s = label_times(m);

		for (uint32_t i = 0; i < m->run.graph->n_labels; i++)
			print_time_row(t, m->run.graph->label_text[i], label_s[i], total_s(m));
		free(label_s);
	}
	fprintf(out, "\n%s  %s", what[m->run.scope], time_text(total_s(m), text));
	if (m->run.scope == SCOPE_STEP)
		fprintf(out, "  (one MoE layer %s)", time_text(m->step.layer_s, text));
	if (m->run.scope == SCOPE_STEP && m->step.interval_s < m->step.step_s)
		fprintf(out,
		        "\na rank's next step begins after %s in the mean: it waits for no other",
		        time_text(m->step.interval_s, text));
	if (m->spread_s.draws > 0) {
		char low[TEXT_SIZE], high[TEXT_SIZE];

		fprintf(out, "\n%lld draws of the machine: median %s, 90 of 100 between %s and %s",
		        (long long)m->spread_s.draws, time_text(m->spread_s.median, text),
		        time_text(m->spread_s.low, low), time_text(m->spread_s.high, high));
	}
	fprintf(out, "\n\n");
	table_print(t, out);
	table_free(t);
}

static void print_resources(const struct run_result *m, FILE *out)
{
	static const char *const headers[] = {"<resource", "moved", "busy", "busiest", NULL};
	struct resource_row row[RESOURCE_KINDS];
	size_t n = resource_rows(m, row);
	struct table *t = table_new(headers);
	char text[TEXT_SIZE];

	for (size_t i = 0; i < n; i++) {
		table_cell(t, "%s", resource_kind_name(row[i].kind));
		if (row[i].kind == RES_CUBE)
			table_cell(t, "%.4g Gflop", row[i].moved_units / GB_BYTES);
		else
			table_cell(t, "%s", size_text(row[i].moved_units, text));
		table_cell(t, "%.1f %%", 100 * row[i].mean_ratio);
		table_cell(t, "%.1f %%", 100 * row[i].most_ratio);
		table_end_row(t);
	}
	fprintf(out, "\nresources of %s, mean of all and busiest\n\n",
	        m->run.scope == SCOPE_EXCHANGE ? "the exchange" : "one MoE layer");
	table_print(t, out);
	table_free(t);
}

static void memory_row(struct table *t, const char *what, const char *where, const char *held,
                       double bytes)
{
	char text[TEXT_SIZE];

	table_cell(t, "%s", what);
	table_cell(t, "%s", where);
	table_cell(t, "%s", held);
	table_cell(t, "%s", size_text(bytes, text));
	table_end_row(t);
}

static void print_memory(const struct run_result *m, FILE *out)
{
	static const char *const headers[] = {"<memory", "<where", "<held", "a rank", NULL};
	struct table *t = table_new(headers);
	char usable[TEXT_SIZE], total[TEXT_SIZE];

	memory_row(t, "weights", "HBM", "always", m->memory.weights_bytes);
	memory_row(t, "KV cache", "HBM", "request", m->memory.kv_bytes);
	memory_row(t, "activations", "HBM", "step", m->memory.work_bytes);
	for (size_t i = 0; i < m->n_buffers; i++)
		memory_row(t, m->buffers[i].name, m->buffers[i].memory,
		           lifetime_name(m->buffers[i].lifetime), m->buffers[i].bytes);
	fprintf(out, "\nmemory  %s of %s usable", size_text(m->memory.total_bytes, total),
	        size_text(m->memory.usable_bytes, usable));
	if (m->run.request.phase == PHASE_DECODE)
		fprintf(out, "; up to %lld requests of this context an attention group",
		        (long long)m->memory.batch_most);
	fprintf(out, "\n\n");
	table_print(t, out);
	table_free(t);
}

static void print_imbalance(const struct run_result *m, FILE *out)
{
	const struct placement_spec *p = &m->run.config->schedule.placement;
	const struct imbalance *x = &m->run.imbalance;

	fprintf(out, "hottest expert %.2f times the mean, busiest rank %.2f times", x->expert_ratio,
	        x->rank_ratio);
	if (!placement_is_plain(p))
		fprintf(out, "; placement %s, %lld replicas", placement_names[p->kind],
		        (long long)p->replicas);
	fprintf(out, "\n");
}

void run_report_text(const struct run_result *m, FILE *out)
{
	print_heading(m, out);
	if (m->run.config->routing.kind != ROUTING_BALANCED && m->run.scope != SCOPE_EXCHANGE)
		print_imbalance(m, out);
	print_times(m, out);
	print_resources(m, out);
	print_memory(m, out);
}

/* ---- JSON ---- */

static void json_settings(const struct run_result *m, struct json *j)
{
	const struct step_request *q = &m->run.request;
	const struct schedule *s = q->schedule;

	json_text(j, "machine", q->machine->name);
	json_text(j, "model", q->model->name);
	json_text(j, "flow", q->flow->name);
	json_text(j, "engine", q->engine->name);
	json_text(j, "phase", phase_names[q->phase]);
	json_integer(j, "ep", s->ep);
	json_integer(j, "tp", s->tp);
	json_integer(j, "npus", schedule_npus(s));
	json_text(j, "dispatch", dtype_names[s->dispatch]);
	json_text(j, "weights", dtype_names[s->weights]);
	json_text(j, "kv", dtype_names[s->kv]);
	json_integer(j, "micro_batches", s->micro_batches);
	json_integer(j, "streams", streams_two(s) ? 2 : 1);
	json_integer(j, "attention_cores", s->attention_cores);
	json_integer(j, "vector_cores", vector_cores_of(q));
	json_number(j, "query_tokens", q->query_count);
	json_number(j, "context_tokens", q->context_count);
	json_number(j, "context_spread_ratio", q->context_spread_ratio);
	json_text(j, "placement", placement_names[s->placement.kind]);
	json_integer(j, "replicas", s->placement.replicas);
	json_integer(j, "shared_slots", s->placement.shared_slots);
	json_integer(j, "seed", m->run.config->routing.seed);
}

static void json_times(const struct run_result *m, struct json *j)
{
	json_object(j, "phase_s");
	if (m->run.scope == SCOPE_STEP) {
		for (size_t i = 0; step_phases[i]; i++)
			json_number(j, step_phases[i], m->step.phase_s[i]);
		if (m->step.drafts_s > 0)
			json_number(j, "MTP", m->step.drafts_s);
	} else {
		double *label_s = label_times(m);

		for (uint32_t i = 0; i < m->run.graph->n_labels; i++)
			json_number(j, m->run.graph->label_text[i], label_s[i]);
		free(label_s);
	}
	json_close(j);
}

static void json_resources(const struct run_result *m, struct json *j)
{
	struct resource_row row[RESOURCE_KINDS];
	size_t n = resource_rows(m, row);

	json_array(j, "resources");
	for (size_t i = 0; i < n; i++) {
		json_object(j, NULL);
		json_text(j, "kind", resource_kind_name(row[i].kind));
		json_number(j, row[i].kind == RES_CUBE ? "moved_flop" : "moved_bytes",
		            row[i].moved_units);
		json_number(j, "busy_ratio", row[i].mean_ratio);
		json_number(j, "busiest_ratio", row[i].most_ratio);
		json_close(j);
	}
	json_close(j);
}

static void json_memory(const struct run_result *m, struct json *j)
{
	json_object(j, "memory");
	json_number(j, "usable_bytes", m->memory.usable_bytes);
	json_number(j, "total_bytes", m->memory.total_bytes);
	json_number(j, "weights_bytes", m->memory.weights_bytes);
	json_number(j, "kv_bytes", m->memory.kv_bytes);
	json_number(j, "activation_bytes", m->memory.work_bytes);
	json_number(j, "buffers_bytes", m->memory.buffers_bytes);
	if (m->run.request.phase == PHASE_DECODE)
		json_integer(j, "batch_most", m->memory.batch_most);
	json_array(j, "buffers");
	for (size_t i = 0; i < m->n_buffers; i++) {
		json_object(j, NULL);
		json_text(j, "name", m->buffers[i].name);
		json_text(j, "memory", m->buffers[i].memory);
		json_text(j, "held", lifetime_name(m->buffers[i].lifetime));
		json_number(j, "bytes", m->buffers[i].bytes);
		json_close(j);
	}
	json_close(j);
	json_close(j);
}

void run_report_json(const struct run_result *m, FILE *out)
{
	static const char *const names[] = {"step", "layer", "exchange"};
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_settings(m, j);
	json_text(j, "scope", names[m->run.scope]);
	json_number(j, "time_s", total_s(m));
	if (m->run.scope == SCOPE_STEP) {
		json_number(j, "layer_s", m->step.layer_s);
		json_number(j, "interval_s", m->step.interval_s);
	}
	if (m->spread_s.draws > 0) {
		json_object(j, "draws");
		json_integer(j, "count", m->spread_s.draws);
		json_number(j, "low_5_s", m->spread_s.low);
		json_number(j, "median_s", m->spread_s.median);
		json_number(j, "high_95_s", m->spread_s.high);
		json_close(j);
	}
	if (m->run.scope != SCOPE_EXCHANGE) {
		json_number(j, "expert_max_mean_ratio", m->run.imbalance.expert_ratio);
		json_number(j, "rank_max_mean_ratio", m->run.imbalance.rank_ratio);
	}
	json_times(m, j);
	json_resources(m, j);
	json_memory(m, j);
	json_close(j);
	json_free(j);
}
