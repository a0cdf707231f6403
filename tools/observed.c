#include "tools/observed.h"
#include <stdlib.h>
#include <string.h>
#include "sim/flow.h"

/* Is text one of the items of "a,b,c"? Without a list everything is. */
static bool listed(const char *list, const char *text)
{
	size_t n_text = strlen(text);

	if (!list)
		return true;
	for (const char *at = list;; at++) {
		size_t n = strcspn(at, ",");

		if (n == n_text && memcmp(at, text, n) == 0)
			return true;
		at += n;
		if (!*at)
			return false;
	}
}

static bool passes(const struct args *a, const struct observation *o)
{
	const char *source = args_value(a, "source", NULL);
	char ep[32];

	snprintf(ep, sizeof ep, "%lld", (long long)o->ep);
	return listed(args_value(a, "flow", NULL), o->flow) &&
	       listed(args_value(a, "op", NULL), exchange_op_names[o->op]) &&
	       listed(args_value(a, "phase", NULL), phase_names[o->phase]) &&
	       listed(args_value(a, "ep", NULL), ep) &&
	       listed(args_value(a, "group", NULL), o->group) &&
	       (!source || strstr(o->source, source));
}

static enum rc machine_of(struct observed *o, const char *name, size_t *at, struct err *e)
{
	struct observed_machine *m;

	for (*at = 0; *at < o->n_machines; (*at)++) {
		if (strcmp(o->machines[*at].name, name) == 0)
			return RC_OK;
	}
	o->machines = heap_resize(o->machines, o->n_machines + 1, sizeof *o->machines);
	m = &o->machines[o->n_machines++];
	*m = (struct observed_machine){arena_string(o->set.arena, name), config_new()};
	TRY(config_section(m->config, SECTION_MACHINE, name, e));
	return config_check(m->config, NEEDS(SECTION_MACHINE), e);
}

static bool flow_known(const char *name)
{
	for (size_t i = 0; flows[i]; i++) {
		if (strcmp(flows[i]->name, name) == 0)
			return true;
	}
	return false;
}

static const char *flow_hint(const char *text, char *buf, size_t size)
{
	enum { MOST_FLOWS = 64 };
	const char *names[MOST_FLOWS + 1] = {0};

	for (size_t i = 0; flows[i] && i < MOST_FLOWS; i++)
		names[i] = flows[i]->name;
	return hint(buf, size, text, names);
}

/* Rows that only ask are left to `validate`. */
static bool is_usable(struct observed *o, const struct observation *row, bool questions)
{
	char slip[128];

	if (!flow_known(row->flow)) {
		observations_skip(&o->set,
		                  arena_print(o->set.arena, "no flow is called '%s' here%s",
		                              row->flow, flow_hint(row->flow, slip, sizeof slip)),
		                  1);
		return false;
	}
	if (!questions && !(row->measured_s > 0)) {
		observations_skip(&o->set, "neither a latency nor a bandwidth", 1);
		return false;
	}
	return true;
}

static enum rc rows_take(const struct args *a, bool with_override, struct observed *o,
                         struct err *e)
{
	const char *named = args_value(a, "machine", NULL);
	bool on_named = named && (with_override || config_is_path(named));

	o->row = heap_zeroed(o->set.n + 1, sizeof *o->row);
	o->machine = heap_zeroed(o->set.n + 1, sizeof *o->machine);
	for (size_t i = 0; i < o->set.n; i++) {
		const struct observation *row = &o->set.row[i];

		if (!passes(a, row) || (!on_named && !listed(named, row->machine))) {
			o->n_filtered++;
			continue;
		}
		if (!is_usable(o, row, with_override))
			continue;
		TRY(machine_of(o, on_named ? named : row->machine, &o->machine[o->n], e));
		o->row[o->n++] = row;
	}
	return RC_OK;
}

/* Passes over what cannot run there, with the reason. */
static enum rc rows_try(struct observed *o, struct err *e)
{
	struct predictor *p = predictor_new();
	size_t kept = 0;
	enum rc rc = RC_OK;

