/* epsim check: can a flow corrupt data, or wait for ever? */
#include <string.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "tools/args.h"
#include "tools/check_cases.h"

/* Sizes that are checked unless one is asked for. */
static const int64_t usual_eps[] = {2, 4, 8, 16, 32, 64};

struct checks {
	struct config *config;
	struct check_query query; /* flow, phase, drop, unset vary */
	bool phase[PHASES];
	const char *drop, *unset; /* names, or NULL */
	bool each;
	size_t n_asked;     /* flows and phases; of them those that have that wait: */
	size_t n_with_wait; /* and what is wrong with its name, when none has: */
	struct err no_wait;
	FILE *out;
	struct json *json; /* NULL: text */
	size_t n_run, n_unsafe;
};

/* ---- what is asked ---- */

static enum rc skews_read(const struct args *a, struct check_query *q, struct err *e)
{
	const char *name = args_value(a, "skew", NULL);
	char slip[64];

	q->first_skew = 0, q->last_skew = SKEWS - 1;
	if (!name)
		return RC_OK;
	for (enum skew s = 0; s < SKEWS; s++) {
		if (strcmp(skew_names[s], name) != 0)
			continue;
		q->first_skew = q->last_skew = s;
		return RC_OK;
	}
	return fail(e, RC_CONFIG, "check: --skew '%s'%s; one of even, hot, empty, one, ragged",
	            name, hint(slip, sizeof slip, name, skew_names));
}

static enum rc turns_read(const struct args *a, struct check_query *q, struct err *e)
{
	const char *name = args_value(a, "turns", turns_rule_names[TURNS_AS_STATED]);
	char slip[64];

	for (q->turns_rule = 0; turns_rule_names[q->turns_rule]; q->turns_rule++) {
		if (strcmp(turns_rule_names[q->turns_rule], name) == 0)
			return RC_OK;
	}
	return fail(e, RC_CONFIG, "check: --turns '%s'%s; stated, operation or never", name,
	            hint(slip, sizeof slip, name, turns_rule_names));
}

static enum rc phases_read(const struct args *a, bool *phase, struct err *e)
{
	const char *name = args_value(a, "phase", NULL);
	char slip[64];

	for (enum phase p = 0; p < PHASES; p++)
		phase[p] = !name || strcmp(phase_names[p], name) == 0;
	if (name && !phase[PHASE_PREFILL] && !phase[PHASE_DECODE])
		return fail(e, RC_CONFIG, "check: --phase '%s'%s; prefill or decode", name,
		            hint(slip, sizeof slip, name, phase_names));
	return RC_OK;
}

static void eps_read(const struct args *a, const struct config *c, struct check_query *q)
{
	if (args_has(a, "ep")) {
		q->eps[q->n_eps++] = c->schedule.ep;
		return;
	}
	for (size_t i = 0; i < sizeof usual_eps / sizeof *usual_eps; i++)
		q->eps[q->n_eps++] = usual_eps[i];
}

static enum rc read(const struct args *a, struct checks *k, struct err *e)
{
	struct check_query *q = &k->query;
	int64_t seed;

	k->drop = args_value(a, "drop", NULL), k->unset = args_value(a, "unset", NULL);
	k->each = args_has(a, "each");
	if (args_has(a, "all") && a->n_words > 0)
		return fail(e, RC_CONFIG, "check: '%s' or --all, not both", a->word[0]);
	if (!args_has(a, "all") && a->n_words == 0)
		return fail(e, RC_CONFIG, "check: name a flow, or --all (see `epsim list flows`)");
	if (args_has(a, "all") && (k->drop || k->unset))
		return fail(e, RC_CONFIG,
		            "check: --drop and --unset go with one flow, as its "
		            "waits are its own");
	TRY(args_config(a, NULL, k->config, e));
	if (!k->config->given[SECTION_MACHINE])
		TRY(config_section(k->config, SECTION_MACHINE, "cloudmatrix384", e));
	if (!k->config->given[SECTION_MODEL])
		TRY(config_section(k->config, SECTION_MODEL, "deepseek-v3.1", e));
	TRY(config_check(k->config, 0, e));
	TRY(skews_read(a, q, e));
	TRY(turns_read(a, q, e));
	TRY(phases_read(a, k->phase, e));
	TRY(args_integer(a, "tokens", 4, 0, &q->tokens, e));
	TRY(args_integer(a, "layers", 0, 1, &q->layers, e));
	TRY(args_integer(a, "runs", 4, 0, &q->runs, e));
	TRY(args_integer(a, "seed", 0, 0, &seed, e));
	q->seed = (uint64_t)seed, q->config = k->config;
	eps_read(a, k->config, q);
	if (q->layers > 200)
		return fail(e, RC_CONFIG, "check: at most 200 layers");
	return RC_OK;
}

