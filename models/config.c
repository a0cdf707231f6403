#include "models/config.h"
#include <string.h>

const char *const section_names[] = {"machine", "model",   "workload", "routing", "schedule",
                                     "sweep",   "serving", "plan",     NULL};

/* How a section is read, where it lives, and what checks it. */
struct section_row {
	const char *kind; /* folder under configs/, NULL: only inline */
	bool has_defaults;
	const struct field *fields;
	size_t offset;
};

static const struct section_row rows[SECTIONS] = {
        [SECTION_MACHINE] = {"machines", false, machine_fields, offsetof(struct config, machine)},
        [SECTION_MODEL] = {"models", false, moe_model_fields, offsetof(struct config, model)},
        [SECTION_WORKLOAD] = {"workloads", false, workload_fields,
                              offsetof(struct config, workload)},
        [SECTION_ROUTING] = {"routings", true, routing_fields, offsetof(struct config, routing)},
        [SECTION_SCHEDULE] = {NULL, true, schedule_fields, offsetof(struct config, schedule)},
        [SECTION_SWEEP] = {NULL, true, sweep_fields, offsetof(struct config, sweep)},
        [SECTION_SERVING] = {NULL, true, serving_fields, offsetof(struct config, serving)},
        [SECTION_PLAN] = {NULL, true, plan_fields, offsetof(struct config, plan)},
};

static const char *const file_keys[] = {"machine", "model",   "workload", "routing", "schedule",
                                        "sweep",   "serving", "plan",     "set",     NULL};

const struct field *section_fields(enum section s)
{
	return rows[s].fields;
}

static void *section_object(struct config *c, enum section s)
{
	return (char *)c + rows[s].offset;
}

const void *config_object(const struct config *c, enum section s)
{
	return (const char *)c + rows[s].offset;
}

static bool section_has_defaults(enum section s)
{
	return rows[s].has_defaults;
}

struct config *config_new(void)
{
	struct arena *a = arena_new();
	struct config *c = arena_alloc(a, sizeof *c);
	struct err e;

	c->arena = a;
	for (enum section s = 0; s < SECTIONS; s++) {
		c->where[s] = "defaults";
		if (section_has_defaults(s))
			CHECK(fields_default(rows[s].fields, section_object(c, s), a, &e) == RC_OK);
	}
	return c;
}

void config_free(struct config *c)
{
	if (c)
		arena_free(c->arena);
}

static enum rc section_read(struct config *c, enum section s, const struct yaml_node *node,
                            struct err *e)
{
	struct err inner;

	if (node->kind == YAML_SCALAR && rows[s].kind) {
		if (config_section(c, s, node->text, &inner) != RC_OK)
			return fail(e, inner.rc, "%s:%d: %s", node->file, node->line, inner.text);
		return RC_OK;
	}
	c->notes[s] = NULL;
	if (s == SECTION_PLAN)
		TRY(plan_section_node(node, c->arena, &node, e));
	TRY(fields_read(rows[s].fields, section_object(c, s), node, c->arena, &c->notes[s], e));
	c->given[s] = true, c->set_by[s] = NULL, c->settings[s] = NULL;
	c->where[s] = arena_print(c->arena, "%s:%d", node->file, node->line);
	return RC_OK;
}

static int section_by_name(const char *name, size_t n_chars)
{
	for (int s = 0; s < SECTIONS; s++) {
		if (strlen(section_names[s]) == n_chars &&
		    memcmp(section_names[s], name, n_chars) == 0)
			return s;
	}
	return -1;
}

static void setting_keep(struct config *c, enum section s, const char *key, const char *text)
{
	struct setting **end = &c->settings[s], *x = arena_alloc(c->arena, sizeof *x);

	while (*end)
		end = &(*end)->next;
	x->key = arena_string(c->arena, key), x->text = arena_string(c->arena, text);
	x->who = c->set_by[s];
	*end = x;
}

enum rc config_key(struct config *c, enum section s, const char *key, const char *text,
                   const char *who, struct err *e)
{
	TRY(fields_set(rows[s].fields, section_object(c, s), key, text, who, c->arena, &c->notes[s],
	               e));
	c->set_by[s] = arena_string(c->arena, who);
	setting_keep(c, s, key, text);
	return RC_OK;
}

