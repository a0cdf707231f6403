#include "models/base/field_value.h"
#include <string.h>

enum { MAX_ITEMS = 10000 };

static const char *const range_keys[] = {"from", "to", "factor", "step", NULL};

struct range {
	int64_t from, to, factor, step; /* factor 0: step counts */
};

bool field_is_range(const struct field *f, const struct yaml_node *node)
{
	if (f->kind != FIELD_LIST || f->item != FIELD_INTEGER || node->kind != YAML_MAP)
		return false;
	for (const char *const *key = range_keys; *key; key++) {
		if (yaml_get(node, *key))
			return !yaml_get(node, "value");
	}
	return false;
}

static enum rc range_bound(const struct field_reader *r, const char *path,
                           const struct yaml_node *map, const char *key, double least, double most,
                           int64_t *bound)
{
	const struct field f = {.least = least, .most = most};
	const struct yaml_node *node = yaml_get(map, key);
	struct field_value v;

	if (!node)
		return field_fail(r, map, path, "a range needs '%s'", key);
	TRY(field_value_read(r, &f, FIELD_INTEGER, arena_print(r->a, "%s.%s", path, key), node,
	                     &v));
	*bound = (int64_t)v.number;
	return RC_OK;
}

static enum rc range_read(const struct field_reader *r, const struct field *f, const char *path,
                          const struct yaml_node *map, struct range *range)
{
	bool by_factor = yaml_get(map, "factor"), by_step = yaml_get(map, "step");

	*range = (struct range){0};
	TRY(range_bound(r, path, map, "from", f->least, f->most, &range->from));
	TRY(range_bound(r, path, map, "to", f->least, f->most, &range->to));
	if (by_factor == by_step)
		return field_fail(r, map, path, "a range needs either 'factor' or 'step'");
	if (by_factor)
		TRY(range_bound(r, path, map, "factor", 2, 0, &range->factor));
	else
		TRY(range_bound(r, path, map, "step", 1, 0, &range->step));
	if (range->from > range->to)
		return field_fail(r, map, path, "a range must not go down: 'from' is above 'to'");
	if (by_factor && range->from == 0)
		return field_fail(r, map, path, "a range by 'factor' must start above 0");
	return RC_OK;
}

/* Returns the number of items, MAX_ITEMS + 1 when there are more. items may be NULL. */
static size_t range_items(const struct range *range, double *items)
{
	int64_t x = range->from;

	for (size_t n = 0;; n++) {
		if (n > MAX_ITEMS)
			return n;
		if (items)
			items[n] = (double)x;
		if (x > (range->factor ? range->to / range->factor : range->to - range->step))
			return n + 1;
		x = range->factor ? x * range->factor : x + range->step;
	}
}

static enum rc range_store(const struct field_reader *r, const struct field *f, const char *path,
                           const struct yaml_node *map, struct field_list *list)
{
	struct range range;

	TRY(field_check_keys(r, map, path, range_keys));
	TRY(range_read(r, f, path, map, &range));
	list->n = range_items(&range, NULL);
	if (list->n > MAX_ITEMS)
		return field_fail(r, map, path, "a range of more than %d items", MAX_ITEMS);
	list->number = arena_alloc(r->a, list->n * sizeof *list->number);
	range_items(&range, list->number);
	return RC_OK;
}

enum rc field_list_read(const struct field_reader *r, const struct field *f, const char *path,
                        const struct yaml_node *node, struct field_list *list)
{
	const struct yaml_node *item = node->kind == YAML_LIST ? node->first : node;

	if (field_is_range(f, node))
		return range_store(r, f, path, node, list);
	list->n = node->kind == YAML_LIST ? node->n_children : 1;
	if (list->n > MAX_ITEMS)
		return field_fail(r, node, path, "a list of more than %d items", MAX_ITEMS);
	if (f->item == FIELD_TEXT)
		list->text = arena_alloc(r->a, list->n * sizeof *list->text);
	else
		list->number = arena_alloc(r->a, list->n * sizeof *list->number);
	for (size_t i = 0; i < list->n; i++, item = item->next) {
		struct field_value v;

		TRY(field_value_read(r, f, f->item, path, item, &v));
		if (list->text)
			list->text[i] = v.text;
		else
			list->number[i] = v.number;
	}
	return RC_OK;
}

/* ---- text that is not from a file ------------------------------------------------------------ */

struct yaml_node *field_node(struct arena *a, const struct field *f, const char *where,
                             const char *text)
{
	struct yaml_node *node = arena_alloc(a, sizeof *node), **end = &node->first;

	*node = (struct yaml_node){.kind = YAML_SCALAR, .file = where, .quoted = true};
	node->text = text;
	if (f->kind != FIELD_LIST)
		return node;
	node->kind = YAML_LIST;
	while (*text) {
		const char *start = text + strspn(text, " ");
		size_t n_chars = strcspn(start, ",");
		struct yaml_node *item = arena_alloc(a, sizeof *item);

		text = start + n_chars + (start[n_chars] == ',');
		while (n_chars && start[n_chars - 1] == ' ')
			n_chars--;
		*item = (struct yaml_node){.kind = YAML_SCALAR, .file = where};
		item->text = arena_copy(a, start, n_chars);
		item->quoted = n_chars > 0; /* between two commas a value is missing */
		*end = item;
		end = &item->next;
		node->n_children++;
	}
	return node;
}
