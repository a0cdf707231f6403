/* A page for other programs: JSON has all of it, CSV the schedules. */
#include <math.h>
#include <string.h>
#include "models/base/err.h"
#include "tools/page.h"

/* ---- JSON: sections, each an array of what it says ---- */

static void json_begin(struct page *p, const char *title, const char *subtitle)
{
	p->json = json_new(p->out);
	json_object(p->json, NULL);
	json_text(p->json, "title", title);
	json_text(p->json, "subtitle", subtitle);
	json_array(p->json, "sections");
}

static void json_end(struct page *p)
{
	json_close(p->json);
	json_close(p->json);
	json_free(p->json);
}

static void json_section(struct page *p, const char *id, const char *title)
{
	json_object(p->json, NULL);
	json_text(p->json, "id", id);
	json_text(p->json, "title", title);
	json_array(p->json, "says");
}

static void json_section_end(struct page *p)
{
	json_close(p->json);
	json_close(p->json);
}

static void one(struct page *p, const char *key, const char *text)
{
	json_object(p->json, NULL);
	json_text(p->json, key, text);
	json_close(p->json);
}

static void json_words(struct page *p, const char *text)
{
	one(p, "text", text);
}

static void json_part(struct page *p, const char *title)
{
	one(p, "heading", title);
}

static void json_command(struct page *p, const char *text)
{
	one(p, "command", text);
}

static void json_answer(struct page *p, bool yes, const char *text)
{
	json_object(p->json, NULL);
	json_flag(p->json, "feasible", yes);
	json_text(p->json, "answer", text);
	json_close(p->json);
}

static void json_tiles(struct page *p, const struct page_tile *tile, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_object(p->json, NULL);
		json_text(p->json, "label", tile[i].label);
		json_text(p->json, "value", tile[i].value);
		json_text(p->json, "note", tile[i].note);
		json_close(p->json);
	}
}

static void json_table(struct page *p, const struct page_table *t)
{
	json_object(p->json, NULL);
	json_text(p->json, "table", t->id);
	json_text(p->json, "caption", t->caption);
	json_array(p->json, "rows");
}

static void json_row(struct page *p, const struct page_table *t, const struct page_cell *cell)
{
	json_object(p->json, NULL);
	for (size_t i = 0; i < t->n; i++) {
		if (t->column[i].number)
			json_number(p->json, t->column[i].key, cell[i].value);
		else
			json_text(p->json, t->column[i].key, cell[i].text);
	}
	json_close(p->json);
}

static void json_table_end(struct page *p)
{
	json_close(p->json);
	json_close(p->json);
}

static void json_fold(struct page *p, const char *title, const char *text)
{
	json_object(p->json, NULL);
	json_text(p->json, "title", title);
	json_text(p->json, "text", text);
	json_close(p->json);
}

const struct page_form page_json = {.name = "json",
                                    .ending = ".json",
                                    .begin = json_begin,
                                    .end = json_end,
                                    .section = json_section,
                                    .section_end = json_section_end,
                                    .part = json_part,
                                    .words = json_words,
                                    .item = json_words,
                                    .answer = json_answer,
                                    .tiles = json_tiles,
                                    .table = json_table,
                                    .row = json_row,
                                    .table_end = json_table_end,
                                    .command = json_command,
                                    .fold = json_fold};

/* ---- CSV (RFC 4180) ---- */

static void csv_text(const char *text, FILE *out)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/* Of several cases the header stands once: their columns are the same. */
static void csv_table(struct page *p, const struct page_table *t)
{
	if (!t->all || p->in_table)
		return;
	for (size_t i = 0; i < t->n; i++)
		fprintf(p->out, "%s%s", i ? "," : "", t->column[i].key);
	fputc('\n', p->out);
	p->in_table = true;
}

static void csv_row(struct page *p, const struct page_table *t, const struct page_cell *cell)
{
	char buf[32];

	if (!t->all)
		return;
	for (size_t i = 0; i < t->n; i++) {
		if (i > 0)
			fputc(',', p->out);
		if (!t->column[i].number)
			csv_text(cell[i].text, p->out);
		else if (isfinite(cell[i].value))
			fputs(number_text(cell[i].value, buf), p->out);
	}
	fputc('\n', p->out);
}

const struct page_form page_csv = {
        .name = "csv", .ending = ".csv", .table = csv_table, .row = csv_row};
