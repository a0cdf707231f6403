#include "tools/sweep_explain.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"
#include "models/constraint.h"
#include "tools/sweep_report.h"
#include "tools/text.h"

/* ---- which point ---- */

static enum rc knob_named(const char *key, size_t n_chars, struct err *e, enum knob_id *out,
                          struct arena *a)
{
	const char *name = arena_copy(a, key, n_chars);
	char slip[128];

	for (*out = 0; *out < KNOBS; ++*out) {
		if (strcmp(knob_names[*out], name) == 0)
			return RC_OK;
	}
	return fail(e, RC_CONFIG, "--explain: no knob is called '%.40s'%s", name,
	            hint(slip, sizeof slip, name, knob_names));
}

/* flow=direct,ep=64: over the first value of each knob. */
static enum rc point_by_knobs(const char *text, const struct config *c, struct schedule *out,
                              struct err *e)
{
	struct config *one = config_new();
	struct knobs k;
	enum rc rc = RC_OK;

	*out = c->schedule;
	knobs_of(&c->sweep, &c->schedule, &k);
	for (enum knob_id id = 0; id < KNOBS; id++)
		knob_set(&k, id, 0, out);
	one->schedule = *out;
	while (*text && rc == RC_OK) {
		size_t n_key = strcspn(text, "=,"), n_all = strcspn(text, ",");
		enum knob_id id;

		if (text[n_key] != '=') {
			rc = fail(e, RC_CONFIG, "--explain: knob=value is needed at '%.40s'", text);
			break;
		}
		rc = knob_named(text, n_key, e, &id, c->arena);
		if (rc == RC_OK)
			rc = config_key(one, SECTION_SCHEDULE, knob_names[id],
			                arena_copy(c->arena, text + n_key + 1, n_all - n_key - 1),
			                "--explain", e);
		text += n_all + (text[n_all] == ',');
	}
	*out = one->schedule;
	out->flow = arena_string(c->arena, out->flow);
	config_free(one);
	return rc;
}

/* The row-th point over all cases. */
static enum rc point_by_row(double row_count, const struct sweep_cases *cases,
                            const struct config **c, struct schedule *out, struct err *e)
{
	size_t row = (size_t)row_count, all = 0;

	for (size_t i = 0; i < cases->n; i++) {
		size_t n;

		TRY(sweep_count(cases->config[i], &n, e));
		if (row >= 1 && row <= all + n) {
			*c = cases->config[i];
			return sweep_schedule(*c, row - all - 1, out, e);
		}
		all += n;
	}
	return fail(e, RC_CONFIG, "--explain: there is no row %zu; the sweep has %zu", row, all);
}

static enum rc point_find(const char *text, const struct sweep_cases *cases,
                          const struct config **c, struct schedule *out, struct err *e)
{
	struct err inner;
	double row;

	*c = cases->config[0];
	if (strchr(text, '='))
		return point_by_knobs(text, *c, out, e);
	if (quantity_parse(text, DIM_COUNT, &row, &inner) != RC_OK)
		return fail(e, RC_CONFIG,
		            "--explain %.40s: a row of points.csv is needed, or knobs such as "
		            "flow=direct,ep=64",
		            text);
	return point_by_row(row, cases, c, out, e);
}

/* ---- terms ---- */

static const char *verdict(bool good)
{
	return good ? "yes" : "NO";
}

/* Adds a row; returns whether it holds. */
static bool term(struct table *t, const char *name, const char *is, const char *may, bool good)
{
	table_cell(t, "%s", name);
	table_cell(t, "%s", is);
	table_cell(t, "%s", may);
	table_cell(t, "%s", verdict(good));
	table_end_row(t);
	return good;
}

static enum rc constraint_terms(struct table *t, const struct config *c, const struct schedule *s,
                                bool *good, struct err *e)
{
	const struct constraint_names names = {c->machine.name, c->model.name, c->workload.name};

	for (size_t i = 0; i < c->sweep.constraints.n; i++) {
		struct constraint *x;

		TRY(constraint_parse(c->sweep.constraints.text[i], "sweep.constraints", 0, 0,
		                     c->arena, &x, e));
		*good &= term(t, "constraint", constraint_text(x), "",
		              constraint_holds(x, s, &names));
	}
	return RC_OK;
}

