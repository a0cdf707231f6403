/* epsim run: one step, one layer or one exchange, in detail. */
#include <stdlib.h>
#include <string.h>
#include "tools/args.h"
#include "tools/run_report.h"

static const char *const scope_names[] = {"step", "layer", "exchange", NULL};

static enum rc choice(const struct args *a, const char *option, const char *const *names,
                      int fallback, int *out, struct err *e)
{
	const char *text = args_value(a, option, names[fallback]);
	char slip[128];

	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], text) == 0)
			return *out = i, RC_OK;
	}
	return fail(e, RC_CONFIG, "--%s: '%s' is not known%s", option, text,
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

static enum rc request_read(const struct args *a, const struct config *c, struct run *r,
                            struct err *e)
{
	struct step_request *q = &r->request;
	int phase, scope;

	TRY(choice(a, "phase", phase_names, PHASE_DECODE, &phase, e));
	TRY(choice(a, "scope", scope_names, SCOPE_STEP, &scope, e));
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
	return context_read(a, c, r, e);
}

/* The graph that utilisation is read from: a layer, or its exchange alone. */
static enum rc price_graph(struct run *r, struct err *e)
{
	const struct step_request *q = &r->request;

	if (r->scope == SCOPE_EXCHANGE)
		TRY(exchange_graph(q, r->graph, &r->topology, e));
	else
		TRY(step_graph(q, 1, r->graph, &r->topology, &r->max_mean_ratio, e));
	return q->engine->run(r->graph, &(struct engine_options){0}, &r->timeline, e);
}

static enum rc price(struct run *r, struct err *e)
{
	const struct step_request *q = &r->request;
	char why[WHY_SIZE];

	if (!step_possible(q, why, sizeof why))
		return fail(e, RC_NO, "this schedule cannot run: %s", why);
	TRY(price_graph(r, e));
	if (r->scope == SCOPE_STEP)
		TRY(step_run(q, &r->step, e));
	TRY(step_buffers(q, r->buffers, &r->n_buffers, e));
	return step_memory(q, q->context_count + q->query_count / q->sequences_count, &r->memory,
	                   e);
}

static enum rc run_config(const struct args *a, struct config *c, FILE *out, struct err *e)
{
	struct run r = {.config = c, .graph = graph_new()};
	enum rc rc;

	timeline_init(&r.timeline);
	rc = request_read(a, c, &r, e);
	if (rc == RC_OK)
		rc = price(&r, e);
	if (rc == RC_OK && args_has(a, "json"))
		run_report_json(&r, out);
	else if (rc == RC_OK)
		run_report_text(&r, out);
	if (rc == RC_OK && r.memory.total_bytes > r.memory.usable_bytes)
		rc = fail(e, RC_NO, "it does not fit: a rank needs %.1f GB of %.1f GB",
		          r.memory.total_bytes / GB_BYTES, r.memory.usable_bytes / GB_BYTES);
	timeline_fini(&r.timeline);
	graph_free(r.graph);
	return rc;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct config *c = config_new();
	enum rc rc = RC_OK;

	if (a->n_words > 1)
		rc = fail(e, RC_CONFIG, "epsim run: one file at a time, not '%s'", a->word[1]);
	if (rc == RC_OK)
		rc = args_config(a, a->n_words ? a->word[0] : NULL, c, e);
	if (rc == RC_OK)
		rc = config_check(c, NEEDS(SECTION_MACHINE) | NEEDS(SECTION_MODEL), e);
	if (rc == RC_OK)
		rc = run_config(a, c, out, e);
	config_free(c);
	return rc;
}

static const struct option options[] = {
        {"phase", "PHASE", "prefill or decode; default decode"},
        {"scope", "SCOPE",
         "step (all layers), layer (one MoE layer) or exchange (its dispatch and "
         "combine alone); default step"},
        {"context", "N",
         "tokens of a sequence before the new ones; default: the workload's mean, "
         "4096 without one, 0 in prefill"},
        {"engine", "NAME", "estimate, fluid or simgrid; default fluid"},
        {0},
};

const struct verb verb_run = {
        .name = "run",
        .doc = "Predicts one step, one layer or one exchange in detail",
        .usage = "[FILE] [option...]",
        .examples =
                {"epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow direct --ep 64",
                 "epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow relay2 --ep 16 "
                 "--phase prefill --chunk 4096 --scope exchange --json"},
        .options = options,
        .takes_config = true,
        .about = "Exit status 1: the schedule cannot run on that machine, or does not fit its "
                 "memory.",
        .run = run,
};
