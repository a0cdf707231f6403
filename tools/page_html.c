/* A page as one HTML file: style, script and pictures are in it, and nothing is asked of a network.
 * The security policy lets only our own script run, whatever a name may hold. */
#include <math.h>
#include <string.h>
#include "models/base/digest.h"
#include "models/base/utf8.h"
#include "tools/page.h"
#include "tools/report_text.h" /* page_css[], page_js[], made from tools/report/ */

/* ---- escaping ---- */

static const char *entity(uint32_t code)
{
	switch (code) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static bool is_control(uint32_t code)
{
	return (code < ' ' && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
}

void html_text(const char *text, FILE *out)
{
	while (*text) {
		uint32_t code;
		size_t n_bytes = utf8_decode(text, &code);

		if (n_bytes == 0 || is_control(code))
			fputs("\xef\xbf\xbd", out);
		else if (entity(code))
			fputs(entity(code), out);
		else
			fwrite(text, 1, n_bytes, out);
		text += n_bytes ? n_bytes : 1;
	}
}

/* As in JSON; what could end the script element is written as an escape, as is all beyond ASCII. */
static void script_char(uint32_t code, FILE *out)
{
	if (code >= ' ' && code < 0x7f && !strchr("\"\\<>&'", (int)code))
		fputc((int)code, out);
	else if (code < 0x10000)
		fprintf(out, "\\u%04x", (unsigned)code);
	else
		fprintf(out, "\\u%04x\\u%04x", 0xd800 + (unsigned)((code - 0x10000) >> 10),
		        0xdc00 + (unsigned)((code - 0x10000) & 0x3ff));
}

void script_text(const char *text, FILE *out)
{
	fputc('"', out);
	while (*text) {
		uint32_t code;
		size_t n_bytes = utf8_decode(text, &code);

		script_char(n_bytes ? code : 0xfffd, out);
		text += n_bytes ? n_bytes : 1;
	}
	fputc('"', out);
}

/* ---- the whole ---- */

/* Of RFC 4648. */
static void base64(const unsigned char *bytes, size_t n, FILE *out)
{
	static const char letter[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t word = 0;

		for (size_t k = 0; k < 3; k++)
			word = word << 8 | (i + k < n ? bytes[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			fputc(i + k > n ? '=' : letter[word >> (18 - 6 * k) & 63], out);
	}
}

static void policy(FILE *out)
{
	struct digest d;
	unsigned char bytes[32];

	digest_init(&d);
	digest_add(&d, page_js, sizeof page_js - 1);
	digest_end(&d, bytes);
	fputs("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
	      "script-src 'sha256-",
	      out);
	base64(bytes, sizeof bytes, out);
	fputs("'\">\n", out);
}

static void begin(struct page *p, const char *title, const char *subtitle)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n", p->out);
	policy(p->out);
	fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<link rel=\"icon\" href=\"data:,\">\n<title>",
	      p->out);
	html_text(title, p->out);
	fprintf(p->out,
	        "</title>\n<style>\n%s</style>\n</head>\n<body>\n"
	        "<a class=\"skip\" href=\"#main\">To the answer</a>\n<header>\n<h1>",
	        page_css);
	html_text(title, p->out);
	fputs("</h1>\n<p>", p->out);
	html_text(subtitle, p->out);
	fputs("</p>\n</header>\n<main id=\"main\">\n", p->out);
}

static void end(struct page *p)
{
	fprintf(p->out, "</main>\n<script>%s</script>\n</body>\n</html>\n", page_js);
}

/* ---- words ---- */

static void tagged(struct page *p, const char *before, const char *text, const char *after)
{
	fputs(before, p->out);
	html_text(text, p->out);
	fputs(after, p->out);
}

static void section(struct page *p, const char *id, const char *title)
{
	fprintf(p->out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">",
	        id, id, id);
	html_text(title, p->out);
	fputs("</h2>\n", p->out);
}

static void section_end(struct page *p)
{
	fputs("</section>\n", p->out);
}

static void part(struct page *p, const char *title)
{
	tagged(p, "<h3>", title, "</h3>\n");
}

static void words(struct page *p, const char *text)
{
	tagged(p, "<p>", text, "</p>\n");
}

static void list(struct page *p)
{
	fputs("<ul>\n", p->out);
}

static void item(struct page *p, const char *text)
{
	tagged(p, "<li>", text, "</li>\n");
}

static void list_end(struct page *p)
{
	fputs("</ul>\n", p->out);
}

static void answer(struct page *p, bool yes, const char *text)
{
	tagged(p,
	       yes ? "<p class=\"answer yes\"><strong>Yes.</strong> "
	           : "<p class=\"answer no\"><strong>No.</strong> ",
	       text, "</p>\n");
}

static void tiles(struct page *p, const struct page_tile *tile, size_t n)
{
	fputs("<dl class=\"tiles\">\n", p->out);
	for (size_t i = 0; i < n; i++) {
		tagged(p, "<div><dt>", tile[i].label, "</dt>");
		tagged(p, "<dd>", tile[i].value, "");
		if (*tile[i].note)
			tagged(p, " <small>", tile[i].note, "</small>");
		fputs("</dd></div>\n", p->out);
	}
	fputs("</dl>\n", p->out);
}

static void command(struct page *p, const char *text)
{
	tagged(p, "<pre tabindex=\"0\"><code>", text, "</code></pre>\n");
}

static void fold(struct page *p, const char *title, const char *text)
{
	tagged(p, "<details><summary>", title, "</summary>\n");
	command(p, text);
	fputs("</details>\n", p->out);
}

/* ---- tables and pictures ---- */

static void table(struct page *p, const struct page_table *t)
{
	tagged(p, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", t->caption,
	       "\">\n");
	fprintf(p->out, "<table id=\"%s\" class=\"sorts\">\n", t->id);
	tagged(p, "<caption>", t->caption, "</caption>\n<thead><tr>");
	for (size_t i = 0; i < t->n; i++) {
		fprintf(p->out, "<th scope=\"col\"%s>", t->column[i].number ? " class=\"n\"" : "");
		html_text(t->column[i].title, p->out);
		fputs("</th>", p->out);
	}
	fputs("</tr></thead>\n<tbody>\n", p->out);
}

static void row(struct page *p, const struct page_table *t, const struct page_cell *cell)
{
	char buf[32];

	fputs("<tr>", p->out);
	for (size_t i = 0; i < t->n; i++) {
		fputs(i ? "<td" : "<th scope=\"row\"", p->out);
		if (t->column[i].number)
			fputs(" class=\"n\"", p->out);
		if (isfinite(cell[i].value))
			fprintf(p->out, " data-value=\"%s\"", number_text(cell[i].value, buf));
		fputc('>', p->out);
		html_text(cell[i].text, p->out);
		fputs(i ? "</td>" : "</th>", p->out);
	}
	fputs("</tr>\n", p->out);
}

static void table_end(struct page *p)
{
	fputs("</tbody></table>\n</div>\n", p->out);
}

static void picture(struct page *p, const struct page_picture *picture)
{
	if (!picture->svg)
		return;
	tagged(p, "<figure>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"",
	       picture->title, "\">\n");
	fputs(picture->svg, p->out);
	tagged(p, "</div>\n<figcaption>", picture->caption, "</figcaption>\n</figure>\n");
}

const struct page_form page_html = {.name = "html",
                                    .ending = ".html",
                                    .scripted = true,
                                    .begin = begin,
                                    .end = end,
                                    .section = section,
                                    .section_end = section_end,
                                    .part = part,
                                    .words = words,
                                    .list = list,
                                    .item = item,
                                    .list_end = list_end,
                                    .answer = answer,
                                    .tiles = tiles,
                                    .table = table,
                                    .row = row,
                                    .table_end = table_end,
                                    .picture = picture,
                                    .command = command,
                                    .fold = fold};
