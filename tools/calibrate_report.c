#include "tools/calibrate_report.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "models/base/table.h"
#include "tools/text.h"

static const double percent_ratio = 100, strong_ratio = 0.8;

/* What would tell a parameter apart from the others. */
static const struct separator {
	const char *path, *measurement;
} separators[] = {
        {"hbm.efficiency", "a copy within HBM by all cores, 1 GB"},
        {"vector.put_core", "remote writes by 1 to 4 cores, 1 MB each"},
        {"vector.get_core", "remote reads by 1 to 4 cores, 1 MB each"},
        {"vector.sharpness", "remote writes by 8, 16, 24, 32 and 48 cores"},
        {"vector.copy_core", "a copy within HBM by 1 to 4 cores"},
        {"vector.message", "remote writes by one core, 1 KB and 4 KB each"},
        {"vector.scan", "dispatch of one token with 64, 128 and 256 experts"},
        {"vector.quantise_core", "the same dispatch in BF16 and in INT8, many tokens"},
        {"die_link.rate", "exchange between the two dies of one package, 1 GB"},
        {"fabric.put", "remote writes by all cores to one peer, 1 GB"},
        {"fabric.get", "remote reads by all cores from one peer, 1 GB"},
        {"fabric.rate", "reads and writes at the same time by all cores, 1 GB"},
        {"fabric.contention", "the same bytes to 1, 2, 4, ... peers at a time"},
        {"rdma.rate", "one RDMA write of 1 GB"},
        {"rdma.message", "many RDMA writes of 1 KB by one rank"},
        {"sync.vector", "a kernel of 100 SyncAll and nothing else"},
        {"sync.flag", "ping-pong of one flag between two ranks"},
        {"sync.round", "a domain barrier over 8, 16, 32, ... ranks"},
        {"sync.kernel", "an empty dispatch kernel: no tokens"},
        {"sync.collective", "a library all-to-all of one element"},
        {"sync.host", "a stream synchronisation with a copy of 4 bytes"},
        {"sync.host_barrier", "a barrier of the hosts and nothing else"},
};

static const char *measurement_for(const char *path)
{
	for (size_t i = 0; i < sizeof separators / sizeof *separators; i++) {
		if (strcmp(separators[i].path, path) == 0)
			return separators[i].measurement;
	}
	return "a kernel that depends on it alone";
}

static const char *unknown_name(const struct belief *b, size_t i)
{
	return i < b->n ? b->parameter[i].path : b->kernel[i - b->n];
}

static double prior_sd(const struct parameter *p)
{
	return parameter_free_sd_units(p, p->prior_units, p->prior_sd_ratio);
}

double moved_sds_count(const struct parameter *p)
{
	return (parameter_free_units(p, p->value_units) - parameter_free_units(p, p->prior_units)) /
	       prior_sd(p);
}

void remark_cell(struct table *t, const struct parameter *p, bool shared)
{
	const char *far = fabs(moved_sds_count(p)) > 2 ? "far from its prior" : "";

	if (parameter_at_bound(p, p->value_units))
		table_cell(t, "at its bound%s%s; %s would tell it%s", *far ? ", " : "", far,
		           measurement_for(p->path), shared ? "; shared" : "");
	else
		table_cell(t, "%s%s%s", far, *far && shared ? "; " : "", shared ? "shared" : "");
}

bool parameter_is_shared(const struct calibration_report *r, size_t i)
{
	for (size_t s = 0; r->joint && s < r->joint->n_shared; s++) {
		const struct shared_parameter *one = &r->joint->shared[s];

		for (size_t k = 0; k < one->n_machines; k++) {
			if (one->machine[k] == r->at && one->at[k] == i)
				return true;
		}
	}
	return false;
}

