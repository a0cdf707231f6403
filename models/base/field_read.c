#include "models/base/field_value.h"
#include <string.h>

/* ---- annotations ----------------------------------------------------------------------------- */

static const char *const note_keys[] = {"value", "source", "note",     "sd",
                                        "fit",   "prior",  "prior_sd", NULL};

static const struct field note_fields[] = {
        {.key = "source", .kind = FIELD_TEXT, .offset = offsetof(struct note, source)},
        {.key = "note", .kind = FIELD_TEXT, .offset = offsetof(struct note, remark)},
        {.key = "sd",
         .kind = FIELD_QUANTITY,
         .dim = DIM_RATIO,
         .offset = offsetof(struct note, sd_ratio)},
        {.key = "prior", .kind = FIELD_TEXT, .offset = offsetof(struct note, prior)},
        {.key = "prior_sd",
         .kind = FIELD_QUANTITY,
         .dim = DIM_RATIO,
         .offset = offsetof(struct note, prior_sd_ratio)},
        {.key = "fit", .kind = FIELD_FLAG, .offset = offsetof(struct note, fit)},
        {.kind = FIELD_END},
};

const struct note *note_find(const struct note *notes, const char *path)
{
	while (notes && strcmp(notes->path, path) != 0)
		notes = notes->next;
	return notes;
}

static void note_drop(struct note **notes, const char *path)
{
	while (*notes) {
		if (strcmp((*notes)->path, path) == 0)
			*notes = (*notes)->next;
		else
			notes = &(*notes)->next;
	}
}

/* Splits {value: ..., source: ...} into the node of the value and a note. */
static enum rc note_read(const struct field_reader *r, const char *path,
                         const struct yaml_node *map, const struct yaml_node **value,
                         struct note *note)
{
	TRY(field_check_keys(r, map, path, note_keys));
	*value = yaml_get(map, "value");
	if (!*value)
		return field_fail(r, map, path, "'value' is missing beside its annotations");
	for (const struct field *f = note_fields; f->kind; f++) {
		const struct yaml_node *node = yaml_get(map, f->key);
		const char *key_path = arena_print(r->a, "%s.%s", path, f->key);

		if (node)
			TRY(field_store(r, f, key_path, node, (char *)note + f->offset));
	}
	note->path = path;
	return RC_OK;
}

static void note_keep(const struct field_reader *r, const struct note *note)
{
	bool says_something =
	        note->source || note->remark || note->sd_ratio > 0 || note->fit || note->prior;
	struct note *kept;

	if (!r->notes || !says_something)
		return;
	kept = arena_alloc(r->a, sizeof *kept);
	*kept = *note;
	kept->next = *r->notes;
	*r->notes = kept;
}

/* ---- maps ------------------------------------------------------------------------------------ */

static const char *const *table_keys(struct arena *a, const struct field *table)
{
	const char **keys;
	size_t n = 0;

	while (table[n].kind)
		n++;
	keys = arena_alloc(a, (n + 1) * sizeof *keys);
	for (size_t i = 0; i < n; i++)
		keys[i] = table[i].key;
	return keys;
}

static enum rc group_read(const struct field_reader *r, const struct field *table, const char *path,
                          const struct yaml_node *node, void *obj);

static enum rc entry_read(const struct field_reader *r, const struct field *f, const char *path,
                          const struct yaml_node *node, void *slot)
{
	struct note note = {.path = NULL};

	if (f->kind == FIELD_GROUP)
		return group_read(r, f->group, path, node, slot);
	if (node->kind == YAML_MAP && !field_is_range(f, node))
		TRY(note_read(r, path, node, &node, &note));
	TRY(field_store(r, f, path, node, slot));
	note_keep(r, &note);
	return RC_OK;
}