/* path: "machine.fabric.rate" */
enum rc config_path(struct config *c, const char *path, const char *text, const char *who,
                    struct err *e)
{
	const char *dot = strchr(path, '.');
	size_t n_chars = dot ? (size_t)(dot - path) : 0;
	const char *name = arena_copy(c->arena, path, n_chars);
	int s = section_by_name(path, n_chars);
	char slip[128];

	if (!dot)
		return fail(e, RC_CONFIG, "%s: section.key is needed, such as machine.fabric.rate",
		            who);
	if (s < 0)
		return fail(e, RC_CONFIG, "%s: unknown section '%.60s'%s", who, name,
		            hint(slip, sizeof slip, name, section_names));
	if (!c->given[s] && !section_has_defaults((enum section)s))
		return fail(e, RC_CONFIG, "%s: no %s is chosen yet", who, section_names[s]);
	return config_key(c, (enum section)s, dot + 1, text, who, e);
}

static enum rc set_read(struct config *c, const struct yaml_node *set, struct err *e)
{
	if (set->kind != YAML_MAP)
		return fail(e, RC_CONFIG,
		            "%s:%d: 'set' takes lines such as machine.fabric.rate: 150GBps",
		            set->file, set->line);
	for (const struct yaml_node *n = set->first; n; n = n->next) {
		const char *who =
		        arena_print(c->arena, "%s:%d: set %.60s", n->file, n->key_line, n->key);

		if (n->kind != YAML_SCALAR)
			return fail(e, RC_CONFIG, "%s: a single value is needed", who);
		TRY(config_path(c, n->key, n->text, who, e));
	}
	return RC_OK;
}

static enum rc unknown_key(const struct yaml_node *n, struct err *e)
{
	char slip[128];

	return fail(e, RC_CONFIG,
	            "%s:%d: unknown section '%.60s'%s (sections: machine, model, "
	            "workload, routing, schedule, sweep, serving, plan, set)",
	            n->file, n->key_line, n->key, hint(slip, sizeof slip, n->key, file_keys));
}

enum rc config_read(struct config *c, const char *path, struct err *e)
{
	struct yaml_node *root;
	const struct yaml_node *set = NULL;

	TRY(yaml_read(path, c->arena, &root, e));
	if (root->kind != YAML_MAP)
		return fail(e, RC_CONFIG,
		            "%s:%d: sections are needed here, such as 'machine: NAME'", root->file,
		            root->line);
	for (const struct yaml_node *n = root->first; n; n = n->next) {
		int s = section_by_name(n->key, strlen(n->key));

		if (strcmp(n->key, "set") == 0)
			set = n;
		else if (s < 0)
			return unknown_key(n, e);
		else
			TRY(section_read(c, (enum section)s, n, e));
	}
	return set ? set_read(c, set, e) : RC_OK;
}

static enum rc not_found(enum section s, const char *name, struct arena *a, struct err *e)
{
	char slip[128];

	if (!*name)
		return fail(e, RC_CONFIG, "a name of a %s is missing (see `epsim list %s`)",
		            section_names[s], rows[s].kind);
	return fail(e, RC_CONFIG, "no %s is called '%.60s'%s (see `epsim list %s`)",
	            section_names[s], name, hint(slip, sizeof slip, name, config_names(s, a)),
	            rows[s].kind);
}

enum rc config_section(struct config *c, enum section s, const char *name, struct err *e)
{
	const char *path;
	struct yaml_node *root;
	const struct yaml_node *node;

	if (s == SECTION_MACHINE && machine_is_synthetic(name)) {
		TRY(machine_synthetic(name, c->arena, &c->machine, e));
		c->given[s] = true, c->where[s] = "machine line";
		c->set_by[s] = NULL, c->notes[s] = NULL, c->settings[s] = NULL;
		return RC_OK;
	}
	path = config_find(rows[s].kind, name, c->arena);
	if (!path)
		return not_found(s, name, c->arena, e);
	TRY(yaml_read(path, c->arena, &root, e));
	node = root->kind == YAML_MAP ? yaml_get(root, section_names[s]) : NULL;
	if (!node)
		return fail(e, RC_CONFIG, "%s: holds no section '%s'", path, section_names[s]);
	if (node->kind != YAML_MAP)
		return fail(e, RC_CONFIG, "%s:%d: '%s' must be a map here, not another name", path,
		            node->line, section_names[s]);
	return section_read(c, s, node, e);
}

