/* epsim calibrate: a machine's free parameters from measured rows. */
#include <stdlib.h>
#include <string.h>
#include "tools/calibrate_report.h"
#include "tools/progress.h"

/* Rows of one machine. */
static size_t rows_of(const struct observed *o, size_t machine, const struct observation **row)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n; i++) {
		if (o->machine[i] == machine)
			row[n++] = o->row[i];
	}
	return n;
}

/* Has the machine rows of this file? */
static bool file_used(const struct observed *o, size_t machine, const char *path)
{
	for (size_t i = 0; i < o->n; i++) {
		if (o->machine[i] == machine && strcmp(o->row[i]->file, path) == 0)
			return true;
	}
	return false;
}

/* What the user typed, for the file that is written: the files that had rows of the machine,
 * without the paths that lead to them. */
static const char *command_text(const struct args *a, const struct observed *o, size_t machine,
                                struct arena *arena)
{
	const char *text = "epsim calibrate";

	for (size_t i = 0; i < a->n_words; i++) {
		const char *slash = strrchr(a->word[i], '/');

		if (file_used(o, machine, a->word[i]))
			text = arena_print(arena, "%s %s", text, slash ? slash + 1 : a->word[i]);
	}
	for (size_t i = 0; i < a->n_given; i++) {
		const char *name = a->given[i].option->name;

		if (strcmp(name, "jobs") == 0 || strcmp(name, "json") == 0 ||
		    strcmp(name, "out") == 0)
			continue;
		text = arena_print(arena, "%s --%s%s%s", text, name,
		                   a->given[i].option->value ? " " : "",
		                   a->given[i].option->value ? a->given[i].value : "");
	}
	return text;
}

/* Do kernels of these rows have ratios in the machine's calibration? Then that was made of them. */
static bool rows_known(const struct machine *m, const struct observation *const *row, size_t n)
{
	const struct field_list *kernel = &m->calibration.kernels;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < kernel->n; k++) {
			if (strcmp(row[i]->kernel, kernel->text[k]) == 0)
				return true;
		}
	}
	return false;
}

/* A machine that was calibrated with other rows is where these rows begin; with these, it would
 * count them twice. */
static enum rc priors_choose(const struct args *a, const struct machine *m,
                             const struct observation *const *row, size_t n,
                             struct calibrate_options *options, const char **text, struct err *e)
{
	static const char *const names[] = {"auto", "sources", "values", NULL};
	const char *wish = args_value(a, "prior", names[0]);
	bool calibrated = m->calibration.kernels.n > 0;
	char slip[128];

	if (strcmp(wish, names[0]) != 0 && strcmp(wish, names[1]) != 0 &&
	    strcmp(wish, names[2]) != 0)
		return fail(e, RC_CONFIG, "--prior: '%s' is no auto, sources or values%s", wish,
		            hint(slip, sizeof slip, wish, names));
	options->from_values =
	        strcmp(wish, names[2]) == 0 ||
	        (strcmp(wish, names[0]) == 0 && calibrated && !rows_known(m, row, n));
	*text = !calibrated            ? "of the machine's sources"
	        : options->from_values ? "are the machine's values, calibrated with other rows"
	                               : "of the machine's sources, before its calibration";
	return RC_OK;
}

static enum rc machine_calibrate(const struct args *a, const struct observed *o, size_t machine,
                                 struct calibrate_options *options, struct arena *arena,
                                 struct calibration_report *r, struct calibrated *out,
                                 struct err *e)
{
	const struct config *c = o->machines[machine].config;
	const struct observation **row = arena_alloc(arena, o->n * sizeof *row);
	size_t n = rows_of(o, machine, row);

	TRY(priors_choose(a, &c->machine, row, n, options, &r->priors, e));
	TRY(calibrate(&c->machine, c->notes[SECTION_MACHINE], c->where[SECTION_MACHINE], row, n,
	              options, arena, out, e));
	out->digest = observations_digest(row, n);
	return RC_OK;
}

static enum rc machines_calibrate(const struct args *a, const struct observed *o,
                                  struct calibrate_options *options, FILE *out, struct err *e)
{
	struct json *j = args_has(a, "json") ? json_new(out) : NULL;
	const char *path = args_value(a, "out", NULL);
	enum rc rc = RC_OK;

