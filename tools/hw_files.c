/* What a run leaves in files: observations for `epsim calibrate`, our recorder's rows for `epsim
 * trace`, and a Chrome trace to look at. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "tools/hw.h"

static const double us_per_s = 1e6, ns_per_s = 1e9; /* lint: units of the formats */

/* When the first rank began the first round. */
static double origin_s(const struct trial *t, const struct hw_outcome *o)
{
	double first_s = o->reports[0].begin_s[0][0];

	for (int64_t rank = 1; rank < t->shape.n_ranks; rank++)
		first_s = fmin(first_s, o->reports[rank].begin_s[0][0]);
	return first_s;
}

struct span {
	const struct trial *trial;
	size_t trial_index;
	int64_t rank;
	int32_t repeat;
	enum exchange_op op;
	const char *label;
	double start_s, duration_s; /* from the trial's origin */
};

static void steps_each(const struct trial *t, size_t index, const struct hw_outcome *o,
                       int64_t rank, void (*visit)(void *data, const struct span *s), void *data)
{
	const struct trial_report *r = &o->reports[rank];
	double from_s = t->repeats > 0 ? origin_s(t, o) : 0;

	for (int32_t i = 0; i < t->repeats; i++) {
		for (enum exchange_op op = 0; op < OPS; op++) {
			double begin_s = r->begin_s[i][op];

			for (int step = 0; step < o->result.n_steps[op]; step++) {
				double end_s = r->end_s[i][op][step];
				struct span s = {.trial = t,
				                 .trial_index = index,
				                 .rank = rank,
				                 .repeat = i,
				                 .op = op,
				                 .label = o->result.labels[op][step],
				                 .start_s = begin_s - from_s,
				                 .duration_s = end_s - begin_s};

				visit(data, &s);
				begin_s = end_s;
			}
		}
	}
}

static void spans_each(const struct hw_query *q, const struct hw_outcome *o,
                       void (*visit)(void *data, const struct span *s), void *data)
{
	for (size_t i = 0; i < q->n_trials; i++) {
		for (int64_t rank = 0; rank < q->trial[i].shape.n_ranks; rank++)
			steps_each(&q->trial[i], i, &o[i], rank, visit, data);
	}
}

/* ---- our recorder's rows ---- */

static void record_row(void *data, const struct span *s)
{
	fprintf(data, "%lld,%d,%s,%s,%s,%.0f,%.0f\n", (long long)s->rank, s->repeat + 1, s->label,
	        exchange_op_names[s->op], kernels_table[s->trial->kernels]->name,
	        s->start_s * ns_per_s, s->duration_s * ns_per_s);
}

static void record_write(const struct hw_query *q, const struct hw_outcome *o, FILE *out)
{
	fprintf(out, "rank,step,op,phase,flow,start_ns,duration_ns\n");
	spans_each(q, o, record_row, out);
}

/* ---- Chrome ---- */

static int64_t process_number(size_t trial, int64_t rank)
{
	return (int64_t)trial * MOST_RANKS + rank;
}

static void chrome_span(void *data, const struct span *s)
{
	struct json *j = data;

	json_object(j, NULL);
	json_text(j, "name", s->label);
	json_text(j, "cat", exchange_op_names[s->op]);
	json_text(j, "ph", "X");
	json_number(j, "ts", s->start_s * us_per_s);
	json_number(j, "dur", s->duration_s * us_per_s);
	json_integer(j, "pid", process_number(s->trial_index, s->rank));
	json_integer(j, "tid", 0);
	json_object(j, "args");
	json_integer(j, "repeat", s->repeat + 1);
	json_close(j);
	json_close(j);
}

static void chrome_process(const struct hw_query *q, size_t i, int64_t rank, struct json *j)
{
	const struct shape *s = &q->trial[i].shape;
	char name[128];

	snprintf(name, sizeof name, "backend %s: %s %s, %lld tokens, rank %lld", q->backend->name,
	         kernels_table[q->trial[i].kernels]->name, phase_names[s->phase],
	         (long long)s->tokens, (long long)rank);
	json_object(j, NULL);
	json_text(j, "name", "process_name");
	json_text(j, "ph", "M");
	json_integer(j, "pid", process_number(i, rank));
	json_object(j, "args");
	json_text(j, "name", name);
	json_close(j);
	json_close(j);
}

static void timeline_write(const struct hw_query *q, const struct hw_outcome *o, FILE *out)
{
	struct json *j = json_new(out);

	json_array(j, NULL);
	for (size_t i = 0; i < q->n_trials; i++) {
		for (int64_t rank = 0; rank < q->trial[i].shape.n_ranks; rank++)
			chrome_process(q, i, rank, j);
	}
	spans_each(q, o, chrome_span, j);
	json_close(j);
	json_free(j);
}

/* ---- observations, as traces/observation.h reads them ---- */

/* Of dies all time counts; of processes on shared processors, work. */
static const char *figure_name(const struct hw_query *q)
{
	return q->backend->dies ? "counter of the cores" : q->wall ? "wall time" : "work";
}

static void observation_row(const struct hw_query *q, size_t i, enum exchange_op op,
                            const struct hw_outcome *o, FILE *out)
{
	const struct shape *s = &q->trial[i].shape;
	const struct trial_result *r = &o[i].result;
	const char *flow = kernels_table[q->trial[i].kernels]->name;
	char machine[MACHINE_TEXT_SIZE];

	fprintf(out, "%s,%s,epsim hw,backend=%s,\"%s\",%s kernels,%s,%s,%lld,%lld,%lld,",
	        q->machine_name, flow, q->backend->name, hw_machine_text(o[i].device, machine),
	        flow, exchange_op_names[op], phase_names[s->phase], (long long)s->n_ranks,
	        (long long)s->tokens, (long long)s->hidden);
	fprintf(out,
	        "%lld,%lld,%s,bf16,%.4g,,measured,\"%s, median of %d, slowest rank; %s\",yes\n",
	        (long long)s->top_k, (long long)s->experts, dtype_names[s->dispatch],
	        (q->wall ? r->median_s[op] : r->work_s[op]) * us_per_s, figure_name(q),
	        q->trial[i].repeats, q->backend->caution);
}

static void observations_write(const struct hw_query *q, const struct hw_outcome *o, FILE *out)
{
	fprintf(out, "machine,flow,source,source_ref,hardware,impl,op,phase,ep,tokens_per_rank,"
	             "hidden,topk,experts,dtype_dispatch,dtype_combine,latency_us,bandwidth_GBps,"
	             "status,notes,notify\n");
	for (size_t i = 0; i < q->n_trials; i++) {
		bool timed = q->trial[i].shape.tokens > 0 && q->trial[i].repeats > 0;

		for (enum exchange_op op = 0; timed && op < OPS; op++)
			observation_row(q, i, op, o, out);
	}
}

/* ---- files ---- */

static const struct {
	const char *option;
	void (*write)(const struct hw_query *q, const struct hw_outcome *o, FILE *out);
} files[] = {{"record", record_write},
             {"timeline", timeline_write},
             {"observations", observations_write}};

enum rc hw_files_write(const struct args *a, const struct hw_query *q, const struct hw_outcome *o,
                       struct err *e)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *path = args_value(a, files[i].option, NULL);
		FILE *out = path ? fopen(path, "w") : NULL;
		int bad;

		if (!path)
			continue;
		if (out)
			files[i].write(q, o, out);
		bad = !out || ferror(out);
		if ((out && fclose(out) != 0) || bad)
			return fail(e, RC_CONFIG, "--%s %s: cannot be written: %s", files[i].option,
			            path, strerror(errno));
	}
	return RC_OK;
}
