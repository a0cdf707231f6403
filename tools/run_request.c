#include "tools/run_request.h"
#include <errno.h>
#include <string.h>
#include "sim/step_tokens.h"
#include "tools/timeline_json.h"

const char *const scope_names[] = {"step", "layer", "exchange", NULL};

static enum rc choice(const struct args *a, const char *option, const char *const *names,
                      int fallback, int *out, struct err *e)
{
	const char *text = args_value(a, option, names[fallback]);
	char slip[128], known[128] = "";
	size_t n = 0;

	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], text) == 0)
			return *out = i, RC_OK;
		n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", names[i]);
	}
	return fail(e, RC_CONFIG, "--%s: '%s' is not one of %s%s", option, text, known,
	            hint(slip, sizeof slip, text, names));
}

/* Without a workload a decode step sees this context; --context and --workload change it. */
enum { CONTEXT_TOKENS = 4096 };

static enum rc context_read(const struct args *a, const struct config *c, struct run *r,
                            struct err *e)
{
	int64_t tokens;

	TRY(args_integer(a, "context", -1, 0, &tokens, e));
	if (tokens >= 0)
		r->request.context_count = (double)tokens;
	else if (r->request.phase == PHASE_PREFILL)
		r->request.context_count = 0;
	else
		r->request.context_count = c->given[SECTION_WORKLOAD]
		                                   ? workload_context_count(&c->workload)
		                                   : CONTEXT_TOKENS;
	return RC_OK;
}

static enum rc spread_read(const struct args *a, const struct config *c, struct run *r,
                           struct err *e)
{
	const char *text = args_value(a, "context-spread", NULL);
	struct err inner;

	r->request.context_spread_ratio =
	        c->given[SECTION_WORKLOAD] ? c->workload.context_spread_ratio : 0;
	if (!text)
		return RC_OK;
	if (quantity_parse(text, DIM_RATIO, &r->request.context_spread_ratio, &inner) != RC_OK)
		return fail(e, RC_CONFIG, "--context-spread: %s", inner.text);
	if (!(r->request.context_spread_ratio >= 0 && r->request.context_spread_ratio <= 1))
		return fail(e, RC_CONFIG, "--context-spread: %s is not within 0 to 100%%", text);
	return RC_OK;
}

static enum rc tolerance_read(const struct args *a, struct run *r, struct err *e)
{
	const char *text = args_value(a, "tolerance", "0");
	struct err inner;

	if (quantity_parse(text, DIM_RATIO, &r->request.engine_options.tolerance_ratio, &inner) !=
	    RC_OK)
		return fail(e, RC_CONFIG, "--tolerance: %s", inner.text);
	if (r->request.engine_options.tolerance_ratio >= 1)
		return fail(e, RC_CONFIG, "--tolerance: %s is not below 1", text);
	return RC_OK;
}

static enum rc request_read(const struct args *a, enum scope fallback, struct run *r, struct err *e)
{
	const struct config *c = r->config;
	struct step_request *q = &r->request;
	int phase, scope;

	TRY(choice(a, "phase", phase_names, PHASE_DECODE, &phase, e));
	TRY(choice(a, "scope", scope_names, (int)fallback, &scope, e));
	*q = (struct step_request){.machine = &c->machine,
	                           .model = &c->model,
	                           .schedule = &c->schedule,
	                           .routing = &c->routing,
	                           .phase = (enum phase)phase};
	r->scope = (enum scope)scope;
	q->flow = flow_find(c->schedule.flow, e);
	q->engine = q->flow ? engine_find(args_value(a, "engine", "fluid"), e) : NULL;
	if (!q->engine)
		return e->rc;
	q->query_count = (double)(phase == PHASE_DECODE ? c->schedule.batch : c->schedule.chunk);
	q->sequences_count = phase == PHASE_DECODE ? q->query_count : 1;
	if (phase == PHASE_DECODE && c->schedule.mtp > 0) {
		q->drafts = c->schedule.mtp;
		q->query_count *= (double)(1 + q->drafts);
	}
	if (c->schedule.pp > 1)
		return fail(
		        e, RC_CONFIG,
		        "%s: PP %lld: only whole sweeps price pipelines; here a stage is looked "
		        "at, so PP 1",
		        a->verb->name, (long long)c->schedule.pp);
	TRY(tolerance_read(a, r, e));
	TRY(spread_read(a, c, r, e));
	return context_read(a, c, r, e);
}

enum rc run_price(struct run *r, struct err *e)
{
	const struct step_request *q = &r->request;

	if (r->scope == SCOPE_EXCHANGE)
		TRY(exchange_graph(q, r->graph, &r->topology, e));
	else
		TRY(step_graph(q, 1, r->graph, &r->topology, &r->imbalance, e));
	return q->engine->run(r->graph, &q->engine_options, &r->timeline, e);
}

enum rc run_open_flow(const struct args *a, const char *file, const char *flow, enum scope scope,
                      struct run *r, struct err *e)
{
	char why[WHY_SIZE];

	*r = (struct run){.config = config_new(), .graph = graph_new()};
	timeline_init(&r->timeline);
	TRY(args_config(a, file, r->config, e));
	if (flow)
		r->config->schedule.flow = flow;
	TRY(config_check(r->config, NEEDS(SECTION_MACHINE) | NEEDS(SECTION_MODEL), e));
	TRY(request_read(a, scope, r, e));
	if (!step_possible(&r->request, why, sizeof why))
		return fail(e, RC_NO, "this schedule cannot run: %s", why);
	return RC_OK;
}

enum rc run_open(const struct args *a, enum scope scope, struct run *r, struct err *e)
{
	if (a->n_words > 1) {
		*r = (struct run){0};
		timeline_init(&r->timeline);
		return fail(e, RC_CONFIG, "%s: one file at a time, not '%s'", a->verb->name,
		            a->word[1]);
	}
	return run_open_flow(a, a->n_words ? a->word[0] : NULL, NULL, scope, r, e);
}

const char *run_context_text(const struct step_request *q, char *buf, size_t size)
{
	double mean = q->context_count;

	if (contexts_differ(q))
		snprintf(buf, size, "context %.0f to %.0f (mean %.0f)", context_ratio(q, 0) * mean,
		         context_most_ratio(q) * mean, mean);
	else
		snprintf(buf, size, "context %.0f", mean);
	return buf;
}

enum rc run_timeline_write(const struct args *a, const struct run *r, struct err *e)
{
	const char *path = args_value(a, "timeline", NULL);
	FILE *out;
	int bad;

	if (!path)
		return RC_OK;
	out = fopen(path, "w");
	if (!out)
		return fail(e, RC_CONFIG, "--timeline %s: cannot be written: %s", path,
		            strerror(errno));
	timeline_json(r->graph, &r->timeline, 0, out);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "--timeline %s: cannot be written: %s", path,
		            strerror(errno));
	return RC_OK;
}

void run_close(struct run *r)
{
	timeline_fini(&r->timeline);
	graph_free(r->graph);
	config_free(r->config);
}