/* The key is not in the map. */
static enum rc fallback_read(const struct field_reader *r, const struct field *f, const char *path,
                             const struct yaml_node *map, void *slot)
{
	const struct yaml_node none = {.kind = YAML_MAP, .file = map->file, .line = map->line};
	const char *where = arena_print(r->a, "default of %s", path);

	if (f->kind == FIELD_GROUP)
		return group_read(r, f->group, path, &none, slot);
	return field_store(r, f, path, field_node(r->a, f, where, f->fallback), slot);
}

static enum rc group_read(const struct field_reader *r, const struct field *table, const char *path,
                          const struct yaml_node *node, void *obj)
{
	if (node->kind != YAML_MAP)
		return field_fail(r, node, path, "a map of keys is needed, not a %s",
		                  node->kind == YAML_LIST ? "list" : "single value");
	TRY(field_check_keys(r, node, path, table_keys(r->a, table)));
	for (const struct field *f = table; f->kind; f++) {
		const char *key_path = arena_print(r->a, "%s%s%s", path, *path ? "." : "", f->key);
		const struct yaml_node *child = yaml_get(node, f->key);
		void *slot = (char *)obj + f->offset;

		if (child)
			TRY(entry_read(r, f, key_path, child, slot));
		else if (f->fallback)
			TRY(fallback_read(r, f, key_path, node, slot));
		else
			return yaml_fail(node, r->e, "%s needs '%s' (%s)",
			                 *path ? path : "this map", f->key, f->doc ? f->doc : "");
	}
	return RC_OK;
}

enum rc fields_read(const struct field *table, void *obj, const struct yaml_node *node,
                    struct arena *a, struct note **notes, struct err *e)
{
	const struct field_reader r = {.a = a, .notes = notes, .e = e};

	return group_read(&r, table, "", node, obj);
}

enum rc fields_default(const struct field *table, void *obj, struct arena *a, struct err *e)
{
	const struct field_reader r = {.a = a, .e = e};
	const struct yaml_node none = {.kind = YAML_MAP, .file = "defaults"};

	return group_read(&r, table, "", &none, obj);
}

/* ---- one value by path ----------------------------------------------------------------------- */

static const struct field *row_find(const struct field *table, const char *key, size_t n_chars)
{
	for (; table->kind; table++) {
		if (strncmp(table->key, key, n_chars) == 0 && table->key[n_chars] == '\0')
			return table;
	}
	return NULL;
}

/* Walks down the groups that a path names to the row of its last key. */
static enum rc path_find(const struct field_reader *r, const struct field *table, const char *path,
                         const struct yaml_node *at, const struct field **row, size_t *offset)
{
	const char *key = path;

	for (*offset = 0;; table = (*row)->group) {
		size_t n_chars = strcspn(key, ".");

		*row = row_find(table, key, n_chars);
		if (!*row)
			return field_unknown_key(r, at, "", arena_copy(r->a, key, n_chars),
			                         table_keys(r->a, table));
		*offset += (*row)->offset;
		if (key[n_chars] == '\0')
			return RC_OK;
		if ((*row)->kind != FIELD_GROUP)
			return field_fail(r, at, "", "'%s' has no keys of its own", (*row)->key);
		key += n_chars + 1;
	}
}

enum rc fields_set(const struct field *table, void *obj, const char *path, const char *text,
                   const char *where, struct arena *a, struct note **notes, struct err *e)
{
	const struct field_reader r = {.a = a, .e = e};
	const struct yaml_node at = {.file = arena_string(a, where)};
	const struct field *row;
	size_t offset;

	TRY(path_find(&r, table, path, &at, &row, &offset));
	if (row->kind == FIELD_GROUP)
		return field_fail(&r, &at, "", "'%s' is a group; set one of its keys, such as %s",
		                  path, arena_print(a, "%s.%s", path, row->group->key));
	TRY(field_store(&r, row, path, field_node(a, row, at.file, text), (char *)obj + offset));
	if (notes)
		note_drop(notes, path);
	return RC_OK;
}
