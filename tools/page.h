/* A page of words, tables and pictures. What it says is written once, by the calls below; a form
 * decides what becomes of them: HTML, Markdown, JSON, CSV. All text is plain: each form escapes it,
 * so a name may hold anything. Texts that are printed live as long as the page. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "models/base/arena.h"
#include "models/base/json.h"

struct page_column {
	const char *key;   /* in JSON and CSV, with its SI unit: "ttft_s" */
	const char *title; /* for people, with the unit that cells are shown in: "TTFT (s)" */
	bool number;       /* to the right; a cell has a value beside its text */
};

enum { MOST_PAGE_COLUMNS = 48 };

/* Something that a table is of. */
struct page_table {
	const char *id, *caption;
	struct page_column column[MOST_PAGE_COLUMNS];
	size_t n;
	bool all; /* the table of all schedules: the only one of a CSV */
};
void page_column(struct page_table *t, const char *key, const char *title, bool number);

struct page_cell {
	const char *text;
	double value; /* unit: SI, as the column's key says; NAN: the cell has only a text */
};

struct page_picture {
	const char *id, *caption;
	const char *title, *says; /* for those who do not see it */
	const char *svg;          /* a whole element; NULL: there is none */
};

struct page_tile {
	const char *label, *value, *note;
};

struct page;

/* Members that are NULL leave out what they would write. */
struct page_form {
	const char *name;   /* as --format has it */
	const char *ending; /* of a file's name */
	void (*begin)(struct page *p, const char *title, const char *subtitle);
	void (*end)(struct page *p);
	void (*section)(struct page *p, const char *id, const char *title);
	void (*section_end)(struct page *p);
	void (*part)(struct page *p, const char *title); /* a heading below a section's */
	void (*words)(struct page *p, const char *text); /* a paragraph */
	void (*list)(struct page *p);                    /* items follow */
	void (*item)(struct page *p, const char *text);
	void (*list_end)(struct page *p);
	void (*answer)(struct page *p, bool yes, const char *text);
	void (*tiles)(struct page *p, const struct page_tile *tile, size_t n);
	void (*table)(struct page *p, const struct page_table *t);
	void (*row)(struct page *p, const struct page_table *t, const struct page_cell *cell);
	void (*table_end)(struct page *p);
	void (*picture)(struct page *p, const struct page_picture *picture);
	void (*command)(struct page *p, const char *text);
	void (*fold)(struct page *p, const char *title, const char *text); /* long, as it is */
	bool scripted; /* page.js makes tables of data, and lets readers try budgets */
};

extern const struct page_form page_html, page_markdown, page_json, page_csv;
extern const struct page_form *const page_forms[]; /* NULL-terminated */

struct page {
	const struct page_form *form;
	FILE *out;
	struct arena *arena;
	struct json *json;
	const struct page_table *table; /* that is open */
	struct page_cell cell[MOST_PAGE_COLUMNS];
	size_t n_cells, n_tables;
	bool in_section, in_list, in_table;
};

void page_begin(struct page *p, const struct page_form *form, struct arena *a, FILE *out,
                const char *title, const char *subtitle);
void page_end(struct page *p);

void page_section(struct page *p, const char *id, const char *title); /* ends the one before */
void page_part(struct page *p, const char *title);
__attribute__((format(printf, 2, 3))) void page_words(struct page *p, const char *fmt, ...);
/* Items that follow each other are one list. */
__attribute__((format(printf, 2, 3))) void page_item(struct page *p, const char *fmt, ...);
void page_answer(struct page *p, bool yes, const char *text);
void page_tiles(struct page *p, const struct page_tile *tile, size_t n);
void page_picture(struct page *p, const struct page_picture *picture);
void page_command(struct page *p, const char *text);
void page_fold(struct page *p, const char *title, const char *text);

/* For what writes to p->out itself. */
void page_list_end(struct page *p);

/* Cells in the order of the columns. */
void page_table(struct page *p, const struct page_table *t);
__attribute__((format(printf, 2, 3))) void page_cell(struct page *p, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void page_number(struct page *p, double value_units,
                                                       const char *fmt, ...);
void page_count(struct page *p, size_t n); /* "17,280" */
void page_row_end(struct page *p);
void page_table_end(struct page *p);

/* "17,280", in the arena. */
const char *count_text(struct arena *a, size_t n);
/* The shortest text that reads back the same. buf has 32 bytes and is returned. */
const char *number_text(double value_units, char *buf);

/* Text for HTML and for a script's data: no byte of it can be markup. What is not UTF-8 becomes
 * U+FFFD. */
void html_text(const char *text, FILE *out);
void script_text(const char *text, FILE *out); /* in double quotes */
