/* epsim compute: operators alone, against measured tables. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "tools/args.h"
#include "tools/compute_report.h"
#include "traces/compute_table.h"

static enum rc machine_open(const struct args *a, struct config *c, struct err *e)
{
	TRY(args_config(a, NULL, c, e));
	return config_check(c, NEEDS(SECTION_MACHINE), e);
}

/* Rows of types that the machine does not compute in are left out, as are other operators'. */
static void table_clean(const struct machine *m, struct compute_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (compute_row_possible(m, &t->row[i])) {
			t->row[n++] = t->row[i];
		} else {
			t->n_skipped++;
			t->why_skipped = "of a type that the machine does not compute in";
		}
	}
	t->n = n;
}

static enum rc tables_read(const struct args *a, struct config *c, struct compute_table *t,
                           struct err *e)
{
	if (a->n_words < 2)
		return fail(e, RC_CONFIG, "compute %s: a FILE of measured operators is needed",
		            a->word[0]);
	TRY(machine_open(a, c, e));
	for (size_t i = 1; i < a->n_words; i++)
		TRY(compute_table_read(a->word[i], c->arena, t, e));
	table_clean(&c->machine, t);
	if (t->n == 0)
		return fail(e, RC_DATA, "%s: no row that machine %s can be compared with%s%s",
		            a->word[1], c->machine.name, t->why_skipped ? ": the last is " : "",
		            t->why_skipped ? t->why_skipped : "");
	return RC_OK;
}

static void skipped_tell(const struct args *a, const struct compute_table *t, FILE *out)
{
	if (t->n_skipped > 0 && !args_has(a, "json"))
		fprintf(out, "%zu rows left out, the last one because it is %s\n", t->n_skipped,
		        t->why_skipped);
}

/* ---- validate ---- */

static enum rc bound_check(const struct args *a, const char *option, const char *what,
                           double value_ratio, struct err *e)
{
	const char *text = args_value(a, option, NULL);
	double most_ratio;
	struct err why;

	if (!text)
		return RC_OK;
	if (quantity_parse(text, DIM_RATIO, &most_ratio, &why) != RC_OK)
		return fail(e, RC_CONFIG, "--%s: %s", option, why.text);
	if (value_ratio > most_ratio)
		return fail(e, RC_NO, "the %s absolute error is %.2f %%, above --%s %s", what,
		            100 * value_ratio, option, text);
	return RC_OK;
}

static enum rc validate(const struct args *a, struct config *c, struct compute_table *t, FILE *out,
                        struct err *e)
{
	struct compute_errors all;

	TRY(tables_read(a, c, t, e));
	all = compute_report(&c->machine, t->row, t->n, args_has(a, "rows"), args_has(a, "json"),
	                     out);
	skipped_tell(a, t, out);
	TRY(bound_check(a, "max-mape", "mean", all.mean_ape_ratio, e));
	return bound_check(a, "max-median", "median", all.median_ape_ratio, e);
}

/* ---- fit ---- */

static void notes_update(struct config *c, const struct fitted *x, const struct compute_table *t)
{
	for (size_t i = 0; i < x->fit.n_parameters; i++) {
		const struct law_parameter *p = &x->fit.parameter[i];
		struct note *note = arena_alloc(c->arena, sizeof *note);

		*note = (struct note){
		        .path = arena_print(c->arena, "%s.%s", compute_law_groups[x->fit.law],
		                            p->field->key),
		        .source = arena_print(c->arena,
		                              "fitted: %zu rows of tables with digest %016" PRIx64
		                              ", median error %.1f %%",
		                              x->fit.n_rows, t->digest,
		                              100 * x->fit.errors.median_ape_ratio),
		        .remark = p->at_bound ? "at the bound of the search" : NULL,
		        .sd_ratio = p->sd_ratio,
		        .fit = true,
		        .next = c->notes[SECTION_MACHINE]};
		c->notes[SECTION_MACHINE] = note; /* the first of a path counts */
	}
}

static enum rc machine_write(const struct args *a, const struct config *c, struct err *e)
{
	const char *path = args_value(a, "out", NULL);
	FILE *out;
	bool good;

