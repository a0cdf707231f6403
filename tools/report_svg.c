#include "tools/report_svg.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tools/page.h"

/* ---- colours: the first byte says what kind, the last which ---- */

enum { KIND_FLOW = 241, KIND_PHASE = 242, KIND_ROLE = 243, MIDDLE = 17 };

static const char *const roles[SVG_ROLES] = {"ink", "quiet", "grid", "paper", "budget"};

static uint32_t colour(unsigned kind, size_t i)
{
	return kind << 16 | (unsigned)MIDDLE << 8 | (unsigned)i;
}

uint32_t svg_role_colour(enum svg_role role)
{
	return colour(KIND_ROLE, role);
}

uint32_t svg_flow_colour(size_t i)
{
	enum { FLOW_COLOURS = 8 };

	return colour(KIND_FLOW, i % FLOW_COLOURS);
}

uint32_t svg_phase_colour(size_t i)
{
	return colour(KIND_PHASE, i);
}

/* "rgb(241,  17,   2)" to "var(--flow-2)"; what is no colour of ours stays. Returns its length, or
 * 0. */
static size_t colour_write(const char *at, FILE *out)
{
	int kind, middle, i, n = 0;

	if (sscanf(at, "rgb(%d ,%d ,%d )%n", &kind, &middle, &i, &n) != 3 || n == 0 ||
	    middle != MIDDLE || kind < KIND_FLOW || kind > KIND_ROLE)
		return 0;
	if (kind == KIND_ROLE)
		fprintf(out, "var(--%s)", roles[i < SVG_ROLES ? i : 0]);
	else
		fprintf(out, "var(--%s-%d)", kind == KIND_FLOW ? "flow" : "phase", i);
	return (size_t)n;
}

/* ---- the text ---- */

static bool starts(const char *at, const char *with)
{
	return strncmp(at, with, strlen(with)) == 0;
}

/* What stands where and what becomes of it; %: the page's id follows. */
static const struct {
	const char *from, *to;
} pieces[] = {
        {" id=\"", " id=\"%"},
        {" id='", " id='%"},
        {"xlink:href='#", "href='#%"},
        {"xlink:href=\"#", "href=\"#%"},
        {"url(#", "url(#%"},
        {"\"black\"", "\"currentColor\""},
        {"'black'", "'currentColor'"},
        {" font-family=\"sans-serif\" ", " "},
        {"\t", ""},
};

static size_t piece_write(const char *at, const char *id, FILE *out)
{
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		size_t n = strlen(pieces[i].to);

		if (!starts(at, pieces[i].from))
			continue;
		if (n > 0 && pieces[i].to[n - 1] == '%')
			fprintf(out, "%.*s%s-", (int)n - 1, pieces[i].to, id);
		else
			fputs(pieces[i].to, out);
		return strlen(pieces[i].from);
	}
	return starts(at, "rgb(") ? colour_write(at, out) : 0;
}

/* gnuplot's own <title> and <desc> are left out: ours stand there. */
static const char *own_words_skip(const char *at)
{
	static const char *const ends[][2] = {{"<title>", "</title>"}, {"<desc>", "</desc>"}};

	for (size_t i = 0; i < 2; i++) {
		const char *end = starts(at, ends[i][0]) ? strstr(at, ends[i][1]) : NULL;

		if (end)
			return end + strlen(ends[i][1]);
	}
	return at;
}

static void body_write(const char *at, const char *id, FILE *out)
{
	bool blank = false;

	while (*at) {
		const char *next = own_words_skip(at);
		size_t n;

		if (next == at && *at == '\n') {
			next = at + 1;
			fputs(blank ? "" : "\n", out);
			blank = true;
		} else if (next == at) {
			n = piece_write(at, id, out);
			if (n == 0)
				fputc(*at, out), n = 1;
			next = at + n, blank = false;
		}
		at = next;
	}
}

static void head_write(const struct svg_words *w, FILE *out)
{
	fprintf(out,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"%s\" viewBox=\"0 0 %d %d\" "
	        "role=\"img\" "
	        "aria-labelledby=\"%s-title %s-desc\"%s>\n<title id=\"%s-title\">",
	        w->id, w->width, w->height, w->id, w->id, w->attributes, w->id);
	html_text(w->title, out);
	fprintf(out, "</title>\n<desc id=\"%s-desc\">", w->id);
	html_text(w->says, out);
	fputs("</desc>", out);
}

static char *file_text(const char *path, struct err *e)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t n = 0, got;

	if (!in) {
		fail(e, RC_INTERNAL, "%s: %s", path, strerror(errno));
		return NULL;
	}
	do {
		text = heap_resize(text, n + BUFSIZ + 1, 1);
		got = fread(text + n, 1, BUFSIZ, in);
		n += got;
	} while (got > 0);
	text[n] = '\0';
	fclose(in);
	return text;
}

enum rc svg_inline(const char *path, const struct svg_words *w, struct arena *a, const char **out,
                   struct err *e)
{
	char *text = file_text(path, e), *made = NULL;
	const char *start = text ? strstr(text, "<svg") : NULL,
	           *end = start ? strchr(start, '>') : NULL;
	size_t n = 0;
	FILE *to;

	if (!text)
		return e->rc;
	if (!end || !strstr(end, "</svg>")) {
		free(text);
		return fail(e, RC_INTERNAL, "%s: gnuplot wrote no whole SVG", path);
	}
	to = open_memstream(&made, &n);
	CHECK(to);
	head_write(w, to);
	body_write(end + 1, w->id, to);
	CHECK(fclose(to) == 0);
	*out = arena_copy(a, made, n);
	free(made);
	free(text);
	return RC_OK;
}
