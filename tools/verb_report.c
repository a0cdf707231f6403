/* epsim report: a sweep as a page that a decision is made on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "models/sweep_cases.h"
#include "sim/flow.h"
#include "sim/sweep_store.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/sweep_files.h"

enum { MOST_POINTS = 8000, MOST_JOBS = 256, DRAWS = 100 };

struct job {
	const struct args *args;
	struct config *config;
	struct sweep_cases cases;
	struct sweep_options options;
	struct sweep **sweep;
	struct report report;
	const struct page_form *form; /* NULL: all of them, into a folder */
	const char *out_path;         /* NULL: standard output */
	int64_t points, draws;
	FILE *out;
};

/* ---- the command that makes the page again ---- */

static const char *shell_word(struct arena *a, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                            "_./:=,%+@-";
	const char *made = "'";

	if (*text && text[strspn(text, plain)] == '\0')
		return text;
	for (; *text; text++)
		made = *text == '\'' ? arena_print(a, "%s'\\''", made)
		                     : arena_print(a, "%s%c", made, *text);
	return arena_print(a, "%s'", made);
}

/* What changes no byte of a page is left out: threads, stores, where it is written. */
static bool is_told(const char *option)
{
	static const char *const silent[] = {"jobs", "store", "out", "format", "json", NULL};

	for (size_t i = 0; silent[i]; i++) {
		if (strcmp(option, silent[i]) == 0)
			return false;
	}
	return true;
}

static const char *command_text(const struct args *a, struct arena *arena)
{
	const char *text = arena_print(arena, "epsim report %s", shell_word(arena, a->word[0]));

	for (size_t i = 0; i < a->n_given; i++) {
		const char *value = a->given[i].value;

		if (!is_told(a->given[i].option->name))
			continue;
		text = arena_print(arena, "%s --%s", text, a->given[i].option->name);
		if (value)
			text = arena_print(arena, "%s %s", text, shell_word(arena, value));
	}
	return arena_print(arena, "%s --out report.html", text);
}

/* ---- output ---- */

static const struct page_form *form_named(const char *name, struct err *e)
{
	const char *names[8] = {NULL};
	char slip[128];

	for (size_t i = 0; page_forms[i]; i++) {
		names[i] = page_forms[i]->name;
		if (strcmp(page_forms[i]->name, name) == 0)
			return page_forms[i];
	}
	fail(e, RC_CONFIG, "--format %.40s: html, markdown, csv or json is needed%s", name,
	     hint(slip, sizeof slip, name, names));
	return NULL;
}

static const struct page_form *form_of_path(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; page_forms[i]; i++) {
		size_t n_ending = strlen(page_forms[i]->ending);

		if (n > n_ending && strcmp(path + n - n_ending, page_forms[i]->ending) == 0)
			return page_forms[i];
	}
	return NULL;
}

static bool is_folder(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* What --format says, else the ending of --out's file; a folder gets all; alone, Markdown. */
static enum rc form_choose(struct job *j, struct err *e)
{
	const struct args *a = j->args;

	j->out_path = args_value(a, "out", NULL);
	if (args_has(a, "json") && args_has(a, "format"))
		return fail(e, RC_CONFIG, "report: --json and --format exclude each other");
	if (args_has(a, "json"))
		j->form = &page_json;
	else if (args_has(a, "format") && !(j->form = form_named(args_value(a, "format", ""), e)))
		return e->rc;
	if (!j->out_path) {
		j->form = j->form ? j->form : &page_markdown;
		return RC_OK;
	}
	if (!is_folder(j->out_path) && !j->form)
		j->form = form_of_path(j->out_path);
	if (!j->form || is_folder(j->out_path))
		return folder_make(j->out_path, e);
	return RC_OK;
}

static enum rc file_write(const struct job *j, const struct page_form *form, const char *path,
                          struct err *e)
{
	FILE *out = fopen(path, "w");
	enum rc rc;
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	rc = report_page(&j->report, form, out, e);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	if (rc == RC_OK)
		fprintf(j->out, "%s\n", path);
	return rc;
}

static enum rc folder_write(const struct job *j, struct err *e)
{
	for (size_t i = 0; page_forms[i]; i++) {
		if (!j->form || j->form == page_forms[i])
			TRY(file_write(j, page_forms[i],
			               arena_print(j->report.arena, "%s/report%s", j->out_path,
			                           page_forms[i]->ending),
			               e));
	}
	return RC_OK;
}

static enum rc write_all(const struct job *j, struct err *e)
{
	if (!j->out_path)
		return report_page(&j->report, j->form, j->out, e);
	if (is_folder(j->out_path))
		return folder_write(j, e);
	return file_write(j, j->form, j->out_path, e);
}

/* ---- what there is to say ---- */

static enum rc price(struct job *j, struct err *e)
{
	struct progress bar;
	enum rc rc = RC_OK;

	progress_init(&bar, "sweep");
	j->options.progress = progress_step, j->options.progress_data = &bar;
	for (size_t i = 0; rc == RC_OK && i < j->cases.n; i++)
		rc = sweep_run(j->cases.config[i], &j->options, &j->sweep[i], e);
	progress_end(&bar);
	j->options.progress = NULL, j->options.progress_data = NULL;
	return rc;
}

static bool draws_pictures(const struct job *j)
{
	return !j->form || j->form->picture;
}

static enum rc cases_make(struct job *j, struct err *e)
{
	struct report *r = &j->report;
	size_t row = 1;

	r->n = j->cases.n;
	r->cases = arena_alloc(r->arena, r->n * sizeof *r->cases);
	for (size_t i = 0; i < r->n; i++) {
		struct report_case *c = &r->cases[i];
		bool found = true;

		report_case_init(c, j->sweep[i], (size_t)j->points / r->n, r->arena);
		c->number = r->n > 1 ? i + 1 : 0;
		c->first_row = row;
		row += j->sweep[i]->n_points;
		TRY(report_sure(c, j->draws, e));
		if (draws_pictures(j))
			TRY(report_draw(c, &found, e));
		c->no_gnuplot = !found;
	}
	return RC_OK;
}

/* As the page itself has it: exit status 1 where nothing is feasible in any case. */
static enum rc verdict(const struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->report.n; i++) {
		if (j->sweep[i]->n_feasible > 0)
			return RC_OK;
	}
	return fail(e, RC_NO, "no schedule meets the budgets");
}

