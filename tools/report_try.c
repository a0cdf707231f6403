/* What a reader of the page may try: data for page.js, sliders, and the table of all schedules. In
 * other forms the schedules are a plain table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tools/report.h"
#include "tools/text.h"

/* ---- columns of data: each value once, sorted, and for each schedule which ---- */

struct datum {
	const char *text;
	double value;
	size_t at; /* of the schedule */
};

static int by_value(const void *a, const void *b)
{
	const struct datum *x = a, *y = b;

	if (x->text && y->text && strcmp(x->text, y->text) != 0)
		return strcmp(x->text, y->text);
	if (x->value != y->value)
		return x->value < y->value || isnan(y->value) ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool alike(const struct datum *a, const struct datum *b)
{
	if (a->text)
		return strcmp(a->text, b->text) == 0;
	return a->value == b->value || (isnan(a->value) && isnan(b->value));
}

static void datum_write(const struct datum *d, FILE *out)
{
	char buf[32];

	if (d->text)
		script_text(d->text, out);
	else
		fputs(isfinite(d->value) ? number_text(d->value, buf) : "null", out);
}

/* NaN stands last. */
static void column_write(struct datum *d, size_t n, FILE *out)
{
	size_t *which = heap_zeroed(n + 1, sizeof *which), n_values = 0;

	qsort(d, n, sizeof *d, by_value);
	fputs("\"values\":[", out);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !alike(&d[i - 1], &d[i])) {
			fputs(n_values ? "," : "", out);
			datum_write(&d[i], out);
			n_values++;
		}
		which[d[i].at] = n_values - 1;
	}
	fputs("],\"at\":[", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%zu", i ? "," : "", which[i]);
	fputs("]", out);
	free(which);
}

struct column_form {
	const char *key, *title;
	bool number;
	struct scale scale;
};

static void column(const struct report_case *c, const struct column_form *f, struct datum *d,
                   FILE *out)
{
	fputs("{\"key\":", out);
	script_text(f->key, out);
	fputs(",\"title\":", out);
	script_text(f->title, out);
	fprintf(out, ",\"number\":%s,\"scale\":%g,\"digits\":%d,", f->number ? "true" : "false",
	        f->scale.per_si_units, f->scale.digits);
	column_write(d, c->points.n, out);
	fputs("}", out);
}

/* ---- which figures ---- */

static double npus_of(const struct report_case *c, const struct sweep_point *p)
{
	(void)c;
	return (double)point_npus(p);
}

static double row_of(const struct report_case *c, const struct sweep_point *p)
{
	return (double)(c->first_row + (size_t)(p - c->sweep->points));
}

static double ttft_of(const struct report_case *c, const struct sweep_point *p)
{
	(void)c;
	return point_priced(p) ? p->prefill->time_s : NAN;
}

static double tpot_of(const struct report_case *c, const struct sweep_point *p)
{
	(void)c;
	return point_priced(p) ? p->decode->time_s : NAN;
}

static double rate_of(const struct report_case *c, const struct sweep_point *p)
{
	(void)c;
	return point_priced(p) ? p->tokens_per_s_per_npu_count : NAN;
}

static double memory_of(const struct report_case *c, const struct sweep_point *p)
{
	(void)c;
	return point_priced(p) ? fmax(p->prefill->memory.total_bytes, p->decode->memory.total_bytes)
	                       : NAN;
}

static const char *verdict(const struct sweep_point *p)
{
	return p->pareto ? "on the front" : reason_words((enum reason)p->reason);
}

/* The figures beside the knobs. */
struct figure {
	struct column_form form;
	double (*value)(const struct report_case *c, const struct sweep_point *p);
};

enum { FIGURES = 6 };

static const char *titled(const struct report_case *c, const char *name, struct scale s)
{
	return arena_print(c->arena, "%s (%s)", name, s.unit);
}

static void figures(const struct report_case *c, struct figure out[FIGURES])
{
	const struct scale count = {"", 1, 0}, gb = {"GB", 1 / GB_BYTES, 1};
	const struct figure all[FIGURES] = {
	        {{"npus", "NPUs", true, count}, npus_of},
	        {{"ttft_s", titled(c, "TTFT", c->ttft), true, c->ttft}, ttft_of},
	        {{"tpot_s", titled(c, "TPOT", c->tpot), true, c->tpot}, tpot_of},
	        {{"tokens_per_s_per_npu", "tokens/s/NPU", true, c->rate}, rate_of},
	        {{"memory_bytes", "HBM (GB)", true, gb}, memory_of},
	        {{"row", "row", true, count}, row_of},
	};

	memcpy(out, all, sizeof all);
}

