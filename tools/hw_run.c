/* epsim hw run: the flows on real memory, every result checked, times of each step. */
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/table.h"
#include "tools/hw.h"
#include "tools/text.h"

static void head_text(const struct hw_query *q, const struct hw_outcome *o, FILE *out)
{
	char machine[MACHINE_TEXT_SIZE];

	fprintf(out, "backend %s: %s\n%s\n", q->backend->name, hw_machine_text(o->device, machine),
	        q->backend->caution);
}

static void wrong_text(const struct hw_query *q, const struct hw_outcome *o, FILE *out)
{
	for (size_t i = 0; i < q->n_trials; i++) {
		const struct verdict *v = &o[i].result.verdict;

		if (o[i].equal)
			continue;
		fprintf(out,
		        "%s %s: %lld of %lld window rows and %lld of %lld tokens differ, "
		        "%lld numbers beyond the bound\n",
		        kernels_table[q->trial[i].kernels]->name,
		        phase_names[q->trial[i].shape.phase], (long long)v->window_wrong,
		        (long long)v->window_rows, (long long)v->output_wrong, (long long)v->tokens,
		        (long long)v->beyond);
	}
}

static void time_cell(struct table *t, bool known, double time_s)
{
	char buf[TEXT_SIZE];

	table_cell(t, "%s", known ? time_text(time_s, buf) : "-");
}