/* ---- results ---- */

static void text_result(struct checks *k, const struct check_result *r)
{
	const struct check_query *q = &k->query;

	fprintf(k->out, "%s, %s: ", q->flow->name, phase_names[q->phase]);
	if (r->why_not) {
		fprintf(k->out, "does not apply: %s\n", r->why_not);
		return;
	}
	fprintf(k->out, "%s. %zu cases, %zu accesses", check_result_clean(r) ? "safe" : "UNSAFE",
	        r->cases_count, r->accesses_count);
	if (r->conflicts_count > 0)
		fprintf(k->out, ", %zu conflicts", r->conflicts_count);
	else
		fprintf(k->out, " all in order");
	if (r->runs_count > 0 && r->wrong_runs_count + r->stuck_runs_count == 0)
		fprintf(k->out, "; %lld runs on real rows, all right", (long long)r->runs_count);
	else if (r->runs_count > 0)
		fprintf(k->out, "; of %lld runs on real rows %lld came out wrong, %lld hung",
		        (long long)r->runs_count, (long long)r->wrong_runs_count,
		        (long long)r->stuck_runs_count);
	fprintf(k->out, "\n");
	for (size_t i = 0; i < r->n_finds; i++)
		fprintf(k->out, "  EP %lld, %s routing:\n  %s", (long long)r->find[i].ep,
		        skew_names[r->find[i].skew], r->find[i].text);
}

static void json_find(struct json *j, const struct check_find *f)
{
	json_object(j, NULL);
	json_text(j, "kind", conflict_kind_name(f->kind));
	json_integer(j, "ep", f->ep);
	json_text(j, "skew", skew_names[f->skew]);
	json_text(j, "first", f->first);
	json_text(j, "second", f->second);
	json_text(j, "buffer", f->buffer);
	json_integer(j, "rank", f->rank);
	json_integer(j, "first_row", f->row_first);
	json_integer(j, "last_row", f->row_last);
	json_close(j);
}

static void json_result(struct checks *k, const struct check_result *r)
{
	const struct check_query *q = &k->query;
	struct json *j = k->json;

	json_text(j, "flow", q->flow->name);
	json_text(j, "phase", phase_names[q->phase]);
	json_text(j, "why_not", r->why_not);
	json_flag(j, "safe", !r->why_not && check_result_clean(r));
	json_integer(j, "cases_count", (int64_t)r->cases_count);
	json_integer(j, "accesses_count", (int64_t)r->accesses_count);
	json_integer(j, "conflicts_count", (int64_t)r->conflicts_count);
	json_integer(j, "runs_count", r->runs_count);
	json_integer(j, "wrong_runs_count", r->wrong_runs_count);
	json_integer(j, "stuck_runs_count", r->stuck_runs_count);
	json_array(j, "conflicts");
	for (size_t i = 0; i < r->n_finds; i++)
		json_find(j, &r->find[i]);
	json_close(j);
	json_array(j, "waits");
	for (size_t i = 0; i < r->n_waits; i++)
		json_text(j, NULL, r->wait[i]);
	json_close(j);
}

