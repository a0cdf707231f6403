/* Files and folders to the trace files among them: which format each has, which profile and rank it
 * is of, and what is to be taken from it so that nothing counts twice. */
#pragma once
#include "models/base/arena.h"
#include "traces/readers.h"

struct trace_file {
	const char *path;
	const struct trace_reader *reader;
	const char *profile; /* folder of one rank's profile: files of it tell the same things */
	int32_t rank;        /* that its names tell: rank3_..., ..._3.db; or TRACE_UNKNOWN */
	unsigned take;       /* of enum trace_gives; 0: all of it is in other files */
	int64_t n_bytes;
	uint64_t device, inode; /* private: which file it is, whatever its path */
};

struct trace_files {
	size_t n;
	struct trace_file *file; /* by path */
	size_t n_other;          /* of no format known here, in folders */
};

/* Names: files and folders, which are searched with those within (not through links to folders).
 * What several files of one profile give is taken from those whose format comes first in
 * trace_readers[]. All in the arena; the order of names does not matter, and a file named twice
 * counts once. RC_DATA for a name that is no file, for a file of no known format, and when no file
 * is found. */
enum rc trace_files_find(const char *const *names, size_t n_names, struct arena *a,
                         struct trace_files *files, struct err *e);

/* Gives what is to be taken from the file. Events of which the file does not say the rank get that
 * of its names. */
enum rc trace_file_read(const struct trace_file *file, const struct trace_sink *sink,
                        struct err *e);
