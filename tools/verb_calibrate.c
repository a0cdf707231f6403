/* epsim calibrate: a machine's free parameters from measured rows. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tools/calibrate_report.h"
#include "tools/progress.h"
#include "tools/sweep_files.h"

enum { ALL_MACHINES = SIZE_MAX };

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

/* Has the machine, or any, rows of this file? */
static bool file_used(const struct observed *o, size_t machine, const char *path)
{
	for (size_t i = 0; i < o->n; i++) {
		if ((machine == ALL_MACHINES || o->machine[i] == machine) &&
		    strcmp(o->row[i]->file, path) == 0)
			return true;
	}
	return false;
}

static const char *file_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What the user typed, for the file that is written: the files that had rows of the machine,
 * without the paths that lead to them. */
static const char *command_text(const struct args *a, const struct observed *o, size_t machine,
                                struct arena *arena)
{
	const char *text = "epsim calibrate";

	for (size_t i = 0; i < a->n_words; i++) {
		if (file_used(o, machine, a->word[i]))
			text = arena_print(arena, "%s %s", text, file_of(a->word[i]));
	}
	for (size_t i = 0; i < a->n_given; i++) {
		const char *name = a->given[i].option->name, *value = a->given[i].value;

		if (strcmp(name, "jobs") == 0 || strcmp(name, "json") == 0 ||
		    strcmp(name, "out") == 0)
			continue;
		text = arena_print(arena, "%s --%s%s%s", text, name,
		                   a->given[i].option->value ? " " : "",
		                   !a->given[i].option->value     ? ""
		                   : strcmp(name, "machine") == 0 ? file_of(value)
		                                                  : value);
	}
	return text;
}

/* ---- where files go ---- */

static bool is_folder(const char *path)
{
	struct stat s;

	return path[strlen(path) - 1] == '/' || (stat(path, &s) == 0 && S_ISDIR(s.st_mode));
}

/* "NAME.yaml", of a name that may be a path itself. */
static const char *file_name(const char *machine, struct arena *arena)
{
	const char *slash = strrchr(machine, '/'), *name = slash ? slash + 1 : machine;
	size_t n = strlen(name), n_ending = strlen(".yaml");

	if (n > n_ending && strcmp(name + n - n_ending, ".yaml") == 0)
		n -= n_ending;
	return arena_print(arena, "%.*s.yaml", (int)n, name);
}

static enum rc names_differ(const struct observed *o, struct err *e)
{
	for (size_t i = 0; i < o->n_machines; i++) {
		for (size_t k = 0; k < i; k++) {
			const char *name = file_name(o->machines[i].name, o->set.arena);

			if (strcmp(name, file_name(o->machines[k].name, o->set.arena)) == 0)
				return fail(e, RC_CONFIG,
				            "--out: %s and %s would both be written to %s",
				            o->machines[k].name, o->machines[i].name, name);
		}
	}
	return RC_OK;
}

/* A file for one machine, a folder for any number. */
static enum rc out_check(const struct args *a, const struct observed *o, struct err *e)
{
	const char *path = args_value(a, "out", NULL);

	if (!path)
		return RC_OK;
	if (!*path)
		return fail(e, RC_CONFIG, "--out: a FILE or a folder is needed");
	if (is_folder(path)) {
		TRY(names_differ(o, e));
		return folder_make(path, e);
	}
	if (o->n_machines > 1)
		return fail(
		        e, RC_CONFIG,
		        "--out: rows of %zu machines; choose one with --machine, such as %s, or "
		        "name a folder for all, such as machines/",
		        o->n_machines, o->machines[0].name);
	return RC_OK;
}

static const char *out_path(const char *path, const char *machine, struct arena *arena)
{
	const char *between = path[strlen(path) - 1] == '/' ? "" : "/";

	return is_folder(path)
	               ? arena_print(arena, "%s%s%s", path, between, file_name(machine, arena))
	               : path;
}

static enum rc file_write(const struct args *a, const struct observed *o, size_t machine,
                          size_t command_of, const struct calibrated *c, struct arena *arena,
                          struct err *e)
{
	const struct observed_machine *m = &o->machines[machine];
	const char *path = args_value(a, "out", NULL);

	if (!path)
		return RC_OK;
	return machine_write(m->config, c, command_text(a, o, command_of, arena),
	                     out_path(path, m->name, arena), e);
}

/* ---- machines one by one ---- */

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
static enum rc priors_choose(const struct args *a, struct calibrate_machine *m, const char **text,
                             struct err *e)
{
	static const char *const names[] = {"auto", "sources", "values", NULL};
	const char *wish = args_value(a, "prior", names[0]);
	bool calibrated = m->machine->calibration.kernels.n > 0;
	char slip[128];

	if (strcmp(wish, names[0]) != 0 && strcmp(wish, names[1]) != 0 &&
	    strcmp(wish, names[2]) != 0)
		return fail(e, RC_CONFIG, "--prior: '%s' is no auto, sources or values%s", wish,
		            hint(slip, sizeof slip, wish, names));
	m->from_values =
	        strcmp(wish, names[2]) == 0 || (strcmp(wish, names[0]) == 0 && calibrated &&
	                                        !rows_known(m->machine, m->row, m->n_rows));
	*text = !calibrated      ? "of the machine's sources"
	        : m->from_values ? "are the machine's values, calibrated with other rows"
	                         : "of the machine's sources, before its calibration";
	return RC_OK;
}

