/* A calibrated machine as a file: the old text with new values in place. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tools/calibrate_report.h"

/* Text that is edited in place. */
struct text {
	char *at;
	size_t n;
};

static void splice(struct text *t, size_t from, size_t to, const char *with)
{
	size_t n_with = strlen(with), tail = t->n - to;
	char *out = heap_zeroed(from + n_with + tail + 1, 1);

	memcpy(out, t->at, from);
	memcpy(out + from, with, n_with);
	memcpy(out + from + n_with, t->at + to, tail);
	free(t->at);
	t->at = out, t->n = from + n_with + tail;
}

static enum rc text_read(const char *path, struct text *t, struct err *e)
{
	FILE *in = fopen(path, "rb");
	size_t room = 4096, got;

	if (!in)
		return fail(e, RC_CONFIG, "%s: cannot be opened: %s", path, strerror(errno));
	*t = (struct text){heap_zeroed(room + 1, 1), 0};
	while ((got = fread(t->at + t->n, 1, room - t->n, in)) > 0) {
		t->n += got;
		room *= t->n == room ? 2 : 1;
		t->at = heap_resize(t->at, room + 1, 1);
	}
	t->at[t->n] = '\0';
	fclose(in);
	return RC_OK;
}

/* The line after this one, or the end. */
static size_t line_after(const struct text *t, size_t at)
{
	const char *end = memchr(t->at + at, '\n', t->n - at);

	return end ? (size_t)(end - t->at) + 1 : t->n;
}

static size_t indent_of(const struct text *t, size_t line)
{
	return strspn(t->at + line, " ");
}

static bool is_text(const struct text *t, size_t line)
{
	char first = t->at[line + indent_of(t, line)];

	return first != '\n' && first != '\r' && first != '\0' && first != '#';
}

/* First line from `from` on, before anything less indented, that is "key:" at that indent; t->n:
 * none. */
static size_t key_line(const struct text *t, size_t from, size_t indent, const char *key)
{
	size_t n_key = strlen(key);

	for (size_t line = from; line < t->n; line = line_after(t, line)) {
		const char *start = t->at + line + indent;

		if (!is_text(t, line))
			continue;
		if (indent_of(t, line) < indent)
			return t->n;
		if (indent_of(t, line) == indent && strncmp(start, key, n_key) == 0 &&
		    start[n_key] == ':')
			return line;
	}
	return t->n;
}

/* The value's place in the file: after "key:" of a path like "fabric.put" in section machine. */
static bool value_find(const struct text *t, const char *path, size_t *at)
{
	size_t line = key_line(t, 0, 0, "machine"), indent = 0;
	char part[64];

	while (line < t->n) {
		size_t n_part = strcspn(path, "."), below;

		below = line_after(t, line);
		while (below < t->n && !is_text(t, below))
			below = line_after(t, below);
		if (below >= t->n || indent_of(t, below) <= indent || n_part >= sizeof part)
			return false;
		indent = indent_of(t, below);
		memcpy(part, path, n_part);
		part[n_part] = '\0';
		line = key_line(t, below, indent, part);
		if (line < t->n && !path[n_part]) {
			*at = line + indent + n_part + 1;
			*at += strspn(t->at + *at, " ");
			return true;
		}
		path += n_part + 1;
	}
	return false;
}

/* End of the scalar or quoted text at `at`, inside a map on however many lines. */
static size_t scalar_end(const struct text *t, size_t at)
{
	if (t->at[at] == '"') {
		for (at++; at < t->n && t->at[at] != '"'; at++)
			at += t->at[at] == '\\';
		return at + 1;
	}
	while (at < t->n && !strchr(",}\n", t->at[at]))
		at++;
	return at;
}

/* Place of a key's value in the map that opens at `open`; 0: it has no such key. *end: of the map.
 */
static size_t map_find(const struct text *t, size_t open, const char *key, size_t *end)
{
	size_t at = open + 1, found = 0;

	while (at < t->n && t->at[at] != '}') {
		size_t start, n_key;

		at += strspn(t->at + at, " ,\r\n");
		start = at;
		n_key = strcspn(t->at + at, ":}");
		at += n_key;
		if (t->at[at] != ':')
			break;
		at += 1 + strspn(t->at + at + 1, " \r\n");
		if (strlen(key) == n_key && memcmp(t->at + start, key, n_key) == 0)
			found = at;
		at = scalar_end(t, at);
		at += strspn(t->at + at, " \r\n");
	}
	*end = at;
	return found;
}

static void map_set(struct text *t, size_t open, const char *key, const char *value)
{
	char entry[128];
	size_t end, at = map_find(t, open, key, &end);

	if (at > 0) {
		splice(t, at, scalar_end(t, at), value);
		return;
	}
	/* after the value, where the annotations start */
	at = map_find(t, open, "value", &end);
	at = scalar_end(t, at);
	snprintf(entry, sizeof entry, ", %s: %s", key, value);
	splice(t, at, at, entry);
}

