#include "traces/readers.h"
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"

/* To add a format, add its row. */
const struct trace_reader *const trace_readers[] = {
        &reader_kernel_details, &reader_op_summary,      &reader_matrix,        &reader_database,
        &reader_chrome, /* before communication, which has collectives alone */
        &reader_communication,  &reader_op_statistic,    &reader_step_trace,    &reader_recorder,
        &reader_hccl_test,      &reader_nccl_tests,      &reader_osu,           &reader_perftest,
        &reader_shmem,          &reader_msmodeling_comm, &reader_msmodeling_op, NULL,
};

static bool is_named(const struct trace_reader *r, const char *name)
{
	for (size_t i = 0; i < TRACE_PATTERNS && r->pattern[i]; i++) {
		if (fnmatch(r->pattern[i], name, 0) == 0)
			return true;
	}
	return false;
}

/* Of what program a file that starts so is the packed form; NULL: not packed. */
static const char *packed_by(const struct trace_head *h)
{
	static const struct {
		const char *start, *program;
	} packers[] = {{"\x1f\x8b", "gzip"},
	               {"PK\x03\x04", "zip"},
	               {"\x28\xb5\x2f\xfd", "zstd"},
	               {"\xfd"
	                "7zXZ",
	                "xz"}};

	for (size_t i = 0; i < sizeof packers / sizeof *packers; i++) {
		size_t n = strlen(packers[i].start);

		if (h->n >= n && memcmp(h->text, packers[i].start, n) == 0)
			return packers[i].program;
	}
	return NULL;
}

static enum rc unknown(const struct trace_head *h, struct err *e)
{
	static const char pointer[] = "version https://git-lfs.github.com/";
	char known[512];
	size_t n = 0;

	if (strncmp(h->text, pointer, sizeof pointer - 1) == 0)
		return fail(e, RC_DATA, "%s:1: a pointer of Git LFS, not the data: `git lfs pull`",
		            h->path);
	if (packed_by(h))
		return fail(e, RC_NO, "%s:1: packed by %s: unpack it first", h->path, packed_by(h));
	for (size_t i = 0; trace_readers[i] && n < sizeof known; i++)
		n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "",
		                      trace_readers[i]->name);
	return fail(e, RC_NO, "%s:1: no trace known here; the formats are %s", h->path, known);
}

static enum rc head_read(const char *path, char *text, struct trace_head *h, struct err *e)
{
	const char *slash = strrchr(path, '/');
	FILE *in = fopen(path, "rb");
	bool bad;

	if (!in)
		return fail(e, RC_DATA, "%s: cannot be opened: %s", path, strerror(errno));
	*h = (struct trace_head){path, slash ? slash + 1 : path, text,
	                         fread(text, 1, TRACE_HEAD_BYTES, in)};
	bad = ferror(in);
	fclose(in);
	if (bad)
		return fail(e, RC_DATA, "%s: cannot be read: %s", path, strerror(errno));
	return RC_OK;
}

/* A file whose name alone is known is read too: its reader says what is wrong in it. */
static const struct trace_reader *reader_choose(const struct trace_head *h)
{
	const struct trace_reader *fits = NULL, *named = NULL;

	for (size_t i = 0; trace_readers[i]; i++) {
		bool by_name = is_named(trace_readers[i], h->name);
		bool by_text = trace_readers[i]->holds(h);

		if (by_name && by_text)
			return trace_readers[i];
		if (by_text && !fits)
			fits = trace_readers[i];
		if (by_name && !named)
			named = trace_readers[i];
	}
	return fits ? fits : named;
}

enum rc trace_reader_find(const char *path, const struct trace_reader **reader, struct err *e)
{
	char *text = heap_zeroed(TRACE_HEAD_BYTES + 1, 1);
	struct trace_head h = {path, path, text, 0};
	enum rc rc = head_read(path, text, &h, e);

	if (rc == RC_OK) {
		const struct trace_reader *r = reader_choose(&h);

		if (r)
			*reader = r;
		else
			rc = unknown(&h, e);
	}
	free(text);
	return rc;
}

const struct trace_reader *trace_reader_named(const char *name)
{
	for (size_t i = 0; trace_readers[i]; i++) {
		if (strcmp(trace_readers[i]->name, name) == 0)
			return trace_readers[i];
	}
	return NULL;
}
