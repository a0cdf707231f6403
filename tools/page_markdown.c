/* A page as Markdown (GitHub's, with tables). */
#include <ctype.h>
#include <string.h>
#include "tools/page.h"

/* An underscore within a word is no markup. */
static bool is_markup(const char *text, const char *at)
{
	if (*at == '_')
		return at == text || !isalnum((unsigned char)at[-1]) ||
		       !isalnum((unsigned char)at[1]);
	return *at && strchr("\\`*[]<>|&#", *at);
}

static void markdown_text(const char *text, FILE *out)
{
	for (const char *c = text; *c; c++) {
		if (is_markup(text, c))
			fputc('\\', out);
		fputc((unsigned char)*c < ' ' ? ' ' : *c, out);
	}
}

static void blank_line(struct page *p)
{
	fputc('\n', p->out);
}

static void heading(struct page *p, const char *signs, const char *text)
{
	fprintf(p->out, "%s ", signs);
	markdown_text(text, p->out);
	fputs("\n\n", p->out);
}

static void words(struct page *p, const char *text)
{
	markdown_text(text, p->out);
	fputs("\n\n", p->out);
}

static void begin(struct page *p, const char *title, const char *subtitle)
{
	heading(p, "#", title);
	words(p, subtitle);
}

static void section(struct page *p, const char *id, const char *title)
{
	(void)id;
	heading(p, "##", title);
}

static void part(struct page *p, const char *title)
{
	heading(p, "###", title);
}

static void item(struct page *p, const char *text)
{
	fputs("- ", p->out);
	markdown_text(text, p->out);
	fputc('\n', p->out);
}

static void answer(struct page *p, bool yes, const char *text)
{
	fprintf(p->out, "**%s** ", yes ? "Yes." : "No.");
	markdown_text(text, p->out);
	fputs("\n\n", p->out);
}

static void tiles(struct page *p, const struct page_tile *tile, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char line[512];

		snprintf(line, sizeof line, "%s: %s%s%s%s", tile[i].label, tile[i].value,
		         *tile[i].note ? " (" : "", tile[i].note, *tile[i].note ? ")" : "");
		item(p, line);
	}
	blank_line(p);
}

static void table(struct page *p, const struct page_table *t)
{
	words(p, t->caption);
	for (size_t i = 0; i < t->n; i++) {
		fputs("| ", p->out);
		markdown_text(t->column[i].title, p->out);
		fputc(' ', p->out);
	}
	fputs("|\n", p->out);
	for (size_t i = 0; i < t->n; i++)
		fputs(t->column[i].number ? "|--:" : "|---", p->out);
	fputs("|\n", p->out);
}

static void row(struct page *p, const struct page_table *t, const struct page_cell *cell)
{
	for (size_t i = 0; i < t->n; i++) {
		fputs("| ", p->out);
		markdown_text(cell[i].text, p->out);
		fputc(' ', p->out);
	}
	fputs("|\n", p->out);
}

/* A fence longer than any in the text. */
static void fenced(struct page *p, const char *text)
{
	char fence[32] = "```";

	while (strstr(text, fence) && strlen(fence) + 1 < sizeof fence)
		strcat(fence, "`");
	fprintf(p->out, "%s\n%s%s%s\n\n", fence, text,
	        *text && text[strlen(text) - 1] == '\n' ? "" : "\n", fence);
}

static void fold(struct page *p, const char *title, const char *text)
{
	heading(p, "###", title);
	fenced(p, text);
}

const struct page_form page_markdown = {.name = "markdown",
                                        .ending = ".md",
                                        .begin = begin,
                                        .section = section,
                                        .part = part,
                                        .words = words,
                                        .item = item,
                                        .list_end = blank_line,
                                        .answer = answer,
                                        .tiles = tiles,
                                        .table = table,
                                        .row = row,
                                        .table_end = blank_line,
                                        .command = fenced,
                                        .fold = fold};
