#include "tools/compare.h"
#include <math.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "tools/text.h"

/* One row of figures, a cell for each flow; "-" where it cannot run or has none. */
enum measure { MEASURE_TIME, MEASURE_BYTES, MEASURE_COUNT };

static void row(struct table *t, const char *what, enum measure measure, const struct side *s,
                size_t n, double (*value)(const struct side *s, int index), int index)
{
	bool any = false;
	char text[TEXT_SIZE];

	for (size_t i = 0; i < n; i++)
		any |= s[i].possible && value(&s[i], index) > 0;
	if (!any)
		return;
	table_cell(t, "%s", what);
	for (size_t i = 0; i < n; i++) {
		double v = s[i].possible ? value(&s[i], index) : 0;

		if (!(v > 0))
			table_cell(t, "-");
		else if (measure == MEASURE_COUNT)
			table_cell(t, "%.0f", v);
		else
			table_cell(t, "%s",
			           measure == MEASURE_TIME ? time_text(v, text)
			                                   : size_text(v, text));
	}
	table_end_row(t);
}

static double step_time_s(const struct side *s, int index)
{
	(void)index;
	return s->step.step_s;
}

static double phase_time_s(const struct side *s, int index)
{
	return s->step.phase_s[index];
}

static double exchange_time_s(const struct side *s, int index)
{
	(void)index;
	return s->why.makespan_s;
}

static double loss_time_s(const struct side *s, int index)
{
	return s->why.loss_s[index];
}

static double waits_count(const struct side *s, int index)
{
	(void)index;
	return s->waits_count;
}

static double kind_bytes(const struct side *s, int index)
{
	return s->moved_bytes[index];
}

static double buffers_bytes(const struct side *s, int index)
{
	(void)index;
	return s->memory.buffers_bytes;
}

static double memory_bytes(const struct side *s, int index)
{
	(void)index;
	return s->memory.total_bytes;
}

static double batch_count(const struct side *s, int index)
{
	(void)index;
	return (double)s->memory.batch_most;
}

static void print_rows(struct table *t, const struct side *s, size_t n)
{
	row(t, "step", MEASURE_TIME, s, n, step_time_s, 0);
	for (int i = 0; step_phases[i]; i++)
		row(t, step_phases[i], MEASURE_TIME, s, n, phase_time_s, i);
	row(t, "one exchange, alone", MEASURE_TIME, s, n, exchange_time_s, 0);
	for (enum loss l = 0; l < LOSSES; l++)
		row(t, loss_name(l), MEASURE_TIME, s, n, loss_time_s, (int)l);
	row(t, "waits of a rank", MEASURE_COUNT, s, n, waits_count, 0);
	for (enum resource_kind k = 0; k < RESOURCE_KINDS; k++)
		row(t, resource_kind_name(k), MEASURE_BYTES, s, n, kind_bytes, (int)k);
	row(t, "buffers of a rank", MEASURE_BYTES, s, n, buffers_bytes, 0);
	row(t, "memory of a rank", MEASURE_BYTES, s, n, memory_bytes, 0);
	row(t, "batch that fits", MEASURE_COUNT, s, n, batch_count, 0);
}

/* ", " before all but the first; "+24.2 us" or "-24.2 us", and what. Less than a thousandth of the
 * whole is not worth a word. Returns whether it was. */
static bool print_more(double more_s, double whole_s, const char *what, bool first, FILE *out)
{
	const double least_ratio = 0x1p-10;
	char text[TEXT_SIZE];

	if (!(fabs(more_s) >= least_ratio * whole_s))
		return false;
	fprintf(out, "%s%s%s %s", first ? "" : ", ", more_s > 0 ? "+" : "-",
	        time_text(fabs(more_s), text), what);
	return true;
}

/* "-24.2 us moving rows, +8.5 us synchronisation" */
static void print_parts(const struct side *a, const struct side *b, FILE *out)
{
	static const char *const names[LOSSES] = {"moving rows", "contention", "fixed costs",
	                                          "synchronisation"};
	bool any = false;

	for (enum loss l = 0; l < LOSSES; l++)
		any |= print_more(a->why.loss_s[l] - b->why.loss_s[l], b->why.makespan_s, names[l],
		                  !any, out);
	if (!any)
		fprintf(out, "nothing differs");
}

static void print_step(const struct side *a, const struct side *b, FILE *out)
{
	double saved_ratio = 1 - a->step.step_s / b->step.step_s;
	char one[TEXT_SIZE], other[TEXT_SIZE];
	bool any = false;

	time_text(a->step.step_s, one), time_text(b->step.step_s, other);
	if (fabs(saved_ratio) < 0.0005) {
		fprintf(out, "\n%s takes as long as %s: %s a step.\n", a->flow, b->flow, one);
		return;
	}
	fprintf(out, "\n%s takes %s a step, %.1f %% %s than %s (%s)", a->flow, one,
	        100 * fabs(saved_ratio), saved_ratio >= 0 ? "less" : "more", b->flow, other);
	for (int i = 0; step_phases[i]; i++) {
		double more_s = a->step.phase_s[i] - b->step.phase_s[i];

		fputs(any || fabs(more_s) < 0x1p-10 * b->step.step_s ? "" : ": ", out);
		any |= print_more(more_s, b->step.step_s, step_phases[i], !any, out);
	}
	fprintf(out, ".\n");
}

/* Which of the two starts on rows before all are there: alone its exchange hides nothing. */
static void print_overlap(const struct side *s, FILE *out)
{
	const struct flow *f = s->run.request.flow;

	if (f->layer || f->carries_over)
		fprintf(out, "%s overlaps it with compute, so that a step need not wait for all.\n",
		        s->flow);
}