static enum rc machine_given(const struct args *a, const struct observed *o, size_t machine,
                             struct arena *arena, struct calibrate_machine *out,
                             const char **priors, struct err *e)
{
	const struct config *c = o->machines[machine].config;
	const struct observation **row = arena_alloc(arena, o->n * sizeof *row);

	*out = (struct calibrate_machine){.name = o->machines[machine].name,
	                                  .machine = &c->machine,
	                                  .notes = c->notes[SECTION_MACHINE],
	                                  .where = c->where[SECTION_MACHINE],
	                                  .row = row,
	                                  .n_rows = rows_of(o, machine, row)};
	return priors_choose(a, out, priors, e);
}

static enum rc machine_calibrate(const struct args *a, const struct observed *o, size_t machine,
                                 const struct calibrate_options *options, struct arena *arena,
                                 struct calibration_report *r, struct calibrated *out,
                                 struct err *e)
{
	struct calibrate_options with_priors = *options;
	struct calibrate_machine m;

	TRY(machine_given(a, o, machine, arena, &m, &r->priors, e));
	with_priors.from_values = m.from_values;
	TRY(calibrate(m.machine, m.notes, m.where, m.row, m.n_rows, &with_priors, arena, out, e));
	out->digest = observations_digest(m.row, m.n_rows);
	return RC_OK;
}

static enum rc each_calibrate(const struct args *a, const struct observed *o,
                              const struct calibrate_options *options, struct json *j, FILE *out,
                              struct err *e)
{
	enum rc rc = RC_OK;

	if (j)
		json_array(j, "machines");
	for (size_t m = 0; rc == RC_OK && m < o->n_machines; m++) {
		struct arena *arena = arena_new();
		struct calibrated c = {0};
		struct calibration_report r = {
		        .machine = o->machines[m].name, .result = &c, .fold = options->fold};

		rc = machine_calibrate(a, o, m, options, arena, &r, &c, e);
		progress_end(options->progress_data);
		if (rc == RC_OK)
			rc = file_write(a, o, m, m, &c, arena, e);
		if (rc == RC_OK && j)
			calibrate_json(&r, j);
		else if (rc == RC_OK)
			calibrate_text(&r, out);
		calibrated_fini(&c);
		arena_free(arena);
	}
	if (j)
		json_close(j);
	return rc;
}

/* ---- machines together ---- */

static void joint_report(const struct calibration_report *r, size_t n, struct json *j, FILE *out)
{
	if (j) {
		joint_json(r, n, "joint", j);
		json_array(j, "machines");
	} else {
		joint_text(r, n, out);
	}
	for (size_t m = 0; m < n; m++) {
		if (j)
			calibrate_json(&r[m], j);
		else
			calibrate_text(&r[m], out);
	}
	if (j)
		json_close(j);
}

/* Fits and writes; reports of all of them in r. */
static enum rc joint_run(const struct args *a, const struct observed *o,
                         const struct calibrate_options *options, struct arena *arena,
                         struct calibrated *c, struct joint *joint, struct calibration_report *r,
                         struct err *e)
{
	size_t n = o->n_machines;
	struct calibrate_machine *m = arena_alloc(arena, n * sizeof *m);

	for (size_t i = 0; i < n; i++) {
		r[i] = (struct calibration_report){.machine = o->machines[i].name,
		                                   .result = &c[i],
		                                   .fold = options->fold,
		                                   .joint = joint,
		                                   .at = i};
		TRY(machine_given(a, o, i, arena, &m[i], &r[i].priors, e));
	}
	TRY(calibrate_joint(m, n, args_value(a, "share", NULL), options, arena, c, joint, e));
	for (size_t i = 0; i < n; i++)
		c[i].digest = observations_digest(o->row, o->n);
	for (size_t i = 0; i < n; i++)
		TRY(file_write(a, o, i, ALL_MACHINES, &c[i], arena, e));
	return RC_OK;
}

static enum rc joint_calibrate(const struct args *a, const struct observed *o,
                               const struct calibrate_options *options, struct json *j, FILE *out,
                               struct err *e)
{
	struct arena *arena = arena_new();
	size_t n = o->n_machines;
	struct calibrated *c = arena_alloc(arena, n * sizeof *c);
	struct calibration_report *r = arena_alloc(arena, n * sizeof *r);
	struct joint joint;
	enum rc rc = joint_run(a, o, options, arena, c, &joint, r, e);

	progress_end(options->progress_data);
	if (rc == RC_OK)
		joint_report(r, n, j, out);
	for (size_t i = 0; i < n; i++)
		calibrated_fini(&c[i]);
	arena_free(arena);
	return rc;
}

static enum rc machines_calibrate(const struct args *a, const struct observed *o,
                                  const struct calibrate_options *options, FILE *out, struct err *e)
{
	struct calibrate_options shown = *options;
	struct json *j;
	struct progress bar;
	enum rc rc;

	TRY(out_check(a, o, e));
	progress_init(&bar, "calibrate");
	shown.progress = progress_step, shown.progress_data = &bar;
	j = args_has(a, "json") ? json_new(out) : NULL;
	if (j)
		json_object(j, NULL);
	rc = (args_has(a, "share") ? joint_calibrate : each_calibrate)(a, o, &shown, j, out, e);
	if (j) {
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
        {"share", "PATH,...", "parameters or groups that are one number in all machines"},
        {"out", "FILE|DIR/", "write the calibrated machine; of several, NAME.yaml each into DIR"},
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
                 "Machines are fitted one by one; with --share, such as --share "
                 "vector.scan,sync, they are fitted\ntogether, and a parameter named there, or of "
                 "a group named there, is one number in all machines\nwhere it is free. "
                 "sim/CALIBRATION.md tells how, and how far the results go.",
        .run = run,
};
