#include "tools/sweep_explain.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"
#include "models/constraint.h"
#include "tools/sweep_report.h"
#include "tools/text.h"

/* ---- which point ---- */

/* "prefill.ep": which pools it names, 0: both; and what stands behind. */
static const char *pools_named(const char *name, unsigned *pools)
{
	for (enum phase pool = 0; pool < PHASES; pool++) {
		size_t n = strlen(phase_names[pool]);

		if (strncmp(name, phase_names[pool], n) == 0 && name[n] == '.')
			return *pools = 1U << pool, name + n + 1;
	}
	return *pools = 0, name;
}

static enum rc unknown_knob(const char *name, struct arena *a, struct err *e)
{
	const char *names[(PHASES + 1) * KNOBS + 1] = {NULL};
	size_t n = 0;
	char slip[128];

	for (enum knob_id id = 0; id < KNOBS; id++)
		names[n++] = knob_names[id];
	for (enum phase pool = 0; pool < PHASES; pool++) {
		for (enum knob_id id = 0; id < KNOBS_SHARED; id++)
			names[n++] = arena_print(a, "%s.%s", phase_names[pool], knob_names[id]);
	}
	return fail(e, RC_CONFIG, "--explain: no knob is called '%.40s'%s", name,
	            hint(slip, sizeof slip, name, names));
}

/* A point under way: a configuration for each pool's schedule. */
struct choosing {
	struct config *pool[PHASES];
	int64_t instances[PHASES];
	struct arena *arena;
};

static enum rc instances_choose(struct choosing *x, const char *name, unsigned pools,
                                const char *value, struct err *e)
{
	struct err inner;
	double number;

	if (pools == 0)
		return unknown_knob(name, x->arena, e);
	if (quantity_parse(value, DIM_COUNT, &number, &inner) != RC_OK)
		return fail(e, RC_CONFIG, "--explain: %s: %s", name, inner.text);
	if (number < 1 || number > UINT16_MAX)
		return fail(e, RC_CONFIG, "--explain: %s: 1 to %d", name, UINT16_MAX);
	x->instances[pools == 1U << PHASE_PREFILL ? PHASE_PREFILL : PHASE_DECODE] = (int64_t)number;
	return RC_OK;
}

static enum rc knob_choose(struct choosing *x, const char *name, const char *value, struct err *e)
{
	enum knob_id id = 0;
	unsigned pools;
	const char *key = pools_named(name, &pools);

	if (strcmp(key, "instances") == 0)
		return instances_choose(x, name, pools, value, e);
	while (id < KNOBS && strcmp(knob_names[id], key) != 0)
		id++;
	if (id == KNOBS)
		return unknown_knob(name, x->arena, e);
	for (enum phase pool = 0; pool < PHASES; pool++) {
		if (pools == 0 || (pools >> pool & 1U))
			TRY(config_key(x->pool[pool], SECTION_SCHEDULE, key, value, "--explain",
			               e));
	}
	return RC_OK;
}

static void first_values(struct choosing *x, const struct config *c)
{
	struct knobs k;

	knobs_of(&c->sweep, &c->schedule, &k);
	for (enum phase pool = 0; pool < PHASES; pool++) {
		struct schedule *s = &x->pool[pool]->schedule;

		*s = c->schedule;
		for (enum knob_id id = 0; id < KNOBS; id++) {
			if (id < KNOBS_SHARED && k.apart[id])
				knob_set_pool(&k, pool, id, 0, s);
			else
				knob_set(&k, id, 0, s);
		}
		x->instances[pool] = knob_instances(&k, pool, 0);
	}
}

static enum rc knobs_choose(struct choosing *x, const char *text, struct err *e)
{
	while (*text) {
		size_t n_key = strcspn(text, "=,"), n_all = strcspn(text, ",");

		if (text[n_key] != '=')
			return fail(e, RC_CONFIG, "--explain: knob=value is needed at '%.40s'",
			            text);
		TRY(knob_choose(x, arena_copy(x->arena, text, n_key),
		                arena_copy(x->arena, text + n_key + 1, n_all - n_key - 1), e));
		text += n_all + (text[n_all] == ',');
	}
	return RC_OK;
}