static bool time_term(struct table *t, const char *name, double is_s, double may_s)
{
	char is[TEXT_SIZE], may[TEXT_SIZE];

	return term(t, name, time_text(is_s, is), may_s > 0 ? time_text(may_s, may) : "any",
	            !(may_s > 0) || is_s <= may_s);
}

static bool memory_term(struct table *t, const char *name, const struct pool_price *p,
                        double may_bytes)
{
	char is[TEXT_SIZE], may[TEXT_SIZE];

	return term(t, name, size_text(p->memory.total_bytes, is), size_text(may_bytes, may),
	            p->memory.total_bytes <= may_bytes);
}

static void terms(struct table *t, const struct config *c, const struct sweep_single *x)
{
	const struct sweep_point *p = &x->point;
	char is[TEXT_SIZE], may[TEXT_SIZE] = "any";
	int64_t npus = c->sweep.budget.npus;

	term(t, "prefill shape", x->prefill.why_not ? x->prefill.why_not : "possible", "",
	     !x->prefill.why_not);
	term(t, "decode shape", x->decode.why_not ? x->decode.why_not : "possible", "",
	     !x->decode.why_not);
	snprintf(is, sizeof is, "%lld", (long long)point_npus(p));
	if (npus > 0)
		snprintf(may, sizeof may, "%lld", (long long)npus);
	term(t, "NPUs of a pool", is, may, npus == 0 || point_npus(p) <= npus);
	if (p->reason == REASON_SHAPE)
		return;
	memory_term(t, "prefill memory of a rank", p->prefill, point_memory_limit_bytes(p));
	memory_term(t, "decode memory of a rank", p->decode, point_memory_limit_bytes(p));
	time_term(t, "TTFT", p->prefill->time_s, c->sweep.budget.ttft_s);
	time_term(t, "TPOT", p->decode->time_s, c->sweep.budget.tpot_s);
}

static void memory_parts(const char *pool, const struct memory *m, FILE *out)
{
	char text[4][TEXT_SIZE];

	fprintf(out, "%s memory: weights %s, buffers %s, work %s, KV cache %s\n", pool,
	        size_text(m->weights_bytes, text[0]), size_text(m->buffers_bytes, text[1]),
	        size_text(m->work_bytes, text[2]), size_text(m->kv_bytes, text[3]));
}

static void phase_parts(const char *what, const double *phase_s, FILE *out)
{
	const char *between = "";
	char text[TEXT_SIZE];

	fprintf(out, "%s: ", what);
	for (size_t i = 0; step_phases[i]; i++) {
		if (phase_s[i] == 0)
			continue;
		fprintf(out, "%s%s %s", between, step_phases[i], time_text(phase_s[i], text));
		between = ", ";
	}
	fprintf(out, "\n");
}

static void parts(const struct config *c, const struct sweep_single *x, FILE *out)
{
	const struct sweep_point *p = &x->point;
	double chunks = ceil(workload_prompt_count(&c->workload) / (double)p->prefill->size);

	memory_parts("\nprefill", &p->prefill->memory, out);
	memory_parts("decode", &p->decode->memory, out);
	fprintf(out, "decode memory has room for a batch of %lld\n",
	        (long long)p->decode->memory.batch_most);
	fprintf(out, "TTFT: %.0f chunk%s of %lld tokens for a prompt of %.0f\n", chunks,
	        chunks == 1 ? "" : "s", (long long)p->prefill->size,
	        workload_prompt_count(&c->workload));
	phase_parts("a full chunk", p->prefill->phase_s, out);
	phase_parts("a decode step (TPOT)", p->decode->phase_s, out);
	fprintf(out,
	        "%.1f tokens/s/NPU: %.0f output tokens for %.4g NPU-seconds of prefill and %.4g "
	        "of decode\n",
	        p->tokens_per_s_per_npu_count, c->workload.output.mean_count, p->prefill->npu_s,
	        p->decode->npu_s);
}

