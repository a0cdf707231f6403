#include "traces/files.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "traces/decimal.h"

enum { MOST_FOLDERS_DEEP = 32 };

struct search {
	struct arena *a;
	struct trace_files *out;
	size_t room;
};

/* ---- what a path tells ----------------------------------------------------------------------- */

static bool ends(const char *text, size_t n, const char *with)
{
	size_t m = strlen(with);

	return n >= m && memcmp(text + n - m, with, m) == 0;
}

/* The folder that ends in _ascend_pt, or starts with PROF_; else the file's own. */
static const char *profile_of(const char *path, struct arena *a)
{
	const char *last = strrchr(path, '/');

	for (const char *from = path; *from;) {
		size_t n = strcspn(from, "/");

		if (from[n] == '/' &&
		    (ends(from, n, "_ascend_pt") || strncmp(from, "PROF_", 5) == 0))
			return arena_copy(a, path, (size_t)(from - path) + n);
		from += n + (from[n] == '/');
	}
	return last ? arena_copy(a, path, (size_t)(last - path)) : ".";
}

static int32_t rank_parse(const char *digits, size_t n)
{
	int64_t rank;

	return n > 0 && decimal_scaled(digits, n, AS_IS, &rank) && rank >= 0 && rank <= INT32_MAX
	               ? (int32_t)rank
	               : TRACE_UNKNOWN;
}

/* A part of the path such as rank3, rank_3, rank-3_...; the last counts. */
static int32_t rank_of_folder(const char *path)
{
	int32_t rank = TRACE_UNKNOWN;

	for (const char *p = path; (p = strstr(p, "rank")); p++) {
		const char *digits = p + 4 + (p[4] == '_' || p[4] == '-');
		int32_t found = rank_parse(digits, strspn(digits, "0123456789"));

		if ((p == path || p[-1] == '/' || p[-1] == '_') && found >= 0)
			rank = found;
	}
	return rank;
}

/* PREFIX3.SUFFIX in the folder: profiler_info_3.json, ascend_pytorch_profiler_3.db. */
static int32_t rank_of_file(const char *folder, const char *prefix, const char *suffix)
{
	DIR *d = opendir(folder);
	int32_t rank = TRACE_UNKNOWN;
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		size_t n = strlen(prefix);
		const char *digits = entry->d_name + n;
		size_t n_digits;
		int32_t found;

		if (strncmp(entry->d_name, prefix, n) != 0)
			continue;
		n_digits = strspn(digits, "0123456789");
		found = rank_parse(digits, n_digits);
		if (strcmp(digits + n_digits, suffix) == 0 && found > rank)
			rank = found;
	}
	if (d)
		closedir(d);
	return rank;
}

static int32_t rank_of(const struct trace_file *f, struct arena *a)
{
	int32_t rank = rank_of_file(f->profile, "profiler_info_", ".json");

	if (rank < 0)
		rank = rank_of_file(arena_print(a, "%s/ASCEND_PROFILER_OUTPUT", f->profile),
		                    "ascend_pytorch_profiler_", ".db");
	if (rank < 0)
		rank = rank_of_file(f->profile, "ascend_pytorch_profiler_", ".db");
	return rank < 0 ? rank_of_folder(f->path) : rank;
}

/* ---- search ---------------------------------------------------------------------------------- */

static void file_add(struct search *s, const char *path, const struct stat *status,
                     const struct trace_reader *reader)
{
	struct trace_files *out = s->out;

	if (out->n == s->room) {
		struct trace_file *old = out->file;

		s->room = s->room ? 2 * s->room : 64;
		out->file = arena_alloc(s->a, s->room * sizeof *out->file);
		if (old)
			memcpy(out->file, old, out->n * sizeof *old);
	}
	out->file[out->n++] = (struct trace_file){.path = path,
	                                          .reader = reader,
	                                          .n_bytes = status->st_size,
	                                          .device = status->st_dev,
	                                          .inode = status->st_ino};
}

/* In a folder, what is known neither by name nor by content is left alone. */
static enum rc file_try(struct search *s, const char *path, const struct stat *status, bool named,
                        struct err *e)
{
	const struct trace_reader *reader;
	enum rc rc = trace_reader_find(path, &reader, e);

	if (rc == RC_NO && !named) {
		s->out->n_other++;
		e->text[0] = '\0';
		return RC_OK;
	}
	if (rc == RC_NO)
		return e->rc = RC_DATA;
	TRY(rc);
	file_add(s, path, status, reader);
	return RC_OK;
}

static enum rc folder_search(struct search *s, const char *path, int depth, struct err *e);

static enum rc entry_try(struct search *s, const char *path, bool named, int depth, struct err *e)
{
	struct stat status, link;

	if (stat(path, &status) != 0 || lstat(path, &link) != 0)
		return fail(e, RC_DATA, "%s: %s", path, strerror(errno));
	if (S_ISDIR(status.st_mode)) {
		if (S_ISLNK(link.st_mode) && !named)
			return RC_OK;
		return folder_search(s, path, depth + 1, e);
	}
	if (S_ISREG(status.st_mode))
		return file_try(s, path, &status, named, e);
	return named ? fail(e, RC_DATA, "%s: neither a file nor a folder", path) : RC_OK;
}

