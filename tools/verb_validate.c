/* epsim validate: measured rows against predictions. */
#include <stdlib.h>
#include <string.h>
#include "models/base/json.h"
#include "tools/observed.h"

static enum rc rows_forecast(const struct observed *o, struct forecast_row *out, struct err *e)
{
	struct belief *b = heap_zeroed(o->n_machines, sizeof *b);
	struct predictor *p = predictor_new();
	enum rc rc = RC_OK;

	for (size_t m = 0; rc == RC_OK && m < o->n_machines; m++) {
		const struct config *c = o->machines[m].config;

		rc = belief_init(&b[m], &c->machine, c->notes[SECTION_MACHINE],
		                 c->where[SECTION_MACHINE], e);
	}
	for (size_t i = 0; rc == RC_OK && i < o->n; i++) {
		struct forecast f;

		rc = belief_forecast(&b[o->machine[i]], p, o->row[i], &f, e);
		if (rc == RC_OK)
			out[i] =
			        forecast_judge(o->row[i], &f, &observed_machine(o, i)->calibration);
	}
	for (size_t m = 0; m < o->n_machines; m++)
		belief_fini(&b[m]);
	free(b);
	predictor_free(p);
	return rc;
}

static void report_json(const struct observed *o, const struct forecast_row *row, FILE *out)
{
	struct json *j = json_new(out);

	json_object(j, NULL);
	forecast_json(row, o->n, "rows", j);
	accuracy_json(row, o->n, "summary", j);
	observed_skips_json(o, j);
	json_close(j);
	json_free(j);
}

static void report_text(const struct observed *o, const struct forecast_row *row, FILE *out)
{
	forecast_table(row, o->n, out);
	fputs("\n", out);
	accuracy_table(row, o->n, out);
	if (o->set.n_skips > 0)
		fputs("\n", out);
	observed_skips_text(o, out);
}

static enum rc most_mape(const struct args *a, double *out, struct err *e)
{
	const char *text = args_value(a, "max-mape", NULL);
	struct err inner;

	*out = 0;
	if (text && (quantity_parse(text, DIM_RATIO, out, &inner) != RC_OK))
		return fail(e, RC_CONFIG, "--max-mape: %s", inner.text);
	return RC_OK;
}

/* Was it good enough? What was asked is said too, since 3 is 300 %, and 3% is not. */
static enum rc mape_judge(const struct args *a, const struct accuracy *all, double limit_ratio,
                          FILE *out, struct err *e)
{
	bool text = !args_has(a, "json") && !args_has(a, "markdown");
	double mape = 100 * all->mape_ratio, limit = 100 * limit_ratio;

	if (!args_has(a, "max-mape"))
		return RC_OK;
	if (all->rows == 0)
		return fail(e, RC_DATA, "--max-mape: nothing measured to compare with");
	if (all->mape_ratio > limit_ratio)
		return fail(e, RC_NO, "the mean absolute error of %.4g %% is above %.4g %%", mape,
		            limit);
	if (text)
		fprintf(out, "\nthe mean absolute error of %.4g %% is within %.4g %%\n", mape,
		        limit);
	return RC_OK;
}

static enum rc validate(const struct args *a, const struct observed *o, FILE *out, struct err *e)
{
	const char *dir = args_value(a, "plot", NULL);
	struct forecast_row *row = heap_zeroed(o->n, sizeof *row);
	struct accuracy all;
	double limit;
	enum rc rc = most_mape(a, &limit, e);

	if (rc == RC_OK)
		rc = rows_forecast(o, row, e);
	if (rc == RC_OK) {
		if (args_has(a, "markdown"))
			accuracy_markdown(row, o->n, out);
		else
			(args_has(a, "json") ? report_json : report_text)(o, row, out);
		all = accuracy_of(row, o->n, NULL);
		if (dir)
			rc = forecast_plot(row, o->n, dir, args_has(a, "json") ? stderr : out, e);
		if (rc == RC_OK)
			rc = mape_judge(a, &all, limit, out, e);
	}
	free(row);
	return rc;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct observed o;
	enum rc rc = observed_open(a, true, &o, e);

	if (rc == RC_OK)
		rc = validate(a, &o, out, e);
	observed_close(&o);
	return rc;
}

static const struct option options[] = {
        {"machine", "NAME", "predict all rows on this machine; default: each row's own"},
        OBSERVED_OPTIONS,
        {"max-mape", "SHARE", "exit 1 when the mean absolute error is above it, such as 10%"},
        {"markdown", NULL, "only what it comes to, by machine, flow, phase and op"},
        {"plot", "DIR", "also draw predicted against measured, and the error by EP"},
        {0},
};

const struct verb verb_validate = {
        .name = "validate",
        .doc = "Compares predictions with measured times of dispatch and combine",
        .usage = "FILE... [option...]",
        .examples = {"epsim validate measured.csv --machine cloudmatrix384",
                     "epsim validate measured/*.csv --flow relay2 --max-mape 10% --json"},
        .options = options,
        .about = "FILE holds observations, a CSV that traces/OBSERVATIONS.md describes. Intervals "
                 "hold 90 of 100\nmeasurements, as far as the machine's sd and its calibration "
                 "tell. A remark says where a row\nlies beyond what the machine was calibrated "
                 "with, what the file left open, and where a\nmeasurement is outside its interval.",
        .run = run,
};
