/* epsim config: check a configuration, print it in full, explain its fields. */
#include <string.h>
#include "models/base/json.h"
#include "sim/sweep.h"
#include "tools/args.h"

/* Names that only the simulator knows. */
static enum rc names_check(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->sweep.flow.n; i++) {
		if (!flow_find(c->sweep.flow.text[i], e))
			return e->rc;
	}
	if (!flow_find(c->schedule.flow, e) || !engine_find(c->sweep.engine, e))
		return e->rc;
	return RC_OK;
}

static enum rc config_all(const struct args *a, const char *file, struct config *c, struct err *e)
{
	TRY(args_config(a, file, c, e));
	TRY(config_check(c, 0, e));
	return names_check(c, e);
}

/* What `check` tells, as text or as JSON. */
struct checked {
	FILE *out;
	struct json *json; /* NULL: text */
	enum section section;
};

static void print_unsourced(void *data, const char *path)
{
	const struct checked *x = data;
	char full[1024];

	snprintf(full, sizeof full, "%s.%s", section_names[x->section], path);
	if (x->json)
		json_text(x->json, NULL, full);
	else
		fprintf(x->out, "%s\n", full);
}

/* Numbers of the real world are those of a machine, a model and a workload. */
static size_t check_sources(const struct config *c, struct checked *x)
{
	size_t n = 0;

	if (x->json)
		json_array(x->json, "unsourced");
	for (x->section = 0; x->section <= SECTION_WORKLOAD; x->section++) {
		if (c->given[x->section])
			n += config_unsourced(c, x->section, print_unsourced, x);
	}
	if (x->json)
		json_close(x->json);
	return n;
}

static size_t check_json(const struct config *c, bool sources, size_t n_points, FILE *out)
{
	struct checked x = {.out = out, .json = json_new(out)};
	size_t n = 0;

	json_object(x.json, NULL);
	for (enum section s = 0; s < SECTIONS; s++)
		json_flag(x.json, section_names[s], c->given[s]);
	if (c->given[SECTION_SWEEP])
		json_integer(x.json, "schedules", (int64_t)n_points);
	if (sources)
		n = check_sources(c, &x);
	json_close(x.json);
	json_free(x.json);
	return n;
}

static size_t check_text(const struct config *c, const char *name, bool sources, size_t n_points,
                         FILE *out)
{
	struct checked x = {.out = out};
	size_t n = sources ? check_sources(c, &x) : 0;

	if (n > 0)
		return n;
	fprintf(out, "%s: good:", name);
	for (enum section s = 0; s < SECTIONS; s++) {
		if (c->given[s])
			fprintf(out, " %s", section_names[s]);
	}
	if (c->given[SECTION_SWEEP])
		fprintf(out, " (%zu schedules)", n_points);
	fprintf(out, "%s\n", sources ? ", every number with its source" : "");
	return 0;
}

static enum rc check(const struct args *a, struct config *c, FILE *out, struct err *e)
{
	const char *file = a->n_words > 1 ? a->word[1] : NULL;
	bool sources = args_has(a, "sources");
	size_t n_points = 0, n;

	TRY(config_all(a, file, c, e));
	if (!file && a->n_given == (size_t)args_has(a, "json") + sources)
		return fail(e, RC_CONFIG, "config check: a FILE is needed, or --machine, ...");
	if (c->given[SECTION_SWEEP])
		TRY(sweep_count(c, &n_points, e));
	if (args_has(a, "json"))
		n = check_json(c, sources, n_points, out);
	else
		n = check_text(c, file ? file : "options", sources, n_points, out);
	if (n > 0)
		return fail(e, RC_NO, "%zu number%s without a source", n, n > 1 ? "s" : "");
	return RC_OK;
}

/* dump and fields have no other form; a wish that is not heard is refused. */
static enum rc text_only(const struct args *a, struct err *e)
{
	if (args_has(a, "json") || args_has(a, "sources"))
		return fail(e, RC_CONFIG, "config %s: --json and --sources go with check",
		            a->word[0]);
	return RC_OK;
}

static enum rc dump(const struct args *a, struct config *c, FILE *out, struct err *e)
{
	TRY(text_only(a, e));
	TRY(config_all(a, a->n_words > 1 ? a->word[1] : NULL, c, e));
	config_dump(c, out);
	return RC_OK;
}

static enum rc fields(const struct args *a, struct config *c, FILE *out, struct err *e)
{
	const char *wish = a->n_words > 1 ? a->word[1] : NULL;
	char slip[128];
	bool found = false;

	(void)c;
	TRY(text_only(a, e));
	for (enum section s = 0; s < SECTIONS; s++) {
		if (wish && strcmp(wish, section_names[s]) != 0)
			continue;
		fields_help(section_fields(s), section_names[s], out);
		found = true;
	}
	if (!found)
		return fail(e, RC_CONFIG, "config fields: there is no section '%s'%s", wish,
		            hint(slip, sizeof slip, wish, section_names));
	return RC_OK;
}

static const struct action {
	const char *name;
	enum rc (*run)(const struct args *a, struct config *c, FILE *out, struct err *e);
} actions[] = {{"check", check}, {"dump", dump}, {"fields", fields}, {NULL, NULL}};

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	const char *names[sizeof actions / sizeof *actions] = {0};
	const char *wish = a->n_words > 0 ? a->word[0] : "";
	char slip[128];

	if (a->n_words > 2)
		return fail(e, RC_CONFIG, "config: one file at a time, not '%s'", a->word[2]);
	for (size_t i = 0; actions[i].name; i++) {
		names[i] = actions[i].name;
		if (strcmp(actions[i].name, wish) == 0) {
			struct config *c = config_new();
			enum rc rc = actions[i].run(a, c, out, e);

			config_free(c);
			return rc;
		}
	}
	return fail(e, RC_CONFIG, "config: check, dump or fields is needed, not '%s'%s", wish,
	            hint(slip, sizeof slip, wish, names));
}

static const struct option options[] = {
        {"sources", NULL, "check: list numbers without a source"},
        {0},
};

const struct verb verb_config = {
        .name = "config",
        .doc = "Checks a configuration, prints it in full, explains its fields",
        .usage = "check|dump [FILE] [option...], or fields [SECTION]",
        .examples =
                {"epsim config check configs/sweeps/deepseek-v3.1-cm384.yaml",
                 "epsim config dump --machine cloudmatrix384 --set machine.fabric.rate=150GBps"},
        .options = options,
        .takes_config = true,
        .about = "What dump prints reads back to the same run.\n"
                 "Exit status 1: --sources found numbers without a source.",
        .run = run,
};
