#include "traces/words.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "traces/decimal.h"

enum { SHOWN = 60 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts the blanks off both ends. */
static char *trim(char *from, char *to)
{
	while (from < to && is_blank(*from))
		from++;
	while (to > from && is_blank(to[-1]))
		to--;
	*to = '\0';
	return from;
}

static void split_at_blanks(struct words *w, char *p, char *end)
{
	while (w->n < MOST_WORDS) {
		char *from;

		while (p < end && is_blank(*p))
			p++;
		if (p == end)
			return;
		for (from = p; p < end && !is_blank(*p);)
			p++;
		w->word[w->n++] = from;
		if (p == end)
			return;
		*p++ = '\0';
	}
}

void words_split(struct words *w, struct lines *line, char separator)
{
	char *p = line->text, *end = p + line->n;

	w->line = line, w->n = 0;
	if (separator == ' ') {
		split_at_blanks(w, p, end);
		return;
	}
	while (w->n < MOST_WORDS) {
		char *to = memchr(p, separator, (size_t)(end - p));

		w->word[w->n++] = trim(p, to ? to : end);
		if (!to)
			return;
		p = to + 1;
	}
}

enum rc words_scaled(const struct words *w, size_t i, const char *what, int power, int64_t *out,
                     struct err *e)
{
	if (i >= w->n)
		return fail(e, RC_DATA, "%s:%ld: the line ends before %s", w->line->path,
		            w->line->number, what);
	if (!decimal_scaled(w->word[i], strlen(w->word[i]), power, out) || *out < 0)
		return fail(e, RC_DATA, "%s:%ld: %s is '%.*s'; a number of at least 0 is expected",
		            w->line->path, w->line->number, what, SHOWN, w->word[i]);
	return RC_OK;
}

bool line_starts(const struct lines *line, const char *with)
{
	const char *p = line->text;

	while (is_blank(*p))
		p++;
	return strncmp(p, with, strlen(with)) == 0;
}

bool line_counts(const struct lines *line)
{
	const char *p = line->text;

	while (is_blank(*p))
		p++;
	return *p >= '0' && *p <= '9';
}

enum rc lines_each(const char *path, line_row *row, void *data, const struct trace_sink *sink,
                   struct err *e)
{
	struct lines l;
	enum rc rc;

	TRY(lines_open(&l, path, e));
	while ((rc = lines_next(&l, e)) == RC_OK && (rc = row(&l, data, sink, e)) == RC_OK)
		;
	lines_close(&l);
	return rc == RC_NO ? RC_OK : rc;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void trace_stem(const char *path, char *name, size_t size)
{
	const char *from = file_name(path);

	snprintf(name, size, "%.*s", (int)strcspn(from, "."), from);
}

void trace_collective(const char *path, char *name, size_t size)
{
	/* a longer name comes before those within it */
	static const char *const names[] = {
	        "alltoallvc",    "alltoallv",      "alltoall",  "allgather",  "all_gather",
	        "reducescatter", "reduce_scatter", "allreduce", "all_reduce", "broadcast",
	        "scatter",       "gather",         "reduce",    "sendrecv",   NULL};
	char lower[256];
	size_t n = 0;

	for (const char *p = file_name(path); *p && n + 1 < sizeof lower; p++)
		lower[n++] = (char)tolower((unsigned char)*p);
	lower[n] = '\0';
	for (size_t i = 0; names[i]; i++) {
		if (strstr(lower, names[i])) {
			snprintf(name, size, "%s", names[i]);
			return;
		}
	}
	trace_stem(path, name, size);
}

int64_t trace_rate_Bps(int64_t n_bytes, int64_t duration_ns)
{
	const double ns_per_s = 1e9;
	double rate_Bps;

	if (n_bytes < 0 || duration_ns <= 0)
		return TRACE_UNKNOWN;
	rate_Bps = (double)n_bytes / (double)duration_ns * ns_per_s;
	return rate_Bps < 0x1p62 ? (int64_t)rate_Bps : TRACE_UNKNOWN;
}
