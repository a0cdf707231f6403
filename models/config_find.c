/* Where named configs are: $EPSIM_CONFIGS, the source tree's configs/, the installed ones. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "models/config.h"

enum { MOST_NAMES = 1000 };

static const char *const kinds[SECTIONS] = {"machines", "models", "workloads", "routings"};

static size_t folders(const char *out[3])
{
	size_t n = 0;
	const char *user = getenv("EPSIM_CONFIGS");

	if (user && *user)
		out[n++] = user;
	out[n++] = EPSIM_SOURCE_CONFIG_DIR;
	out[n++] = EPSIM_CONFIG_DIR;
	return n;
}

static bool is_file(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && !S_ISDIR(s.st_mode);
}

bool config_is_path(const char *name)
{
	size_t length = strlen(name);

	return strchr(name, '/') || (length > 5 && strcmp(name + length - 5, ".yaml") == 0);
}

const char *config_find(const char *kind, const char *name, struct arena *a)
{
	const char *folder[3];
	size_t n = folders(folder);

	if (config_is_path(name))
		return arena_string(a, name);
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_print(a, "%s/%s/%s.yaml", folder[i], kind, name);

		if (is_file(path))
			return path;
	}
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t names_in(const char *folder, const char *kind, struct arena *a, const char **out,
                       size_t n)
{
	DIR *dir = opendir(arena_print(a, "%s/%s", folder, kind));
	struct dirent *entry;

	while (dir && n < MOST_NAMES && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (length > 5 && strcmp(entry->d_name + length - 5, ".yaml") == 0)
			out[n++] = arena_copy(a, entry->d_name, length - 5);
	}
	if (dir)
		closedir(dir);
	return n;
}

const char **config_names(enum section s, struct arena *a)
{
	const char **out = arena_alloc(a, (MOST_NAMES + 1) * sizeof *out), *folder[3];
	size_t n_folders = folders(folder), n = 0, kept = 0;

	if (!kinds[s])
		return out;
	for (size_t i = 0; i < n_folders; i++)
		n = names_in(folder[i], kinds[s], a, out, n);
	qsort(out, n, sizeof *out, by_text);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || strcmp(out[kept - 1], out[i]) != 0)
			out[kept++] = out[i];
	}
	out[kept] = NULL;
	return out;
}
