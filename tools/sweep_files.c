#include "tools/sweep_files.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum rc folder_make(const char *path, struct err *e)
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

/* What a file of the folder is written from. */
struct written {
	const struct config *config;
	struct sweep *const *sweep;
	size_t n;
	const struct sweep_run_info *info;
};

static enum rc file_write(const struct written *s, const char *dir, const char *name,
                          struct arena *a, struct err *e)
{
	const char *path = arena_print(a, "%s/%s", dir, name);
	FILE *out = fopen(path, "w");
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	if (strcmp(name, "points.csv") == 0)
		sweep_report_csv(s->sweep, s->n, out);
	else if (strcmp(name, "config.yaml") == 0)
		config_dump(s->config, out);
	else
		sweep_report_text(s->sweep, s->n, s->info, out);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	return RC_OK;
}

static enum rc pictures_write(const struct written *s, const char *dir, FILE *log, struct arena *a,
                              struct err *e)
{
	if (s->n == 1)
		return sweep_plot(s->sweep[0], dir, log, e);
	for (size_t i = 0; i < s->n; i++) {
		const char *at = arena_print(a, "%s/case-%zu", dir, i + 1);

		TRY(folder_make(at, e));
		TRY(sweep_plot(s->sweep[i], at, log, e));
	}
	return RC_OK;
}

enum rc sweep_files(const struct config *c, struct sweep *const *s, size_t n,
                    const struct sweep_run_info *info, const char *dir, FILE *log, struct err *e)
{
	static const char *const names[] = {"points.csv", "config.yaml", "summary.txt"};
	const struct written of = {c, s, n, info};
	struct arena *a = arena_new();
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < sizeof names / sizeof *names; i++)
		rc = file_write(&of, dir, names[i], a, e);
	if (rc == RC_OK) {
		fprintf(log, "\nwritten to %s: points.csv, config.yaml, summary.txt\n", dir);
		rc = pictures_write(&of, dir, log, a, e);
	}
	arena_free(a);
	return rc;
}
