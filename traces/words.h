/* Lines of words: what benchmarks print. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "traces/event.h"
#include "traces/lines.h"

enum { MOST_WORDS = 64 };

/* A line cut into words, in place. */
struct words {
	const struct lines *line;
	size_t n;
	char *word[MOST_WORDS]; /* NUL-terminated; further words are dropped */
};

/* Cuts at `separator` and drops blanks around words; at blanks when separator is ' '. */
void words_split(struct words *w, struct lines *line, char separator);

/* Word i times 10^power, not below zero; RC_DATA that calls it `what` where it is no such number.
 */
enum rc words_scaled(const struct words *w, size_t i, const char *what, int power, int64_t *out,
                     struct err *e);

/* Does the line, without leading blanks, start so? */
bool line_starts(const struct lines *line, const char *with);
/* Is it a row of figures: does it start with a digit? */
bool line_counts(const struct lines *line);

/* Makes events of a line; data is the reader's. */
typedef enum rc line_row(struct lines *line, void *data, const struct trace_sink *sink,
                         struct err *e);

/* Calls `row` for each line. */
enum rc lines_each(const char *path, line_row *row, void *data, const struct trace_sink *sink,
                   struct err *e);

/* The file's name without folders and from its first dot on: "a/alltoallv.txt": "alltoallv". */
void trace_stem(const char *path, char *name, size_t size);

/* The collective that a file's name holds ("out_alltoallv_8.txt": "alltoallv"), or its stem. */
void trace_collective(const char *path, char *name, size_t size);

/* bytes * 10^9 / duration, rounded down; TRACE_UNKNOWN without both. */
int64_t trace_rate_Bps(int64_t n_bytes, int64_t duration_ns);