	for (size_t i = 0; i < o->n; i++) {
		double s;

		rc = predict(p, observed_machine(o, i), o->row[i], &s, e);
		if (rc == RC_NO) {
			observations_skip(&o->set,
			                  arena_print(o->set.arena, "%s cannot run: %s",
			                              o->row[i]->flow, e->text),
			                  1);
			rc = RC_OK;
			continue;
		}
		if (rc != RC_OK)
			break;
		o->machine[kept] = o->machine[i];
		o->row[kept++] = o->row[i];
	}
	o->n = kept;
	predictor_free(p);
	return rc;
}

/* What would take the rows that were passed over for this reason; "" where nothing would. */
static const char *way_out(const char *why)
{
	return strcmp(why, "no flow named") == 0 ? ": --as-flow NAME says which it is" : "";
}

static enum rc none_left(const struct observed *o, struct err *e)
{
	char why[512] = "the files hold none";
	size_t n = 0;

	if (o->n_filtered > 0)
		n = (size_t)snprintf(why, sizeof why, "%zu: not what the options ask for",
		                     o->n_filtered);
	for (size_t i = 0; i < o->set.n_skips && n < sizeof why; i++)
		n += (size_t)snprintf(why + n, sizeof why - n, "%s%zu: %s%s", n ? "; " : "",
		                      o->set.skip[i].n, o->set.skip[i].why,
		                      way_out(o->set.skip[i].why));
	return fail(e, RC_DATA, "no row is left to compare (%s)", why);
}

enum rc observed_open(const struct args *a, bool with_override, struct observed *out, struct err *e)
{
	*out = (struct observed){0};
	observations_init(&out->set);
	if (a->n_words == 0)
		return fail(e, RC_CONFIG,
		            "%s: a FILE of observations is needed (traces/OBSERVATIONS.md "
		            "describes it)",
		            a->verb->name);
	out->set.as_flow = args_value(a, "as-flow", NULL);
	if (out->set.as_flow && !flow_find(out->set.as_flow, e))
		return e->rc;
	for (size_t i = 0; i < a->n_words; i++)
		TRY(observations_read(&out->set, a->word[i], e));
	TRY(rows_take(a, with_override, out, e));
	TRY(rows_try(out, e));
	return out->n > 0 ? RC_OK : none_left(out, e);
}

void observed_close(struct observed *o)
{
	for (size_t i = 0; i < o->n_machines; i++)
		config_free(o->machines[i].config);
	free(o->machines);
	free(o->row);
	free(o->machine);
	observations_fini(&o->set);
	*o = (struct observed){0};
}

const struct machine *observed_machine(const struct observed *o, size_t row)
{
	return &o->machines[o->machine[row]].config->machine;
}

void observed_skips_text(const struct observed *o, FILE *out)
{
	for (size_t i = 0; i < o->set.n_skips; i++)
		fprintf(out, "passed over: %zu %s (%s%s)\n", o->set.skip[i].n,
		        strstr(o->set.skip[i].why, "no observations") ? "file" : "rows",
		        o->set.skip[i].why, way_out(o->set.skip[i].why));
}

void observed_skips_json(const struct observed *o, struct json *j)
{
	json_array(j, "skipped");
	for (size_t i = 0; i < o->set.n_skips; i++) {
		json_object(j, NULL);
		json_integer(j, "count", (int64_t)o->set.skip[i].n);
		json_text(j, "why", o->set.skip[i].why);
		json_close(j);
	}
	json_close(j);
}

const char *observed_place(const struct observation *o, char buf[PLACE_SIZE])
{
	const char *slash = strrchr(o->file, '/');

	snprintf(buf, PLACE_SIZE, "%.80s:%ld", slash ? slash + 1 : o->file, o->line);
	return buf;
}

const char *observed_tokens(const struct observation *o, char buf[PLACE_SIZE])
{
	if (o->n_batches == 1)
		snprintf(buf, PLACE_SIZE, "%lld", (long long)o->tokens[0]);
	else
		snprintf(buf, PLACE_SIZE, "mean %lld..%lld", (long long)o->tokens[0],
		         (long long)o->tokens[o->n_batches - 1]);
	return buf;
}