/* ---- JSON of a case ---- */

static void knob_data(const struct report_case *c, const struct report_knob *k, struct datum *d,
                      FILE *out)
{
	const struct column_form f = {k->key, k->title, k->number, {"", 1, 0}};

	for (size_t i = 0; i < c->points.n; i++) {
		const char *text = report_knob_text(k, c->points.list[i]);

		d[i] = k->number ? (struct datum){.value = strtod(text, NULL), .at = i}
		                 : (struct datum){.text = text, .at = i};
	}
	column(c, &f, d, out);
	fputs(",\n", out);
}

static void figure_data(const struct report_case *c, const struct figure *f, struct datum *d,
                        FILE *out)
{
	for (size_t i = 0; i < c->points.n; i++)
		d[i] = (struct datum){.value = f->value(c, c->points.list[i]), .at = i};
	column(c, &f->form, d, out);
	fputs(",\n", out);
}

static void verdict_data(const struct report_case *c, struct datum *d, FILE *out)
{
	const struct column_form f = {"verdict", "verdict", false, {"", 1, 0}};

	for (size_t i = 0; i < c->points.n; i++)
		d[i] = (struct datum){.text = verdict(c->points.list[i]), .at = i};
	column(c, &f, d, out);
}

/* Of those that fit: their places in the list, the best first. */
static void order_data(const struct report_case *c, FILE *out)
{
	size_t n = 0, low = 0;
	const struct sweep_point **order = heap_zeroed(c->points.n_fits + 1, sizeof *order);

	for (size_t i = 0; i < c->points.n; i++) {
		if (point_fits(c->points.list[i]))
			order[n++] = c->points.list[i];
	}
	CHECK(n == c->points.n_fits);
	qsort(order, n, sizeof *order, points_by_objective);
	fputs("],\n\"order\":[", out);
	for (size_t i = 0; i < n; i++) {
		size_t high = c->points.n;

		for (low = 0; low < high;) {
			size_t middle = (low + high) / 2;

			if (c->points.list[middle] < order[i])
				low = middle + 1;
			else
				high = middle;
		}
		fprintf(out, "%s%zu", i ? "," : "", low);
	}
	free(order);
}

static void data_write(const struct report_case *c, FILE *out)
{
	struct datum *d = heap_zeroed(c->points.n + 1, sizeof *d);
	const struct sweep_spec *spec = &c->config->sweep;
	struct figure f[FIGURES];
	char buf[3][32];

	figures(c, f);
	fprintf(out, "<script type=\"application/json\" class=\"data\" data-case=\"%zu\">\n",
	        c->number);
	fprintf(out,
	        "{\"budget\":{\"ttft_s\":%s,\"tpot_s\":%s,\"npus\":%s},\n\"all\":%s,\"columns\":["
	        "\n",
	        number_text(spec->budget.ttft_s, buf[0]), number_text(spec->budget.tpot_s, buf[1]),
	        number_text((double)spec->budget.npus, buf[2]),
	        c->points.n_shown[CLASS_FITS] == c->points.n_of[CLASS_FITS] ? "true" : "false");
	for (size_t i = 0; i < c->n_knobs; i++)
		knob_data(c, &c->knob[i], d, out);
	for (size_t i = 0; i < FIGURES; i++)
		figure_data(c, &f[i], d, out);
	verdict_data(c, d, out);
	order_data(c, out);
	fputs("]}\n</script>\n", out);
	free(d);
}

/* ---- the sliders ---- */

static void slider(const struct report_case *c, const char *key, const char *label, FILE *out)
{
	const char *id = report_id(c, key);

	fprintf(out,
	        "<p><label for=\"try-%s\">%s <output for=\"try-%s\"></output></label>"
	        "<input id=\"try-%s\" type=\"range\" name=\"%s\" min=\"0\" max=\"0\" "
	        "step=\"1\"></p>\n",
	        id, label, id, id, key);
}