static void map_drop(struct text *t, size_t open, const char *key)
{
	size_t end, at = map_find(t, open, key, &end), from = at;

	if (at == 0)
		return;
	while (from > open && t->at[from] != ',')
		from--;
	end = scalar_end(t, at);
	if (from == open) { /* the first: its comma follows */
		from++;
		end += strspn(t->at + end, " ,");
	}
	splice(t, from, end, "");
}

/* Without the blank that separates figure and unit for people. */
static const char *figure_text(double value, enum dim dim, char *buf, size_t size)
{
	char *out = buf;

	quantity_human(value, dim, 5, buf, size);
	for (const char *in = buf; *in; in++) {
		if (*in != ' ')
			*out++ = *in;
	}
	*out = '\0';
	return buf;
}

/* To the bit, in a handier form where that is exact as well. */
static const char *exact_text(double value, enum dim dim, char *buf, size_t size)
{
	double back = 0;
	struct err e;

	figure_text(value, dim, buf, size);
	if (quantity_parse(buf, dim, &back, &e) == RC_OK && back == value)
		return buf;
	return quantity_exact(value, dim, buf, size);
}

static void share_text(double ratio, char *buf, size_t size)
{
	snprintf(buf, size, "%.3g%%", 100 * ratio);
}

static bool parameter_patch(struct text *t, const struct parameter *p)
{
	char text[64];
	size_t at;

	if (!value_find(t, p->path, &at) || t->at[at] != '{')
		return false;
	share_text(p->prior_sd_ratio, text, sizeof text);
	map_set(t, at, "prior_sd", text);
	map_set(t, at, "prior", exact_text(p->prior_units, p->field->dim, text, sizeof text));
	share_text(p->sd_ratio, text, sizeof text);
	map_set(t, at, "sd", text);
	map_set(t, at, "value", figure_text(p->value_units, p->field->dim, text, sizeof text));
	return true;
}

/* The parameter stands at its prior, and no earlier one is told beside it: a calibration with these
 * rows again begins there. */
static void prior_restore(struct text *t, const struct parameter *p)
{
	char text[64];
	size_t at, end;

	if (!value_find(t, p->path, &at) || t->at[at] != '{' || !map_find(t, at, "prior", &end))
		return;
	map_drop(t, at, "prior");
	map_drop(t, at, "prior_sd");
	share_text(p->prior_sd_ratio, text, sizeof text);
	map_set(t, at, "sd", text);
	map_set(t, at, "value", exact_text(p->prior_units, p->field->dim, text, sizeof text));
}

static bool has_moved(const struct parameter *p, const struct machine *was)
{
	return fabs(p->value_units / parameter_get_units(p, was) - 1) > 0x1p-40;
}

/* What these rows hardly tell, or do not depend on, stands at its prior again, whatever other rows
 * once made of it: its figures here are as if those had not been. */
static void priors_restore(struct text *t, const struct calibrated *r, const struct machine *was)
{
	for (size_t i = 0; i < r->n_untold; i++)
		prior_restore(t, &r->belief.parameter[r->untold[i]]);
	for (size_t i = 0; i < r->n_idle; i++) {
		const struct parameter *p = &r->belief.parameter[r->idle[i]];

		if (has_moved(p, was))
			prior_restore(t, p);
	}
}

/* ---- the calibration section ----------------------------------------------------------------- */

static void quoted(const char *text, FILE *out)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

static void range_write(const char *key, const struct field_list *range, FILE *out)
{
	fprintf(out, "    %s: [%.0f, %.0f]\n", key, range->number[0], range->number[1]);
}

/* The i-th unknown of the file: fitted parameters, then kernels. */
static size_t unknown_at(const struct calibrated *c, size_t i)
{
	return i < c->n_fitted ? c->fitted[i] : c->belief.n + i - c->n_fitted;
}

static void correlations_write(const struct calibrated *c, FILE *out)
{
	size_t n = c->n_fitted + c->belief.n_kernels;

	fputs("    correlations:\n", out);
	for (size_t i = 0; i < n; i++) {
		fputs("      - \"", out);
		for (size_t j = 0; j < i; j++) {
			double r = belief_correlation_ratio(&c->belief, unknown_at(c, i),
			                                    unknown_at(c, j));

			fprintf(out, "%s%.3g", j ? " " : "", fabs(r) < 0x1p-10 ? 0 : r);
		}
		fputs("\"\n", out);
	}
}

static void kernels_write(const struct calibrated *c, FILE *out)
{
	const struct belief *b = &c->belief;
	size_t n = b->n + b->n_kernels;

	fputs("    kernels:\n", out);
	for (size_t k = 0; k < b->n_kernels; k++) {
		fputs("      - ", out);
		quoted(b->kernel[k], out);
		putc('\n', out);
	}
	fputs("    kernel_ratios: [", out);
	for (size_t k = 0; k < b->n_kernels; k++)
		fprintf(out, "%s%.5g", k ? ", " : "", exp(b->kernel_log_ratio[k]));
	fputs("]\n    kernel_sds: [", out);
	for (size_t k = 0; k < b->n_kernels; k++)
		fprintf(out, "%s%.4g", k ? ", " : "",
		        sqrt(b->covariance_units[(b->n + k) * (n + 1)]));
	fputs("]\n", out);
}

