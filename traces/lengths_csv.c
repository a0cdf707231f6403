/* Requests as rows of comma-separated values under a header. */
#include <stdbool.h>
#include <string.h>
#include "traces/lengths_format.h"

struct cell {
	const char *text; /* in the line; not terminated */
	size_t n;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Without blanks around it, or the quotes of a quoted cell. */
static struct cell trimmed(const char *from, const char *to)
{
	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	if (to - from >= 2 && *from == '"' && to[-1] == '"')
		from++, to--;
	return (struct cell){from, (size_t)(to - from)};
}

/* Takes the next cell from *rest, which ends as NULL; false when there is none. A comma in quotes
 * belongs to the cell. The line stays as it is: it is asked for lengths, then for more. */
static bool cell_next(const char **rest, const char *end, struct cell *cell)
{
	const char *from = *rest, *to = from;
	bool quoted = false;

	if (!from)
		return false;
	for (; to < end && (quoted || *to != ','); to++)
		quoted ^= *to == '"';
	*cell = trimmed(from, to);
	*rest = to < end ? to + 1 : NULL;
	return true;
}

static bool cell_is(const struct cell *cell, const char *text)
{
	return strlen(text) == cell->n && memcmp(cell->text, text, cell->n) == 0;
}

static void csv_find(const struct length_format *f, const struct lines *first,
                     struct length_places *places)
{
	const char *rest = first->text, *end = first->text + first->n;
	struct cell cell;

	*places = (struct length_places){0};
	for (size_t i = 0; cell_next(&rest, end, &cell); i++) {
		for (int side = 0; side < SIDES; side++) {
			if (!places->found[side] && cell_is(&cell, f->key[side])) {
				places->found[side] = true;
				places->column[side] = i;
			}
		}
	}
}

static enum rc csv_read(const struct length_format *f, const struct length_places *places,
                        const struct lines *line, double out_count[SIDES], struct err *e)
{
	const char *rest = line->text, *end = line->text + line->n;
	bool read[SIDES] = {false};
	struct cell cell;
	size_t n = 0;

	for (; cell_next(&rest, end, &cell); n++) {
		for (int side = 0; side < SIDES; side++) {
			if (n != places->column[side])
				continue;
			TRY(length_parse(line, f->key[side], cell.text, cell.n, &out_count[side],
			                 e));
			read[side] = true;
		}
	}
	for (int side = 0; side < SIDES; side++) {
		if (!read[side])
			return fail(e, RC_DATA, "%s:%ld: '%s' is column %zu, but the row has %zu",
			            line->path, line->number, f->key[side],
			            places->column[side] + 1, n);
	}
	return RC_OK;
}

/* The cell under a name in the header; false: there is no such column, or the row is shorter. */
static bool cell_under(const char *header, const struct lines *line, const char *key,
                       struct cell *out)
{
	const char *names = header, *rest = line->text;
	const char *names_end = header + strlen(header), *end = line->text + line->n;
	struct cell name;

	while (cell_next(&names, names_end, &name)) {
		if (!cell_next(&rest, end, out))
			return false;
		if (cell_is(&name, key))
			return true;
	}
	return false;
}

static enum rc csv_more(const struct length_format *f, const char *header, const struct lines *line,
                        struct request_more *out, struct err *e)
{
	struct cell cell;

	for (int i = 0; i < ARRIVAL_KEYS && f->arrival[i].key; i++) {
		if (cell_under(header, line, f->arrival[i].key, &cell))
			return arrival_parse(line, f->arrival[i].key, f->arrival[i].unit, cell.text,
			                     cell.n, &out->arrival_s, e);
	}
	return RC_OK;
}

const struct length_syntax csv_syntax = {true, csv_find, csv_read, csv_more};