static void parameters_table(const struct calibration_report *r, FILE *out)
{
	const struct calibrated *c = r->result;
	static const char *const headers[] = {"<parameter", "prior", "sd",      "estimate",
	                                      "sd",         "moved", "<remark", NULL};
	struct table *t;

	if (c->n_fitted == 0) {
		fputs("no parameter is told by these rows: what they say is in the ratios of their "
		      "kernels\n",
		      out);
		return;
	}
	t = table_new(headers);
	for (size_t k = 0; k < c->n_fitted; k++) {
		size_t i = c->fitted[k];
		const struct parameter *p = &c->belief.parameter[i];
		char text[TEXT_SIZE];

		table_cell(t, "%s", p->path);
		table_cell(t, "%s",
		           quantity_human(p->prior_units, p->field->dim, 4, text, sizeof text));
		table_cell(t, "%.0f%%", percent_ratio * p->prior_sd_ratio);
		table_cell(t, "%s",
		           quantity_human(p->value_units, p->field->dim, 4, text, sizeof text));
		table_cell(t, "%.1f%%", percent_ratio * p->sd_ratio);
		table_cell(t, "%+.1f sd", moved_sds_count(p));
		remark_cell(t, p, parameter_is_shared(r, i));
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void kernels_table(const struct calibrated *c, FILE *out)
{
	static const char *const headers[] = {"<kernel", "rows",    "time ratio",
	                                      "sd",      "<remark", NULL};
	const struct belief *b = &c->belief;
	size_t n = b->n + b->n_kernels;
	struct table *t = table_new(headers);

	for (size_t k = 0; k < b->n_kernels; k++) {
		table_cell(t, "%s", b->kernel[k]);
		table_cell(t, "%zu", c->kernel_rows[k]);
		table_cell(t, "%.3f", exp(b->kernel_log_ratio[k]));
		table_cell(t, "%.1f%%",
		           percent_ratio * sqrt(b->covariance_units[(b->n + k) * (n + 1)]));
		table_cell(t, "%s",
		           fabs(b->kernel_log_ratio[k]) > log(2)
		                   ? "far from 1: are its tokens, EP and types as stated?"
		                   : "");
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

static void correlations_table(const struct calibrated *c, FILE *out)
{
	const char *headers[MOST_PARAMETERS + 2] = {"<correlation"};
	char number[MOST_PARAMETERS][24];
	struct table *t;

	for (size_t k = 0; k < c->n_fitted; k++) {
		snprintf(number[k], sizeof number[k], "%zu", k + 1);
		headers[k + 1] = number[k];
	}
	t = table_new(headers);
	for (size_t i = 0; i < c->n_fitted; i++) {
		table_cell(t, "%zu %s", i + 1, c->belief.parameter[c->fitted[i]].path);
		for (size_t j = 0; j <= i; j++)
			table_cell(
			        t, "%.2f",
			        belief_correlation_ratio(&c->belief, c->fitted[i], c->fitted[j]));
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
}

/* Calls visit for each pair of fitted parameters or kernels that the data cannot tell apart. */
static size_t pairs_visit(const struct calibrated *c,
                          void (*visit)(const struct calibrated *c, size_t i, size_t j, void *data),
                          void *data)
{
	size_t found = 0, n = c->n_fitted + c->belief.n_kernels;

	for (size_t a = 0; a < n; a++) {
		size_t i = a < c->n_fitted ? c->fitted[a] : c->belief.n + a - c->n_fitted;

		for (size_t b = 0; b < a && b < c->n_fitted; b++) {
			if (fabs(belief_correlation_ratio(&c->belief, i, c->fitted[b])) <
			    strong_ratio)
				continue;
			found++;
			if (visit)
				visit(c, c->fitted[b], i, data);
		}
	}
	return found;
}

static void pair_text(const struct calibrated *c, size_t i, size_t j, void *data)
{
	fprintf(data, "  %s and %s (%.2f); %s would tell them apart\n", unknown_name(&c->belief, i),
	        unknown_name(&c->belief, j), belief_correlation_ratio(&c->belief, i, j),
	        measurement_for(unknown_name(&c->belief, i)));
}

static void open_questions(const struct calibrated *c, FILE *out)
{
	fprintf(out, "\nnot told apart by these rows (correlation of %.1f and more)\n",
	        strong_ratio);
	if (pairs_visit(c, pair_text, out) == 0)
		fputs("  none\n", out);
	fputs("\nhardly told by these rows, and left at their priors\n", out);
	for (size_t k = 0; k < c->n_untold; k++) {
		const struct parameter *p = &c->belief.parameter[c->untold[k]];

		fprintf(out, "  %s: %s would tell it\n", p->path, measurement_for(p->path));
	}
	fputs("\nfree, but no row depends on them:", out);
	for (size_t k = 0; k < c->n_idle; k++)
		fprintf(out, "%s %s", k ? "," : "", c->belief.parameter[c->idle[k]].path);
	fputs(c->n_idle ? "\n" : " none\n", out);
}

const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* Of a machine that was fitted alone: what one of several shares is in joint_text(). */
static void spreads_text(const struct calibration_report *r, FILE *out)
{
	const struct calibrated *c = r->result;

	fprintf(out,
	        "rest %.1f %% of rows fitted, %.1f %% of rows left out, spread of kernels %.1f %% "
	        "(sd of log time)\n%zu of %zu starts ended alike; data %016" PRIx64 "; priors %s\n",
	        percent_ratio * c->fit_sd_ratio, percent_ratio * c->belief.residual_sd_ratio,
	        percent_ratio * c->belief.kernel_sd_ratio, c->n_starts_alike, c->starts, c->digest,
	        r->priors);
}

void calibrate_text(const struct calibration_report *r, FILE *out)
{
	const struct calibrated *c = r->result;
	size_t n_shared = 0;

	for (size_t k = 0; k < c->n_fitted; k++)
		n_shared += parameter_is_shared(r, c->fitted[k]);
	fprintf(out, "machine %s: %zu row%s, %zu parameter%s fitted ", r->machine, c->n_rows,
	        plural(c->n_rows), c->n_fitted, plural(c->n_fitted));
	if (r->joint)
		fprintf(out, "(%zu shared) ", n_shared);
	fprintf(out, "and %zu kernel ratio%s, of which %s determine %.1f\n", c->belief.n_kernels,
	        plural(c->belief.n_kernels), r->joint ? "these rows" : "the data",
	        c->effective_count);
	if (r->joint)
		fprintf(out, "priors %s\n", r->priors);
	else
		spreads_text(r, out);
	fputs("\n", out);
	parameters_table(r, out);
	fputs("\n", out);
	kernels_table(c, out);
	if (c->n_fitted > 0) {
		fputs("\n", out);
		correlations_table(c, out);
	}
	open_questions(c, out);
	fputs("\nfitted rows\n", out);
	forecast_table(c->row, c->n_rows, out);
	fputs("\n", out);
	accuracy_table(c->row, c->n_rows, out);
	if (c->n_left == 0)
		return;
	fprintf(out, "\nrows left out, %s by %s\n", fold_names[r->fold], fold_names[r->fold]);
	forecast_table(c->left, c->n_left, out);
	fputs("\n", out);
	accuracy_table(c->left, c->n_left, out);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void parameters_json(const struct calibration_report *r, struct json *j)
{
	const struct calibrated *c = r->result;

	json_array(j, "parameters");
	for (size_t k = 0; k < c->n_fitted; k++) {
		const struct parameter *p = &c->belief.parameter[c->fitted[k]];

		json_object(j, NULL);
		json_text(j, "path", p->path);
		json_number(j, "estimate", p->value_units);
		json_number(j, "sd_ratio", p->sd_ratio);
		json_number(j, "prior", p->prior_units);
		json_number(j, "prior_sd_ratio", p->prior_sd_ratio);
		json_number(j, "moved_prior_sds", moved_sds_count(p));
		json_flag(j, "at_bound", parameter_at_bound(p, p->value_units));
		if (r->joint)
			json_flag(j, "shared", parameter_is_shared(r, c->fitted[k]));
		json_array(j, "correlations");
		for (size_t i = 0; i <= k; i++)
			json_number(
			        j, NULL,
			        belief_correlation_ratio(&c->belief, c->fitted[k], c->fitted[i]));
		json_close(j);
		json_close(j);
	}
	json_close(j);
}

static void kernels_json(const struct calibrated *c, struct json *j)
{
	const struct belief *b = &c->belief;
	size_t n = b->n + b->n_kernels;

	json_array(j, "kernels");
	for (size_t k = 0; k < b->n_kernels; k++) {
		json_object(j, NULL);
		json_text(j, "kernel", b->kernel[k]);
		json_integer(j, "rows_count", (int64_t)c->kernel_rows[k]);
		json_number(j, "ratio", exp(b->kernel_log_ratio[k]));
		json_number(j, "sd", sqrt(b->covariance_units[(b->n + k) * (n + 1)]));
		json_close(j);
	}
	json_close(j);
}

static void pair_json(const struct calibrated *c, size_t i, size_t k, void *data)
{
	struct json *j = data;

	json_object(j, NULL);
	json_text(j, "one", unknown_name(&c->belief, i));
	json_text(j, "other", unknown_name(&c->belief, k));
	json_number(j, "correlation", belief_correlation_ratio(&c->belief, i, k));
	json_text(j, "measure", measurement_for(unknown_name(&c->belief, i)));
	json_close(j);
}

void calibrate_json(const struct calibration_report *r, struct json *j)
{
	const struct calibrated *c = r->result;
	char digest[32];

	snprintf(digest, sizeof digest, "%016" PRIx64, c->digest);
	json_object(j, NULL);
	json_text(j, "machine", r->machine);
	json_text(j, "data", digest);
	json_text(j, "priors", r->priors);
	json_integer(j, "rows_count", (int64_t)c->n_rows);
	json_integer(j, "fitted_parameters", (int64_t)c->n_fitted);
	json_integer(j, "kernel_ratios", (int64_t)c->belief.n_kernels);
	json_number(j, "effective_parameters", c->effective_count);
	json_number(j, "fit_sd", c->fit_sd_ratio);
	json_number(j, "residual_sd", c->belief.residual_sd_ratio);
	json_number(j, "kernel_sd", c->belief.kernel_sd_ratio);
	json_integer(j, "starts", (int64_t)c->starts);
	json_integer(j, "starts_alike", (int64_t)c->n_starts_alike);
	parameters_json(r, j);
	kernels_json(c, j);
	json_array(j, "left_at_priors");
	for (size_t k = 0; k < c->n_untold; k++)
		json_text(j, NULL, c->belief.parameter[c->untold[k]].path);
	json_close(j);
	json_array(j, "not_told_apart");
	pairs_visit(c, pair_json, j);
	json_close(j);
	forecast_json(c->row, c->n_rows, "rows", j);
	accuracy_json(c->row, c->n_rows, "summary", j);
	if (c->n_left > 0) {
		json_text(j, "left_out_by", fold_names[r->fold]);
		forecast_json(c->left, c->n_left, "left_out_rows", j);
		accuracy_json(c->left, c->n_left, "left_out_summary", j);
	}
	json_close(j);
}
