/* epsim list: what there is to choose from. */
#include <string.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "sim/engine.h"
#include "sim/flow.h"
#include "sim/serve_policies.h"
#include "tools/args.h"

struct listed {
	struct arena *arena;
	struct table *table; /* one of the two */
	struct json *json;
};

static void row(struct listed *l, const char *name, const char *doc)
{
	if (l->json) {
		json_object(l->json, NULL);
		json_text(l->json, "name", name);
		json_text(l->json, "describes", doc);
		json_close(l->json);
		return;
	}
	table_cell(l->table, "%s", name);
	table_cell(l->table, "%s", doc);
	table_end_row(l->table);
}

/* Options of the schedule that the flow knows. */
static const char *options_text(struct listed *l, const struct flow *f)
{
	const char *text = NULL;

	for (enum flow_option o = 0; o < FLOW_OPTIONS; o++) {
		if (f->options >> o & 1)
			text = arena_print(l->arena, "%s%s%s", text ? text : "", text ? ", " : "",
			                   flow_option_names[o]);
	}
	return text ? text : "-";
}

static void flow_json(struct json *j, const struct flow *f)
{
	json_object(j, NULL);
	json_text(j, "name", f->name);
	json_text(j, "describes", f->doc);
	json_array(j, "options");
	for (enum flow_option o = 0; o < FLOW_OPTIONS; o++) {
		if (f->options >> o & 1)
			json_text(j, NULL, flow_option_names[o]);
	}
	json_close(j);
	json_close(j);
}

static enum rc list_flows(struct listed *l, struct err *e)
{
	(void)e;
	for (size_t i = 0; flows[i]; i++) {
		if (l->json) {
			flow_json(l->json, flows[i]);
			continue;
		}
		table_cell(l->table, "%s", flows[i]->name);
		table_cell(l->table, "%s", flows[i]->doc);
		table_cell(l->table, "%s", options_text(l, flows[i]));
		table_end_row(l->table);
	}
	return RC_OK;
}

static enum rc list_engines(struct listed *l, struct err *e)
{
	(void)e;
	for (size_t i = 0; engines[i]; i++) {
		const char *why_not;

		row(l, engines[i]->name,
		    engines[i]->available(&why_not)
		            ? engines[i]->doc
		            : arena_print(l->arena, "%s (not here: %s)", engines[i]->doc, why_not));
	}
	return RC_OK;
}

static const char *describes(const struct config *c, enum section s)
{
	return s == SECTION_MACHINE   ? c->machine.describes
	       : s == SECTION_MODEL   ? c->model.describes
	       : s == SECTION_ROUTING ? c->routing.describes
	                              : c->workload.describes;
}

static enum rc list_section(struct listed *l, enum section s, struct err *e)
{
	const char **names = config_names(s, l->arena);

	for (; *names; names++) {
		struct config *c = config_new();
		enum rc rc = config_section(c, s, *names, e);

		/* one bad file must not hide the others */
		row(l, *names,
		    rc == RC_OK ? arena_string(l->arena, describes(c, s))
		                : arena_print(l->arena, "(cannot be read: %s)", e->text));
		config_free(c);
	}
	return RC_OK;
}

static enum rc list_machines(struct listed *l, struct err *e)
{
	return list_section(l, SECTION_MACHINE, e);
}

static enum rc list_models(struct listed *l, struct err *e)
{
	return list_section(l, SECTION_MODEL, e);
}

static enum rc list_workloads(struct listed *l, struct err *e)
{
	return list_section(l, SECTION_WORKLOAD, e);
}

static enum rc list_routings(struct listed *l, struct err *e)
{
	return list_section(l, SECTION_ROUTING, e);
}

static enum rc list_placements(struct listed *l, struct err *e)
{
	(void)e;
	for (int i = 0; placement_names[i]; i++)
		row(l, placement_names[i], placement_doc(i));
	return RC_OK;
}

/* "batching vllm-v1": the slot, then what may stand there. */
static enum rc list_policies(struct listed *l, struct err *e)
{
	(void)e;
	for (enum policy_slot s = 0; s < POLICY_SLOTS; s++) {
		for (size_t i = 0; policy_row(s, i).name; i++)
			row(l,
			    arena_print(l->arena, "%s %s", policy_slot_names[s],
			                policy_row(s, i).name),
			    policy_row(s, i).describes);
	}
	return RC_OK;
}

static const struct kind {
	const char *name;
	enum rc (*list)(struct listed *l, struct err *e);
	const char *more; /* heading of a third column */
} kinds[] = {
        {"flows", list_flows, "<options"},
        {"engines", list_engines, NULL},
        {"machines", list_machines, NULL},
        {"models", list_models, NULL},
        {"workloads", list_workloads, NULL},
        {"routings", list_routings, NULL},
        {"placements", list_placements, NULL},
        {"policies", list_policies, NULL},
        {NULL, NULL, NULL},
};

static enum rc list_kind(const struct kind *k, struct listed *l, FILE *out, struct err *e)
{
	const char *const headers[] = {"<name", "<describes", k->more, NULL};
	enum rc rc;

	if (l->json) {
		json_array(l->json, k->name);
		rc = k->list(l, e);
		json_close(l->json);
		return rc;
	}
	l->table = table_new(headers);
	rc = k->list(l, e);
	fprintf(out, "%s\n", k->name);
	table_print(l->table, out);
	table_free(l->table);
	return rc;
}

static enum rc kind_check(const struct args *a, struct err *e)
{
	const char *names[sizeof kinds / sizeof *kinds] = {0};
	char slip[128];

	for (size_t i = 0; kinds[i].name; i++)
		names[i] = kinds[i].name;
	if (a->n_words > 1)
		return fail(e, RC_CONFIG, "list: one kind at a time, not '%s'", a->word[1]);
	for (size_t i = 0; a->n_words == 1 && kinds[i].name; i++) {
		if (strcmp(kinds[i].name, a->word[0]) == 0)
			return RC_OK;
	}
	if (a->n_words == 0)
		return RC_OK;
	return fail(e, RC_CONFIG,
	            "list: there is no kind '%s'%s (flows, engines, machines, models, "
	            "workloads, policies)",
	            a->word[0], hint(slip, sizeof slip, a->word[0], names));
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct listed l = {.arena = arena_new()};
	enum rc rc = kind_check(a, e);
	bool first = true;

	if (rc == RC_OK && args_has(a, "json")) {
		l.json = json_new(out);
		json_object(l.json, NULL);
	}
	for (size_t i = 0; rc == RC_OK && kinds[i].name; i++) {
		if (a->n_words == 1 && strcmp(a->word[0], kinds[i].name) != 0)
			continue;
		if (!first && !l.json)
			fprintf(out, "\n");
		rc = list_kind(&kinds[i], &l, out, e);
		first = false;
	}
	if (l.json) {
		json_close(l.json);
		json_free(l.json);
	}
	arena_free(l.arena);
	return rc;
}

static const struct option options[] = {{0}};

const struct verb verb_list = {
        .name = "list",
        .doc = "Lists flows, engines, machines, models, workloads and policies",
        .usage = "[flows|engines|machines|models|workloads|policies] [option...]",
        .examples = {"epsim list", "epsim list machines --json"},
        .options = options,
        .run = run,
};