	if (!path)
		return RC_OK;
	out = fopen(path, "w");
	if (!out)
		return fail(e, RC_CONFIG, "--out: '%s' cannot be written", path);
	fprintf(out, "machine:\n");
	fields_dump(machine_fields, &c->machine, c->notes[SECTION_MACHINE], 2, out);
	good = !ferror(out);
	good &= fclose(out) == 0;
	return good ? RC_OK : fail(e, RC_CONFIG, "--out: '%s' cannot be written", path);
}

static size_t rows_of(const struct compute_table *t, enum compute_law law,
                      const struct compute_row **out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (compute_law_of(&t->row[i]) == law)
			out[n++] = &t->row[i];
	}
	return n;
}

static enum rc laws_fit(struct config *c, const struct compute_table *t,
                        const struct compute_row **part, struct fitted *fitted, size_t *n,
                        struct err *e)
{
	for (enum compute_law law = 0; law < COMPUTE_LAWS; law++) {
		struct law_request q = {.law = law,
		                        .notes = c->notes[SECTION_MACHINE],
		                        .rows = part,
		                        .seed = (uint64_t)c->routing.seed};
		struct fitted *x = &fitted[*n];

		q.n_rows = rows_of(t, law, part);
		if (q.n_rows == 0)
			continue;
		TRY(fit_compute_halves(&c->machine, &q, &x->halves, e));
		TRY(fit_compute(&c->machine, &q, &x->fit, e));
		notes_update(c, x, t);
		++*n;
	}
	return RC_OK;
}

static enum rc fit(const struct args *a, struct config *c, struct compute_table *t, FILE *out,
                   struct err *e)
{
	const struct compute_row **part;
	struct fitted fitted[COMPUTE_LAWS];
	size_t n = 0;
	enum rc rc;

	TRY(tables_read(a, c, t, e));
	part = heap_zeroed(t->n, sizeof *part);
	rc = laws_fit(c, t, part, fitted, &n, e);
	free(part);
	TRY(rc);
	if (args_has(a, "json"))
		fits_json(fitted, n, out);
	else
		fits_text(fitted, n, out);
	skipped_tell(a, t, out);
	return machine_write(a, c, e);
}

/* ---- predict ---- */

enum { MOST_SIZES = 6 };

static void gemm_sizes(const double *x, struct compute_row *row)
{
	row->rows_count = x[0], row->columns_count = x[1], row->depth_count = x[2];
}

static void grouped_sizes(const double *x, struct compute_row *row)
{
	row->experts_count = x[0], row->rows_count = x[1];
	row->columns_count = x[2], row->depth_count = x[3];
}

static void attention_sizes(const double *x, struct compute_row *row)
{
	row->attention.sequences_count = x[0], row->attention.length_count = x[1];
	row->attention.heads_count = x[2], row->attention.kv_heads_count = x[3];
	row->attention.dim_count = x[4];
}

static const struct predicted {
	const char *name, *sizes;
	size_t n;
	enum compute_kind kind;
	void (*set)(const double *x, struct compute_row *row);
} predicted[] = {
        {"gemm", "M N K", 3, COMPUTE_GEMM, gemm_sizes},
        {"grouped", "EXPERTS ROWS N K", 4, COMPUTE_GROUPED, grouped_sizes},
        {"prefill", "SEQUENCES LENGTH HEADS KV_HEADS DIM", 5, COMPUTE_PREFILL, attention_sizes},
        {"decode", "SEQUENCES LENGTH HEADS KV_HEADS DIM", 5, COMPUTE_DECODE, attention_sizes},
};
enum { PREDICTED = sizeof predicted / sizeof *predicted };

static const struct predicted *predicted_find(const char *name, struct err *e)
{
	const char *names[PREDICTED + 1] = {0};
	char slip[128];

	for (size_t i = 0; i < PREDICTED; i++) {
		names[i] = predicted[i].name;
		if (strcmp(predicted[i].name, name) == 0)
			return &predicted[i];
	}
	fail(e, RC_CONFIG,
	     "compute predict: gemm, grouped, prefill or decode is needed, not '%s'%s", name,
	     hint(slip, sizeof slip, name, names));
	return NULL;
}

static enum rc sizes_read(const struct args *a, const struct predicted *p, double *x, struct err *e)
{
	struct err why;