/* What one wait is for: the first thing that goes wrong without it. */
static void each_row(struct table *t, const char *wait, const struct check_result *r)
{
	const struct check_find *f = r->find;

	table_cell(t, "%s", wait);
	if (r->n_finds == 0) {
		table_cell(t, "no");
		table_cell(t, "nothing breaks: other waits order the same");
	} else {
		table_cell(t, "yes");
		table_cell(t, "%s, %s: %s and %s", conflict_kind_name(f->kind),
		           f->buffer ? f->buffer : "-", f->first, f->second);
	}
	table_cell(t, "%lld of %lld", (long long)r->wrong_runs_count, (long long)r->runs_count);
	table_end_row(t);
}

static void each_json(struct json *j, const char *wait, const struct check_result *r)
{
	json_object(j, NULL);
	json_text(j, "wait", wait);
	json_flag(j, "needed", r->conflicts_count > 0);
	json_integer(j, "runs_count", r->runs_count);
	json_integer(j, "wrong_runs_count", r->wrong_runs_count);
	json_array(j, "conflicts");
	for (size_t i = 0; i < r->n_finds; i++)
		json_find(j, &r->find[i]);
	json_close(j);
	json_close(j);
}

/* Every wait of the flow left out in turn. */
static void check_each(struct checks *k, const struct check_result *whole)
{
	static const char *const headers[] = {"<without", "<needed", "<what breaks", "<wrong runs",
	                                      NULL};
	struct table *t = table_new(headers);

	if (k->json)
		json_array(k->json, "each");
	for (size_t i = 0; i < whole->n_waits; i++) {
		struct check_query q = k->query;
		struct check_result r;

		q.drop = (int64_t)i;
		check_cases(&q, &r);
		if (k->json)
			each_json(k->json, whole->wait[i], &r);
		else
			each_row(t, whole->wait[i], &r);
		check_result_free(&r);
	}
	if (k->json)
		json_close(k->json);
	else
		table_print(t, k->out), fputs("\n", k->out);
	table_free(t);
}

/* Index of a wait by name. */
static enum rc wait_find(const struct check_result *r, const struct check_query *q,
                         const char *name, int64_t *out, struct err *e)
{
	char slip[160], list[600] = "";

	*out = -1;
	for (size_t i = 0; name && i < r->n_waits; i++) {
		size_t length = strlen(list);

		if (strcmp(r->wait[i], name) == 0)
			*out = (int64_t)i;
		snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", r->wait[i]);
	}
	if (!name || *out >= 0)
		return RC_OK;
	return fail(e, RC_CONFIG, "check: %s has no wait '%s' in %s%s; it has %s", q->flow->name,
	            name, phase_names[q->phase], hint(slip, sizeof slip, name, r->wait), list);
}

static void show(struct checks *k, const struct check_result *r)
{
	bool each = k->each && !r->why_not;

	if (k->json) {
		json_object(k->json, NULL);
		json_result(k, r);
		if (each)
			check_each(k, r);
		json_close(k->json);
		return;
	}
	text_result(k, r);
	if (each)
		check_each(k, r);
}

/* The waits to leave out, by name. Phases of a flow have waits of their own: what only another
 * one has does not apply here. RC_NO: none of that name. */
static enum rc waits_find(struct checks *k, const struct check_result *r, struct err *e)
{
	struct check_query *q = &k->query;
	enum rc rc = wait_find(r, q, k->drop, &q->drop, e);

	if (rc == RC_OK)
		rc = wait_find(r, q, k->unset, &q->unset, e);
	k->n_with_wait += rc == RC_OK;
	if (rc == RC_OK || k->n_asked == 1)
		return rc;
	if (k->no_wait.rc == RC_OK)
		k->no_wait = *e;
	return RC_NO;
}

static enum rc check_phase(struct checks *k, struct err *e)
{
	struct check_query *q = &k->query;
	struct check_result r;
	enum rc rc = RC_OK;

	q->drop = q->unset = -1;
	check_cases(q, &r);
	if ((k->drop || k->unset) && !r.why_not) {
		rc = waits_find(k, &r, e);
		if (rc == RC_OK) {
			check_result_free(&r);
			check_cases(q, &r);
		} else if (rc == RC_NO) {
			r.why_not = "it has no wait of that name";
			rc = RC_OK;
		}
	}
	if (rc == RC_OK) {
		k->n_run += r.why_not == NULL;
		k->n_unsafe += !r.why_not && !check_result_clean(&r);
		show(k, &r);
	}
	check_result_free(&r);
	return rc;
}

