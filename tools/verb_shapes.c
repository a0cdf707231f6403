/* epsim shapes: what papers say of the systems behind our flows, against what we compute. */
#include <string.h>
#include "models/base/json.h"
#include "sim/shapes.h"
#include "tools/args.h"

static void text(const struct shape *s, size_t n, FILE *out)
{
	const char *system = "";

	for (size_t i = 0; i < n; i++) {
		const struct shape_claim *c = &s[i].claim;

		if (strcmp(c->system, system) != 0)
			fprintf(out, "%s%s\n", i > 0 ? "\n" : "", c->system);
		system = c->system;
		fprintf(out, "  %-9s %-6.3g %s\n", verdict_name(s[i].verdict), s[i].ratio,
		        c->claim);
		fprintf(out, "%19spublished: %s; passes %g to %g\n", "", c->published,
		        c->least_ratio, c->most_ratio);
		if (s[i].verdict == VERDICT_EXPLAINED)
			fprintf(out, "%19swhy not: %s\n", "", c->why);
	}
}

static void markdown(const struct shape *s, size_t n, FILE *out)
{
	fprintf(out, "| system | claim | published | passes | ours | verdict |\n"
	             "|---|---|---|---|--:|---|\n");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "| %s | %s | %s | %g to %g | %.3g | %s", s[i].claim.system,
		        s[i].claim.claim, s[i].claim.published, s[i].claim.least_ratio,
		        s[i].claim.most_ratio, s[i].ratio, verdict_name(s[i].verdict));
		fprintf(out, "%s%s |\n", s[i].verdict == VERDICT_EXPLAINED ? ": " : "",
		        s[i].verdict == VERDICT_EXPLAINED ? s[i].claim.why : "");
	}
}

static void json(const struct shape *s, size_t n, FILE *out)
{
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_array(j, "shapes");
	for (size_t i = 0; i < n; i++) {
		json_object(j, NULL);
		json_text(j, "key", s[i].row->key);
		json_text(j, "system", s[i].claim.system);
		json_text(j, "claim", s[i].claim.claim);
		json_text(j, "published", s[i].claim.published);
		json_text(j, "source", s[i].claim.source);
		json_number(j, "least_ratio", s[i].claim.least_ratio);
		json_number(j, "most_ratio", s[i].claim.most_ratio);
		json_number(j, "ours_ratio", s[i].ratio);
		json_text(j, "verdict", verdict_name(s[i].verdict));
		json_text(j, "why", *s[i].claim.why ? s[i].claim.why : NULL);
		json_close(j);
	}
	json_close(j);
	json_close(j);
	json_free(j);
}

static enum rc shapes(const struct args *a, struct arena *arena, FILE *out, struct err *e)
{
	struct shape *s = arena_alloc(arena, MOST_SHAPES * sizeof *s);
	const char *path = a->n_words > 0 ? a->word[0] : NULL;
	size_t n, n_failed = 0;

	if (a->n_words > 1)
		return fail(e, RC_CONFIG, "shapes: one file of claims, not '%s' too", a->word[1]);
	path = config_find("shapes", path ? path : "published", arena);
	if (!path)
		return fail(e, RC_CONFIG, "shapes: no file of claims is called '%s'",
		            a->n_words > 0 ? a->word[0] : "published");
	TRY(shapes_run(path, arena, s, &n, e));
	if (args_has(a, "json"))
		json(s, n, out);
	else if (args_has(a, "markdown"))
		markdown(s, n, out);
	else
		text(s, n, out);
	for (size_t i = 0; i < n; i++)
		n_failed += s[i].verdict == VERDICT_FAILS;
	if (n_failed > 0)
		return fail(e, RC_NO, "shapes: %zu of %zu do not hold", n_failed, n);
	return RC_OK;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct arena *arena = arena_new();
	enum rc rc = shapes(a, arena, out, e);

	arena_free(arena);
	return rc;
}

static const struct option options[] = {
        {"markdown", NULL, "the table in Markdown"},
        {0},
};

const struct verb verb_shapes = {
        .name = "shapes",
        .doc = "Compares published shapes (who wins, what saturates) with what is computed",
        .usage = "[FILE] [option...]",
        .examples = {"epsim shapes", "epsim shapes --json"},
        .options = options,
        .about = "A shape is a ratio that a paper reports or implies: who is faster, what "
                 "saturates, where it\n"
                 "turns over. A row that does not hold stays in the table, with the reason where "
                 "it is known. Exit\n"
                 "status 1: one fails without a known reason.",
        .run = run,
};