static enum rc make(struct job *j, struct err *e)
{
	const char *store = args_value(j->args, "store", NULL);
	enum rc rc;

	if (store)
		TRY(store_open(store, STORE_ANY, &j->options.store, e));
	rc = price(j, e);
	store_close(j->options.store);
	TRY(rc);
	TRY(cases_make(j, e));
	TRY(write_all(j, e));
	if (j->report.cases[0].no_gnuplot)
		fprintf(stderr,
		        "epsim: report: gnuplot is not in PATH: the page has no pictures\n");
	return verdict(j, e);
}

static enum rc options_read(struct job *j, struct err *e)
{
	const struct args *a = j->args;
	int64_t jobs;

	TRY(form_choose(j, e));
	TRY(args_integer(a, "jobs", jobs_default(), 1, &jobs, e));
	TRY(args_integer(a, "points", MOST_POINTS, 1, &j->points, e));
	TRY(args_integer(a, "draws", DRAWS, 0, &j->draws, e));
	if (j->draws > MOST_DRAWS)
		return fail(e, RC_CONFIG, "report: --draws %lld: at most %d", (long long)j->draws,
		            MOST_DRAWS);
	j->options.jobs = jobs > MOST_JOBS ? MOST_JOBS : (int)jobs;
	TRY(args_ratio(a, "rate", 0, 0, &j->report.rate_count, e));
	TRY(args_ratio(a, "load", 0.8, 1, &j->report.load_ratio, e));
	j->report.observed = args_value(a, "observed", NULL);
	j->report.as_flow = args_value(a, "as-flow", NULL);
	if (j->report.as_flow && !j->report.observed)
		return fail(e, RC_CONFIG, "--as-flow: it is of the rows of --observed");
	if (j->report.as_flow && !flow_find(j->report.as_flow, e))
		return e->rc;
	if (args_has(a, "engine"))
		j->config->sweep.engine = args_value(a, "engine", "");
	return RC_OK;
}

static enum rc report(struct job *j, struct err *e)
{
	if (j->args->n_words != 1)
		return fail(e, RC_CONFIG,
		            "report: one FILE of a sweep is needed, such as "
		            "configs/sweeps/deepseek-v3.1-cm384.yaml");
	TRY(args_config(j->args, j->args->word[0], j->config, e));
	TRY(options_read(j, e));
	TRY(sweep_cases(j->config, &j->cases, e));
	j->report.command = command_text(j->args, j->report.arena);
	j->sweep = arena_alloc(j->report.arena, j->cases.n * sizeof *j->sweep);
	return make(j, e);
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct job j = {
	        .args = a, .config = config_new(), .report = {.arena = arena_new()}, .out = out};
	enum rc rc = report(&j, e);

	for (size_t i = 0; j.sweep && i < j.cases.n; i++)
		sweep_free(j.sweep[i]);
	arena_free(j.report.arena);
	config_free(j.config);
	return rc;
}

static const struct option options[] = {
        {"out", "PATH", "a file (.html, .md, .csv, .json), or a folder for all of them"},
        {"format", "NAME", "html, markdown, csv or json; default: by --out, else markdown"},
        {"points", "N", "schedules that the page holds for its table and sliders; default 8000"},
        {"draws", "N", "of the machine's uncertain numbers; default 100; 0: none"},
        {"observed", "FILE,...", "measured times: how well this machine predicts them"},
        AS_FLOW_OPTION,
        {"rate", "N", "requests a second: also how many NPUs these take, by throughput"},
        {"load", "SHARE", "of a pool's throughput that is used then; default 80%"},
        {"engine", "NAME", "estimate, fluid or simgrid; default: the file's"},
        {"jobs", "N", "threads; default: all processors"},
        {"store", "FILE", "keep prices there, and take from it what an earlier sweep made"},
        {0},
};

const struct verb verb_report = {
        .name = "report",
        .doc = "Makes a page to decide on from a sweep: answer, front, what if, how sure",
        .usage = "FILE [option...]",
        .examples = {"epsim report configs/sweeps/deepseek-v3.1-cm384.yaml --out report.html",
                     "epsim report configs/sweeps/qwen3-235b-a2.yaml --set sweep.budget.tpot=40ms",
                     "epsim report configs/sweeps/qwen3-235b-a2.yaml --store a2.db --out out/a2"},
        .options = options,
        .takes_config = true,
        .about = "FILE is that of a sweep. The HTML page is one file that asks nothing of a "
                 "network; pictures need\ngnuplot. The same input makes the same bytes, whatever "
                 "--jobs.\n"
                 "Exit status 1: no schedule meets the budgets; the page says which comes nearest.",
        .run = run,
};
