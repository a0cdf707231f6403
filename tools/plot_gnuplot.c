#include "tools/plot_gnuplot.h"
#include <string.h>
#include "models/base/utf8.h"

/* ---- text ---- */

/* Characters that XML and gnuplot's fonts can show. */
static bool is_shown(uint32_t code)
{
	return code >= ' ' && !(code >= 0x7f && code < 0xa0) && (code & 0xfffe) != 0xfffe;
}

/* The next character, or '?' for what cannot be shown. Returns its length in bytes. */
static size_t char_next(const char *text, uint32_t *code)
{
	size_t n_bytes = utf8_decode(text, code);

	if (n_bytes == 0 || !is_shown(*code))
		*code = '?';
	return n_bytes ? n_bytes : 1;
}

const char *plot_name(struct arena *a, const char *name)
{
	enum { MOST_CHARS = 48 };
	char *out = arena_alloc(a, strlen(name) + sizeof "\u2026");
	size_t n_chars = 0, n = 0;

	for (uint32_t code; *name; n_chars++) {
		size_t n_bytes = char_next(name, &code);

		if (n_chars == MOST_CHARS) {
			strcpy(out + n, "\u2026");
			return out;
		}
		if (code == '?')
			out[n++] = '?';
		else
			memcpy(out + n, name, n_bytes), n += n_bytes;
		name += n_bytes;
	}
	return out;
}

/* gnuplot reads up to four octal digits after a leading 0, else up to three: neither form takes a
 * digit that follows. */
static void byte_write(unsigned char byte, FILE *out)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                               "0123456789 .,:;()+-*/=_<>?";

	if (strchr(harmless, byte))
		fputc(byte, out);
	else
		fprintf(out, byte < 0100 ? "\\%04o" : "\\%03o", byte);
}

void gnuplot_string(const char *text, FILE *out)
{
	fputc('"', out);
	while (*text) {
		uint32_t code;
		size_t n_bytes = char_next(text, &code);

		if (*text == '\n')
			fputs("\\n", out);
		else if (code == '?')
			fputc('?', out);
		else
			for (size_t i = 0; i < n_bytes; i++)
				byte_write((unsigned char)text[i], out);
		text += n_bytes;
	}
	fputc('"', out);
}

void gnuplot_assign(const char *name, const char *text, FILE *out)
{
	fprintf(out, "%s = ", name);
	gnuplot_string(text, out);
	fputc('\n', out);
}

/* ---- what scripts share ---- */

static const uint32_t colours[] = {0xE69F00, 0x0072B2, 0x009E73, 0xCC79A7,
                                   0xD55E00, 0x56B4E9, 0x000000, 0xF0E442};
static const int marks[] = {7, 5, 9, 13, 11, 15, 7, 5}; /* circle, square, triangle, ... */
enum { COLOURS = sizeof colours / sizeof *colours };

uint32_t plot_colour(size_t i)
{
	return colours[i % COLOURS];
}

int plot_mark(size_t i)
{
	return marks[i % COLOURS];
}

void gnuplot_lines(const char *const *lines, FILE *out)
{
	for (size_t i = 0; lines[i]; i++)
		fprintf(out, "%s\n", lines[i]);
}

void gnuplot_head(const struct gnuplot_head *h, FILE *out)
{
	static const char *const terminal[] = {
	        "reset",
	        "if (!exists(\"term\")) term = \"svg\"",
	        "if (term ne \"svg\" && term ne \"png\") exit error \"term is svg or png\"",
	        "if (term eq \"png\") set terminal pngcairo noenhanced size 1280,800 \\",
	        "\tbackground \"white\" font \"sans-serif,11\"",
	        "if (term eq \"svg\") set terminal svg noenhanced size 1280,800 \\",
	        "\tbackground \"white\" font \"sans-serif,14.5\"",
	        "size(points) = sprintf(\",%g\", points * (term eq \"svg\" ? 1.32 : 1))",
	        "set encoding utf8",
	        "set datafile separator tab",
	        NULL};
	static const char *const words[] = {
	        "set label 1 title at screen 0.02,0.965 left font size(16)",
	        "set label 2 subtitle at screen 0.02,0.925 left font size(10.5) textcolor rgb "
	        "\"#555555\"",
	        "set label 3 foot at screen 0.02,0.022 left font size(9) textcolor rgb \"#555555\"",
	        "set border 3 linecolor rgb \"#555555\"",
	        "set tics nomirror textcolor rgb \"#333333\"",
	        "set grid linecolor rgb \"#e4e4e4\" linetype 1 linewidth 1",
	        NULL};

	fprintf(out, "# Draws %s from %s, which stand beside it. In this folder:\n", h->picture,
	        h->tables);
	fprintf(out, "#     gnuplot %s.gp                      writes %s.svg\n", h->picture,
	        h->picture);
	fprintf(out, "#     gnuplot -e \"term='png'\" %s.gp      writes %s.png\n", h->picture,
	        h->picture);
	gnuplot_lines(terminal, out);
	fprintf(out, "set output \"%s.\" . term\n\n", h->picture);
	gnuplot_assign("title", h->title, out);
	gnuplot_assign("subtitle", h->subtitle, out);
	gnuplot_assign("foot", h->foot, out);
	gnuplot_lines(words, out);
	fprintf(out, "\n");
}
