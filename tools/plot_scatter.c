/* Scripts of the pictures that show all points: TTFT against TPOT, and throughput against TPOT. */
#include "tools/plot_script.h"

static const char *times_text(const struct plot *p)
{
	const struct workload *w = &p->sweep->config->workload;

	return arena_print(
	        p->arena,
	        "TTFT: a prompt of %.0f tokens on an idle prefill pool. TPOT: a full "
	        "decode batch at context %.0f. No waiting, no KV transfer between pools.",
	        workload_prompt_count(w), workload_context_count(w));
}

static const char *throughput_text(const struct plot *p)
{
	return arena_print(
	        p->arena,
	        "Throughput: output tokens over the NPUs of both pools, matched in rate. "
	        "Front: the most within each TPOT, of schedules within %smemory%s.",
	        p->ttft.budget_units > 0 ? "the TTFT budget and " : "",
	        p->sweep->config->sweep.budget.npus > 0 ? " and NPUs" : "");
}

/* ---- marks ---- */

static const struct class_style {
	const char *mark, *colour;
	double size_ratio, crowded_size_ratio; /* the second where points are many */
} styles[PLOT_CLASSES] = {
        [PLOT_LATE] = {"7", "faint(colour[$3])", 0.35, 0.18},
        [PLOT_NO_ROOM] = {"2", "pale(colour[$3])", 0.55, 0.38},
        [PLOT_FEASIBLE] = {"mark[$3]", "colour[$3]", 0.65, 0.4},
};

static void points_write(const struct plot *p, enum plot_class class, const char *table, FILE *out)
{
	enum { CROWD = 3000 };
	const struct class_style *style = &styles[class];
	bool crowded = p->n_priced > CROWD;

	if (p->n_by_class[class] == 0)
		return;
	fprintf(out, "\t\"%s\" index \"%s:\" using 1:2:(%s):(%s) \\\n", table,
	        plot_class_names[class], style->mark, style->colour);
	fprintf(out,
	        "\t\twith points pointtype variable pointsize %g linecolor rgb variable "
	        "notitle, \\\n",
	        crowded ? style->crowded_size_ratio : style->size_ratio);
}

/* ---- key ---- */

__attribute__((format(printf, 2, 3))) static void key_text(FILE *out, const char *fmt, ...)
{
	struct arena *a = arena_new();
	va_list ap;

	va_start(ap, fmt);
	gnuplot_string(arena_vprint(a, fmt, ap), out);
	va_end(ap);
	arena_free(a);
	fprintf(out, ", \\\n");
}

/* with_best: also the most throughput. */
static void key_flows(const struct plot *p, bool with_best, FILE *out)
{
	fprintf(out, "\tkeyentry title \"Feasible schedules\", \\\n");
	for (size_t i = 0; i < p->n_flows; i++) {
		fprintf(out,
		        "\tkeyentry with points pointtype %d pointsize 0.7 linecolor rgb %#08x "
		        "title ",
		        plot_flow_mark(p, i), (unsigned)plot_flow_colour(p, i));
		if (with_best && p->flow[i].fastest)
			key_text(out, "%s: %zu, best %s", p->flow[i].flow->name,
			         p->flow[i].n_feasible, plot_rate(p, p->flow[i].fastest));
		else
			key_text(out, "%s: %zu of %zu", p->flow[i].flow->name,
			         p->flow[i].n_feasible, p->flow[i].n_points);
	}
}

static void key_lines(FILE *out, const char *style, const char *text)
{
	fprintf(out, "\tkeyentry with %s title \"%s\", \\\n", style, text);
}

static const char *no_room_text(const struct plot *p)
{
	bool in_time = p->ttft.budget_units > 0 || p->tpot.budget_units > 0;
	bool npus = p->sweep->config->sweep.budget.npus > 0;

	return arena_print(p->arena, "%snot in memory%s", in_time ? "in time, " : "",
	                   npus ? " or NPUs" : "");
}

static void key_others(const struct plot *p, FILE *out)
{
	const size_t *n = p->n_by_class;

	if (n[PLOT_NO_ROOM] + n[PLOT_LATE] == 0)
		return;
	fprintf(out, "\tkeyentry title \" \", \\\n\tkeyentry title \"Not feasible (faint)\", \\\n");
	if (n[PLOT_NO_ROOM] > 0) {
		fprintf(out, "\tkeyentry with points pointtype 2 pointsize 0.55 "
		             "linecolor rgb \"#777777\" title ");
		key_text(out, "%s: %zu", no_room_text(p), n[PLOT_NO_ROOM]);
	}
	if (n[PLOT_LATE] > 0) {
		fprintf(out, "\tkeyentry with points pointtype 7 pointsize 0.35 "
		             "linecolor rgb \"#777777\" title ");
		key_text(out, "over a time budget: %zu", n[PLOT_LATE]);
	}
}

