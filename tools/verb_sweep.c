/* epsim sweep: every combination of the knobs against the budgets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tools/args.h"
#include "tools/progress.h"
#include "tools/sweep_report.h"

enum { FRONT_ROWS = 20 };

static enum rc folder_make(const char *path, struct err *e)
{
	char part[4096];
	size_t n = strlen(path);
	struct stat s;

	if (n == 0 || n >= sizeof part)
		return fail(e, RC_CONFIG, "--out: '%s' is no usable path", path);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			return fail(e, RC_CONFIG, "--out %s: %s: %s", path, part, strerror(errno));
	}
	if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode))
		return fail(e, RC_CONFIG, "--out %s: it is not a folder", path);
	if (access(path, W_OK | X_OK) != 0)
		return fail(e, RC_CONFIG, "--out %s: %s", path, strerror(errno));
	return RC_OK;
}

static enum rc file_write(const struct sweep *s, const struct sweep_run_info *info, const char *dir,
                          const char *name, struct arena *a, struct err *e)
{
	const char *path = arena_print(a, "%s/%s", dir, name);
	FILE *out = fopen(path, "w");
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	if (strcmp(name, "points.csv") == 0)
		sweep_report_csv(s, out);
	else if (strcmp(name, "config.yaml") == 0)
		config_dump(s->config, out);
	else
		sweep_report_text(s, info, out);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	return RC_OK;
}

/* points.csv, the table, the configuration in full, pictures with their data and scripts. */
static enum rc files_write(const struct sweep *s, const struct sweep_run_info *info,
                           const char *dir, FILE *log, struct err *e)
{
	struct arena *a = arena_new();
	enum rc rc = file_write(s, info, dir, "points.csv", a, e);

	if (rc == RC_OK)
		rc = file_write(s, info, dir, "config.yaml", a, e);
	if (rc == RC_OK)
		rc = file_write(s, info, dir, "summary.txt", a, e);
	if (rc == RC_OK) {
		fprintf(log, "\nwritten to %s: points.csv, config.yaml, summary.txt\n", dir);
		rc = sweep_plot(s, dir, log, e);
	}
	arena_free(a);
	return rc;
}

/* How many schedules fail first by each reason, most useful beside an empty front. */
static enum rc none_feasible(const struct sweep *s, struct err *e)
{
	size_t n_by_reason[REASONS] = {0}, n = 0;
	char text[256] = "";

	for (size_t i = 0; i < s->n_points; i++)
		n_by_reason[s->points[i].reason]++;
	for (enum reason r = 0; r < REASONS; r++) {
		if (n_by_reason[r] > 0)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %zu", n ? ", " : "",
			                      reason_name(r), n_by_reason[r]);
	}
	return fail(e, RC_NO, "no schedule meets the budgets (%s)", text);
}

static enum rc report(const struct args *a, const struct sweep *s,
                      const struct sweep_run_info *info, FILE *out, struct err *e)
{
	const char *dir = args_value(a, "out", NULL);
	bool text = !args_has(a, "json") && !args_has(a, "csv");

	if (args_has(a, "json"))
		sweep_report_json(s, info, out);
	else if (args_has(a, "csv"))
		sweep_report_csv(s, out);
	else
		sweep_report_text(s, info, out);
	if (dir)
		TRY(files_write(s, info, dir, text ? out : stderr, e));
	if (s->n_feasible == 0)
		return none_feasible(s, e);
	return RC_OK;
}

/* An option for a knob that the sweep lists would go unheard. */
static enum rc knobs_check(const struct args *a, const struct config *c, struct err *e)
{
	for (const struct field *f = section_fields(SECTION_SWEEP); f->key; f++) {
		const struct field_list *l = (const void *)((const char *)&c->sweep + f->offset);
		char name[OPTION_NAME_SIZE];

		args_option_name(name, f->key);
		if (f->kind == FIELD_LIST && l->n > 0 && args_has(a, name))
			return fail(e, RC_CONFIG,
			            "--%s: the sweep has its own values; write --set sweep.%s=%s",
			            name, f->key, args_value(a, name, ""));
	}
	return RC_OK;
}

static enum rc sweep_config(const struct args *a, struct config *c, FILE *out, struct err *e)
{
	const char *dir = args_value(a, "out", NULL);
	struct sweep_run_info info = {0};
	struct progress bar;
	struct sweep *s;
	int64_t jobs, rows;
	enum rc rc;

	TRY(args_integer(a, "jobs", jobs_default(), 1, &jobs, e));
	TRY(args_integer(a, "rows", FRONT_ROWS, 0, &rows, e));
	if (args_has(a, "json") && args_has(a, "csv"))
		return fail(e, RC_CONFIG, "sweep: --json and --csv exclude each other");
	if (args_has(a, "engine"))
		c->sweep.engine = args_value(a, "engine", "");
	TRY(knobs_check(a, c, e));
	if (dir)
		TRY(folder_make(dir, e));
	info.jobs = jobs > 256 ? 256 : (int)jobs, info.rows = (size_t)rows;
	progress_init(&bar, "sweep");
	rc = sweep_run(c, &(struct sweep_options){info.jobs, progress_step, &bar}, &s, e);
	info.sweep_seconds_s = wall_s() - bar.start_s;
	progress_end(&bar);
	if (rc == RC_OK) {
		rc = report(a, s, &info, out, e);
		sweep_free(s);
	}
	return rc;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct config *c = config_new();
	enum rc rc = RC_OK;

	if (a->n_words != 1)
		rc = fail(e, RC_CONFIG,
		          "sweep: one FILE is needed, such as "
		          "configs/sweeps/deepseek-v3.1-cm384.yaml");
	if (rc == RC_OK)
		rc = args_config(a, a->word[0], c, e);
	if (rc == RC_OK)
		rc = config_check(
		        c, NEEDS(SECTION_MACHINE) | NEEDS(SECTION_MODEL) | NEEDS(SECTION_WORKLOAD),
		        e);
	if (rc == RC_OK)
		rc = sweep_config(a, c, out, e);
	config_free(c);
	return rc;
}

static const struct option options[] = {
        {"out", "DIR", "also write points, configuration and pictures there"},
        {"csv", NULL, "print all points as CSV"},
        {"rows", "N", "rows of the feasible front to print; default 20"},
        {"jobs", "N", "threads; default: all processors"},
        {"engine", "NAME", "estimate, fluid or simgrid; default: the file's"},
        {0},
};

const struct verb verb_sweep = {
        .name = "sweep",
        .doc = "Tries every combination of schedules against TTFT and TPOT budgets",
        .usage = "FILE [option...]",
        .examples = {"epsim sweep configs/sweeps/deepseek-v3.1-cm384.yaml --out out/cm384",
                     "epsim sweep configs/sweeps/qwen3-235b-a2.yaml --set sweep.budget.tpot=40ms "
                     "--json"},
        .options = options,
        .takes_config = true,
        .about = "A knob that the file does not list takes the schedule's one value (--ep, --batch "
                 "...).\n"
                 "Exit status 1: no schedule meets the budgets.",
        .run = run,
};
