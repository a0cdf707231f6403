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

/* ---- ranges as text: 8..256 *2, 16..128 step 16, 1..4 ---- */

static bool is_text_range(const struct field *f, const struct yaml_node *item)
{
	return f->item == FIELD_INTEGER && item->kind == YAML_SCALAR && strstr(item->text, "..");
}

/* The words of a range, each as a child of the map that says the same. */
static void range_key(struct arena *a, struct yaml_node *map, const char *key, const char *text,
                      size_t n_chars)
{
	struct yaml_node *node = arena_alloc(a, sizeof *node);

	while (n_chars > 0 && text[0] == ' ')
		text++, n_chars--;
	while (n_chars > 0 && text[n_chars - 1] == ' ')
		n_chars--;
	*node = (struct yaml_node){.kind = YAML_SCALAR,
	                           .file = map->file,
	                           .line = map->line,
	                           .column = map->column,
	                           .key = key,
	                           .key_line = map->line,
	                           .quoted = true};
	node->text = arena_copy(a, text, n_chars);
	node->next = map->first;
	map->first = node;
	map->n_children++;
}

static struct yaml_node *text_range_map(struct arena *a, const struct yaml_node *item)
{
	const char *dots = strstr(item->text, ".."), *to = dots + 2;
	const char *times = strchr(to, '*'), *step = strstr(to, "step");
	const char *end = times ? times : step ? step : to + strlen(to);
	struct yaml_node *map = arena_alloc(a, sizeof *map);

	*map = *item;
	map->kind = YAML_MAP, map->text = NULL, map->first = NULL;
	range_key(a, map, "from", item->text, (size_t)(dots - item->text));
	range_key(a, map, "to", to, (size_t)(end - to));
	if (times)
		range_key(a, map, "factor", times + 1, strlen(times + 1));
	else if (step)
		range_key(a, map, "step", step + 4, strlen(step + 4));
	else
		range_key(a, map, "step", "1", 1);
	return map;
}

/* ---- lists ---- */

static enum rc item_range(const struct field_reader *r, const struct field *f, const char *path,
                          const struct yaml_node *item, struct field_list *out)
{
	struct field_list range = {0};
	double *all;

	TRY(range_store(r, f, path, text_range_map(r->a, item), &range));
	all = arena_alloc(r->a, (out->n + range.n) * sizeof *all);
	if (out->n > 0)
		memcpy(all, out->number, out->n * sizeof *all);
	memcpy(all + out->n, range.number, range.n * sizeof *all);
	out->number = all, out->n += range.n;
	return RC_OK;
}

/* A list of integers of which some items are ranges. */
static enum rc ranges_read(const struct field_reader *r, const struct field *f, const char *path,
                           const struct yaml_node *node, const struct yaml_node *item,
                           struct field_list *list)
{
	size_t n = node->kind == YAML_LIST ? node->n_children : 1;

	for (size_t i = 0; i < n; i++, item = item->next) {
		struct yaml_node single;

		if (is_text_range(f, item)) {
			TRY(item_range(r, f, path, item, list));
		} else { /* a value is a range of one, once it has been checked as a value */
			struct field_value v;

			TRY(field_value_read(r, f, f->item, path, item, &v));
			single = *item;
			single.text = arena_print(r->a, "%s..%s", item->text, item->text);
			TRY(item_range(r, f, path, &single, list));
		}
		if (list->n > MAX_ITEMS)
			return field_fail(r, node, path, "a list of more than %d items", MAX_ITEMS);
	}
	return RC_OK;
}

static bool any_text_range(const struct field *f, const struct yaml_node *item, size_t n)
{
	for (size_t i = 0; i < n; i++, item = item->next) {
		if (is_text_range(f, item))
			return true;
	}
	return false;
}

enum rc field_list_read(const struct field_reader *r, const struct field *f, const char *path,
                        const struct yaml_node *node, struct field_list *list)
{
	const struct yaml_node *item = node->kind == YAML_LIST ? node->first : node;
	size_t n = node->kind == YAML_LIST ? node->n_children : 1;

	if (field_is_range(f, node))
		return range_store(r, f, path, node, list);
	if (n > MAX_ITEMS)
		return field_fail(r, node, path, "a list of more than %d items", MAX_ITEMS);
	if (any_text_range(f, item, n))
		return ranges_read(r, f, path, node, item, list);
	list->n = n;
	if (f->item == FIELD_TEXT)
		list->text = arena_alloc(r->a, list->n * sizeof *list->text), list->node = item;
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