/* ---- scripts ---- */

static const char *const look[] = {
        "faint(rgb) = int(rgb) + 0xB0000000 # mostly transparent",
        "pale(rgb) = int(rgb) + 0x60000000",
        "set lmargin at screen 0.075",
        "set rmargin at screen 0.70",
        "set tmargin at screen 0.84",
        "set bmargin at screen 0.125",
        "set key at screen 0.775,0.85 left top Left reverse samplen 1.5 spacing 1.25 font font10",
        NULL};

static void scatter_head(const struct plot *p, const char *picture, const char *tables,
                         const char *foot, const struct plot_axis *x, const struct plot_axis *y,
                         FILE *out)
{
	struct gnuplot_head h = {picture,           tables, plot_title(p), plot_counts(p),
	                         plot_priced_by(p), foot};

	gnuplot_head(&h, out);
	plot_flows_write(p, out);
	gnuplot_lines(look, out);
	plot_axis_write(x, 'x', out);
	plot_axis_write(y, 'y', out);
}

/* Outlines of flows often lie on each other: the later, the thinner, so that all are seen. */
static double line_width(const struct plot *p, size_t at)
{
	return 1.4 + 1.1 * (double)(p->n_flows - 1 - at);
}

static void regions_write(const struct plot *p, bool filled, FILE *out)
{
	for (size_t i = 0; i < p->n_flows; i++) {
		if (p->flow[i].n_feasible == 0)
			continue;
		fprintf(out, "\t\"ttft_tpot_region.tsv\" index \"%s:\" using 1:2 with ",
		        p->flow[i].flow->name);
		if (filled)
			fprintf(out,
			        "filledcurves closed fillstyle transparent solid 0.10 noborder "
			        "fillcolor");
		else
			fprintf(out, "lines linewidth %g linecolor", line_width(p, i));
		fprintf(out, " rgb %#08x notitle, \\\n", (unsigned)plot_flow_colour(p, i));
	}
}

void plot_ttft_script(const struct plot *p, FILE *out)
{
	scatter_head(p, "ttft_tpot", "ttft_tpot.tsv and ttft_tpot_region.tsv", times_text(p),
	             &p->ttft, &p->tpot, out);
	plot_budget_write(p, &p->ttft, 'x', out);
	plot_budget_write(p, &p->tpot, 'y', out);
	fprintf(out, "\nplot \\\n");
	points_write(p, PLOT_LATE, "ttft_tpot.tsv", out);
	points_write(p, PLOT_NO_ROOM, "ttft_tpot.tsv", out);
	regions_write(p, true, out);
	points_write(p, PLOT_FEASIBLE, "ttft_tpot.tsv", out);
	regions_write(p, false, out);
	key_flows(p, false, out);
	if (p->sweep->n_feasible > 0)
		key_lines(out, "lines linewidth 2 linecolor rgb \"#777777\"",
		          "outline: limits that it can meet");
	key_others(p, out);
	fprintf(out, "\tNaN notitle\n");
}

static bool has_front(const struct flow_summary *f)
{
	return f->n_by_reason[REASON_NONE] + f->n_by_reason[REASON_TPOT] > 0;
}

static void fronts_write(const struct plot *p, FILE *out)
{
	for (size_t i = 0; i < p->n_flows; i++) {
		if (has_front(&p->flow[i]))
			fprintf(out,
			        "\t\"throughput_tpot_front.tsv\" index \"%s:\" using 1:2 with "
			        "steps linewidth %g linecolor rgb %#08x notitle, \\\n",
			        p->flow[i].flow->name, line_width(p, i),
			        (unsigned)plot_flow_colour(p, i));
	}
}

void plot_throughput_script(const struct plot *p, FILE *out)
{
	scatter_head(p, "throughput_tpot", "throughput_tpot.tsv and throughput_tpot_front.tsv",
	             throughput_text(p), &p->tpot, &p->throughput, out);
	plot_budget_write(p, &p->tpot, 'x', out);
	fprintf(out, "\nplot \\\n");
	points_write(p, PLOT_LATE, "throughput_tpot.tsv", out);
	points_write(p, PLOT_NO_ROOM, "throughput_tpot.tsv", out);
	points_write(p, PLOT_FEASIBLE, "throughput_tpot.tsv", out);
	fronts_write(p, out);
	key_flows(p, true, out);
	key_lines(out, "lines linewidth 2 linecolor rgb \"#777777\"", "front: most within a TPOT");
	key_others(p, out);
	fprintf(out, "\tNaN notitle\n");
}
