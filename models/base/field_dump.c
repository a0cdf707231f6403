#include "models/base/field.h"
#include "models/base/table.h"
#include "models/base/utf8.h"
#include <inttypes.h>
#include <string.h>

enum { PATH_CHARS = 512 };

static void path_join(char path[PATH_CHARS], const char *prefix, const char *key)
{
	int n_chars = snprintf(path, PATH_CHARS, "%s%s%s", prefix, *prefix ? "." : "", key);

	CHECK(n_chars > 0 && n_chars < PATH_CHARS);
}

/* ---- scalars --------------------------------------------------------------------------------- */

/* YAML's double quotes, with everything escaped that a reader could fold, strip or refuse. */
static void quoted_write(const char *text, FILE *out)
{
	putc('"', out);
	while (text && *text) {
		uint32_t code = 0xfffd; /* in place of bytes that are no character */
		size_t n_bytes = utf8_decode(text, &code);
		bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
		bool special = code == 0x2028 || code == 0x2029 || code == 0xfeff ||
		               code == 0xfffe || code == 0xffff;

		if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else if (code == '\n')
			fputs("\\n", out);
		else if (n_bytes == 0 || control || special)
			fprintf(out, "\\u%04" PRIx32, code);
		else
			fwrite(text, 1, n_bytes, out);
		text += n_bytes ? n_bytes : 1;
	}
	putc('"', out);
}

static void name_write(const char *name, FILE *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (*name && *name != '-' && strspn(name, plain) == strlen(name) &&
	    strcmp(name, "null") != 0)
		fputs(name, out);
	else
		quoted_write(name, out);
}

static void number_write(const struct field *f, enum field_kind kind, double number, FILE *out)
{
	char buf[64];

	if (kind == FIELD_CHOICE)
		name_write(f->names[(int)number], out);
	else if (kind == FIELD_FLAG)
		fputs(number != 0 ? "yes" : "no", out);
	else
		fputs(quantity_exact(number, kind == FIELD_INTEGER ? DIM_COUNT : f->dim, buf,
		                     sizeof buf),
		      out);
}

static void list_write(const struct field *f, const struct field_list *list, FILE *out)
{
	putc('[', out);
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			fputs(", ", out);
		if (f->item == FIELD_TEXT)
			quoted_write(list->text[i], out);
		else
			number_write(f, f->item, list->number[i], out);
	}
	putc(']', out);
}

static void value_write(const struct field *f, const void *slot, FILE *out)
{
	switch (f->kind) {
	case FIELD_QUANTITY:
		number_write(f, f->kind, *(const double *)slot, out);
		break;
	case FIELD_INTEGER:
		number_write(f, f->kind, (double)*(const int64_t *)slot, out);
		break;
	case FIELD_CHOICE:
		number_write(f, f->kind, *(const int *)slot, out);
		break;
	case FIELD_FLAG:
		number_write(f, f->kind, *(const bool *)slot, out);
		break;
	case FIELD_TEXT:
		quoted_write(*(const char *const *)slot, out);
		break;
	case FIELD_LIST:
		list_write(f, slot, out);
		break;
	default:
		CHECK(!"a kind of value");
	}
}

/* ---- dump ------------------------------------------------------------------------------------ */

static void annotations_write(const struct note *note, FILE *out)
{
	char buf[64];

	if (note->source) {
		fputs(", source: ", out);
		quoted_write(note->source, out);
	}
	if (note->remark) {
		fputs(", note: ", out);
		quoted_write(note->remark, out);
	}
	if (note->sd_ratio > 0)
		fprintf(out, ", sd: %s",
		        quantity_exact(note->sd_ratio, DIM_RATIO, buf, sizeof buf));
	if (note->prior) {
		fputs(", prior: ", out);
		quoted_write(note->prior, out);
	}
	if (note->prior_sd_ratio > 0)
		fprintf(out, ", prior_sd: %s",
		        quantity_exact(note->prior_sd_ratio, DIM_RATIO, buf, sizeof buf));
	if (note->fit)
		fputs(", fit: yes", out);
}

