#include "tools/manual.h"
#include <string.h>
#include "sim/sweep.h"

/* Options whose values are listed or are names of files. */
static const struct {
	const char *option;
	enum value_source source;
	const char *list;
} sources[] = {
        {"machine", VALUE_LIST, "machines"},
        {"model", VALUE_LIST, "models"},
        {"workload", VALUE_LIST, "workloads"},
        {"flow", VALUE_LIST, "flows"},
        {"engine", VALUE_LIST, "engines"},
        {"trace", VALUE_FILE, NULL},
        {"out", VALUE_FILE, NULL},
        {"store", VALUE_FILE, NULL},
        {"timeline", VALUE_FILE, NULL},
        {"set", VALUE_SET, NULL},
};

static const struct field *field_named(const struct field *table, const char *key)
{
	for (; table->key; table++) {
		if (strcmp(table->key, key) == 0)
			return table;
	}
	return NULL;
}

static const char *const *words_of(const struct option *o)
{
	char key[OPTION_NAME_SIZE];
	const struct field *f;

	snprintf(key, sizeof key, "%s", o->name);
	for (char *c = key; *c; c++)
		*c = *c == '-' ? '_' : *c;
	if (strcmp(key, "prune") == 0)
		return prune_names;
	if (strcmp(key, "phase") == 0)
		return phase_names;
	f = strcmp(key, "routing") == 0 ? field_named(section_fields(SECTION_ROUTING), "kind")
	                                : field_named(section_fields(SECTION_SCHEDULE), key);
	if (!f)
		f = field_named(section_fields(SECTION_SERVING), key);
	return f && f->kind == FIELD_CHOICE ? f->names : NULL;
}

struct value value_of(const struct option *o)
{
	const char *const *words = o->value ? words_of(o) : NULL;

	if (!o->value)
		return (struct value){VALUE_NONE, NULL, NULL};
	if (words)
		return (struct value){VALUE_WORDS, NULL, words};
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		if (strcmp(sources[i].option, o->name) == 0)
			return (struct value){sources[i].source, sources[i].list, NULL};
	}
	if (strcmp(o->value, "FILE") == 0 || strcmp(o->value, "DIR") == 0)
		return (struct value){VALUE_FILE, NULL, NULL};
	return (struct value){VALUE_ANY, NULL, NULL};
}

static void keys_of(const struct field *table, const char *prefix,
                    void (*visit)(void *data, const char *path, const struct field *f), void *data)
{
	for (; table->kind; table++) {
		char path[256];

		snprintf(path, sizeof path, "%s.%s", prefix, table->key);
		if (table->kind == FIELD_GROUP)
			keys_of(table->group, path, visit, data);
		else
			visit(data, path, table);
	}
}

void manual_keys(void (*visit)(void *data, const char *path, const struct field *f), void *data)
{
	for (enum section s = 0; s < SECTIONS; s++)
		keys_of(section_fields(s), section_names[s], visit, data);
}
