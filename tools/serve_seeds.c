/* `epsim serve --seeds N`: the same with other arrivals, and how sure its figures are; --against:
 * another configuration on the same arrivals (common random numbers), and how sure the differences
 * are. */
#include <math.h>
#include <string.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "tools/serve_request.h"
#include "tools/text.h"

enum { MOST_SEEDS = 1000 };

/* What is compared. */
static const struct measure {
	const char *name, *key;
	enum dim dim;
} measures[] = {
        {"TTFT mean", "ttft_mean_s", DIM_TIME},
        {"TTFT P90", "ttft_p90_s", DIM_TIME},
        {"TPOT mean", "tpot_mean_s", DIM_TIME},
        {"TPOT P90", "tpot_p90_s", DIM_TIME},
        {"end to end mean", "e2e_mean_s", DIM_TIME},
        {"running at once", "running_requests", DIM_COUNT},
        {"output tokens/s", "output_tokens_per_s", DIM_COUNT},
        {"within limits", "attainment_ratio", DIM_RATIO},
        {"goodput requests/s", "goodput_requests_per_s", DIM_COUNT},
};
enum { MEASURES = sizeof measures / sizeof *measures, ATTAINMENT = MEASURES - 2, GOODPUT };

/* One configuration under all seeds. */
struct sample {
	double value[MEASURES][MOST_SEEDS];
	size_t n;
};

static void keep(const struct serve_job *j, struct sample *s)
{
	const struct serve_summary *u = &j->summary;
	const double value[MEASURES] = {
	        u->ttft.mean_s,       u->ttft.p90_s,       u->tpot.mean_s,
	        u->tpot.p90_s,        u->e2e.mean_s,       gauge_mean(&j->result.running),
	        u->output_rate_count, u->attainment_ratio, j->goodput_rate_count};

	for (size_t i = 0; i < MEASURES; i++)
		s->value[i][s->n] = value[i];
	s->n++;
}

static enum rc run_seed(struct serve_job *j, uint64_t seed, struct sample *s, struct err *e)
{
	j->arrival.seed = seed;
	if (args_has(j->args, "goodput"))
		TRY(serve_job_goodput(j, e));
	else
		TRY(serve_job_run(j, 0, true, e));
	keep(j, s);
	return RC_OK;
}

/* The other configuration: the same command line, and --against's settings. */
static enum rc other_open(const struct args *a, struct serve_job *j, struct err *e)
{
	TRY(serve_job_open(a, j, e));
	for (size_t i = 0; i < a->n_given; i++) {
		if (strcmp(a->given[i].option->name, "against") == 0)
			TRY(config_set(j->config, a->given[i].value, e));
	}
	return serve_job_deploy(j, e);
}

/* ---- what it prints -------------------------------------------------------------------------- */

static bool shown(const struct serve_job *j, size_t measure)
{
	if (measure == GOODPUT)
		return args_has(j->args, "goodput");
	return measure != ATTAINMENT || j->slo.ttft_s > 0 || j->slo.tpot_s > 0;
}

static struct interval difference_of(const struct sample *a, const struct sample *b, size_t measure)
{
	double value[MOST_SEEDS];

	for (size_t i = 0; i < a->n; i++)
		value[i] = b->value[measure][i] - a->value[measure][i];
	return interval_of(value, a->n);
}

static void number(enum dim dim, double value, char text[TEXT_SIZE]) /* unit: SI of dim */
{
	if (dim == DIM_TIME)
		time_text(value, text);
	else if (dim == DIM_RATIO)
		snprintf(text, TEXT_SIZE, "%.4g %%", 100 * value);
	else
		snprintf(text, TEXT_SIZE, "%.4g", value);
}

static void interval_cell(struct table *t, enum dim dim, const struct interval *v)
{
	char mean[TEXT_SIZE], half[TEXT_SIZE];

	number(dim, v->mean_units, mean);
	number(dim, v->half_units, half);
	table_cell(t, "%s +- %s", mean, half);
}

static const char *verdict(const struct interval *v)
{
	if (!(fabs(v->mean_units) > 0) && !(v->half_units > 0))
		return "the same";
	if (fabs(v->mean_units) <= v->half_units)
		return "not told apart";
	return v->mean_units > 0 ? "more" : "less";
}

