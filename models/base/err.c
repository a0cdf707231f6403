#include "models/base/err.h"
#include "models/base/utf8.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer names are never proposed: no key of ours is, and it bounds the work for hostile text. */
enum { NAME_CHARS = 63 };

/* The text holds what a user wrote: nothing in it may break the line or drive the terminal. */
static void make_printable(char *text)
{
	while (*text) {
		uint32_t code = 0;
		size_t n_bytes = utf8_decode(text, &code);
		bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);

		for (size_t i = 0; control && i < (n_bytes ? n_bytes : 1); i++)
			text[i] = '?';
		text += n_bytes ? n_bytes : 1;
	}
}

enum rc fail(struct err *e, enum rc rc, const char *fmt, ...)
{
	char text[sizeof e->text]; /* not e->text itself: it may be among the arguments */
	va_list ap;
	int n_chars;

	va_start(ap, fmt);
	n_chars = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n_chars < 0)
		text[0] = '\0';
	make_printable(text);
	if (n_chars >= (int)sizeof text)
		memcpy(text + sizeof text - sizeof "...", "...", sizeof "...");
	memcpy(e->text, text, sizeof text);
	return e->rc = rc;
}

void check_failed(const char *file, int line, const char *expression)
{
	fprintf(stderr, "%s:%d: CHECK(%s) failed: please report this\n", file, line, expression);
	abort();
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(char a, char b)
{
	return lower(a) == lower(b);
}

static int less(int a, int b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: inserted, dropped and changed letters and swapped neighbours cost 1,
 * and no letter is edited twice. row[i][j] is the cost of turning i letters of a into j of b. */
static int edits(const char *a, size_t n_a, const char *b, size_t n_b)
{
	int row[NAME_CHARS + 1][NAME_CHARS + 1];

	for (size_t i = 0; i <= n_a; i++)
		row[i][0] = (int)i;
	for (size_t j = 0; j <= n_b; j++)
		row[0][j] = (int)j;
	for (size_t i = 1; i <= n_a; i++) {
		for (size_t j = 1; j <= n_b; j++) {
			int cost = row[i - 1][j - 1] + !same(a[i - 1], b[j - 1]);

			cost = less(cost, 1 + less(row[i - 1][j], row[i][j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				cost = less(cost, row[i - 2][j - 2] + 1);
			row[i][j] = cost;
		}
	}
	return row[n_a][n_b];
}

/* Is text, long enough to mean something, the start of a longer name? It counts as one edit. */
static bool starts(const char *name, const char *text, size_t n_text)
{
	enum { LEAST_CHARS = 4 };
	size_t i = 0;

	while (i < n_text && name[i] && same(name[i], text[i]))
		i++;
	return i == n_text && n_text >= LEAST_CHARS && name[i];
}

const char *nearest_name(const char *text, const char *const *names)
{
	const char *best = NULL;
	int best_edits = NAME_CHARS + 1;
	size_t n_text = strlen(text);

	if (n_text > NAME_CHARS)
		return NULL;
	for (; *names; names++) {
		size_t n_name = strlen(*names);
		int n_edits;

		if (n_name > NAME_CHARS)
			continue;
		n_edits = edits(text, n_text, *names, n_name);
		if (starts(*names, text, n_text))
			n_edits = less(n_edits, 1);
		if (3 * n_edits > (int)(n_text > n_name ? n_text : n_name))
			continue;
		if (n_edits < best_edits) /* ties keep the earlier name */
			best = *names, best_edits = n_edits;
	}
	return best;
}

const char *hint(char *buf, size_t size, const char *text, const char *const *names)
{
	const char *name = nearest_name(text, names);

	if (name)
		snprintf(buf, size, "; did you mean '%s'?", name);
	else
		snprintf(buf, size, "%s", "");
	return buf;
}