	if (path && o->n_machines > 1)
		rc = fail(e, RC_CONFIG,
		          "--out: rows of %zu machines; choose one with --machine, such as %s",
		          o->n_machines, o->machines[0].name);
	if (j) {
		json_object(j, NULL);
		json_array(j, "machines");
	}
	for (size_t m = 0; rc == RC_OK && m < o->n_machines; m++) {
		struct arena *arena = arena_new();
		struct calibrated c = {0};
		struct calibration_report r = {o->machines[m].name, &c, options->fold, NULL};
		struct progress bar;

		progress_init(&bar, "calibrate");
		options->progress = progress_step, options->progress_data = &bar;
		rc = machine_calibrate(a, o, m, options, arena, &r, &c, e);
		progress_end(&bar);
		options->progress = NULL, options->progress_data = NULL;
		if (rc == RC_OK && path)
			rc = machine_write(o->machines[m].config, &c, command_text(a, o, m, arena),
			                   path, e);
		if (rc == RC_OK && j)
			calibrate_json(&r, j);
		else if (rc == RC_OK)
			calibrate_text(&r, out);
		calibrated_fini(&c);
		arena_free(arena);
	}
	if (j) {
		json_close(j);
		observed_skips_json(o, j);
		json_close(j);
		json_free(j);
	} else if (rc == RC_OK) {
		fputs("\n", out);
		observed_skips_text(o, out);
	}
	return rc;
}

static enum rc fold_read(const struct args *a, enum fold_by *out, struct err *e)
{
	const char *text = args_value(a, "holdout", fold_names[FOLD_GROUP]);
	char slip[128];

	for (int i = 0; i < FOLD_KINDS; i++) {
		if (strcmp(text, fold_names[i]) == 0)
			return *out = (enum fold_by)i, RC_OK;
	}
	return fail(e, RC_CONFIG, "--holdout: '%s' is no group, source, kernel, row or none%s",
	            text, hint(slip, sizeof slip, text, fold_names));
}

static enum rc options_read(const struct args *a, struct calibrate_options *out, struct err *e)
{
	enum { STARTS = 8 };
	int64_t jobs, starts, seed;

	TRY(args_integer(a, "jobs", jobs_default(), 1, &jobs, e));
	TRY(args_integer(a, "starts", STARTS, 1, &starts, e));
	TRY(args_integer(a, "seed", 0, 0, &seed, e));
	out->jobs = jobs > 256 ? 256 : (int)jobs;
	out->starts = starts > 10000 ? 10000 : (size_t)starts;
	out->seed = (uint64_t)seed;
	return fold_read(a, &out->fold, e);
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct calibrate_options options = {0};
	struct observed o = {0};
	enum rc rc;

	TRY(options_read(a, &options, e));
	rc = observed_open(a, false, &o, e);
	if (rc == RC_OK)
		rc = machines_calibrate(a, &o, &options, out, e);
	observed_close(&o);
	return rc;
}

static const struct option options[] = {
        {"machine", "NAME,...",
         "only rows of these machines; a file of a machine: all rows, as made on that one"},
        OBSERVED_OPTIONS,
        {"holdout", "WHAT", "leave out by group (default), source, kernel, row or none"},
        {"prior", "WHAT",
         "sources: before any calibration; values: the machine's as they are; auto (default): "
         "values where its calibration had other kernels than these rows"},
        {"starts", "N", "starts of the fit, all but the first at random; default 8"},
        {"out", "FILE", "write the calibrated machine (rows of one machine only)"},
        {"jobs", "N", "threads; default: all processors"},
        {0},
};

const struct verb verb_calibrate = {
        .name = "calibrate",
        .doc = "Fits a machine's free parameters to measured times, with sd and held-out error",
        .usage = "FILE... [option...]",
        .examples = {"epsim calibrate measured.csv --machine cloudmatrix384 --out mine.yaml",
                     "epsim calibrate measured/*.csv --flow relay2 --holdout source --json"},
        .options = options,
        .about = "FILE holds observations, a CSV that traces/OBSERVATIONS.md describes. Each row "
                 "belongs to the\nmachine that it names; parameters with `fit: yes` and an sd in "
                 "its YAML are moved. Rows of your\nown refine a machine that was calibrated with "
                 "others; the same rows again, or with others, start\nfrom its sources (--prior). "
                 "sim/CALIBRATION.md tells how, and how far the results go.",
        .run = run,
};
