#include "tools/plot_gnuplot.h"
#include <stdbool.h>
#include <string.h>
#include "models/base/utf8.h"

/* ---- text ---- */

/* Characters that XML and gnuplot's fonts can show. */
static bool is_shown(uint32_t code)
{
	return code >= ' ' && !(code >= 0x7f && code < 0xa0) && (code & 0xfffe) != 0xfffe;
}

/* Letters that DejaVu Sans has, Debian's least set of fonts. A letter that no font has makes
 * pngcairo draw a box as large as the picture. */
static bool is_common(uint32_t code)
{
	return code < 0x700 || (code >= 0x1e00 && code < 0x2e00);
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
	enum { MOST_CHARS = 32 };
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

/* common_only: '?' for letters that is_common() does not know. Returns whether it knew all. */
static bool string_write(const char *text, bool common_only, FILE *out)
{
	bool all_common = true;

	fputc('"', out);
	while (*text) {
		uint32_t code;
		size_t n_bytes = char_next(text, &code);

		all_common = all_common && is_common(code);
		if (*text == '\n')
			fputs("\\n", out);
		else if (code == '?' || (common_only && !is_common(code)))
			fputc('?', out);
		else
			for (size_t i = 0; i < n_bytes; i++)
				byte_write((unsigned char)text[i], out);
		text += n_bytes;
	}
	fputc('"', out);
	return all_common;
}

void gnuplot_string(const char *text, FILE *out)
{
	(void)string_write(text, false, out);
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

static void title_write(const char *title, FILE *out)
{
	fprintf(out, "title = ");
	if (!string_write(title, false, out)) {
		fprintf(out, "\n# remove this line where a font for all letters is installed\n"
		             "if (term eq \"png\") title = ");
		(void)string_write(title, true, out);
	}
	fprintf(out, "\n");
}

/* Letters are given in points; SVG counts pixels. */
static const char *const terminal[] = {
        "reset",
        "if (!exists(\"term\")) term = \"svg\"",
        "if (term ne \"svg\" && term ne \"png\") exit error \"term is svg or png\"",
        "if (term eq \"svg\") set terminal svg noenhanced size 1280,800 \\",
        "\tbackground \"white\" font \"sans-serif,14.5\"",
        "if (term eq \"png\") set terminal pngcairo noenhanced size 1280,800 \\",
        "\tbackground \"white\" font \"sans-serif,11\" pointscale 1.5",
        "font(points) = sprintf(\",%g\", points * (term eq \"svg\" ? 1.32 : 1))",
        "font9 = font(9); font10 = font(10); font12 = font(12); font16 = font(16)",
        "set encoding utf8",
        "set datafile separator tab",
        NULL};

static const char *const words[] = {
        "title_font = strlen(title) > 100 ? font12 : font16",
        "grey = \"#444444\"",
        "set label 1 title at screen 0.02,0.967 left font title_font",
        "set label 2 subtitle at screen 0.02,0.929 left font font10 textcolor rgb grey",
        "set label 3 detail at screen 0.02,0.901 left font font10 textcolor rgb grey",
        "set label 4 foot at screen 0.02,0.022 left font font9 textcolor rgb grey",
        "set border 3 linecolor rgb grey",
        "set tics nomirror textcolor rgb grey",
        "set grid linecolor rgb \"#e4e4e4\" linetype 1 linewidth 1",
        NULL};

void gnuplot_head(const struct gnuplot_head *h, FILE *out)
{
	const char *name = h->picture;

	fprintf(out, "# Draws %s from %s, which stand beside it. In this folder:\n", name,
	        h->tables);
	fprintf(out, "#     gnuplot %s.gp                    writes %s.svg\n", name, name);
	fprintf(out, "#     gnuplot -e \"term='png'\" %s.gp    writes %s.png\n", name, name);
	gnuplot_lines(terminal, out);
	fprintf(out, "set output \"%s.\" . term\n\n", name);
	title_write(h->title, out);
	gnuplot_assign("subtitle", h->subtitle, out);
	gnuplot_assign("detail", h->detail, out);
	gnuplot_assign("foot", h->foot, out);
	gnuplot_lines(words, out);
	fprintf(out, "\n");
}
