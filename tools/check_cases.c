#include "tools/check_cases.h"
#include <stdlib.h>
#include <string.h>

static const char *who(struct arena *a, const struct graph *g, uint32_t activity)
{
	return arena_print(a, "%s of rank %u", g->label_text[g->label[activity]],
	                   g->rank[activity]);
}

static const char *printed(struct arena *a, const struct rehearsed *x, const struct conflict *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	const char *copy;

	CHECK(f);
	conflict_print(x->graph, &x->record, c, f);
	CHECK(fclose(f) == 0);
	copy = arena_string(a, text);
	free(text);
	return copy;
}

static bool label_alike(const char *a, const char *b)
{
	size_t n = strcspn(a, " ");

	return n == strcspn(b, " ") && memcmp(a, b, n) == 0;
}

/* The same two labels at the same buffer in another case are the same finding. */
static bool known(const struct check_result *r, const struct check_find *f)
{
	for (size_t i = 0; i < r->n_finds; i++) {
		const struct check_find *o = &r->find[i];

		if (o->kind == f->kind && label_alike(o->first, f->first) &&
		    label_alike(o->second, f->second) &&
		    (o->buffer == NULL) == (f->buffer == NULL) &&
		    (!f->buffer || strcmp(o->buffer, f->buffer) == 0))
			return true;
	}
	return false;
}

static void keep(const struct rehearsal *q, const struct rehearsed *x, const struct conflict *c,
                 struct check_result *out)
{
	struct check_find f = {.kind = c->kind, .skew = q->skew, .ep = q->n_ranks};

	f.first = who(out->arena, x->graph, c->first);
	f.second = who(out->arena, x->graph, c->second);
	if (c->cell != NO_CELL) {
		const struct cell *cell = &x->record.cell[c->cell];

		f.buffer = x->record.buffer[cell->buffer].name;
		f.rank = cell->rank, f.row_first = c->row_first, f.row_last = c->row_last;
	}
	if (out->n_finds == MOST_FINDS || known(out, &f))
		return;
	f.text = printed(out->arena, x, c);
	out->find[out->n_finds++] = f;
}

static void waits_list(const struct rehearsed *x, struct check_result *out)
{
	uint32_t n = x->record.n_syncs;

	if (out->n_waits > 0)
		return;
	out->wait = arena_alloc(out->arena, ((size_t)n + 1) * sizeof *out->wait);
	for (uint32_t i = 0; i < n; i++) {
		char text[128];

		sync_name(&x->record, i, text, sizeof text);
		out->wait[i] = arena_string(out->arena, text);
	}
	out->n_waits = n;
}

static void run_rows(const struct check_query *q, const struct rehearsal *r,
                     const struct rehearsed *x, struct check_result *out)
{
	struct execution *e = execution_new(x->graph, &x->record, r->layers);

	for (int64_t i = 0; i < q->runs; i++) {
		struct outcome o =
		        execution_run(e, q->seed + (uint64_t)i, i % 2 ? PICK_PRIORITY : PICK_EVEN,
		                      UINT32_MAX, UINT32_MAX, SIZE_MAX);

		out->runs_count++;
		out->stuck_runs_count += o.stuck;
		out->wrong_runs_count += !o.stuck && (o.wrong_rows > 0 || o.stray_writes > 0);
	}
	execution_free(e);
}

/* A buffer in two halves of which the first layer fills none is used again in the fourth. */
static int64_t layers_of(const struct check_query *q)
{
	return q->layers > 0 ? q->layers : q->flow->carries_over ? 4 : 3;
}

static void one_case(const struct check_query *q, int64_t ep, enum skew skew,
                     struct check_result *out)
{
	struct rehearsal r = {.flow = q->flow,
	                      .machine = &q->config->machine,
	                      .model = &q->config->model,
	                      .phase = q->phase,
	                      .dispatch = (enum dtype)q->config->schedule.dispatch,
	                      .options = q->config->schedule.options,
	                      .n_ranks = ep,
	                      .tokens = q->tokens,
	                      .layers = layers_of(q),
	                      .skew = skew,
	                      .seed = q->seed,
	                      .placement = q->config->schedule.placement,
	                      .drop = q->drop,
	                      .unset = q->unset,
	                      .turns_rule = q->turns_rule};
	struct rehearsed x;
	struct check check;
	const char *why;

	if (!rehearse(&r, &x, &why)) {
		out->why_not = why;
		return;
	}
	waits_list(&x, out);
	check_run(x.graph, &x.record, SIZE_MAX, &check);
	for (size_t i = 0; i < check.n_conflicts; i++)
		keep(&r, &x, &check.conflict[i], out);
	out->cases_count++;
	out->conflicts_count += check.n_conflicts;
	out->accesses_count += check.accesses_count;
	run_rows(q, &r, &x, out);
	check_fini(&check);
	rehearsed_fini(&x);
}

void check_cases(const struct check_query *q, struct check_result *out)
{
	*out = (struct check_result){.arena = arena_new()};
	for (size_t i = 0; i < q->n_eps; i++) {
		for (enum skew skew = q->first_skew; skew <= q->last_skew; skew++)
			one_case(q, q->eps[i], skew, out);
	}
	if (out->cases_count > 0)
		out->why_not = NULL;
}

void check_result_free(struct check_result *r)
{
	arena_free(r->arena);
}

bool check_result_clean(const struct check_result *r)
{
	return r->conflicts_count == 0 && r->wrong_runs_count == 0 && r->stuck_runs_count == 0;
}