void report_try(struct page *p, const struct report_case *c)
{
	FILE *out = p->out;

	if (!p->form->scripted || c->points.n_fits == 0)
		return;
	page_list_end(p);
	data_write(c, out);
	fprintf(out,
	        "<form class=\"try\" data-case=\"%zu\" autocomplete=\"off\" hidden>\n"
	        "<fieldset>\n<legend>What if the budgets were others?</legend>\n"
	        "<div class=\"sliders\">\n",
	        c->number);
	slider(c, "ttft_s", "TTFT at most", out);
	slider(c, "tpot_s", "TPOT at most", out);
	slider(c, "npus", "NPUs of a deployment at most", out);
	fputs("</div>\n<p class=\"found\" role=\"status\"></p>\n"
	      "<p><button type=\"button\" class=\"reset\">Back to the budgets asked</button></p>\n"
	      "</fieldset>\n</form>\n",
	      out);
}

/* ---- all schedules ---- */

static void choice_words(struct page *p, const struct report_case *c)
{
	const struct report_points *k = &c->points;
	bool all = k->n == c->sweep->n_points;

	if (all) {
		page_words(p, "All %s schedules of the sweep are here.",
		           count_text(p->arena, k->n));
		return;
	}
	page_words(p,
	           "Of %s schedules %s are here: of each kind as many as are named, evenly in the "
	           "sweep's order. epsim sweep FILE --csv prints all.",
	           count_text(p->arena, c->sweep->n_points), count_text(p->arena, k->n));
	for (enum point_class i = 0; i < POINT_CLASSES; i++) {
		if (k->n_of[i] > 0)
			page_item(p, "%s of %s %s", count_text(p->arena, k->n_shown[i]),
			          count_text(p->arena, k->n_of[i]), point_class_names[i]);
	}
}

static void table_by_script(struct page *p, const struct report_case *c)
{
	const char *id = report_id(c, "schedules");

	page_list_end(p);
	fprintf(p->out,
	        "<noscript><p>The table needs the page's script.</p></noscript>\n"
	        "<form class=\"list\" data-case=\"%zu\" autocomplete=\"off\" hidden>\n"
	        "<p><label for=\"%s-which\">Show</label> <select id=\"%s-which\">"
	        "<option value=\"within\">those within the sliders' budgets</option>"
	        "<option value=\"front\">those on the front</option>"
	        "<option value=\"all\">all</option></select> "
	        "<span class=\"shown\" role=\"status\"></span></p>\n",
	        c->number, id, id);
	fprintf(p->out,
	        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Schedules\">\n"
	        "<table id=\"%s-table\" class=\"made\"><caption>Schedules with their knobs and "
	        "figures; press a heading to sort</caption><thead></thead><tbody></tbody></table>\n"
	        "</div>\n<p><button type=\"button\" class=\"more\">More "
	        "rows</button></p>\n</form>\n",
	        id);
}

static void table_plain(struct page *p, const struct report_case *c)
{
	struct page_table t = {.id = report_id(c, "schedules-table"),
	                       .caption = "Schedules with their knobs and figures",
	                       .all = true};

	page_column(&t, "machine", "machine", false);
	page_column(&t, "model", "model", false);
	page_column(&t, "workload", "workload", false);
	page_column(&t, "row", "row", true);
	columns_add(&t, c);
	page_column(&t, "feasible", "feasible", true);
	page_column(&t, "pareto", "pareto", true);
	page_column(&t, "reason", "reason", false);
	page_column(&t, "why", "why", false);
	page_table(p, &t);
	for (size_t i = 0; i < c->points.n; i++) {
		const struct sweep_point *at = c->points.list[i];
		char why[WHY_SIZE];

		page_cell(p, "%s", c->config->machine.name);
		page_cell(p, "%s", c->config->model.name);
		page_cell(p, "%s", c->config->workload.name);
		page_count(p, (size_t)row_of(c, at));
		columns_cells(p, c, at);
		page_count(p, at->feasible);
		page_count(p, at->pareto);
		page_cell(p, "%s", reason_name((enum reason)at->reason));
		page_cell(p, "%s", point_why(at, why));
		page_row_end(p);
	}
	page_table_end(p);
}

void report_schedules(struct page *p, const struct report_case *c)
{
	report_section(p, c, "schedules", "Schedules");
	choice_words(p, c);
	if (p->form->scripted && c->points.n_fits > 0)
		table_by_script(p, c);
	else if (!p->form->scripted && p->form != &page_markdown)
		table_plain(p, c);
	else if (!p->form->scripted)
		page_words(p, "They are in the forms html, csv and json.");
}