/* flow=direct,prefill.ep=64: over the first value of each knob. */
static enum rc point_by_knobs(const char *text, const struct config *c, struct point_choice *out,
                              struct err *e)
{
	struct choosing x = {.pool = {config_new(), config_new()}, .arena = c->arena};
	enum rc rc;

	first_values(&x, c);
	rc = knobs_choose(&x, text, e);
	for (enum phase pool = 0; pool < PHASES; pool++) {
		out->schedule[pool] = x.pool[pool]->schedule;
		out->schedule[pool].flow = arena_string(c->arena, out->schedule[pool].flow);
		out->instances[pool] = x.instances[pool];
		config_free(x.pool[pool]);
	}
	return rc;
}

/* The row-th point over all cases. */
static enum rc point_by_row(double row_count, const struct sweep_cases *cases,
                            const struct config **c, struct point_choice *out, struct err *e)
{
	size_t row = (size_t)row_count, all = 0;

	for (size_t i = 0; i < cases->n; i++) {
		size_t n;

		TRY(sweep_count(cases->config[i], &n, e));
		if (row >= 1 && row <= all + n) {
			*c = cases->config[i];
			return sweep_choice(*c, row - all - 1, out, e);
		}
		all += n;
	}
	return fail(e, RC_CONFIG, "--explain: there is no row %zu; the sweep has %zu", row, all);
}

static enum rc point_find(const char *text, const struct sweep_cases *cases,
                          const struct config **c, struct point_choice *out, struct err *e)
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