enum rc config_set(struct config *c, const char *assignment, struct err *e)
{
	const char *equals = strchr(assignment, '='), *path;

	if (!equals)
		return fail(e, RC_CONFIG,
		            "--set %.60s: section.key=value is needed, such as "
		            "machine.fabric.rate=150GBps",
		            assignment);
	path = arena_copy(c->arena, assignment, (size_t)(equals - assignment));
	return config_path(c, path, equals + 1, arena_print(c->arena, "--set %.60s", path), e);
}

/* What a check's message starts with: where the section was read, and what changed it since. */
static const char *blamed(const struct config *c, enum section s)
{
	if (!c->set_by[s])
		return c->where[s];
	if (!c->given[s])
		return c->set_by[s];
	return arena_print(c->arena, "%s and %s", c->where[s], c->set_by[s]);
}

static enum rc section_check(const struct config *c, enum section s, struct err *e)
{
	const char *where = blamed(c, s);

	switch (s) {
	case SECTION_MACHINE:
		return machine_check(&c->machine, where, e);
	case SECTION_MODEL:
		return moe_model_check(&c->model, where, e);
	case SECTION_WORKLOAD:
		return workload_check(&c->workload, where, e);
	case SECTION_ROUTING:
		return routing_spec_check(&c->routing, where, e);
	case SECTION_SCHEDULE:
		return schedule_check(&c->schedule, where, e);
	case SECTION_SWEEP:
		return sweep_spec_check(&c->sweep, where, e);
	case SECTION_SERVING:
		return serving_check(&c->serving, where, e);
	case SECTION_PLAN:
		return plan_spec_check(&c->plan, where, e);
	default:
		return RC_OK;
	}
}

enum rc config_check(const struct config *c, unsigned needed_bits, struct err *e)
{
	for (enum section s = 0; s < SECTIONS; s++) {
		bool there = c->given[s] || section_has_defaults(s);

		if (!there && (needed_bits & NEEDS(s)))
			return fail(e, RC_CONFIG,
			            "no %s is given: name one with --%s or in the file",
			            section_names[s], section_names[s]);
		if (there)
			TRY(section_check(c, s, e));
	}
	return RC_OK;
}

/* What was set holds in every case of a sweep, so it is written beside the lists of cases. */
static void settings_dump(const struct config *c, FILE *out)
{
	const struct field_list *const lists[] = {[SECTION_MACHINE] = &c->sweep.machines,
	                                          [SECTION_MODEL] = &c->sweep.models,
	                                          [SECTION_WORKLOAD] = &c->sweep.workloads};
	bool begun = false;

	for (enum section s = 0; s <= SECTION_WORKLOAD; s++) {
		for (const struct setting *x = c->settings[s]; lists[s]->n && x; x = x->next) {
			fprintf(out, "%s  %s.%s: '%s'\n", begun ? "" : "set:\n", section_names[s],
			        x->key, x->text);
			begun = true;
		}
	}
}

void config_dump(const struct config *c, FILE *out)
{
	for (enum section s = 0; s < SECTIONS; s++) {
		bool shown = c->given[s] || (section_has_defaults(s) && s != SECTION_PLAN);

		if (!shown && !c->set_by[s])
			continue;
		fprintf(out, "%s:\n", section_names[s]);
		fields_dump(rows[s].fields, (const char *)c + rows[s].offset, c->notes[s], 2, out);
	}
	settings_dump(c, out);
}

size_t config_unsourced(const struct config *c, enum section s,
                        void (*visit)(void *data, const char *path), void *data)
{
	return fields_unsourced(rows[s].fields, (const char *)c + rows[s].offset, c->notes[s],
	                        visit, data);
}
