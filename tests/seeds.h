/* Small traces, one a format, and readers fed with what is left or made of them. */
#pragma once
#include "traces/files.h"
#include "traces/summary.h"

struct seed {
	const char *path; /* at the top of the source */
	const struct trace_reader *reader;
	uint64_t n_events;
};

extern const struct seed seeds[]; /* ends with a path of NULL */

/* What came of a text. */
struct fed {
	enum rc rc;
	struct err e;
	uint64_t n_events;
};

/* A file of its own, in $TMPDIR, under the seed's name: some formats read their op from it. */
struct feeder {
	char folder[256], path[512];
	int fd;
};

void feeder_open(struct feeder *f, const char *name);
void feeder_close(struct feeder *f);

/* Writes the bytes to the file, reads them with the reader, checks every event, and adds them up.
 * CHECKs (so that a fuzzer stops too): the answer is RC_OK or RC_DATA; the message is one line, and
 * names the file, with a line unless the file is a database. */
void feeder_feed(struct feeder *f, const struct trace_reader *reader, const void *bytes,
                 size_t n_bytes, struct fed *out);

/* All bytes of a file, in heap memory. NULL when it cannot be read. */
char *file_bytes(const char *path, size_t *n_bytes);

/* The published samples, where they are at hand ($EPSIM_DATA/samples, or beside the source); NULL
 * where not, with a message. */
const char *samples_folder(char *buf, size_t size);