static enum rc folder_search(struct search *s, const char *path, int depth, struct err *e)
{
	size_t n = strlen(path);
	struct dirent *entry;
	enum rc rc = RC_OK;
	DIR *d;

	if (depth > MOST_FOLDERS_DEEP)
		return fail(e, RC_DATA, "%s: more than %d folders deep", path, MOST_FOLDERS_DEEP);
	d = opendir(path);
	if (!d)
		return fail(e, RC_DATA, "%s: cannot be opened: %s", path, strerror(errno));
	while (n > 1 && path[n - 1] == '/')
		n--;
	while (rc == RC_OK && (entry = readdir(d))) {
		if (entry->d_name[0] != '.')
			rc = entry_try(s, arena_print(s->a, "%.*s/%s", (int)n, path, entry->d_name),
			               false, depth, e);
	}
	closedir(d);
	return rc;
}

/* ---- what is taken --------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
	const struct trace_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static size_t place_of(const struct trace_reader *r)
{
	size_t i = 0;

	while (trace_readers[i] != r)
		i++;
	return i;
}

/* Benchmarks are no profile: each file is its own. */
static bool is_same_profile(const struct trace_file *x, const struct trace_file *y)
{
	return strcmp(x->profile, y->profile) == 0;
}

static void take_choose(struct trace_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		struct trace_file *f = &files->file[i];

		f->take = f->reader->gives;
		for (size_t k = 0; k < files->n; k++) {
			const struct trace_file *other = &files->file[k];

			if (is_same_profile(f, other) &&
			    place_of(other->reader) < place_of(f->reader))
				f->take &= ~(other->reader->gives & ~(unsigned)GIVES_POINTS);
		}
	}
}

static bool is_same_file(const struct trace_file *x, const struct trace_file *y)
{
	return x->device == y->device && x->inode == y->inode;
}

/* The first path of each file stays. */
static void drop_doubles(struct trace_files *files)
{
	size_t n = 0;

	for (size_t i = 0; i < files->n; i++) {
		bool again = false;

		for (size_t k = 0; k < n && !again; k++)
			again = is_same_file(&files->file[k], &files->file[i]);
		if (!again)
			files->file[n++] = files->file[i];
	}
	files->n = n;
}

enum rc trace_files_find(const char *const *names, size_t n_names, struct arena *a,
                         struct trace_files *files, struct err *e)
{
	struct search s = {.a = a, .out = files};

	*files = (struct trace_files){.n = 0};
	for (size_t i = 0; i < n_names; i++)
		TRY(entry_try(&s, arena_string(a, names[i]), true, 0, e));
	if (files->n == 0)
		return fail(
		        e, RC_DATA,
		        "%s: no trace file in it (%zu other file%s; `epsim trace formats` tells "
		        "what is read)",
		        names[0], files->n_other, files->n_other == 1 ? "" : "s");
	qsort(files->file, files->n, sizeof *files->file, by_path);
	drop_doubles(files);
	for (size_t i = 0; i < files->n; i++) {
		files->file[i].profile = profile_of(files->file[i].path, a);
		files->file[i].rank = rank_of(&files->file[i], a);
	}
	take_choose(files);
	return RC_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct filter {
	const struct trace_file *file;
	const struct trace_sink *sink;
};

static bool is_taken(const struct trace_event *ev, unsigned take)
{
	switch (ev->kind) {
	case TRACE_KERNEL:
		return take & GIVES_OPS;
	case TRACE_COLLECTIVE:
		return take & (GIVES_OPS | GIVES_WAITS);
	case TRACE_TRANSFER:
		return take & GIVES_TRANSFERS;
	case TRACE_STATISTIC:
		return take & GIVES_STATISTICS;
	case TRACE_PART:
		return take & GIVES_PARTS;
	default:
		return take & GIVES_POINTS;
	}
}

static enum rc filter_take(void *data, const struct trace_event *ev, struct err *e)
{
	const struct filter *f = data;
	unsigned take = f->file->take;
	struct trace_event copy;

	if (!is_taken(ev, take))
		return RC_OK;
	copy = *ev;
	if (copy.rank < 0)
		copy.rank = f->file->rank;
	if (!(take & GIVES_OPS) && copy.kind == TRACE_COLLECTIVE)
		copy.duration_ns = TRACE_UNKNOWN; /* another file has it */
	if (!(take & GIVES_WAITS))
		copy.transit_ns = copy.wait_ns = TRACE_UNKNOWN;
	return f->sink->take(f->sink->data, &copy, e);
}

enum rc trace_file_read(const struct trace_file *file, const struct trace_sink *sink, struct err *e)
{
	struct filter f = {file, sink};
	const struct trace_sink filtered = {filter_take, &f};

	return file->take ? file->reader->read(file->path, &filtered, e) : RC_OK;
}
