/* A measured run beside its prediction, and parameters fitted to it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/table.h"
#include "sim/serve_fit.h"
#include "tools/serve_request.h"
#include "tools/text.h"
#include "traces/served_log.h"

enum { ROWS = 9 };

/* Means and percentiles of a run, measured or predicted. */
struct figures {
	double value[ROWS]; /* six times in seconds, then three rates */
};

static const char *const row_names[ROWS] = {"TTFT mean", "TTFT P50", "TTFT P99",
                                            "TPOT mean", "TPOT P50", "TPOT P99",
                                            "E2E mean",  "makespan", "output tokens/s"};

static double mean_of(const double *value, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += value[i];
	return n > 0 ? sum / (double)n : 0;
}

static void three(const double *value, size_t n, double *out)
{
	out[0] = mean_of(value, n);
	out[1] = n > 0 ? percentile_units(value, n, 0.5) : 0;
	out[2] = n > 0 ? percentile_units(value, n, 0.99) : 0;
}

static struct figures measured_figures(const struct served_row *row, size_t n)
{
	double *ttft = heap_zeroed(n, sizeof *ttft), *tpot = heap_zeroed(n, sizeof *tpot);
	double tokens = 0, last_s = 0, e2e_s = 0;
	struct figures f;
	size_t n_tpot = 0;

	for (size_t i = 0; i < n; i++) {
		ttft[i] = row[i].first_s - row[i].queued_s;
		if (row[i].output_count > 1)
			tpot[n_tpot++] =
			        (row[i].last_s - row[i].first_s) / (row[i].output_count - 1);
		e2e_s += (row[i].last_s - row[i].queued_s) / (double)n;
		tokens += row[i].output_count;
		last_s = fmax(last_s, row[i].last_s);
	}
	sort_rising(ttft, n);
	sort_rising(tpot, n_tpot);
	three(ttft, n, f.value);
	three(tpot, n_tpot, f.value + 3);
	f.value[6] = e2e_s, f.value[7] = last_s, f.value[8] = tokens / last_s;
	free(ttft);
	free(tpot);
	return f;
}

static struct figures predicted_figures(const struct serve_summary *s)
{
	return (struct figures){{s->ttft.mean_s, s->ttft.p50_s, s->ttft.p99_s, s->tpot.mean_s,
	                         s->tpot.p50_s, s->tpot.p99_s, s->e2e.mean_s, s->span_s,
	                         s->output_rate_count}};
}

static void figure_cell(struct table *t, size_t row, double value) /* unit: of the row */
{
	char text[TEXT_SIZE];

	if (row < ROWS - 1)
		table_cell(t, "%s", time_text(value, text));
	else
		table_cell(t, "%.4g", value);
}

static void compare_text(const struct figures *measured, const struct figures *predicted, FILE *out)
{
	static const char *const headers[] = {"<", "measured", "predicted", "error", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < ROWS; i++) {
		table_cell(t, "%s", row_names[i]);
		figure_cell(t, i, measured->value[i]);
		figure_cell(t, i, predicted->value[i]);
		table_cell(t, "%+.1f %%", 100 * (predicted->value[i] / measured->value[i] - 1));
		table_end_row(t);
	}
	fprintf(out, "\n");
	table_print(t, out);
	table_free(t);
}

static enum rc log_read(const struct serve_job *j, struct served_row **row, size_t *n,
                        struct err *e)
{
	const char *path = args_value(j->args, "measured", "");
	struct served_row *all;

	TRY(served_log_read(path, &all, n, e));
	if (*n == j->n_requests)
		return *row = all, RC_OK;
	free(all);
	return fail(e, RC_DATA, "--measured %s: %zu requests, but %zu are served", path, *n,
	            j->n_requests);
}

enum rc serve_measured_text(const struct serve_job *j, FILE *out, struct err *e)
{
	struct served_row *row = NULL;
	struct figures measured, predicted = predicted_figures(&j->summary);
	size_t n;

	TRY(log_read(j, &row, &n, e));
	measured = measured_figures(row, n);
	compare_text(&measured, &predicted, out);
	free(row);
	return RC_OK;
}

/* ---- fit ------------------------------------------------------------------------------------- */

/* "machine.serving.step=1ms,machine.cube.dense=0.6": where each starts. */
static enum rc parameters_read(const char *text, struct arena *a, struct serve_fit_parameter *out,
                               size_t *n, struct err *e)
{
	for (*n = 0; *text; (*n)++) {
		size_t length = strcspn(text, ","), equals = strcspn(text, "=");
		char *end;

		if (equals >= length || *n == MOST_FIT)
			return fail(
			        e, RC_CONFIG,
			        "--fit: at most %d starts such as machine.serving.step=1ms, not "
			        "'%.40s'",
			        MOST_FIT, text);
		out[*n].path = arena_copy(a, text, equals);
		out[*n].value_units = strtod(text + equals + 1, &end);
		out[*n].unit = arena_copy(a, end, (size_t)(text + length - end));
		if (!(out[*n].value_units > 0))
			return fail(e, RC_CONFIG, "--fit: %s must start above 0", out[*n].path);
		text += length + (text[length] == ',');
	}
	return RC_OK;
}

static void fit_text(const struct serve_fit_run *run, const struct serve_fit_result *r, FILE *out)
{
	fprintf(out, "fitted to %zu requests in %zu runs; residuals %.2f %% rms\n",
	        run->requests->n, r->runs, 100 * r->rms_ratio);
	for (size_t i = 0; i < run->n; i++) {
		const struct serve_fit_parameter *p = &run->parameter[i];

		fprintf(out, "  %s %.4g%s, sd at least %.1f %%\n", p->path, p->value_units, p->unit,
		        100 * p->sd_units / p->value_units);
	}
	fprintf(out, "\n");
}

enum rc serve_fit_run(struct serve_job *j, FILE *out, struct err *e)
{
	struct serve_fit_parameter parameter[MOST_FIT];
	struct serve_fit_run run = {
	        .config = j->config, .requests = &j->base, .parameter = parameter};
	struct serve_fit_result r;
	struct served_row *row = NULL;
	double *ttft, *tpot;
	size_t n;
	enum rc rc;

	run.engine = engine_find(args_value(j->args, "engine", "fluid"), e);
	TRY(parameters_read(args_value(j->args, "fit", ""), j->config->arena, parameter, &run.n,
	                    e));
	TRY(log_read(j, &row, &n, e));
	ttft = heap_zeroed(n, sizeof *ttft), tpot = heap_zeroed(n, sizeof *tpot);
	for (size_t i = 0; i < n; i++) {
		ttft[i] = row[i].first_s - row[i].queued_s;
		tpot[i] = row[i].output_count > 1
		                  ? (row[i].last_s - row[i].first_s) / (row[i].output_count - 1)
		                  : -1;
		run.makespan_s = fmax(run.makespan_s, row[i].last_s);
	}
	run.ttft_s = ttft, run.tpot_s = tpot;
	rc = serve_fit(&run, &r, e);
	if (rc == RC_OK)
		fit_text(&run, &r, out);
	free(row);
	free(ttft);
	free(tpot);
	if (rc != RC_OK)
		return rc;
	return serve_job_deploy(j, e);
}
