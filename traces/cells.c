#include "traces/cells.h"
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Without blanks around it, nor a pair of quotes. The text ends in a NUL. */
static char *trim(char *from, char *to)
{
	while (from < to && is_blank(*from))
		from++;
	while (to > from && is_blank(to[-1]))
		to--;
	if (to - from >= 2 && *from == '"' && to[-1] == '"') {
		from++;
		to--;
	}
	*to = '\0';
	return from;
}

/* A quoted cell whose text starts at p. Two quotes in it stand for one. Returns its end, and where
 * the row goes on in *rest; NULL when the quote is not closed. */
static char *unquote(char *p, const char *end, char **rest)
{
	char *to = p;

	for (; p < end; p++) {
		if (*p == '"') {
			if (p + 1 == end || p[1] != '"')
				break;
			p++;
		}
		*to++ = *p;
	}
	*rest = p + 1;
	return p < end ? to : NULL;
}

static enum rc quote_error(const struct lines *l, struct err *e)
{
	return fail(e, RC_DATA, "%s:%ld: a quote is not closed, or text follows one that is",
	            l->path, l->number);
}

/* One cell from *rest, which moves to the next; past the end after the last. */
static enum rc cell_split(const struct lines *l, char **rest, char *end, char **cell, struct err *e)
{
	char *p = *rest, *comma, *to;

	while (p < end && is_blank(*p))
		p++;
	if (p < end && *p == '"') {
		to = unquote(p + 1, end, rest);
		if (!to)
			return quote_error(l, e);
		*cell = p + 1;
		for (p = *rest; p < end && is_blank(*p); p++)
			;
		if (p < end && *p != ',')
			return quote_error(l, e);
		*rest = p + 1;
		*cell = trim(*cell, to);
		return RC_OK;
	}
	comma = memchr(p, ',', (size_t)(end - p));
	to = comma ? comma : end;
	*rest = to + 1;
	*cell = trim(p, to);
	return RC_OK;
}

enum rc cells_split(struct lines *l, char **cell, size_t most, size_t *n, struct err *e)
{
	char *rest = l->text, *end = rest + l->n;

	if (memchr(rest, '\0', l->n))
		return fail(e, RC_DATA, "%s:%ld: the line holds a NUL byte", l->path, l->number);
	for (*n = 0; rest <= end; ++*n) {
		if (*n == most)
			return fail(e, RC_DATA, "%s:%ld: more than %zu columns", l->path, l->number,
			            most);
		TRY(cell_split(l, &rest, end, &cell[*n], e));
	}
	return RC_OK;
}

bool cells_open(const struct lines *l)
{
	enum { START, PLAIN, QUOTED, CLOSED } at = START;

	for (size_t i = 0; i < l->n; i++) {
		char c = l->text[i];

		if (at == QUOTED)
			at = c == '"' ? CLOSED : QUOTED;
		else if (c == ',')
			at = START;
		else if (c == '"' && at != PLAIN) /* after CLOSED: two that stand for one */
			at = QUOTED;
		else if (!is_blank(c))
			at = PLAIN;
	}
	return at == QUOTED;
}
