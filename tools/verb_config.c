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

static enum rc check(const struct args *a, struct config *c, FILE *out, struct err *e)
{
	size_t n_points;

	TRY(config_all(a, a->n_words > 1 ? a->word[1] : NULL, c, e));
	if (args_has(a, "json")) {
		struct json *j = json_new(out);

		json_object(j, NULL);
		for (enum section s = 0; s < SECTIONS; s++)
			json_flag(j, section_names[s], c->given[s]);
		json_close(j);
		json_free(j);
		return RC_OK;
	}
	fprintf(out, "%s: good:", a->n_words > 1 ? a->word[1] : "options");
	for (enum section s = 0; s < SECTIONS; s++) {
		if (c->given[s])
			fprintf(out, " %s", section_names[s]);
	}
	if (c->given[SECTION_SWEEP] && sweep_count(c, &n_points, e) == RC_OK)
		fprintf(out, " (%zu schedules)", n_points);
	fprintf(out, "\n");
	return RC_OK;
}

static enum rc dump(const struct args *a, struct config *c, FILE *out, struct err *e)
{
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
	for (enum section s = 0; s < SECTIONS; s++) {
		if (wish && strcmp(wish, section_names[s]) != 0)
			continue;
		fields_help(section_fields(s), section_names[s], out);
		found = true;
	}
	if (!found)
		return fail(e, RC_CONFIG, "epsim config fields: there is no section '%s'%s", wish,
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
		return fail(e, RC_CONFIG, "epsim config: one file at a time, not '%s'", a->word[2]);
	for (size_t i = 0; actions[i].name; i++) {
		names[i] = actions[i].name;
		if (strcmp(actions[i].name, wish) == 0) {
			struct config *c = config_new();
			enum rc rc = actions[i].run(a, c, out, e);

			config_free(c);
			return rc;
		}
	}
	return fail(e, RC_CONFIG, "epsim config: check, dump or fields is needed, not '%s'%s", wish,
	            hint(slip, sizeof slip, wish, names));
}

static const struct option options[] = {{0}};

const struct verb verb_config = {
        .name = "config",
        .doc = "Checks a configuration, prints it in full, explains its fields",
        .usage = "check|dump [FILE] [option...], or fields [SECTION]",
        .examples =
                {"epsim config check configs/sweeps/deepseek-v3.1-cm384.yaml",
                 "epsim config dump --machine cloudmatrix384 --set machine.fabric.rate=150GBps"},
        .options = options,
        .takes_config = true,
        .about = "What dump prints reads back to the same run.",
        .run = run,
};
