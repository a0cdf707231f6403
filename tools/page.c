#include "tools/page.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include "models/base/err.h"

const struct page_form *const page_forms[] = {&page_html, &page_markdown, &page_csv, &page_json,
                                              NULL};

const char *count_text(struct arena *a, size_t n)
{
	if (n < 1000)
		return arena_print(a, "%zu", n);
	return arena_print(a, "%s,%03zu", count_text(a, n / 1000), n % 1000);
}

const char *number_text(double value_units, char *buf)
{
	enum { LEAST = 15, MOST = 17 };

	for (int digits = LEAST; digits <= MOST; digits++) {
		snprintf(buf, 32, "%.*g", digits, value_units);
		if (strtod(buf, NULL) == value_units)
			break;
	}
	return buf;
}

void page_column(struct page_table *t, const char *key, const char *title, bool number)
{
	CHECK(t->n < MOST_PAGE_COLUMNS);
	t->column[t->n++] = (struct page_column){key, title, number};
}

/* ---- the whole ---- */

void page_begin(struct page *p, const struct page_form *form, struct arena *a, FILE *out,
                const char *title, const char *subtitle)
{
	*p = (struct page){.form = form, .arena = a, .out = out};
	if (form->begin)
		form->begin(p, title, subtitle);
}

void page_list_end(struct page *p)
{
	if (p->in_list && p->form->list_end)
		p->form->list_end(p);
	p->in_list = false;
}

static void section_end(struct page *p)
{
	page_list_end(p);
	if (p->in_section && p->form->section_end)
		p->form->section_end(p);
	p->in_section = false;
}

void page_end(struct page *p)
{
	section_end(p);
	if (p->form->end)
		p->form->end(p);
}

void page_section(struct page *p, const char *id, const char *title)
{
	section_end(p);
	p->in_section = true;
	if (p->form->section)
		p->form->section(p, id, title);
}

/* ---- words ---- */

void page_part(struct page *p, const char *title)
{
	page_list_end(p);
	if (p->form->part)
		p->form->part(p, title);
}

void page_words(struct page *p, const char *fmt, ...)
{
	va_list ap;

	page_list_end(p);
	va_start(ap, fmt);
	if (p->form->words)
		p->form->words(p, arena_vprint(p->arena, fmt, ap));
	va_end(ap);
}

void page_item(struct page *p, const char *fmt, ...)
{
	va_list ap;

	if (!p->in_list && p->form->list)
		p->form->list(p);
	p->in_list = true;
	va_start(ap, fmt);
	if (p->form->item)
		p->form->item(p, arena_vprint(p->arena, fmt, ap));
	va_end(ap);
}

void page_answer(struct page *p, bool yes, const char *text)
{
	page_list_end(p);
	if (p->form->answer)
		p->form->answer(p, yes, text);
}

void page_tiles(struct page *p, const struct page_tile *tile, size_t n)
{
	page_list_end(p);
	if (p->form->tiles)
		p->form->tiles(p, tile, n);
}

void page_picture(struct page *p, const struct page_picture *picture)
{
	page_list_end(p);
	if (p->form->picture)
		p->form->picture(p, picture);
}

void page_command(struct page *p, const char *text)
{
	page_list_end(p);
	if (p->form->command)
		p->form->command(p, text);
}

void page_fold(struct page *p, const char *title, const char *text)
{
	page_list_end(p);
	if (p->form->fold)
		p->form->fold(p, title, text);
}

/* ---- tables ---- */

void page_table(struct page *p, const struct page_table *t)
{
	CHECK(!p->table);
	page_list_end(p);
	p->table = t, p->n_cells = 0;
	if (p->form->table)
		p->form->table(p, t);
}

static void cell_add(struct page *p, const char *text, double value_units)
{
	CHECK(p->table && p->n_cells < p->table->n);
	p->cell[p->n_cells++] = (struct page_cell){text, value_units};
}

void page_cell(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	cell_add(p, arena_vprint(p->arena, fmt, ap), NAN);
	va_end(ap);
}

void page_number(struct page *p, double value_units, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	cell_add(p, arena_vprint(p->arena, fmt, ap), value_units);
	va_end(ap);
}

void page_count(struct page *p, size_t n)
{
	cell_add(p, count_text(p->arena, n), (double)n);
}

void page_row_end(struct page *p)
{
	CHECK(p->n_cells == p->table->n);
	if (p->form->row)
		p->form->row(p, p->table, p->cell);
	p->n_cells = 0;
}

void page_table_end(struct page *p)
{
	if (p->form->table_end)
		p->form->table_end(p);
	p->table = NULL, p->n_tables++;
}
