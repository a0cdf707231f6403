#include "tools/compute_report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/json.h"
#include "models/base/table.h"

static double percent(double ratio)
{
	return 100 * ratio;
}

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool same_group(const struct compute_row *a, const struct compute_row *b)
{
	return a->kind == b->kind && a->type == b->type && strcmp(a->file, b->file) == 0 &&
	       strcmp(a->hardware, b->hardware) == 0;
}

/* ---- errors ---- */

static void row_json(struct json *j, const struct machine *m, const struct compute_row *row)
{
	double predicted_s = compute_row_s(m, row);

	json_object(j, NULL);
	json_text(j, "file", file_name(row->file));
	json_integer(j, "line", row->line);
	json_text(j, "op", compute_kind_names[row->kind]);
	json_text(j, "type", dtype_names[row->type]);
	json_text(j, "hardware", row->hardware);
	json_number(j, "predicted_s", predicted_s);
	json_number(j, "measured_s", row->measured_s);
	json_number(j, "error_ratio", predicted_s / row->measured_s - 1);
	json_close(j);
}

static void errors_json(struct json *j, const struct compute_errors *x)
{
	json_integer(j, "rows_count", (int64_t)x->n);
	json_number(j, "median_ape", x->median_ape_ratio);
	json_number(j, "mape", x->mean_ape_ratio);
	json_number(j, "median_error", x->median_ratio);
	json_number(j, "worst_error", x->worst_ratio);
}