static void print_memory(const struct side *a, const struct side *b, FILE *out)
{
	double buffers = b->memory.buffers_bytes - a->memory.buffers_bytes;
	long long room = (long long)(a->memory.batch_most - b->memory.batch_most);
	long long more = room < 0 ? -room : room;
	char text[TEXT_SIZE];

	if (fabs(buffers) < 1)
		fprintf(out, "Its buffers are as large");
	else
		fprintf(out, "Its buffers are %s %s", size_text(fabs(buffers), text),
		        buffers > 0 ? "smaller" : "larger");
	if (a->run.request.phase != PHASE_DECODE)
		fprintf(out, ".\n");
	else if (room == 0)
		fprintf(out, "; as many requests fit.\n");
	else
		fprintf(out, "; %lld %s request%s an attention group fit%s.\n", more,
		        room > 0 ? "more" : "fewer", more == 1 ? "" : "s", more == 1 ? "s" : "");
}

/* What a manager reads. */
static void print_sentence(const struct side *a, const struct side *b, FILE *out)
{
	char one[TEXT_SIZE], other[TEXT_SIZE];

	print_step(a, b, out);
	fprintf(out, "One exchange alone takes %s against %s: ", time_text(a->why.makespan_s, one),
	        time_text(b->why.makespan_s, other));
	print_parts(a, b, out);
	fprintf(out, ".\n");
	print_overlap(a, out);
	print_overlap(b, out);
	print_memory(a, b, out);
}

static bool side_fits(const struct side *s)
{
	return s->memory.total_bytes <= s->memory.usable_bytes;
}

static void print_heading(const struct side *s, FILE *out)
{
	const struct step_request *q = &s->run.request;
	char context[80];

	fprintf(out,
	        "%s on %s, %s: EP %lld, TP %lld, %.0f new tokens an attention group, %s, "
	        "dispatch %s (engine %s)\n\n",
	        q->model->name, q->machine->name, phase_names[q->phase], (long long)q->schedule->ep,
	        (long long)q->schedule->tp, q->query_count,
	        run_context_text(q, context, sizeof context), dtype_names[q->schedule->dispatch],
	        q->engine->name);
}

static void print_misfits(const struct side *s, size_t n, FILE *out)
{
	const char *gap = "\n";

	for (size_t i = 0; i < n; i++) {
		char needed[TEXT_SIZE], usable[TEXT_SIZE];

		if (!s[i].possible || side_fits(&s[i]))
			continue;
		fprintf(out, "%s%s does not fit: a rank needs %s of %s.\n", gap, s[i].flow,
		        size_text(s[i].memory.total_bytes, needed),
		        size_text(s[i].memory.usable_bytes, usable));
		gap = "";
	}
}

void compare_text(const struct side *s, size_t n, FILE *out)
{
	const char *headers[MOST_SIDES + 2] = {"<"};
	const struct side *first = NULL;
	struct table *t;

	for (size_t i = 0; i < n; i++) {
		headers[i + 1] = s[i].flow;
		if (!first && s[i].possible)
			first = &s[i];
	}
	if (first) {
		print_heading(first, out);
		t = table_new(headers);
		print_rows(t, s, n);
		table_print(t, out);
		table_free(t);
	}
	print_misfits(s, n, out);
	for (size_t i = 0; i < n; i++) {
		if (!s[i].possible)
			fprintf(out, "\n%s: %s\n", s[i].flow, s[i].why_not);
		else if (&s[i] != first)
			print_sentence(first, &s[i], out);
	}
}

/* ---- JSON ---- */

static void json_side(struct json *j, const struct side *s)
{
	json_object(j, NULL);
	json_text(j, "flow", s->flow);
	json_flag(j, "possible", s->possible);
	json_text(j, "why_not", s->possible ? NULL : s->why_not);
	if (s->possible) {
		json_number(j, "step_s", s->step.step_s);
		json_object(j, "phase_s");
		for (size_t i = 0; step_phases[i]; i++)
			json_number(j, step_phases[i], s->step.phase_s[i]);
		json_close(j);
		json_number(j, "exchange_s", s->why.makespan_s);
		json_number(j, "work_s", s->why.loss_s[LOSS_WORK]);
		json_number(j, "contention_s", s->why.loss_s[LOSS_CONTENTION]);
		json_number(j, "latency_s", s->why.loss_s[LOSS_LATENCY]);
		json_number(j, "synchronisation_s", s->why.loss_s[LOSS_SYNC]);
		json_number(j, "waits_count", s->waits_count);
		json_object(j, "moved_bytes");
		for (enum resource_kind k = 0; k < RESOURCE_KINDS; k++) {
			if (s->moved_bytes[k] > 0)
				json_number(j, resource_kind_name(k), s->moved_bytes[k]);
		}
		json_close(j);
		json_number(j, "buffers_bytes", s->memory.buffers_bytes);
		json_flag(j, "fits", side_fits(s));
		json_number(j, "memory_bytes", s->memory.total_bytes);
		json_number(j, "usable_bytes", s->memory.usable_bytes);
		json_integer(j, "batch_most", s->memory.batch_most);
	}
	json_close(j);
}

void compare_json(const struct side *s, size_t n, FILE *out)
{
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_array(j, "flows");
	for (size_t i = 0; i < n; i++)
		json_side(j, &s[i]);
	json_close(j);
	json_close(j);
	json_free(j);
}