static void section_write(const struct calibrated *c, const char *command, FILE *out)
{
	const struct calibration *r = &c->range;

	fputs("\n  # written by `epsim calibrate`; sim/CALIBRATION.md tells what it means\n"
	      "  calibration:\n    command: ",
	      out);
	quoted(command, out);
	fprintf(out,
	        "\n    data: \"%016" PRIx64 "\"\n"
	        "    rows: {value: %zu, source: \"derived: ",
	        c->digest, c->n_rows);
	if (c->n_joint_rows > c->n_rows)
		fprintf(out, "this machine's rows of that data, which has %zu\"}\n",
		        c->n_joint_rows);
	else
		fputs("rows of that data\"}\n", out);
	fprintf(out, "    residual_sd: {value: %.4g%%, source: \"derived: by this calibration\"}\n",
	        100 * c->belief.residual_sd_ratio);
	fprintf(out, "    kernel_sd: {value: %.4g%%, source: \"derived: by this calibration\"}\n",
	        100 * c->belief.kernel_sd_ratio);
	fputs("    flows: [", out);
	for (size_t i = 0; i < r->flows.n; i++)
		fprintf(out, "%s%s", i ? ", " : "", r->flows.text[i]);
	fputs("]\n", out);
	range_write("ep", &r->ep, out);
	range_write("tokens", &r->tokens, out);
	range_write("hidden", &r->hidden, out);
	kernels_write(c, out);
	fputs("    parameters: [", out);
	for (size_t i = 0; i < c->n_fitted; i++)
		fprintf(out, "%s%s", i ? ", " : "", c->belief.parameter[c->fitted[i]].path);
	fputs("]\n", out);
	correlations_write(c, out);
}

/* Takes out a calibration section with the comments and blanks right before it. */
static void section_drop(struct text *t)
{
	size_t top = key_line(t, 0, 0, "machine"), from, to, line;

	if (top >= t->n)
		return;
	line = line_after(t, top);
	from = key_line(t, line, 2, "calibration");
	if (from >= t->n)
		return;
	to = line_after(t, from);
	while (to < t->n && (!is_text(t, to) || indent_of(t, to) > 2))
		to = line_after(t, to);
	for (size_t last = from, at = line; at < from; at = line_after(t, at)) {
		if (is_text(t, at))
			last = line_after(t, at);
		if (line_after(t, at) >= from)
			from = last;
	}
	splice(t, from, to, "");
}

/* ---- the file -------------------------------------------------------------------------------- */

/* The file that holds the machine, without the line after it. */
static enum rc old_text(const struct config *c, struct text *t, struct err *e)
{
	const char *where = c->where[SECTION_MACHINE], *colon = strrchr(where, ':');
	char path[4096];

	snprintf(path, sizeof path, "%.*s", (int)(colon ? (size_t)(colon - where) : strlen(where)),
	         where);
	return text_read(path, t, e);
}

static enum rc text_make(const struct config *c, const struct calibrated *r, struct text *t,
                         struct err *e)
{
	TRY(old_text(c, t, e));
	priors_restore(t, r, &c->machine);
	for (size_t i = 0; i < r->n_fitted; i++) {
		const struct parameter *p = &r->belief.parameter[r->fitted[i]];

		if (!parameter_patch(t, p))
			return fail(e, RC_CONFIG,
			            "%s: machine.%s is not written as {value: ..., sd: ...} there, "
			            "so that its calibrated value has no place",
			            c->where[SECTION_MACHINE], p->path);
	}
	section_drop(t);
	return RC_OK;
}

/* What was written must be what was meant, but for rounding. */
static enum rc file_check(const struct calibrated *r, const char *path, struct err *e)
{
	struct config *c = config_new();
	enum rc rc = config_section(c, SECTION_MACHINE, path, e);

	for (size_t i = 0; rc == RC_OK && i < r->belief.n; i++) {
		const struct parameter *p = &r->belief.parameter[i];
		double got = parameter_get_units(p, &c->machine);

		if (fabs(got / p->value_units - 1) > 0x1p-10)
			rc = fail(e, RC_INTERNAL, "%s: machine.%s reads back otherwise", path,
			          p->path);
	}
	config_free(c);
	return rc;
}

enum rc machine_write(const struct config *c, const struct calibrated *result, const char *command,
                      const char *path, struct err *e)
{
	struct text t = {0};
	enum rc rc = text_make(c, result, &t, e);
	FILE *out;
	int bad;

	if (rc == RC_OK) {
		out = fopen(path, "w");
		if (!out) {
			free(t.at);
			return fail(e, RC_CONFIG, "--out %s: %s", path, strerror(errno));
		}
		fwrite(t.at, 1, t.n, out);
		section_write(result, command, out);
		bad = ferror(out);
		if (fclose(out) != 0 || bad)
			rc = fail(e, RC_CONFIG, "--out %s: cannot be written", path);
	}
	free(t.at);
	return rc == RC_OK ? file_check(result, path, e) : rc;
}