static enum rc check_flow(struct checks *k, const struct flow *flow, struct err *e)
{
	k->query.flow = flow;
	for (enum phase p = 0; p < PHASES; p++) {
		k->query.phase = p;
		if (k->phase[p])
			TRY(check_phase(k, e));
	}
	return RC_OK;
}

static enum rc check_flows(const struct args *a, struct checks *k, struct err *e)
{
	k->n_asked = a->n_words * (size_t)(k->phase[PHASE_PREFILL] + k->phase[PHASE_DECODE]);
	if (args_has(a, "all")) {
		for (size_t i = 0; flows[i]; i++)
			TRY(check_flow(k, flows[i], e));
	}
	for (size_t i = 0; i < a->n_words; i++) {
		const struct flow *flow = flow_find(a->word[i], e);

		if (!flow)
			return e->rc;
		TRY(check_flow(k, flow, e));
	}
	if (k->no_wait.rc != RC_OK && k->n_with_wait == 0)
		return *e = k->no_wait, e->rc;
	if (k->n_run == 0)
		return fail(e, RC_NO, "check: no flow applies to this machine and model");
	if (k->n_unsafe > 0)
		return fail(e, RC_NO, "check: %zu of %zu are unsafe", k->n_unsafe, k->n_run);
	return RC_OK;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct checks k = {.config = config_new(), .out = out};
	enum rc rc = read(a, &k, e);

	if (rc == RC_OK && args_has(a, "json")) {
		k.json = json_new(out);
		json_object(k.json, NULL);
		json_text(k.json, "machine", k.config->machine.name);
		json_text(k.json, "model", k.config->model.name);
		json_array(k.json, "checks");
	}
	if (rc == RC_OK)
		rc = check_flows(a, &k, e);
	if (k.json) {
		json_close(k.json);
		json_flag(k.json, "safe", rc == RC_OK);
		json_close(k.json);
		json_free(k.json);
	}
	config_free(k.config);
	return rc;
}

static const struct option options[] = {
        {"all", NULL, "every flow"},
        {"phase", "PHASE", "prefill or decode; default both"},
        {"skew", "KIND", "even, hot, empty, one or ragged routing; default all"},
        {"tokens", "N", "of each rank; default 4"},
        {"layers", "N",
         "that follow each other; default 3, or 4 when the flow's work outlives its layer"},
        {"runs", "N", "random orders in which each case is run on real rows; default 4"},
        {"drop", "WAIT", "leave that wait out"},
        {"unset", "WAIT", "leave out what that wait waits for"},
        {"turns", "RULE",
         "how buffers that alternate do: as stated by the flow, all by operation (dispatch, "
         "combine), or never"},
        {"each", NULL, "leave out each wait in turn, and say what it is needed for"},
        {0},
};

const struct verb verb_check = {
        .name = "check",
        .doc = "Proves that a flow cannot corrupt data or wait for ever, or shows how it can",
        .usage = "FLOW... [option...]",
        .examples = {"epsim check direct --ep 16", "epsim check direct --phase decode --each",
                     "epsim check direct --phase prefill --drop combine.barrier.barrier#1",
                     "epsim check --all --json"},
        .options = options,
        .takes_config = true,
        .about = "Group sizes 2 to 64 unless --ep names one; cloudmatrix384 and deepseek-v3.1 "
                 "unless others are\n"
                 "named. Every activity declares which rows it reads and writes. Two accesses to "
                 "a row, one of\n"
                 "them a write, must be ordered by what the flow waits for; each read must find "
                 "what it needs;\n"
                 "every flag waited for must be set. Then the flow runs on real rows in random "
                 "orders, and its\n"
                 "result is compared with a plain MoE layer. Exit status 1: unsafe.",
        .run = run,
};