	if (a->n_words != p->n + 2)
		return fail(e, RC_CONFIG, "compute predict %s: %zu sizes are needed: %s", p->name,
		            p->n, p->sizes);
	for (size_t i = 0; i < p->n; i++) {
		if (quantity_parse(a->word[i + 2], DIM_COUNT, &x[i], &why) != RC_OK || x[i] < 1)
			return fail(e, RC_CONFIG,
			            "compute predict %s: '%s' is no whole number above zero",
			            p->name, a->word[i + 2]);
	}
	return RC_OK;
}

static enum rc type_read(const struct args *a, const struct machine *m, enum dtype *out,
                         struct err *e)
{
	const char *text = args_value(a, "type", dtype_names[DTYPE_BF16]);
	char slip[128];

	for (enum dtype type = 0; type < DTYPES; type++) {
		if (strcmp(dtype_names[type], text) != 0)
			continue;
		*out = type;
		if (machine_peak_flops(m, type) > 0)
			return RC_OK;
		return fail(e, RC_NO, "machine %s does not compute in %s", m->name, text);
	}
	return fail(e, RC_CONFIG, "--type: '%s' is no element type%s", text,
	            hint(slip, sizeof slip, text, dtype_names));
}

static enum rc predict(const struct args *a, struct config *c, struct compute_table *t, FILE *out,
                       struct err *e)
{
	const struct predicted *p = predicted_find(a->n_words > 1 ? a->word[1] : "", e);
	struct compute_row row = {0};
	double x[MOST_SIZES];
	struct op op;

	(void)t;
	if (!p)
		return e->rc;
	TRY(machine_open(a, c, e));
	TRY(sizes_read(a, p, x, e));
	TRY(type_read(a, &c->machine, &row.type, e));
	row.kind = p->kind;
	p->set(x, &row);
	op = compute_row_op(&c->machine, &row);
	op_report(&op, args_has(a, "json"), out);
	return RC_OK;
}

/* ---- the verb ---- */

static const struct action {
	const char *name;
	enum rc (*run)(const struct args *a, struct config *c, struct compute_table *t, FILE *out,
	               struct err *e);
} actions[] = {{"validate", validate}, {"fit", fit}, {"predict", predict}, {NULL, NULL}};

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	const char *names[sizeof actions / sizeof *actions] = {0};
	const char *wish = a->n_words > 0 ? a->word[0] : "";
	char slip[128];

	for (size_t i = 0; actions[i].name; i++) {
		names[i] = actions[i].name;
		if (strcmp(actions[i].name, wish) == 0) {
			struct config *c = config_new();
			struct compute_table t = {0};
			enum rc rc = actions[i].run(a, c, &t, out, e);

			free(t.row);
			config_free(c);
			return rc;
		}
	}
	return fail(e, RC_CONFIG, "compute: validate, fit or predict is needed, not '%s'%s", wish,
	            hint(slip, sizeof slip, wish, names));
}

static const struct option options[] = {
        {"rows", NULL, "validate: also print each row"},
        {"max-mape", "RATIO",
         "validate: exit 1 when the mean absolute error is above, such as 12%"},
        {"max-median", "RATIO", "validate: likewise the median"},
        {"out", "FILE", "fit: write the machine with its new numbers"},
        {"type", "TYPE", "predict: bf16, int8, fp8 or fp4; default bf16"},
        {0},
};

const struct verb verb_compute = {
        .name = "compute",
        .doc = "Compares operators alone with measured tables, and fits a machine to them",
        .usage = "validate|fit FILE... --machine NAME [option...], or predict OPERATOR SIZE...",
        .examples = {"epsim compute predict gemm 64 7168 2048 --type int8 --machine atlas-a2",
                     "epsim compute fit gemm_bf16.csv --machine atlas-a2 --out fitted.yaml"},
        .options = options,
        .takes_config = true,
        .about = "Operators and sizes of predict: gemm M N K; grouped EXPERTS ROWS N K; prefill\n"
                 "or decode SEQUENCES LENGTH HEADS KV_HEADS DIM. sim/COMPUTE.md has the formulas\n"
                 "and the layouts of tables.\n"
                 "Exit status 1: an error is above its bound, or a fit has nothing to go by.",
        .run = run,
};
