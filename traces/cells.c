#include "traces/cells.h"
#include <string.h>

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

bool cell_next(const char **rest, const char *end, struct cell *cell)
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

bool cell_is(const struct cell *cell, const char *text)
{
	return strlen(text) == cell->n && memcmp(cell->text, text, cell->n) == 0;
}
