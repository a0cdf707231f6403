#include "models/base/field_value.h"
#include "models/base/utf8.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

enum rc field_fail(const struct field_reader *r, const struct yaml_node *at, const char *path,
                   const char *fmt, ...)
{
	char text[sizeof r->e->text];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (at->line == 0 || *path == '\0')
		return yaml_fail(at, r->e, "%s", text);
	return yaml_fail(at, r->e, "%s: %s", path, text);
}

static const char *names_join(struct arena *a, const char *const *names)
{
	const char *all = "";

	for (; *names; names++)
		all = arena_print(a, "%s%s%s", all, *all ? ", " : "", *names);
	return all;
}

enum rc field_unknown_key(const struct field_reader *r, const struct yaml_node *at,
                          const char *path, const char *key, const char *const *names)
{
	const char *nearest = nearest_name(key, names);

	if (nearest)
		return field_fail(r, at, path, "unknown key '%.60s'; did you mean '%s'?", key,
		                  nearest);
	return field_fail(r, at, path, "unknown key '%.60s'; known here: %s", key,
	                  names_join(r->a, names));
}

enum rc field_check_keys(const struct field_reader *r, const struct yaml_node *map,
                         const char *path, const char *const *names)
{
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		const struct yaml_node at = {.file = n->file, .line = n->key_line};
		const char *const *name = names;

		while (*name && strcmp(*name, n->key) != 0)
			name++;
		if (!*name)
			return field_unknown_key(r, &at, path, n->key, names);
	}
	return RC_OK;
}

/* ---- one value ------------------------------------------------------------------------------- */

static enum rc number_parse(const struct field *f, enum dim dim, const char *text, double *number,
                            struct err *e)
{
	char least[64], most[64];
	bool unlimited = f->most == 0 || isinf(f->most);

	TRY(quantity_parse(text, dim, number, e));
	if (*number >= f->least && (unlimited || *number <= f->most))
		return RC_OK;
	quantity_exact(f->least, dim, least, sizeof least);
	if (unlimited)
		return fail(e, RC_CONFIG, "'%.40s' is too small; it must be at least %s", text,
		            least);
	return fail(e, RC_CONFIG, "'%.40s' is out of range; it must be from %s to %s", text, least,
	            quantity_exact(f->most, dim, most, sizeof most));
}

static enum rc choice_parse(const struct field_reader *r, const struct field *f, const char *text,
                            double *index)
{
	char buf[128];

	for (int i = 0; f->names[i]; i++) {
		if (strcmp(f->names[i], text) == 0) {
			*index = i;
			return RC_OK;
		}
	}
	return fail(r->e, RC_CONFIG, "'%.60s' is not one of %s%s", text, names_join(r->a, f->names),
	            hint(buf, sizeof buf, text, f->names));
}

static enum rc flag_parse(const char *text, double *flag, struct err *e)
{
	bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
	bool no = strcmp(text, "no") == 0 || strcmp(text, "false") == 0;

	if (!yes && !no)
		return fail(e, RC_CONFIG, "'%.40s' is neither yes nor no", text);
	*flag = yes;
	return RC_OK;
}

/* A command line can hold any bytes, a YAML file cannot. */
static enum rc text_parse(const char *text, struct arena *a, const char **copy, struct err *e)
{
	for (const char *s = text; *s;) {
		uint32_t code;
		size_t n_bytes = utf8_decode(s, &code);

		if (n_bytes == 0)
			return fail(e, RC_CONFIG, "'%.40s' is not text in UTF-8", text);
		s += n_bytes;
	}
	*copy = arena_string(a, text);
	return RC_OK;
}

static enum rc text_to_value(const struct field_reader *r, const struct field *f,
                             enum field_kind kind, const char *text, struct field_value *v)
{
	switch (kind) {
	case FIELD_QUANTITY:
		return number_parse(f, f->dim, text, &v->number, r->e);
	case FIELD_INTEGER:
		return number_parse(f, DIM_COUNT, text, &v->number, r->e);
	case FIELD_TEXT:
		return text_parse(text, r->a, &v->text, r->e);
	case FIELD_CHOICE:
		return choice_parse(r, f, text, &v->number);
	case FIELD_FLAG:
		return flag_parse(text, &v->number, r->e);
	default:
		CHECK(!"a kind of scalar");
		return RC_INTERNAL;
	}
}

/* YAML's ways to say that there is no value. Quoted, they are text like any other. */
static bool is_null(const struct yaml_node *node)
{
	return !node->quoted && (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
	                         strcmp(node->text, "null") == 0);
}

enum rc field_value_read(const struct field_reader *r, const struct field *f, enum field_kind kind,
                         const char *path, const struct yaml_node *node, struct field_value *v)
{
	if (node->kind != YAML_SCALAR)
		return field_fail(r, node, path, "a single value is needed, not a %s",
		                  node->kind == YAML_LIST ? "list" : "map");
	if (is_null(node))
		return field_fail(r, node, path, "a value is missing%s",
		                  kind == FIELD_TEXT ? "; write \"\" for an empty text" : "");
	if (text_to_value(r, f, kind, node->text, v) != RC_OK)
		return field_fail(r, node, path, "%s", r->e->text);
	return RC_OK;
}

enum rc field_store(const struct field_reader *r, const struct field *f, const char *path,
                    const struct yaml_node *node, void *slot)
{
	struct field_list list = {0};
	struct field_value v;

	if (f->kind == FIELD_LIST) {
		TRY(field_list_read(r, f, path, node, &list));
		*(struct field_list *)slot = list;
		return RC_OK;
	}
	TRY(field_value_read(r, f, f->kind, path, node, &v));
	if (f->kind == FIELD_QUANTITY)
		*(double *)slot = v.number;
	else if (f->kind == FIELD_INTEGER)
		*(int64_t *)slot = (int64_t)v.number;
	else if (f->kind == FIELD_TEXT)
		*(const char **)slot = v.text;
	else if (f->kind == FIELD_CHOICE)
		*(int *)slot = (int)v.number;
	else
		*(bool *)slot = v.number != 0;
	return RC_OK;
}
