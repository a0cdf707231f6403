#include "models/plan_cases.h"
#include <string.h>

/* ---- a configuration of its own ---- */

/* Lists that config_key() changes in place. */
static struct setting *settings_copy(const struct setting *from, struct arena *a)
{
	struct setting *first = NULL, **end = &first;

	for (; from; from = from->next) {
		*end = arena_alloc(a, sizeof **end);
		**end = *from;
		(*end)->next = NULL, end = &(*end)->next;
	}
	return first;
}

static struct note *notes_copy(const struct note *from, struct arena *a)
{
	struct note *first = NULL, **end = &first;

	for (; from; from = from->next) {
		*end = arena_alloc(a, sizeof **end);
		**end = *from;
		(*end)->next = NULL, end = &(*end)->next;
	}
	return first;
}

static struct config *config_copy(const struct config *c)
{
	struct config *one = arena_alloc(c->arena, sizeof *one);

	*one = *c;
	for (enum section s = 0; s < SECTIONS; s++) {
		one->settings[s] = settings_copy(c->settings[s], c->arena);
		one->notes[s] = notes_copy(c->notes[s], c->arena);
	}
	return one;
}

/* ---- settings ---- */

static bool is_named(enum section s)
{
	return s == SECTION_MACHINE || s == SECTION_MODEL || s == SECTION_WORKLOAD ||
	       s == SECTION_ROUTING;
}

/* Another machine, with what was set of the one before set again. */
static enum rc section_take(struct config *c, enum section s, const char *name, const char *where,
                            struct err *e)
{
	const struct setting *again = c->settings[s];
	struct err inner;

	if (config_section(c, s, name, &inner) != RC_OK)
		return fail(e, inner.rc, "%s: %s", where, inner.text);
	for (; again; again = again->next)
		TRY(config_key(c, s, again->key, again->text, again->who, e));
	return RC_OK;
}

static enum rc setting_apply(struct plan_case *x, const char *key, const char *value,
                             const char *where, struct err *e)
{
	struct config *c = x->config;
	const char *path = strchr(key, '.') ? key : arena_print(c->arena, "sweep.%s", key);

	for (enum section s = 0; s < SECTIONS; s++) {
		if (!is_named(s) || strcmp(section_names[s], key) != 0)
			continue;
		x->flags = arena_print(c->arena, "%s --%s '%s'", x->flags, key, value);
		if (s == SECTION_ROUTING && !config_find("routings", value, c->arena))
			return config_key(c, s, "kind", value, where, e); /* as --routing does */
		return section_take(c, s, value, where, e);
	}
	x->flags = arena_print(c->arena, "%s --set '%s=%s'", x->flags, path, value);
	return config_path(c, path, value, where, e);
}

/* "flow=relay2; routing.max_mean=2" */
static enum rc settings_apply(struct plan_case *x, const char *text, const char *where,
                              struct err *e)
{
	struct arena *a = x->config->arena;

	while (*text) {
		const char *one = text + strspn(text, " ");
		size_t n = strcspn(one, ";"), key = strcspn(one, "=");

		if (key >= n)
			return fail(e, RC_CONFIG,
			            "%s: '%.60s' is no setting, such as flow=relay2 or "
			            "routing.max_mean=2",
			            where, arena_copy(a, one, n));
		TRY(setting_apply(x, arena_copy(a, one, key),
		                  arena_copy(a, one + key + 1, n - key - 1), where, e));
		text = one + n + (one[n] == ';');
	}
	return RC_OK;
}

static const char *item_where(const struct config *c, const struct field_list *list, size_t i,
                              const char *key)
{
	const struct yaml_node *node = list->node;

	while (node && i-- > 0)
		node = node->next;
	if (!node || node->line == 0)
		return arena_print(c->arena, "plan.%s", key);
	return arena_print(c->arena, "%s:%d: plan.%s", node->file, node->line, key);
}

static enum rc case_make(const struct config *c, size_t i, size_t by, struct plan_case *x,
                         struct err *e)
{
	const struct plan_spec *p = &c->plan;
	const char *first = p->compare.n > 0 ? p->compare.text[i] : "";
	const char *second = p->by.n > 0 ? p->by.text[by] : "";

	*x = (struct plan_case){.config = config_copy(c), .flags = ""};
	x->text = arena_print(c->arena, "%s%s%s", first, *first && *second ? "; " : "", second);
	if (*first)
		TRY(settings_apply(x, first, item_where(c, &p->compare, i, "compare"), e));
	if (*second)
		TRY(settings_apply(x, second, item_where(c, &p->by, by, "by"), e));
	return config_check(x->config,
	                    NEEDS(SECTION_MACHINE) | NEEDS(SECTION_MODEL) | NEEDS(SECTION_WORKLOAD),
	                    e);
}

enum rc plan_cases(struct config *c, struct plan_cases *out, struct err *e)
{
	const struct plan_spec *p = &c->plan;
	struct plan_cases all = {.n = p->compare.n > 0 ? p->compare.n : 1,
	                         .n_by = p->by.n > 0 ? p->by.n : 1};

	all.one = arena_alloc(c->arena, all.n * all.n_by * sizeof *all.one);
	for (size_t i = 0; i < all.n; i++) {
		for (size_t by = 0; by < all.n_by; by++)
			TRY(case_make(c, i, by, &all.one[i * all.n_by + by], e));
	}
	*out = all;
	return RC_OK;
}
