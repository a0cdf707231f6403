/* The table of trace formats, and which one a file has. */
#pragma once
#include <stddef.h>
#include "traces/event.h"

/* What a format tells. The files of one profile often tell the same thing several times; of those
 * that do, the first in the table is used (traces/files.h). */
enum trace_gives {
	GIVES_OPS = 1,        /* KERNEL, COLLECTIVE with their durations */
	GIVES_TRANSFERS = 2,  /* TRANSFER */
	GIVES_WAITS = 4,      /* COLLECTIVE with transit and wait */
	GIVES_STATISTICS = 8, /* STATISTIC */
	GIVES_PARTS = 16,     /* PART */
	GIVES_POINTS = 32,    /* POINT */
};

/* The start of a file, as far as it is needed to tell what it is. */
struct trace_head {
	const char *path, *name; /* name: without folders */
	const char *text;        /* NUL-terminated; it may hold NULs */
	size_t n;
};

enum { TRACE_HEAD_BYTES = 1 << 15, TRACE_PATTERNS = 3 };

/* One format: one row, in a file read_*.c. */
struct trace_reader {
	const char *name;
	const char *pattern[TRACE_PATTERNS]; /* of file names, as the shell matches them */
	unsigned gives;                      /* of enum trace_gives */
	/* Does the text look like this format? Only reads. */
	bool (*holds)(const struct trace_head *head);
	/* Gives all events of the file, in its order. RC_DATA, with path and line where the format
	   has lines, for what is malformed: nothing is skipped silently. */
	enum rc (*read)(const char *path, const struct trace_sink *sink, struct err *e);
};

extern const struct trace_reader reader_kernel_details, reader_op_summary, reader_matrix,
        reader_database, reader_communication, reader_chrome, reader_op_statistic,
        reader_step_trace, reader_recorder, reader_hccl_test, reader_nccl_tests, reader_osu,
        reader_perftest, reader_shmem, reader_msmodeling_comm, reader_msmodeling_op;

extern const struct trace_reader *const trace_readers[]; /* ends with NULL; order: see above */

/* The format of a file: that of its content, where several fit that of its name too. RC_DATA when
 * there is none, with a message that names all formats; RC_NO, with the same message, when the file
 * is readable and neither its name nor its content is known. */
enum rc trace_reader_find(const char *path, const struct trace_reader **reader, struct err *e);

const struct trace_reader *trace_reader_named(const char *name); /* NULL: none */
