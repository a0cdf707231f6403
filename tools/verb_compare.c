/* epsim compare: the same work under several flows, side by side. */
#include <stdlib.h>
#include <string.h>
#include "tools/compare.h"

static bool is_flow(const char *name)
{
	for (size_t i = 0; flows[i]; i++) {
		if (strcmp(flows[i]->name, name) == 0)
			return true;
	}
	return false;
}

/* A word is a flow or the one FILE; a word that is neither is taken for a flow's name. */
static enum rc words_read(const struct args *a, struct side *s, size_t *n, const char **file,
                          struct err *e)
{
	*n = 0, *file = NULL;
	for (size_t i = 0; i < a->n_words; i++) {
		const char *word = a->word[i];
		bool looks_like_file = strchr(word, '/') || strstr(word, ".yaml");

		if (looks_like_file && *file)
			return fail(e, RC_CONFIG, "compare: one file at a time, not '%s'", word);
		if (looks_like_file) {
			*file = word;
			continue;
		}
		if (!is_flow(word))
			return flow_find(word, e), e->rc;
		if (*n == MOST_SIDES)
			return fail(e, RC_CONFIG, "compare: at most %d flows", MOST_SIDES);
		s[(*n)++].flow = word;
	}
	if (*n < 2)
		return fail(e, RC_CONFIG,
		            "compare: two or more flows are needed, such as direct "
		            "relay2 (see `epsim list flows`)");
	return RC_OK;
}

static void count(struct side *s)
{
	const struct graph *g = s->run.graph;
	double *load = heap_zeroed(g->n_resources, sizeof *load), n[RESOURCE_KINDS] = {0};

	graph_loads(g, load);
	for (uint32_t r = 0; r < g->n_resources; r++)
		s->moved_bytes[g->kind[r]] += load[r], n[g->kind[r]]++;
	for (enum resource_kind k = 0; k < RESOURCE_KINDS; k++)
		s->moved_bytes[k] /= n[k] > 0 ? n[k] : 1;
	for (uint32_t i = 0; i < g->n_activities; i++)
		s->waits_count += g->is_sync[i] && g->rank[i] == 0 && !(g->work_units[i] > 0);
	free(load);
}

static enum rc side_price(struct side *s, struct err *e)
{
	const struct step_request *q = &s->run.request;

	TRY(run_price(&s->run, e));
	TRY(explain(s->run.graph, q->engine, &q->engine_options, &s->why, e));
	count(s);
	TRY(step_run(q, &s->step, e));
	return step_memory(q, q->context_count + q->query_count / q->sequences_count, &s->memory,
	                   e);
}

/* A flow that cannot run stays in the comparison, with its reason. */
static enum rc side_open(const struct args *a, const char *file, struct side *s, struct err *e)
{
	enum rc rc = run_open_flow(a, file, s->flow, SCOPE_EXCHANGE, &s->run, e);

	s->possible = rc == RC_OK;
	if (rc == RC_NO) {
		snprintf(s->why_not, sizeof s->why_not, "%.*s", (int)sizeof s->why_not - 1,
		         e->text);
		return RC_OK;
	}
	return rc == RC_OK ? side_price(s, e) : rc;
}

static enum rc sides_price(const struct args *a, const char *file, struct side *s, size_t n,
                           FILE *out, struct err *e)
{
	size_t n_possible = 0, n_open = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK && n_open < n) {
		rc = side_open(a, file, &s[n_open], e);
		n_possible += s[n_open++].possible;
	}
	if (rc == RC_OK && args_has(a, "json"))
		compare_json(s, n, out);
	else if (rc == RC_OK && n_possible > 0)
		compare_text(s, n, out);
	if (rc == RC_OK && n_possible == 0)
		rc = fail(e, RC_NO, "none of the flows can run: %s", s[0].why_not);
	while (n_open > 0) {
		explain_fini(&s[--n_open].why);
		run_close(&s[n_open].run);
	}
	return rc;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct side *s = heap_zeroed(MOST_SIDES, sizeof *s);
	const char *file;
	size_t n;
	enum rc rc = words_read(a, s, &n, &file, e);

	if (rc == RC_OK)
		rc = sides_price(a, file, s, n, out, e);
	free(s);
	return rc;
}

static const struct option options[] = {
        {"phase", "PHASE", "prefill or decode; default decode"},
        {"context", "N", "tokens of a sequence before the new ones; default: as for run"},
        {"engine", "NAME", "estimate, fluid or simgrid; default fluid"},
        {"tolerance", "RATIO",
         "merge events this close, relative to the makespan; default 0: exact"},
        {0},
};

const struct verb verb_compare = {
        .name = "compare",
        .doc = "Shows the same work under several flows, and where the difference comes from",
        .usage = "FLOW FLOW... [FILE] [option...]",
        .examples = {"epsim compare direct relay2 relay3 --machine cloudmatrix384 --model "
                     "deepseek-v3.1 "
                     "--ep 64",
                     "epsim compare direct relay2 --machine cloudmatrix384 --model qwen3-235b-a22b "
                     "--ep 32 "
                     "--phase prefill --chunk 8192 --json"},
        .options = options,
        .takes_config = true,
        .about = "The first flow that can run is set against each other one. What does not fit "
                 "memory "
                 "is compared\n"
                 "all the same, and said so. Exit status 1: none of the flows can run.",
        .run = run,
};
