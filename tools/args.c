#include "tools/args.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "traces/lengths.h"

const struct option common_options[] = {
        {"json", NULL, "print JSON"},
        {"seed", "N", "of random routing; default 0"},
        {"help", NULL, "this text"},
        {0},
};

/* Beside these, each key of the schedule section is an option: --ep 64. */
const struct option config_options[] = {
        {"machine", "NAME",
         "of configs/machines, a file, or a line (\"node:4 die:16 fabric:196GBps\")"},
        {"model", "NAME", "of configs/models, or a file"},
        {"workload", "NAME", "of configs/workloads, or a file"},
        {"trace", "FILE", "request trace whose lengths replace the workload's"},
        {"routing", "KIND", "balanced, uniform, skewed, grouped, file; or of configs/routings"},
        {"set", "KEY=VALUE", "one value, such as machine.fabric.rate=150GBps; may be repeated"},
        {0},
};

static void list_add(struct option_list *l, const struct option *table)
{
	for (; table && table->name; table++) {
		CHECK(l->n < MOST_OPTIONS);
		l->row[l->n++] = *table;
	}
}

void args_option_name(char name[OPTION_NAME_SIZE], const char *key)
{
	snprintf(name, OPTION_NAME_SIZE, "%s", key);
	for (char *c = name; *c; c++)
		*c = *c == '_' ? '-' : *c;
}

static const char *value_name(const struct field *f)
{
	return f->kind == FIELD_INTEGER || f->kind == FIELD_QUANTITY ? "N"
	       : f->kind == FIELD_FLAG                               ? "YES/NO"
	                                                             : "NAME";
}

void args_section(enum section s, struct option_list *l)
{
	for (const struct field *f = section_fields(s); f->key; f++) {
		char *name = l->made[l->n];

		if (f->kind == FIELD_GROUP)
			continue;
		CHECK(l->n < MOST_OPTIONS && strlen(f->key) < OPTION_NAME_SIZE);
		args_option_name(name, f->key);
		l->row[l->n++] = (struct option){name, value_name(f), f->doc};
	}
}

void args_options(const struct verb *verb, struct option_list *l)
{
	l->n = 0;
	list_add(l, verb->options);
	if (verb->takes_config) {
		list_add(l, config_options);
		args_section(SECTION_SCHEDULE, l);
	}
	if (verb->takes_serving)
		args_section(SECTION_SERVING, l);
	list_add(l, common_options);
}

static const struct option *list_find(const struct option_list *l, const char *name, size_t n_chars)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strlen(l->row[i].name) == n_chars && memcmp(l->row[i].name, name, n_chars) == 0)
			return &l->row[i];
	}
	return NULL;
}

static enum rc unknown_option(const struct verb *verb, const struct option_list *l,
                              const char *text, struct err *e)
{
	const char *names[MOST_OPTIONS + 1] = {0}, *near;
	char plain[OPTION_NAME_SIZE];

	for (size_t i = 0; i < l->n; i++)
		names[i] = l->row[i].name;
	snprintf(plain, sizeof plain, "%.*s", (int)strcspn(text, "="), text);
	near = nearest_name(plain, names);
	return fail(e, RC_CONFIG, "%s: unknown option '--%s'%s%s%s (see `epsim %s --help`)",
	            verb->name, plain, near ? "; did you mean '--" : "", near ? near : "",
	            near ? "'?" : "", verb->name);
}

/* An option where the value should be is a slip: --ep --tp 2. */
static enum rc value_missing(const struct verb *verb, const struct option *o, struct err *e)
{
	return fail(e, RC_CONFIG, "%s: --%s needs a value: %s", verb->name, o->name, o->value);
}

static enum rc option_parse(const struct verb *verb, const struct option_list *l, char **argv,
                            int argc, int *i, struct args *out, struct err *e)
{
	const char *text = argv[*i] + 2, *equals = strchr(text, '=');
	size_t n_chars = equals ? (size_t)(equals - text) : strlen(text);
	const struct option *o = list_find(l, text, n_chars);
	const char *value = equals ? equals + 1 : NULL;

	if (!o)
		return unknown_option(verb, l, text, e);
	if (!o->value && value)
		return fail(e, RC_CONFIG, "%s: --%s takes no value", verb->name, o->name);
	if (o->value && !value) {
		if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
			return value_missing(verb, o, e);
		value = argv[++*i];
	}
	out->given[out->n_given].option = o;
	out->given[out->n_given++].value = value;
	return RC_OK;
}

enum rc args_parse(const struct verb *verb, int argc, char **argv, struct args *out, struct err *e)
{
	struct option_list *l = &out->list;
	bool only_words = false;

	args_options(verb, l);
	out->verb = verb, out->n_words = out->n_given = 0;
	if (argc > MOST_ARGS)
		return fail(e, RC_CONFIG, "%s: more than %d arguments", verb->name, MOST_ARGS);
	for (int i = 0; i < argc; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (!only_words && strncmp(argv[i], "--", 2) == 0)
			TRY(option_parse(verb, l, argv, argc, &i, out, e));
		else if (!only_words && strcmp(argv[i], "-o") == 0 && list_find(l, "out", 3))
			argv[i] = "--out", i--; /* the one short form that everybody knows */
		else if (!only_words && argv[i][0] == '-' && argv[i][1])
			return fail(e, RC_CONFIG, "%s: options are spelled out, as in --help: '%s'",
			            verb->name, argv[i]);
		else
			out->word[out->n_words++] = argv[i];
	}
	return RC_OK;
}

const char *args_value(const struct args *a, const char *name, const char *fallback)
{
	for (size_t i = a->n_given; i-- > 0;) { /* the last one counts */
		if (strcmp(a->given[i].option->name, name) == 0)
			return a->given[i].option->value ? a->given[i].value : "";
	}
	return fallback;
}

