/* epsim trace: what profilers and benchmarks wrote, added up or made observations. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"
#include "tools/args.h"
#include "tools/trace_report.h"
#include "traces/convert.h"

static enum rc files_read(const struct trace_files *files, struct summary *s, struct err *e)
{
	const struct trace_sink sink = {summary_take, s};

	for (size_t i = 0; i < files->n; i++)
		TRY(trace_file_read(&files->file[i], &sink, e));
	summary_finish(s);
	return RC_OK;
}

static enum rc words_read(const struct args *a, struct arena *arena, struct trace_files *files,
                          struct summary *s, struct err *e)
{
	if (a->n_words < 2)
		return fail(e, RC_CONFIG, "trace %s: a FILE or a folder is needed", a->word[0]);
	TRY(trace_files_find(a->word + 1, a->n_words - 1, arena, files, e));
	return files_read(files, s, e);
}

/* An option of one action means nothing to another. */
static enum rc only_with(const struct args *a, const char *option, const char *action,
                         struct err *e)
{
	if (args_has(a, option) && strcmp(a->word[0], action) != 0)
		return fail(e, RC_CONFIG, "trace %s: --%s goes with %s", a->word[0], option,
		            action);
	return RC_OK;
}

static enum rc summary_run(const struct args *a, struct arena *arena, struct summary *s, FILE *out,
                           struct err *e)
{
	struct trace_files files;
	int64_t rows;

	TRY(args_integer(a, "rows", 20, 0, &rows, e));
	TRY(words_read(a, arena, &files, s, e));
	if (args_has(a, "json"))
		trace_report_json(&files, s, out);
	else
		trace_report_text(&files, s, rows < UINT32_MAX ? (uint32_t)rows : 0, out);
	return RC_OK;
}

static enum rc rows_write(const struct args *a, const struct summary *s, const struct sidecar *sc,
                          FILE *out, struct err *e)
{
	const char *path = args_value(a, "out", NULL);
	FILE *to = path ? fopen(path, "w") : out;
	size_t n_rows;
	bool bad;

	if (!to)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	observations_write(s, sc, to, &n_rows);
	bad = ferror(to);
	if (path && (fclose(to) != 0 || bad))
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	if (n_rows == 0 && path)
		remove(path);
	if (n_rows == 0)
		return fail(e, RC_NO, "the trace holds none of the ops that the sidecar asks for");
	if (path)
		fprintf(out, "%s: %zu observations\n", path, n_rows);
	return RC_OK;
}

static enum rc convert_run(const struct args *a, struct arena *arena, struct summary *s, FILE *out,
                           struct err *e)
{
	const char *path = args_value(a, "workload", NULL);
	struct trace_files files;
	struct sidecar sc;

	if (args_has(a, "json"))
		return fail(e, RC_CONFIG, "trace convert: --json goes with summary");
	if (!path)
		return fail(e, RC_CONFIG,
		            "trace convert: --workload SIDECAR.yaml is needed: what the trace does "
		            "not tell (`epsim trace fields`)");
	TRY(sidecar_read(path, arena, &sc, e));
	s->skip_before_step = sc.first_step > 0 ? sc.first_step : s->skip_before_step;
	TRY(words_read(a, arena, &files, s, e));
	return rows_write(a, s, &sc, out, e);
}

static enum rc formats_run(const struct args *a, struct arena *arena, struct summary *s, FILE *out,
                           struct err *e)
{
	static const char *const headers[] = {"<format", "<names of files", NULL};
	struct table *t;

	(void)arena, (void)s;
	if (a->n_words > 1 || args_has(a, "json"))
		return fail(e, RC_CONFIG, "trace formats: neither a file nor --json");
	t = table_new(headers);
	for (size_t i = 0; trace_readers[i]; i++) {
		const char *const *p = trace_readers[i]->pattern;

		table_cell(t, "%s", trace_readers[i]->name);
		table_cell(t, "%s%s%s%s%s", p[0] ? p[0] : "by content", p[0] && p[1] ? ", " : "",
		           p[0] && p[1] ? p[1] : "", p[0] && p[1] && p[2] ? ", " : "",
		           p[0] && p[1] && p[2] ? p[2] : "");
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
	return RC_OK;
}

static enum rc fields_run(const struct args *a, struct arena *arena, struct summary *s, FILE *out,
                          struct err *e)
{
	(void)arena, (void)s;
	if (a->n_words > 1 || args_has(a, "json"))
		return fail(e, RC_CONFIG, "trace fields: neither a file nor --json");
	fields_help(sidecar_fields, "sidecar", out);
	return RC_OK;
}

static const struct action {
	const char *name;
	enum rc (*run)(const struct args *a, struct arena *arena, struct summary *s, FILE *out,
	               struct err *e);
} actions[] = {{"summary", summary_run},
               {"convert", convert_run},
               {"formats", formats_run},
               {"fields", fields_run},
               {NULL, NULL}};

static enum rc action_run(const struct action *action, const struct args *a, FILE *out,
                          struct err *e)
{
	struct arena *arena = arena_new();
	struct summary *s = summary_new();
	enum rc rc = only_with(a, "rows", "summary", e);

	if (rc == RC_OK)
		rc = only_with(a, "workload", "convert", e);
	if (rc == RC_OK)
		rc = only_with(a, "out", "convert", e);
	if (rc == RC_OK)
		rc = action->run(a, arena, s, out, e);
	summary_free(s);
	arena_free(arena);
	return rc;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	const char *names[sizeof actions / sizeof *actions] = {0};
	const char *wish = a->n_words > 0 ? a->word[0] : "";
	char slip[128];

	for (size_t i = 0; actions[i].name; i++) {
		names[i] = actions[i].name;
		if (strcmp(actions[i].name, wish) == 0)
			return action_run(&actions[i], a, out, e);
	}
	return fail(e, RC_CONFIG,
	            "trace: summary, convert, formats or fields is needed, not '%s'%s", wish,
	            hint(slip, sizeof slip, wish, names));
}

static const struct option options[] = {
        {"rows", "N", "summary: rows of each table; 0: all; default 20"},
        {"workload", "FILE", "convert: the sidecar, YAML, that says what the trace does not"},
        {"out", "FILE", "convert: where the observations go (also -o); default: standard output"},
        {0},
};

const struct verb verb_trace = {
        .name = "trace",
        .doc = "Reads profiles and benchmarks: sums them up, makes them observations",
        .usage = "summary|convert DIR|FILE... [option...], or formats, or fields",
        .examples = {"epsim trace summary rank*_ascend_pt",
                     "epsim trace convert rank*_ascend_pt --workload sidecar.yaml --out obs.csv"},
        .options = options,
        .about = "formats lists what can be read; fields explains the sidecar.\n"
                 "Of the files of one profile each thing is counted once, and so is a collective\n"
                 "that is listed beside the kernel that does it. Quantiles are exact up to 256\n"
                 "values and within 0.1 % beyond. Memory does not grow with the files.\n"
                 "Exit status 1: convert found nothing that the sidecar asks for.",
        .run = run,
};
