/* epsim hw loop: microbenchmarks, a machine from them, predictions, the flows themselves, errors.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/table.h"
#include "sim/calibrate.h"
#include "sim/predict.h"
#include "tools/hw.h"
#include "tools/hw_machine.h"
#include "tools/text.h"

/* One operation of one trial: predicted, measured. */
struct loop_row {
	struct observation o;
	const struct trial *trial;
	double wall_s;       /* o.measured_s may be the work instead */
	double predicted_s;  /* by microbenchmarks alone */
	double calibrated_s; /* calibrated, the rows of as many tokens left out; 0: not done */
};

struct loop {
	struct hw_query query;
	struct hw_outcome *outcome;
	struct bench bench;
	char machine_text[MACHINE_TEXT_SIZE];
	struct config *config; /* the host as a machine */
	struct arena *arena;
	struct loop_row *row;
	size_t n_rows;
};

/* ---- the machine ---- */

static enum rc machine_read(struct loop *x, const char *text, size_t n, struct err *e)
{
	struct config *c = x->config;
	struct yaml_node *root;

	TRY(yaml_parse("the host's machine", text, n, c->arena, &root, e));
	TRY(fields_read(machine_fields, &c->machine, yaml_get(root, "machine"), c->arena,
	                &c->notes[SECTION_MACHINE], e));
	return machine_check(&c->machine, "the host's machine", e);
}

static enum rc machine_make(const struct args *a, struct loop *x, struct err *e)
{
	const char *path = args_value(a, "machine-out", NULL);
	FILE *out = path ? fopen(path, "w") : NULL, *memory;
	char *text = NULL;
	size_t n = 0;
	enum rc rc;

	if (path && !out)
		return fail(e, RC_CONFIG, "--machine-out %s: cannot be written: %s", path,
		            strerror(errno));
	memory = open_memstream(&text, &n);
	CHECK(memory);
	hw_machine_yaml(&x->bench, x->query.backend, x->machine_text, memory);
	CHECK(fclose(memory) == 0);
	rc = machine_read(x, text, n, e);
	if (out && (fwrite(text, 1, n, out) != n) | (fclose(out) != 0))
		rc = fail(e, RC_CONFIG, "--machine-out %s: cannot be written", path);
	free(text);
	return rc;
}

/* ---- rows ---- */

static struct observation observe(struct loop *x, size_t trial, enum exchange_op op)
{
	const struct shape *s = &x->query.trial[trial].shape;
	const char *flow = kernels_table[x->query.trial[trial].kernels]->name;
	const struct trial_result *r = &x->outcome[trial].result;

	return (struct observation){
	        .file = "epsim hw run",
	        .line = (long)trial + 1,
	        .machine = x->config->machine.name,
	        .flow = flow,
	        .source = "epsim hw run",
	        .kernel = arena_print(x->arena, "epsim hw; %s; %s %s", flow, phase_names[s->phase],
	                              exchange_op_names[op]),
	        .group = arena_print(x->arena, "tokens %lld", (long long)s->tokens),
	        .op = op,
	        .phase = s->phase,
	        .notify = true,
	        .ep = s->n_ranks,
	        .n_batches = 1,
	        .tokens = {s->tokens},
	        .hidden = s->hidden,
	        .top_k = s->top_k,
	        .experts = s->experts,
	        .hidden_stated = true,
	        .dispatch = s->dispatch,
	        .measured_s = x->query.wall ? r->median_s[op] : r->work_s[op],
	        .weight_ratio = 1,
	        .assumed = "",
	};
}

static enum rc rows_predict(struct loop *x, struct err *e)
{
	struct predictor *p = predictor_new();
	enum rc rc = RC_OK;

	x->row = heap_zeroed(x->query.n_trials * OPS, sizeof *x->row);
	for (size_t i = 0; rc == RC_OK && i < x->query.n_trials; i++) {
		for (enum exchange_op op = 0; rc == RC_OK && op < OPS; op++) {
			struct loop_row *row = &x->row[x->n_rows++];

			row->o = observe(x, i, op);
			row->trial = &x->query.trial[i];
			row->wall_s = x->outcome[i].result.median_s[op];
			rc = predict(p, &x->config->machine, &row->o, &row->predicted_s, e);
		}
	}
	predictor_free(p);
	return rc;
}

/* Fits the machine to the rows of all other token counts, for each in turn. */
static enum rc rows_calibrate(struct loop *x, struct err *e)
{
	const struct config *c = x->config;
	const struct observation **o = arena_alloc(x->arena, x->n_rows * sizeof *o);
	struct calibrate_options options = {
	        .fold = FOLD_GROUP, .starts = 2, .jobs = jobs_default()};
	struct calibrated fit = {0};
	enum rc rc;

