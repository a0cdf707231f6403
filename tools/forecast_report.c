/* Forecasts beside what was measured: tables and JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"
#include "tools/observed.h"
#include "tools/text.h"

static const double percent_ratio = 100;

static size_t remark(char *text, size_t n, size_t size, const char *more, const char *rest)
{
	if (n < size && *more)
		n += (size_t)snprintf(text + n, size - n, "%s%s%s", n ? "; " : "", more, rest);
	return n;
}

static void remarks_cell(const struct forecast_row *r, struct table *t)
{
	char text[512] = "";
	size_t n = 0;

	if (r->o->measured_s > 0 && !r->within)
		n = remark(text, n, sizeof text, "outside its interval", "");
	n = remark(text, n, sizeof text, r->covered ? "" : r->beyond, "");
	n = remark(text, n, sizeof text, r->f.kernel_known ? "" : "kernel not calibrated", "");
	if (*r->o->assumed)
		remark(text, n, sizeof text, "assumed ", r->o->assumed);
	table_cell(t, "%s", text);
}

void forecast_table(const struct forecast_row *row, size_t n, FILE *out)
{
	static const char *const headers[] = {
	        "<row",  "<machine", "<flow",     "<op", "<phase", "EP",    "tokens",   "hidden",
	        "<type", "measured", "predicted", "5 %", "95 %",   "error", "<remarks", NULL};
	struct table *t = table_new(headers);

	for (size_t i = 0; i < n; i++) {
		const struct forecast_row *r = &row[i];
		const struct observation *o = r->o;
		bool measured = o->measured_s > 0;
		char place[PLACE_SIZE], text[TEXT_SIZE];

		table_cell(t, "%s", observed_place(o, place));
		table_cell(t, "%s", o->machine);
		table_cell(t, "%s", o->flow);
		table_cell(t, "%s", exchange_op_names[o->op]);
		table_cell(t, "%s", phase_names[o->phase]);
		table_cell(t, "%lld", (long long)o->ep);
		table_cell(t, "%s", observed_tokens(o, place));
		table_cell(t, "%lld", (long long)o->hidden);
		table_cell(t, "%s", dtype_names[o->dispatch]);
		table_cell(t, "%s", measured ? time_text(o->measured_s, text) : "-");
		table_cell(t, "%s", time_text(r->f.expected_s, text));
		table_cell(t, "%s", time_text(r->f.low_s, text));
		table_cell(t, "%s", time_text(r->f.high_s, text));
		if (measured)
			table_cell(t, "%+.1f%%", percent_ratio * r->error_ratio);
		else
			table_cell(t, "-");
		remarks_cell(r, t);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void row_json(const struct forecast_row *r, struct json *j)
{
	const struct observation *o = r->o;
	char place[PLACE_SIZE];

	json_object(j, NULL);
	json_text(j, "row", observed_place(o, place));
	json_text(j, "machine", o->machine);
	json_text(j, "flow", o->flow);
	json_text(j, "kernel", o->kernel);
	json_text(j, "group", o->group);
	json_text(j, "op", exchange_op_names[o->op]);
	json_text(j, "phase", phase_names[o->phase]);
	json_integer(j, "ep", o->ep);
	json_array(j, "tokens_per_rank");
	for (size_t i = 0; i < o->n_batches; i++)
		json_integer(j, NULL, o->tokens[i]);
	json_close(j);
	json_integer(j, "hidden", o->hidden);
	json_integer(j, "topk", o->top_k);
	json_integer(j, "experts", o->experts);
	json_text(j, "dtype_dispatch", dtype_names[o->dispatch]);
	json_text(j, "bytes_convention", o->convention);
	json_text(j, "assumed", o->assumed);
	json_number(j, "measured_s", o->measured_s > 0 ? o->measured_s : NAN);
	json_number(j, "predicted_s", r->f.expected_s);
	json_number(j, "low_s", r->f.low_s);
	json_number(j, "high_s", r->f.high_s);
	json_number(j, "error_ratio", o->measured_s > 0 ? r->error_ratio : NAN);
	if (o->measured_s > 0)
		json_flag(j, "within_interval", r->within);
	else
		json_text(j, "within_interval", NULL);
	json_flag(j, "kernel_calibrated", r->f.kernel_known);
	json_text(j, "beyond_calibration", r->covered ? NULL : r->beyond);
	json_close(j);
}

void forecast_json(const struct forecast_row *row, size_t n, const char *key, struct json *j)
{
	json_array(j, key);
	for (size_t i = 0; i < n; i++)
		row_json(&row[i], j);
	json_close(j);
}

/* The i-th group in the order of rows; NULL beyond the last. */
static const char *group_at(const struct forecast_row *row, size_t n, size_t at)
{
	for (size_t i = 0; i < n; i++) {
		bool first = true;

		for (size_t k = 0; k < i && first; k++)
			first = strcmp(row[k].o->group, row[i].o->group) != 0;
		if (first && at-- == 0)
			return row[i].o->group;
	}
	return NULL;
}

static void accuracy_row(const char *name, const struct accuracy *a, struct table *t)
{
	table_cell(t, "%s", name);
	table_cell(t, "%zu", a->rows);
	table_cell(t, "%.2f%%", percent_ratio * a->median_ape_ratio);
	table_cell(t, "%.2f%%", percent_ratio * a->mape_ratio);
	table_cell(t, "%.0f%%", percent_ratio * a->coverage_90_ratio);
	table_end_row(t);
}

void accuracy_table(const struct forecast_row *row, size_t n, FILE *out)
{
	static const char *const headers[] = {
	        "<group", "rows", "median error", "mean error", "in 90 % interval", NULL};
	struct table *t = table_new(headers);
	struct accuracy all = accuracy_of(row, n, NULL);
	const char *group;

	if (all.rows == 0)
		fputs("nothing measured to compare with\n", out);
	for (size_t i = 0; (group = group_at(row, n, i)) && all.rows > 0; i++) {
		struct accuracy a = accuracy_of(row, n, group);

		accuracy_row(group, &a, t);
	}
	accuracy_row("all", &all, t);
	if (all.rows > 0)
		table_print(t, out);
	table_free(t);
}

static void accuracy_fields(const struct accuracy *a, struct json *j)
{
	json_integer(j, "rows_count", (int64_t)a->rows);
	json_number(j, "median_ape", a->median_ape_ratio);
	json_number(j, "mape", a->mape_ratio);
	json_number(j, "coverage_90", a->coverage_90_ratio);
}

void accuracy_json(const struct forecast_row *row, size_t n, const char *key, struct json *j)
{
	struct accuracy all = accuracy_of(row, n, NULL);
	const char *group;

	json_object(j, key);
	accuracy_fields(&all, j);
	json_array(j, "groups");
	for (size_t i = 0; (group = group_at(row, n, i)); i++) {
		struct accuracy a = accuracy_of(row, n, group);

		json_object(j, NULL);
		json_text(j, "group", group);
		accuracy_fields(&a, j);
		json_close(j);
	}
	json_close(j);
	json_close(j);
}