static enum rc constraint_terms(struct table *t, const struct config *c,
                                const struct point_choice *choice, bool *good, struct err *e)
{
	const struct constraint_names names = {c->machine.name, c->model.name, c->workload.name};
	const struct constraint_point at = {
	        .schedule = {&choice->schedule[PHASE_PREFILL], &choice->schedule[PHASE_DECODE]},
	        .instances = {choice->instances[PHASE_PREFILL], choice->instances[PHASE_DECODE]}};

	for (size_t i = 0; i < c->sweep.constraints.n; i++) {
		struct constraint *x;

		TRY(constraint_parse(c->sweep.constraints.text[i], "sweep.constraints", 0, 0,
		                     c->arena, &x, e));
		*good &= term(t, "constraint", constraint_text(x), "",
		              constraint_holds_at(x, &at, &names));
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
	term(t, p->instances[PHASE_PREFILL] > 0 ? "NPUs of both pools" : "NPUs of a pool", is, may,
	     npus == 0 || point_npus(p) <= npus);
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

static bool pools_differ(const struct sweep_point *p)
{
	char one[TEXT_SIZE], other[TEXT_SIZE];

	for (enum knob_id id = 0; id < KNOBS_SHARED; id++) {
		if (id != KNOB_MTP &&
		    strcmp(knob_text(&p->prefill->group->schedule, id, one, sizeof one),
		           knob_text(&p->decode->group->schedule, id, other, sizeof other)) != 0)
			return true;
	}
	return false;
}

/* What pools that are apart, PP, MTP, instances and power have to say. */
static void more_parts(const struct sweep_point *p, bool apart, FILE *out)
{
	const struct schedule pre = point_pool_schedule(p, PHASE_PREFILL);
	const struct schedule dec = point_pool_schedule(p, PHASE_DECODE);
	double balance = point_balance_ratio(p), joule = point_energy_count(p);

	if (dec.mtp > 0)
		fprintf(out,
		        "MTP: %lld guessed, %.3f tokens of a sequence in a step; TPOT is of one\n",
		        (long long)dec.mtp, point_tokens_per_step_count(p));
	if (pre.pp > 1 || dec.pp > 1)
		fprintf(out, "PP: %lld stages of %lld NPUs for prefill, %lld of %lld for decode\n",
		        (long long)pre.pp, (long long)schedule_stage_npus(&pre), (long long)dec.pp,
		        (long long)schedule_stage_npus(&dec));
	if (p->instances[PHASE_PREFILL] > 0 || apart)
		fprintf(out,
		        "pools: %lld NPUs a deployment for prefill, %lld for decode; %.3g of "
		        "prefill "
		        "balance one of decode\n",
		        (long long)schedule_npus(&pre), (long long)schedule_npus(&dec), balance);
	if (joule > 0)
		fprintf(out, "energy of an output token: %.3g J\n", joule);
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
	more_parts(p, pools_differ(p), out);
	fprintf(out,
	        "%.1f tokens/s/NPU: %.0f output tokens for %.4g NPU-seconds of prefill and %.4g "
	        "of decode\n",
	        p->tokens_per_s_per_npu_count, c->workload.output.mean_count, p->prefill->npu_s,
	        p->decode->npu_s);
}

/* Those of every table, and others that the sweep lists or that have another value than usual. */
static bool printed(const struct point_choice *x, const struct knobs *k, enum knob_id id)
{
	const char *usual = knob_usual_text(id);
	char text[TEXT_SIZE];

	if (id <= KNOB_CORES || id >= KNOBS_SHARED || k->list[id]->n > 0 || k->apart[id])
		return true;
	for (enum phase pool = 0; pool < PHASES; pool++) {
		if (strcmp(knob_text(&x->schedule[pool], id, text, sizeof text), usual) != 0)
			return true;
	}
	return false;
}

static void print_knob(const struct point_choice *x, enum knob_id id, FILE *out)
{
	const char *before = id ? "," : "", *text[PHASES];
	char buf[PHASES][TEXT_SIZE];

	for (enum phase pool = 0; pool < PHASES; pool++)
		text[pool] = knob_text(&x->schedule[pool], id, buf[pool], TEXT_SIZE);
	if (id == KNOB_MTP || id == KNOB_BATCH)
		fprintf(out, "%s%s=%s", before, knob_names[id], text[PHASE_DECODE]);
	else if (id == KNOB_CHUNK || strcmp(text[PHASE_PREFILL], text[PHASE_DECODE]) == 0)
		fprintf(out, "%s%s=%s", before, knob_names[id], text[PHASE_PREFILL]);
	else
		fprintf(out, "%sprefill.%s=%s,decode.%s=%s", before, knob_names[id],
		        text[PHASE_PREFILL], knob_names[id], text[PHASE_DECODE]);
}

static void print_knobs(const struct config *c, const struct point_choice *x, FILE *out)
{
	struct knobs k;

	knobs_of(&c->sweep, &c->schedule, &k);
	fprintf(out, "%s: %s on %s, workload %s\n", c->sweep.name, c->model.name, c->machine.name,
	        c->workload.name);
	for (enum knob_id id = 0; id < KNOBS; id++) {
		if (printed(x, &k, id))
			print_knob(x, id, out);
	}
	for (enum phase pool = 0; pool < PHASES; pool++) {
		if (x->instances[pool] > 0)
			fprintf(out, ",%s.instances=%lld", phase_names[pool],
			        (long long)x->instances[pool]);
	}
	fprintf(out, "\n\n");
}

static enum rc explain(const struct config *c, const struct point_choice *choice, struct arena *a,
                       FILE *out, struct err *e)
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
	TRY(sweep_one_apart(c, engine, choice, a, &x, e));
	print_knobs(c, choice, out);
	t = table_new(headers);
	rc = constraint_terms(t, c, choice, &good, e);
	if (rc == RC_OK) {
		terms(t, c, &x);
		table_print(t, out);
		if (sweep_has_percentiles(&c->sweep))
			fprintf(out, "budgets on percentiles are checked by --serve alone\n");
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
	struct point_choice choice;
	enum rc rc = point_find(args_value(a, "explain", ""), cases, &c, &choice, e);

	if (rc == RC_OK)
		rc = explain(c, &choice, words, out, e);
	arena_free(words);
	return rc;
}