static void totals_text(const struct hw_query *q, const struct hw_outcome *o, FILE *out)
{
	static const char *const headers[] = {"<phase",  "<flow",    "ranks",    "tokens",
	                                      "<result", "rows",     "dispatch", "its work",
	                                      "combine", "its work", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < q->n_trials; i++) {
		const struct trial *trial = &q->trial[i];

		table_cell(t, "%s", phase_names[trial->shape.phase]);
		table_cell(t, "%s", kernels_table[trial->kernels]->name);
		table_cell(t, "%lld", (long long)trial->shape.n_ranks);
		table_cell(t, "%lld", (long long)trial->shape.tokens);
		table_cell(t, "%s", o[i].equal ? "equal" : "DIFFERS");
		table_cell(t, "%lld", (long long)o[i].result.verdict.window_rows);
		for (int op = 0; op < OPS; op++) {
			time_cell(t, trial->repeats > 0, o[i].result.median_s[op]);
			time_cell(t, trial->repeats > 0, o[i].result.work_s[op]);
		}
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void steps_text(const struct hw_query *q, const struct hw_outcome *o, FILE *out)
{
	static const char *const headers[] = {"<phase", "<flow",    "tokens", "<step",
	                                      "time",   "its work", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < q->n_trials; i++) {
		for (int op = 0; op < OPS; op++) {
			for (int step = 0; step < o[i].result.n_steps[op]; step++) {
				table_cell(t, "%s", phase_names[q->trial[i].shape.phase]);
				table_cell(t, "%s", kernels_table[q->trial[i].kernels]->name);
				table_cell(t, "%lld", (long long)q->trial[i].shape.tokens);
				table_cell(t, "%s", o[i].result.labels[op][step]);
				time_cell(t, true, o[i].result.step_s[op][step]);
				time_cell(t, true, o[i].result.step_work_s[op][step]);
				table_end_row(t);
			}
		}
	}
	fprintf(out, "\n");
	table_print(t, out);
	table_free(t);
}

static void report_text(const struct args *a, const struct hw_query *q, const struct hw_outcome *o,
                        FILE *out)
{
	const struct trial *t = &q->trial[0];

	head_text(q, o, out);
	fprintf(out,
	        "hidden %lld, top-k %lld, dispatch %s, %s load; %d layers checked, median of %d, "
	        "slowest rank\n\n",
	        (long long)t->shape.hidden, (long long)t->shape.top_k,
	        dtype_names[t->shape.dispatch], load_names[t->shape.load], t->checked, t->repeats);
	totals_text(q, o, out);
	if (t->repeats > 0 && args_has(a, "steps"))
		steps_text(q, o, out);
	wrong_text(q, o, out);
}

/* ---- JSON ---- */

static void op_json(const struct trial_result *r, enum exchange_op op, struct json *j)
{
	json_object(j, exchange_op_names[op]);
	json_number(j, "median_s", r->median_s[op]);
	json_number(j, "least_s", r->least_s[op]);
	json_number(j, "work_s", r->work_s[op]);
	json_array(j, "steps");
	for (int step = 0; step < r->n_steps[op]; step++) {
		json_object(j, NULL);
		json_text(j, "step", r->labels[op][step]);
		json_number(j, "median_s", r->step_s[op][step]);
		json_number(j, "work_s", r->step_work_s[op][step]);
		json_close(j);
	}
	json_close(j);
	json_close(j);
}

static void shape_json(const struct shape *s, struct json *j)
{
	json_integer(j, "ranks", s->n_ranks);
	json_integer(j, "tokens", s->tokens);
	json_integer(j, "hidden", s->hidden);
	json_integer(j, "top_k", s->top_k);
	json_integer(j, "experts", s->experts);
	json_text(j, "dispatch_dtype", dtype_names[s->dispatch]);
	json_text(j, "load", load_names[s->load]);
}

static void trial_json(const struct trial *t, const struct hw_outcome *o, struct json *j)
{
	const struct verdict *v = &o->result.verdict;

	json_object(j, NULL);
	json_text(j, "flow", kernels_table[t->kernels]->name);
	json_text(j, "phase", phase_names[t->shape.phase]);
	json_flag(j, "equal", o->equal);
	shape_json(&t->shape, j);
	json_integer(j, "window_rows_count", v->window_rows);
	json_integer(j, "window_wrong_count", v->window_wrong);
	json_integer(j, "tokens_checked_count", v->tokens);
	json_integer(j, "tokens_wrong_count", v->output_wrong);
	json_number(j, "most_off_ratio", v->most_off_ratio);
	json_integer(j, "repeats", t->repeats);
	for (enum exchange_op op = 0; t->repeats > 0 && op < OPS; op++)
		op_json(&o->result, op, j);
	json_close(j);
}

static void report_json(const struct hw_query *q, const struct hw_outcome *o, bool equal, FILE *out)
{
	char machine[MACHINE_TEXT_SIZE];
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_text(j, "backend", q->backend->name);
	json_text(j, "machine", hw_machine_text(o->device, machine));
	json_text(j, "caution", q->backend->caution);
	json_array(j, "trials");
	for (size_t i = 0; i < q->n_trials; i++)
		trial_json(&q->trial[i], &o[i], j);
	json_close(j);
	json_flag(j, "equal", equal);
	json_close(j);
	json_free(j);
}

static enum rc report(const struct args *a, const struct hw_query *q, const struct hw_outcome *o,
                      FILE *out, struct err *e)
{
	bool equal = true;

	for (size_t i = 0; i < q->n_trials; i++)
		equal = equal && o[i].equal;
	if (args_has(a, "json"))
		report_json(q, o, equal, out);
	else
		report_text(a, q, o, out);
	TRY(hw_files_write(a, q, o, e));
	return equal ? RC_OK : fail(e, RC_NO, "results differ");
}

enum rc hw_run(const struct args *a, FILE *out, struct err *e)
{
	struct hw_query q;
	struct hw_outcome *o = NULL;
	enum rc rc = hw_query_read(a, &q, e);

	if (rc == RC_OK) {
		o = heap_zeroed(q.n_trials, sizeof *o);
		rc = hw_trials_run(&q, o, e);
	}
	if (rc == RC_OK)
		rc = report(a, &q, o, out, e);
	if (o)
		hw_outcomes_free(&q, o);
	hw_query_fini(&q);
	return rc;
}