static void group_dump(const struct field *table, const void *obj, const struct note *notes,
                       const char *prefix, int indent, FILE *out)
{
	for (const struct field *f = table; f->kind; f++) {
		const void *slot = (const char *)obj + f->offset;
		const struct note *note;
		char path[PATH_CHARS];

		path_join(path, prefix, f->key);
		fprintf(out, "%*s%s:", indent, "", f->key);
		if (f->kind == FIELD_GROUP) {
			fputs(f->group->kind ? "\n" : " {}\n", out);
			group_dump(f->group, slot, notes, path, indent + 2, out);
			continue;
		}
		note = note_find(notes, path);
		fputs(note ? " {value: " : " ", out);
		value_write(f, slot, out);
		if (note)
			annotations_write(note, out);
		fputs(note ? "}\n" : "\n", out);
	}
}

void fields_dump(const struct field *table, const void *obj, const struct note *notes, int indent,
                 FILE *out)
{
	group_dump(table, obj, notes, "", indent, out);
}

/* ---- sources --------------------------------------------------------------------------------- */

static bool needs_source(const struct field *f, const void *slot)
{
	bool integer = f->kind == FIELD_INTEGER;
	double number, fallback;
	struct err e;

	if (!integer && f->kind != FIELD_QUANTITY)
		return false;
	number = integer ? (double)*(const int64_t *)slot : *(const double *)slot;
	return !f->fallback ||
	       quantity_parse(f->fallback, integer ? DIM_COUNT : f->dim, &fallback, &e) != RC_OK ||
	       fallback != number;
}

static size_t group_unsourced(const struct field *table, const void *obj, const struct note *notes,
                              const char *prefix, void (*visit)(void *data, const char *path),
                              void *data)
{
	size_t n = 0;

	for (const struct field *f = table; f->kind; f++) {
		const void *slot = (const char *)obj + f->offset;
		const struct note *note;
		char path[PATH_CHARS];

		path_join(path, prefix, f->key);
		if (f->kind == FIELD_GROUP)
			n += group_unsourced(f->group, slot, notes, path, visit, data);
		note = note_find(notes, path);
		if (needs_source(f, slot) && !(note && note->source && *note->source))
			visit(data, path), n++;
	}
	return n;
}

size_t fields_unsourced(const struct field *table, const void *obj, const struct note *notes,
                        void (*visit)(void *data, const char *path), void *data)
{
	return group_unsourced(table, obj, notes, "", visit, data);
}

/* ---- help ------------------------------------------------------------------------------------ */

static const char *unit_of(const struct field *f, enum field_kind kind, char *buf, size_t size)
{
	size_t n_chars = 0;

	switch (kind) {
	case FIELD_QUANTITY:
		return dim_name(f->dim);
	case FIELD_INTEGER:
		return dim_name(DIM_COUNT);
	case FIELD_FLAG:
		return "yes|no";
	case FIELD_CHOICE:
		for (int i = 0; f->names[i] && n_chars < size; i++)
			n_chars += (size_t)snprintf(buf + n_chars, size - n_chars, "%s%s",
			                            i ? "|" : "", f->names[i]);
		return buf;
	default:
		return "text";
	}
}

static const char *default_of(const struct field *f)
{
	if (!f->fallback)
		return "required";
	if (*f->fallback)
		return f->fallback;
	return f->kind == FIELD_LIST ? "[]" : "\"\"";
}

static void group_help(struct table *t, const struct field *table, const char *prefix)
{
	for (const struct field *f = table; f->kind; f++) {
		bool list = f->kind == FIELD_LIST;
		char path[PATH_CHARS], buf[256];

		path_join(path, prefix, f->key);
		if (f->kind == FIELD_GROUP) {
			group_help(t, f->group, path);
			continue;
		}
		table_cell(t, "%s", path);
		table_cell(t, "%s%s", list ? "list of " : "",
		           unit_of(f, list ? f->item : f->kind, buf, sizeof buf));
		table_cell(t, "%s", default_of(f));
		table_cell(t, "%s", f->doc ? f->doc : "");
		table_end_row(t);
	}
}

void fields_help(const struct field *table, const char *prefix, FILE *out)
{
	static const char *const headers[] = {"<key", "<unit", "<default", "<meaning", NULL};
	struct table *t = table_new(headers);

	group_help(t, table, prefix ? prefix : "");
	table_print(t, out);
	table_free(t);
}
