#include "traces/csv.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "traces/cells.h"
#include "traces/decimal.h"
#include "traces/event.h"

enum { SHOWN = 60 };

static enum rc row_split(struct csv *c, struct err *e)
{
	return cells_split(&c->lines, c->cell, CSV_MOST_COLUMNS, &c->n_cells, e);
}

/* ---- header ---------------------------------------------------------------------------------- */

static size_t place_find(const struct csv *c, const struct csv_column *column)
{
	for (size_t name = 0; name < CSV_NAMES && column->name[name]; name++) {
		for (size_t i = 0; i < c->n_cells; i++) {
			if (strcmp(column->name[name], c->cell[i]) == 0)
				return i;
		}
	}
	return CSV_MOST_COLUMNS;
}

static enum rc column_missing(const struct csv *c, const struct csv_column *column, struct err *e)
{
	const char **names = heap_zeroed(c->n_cells + 1, sizeof *names);
	char slip[128];

	memcpy(names, c->cell, c->n_cells * sizeof *names);
	fail(e, RC_DATA, "%s:%ld: the header has no column '%s'%s", c->lines.path, c->lines.number,
	     column->name[0], hint(slip, sizeof slip, column->name[0], names));
	free(names);
	return RC_DATA;
}

static enum rc header_read(struct csv *c, struct err *e)
{
	enum rc rc = lines_next(&c->lines, e);

	if (rc == RC_NO)
		return fail(e, RC_DATA, "%s:1: the file is empty; a header is expected",
		            c->lines.path);
	TRY(rc);
	TRY(row_split(c, e));
	c->n_header = c->n_cells;
	for (size_t i = 0; i < c->n_columns; i++) {
		c->place[i] = place_find(c, &c->column[i]);
		if (c->place[i] == CSV_MOST_COLUMNS && !c->column[i].optional)
			return column_missing(c, &c->column[i], e);
	}
	return RC_OK;
}

static void csv_close(struct csv *c)
{
	lines_close(&c->lines);
	free(c->cell);
	free(c->place);
}

static enum rc csv_open(struct csv *c, const char *path, const struct csv_column *column,
                        size_t n_columns, bool ragged, struct err *e)
{
	enum rc rc;

	*c = (struct csv){.column = column, .n_columns = n_columns, .ragged = ragged};
	TRY(lines_open(&c->lines, path, e));
	c->cell = heap_zeroed(CSV_MOST_COLUMNS, sizeof *c->cell);
	c->place = heap_zeroed(n_columns, sizeof *c->place);
	rc = header_read(c, e);
	if (rc != RC_OK)
		csv_close(c);
	return rc;
}

bool csv_names(const char *text, size_t n, const struct csv_column *column, size_t n_columns)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *end = memchr(text, '\n', n);
	struct csv c = {.lines = {.path = ""}};
	struct err ignored;
	char *copy;
	bool all;

	n = end ? (size_t)(end - text) : n;
	copy = heap_zeroed(n + 1, 1);
	memcpy(copy, text, n);
	c.lines.text = copy, c.lines.n = n;
	if (n >= sizeof mark - 1 && memcmp(copy, mark, sizeof mark - 1) == 0)
		c.lines.text += sizeof mark - 1, c.lines.n -= sizeof mark - 1;
	c.cell = heap_zeroed(CSV_MOST_COLUMNS, sizeof *c.cell);
	all = row_split(&c, &ignored) == RC_OK;
	for (size_t i = 0; all && i < n_columns; i++)
		all = column[i].optional || place_find(&c, &column[i]) < CSV_MOST_COLUMNS;
	free(copy);
	free(c.cell);
	return all;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static enum rc length_check(const struct csv *c, struct err *e)
{
	size_t n = c->n_cells;

	if (!c->ragged) {
		while (n > c->n_header && c->cell[n - 1][0] == '\0')
			n--;
	}
	if (n == c->n_header || (c->ragged && n > c->n_header))
		return RC_OK;
	return fail(e, RC_DATA, "%s:%ld: the row has %zu cells, the header %zu", c->lines.path,
	            c->lines.number, n, c->n_header);
}

static enum rc csv_next(struct csv *c, struct err *e)
{
	TRY(lines_next(&c->lines, e));
	TRY(row_split(c, e));
	return length_check(c, e);
}

enum rc csv_each(const char *path, const struct csv_column *column, size_t n_columns, bool ragged,
                 csv_row *row, const struct trace_sink *sink, struct err *e)
{
	struct csv c;
	enum rc rc;

	TRY(csv_open(&c, path, column, n_columns, ragged, e));
	while ((rc = csv_next(&c, e)) == RC_OK && (rc = row(&c, sink, e)) == RC_OK)
		;
	csv_close(&c);
	return rc == RC_NO ? RC_OK : rc;
}

bool csv_has(const struct csv *c, size_t column)
{
	return c->place[column] < CSV_MOST_COLUMNS;
}

static bool is_nothing(const char *text)
{
	static const char *const nothing[] = {"",    "N/A",  "NA", "n/a", "nan",
	                                      "NaN", "None", "-",  NULL};

	for (size_t i = 0; nothing[i]; i++) {
		if (strcmp(text, nothing[i]) == 0)
			return true;
	}
	return false;
}

const char *csv_text(const struct csv *c, size_t column)
{
	const char *text = csv_has(c, column) ? c->cell[c->place[column]] : "";

	return is_nothing(text) ? "" : text;
}

enum rc csv_scaled(const struct csv *c, size_t column, int power, int64_t *out, struct err *e)
{
	const char *text = csv_text(c, column);

	if (!*text)
		return *out = TRACE_UNKNOWN, RC_OK;
	if (!decimal_scaled(text, strlen(text), power, out))
		return fail(e, RC_DATA, "%s:%ld: '%s' is '%.*s'; a number is expected",
		            c->lines.path, c->lines.number, c->column[column].name[0], SHOWN, text);
	return RC_OK;
}

enum rc csv_time(const struct csv *c, size_t column, int power, int64_t *out, struct err *e)
{
	TRY(csv_scaled(c, column, power, out, e));
	if (*csv_text(c, column) && *out < 0)
		return fail(e, RC_DATA, "%s:%ld: '%s' is '%.*s'; no time is below 0", c->lines.path,
		            c->lines.number, c->column[column].name[0], SHOWN, csv_text(c, column));
	return RC_OK;
}

enum rc csv_count(const struct csv *c, size_t column, int32_t *out, struct err *e)
{
	int64_t value;

	TRY(csv_scaled(c, column, AS_IS, &value, e));
	if (value > INT32_MAX || value < TRACE_UNKNOWN)
		return fail(e, RC_DATA, "%s:%ld: '%s' is '%.*s'; a small count is expected",
		            c->lines.path, c->lines.number, c->column[column].name[0], SHOWN,
		            csv_text(c, column));
	*out = (int32_t)value;
	return RC_OK;
}

enum rc csv_needed(const struct csv *c, size_t column, int power, int64_t *out, struct err *e)
{
	TRY(csv_scaled(c, column, power, out, e));
	if (*out < 0)
		return fail(e, RC_DATA,
		            "%s:%ld: '%s' is '%.*s'; a number of at least 0 is expected",
		            c->lines.path, c->lines.number, c->column[column].name[0], SHOWN,
		            csv_text(c, column));
	return RC_OK;
}
