#include "models/base/table.h"
#include "models/base/arena.h"
#include "models/base/err.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct column {
	bool left;
	size_t n_chars; /* of its widest cell */
};

struct table {
	size_t n_columns;
	struct column *column;
	struct arena *a;
	const char **cell; /* row by row, the headers first */
	size_t n_cells, room;
	size_t row_end; /* n_cells once the current row is full */
};

static void row_start(struct table *t)
{
	t->row_end = t->n_cells + t->n_columns;
	if (t->row_end > t->room) {
		t->room = 2 * t->row_end;
		t->cell = heap_resize(t->cell, t->room, sizeof *t->cell);
	}
}

static void cell_add(struct table *t, const char *text)
{
	struct column *column = &t->column[t->n_cells % t->n_columns];
	size_t n_chars = strlen(text);

	CHECK(t->n_cells < t->row_end);
	if (n_chars > column->n_chars)
		column->n_chars = n_chars;
	t->cell[t->n_cells++] = text;
}

struct table *table_new(const char *const *headers)
{
	struct table *t = heap_zeroed(1, sizeof *t);

	while (headers[t->n_columns])
		t->n_columns++;
	CHECK(t->n_columns > 0);
	t->column = heap_zeroed(t->n_columns, sizeof *t->column);
	t->a = arena_new();
	row_start(t);
	for (size_t i = 0; i < t->n_columns; i++) {
		t->column[i].left = headers[i][0] == '<';
		cell_add(t, arena_string(t->a, headers[i] + t->column[i].left));
	}
	row_start(t);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	arena_free(t->a);
	free(t->cell);
	free(t->column);
	free(t);
}

void table_cell(struct table *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	cell_add(t, arena_vprint(t->a, fmt, ap));
	va_end(ap);
}

void table_end_row(struct table *t)
{
	while (t->n_cells < t->row_end)
		cell_add(t, "");
	row_start(t);
}

static void row_print(const struct table *t, const char *const *cell, FILE *out)
{
	size_t n_spaces = 0; /* owed until a cell has text, so that none end a line */

	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *column = &t->column[i];
		size_t padding = column->n_chars - strlen(cell[i]);

		n_spaces += i ? 2 : 0;
		n_spaces += column->left ? 0 : padding;
		if (*cell[i]) {
			fprintf(out, "%*s%s", (int)n_spaces, "", cell[i]);
			n_spaces = 0;
		}
		n_spaces += column->left ? padding : 0;
	}
	putc('\n', out);
}

void table_print(const struct table *t, FILE *out)
{
	CHECK(t->n_cells % t->n_columns == 0);
	for (size_t i = 0; i < t->n_cells; i += t->n_columns)
		row_print(t, t->cell + i, out);
}
