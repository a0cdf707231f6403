/* What several machines' joint calibration tells of all of them together. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"
#include "tools/calibrate_report.h"
#include "tools/text.h"

static const double percent_ratio = 100;

/* The parameter as its first machine has it, with the prior's sd that held. */
static struct parameter parameter_of(const struct calibration_report *r,
                                     const struct shared_parameter *s)
{
	struct parameter p = r[s->machine[0]].result->belief.parameter[s->at[0]];

	p.prior_sd_ratio = s->prior_sd_ratio;
	return p;
}

/* "cloudmatrix384, atlas-a2" */
static void machines_text(const struct calibration_report *r, const struct shared_parameter *s,
                          char *buf, size_t size)
{
	size_t n = 0;

	*buf = '\0';
	for (size_t k = 0; k < s->n_machines && n < size; k++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", k ? ", " : "",
		                      r[s->machine[k]].machine);
}

static size_t told_count(const struct joint *joint)
{
	size_t n = 0;

	for (size_t i = 0; i < joint->n_shared; i++)
		n += joint->shared[i].state == SHARED_TOLD;
	return n;
}

static void shared_table(const struct calibration_report *r, FILE *out)
{
	static const char *const headers[] = {
	        "<shared parameter", "prior", "sd", "estimate", "sd", "moved", "<of",
	        "<remark",           NULL};
	const struct joint *joint = r->joint;
	struct table *t;

	if (told_count(joint) == 0) {
		fputs("no shared parameter is told by these rows\n", out);
		return;
	}
	t = table_new(headers);
	for (size_t i = 0; i < joint->n_shared; i++) {
		const struct shared_parameter *s = &joint->shared[i];
		struct parameter p = parameter_of(r, s);
		char text[1024];

		if (s->state != SHARED_TOLD)
			continue;
		table_cell(t, "%s", p.path);
		table_cell(t, "%s",
		           quantity_human(p.prior_units, p.field->dim, 4, text, sizeof text));
		table_cell(t, "%.0f%%", percent_ratio * p.prior_sd_ratio);
		table_cell(t, "%s",
		           quantity_human(p.value_units, p.field->dim, 4, text, sizeof text));
		table_cell(t, "%.1f%%", percent_ratio * p.sd_ratio);
		table_cell(t, "%+.1f sd", moved_sds_count(&p));
		machines_text(r, s, text, sizeof text);
		table_cell(t, "%s", text);
		remark_cell(t, &p, false);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void states_text(const struct joint *joint, enum shared_state state, const char *what,
                        FILE *out)
{
	size_t n = 0;

	fprintf(out, "%s:", what);
	for (size_t i = 0; i < joint->n_shared; i++) {
		if (joint->shared[i].state == state)
			fprintf(out, "%s %s", n++ ? "," : "", joint->shared[i].path);
	}
	fputs(n ? "\n" : " none\n", out);
}

/* The rows left out of all machines, one after another; the caller frees them. */
static struct forecast_row *left_of_all(const struct calibration_report *r, size_t n,
                                        size_t *n_left)
{
	struct forecast_row *row = heap_zeroed(r->joint->n_rows + 1, sizeof *row);

	*n_left = 0;
	for (size_t m = 0; m < n; m++) {
		const struct calibrated *c = r[m].result;

		memcpy(row + *n_left, c->left, c->n_left * sizeof *row);
		*n_left += c->n_left;
	}
	return row;
}

static void accuracy_row(struct table *t, const char *name, const struct forecast_row *row,
                         size_t n)
{
	struct accuracy a = accuracy_of(row, n, NULL);

	table_cell(t, "%s", name);
	table_cell(t, "%zu", a.rows);
	table_cell(t, "%.2f%%", percent_ratio * a.median_ape_ratio);
	table_cell(t, "%.2f%%", percent_ratio * a.mape_ratio);
	table_cell(t, "%.0f%%", percent_ratio * a.coverage_90_ratio);
	table_end_row(t);
}

static void left_table(const struct calibration_report *r, size_t n, FILE *out)
{
	static const char *const headers[] = {
	        "<machine", "rows", "median error", "mean error", "in 90 % interval", NULL};
	struct table *t = table_new(headers);
	size_t n_left;
	struct forecast_row *row = left_of_all(r, n, &n_left);

	fprintf(out, "\nrows left out, %s by %s%s\n", fold_names[r->fold], fold_names[r->fold],
	        r->fold == FOLD_SOURCE ? "" : " of each machine");
	for (size_t m = 0; m < n; m++)
		accuracy_row(t, r[m].machine, r[m].result->left, r[m].result->n_left);
	accuracy_row(t, "all", row, n_left);
	table_print(t, out);
	table_free(t);
	free(row);
}

/* Parameters and ratios that all rows together determine. */
static double effective_count(const struct calibration_report *r, size_t n)
{
	double sum = 0;

	for (size_t m = 0; m < n; m++)
		sum += r[m].result->effective_count;
	return sum;
}

void joint_text(const struct calibration_report *r, size_t n, FILE *out)
{
	const struct joint *joint = r->joint;
	const struct calibrated *c = r->result;

	fprintf(out,
	        "%zu machines together: %zu rows, %zu parameter%s fitted and %zu kernel ratios, of "
	        "which the data determine %.1f\n",
	        n, joint->n_rows, joint->n_parameters, plural(joint->n_parameters),
	        joint->n_kernels, effective_count(r, n));
	fprintf(out,
	        "rest %.1f %% of rows fitted, %.1f %% of rows left out, spread of kernels %.1f %% "
	        "(sd of log time, of all rows)\n%zu of %zu starts ended alike; data %016" PRIx64
	        "\n\n",
	        percent_ratio * c->fit_sd_ratio, percent_ratio * c->belief.residual_sd_ratio,
	        percent_ratio * c->belief.kernel_sd_ratio, c->n_starts_alike, c->starts, c->digest);
	shared_table(r, out);
	fputs("\n", out);
	states_text(joint, SHARED_UNTOLD, "to be shared, but hardly told by all rows", out);
	states_text(joint, SHARED_IDLE, "to be shared, but no row depends on them", out);
	for (size_t i = 0; i < joint->n_apart; i++)
		fprintf(out, "left apart: %s, %s\n", joint->apart[i].path, joint->apart[i].why);
	if (c->n_left > 0)
		left_table(r, n, out);
	fputs("\n", out);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void shared_json(const struct calibration_report *r, struct json *j)
{
	json_array(j, "shared");
	for (size_t i = 0; i < r->joint->n_shared; i++) {
		const struct shared_parameter *s = &r->joint->shared[i];
		struct parameter p = parameter_of(r, s);

		json_object(j, NULL);
		json_text(j, "path", s->path);
		json_text(j, "state", shared_state_names[s->state]);
		json_array(j, "machines");
		for (size_t k = 0; k < s->n_machines; k++)
			json_text(j, NULL, r[s->machine[k]].machine);
		json_close(j);
		json_number(j, "prior", p.prior_units);
		json_number(j, "prior_sd_ratio", p.prior_sd_ratio);
		if (s->state == SHARED_TOLD) {
			json_number(j, "estimate", p.value_units);
			json_number(j, "sd_ratio", p.sd_ratio);
			json_number(j, "moved_prior_sds", moved_sds_count(&p));
			json_flag(j, "at_bound", parameter_at_bound(&p, p.value_units));
		}
		json_close(j);
	}
	json_close(j);
	json_array(j, "left_apart");
	for (size_t i = 0; i < r->joint->n_apart; i++) {
		json_object(j, NULL);
		json_text(j, "path", r->joint->apart[i].path);
		json_text(j, "why", r->joint->apart[i].why);
		json_close(j);
	}
	json_close(j);
}

static void accuracy_fields(const struct forecast_row *row, size_t n, struct json *j)
{
	struct accuracy a = accuracy_of(row, n, NULL);

	json_integer(j, "rows_count", (int64_t)a.rows);
	json_number(j, "median_ape", a.median_ape_ratio);
	json_number(j, "mape", a.mape_ratio);
	json_number(j, "coverage_90", a.coverage_90_ratio);
}

static void left_json(const struct calibration_report *r, size_t n, struct json *j)
{
	size_t n_left;
	struct forecast_row *left = left_of_all(r, n, &n_left);

	json_text(j, "left_out_by", fold_names[r->fold]);
	json_object(j, "left_out_summary");
	accuracy_fields(left, n_left, j);
	json_array(j, "machines");
	for (size_t m = 0; m < n; m++) {
		json_object(j, NULL);
		json_text(j, "machine", r[m].machine);
		accuracy_fields(r[m].result->left, r[m].result->n_left, j);
		json_close(j);
	}
	json_close(j);
	json_close(j);
	free(left);
}

void joint_json(const struct calibration_report *r, size_t n, const char *key, struct json *j)
{
	const struct calibrated *c = r->result;
	char digest[32];

	snprintf(digest, sizeof digest, "%016" PRIx64, c->digest);
	json_object(j, key);
	json_text(j, "data", digest);
	json_integer(j, "rows_count", (int64_t)r->joint->n_rows);
	json_integer(j, "fitted_parameters", (int64_t)r->joint->n_parameters);
	json_integer(j, "kernel_ratios", (int64_t)r->joint->n_kernels);
	json_number(j, "effective_parameters", effective_count(r, n));
	json_number(j, "fit_sd", c->fit_sd_ratio);
	json_number(j, "residual_sd", c->belief.residual_sd_ratio);
	json_number(j, "kernel_sd", c->belief.kernel_sd_ratio);
	shared_json(r, j);
	if (c->n_left > 0)
		left_json(r, n, j);
	json_close(j);
}
