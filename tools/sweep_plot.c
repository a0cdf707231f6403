/* The pictures of a sweep: a table of the files that make them, then gnuplot. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "tools/plot_data.h"
#include "tools/plot_gnuplot.h"

static const struct plot_file {
	const char *name;
	void (*write)(const struct plot *p, FILE *out);
} files[] = {
        {"ttft_tpot.tsv", plot_ttft_points},
        {"ttft_tpot_region.tsv", plot_ttft_regions},
        {"ttft_tpot.gp", plot_ttft_script},
        {"phases_same.tsv", plot_phases_same},
        {"phases_same.gp", plot_phases_same_script},
        {"phases_best.tsv", plot_phases_best},
        {"phases_best.gp", plot_phases_best_script},
        {"throughput_tpot.tsv", plot_throughput_points},
        {"throughput_tpot_front.tsv", plot_throughput_fronts},
        {"throughput_tpot.gp", plot_throughput_script},
        {0},
};

/* Each by the script of its name, in both forms. */
static const char *const pictures[] = {"ttft_tpot", "phases_same", "phases_best", "throughput_tpot",
                                       NULL};
static const char *const forms[] = {"svg", "png", NULL};

static enum rc file_write(const struct plot *p, const char *dir, const struct plot_file *f,
                          struct err *e)
{
	const char *path = arena_print(p->arena, "%s/%s", dir, f->name);
	FILE *out = fopen(path, "w");
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	f->write(p, out);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	return RC_OK;
}

static void pictures_remove(const struct plot *p, const char *dir)
{
	for (size_t i = 0; pictures[i]; i++) {
		for (size_t k = 0; forms[k]; k++)
			(void)unlink(arena_print(p->arena, "%s/%s.%s", dir, pictures[i], forms[k]));
	}
}

/* What an earlier sweep left must not stand beside this one's. */
static void old_remove(const struct plot *p, const char *dir)
{
	pictures_remove(p, dir);
	for (size_t i = 0; files[i].name; i++)
		(void)unlink(arena_print(p->arena, "%s/%s", dir, files[i].name));
}

/* A run of gnuplot each: it does not forget all of one script before the next. */
static enum rc picture_draw(const struct plot *p, const char *dir, const char *name,
                            const char *form, bool *found, struct err *e)
{
	const char *const args[] = {"-d", "-e", arena_print(p->arena, "term='%s'", form),
	                            arena_print(p->arena, "%s.gp", name), NULL};

	return gnuplot_run(dir, args, found, e);
}

static enum rc pictures_draw(const struct plot *p, const char *dir, bool *found, struct err *e)
{
	*found = true;
	for (size_t i = 0; pictures[i]; i++) {
		for (size_t k = 0; *found && forms[k]; k++)
			TRY(picture_draw(p, dir, pictures[i], forms[k], found, e));
	}
	return RC_OK;
}

static void pictures_name(const char *dir, FILE *log)
{
	for (size_t i = 0; pictures[i]; i++) {
		for (size_t k = 0; forms[k]; k++)
			fprintf(log, "%s/%s.%s\n", dir, pictures[i], forms[k]);
	}
}

static enum rc plot_all(const struct plot *p, const char *dir, FILE *log, struct err *e)
{
	bool found;
	enum rc rc;

	old_remove(p, dir);
	if (p->n_priced == 0) {
		fprintf(log, "no pictures: no schedule could be priced\n");
		return RC_OK;
	}
	for (size_t i = 0; files[i].name; i++)
		TRY(file_write(p, dir, &files[i], e));
	rc = pictures_draw(p, dir, &found, e);
	if (rc != RC_OK)
		pictures_remove(p, dir); /* half drawn */
	else if (found)
		pictures_name(dir, log);
	else
		fprintf(log,
		        "no pictures: gnuplot is not in PATH; tables and scripts are there: "
		        "cd %s && gnuplot ttft_tpot.gp\n",
		        dir);
	return rc;
}

enum rc sweep_plot(const struct sweep *s, const char *dir, FILE *log, struct err *e)
{
	struct arena *a = arena_new();
	struct plot p;
	enum rc rc;

	plot_init(&p, s, a);
	rc = plot_all(&p, dir, log, e);
	arena_free(a);
	return rc;
}