static void print_knobs(const struct config *c, const struct schedule *s, FILE *out)
{
	char buf[TEXT_SIZE];

	fprintf(out, "%s: %s on %s, workload %s\n", c->sweep.name, c->model.name, c->machine.name,
	        c->workload.name);
	for (enum knob_id id = 0; id < KNOBS; id++)
		fprintf(out, "%s%s=%s", id ? "," : "", knob_names[id],
		        knob_text(s, id, buf, sizeof buf));
	fprintf(out, "\n\n");
}

static enum rc explain(const struct config *c, const struct schedule *s, struct arena *a, FILE *out,
                       struct err *e)
{
	static const char *const headers[] = {"<term", "is", "may be", "<good", NULL};
	const struct engine *engine = engine_find(c->sweep.engine, e);
	struct sweep_single x;
	struct table *t;
	bool good = true;
	char why[WHY_SIZE];
	enum rc rc;

	if (!engine)
		return e->rc;
	TRY(sweep_one(c, engine, s, a, &x, e));
	print_knobs(c, s, out);
	t = table_new(headers);
	rc = constraint_terms(t, c, s, &good, e);
	if (rc == RC_OK) {
		terms(t, c, &x);
		table_print(t, out);
		if (x.point.reason != REASON_SHAPE)
			parts(c, &x, out);
	}
	table_free(t);
	TRY(rc);
	if (!good)
		return fail(e, RC_NO, "the sweep leaves this schedule out: a constraint");
	if (!x.point.feasible)
		return fail(e, RC_NO, "not feasible: %s", point_why(&x.point, why));
	return RC_OK;
}

enum rc sweep_explain(const struct args *a, const struct sweep_cases *cases, FILE *out,
                      struct err *e)
{
	struct arena *words = arena_new();
	const struct config *c;
	struct schedule s;
	enum rc rc = point_find(args_value(a, "explain", ""), cases, &c, &s, e);

	if (rc == RC_OK)
		rc = explain(c, &s, words, out, e);
	arena_free(words);
	return rc;
}

/* ---- finalists ---- */

static enum rc finalist_row(struct table *t, const struct sweep_point *p, struct err *e)
{
	const struct schedule s = point_schedule(p);
	struct arena *a = arena_new();
	struct sweep_single x;
	char text[4][TEXT_SIZE];
	enum rc rc = sweep_one(p->prefill->group->config, &engine_simgrid, &s, a, &x, e);

	if (rc == RC_OK) {
		table_cell(t, "%s EP %lld TP %lld batch %lld chunk %lld", s.flow, (long long)s.ep,
		           (long long)s.tp, (long long)s.batch, (long long)s.chunk);
		table_cell(t, "%s", time_text(p->prefill->time_s, text[0]));
		table_cell(t, "%s", time_text(x.prefill.time_s, text[1]));
		table_cell(t, "%s", time_text(p->decode->time_s, text[2]));
		table_cell(t, "%s", time_text(x.decode.time_s, text[3]));
		table_cell(t, "%s", verdict(x.point.feasible));
		table_end_row(t);
	}
	arena_free(a);
	return rc;
}

static enum rc finalists_of(const struct sweep *s, int64_t most, FILE *out, struct err *e)
{
	static const char *const headers[] = {"<finalist",  "TTFT",      "by simgrid", "TPOT",
	                                      "by simgrid", "<feasible", NULL};
	const struct sweep_point **front;
	size_t n = sweep_front(s, &front);
	struct table *t = table_new(headers);
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < n && i < (size_t)most; i++)
		rc = finalist_row(t, front[i], e);
	if (rc == RC_OK && n > 0) {
		fprintf(out, "\n");
		table_print(t, out);
	}
	table_free(t);
	free(front);
	return rc;
}

enum rc sweep_finalists(const struct args *a, struct sweep *const *s, size_t n, FILE *out,
                        struct err *e)
{
	const char *why_not;
	int64_t most;

	TRY(args_integer(a, "finalists", 0, 1, &most, e));
	if (!engine_simgrid.available(&why_not))
		return fail(e, RC_CONFIG, "--finalists: %s", why_not);
	for (size_t i = 0; i < n; i++)
		TRY(finalists_of(s[i], most, out, e));
	return RC_OK;
}