bool args_has(const struct args *a, const char *name)
{
	return args_value(a, name, NULL) != NULL;
}

enum rc args_integer(const struct args *a, const char *name, int64_t fallback, int64_t least,
                     int64_t *out, struct err *e)
{
	const char *text = args_value(a, name, NULL);
	struct err inner;
	double value;

	if (!text)
		return *out = fallback, RC_OK;
	if (quantity_parse(text, DIM_COUNT, &value, &inner) != RC_OK)
		return fail(e, RC_CONFIG, "--%s: %s", name, inner.text);
	if (value < (double)least)
		return fail(e, RC_CONFIG, "--%s: %s is below %lld", name, text, (long long)least);
	*out = (int64_t)value;
	return RC_OK;
}

enum rc args_ratio(const struct args *a, const char *name, double fallback_ratio, double most_ratio,
                   double *out_ratio, struct err *e)
{
	const char *text = args_value(a, name, NULL);
	struct err inner;

	if (!text)
		return *out_ratio = fallback_ratio, RC_OK;
	if (quantity_parse(text, DIM_RATIO, out_ratio, &inner) != RC_OK)
		return fail(e, RC_CONFIG, "--%s: %s", name, inner.text);
	if (!(*out_ratio > 0))
		return fail(e, RC_CONFIG, "--%s: %g is not above 0", name, *out_ratio);
	if (most_ratio > 0 && *out_ratio > most_ratio)
		return fail(e, RC_CONFIG, "--%s: %g is above %g", name, *out_ratio, most_ratio);
	return RC_OK;
}

static enum rc key_option(const char *name, const char *value, enum section s, struct config *c,
                          struct err *e)
{
	for (const struct field *f = section_fields(s); f->key; f++) {
		char option[OPTION_NAME_SIZE];

		args_option_name(option, f->key);
		if (f->kind != FIELD_GROUP && strcmp(option, name) == 0)
			return config_key(c, s, f->key, value, arena_print(c->arena, "--%s", name),
			                  e);
	}
	return RC_OK;
}

static enum rc trace_option(const char *path, struct config *c, struct err *e)
{
	const enum section s = SECTION_WORKLOAD;

	TRY(trace_workload(path, c->arena, &c->workload, e));
	c->given[s] = true, c->where[s] = path;
	c->set_by[s] = NULL, c->notes[s] = NULL, c->settings[s] = NULL;
	return RC_OK;
}

static enum rc section_option(const struct args *a, enum section s, struct config *c, struct err *e)
{
	const char *name = args_value(a, section_names[s], NULL);

	return name ? config_section(c, s, name, e) : RC_OK;
}

/* A kind, or the name of a whole section. */
static enum rc routing_option(const char *name, struct config *c, struct err *e)
{
	if (config_find("routings", name, c->arena))
		return config_section(c, SECTION_ROUTING, name, e);
	return config_key(c, SECTION_ROUTING, "kind", name, "--routing", e);
}

enum rc args_config(const struct args *a, const char *file, struct config *c, struct err *e)
{
	const char *trace = args_value(a, "trace", NULL);
	const char *routing = args_value(a, "routing", NULL), *seed = args_value(a, "seed", NULL);

	if (file && !*file)
		return fail(e, RC_CONFIG, "%s: the name of the file is empty", a->verb->name);
	if (file)
		TRY(config_read(c, file, e));
	TRY(section_option(a, SECTION_MACHINE, c, e));
	TRY(section_option(a, SECTION_MODEL, c, e));
	TRY(section_option(a, SECTION_WORKLOAD, c, e));
	if (trace)
		TRY(trace_option(trace, c, e));
	if (routing)
		TRY(routing_option(routing, c, e));
	if (seed)
		TRY(config_key(c, SECTION_ROUTING, "seed", seed, "--seed", e));
	for (size_t i = 0; i < a->n_given; i++) {
		const char *name = a->given[i].option->name, *value = a->given[i].value;

		if (strcmp(name, "set") == 0)
			TRY(config_set(c, value, e));
		else if (value)
			TRY(key_option(name, value, SECTION_SCHEDULE, c, e));
		if (value && a->verb->takes_serving)
			TRY(key_option(name, value, SECTION_SERVING, c, e));
	}
	return RC_OK;
}

static void help_options(const char *title, const struct option *table, size_t n, FILE *out)
{
	fprintf(out, "\n%s:\n", title);
	for (size_t i = 0; i < n; i++) {
		char left[64];

		snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].value ? " " : "",
		         table[i].value ? table[i].value : "");
		fprintf(out, "  %-24s %s\n", left, table[i].doc);
	}
}

void args_help(const struct verb *verb, FILE *out)
{
	struct option_list l = {.n = 0};
	size_t config = 0, schedule = 0;

	for (size_t i = 0; verb->examples[i]; i++)
		fprintf(out, "  %s\n", verb->examples[i]);
	fprintf(out, "\nusage: epsim %s %s\n%s.\n", verb->name, verb->usage, verb->doc);
	if (verb->about)
		fprintf(out, "\n%s\n", verb->about);
	list_add(&l, verb->options);
	list_add(&l, common_options);
	help_options("options", l.row, l.n, out);
	if (!verb->takes_config)
		return;
	config = l.n;
	list_add(&l, config_options);
	help_options("configuration", l.row + config, l.n - config, out);
	schedule = l.n;
	args_section(SECTION_SCHEDULE, &l);
	help_options("schedule", l.row + schedule, l.n - schedule, out);
	if (!verb->takes_serving)
		return;
	schedule = l.n;
	args_section(SECTION_SERVING, &l);
	help_options("serving", l.row + schedule, l.n - schedule, out);
}

int jobs_default(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 256 ? 256 : (int)n;
}
