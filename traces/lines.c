#include "traces/lines.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"

enum { FIRST_ROOM = 4096 };

enum rc lines_open(struct lines *l, const char *path, struct err *e)
{
	*l = (struct lines){.path = path, .room = FIRST_ROOM};
	l->in = fopen(path, "rb");
	if (!l->in)
		return fail(e, RC_DATA, "%s: cannot be opened: %s", path, strerror(errno));
	l->text = heap_zeroed(l->room, 1);
	return RC_OK;
}

void lines_close(struct lines *l)
{
	fclose(l->in);
	free(l->text);
}

static void append(struct lines *l, char c)
{
	if (l->n + 1 == l->room) {
		l->room *= 2;
		l->text = heap_resize(l->text, l->room, 1);
	}
	l->text[l->n++] = c;
}

/* The rest of a line, added to the text; *end: nothing was left to read. */
static enum rc rest_read(struct lines *l, bool *end, struct err *e)
{
	size_t before = l->n;
	int c;

	while ((c = getc_unlocked(l->in)) != EOF && c != '\n') {
		if (l->n == LINE_MOST_BYTES)
			return fail(e, RC_DATA, "%s:%ld: the line is longer than %d MiB", l->path,
			            l->number, LINE_MOST_BYTES >> 20);
		append(l, (char)c);
	}
	if (ferror(l->in))
		return fail(e, RC_DATA, "%s: cannot be read: %s", l->path, strerror(errno));
	*end = c == EOF && l->n == before;
	if (l->n > before && l->text[l->n - 1] == '\r')
		l->n--;
	l->text[l->n] = '\0';
	return RC_OK;
}

/* One line, blank or not; *end: nothing was left to read. */
static enum rc line_read(struct lines *l, bool *end, struct err *e)
{
	l->n = 0;
	l->number += 1 + l->n_joined;
	l->n_joined = 0;
	return rest_read(l, end, e);
}

enum rc lines_join(struct lines *l, struct err *e)
{
	bool end;

	append(l, '\n');
	TRY(rest_read(l, &end, e));
	l->n_joined++;
	return end ? RC_NO : RC_OK;
}

static void drop_mark(struct lines *l)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t n = sizeof mark - 1;

	if (l->n < n || memcmp(l->text, mark, n) != 0)
		return;
	l->n -= n;
	memmove(l->text, l->text + n, l->n + 1);
}

static bool is_blank(const struct lines *l)
{
	return strspn(l->text, " \t\r") == l->n;
}

enum rc lines_next(struct lines *l, struct err *e)
{
	bool end;

	do {
		TRY(line_read(l, &end, e));
		if (end)
			return RC_NO;
		if (l->number == 1)
			drop_mark(l);
	} while (is_blank(l));
	return RC_OK;
}
