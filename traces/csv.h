/* Comma-separated values under a header, one row at a time, in constant memory.
 *
 * As profilers write them: cells may be quoted, with commas inside; blanks and tabs around a cell
 * are dropped, also inside its quotes, and so are quotes that are themselves quoted
 * (`"""81920,4096"""`); N/A and the like stand for a number that is not there. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "traces/event.h"
#include "traces/lines.h"

enum { CSV_MOST_COLUMNS = 1024, CSV_NAMES = 4 };

/* A column that a reader asks for, by any of the names it has had; the first that is there. */
struct csv_column {
	const char *name[CSV_NAMES]; /* NULL after the last */
	bool optional;
};

struct csv {
	struct lines lines;
	size_t n_cells; /* of the current row */
	char **cell;    /* NUL-terminated */
	/* private */
	const struct csv_column *column;
	size_t n_columns, n_header;
	size_t *place; /* of each column; CSV_MOST_COLUMNS: the file has none */
	bool ragged;
};

/* Makes events of the current row. */
typedef enum rc csv_row(const struct csv *c, const struct trace_sink *sink, struct err *e);

/* Reads the file and calls `row` for each row. RC_DATA when the header lacks a column, and for a
 * row of another length than the header: it was cut, and what its cells mean is unknown. ragged:
 * rows may be longer than the header. */
enum rc csv_each(const char *path, const struct csv_column *column, size_t n_columns, bool ragged,
                 csv_row *row, const struct trace_sink *sink, struct err *e);

bool csv_has(const struct csv *c, size_t column);
/* "" where the file has no such column, and for N/A. */
const char *csv_text(const struct csv *c, size_t column);

/* The cell times 10^power, as decimal_scaled() has it; TRACE_UNKNOWN where there is none. RC_DATA
 * for text that is no number. */
enum rc csv_scaled(const struct csv *c, size_t column, int power, int64_t *out, struct err *e);
/* The same for a time, which is not below zero. */
enum rc csv_time(const struct csv *c, size_t column, int power, int64_t *out, struct err *e);
/* The same for a rank, a device, a number of ranks. */
enum rc csv_count(const struct csv *c, size_t column, int32_t *out, struct err *e);
/* The same, which must be there, and not below zero: a duration, a size. */
enum rc csv_needed(const struct csv *c, size_t column, int power, int64_t *out, struct err *e);

/* Does the first line of text name all columns that are not optional? For telling formats apart. */
bool csv_names(const char *text, size_t n, const struct csv_column *column, size_t n_columns);