	for (size_t i = 0; i < x->n_rows; i++)
		o[i] = &x->row[i].o;
	rc = calibrate(&c->machine, c->notes[SECTION_MACHINE], "host", o, x->n_rows, &options,
	               x->arena, &fit, e);
	for (size_t i = 0; rc == RC_OK && i < fit.n_left; i++) {
		for (size_t k = 0; k < x->n_rows; k++) {
			if (fit.left[i].o == o[k])
				x->row[k].calibrated_s = fit.left[i].f.expected_s;
		}
	}
	calibrated_fini(&fit);
	return rc;
}

/* ---- errors ---- */

static double error_ratio(double predicted_s, const struct loop_row *r)
{
	return predicted_s / r->o.measured_s - 1;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Median of |error| over rows of at least so many tokens and, unless NULL, of that flow. */
static double median_error_ratio(const struct loop *x, bool calibrated, const char *flow,
                                 int64_t tokens)
{
	double *error = heap_zeroed(x->n_rows + 1, sizeof *error), median;
	size_t n = 0;

	for (size_t i = 0; i < x->n_rows; i++) {
		const struct loop_row *r = &x->row[i];

		if (r->o.tokens[0] >= tokens && (!flow || strcmp(flow, r->o.flow) == 0))
			error[n++] =
			        fabs(error_ratio(calibrated ? r->calibrated_s : r->predicted_s, r));
	}
	qsort(error, n, sizeof *error, by_value);
	median = n == 0 ? NAN : n % 2 ? error[n / 2] : (error[n / 2 - 1] + error[n / 2]) / 2;
	free(error);
	return median;
}

static bool is_calibrated(const struct loop *x)
{
	return x->n_rows > 0 && x->row[0].calibrated_s > 0;
}

/* ---- reports ---- */

static void percent_cell(struct table *t, double ratio)
{
	const double percent_ratio = 100;

	if (isfinite(ratio))
		table_cell(t, "%+.0f %%", percent_ratio * ratio);
	else
		table_cell(t, "-");
}

static void rows_text(const struct loop *x, FILE *out)
{
	static const char *const headers[] = {
	        "<phase",         "<flow", "<op",        "tokens", "wall", "measured",
	        "benchmarks say", "error", "calibrated", "error",  NULL};
	struct table *t = table_new(headers);
	char buf[TEXT_SIZE];

	for (size_t i = 0; i < x->n_rows; i++) {
		const struct loop_row *r = &x->row[i];

		table_cell(t, "%s", phase_names[r->o.phase]);
		table_cell(t, "%s", r->o.flow);
		table_cell(t, "%s", exchange_op_names[r->o.op]);
		table_cell(t, "%lld", (long long)r->o.tokens[0]);
		table_cell(t, "%s", time_text(r->wall_s, buf));
		table_cell(t, "%s", time_text(r->o.measured_s, buf));
		table_cell(t, "%s", time_text(r->predicted_s, buf));
		percent_cell(t, error_ratio(r->predicted_s, r));
		table_cell(t, "%s", is_calibrated(x) ? time_text(r->calibrated_s, buf) : "-");
		percent_cell(t, is_calibrated(x) ? error_ratio(r->calibrated_s, r) : NAN);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

/* Flows with rows, then all. */
static void medians_text(const struct loop *x, FILE *out)
{
	static const char *const headers[] = {"<median |error|, tokens >= 64", "benchmarks",
	                                      "calibrated", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; kernels_table[i] || i == 0 || kernels_table[i - 1]; i++) {
		const char *flow = kernels_table[i] ? kernels_table[i]->name : NULL;

		table_cell(t, "%s", flow ? flow : "all");
		percent_cell(t, median_error_ratio(x, false, flow, 64));
		percent_cell(t, is_calibrated(x) ? median_error_ratio(x, true, flow, 64) : NAN);
		table_end_row(t);
		if (!flow)
			break;
	}
	fprintf(out, "\n");
	table_print(t, out);
	table_free(t);
}

static void bench_text(const struct loop *x, FILE *out)
{
	char buf[TEXT_SIZE];

	fprintf(out, "\n");
	for (int32_t i = 0; i < x->bench.n_points; i++) {
		const struct bench_point *p = &x->bench.point[i];

		fprintf(out, "%s%s %s", i ? ", " : "", bench_name(p->kind),
		        quantity_human(p->figure_units, bench_moves(p->kind) ? DIM_RATE : DIM_TIME,
		                       3, buf, sizeof buf));
	}
	fprintf(out, "\n\n");
}

static void report_text(const struct loop *x, FILE *out)
{
	fprintf(out, "backend %s: %s\n%s\n", x->query.backend->name, x->machine_text,
	        x->query.backend->caution);
	fprintf(out, "measured: %s\n",
	        x->query.wall ? "wall time, median, slowest rank"
	                      : "work, the ranks' processor time without waiting");
	fprintf(out, "calibrated: fitted to rows of all other token counts\n");
	bench_text(x, out);
	rows_text(x, out);
	medians_text(x, out);
}

static void row_json(const struct loop *x, const struct loop_row *r, struct json *j)
{
	json_object(j, NULL);
	json_text(j, "flow", r->o.flow);
	json_text(j, "phase", phase_names[r->o.phase]);
	json_text(j, "op", exchange_op_names[r->o.op]);
	json_integer(j, "ranks", r->o.ep);
	json_integer(j, "tokens", r->o.tokens[0]);
	json_number(j, "wall_s", r->wall_s);
	json_number(j, "measured_s", r->o.measured_s);
	json_number(j, "predicted_s", r->predicted_s);
	json_number(j, "error_ratio", error_ratio(r->predicted_s, r));
	if (is_calibrated(x)) {
		json_number(j, "calibrated_s", r->calibrated_s);
		json_number(j, "calibrated_error_ratio", error_ratio(r->calibrated_s, r));
	}
	json_close(j);
}

static void report_json(const struct loop *x, FILE *out)
{
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_text(j, "backend", x->query.backend->name);
	json_text(j, "machine", x->machine_text);
	json_text(j, "caution", x->query.backend->caution);
	json_text(j, "clock", x->query.wall ? "wall" : "work");
	json_array(j, "rows");
	for (size_t i = 0; i < x->n_rows; i++)
		row_json(x, &x->row[i], j);
	json_close(j);
	json_number(j, "median_error_ratio", median_error_ratio(x, false, NULL, 64));
	if (is_calibrated(x))
		json_number(j, "calibrated_median_error_ratio",
		            median_error_ratio(x, true, NULL, 64));
	json_close(j);
	json_free(j);
}

/* ---- the loop ---- */

static enum rc loop_check(const struct loop *x, struct err *e)
{
	for (size_t i = 0; i < x->query.n_trials; i++) {
		const struct trial *t = &x->query.trial[i];

		if (t->shape.n_ranks != x->query.trial[0].shape.n_ranks)
			return fail(e, RC_CONFIG, "hw loop: one number of --ranks");
		if (t->shape.tokens == 0 || t->repeats == 0)
			return fail(e, RC_CONFIG, "hw loop: --tokens and --repeats from 1");
		if (t->shape.load != LOAD_EVEN)
			return fail(e, RC_CONFIG, "hw loop: predictions are of even load, not %s",
			            load_names[t->shape.load]);
	}
	return RC_OK;
}

static enum rc loop_run(const struct args *a, struct loop *x, struct err *e)
{
	const struct trial *first = &x->query.trial[0];
	enum { BENCH_MIB = 96 };
	const int64_t bench_bytes = (int64_t)BENCH_MIB << 20;
	bool equal = true;

	hw_machine_bench(&x->bench, x->query.backend->dies, first->shape.n_ranks,
	                 (int64_t)shape_bf16_bytes(&first->shape), bench_bytes, first->repeats);
	TRY(bench_run(&x->bench, x->query.backend, e));
	hw_machine_text(x->bench.device, x->machine_text);
	TRY(machine_make(a, x, e));
	TRY(hw_trials_run(&x->query, x->outcome, e));
	for (size_t i = 0; i < x->query.n_trials; i++)
		equal = equal && x->outcome[i].equal;
	if (!equal)
		return fail(e, RC_NO, "results differ: see `epsim hw run`");
	TRY(rows_predict(x, e));
	if (x->query.trial[x->query.n_trials - 1].shape.tokens != first->shape.tokens)
		TRY(rows_calibrate(x, e));
	return hw_files_write(a, &x->query, x->outcome, e);
}

enum rc hw_loop(const struct args *a, FILE *out, struct err *e)
{
	struct loop *x = heap_zeroed(1, sizeof *x);
	enum rc rc;

	x->config = config_new(), x->arena = arena_new();
	rc = hw_query_read(a, &x->query, e);
	x->outcome = heap_zeroed(x->query.n_trials + 1, sizeof *x->outcome);
	if (rc == RC_OK)
		rc = loop_check(x, e);
	if (rc == RC_OK)
		rc = loop_run(a, x, e);
	if (rc == RC_OK && args_has(a, "json"))
		report_json(x, out);
	else if (rc == RC_OK)
		report_text(x, out);
	hw_outcomes_free(&x->query, x->outcome);
	hw_query_fini(&x->query);
	free(x->row);
	arena_free(x->arena);
	config_free(x->config);
	free(x);
	return rc;
}