static void rows_text(const struct machine *m, const struct compute_row *rows, size_t n, FILE *out)
{
	static const char *const headers[] = {"<table",   "line",  "<operator", "predicted",
	                                      "measured", "error", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < n; i++) {
		double predicted_s = compute_row_s(m, &rows[i]);
		char text[64];

		table_cell(t, "%s", file_name(rows[i].file));
		table_cell(t, "%ld", rows[i].line);
		table_cell(t, "%s", compute_kind_names[rows[i].kind]);
		table_cell(t, "%s", quantity_human(predicted_s, DIM_TIME, 3, text, sizeof text));
		table_cell(t, "%s",
		           quantity_human(rows[i].measured_s, DIM_TIME, 3, text, sizeof text));
		table_cell(t, "%+.1f %%", percent(predicted_s / rows[i].measured_s - 1));
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
	fputc('\n', out);
}

static void errors_cells(struct table *t, const struct compute_errors *x)
{
	table_cell(t, "%zu", x->n);
	table_cell(t, "%.1f %%", percent(x->median_ape_ratio));
	table_cell(t, "%.1f %%", percent(x->mean_ape_ratio));
	table_cell(t, "%+.1f %%", percent(x->median_ratio));
	table_cell(t, "%+.0f %%", percent(x->worst_ratio));
}

/* The rows of the group that rows[first] begins, or none if an earlier one begins it. */
static size_t group_take(const struct compute_row *rows, size_t n, size_t first,
                         const struct compute_row **out)
{
	size_t taken = 0;

	for (size_t i = 0; i < first; i++) {
		if (same_group(&rows[i], &rows[first]))
			return 0;
	}
	for (size_t i = first; i < n; i++) {
		if (same_group(&rows[i], &rows[first]))
			out[taken++] = &rows[i];
	}
	return taken;
}

struct out {
	struct table *table; /* one of the two */
	struct json *json;
};

static void group_put(struct out *o, const struct compute_row *first,
                      const struct compute_errors *x)
{
	if (o->json) {
		json_object(o->json, NULL);
		json_text(o->json, "file", file_name(first->file));
		json_text(o->json, "op", compute_kind_names[first->kind]);
		json_text(o->json, "type", dtype_names[first->type]);
		json_text(o->json, "hardware", first->hardware);
		errors_json(o->json, x);
		json_close(o->json);
		return;
	}
	table_cell(o->table, "%s", file_name(first->file));
	table_cell(o->table, "%s", first->hardware);
	table_cell(o->table, "%s", compute_kind_names[first->kind]);
	table_cell(o->table, "%s", dtype_names[first->type]);
	errors_cells(o->table, x);
	table_end_row(o->table);
}

static struct compute_errors groups_put(struct out *o, const struct machine *m,
                                        const struct compute_row *rows, size_t n)
{
	const struct compute_row **part = heap_zeroed(n, sizeof *part);
	struct compute_errors all, x;

	for (size_t i = 0; i < n; i++) {
		size_t taken = group_take(rows, n, i, part);

		if (taken == 0)
			continue;
		x = compute_errors_of(m, part, taken);
		group_put(o, &rows[i], &x);
	}
	for (size_t i = 0; i < n; i++)
		part[i] = &rows[i];
	all = compute_errors_of(m, part, n);
	free(part);
	return all;
}

static struct compute_errors report_json(const struct machine *m, const struct compute_row *rows,
                                         size_t n, FILE *out)
{
	struct out o = {.json = json_new(out)};
	struct compute_errors all;

	json_object(o.json, NULL);
	json_text(o.json, "machine", m->name);
	json_array(o.json, "rows");
	for (size_t i = 0; i < n; i++)
		row_json(o.json, m, &rows[i]);
	json_close(o.json);
	json_array(o.json, "groups");
	all = groups_put(&o, m, rows, n);
	json_close(o.json);
	json_object(o.json, "summary");
	errors_json(o.json, &all);
	json_close(o.json);
	json_close(o.json);
	json_free(o.json);
	return all;
}

static struct compute_errors report_text(const struct machine *m, const struct compute_row *rows,
                                         size_t n, bool each_row, FILE *out)
{
	static const char *const headers[] = {
	        "<table",         "<hardware",    "<operator",    "<type", "rows",
	        "median |error|", "mean |error|", "median error", "worst", NULL};
	struct out o = {.table = table_new(headers)};
	struct compute_errors all;

	if (each_row)
		rows_text(m, rows, n, out);
	all = groups_put(&o, m, rows, n);
	for (int i = 0; i < 4; i++)
		table_cell(o.table, "%s", i == 0 ? "all" : "");
	errors_cells(o.table, &all);
	table_end_row(o.table);
	table_print(o.table, out);
	table_free(o.table);
	return all;
}

struct compute_errors compute_report(const struct machine *m, const struct compute_row *rows,
                                     size_t n, bool each_row, bool as_json, FILE *out)
{
	return as_json ? report_json(m, rows, n, out) : report_text(m, rows, n, each_row, out);
}

/* ---- fits ---- */

static void remark(const struct law_fit *fit, const struct law_parameter *p, char *text,
                   size_t size)
{
	const double hardly = 0.9;

	text[0] = '\0';
	if (p->at_bound)
		snprintf(text, size, "at its bound");
	else if (fabs(p->correlation_ratio) > hardly)
		snprintf(text, size, "hardly told from %s (%+.2f)",
		         fit->parameter[p->partner].field->key, p->correlation_ratio);
}

static void parameters_text(const struct fitted *fitted, size_t n, FILE *out)
{
	static const char *const headers[] = {"<parameter", "start",   "estimate",
	                                      "sd",         "<remark", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < n; i++) {
		const struct law_fit *fit = &fitted[i].fit;

		for (size_t k = 0; k < fit->n_parameters; k++) {
			const struct law_parameter *p = &fit->parameter[k];
			char text[64], why[96];

			table_cell(t, "%s.%s", compute_law_groups[fit->law], p->field->key);
			table_cell(t, "%s",
			           quantity_human(p->start, p->field->dim, 4, text, sizeof text));
			table_cell(t, "%s",
			           quantity_human(p->value, p->field->dim, 4, text, sizeof text));
			if (p->at_bound)
				table_cell(t, "-");
			else
				table_cell(t, "%.1f %%", percent(p->sd_ratio));
			remark(fit, p, why, sizeof why);
			table_cell(t, "%s", why);
			table_end_row(t);
		}
	}
	table_print(t, out);
	table_free(t);
}

void fits_text(const struct fitted *fitted, size_t n, FILE *out)
{
	static const char *const headers[] = {
	        "<law",     "rows",     "fitted",    "median |error|", "mean |error|",
	        "one half", "held out", "the other", "held out",       NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < n; i++) {
		const struct fitted *x = &fitted[i];

		table_cell(t, "%s", compute_law_groups[x->fit.law]);
		table_cell(t, "%zu", x->fit.n_rows);
		table_cell(t, "%zu", x->fit.n_parameters);
		table_cell(t, "%.1f %%", percent(x->fit.errors.median_ape_ratio));
		table_cell(t, "%.1f %%", percent(x->fit.errors.mean_ape_ratio));
		for (int half = 0; half < 2; half++) {
			table_cell(t, "%.1f %%", percent(x->halves.fitted[half].median_ape_ratio));
			table_cell(t, "%.1f %%",
			           percent(x->halves.held_out[half].median_ape_ratio));
		}
		table_end_row(t);
	}
	parameters_text(fitted, n, out);
	fputc('\n', out);
	table_print(t, out);
	table_free(t);
}

static void parameter_json(struct json *j, const struct law_fit *fit, const struct law_parameter *p)
{
	char path[128];

	snprintf(path, sizeof path, "%s.%s", compute_law_groups[fit->law], p->field->key);
	json_object(j, NULL);
	json_text(j, "parameter", path);
	json_number(j, "start", p->start);
	json_number(j, "estimate", p->value);
	json_number(j, "sd_ratio", p->sd_ratio);
	json_flag(j, "at_bound", p->at_bound);
	json_text(j, "partner", fit->parameter[p->partner].field->key);
	json_number(j, "correlation", p->correlation_ratio);
	json_close(j);
}

static void halves_json(struct json *j, const struct law_halves *halves)
{
	json_array(j, "halves");
	for (int half = 0; half < 2; half++) {
		json_object(j, NULL);
		json_object(j, "fitted");
		errors_json(j, &halves->fitted[half]);
		json_close(j);
		json_object(j, "held_out");
		errors_json(j, &halves->held_out[half]);
		json_close(j);
		json_close(j);
	}
	json_close(j);
}

void fits_json(const struct fitted *fitted, size_t n, FILE *out)
{
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_array(j, "laws");
	for (size_t i = 0; i < n; i++) {
		const struct law_fit *fit = &fitted[i].fit;

		json_object(j, NULL);
		json_text(j, "law", compute_law_groups[fit->law]);
		errors_json(j, &fit->errors);
		json_array(j, "parameters");
		for (size_t k = 0; k < fit->n_parameters; k++)
			parameter_json(j, fit, &fit->parameter[k]);
		json_close(j);
		halves_json(j, &fitted[i].halves);
		json_close(j);
	}
	json_close(j);
	json_close(j);
	json_free(j);
}

/* ---- one operator ---- */

void op_report(const struct op *op, bool as_json, FILE *out)
{
	char alone[64], wait[64], cube[64], hbm[64];

	if (as_json) {
		struct json *j = json_new(out);

		json_object(j, NULL);
		json_number(j, "time_s", op_alone_s(op));
		json_number(j, "wait_s", op->wait_s);
		json_number(j, "cube_s", op->cube_s);
		json_number(j, "hbm_s", op->hbm_s);
		json_number(j, "flop", op->flop);
		json_number(j, "hbm_bytes", op->bytes);
		json_close(j);
		json_free(j);
		return;
	}
	fprintf(out,
	        "%s: %s of launch and what nothing hides, then the longer of %s of cube and %s of "
	        "HBM\n",
	        quantity_human(op_alone_s(op), DIM_TIME, 4, alone, sizeof alone),
	        quantity_human(op->wait_s, DIM_TIME, 4, wait, sizeof wait),
	        quantity_human(op->cube_s, DIM_TIME, 4, cube, sizeof cube),
	        quantity_human(op->hbm_s, DIM_TIME, 4, hbm, sizeof hbm));
}
