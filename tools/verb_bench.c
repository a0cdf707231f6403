/* epsim bench: how fast the engines are, as ratios and CPU seconds of one run. */
#include <math.h>
#include <string.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "tools/args.h"
#include "tools/bench.h"

enum { MOST_BENCHES = 64 };

static const struct bench *bench_find(const char *name, struct err *e)
{
	const char *names[MOST_BENCHES] = {0};
	char slip[128];

	for (size_t i = 0; benches[i].name; i++) {
		names[i] = benches[i].name;
		if (strcmp(benches[i].name, name) == 0)
			return &benches[i];
	}
	fail(e, RC_CONFIG, "bench: there is no benchmark '%s'%s", name,
	     hint(slip, sizeof slip, name, names));
	return NULL;
}

static bool wanted(const struct args *a, const struct bench *b)
{
	for (size_t i = 0; i < a->n_words; i++) {
		if (strcmp(a->word[i], b->name) == 0)
			return true;
	}
	return a->n_words == 0;
}

/* What a benchmark cannot do here (no SimGrid) has no value, and says so. */
static enum rc measure(const struct args *a, const struct bench *b, double *value, bool *there,
                       struct err *e)
{
	enum rc rc = b->run(args_has(a, "once"), value, e);

	*there = rc == RC_OK;
	if (rc == RC_NO) {
		fprintf(stderr, "epsim: bench: %s: %s\n", b->name, e->text);
		return RC_OK;
	}
	return rc;
}

static enum rc report_json(const struct args *a, FILE *out, struct err *e)
{
	struct json *j = json_new(out);
	enum rc rc = RC_OK;

	json_object(j, NULL);
	json_array(j, "rows");
	for (const struct bench *b = benches; rc == RC_OK && b->name; b++) {
		double value;
		bool there;

		if (!wanted(a, b) || (rc = measure(a, b, &value, &there, e)) != RC_OK)
			continue;
		json_object(j, NULL);
		json_text(j, "name", b->name);
		json_number(j, "value", there ? value : NAN);
		json_text(j, "unit", b->unit);
		json_text(j, "describes", b->doc);
		json_close(j);
	}
	json_close(j);
	json_close(j);
	json_free(j);
	return rc;
}

static enum rc report_text(const struct args *a, FILE *out, struct err *e)
{
	static const char *const headers[] = {"<benchmark", "value", "<unit", "<of", NULL};
	struct table *t = table_new(headers);
	enum rc rc = RC_OK;

	for (const struct bench *b = benches; rc == RC_OK && b->name; b++) {
		double value;
		bool there;

		if (!wanted(a, b) || (rc = measure(a, b, &value, &there, e)) != RC_OK)
			continue;
		table_cell(t, "%s", b->name);
		table_cell(t, there ? "%.4g" : "-", value);
		table_cell(t, "%s", b->unit);
		table_cell(t, "%s", b->doc);
		table_end_row(t);
	}
	if (rc == RC_OK)
		table_print(t, out);
	table_free(t);
	return rc;
}

static enum rc report_tsv(const struct args *a, FILE *out, struct err *e)
{
	for (const struct bench *b = benches; b->name; b++) {
		double value;
		bool there;

		if (!wanted(a, b))
			continue;
		TRY(measure(a, b, &value, &there, e));
		if (there)
			fprintf(out, "%s\t%.9g\t%s\t%s\n", b->name, value, b->unit, b->doc);
	}
	return RC_OK;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	for (size_t i = 0; i < a->n_words; i++) {
		if (!bench_find(a->word[i], e))
			return e->rc;
	}
	if (args_has(a, "tsv"))
		return report_tsv(a, out, e);
	return args_has(a, "json") ? report_json(a, out, e) : report_text(a, out, e);
}

static const struct option options[] = {
        {"tsv", NULL, "print tab-separated rows"},
        {"once", NULL, "run each benchmark once, for counting instructions"},
        {0},
};

const struct verb verb_bench = {
        .name = "bench",
        .doc = "Measures the engines",
        .usage = "[NAME...] [option...]",
        .examples = {"epsim bench",
                     "epsim bench fluid_zipf_decode_n384_s estimate_step_ep256_s --json"},
        .options = options,
        .about = "CPU seconds, the least of several runs. Compare rows of one run: machines are "
                 "noisy.",
        .run = run,
};