static void seeds_text(const struct serve_job *j, const struct sample *a, const struct sample *b,
                       FILE *out)
{
	static const char *const alone[] = {"<", "mean", NULL};
	static const char *const both[] = {"<", "here", "against", "difference", "", "<", NULL};
	struct table *t = table_new(b ? both : alone);

	fprintf(out, "%zu seeds%s; means and their 95 %% intervals\n\n", a->n,
	        b ? ", the same arrivals for both" : "");
	for (size_t i = 0; i < MEASURES; i++) {
		struct interval here = interval_of(a->value[i], a->n), there, less;

		if (!shown(j, i))
			continue;
		table_cell(t, "%s", measures[i].name);
		interval_cell(t, measures[i].dim, &here);
		if (b) {
			there = interval_of(b->value[i], b->n);
			less = difference_of(a, b, i);
			interval_cell(t, measures[i].dim, &there);
			interval_cell(t, measures[i].dim, &less);
			if (fabs(here.mean_units) > 0)
				table_cell(t, "%+.1f %%", 100 * less.mean_units / here.mean_units);
			else
				table_cell(t, "-");
			table_cell(t, "%s", verdict(&less));
		}
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void interval_json(struct json *o, const char *name, const struct interval *v)
{
	json_object(o, name);
	json_number(o, "mean", v->mean_units);
	json_number(o, "half_width_95", v->half_units);
	json_close(o);
}

static void sample_json(struct json *o, const char *name, const struct serve_job *j,
                        const struct sample *s)
{
	json_object(o, name);
	for (size_t i = 0; i < MEASURES; i++) {
		struct interval v = interval_of(s->value[i], s->n);

		if (shown(j, i))
			interval_json(o, measures[i].key, &v);
	}
	json_close(o);
}

static void seeds_json(const struct serve_job *j, const struct sample *a, const struct sample *b,
                       FILE *out)
{
	struct json *o = json_new(out);

	json_object(o, NULL);
	json_integer(o, "seeds", (int64_t)a->n);
	sample_json(o, "here", j, a);
	if (b) {
		sample_json(o, "against", j, b);
		json_object(o, "difference");
		for (size_t i = 0; i < MEASURES; i++) {
			struct interval v = difference_of(a, b, i);

			if (shown(j, i))
				interval_json(o, measures[i].key, &v);
		}
		json_close(o);
	}
	json_close(o);
	json_free(o);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum rc seeds_check(const struct serve_job *j, int64_t n, struct err *e)
{
	static const char *const alone[] = {"out", "timeline", "plot", "measured", "fit", NULL};

	for (size_t i = 0; alone[i]; i++) {
		if (args_has(j->args, alone[i]))
			return fail(e, RC_CONFIG, "--seeds: not together with --%s", alone[i]);
	}
	if (!j->process->gap_s)
		return fail(e, RC_CONFIG,
		            "--seeds: replayed arrivals are always the same; --arrivals poisson");
	if (n > MOST_SEEDS)
		return fail(e, RC_CONFIG, "--seeds: at most %d", MOST_SEEDS);
	return RC_OK;
}

static enum rc run_all(struct serve_job *here, struct serve_job *other, size_t n, FILE *out,
                       struct err *e)
{
	struct sample *a = arena_alloc(here->config->arena, sizeof *a);
	struct sample *b = other ? arena_alloc(here->config->arena, sizeof *b) : NULL;
	uint64_t first = here->arrival.seed;

	a->n = 0;
	if (b)
		b->n = 0;
	for (size_t i = 0; i < n; i++) {
		TRY(run_seed(here, first + i, a, e));
		if (b)
			TRY(run_seed(other, first + i, b, e));
	}
	(args_has(here->args, "json") ? seeds_json : seeds_text)(here, a, b, out);
	return RC_OK;
}

enum rc serve_seeds(struct serve_job *j, FILE *out, struct err *e)
{
	struct serve_job other;
	int64_t n;
	enum rc rc;

	TRY(args_integer(j->args, "seeds", 2, 2, &n, e));
	TRY(seeds_check(j, n, e));
	if (!args_has(j->args, "against"))
		return run_all(j, NULL, (size_t)n, out, e);
	rc = other_open(j->args, &other, e);
	if (rc == RC_OK)
		rc = run_all(j, &other, (size_t)n, out, e);
	serve_job_close(&other);
	return rc;
}
