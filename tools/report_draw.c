/* The pictures of a page: gnuplot scripts that hold their data, drawn in a folder that goes away.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "models/base/rng.h"
#include "tools/plot_script.h"
#include "tools/report.h"
#include "tools/report_svg.h"
#include "tools/text.h"

enum { WIDTH = 640, HEIGHT = 430, BAR_HEIGHT = 44, BARS_ABOVE = 78, BARS_BELOW = 52 };

/* Frame of the scatter pictures, shares of the picture from its left and bottom. */
static const double left_ratio = 0.115, right_ratio = 0.975, bottom_ratio = 0.125, top_ratio = 0.84;

/* A picture in the making. */
struct drawing {
	struct report_case *c;
	struct plot plot;
	const char *dir;
	struct arena *arena;
};

/* ---- the head of a script ---- */

static void head_write(const char *name, int height, FILE *out)
{
	fprintf(out,
	        "set terminal svg noenhanced size %d,%d font \"sans-serif,13\"\n"
	        "set output \"%s.svg\"\n"
	        "set encoding utf8\nset datafile separator tab\nfont10 = \",12\"; font12 = "
	        "\",13\"\n"
	        "set border 3 linecolor rgb %#x\n"
	        "set tics nomirror textcolor rgb %#x\n"
	        "set grid linecolor rgb %#x linetype 1 linewidth 1\n",
	        WIDTH, height, name, (unsigned)svg_role_colour(SVG_QUIET),
	        (unsigned)svg_role_colour(SVG_INK), (unsigned)svg_role_colour(SVG_GRID));
}

/* ---- points ---- */

/* Points a few pixels apart, of each flow and kind: the first stands for those on its place. */
struct places {
	unsigned char *seen;
	int step; /* pixels */
};

/* Where there are many, fewer pixels tell them apart, and the page stays small. */
static int place_step(const struct drawing *d, bool feasible)
{
	enum { SOME = 1000, MANY = 20000 };
	size_t n = feasible ? d->c->sweep->n_feasible : d->c->points.n_of[CLASS_FITS];

	return 2 + (n > SOME) + (n > MANY);
}

static bool place_take(struct places *at, size_t flow, double x_ratio, double y_ratio)
{
	int columns = WIDTH / at->step + 1, rows = HEIGHT / at->step + 1;
	int x = (int)(x_ratio * WIDTH) / at->step, y = (int)(y_ratio * HEIGHT) / at->step;
	unsigned char *seen;

	if (x < 0 || y < 0 || x >= columns || y >= rows)
		return false;
	seen = &at->seen[(flow * (size_t)rows + (size_t)y) * (size_t)columns + (size_t)x];
	return *seen ? false : (*seen = 1, true);
}

/* Points that stand for their places; *which is freed by the caller. */
static size_t places_find(const struct drawing *d, bool feasible, const struct plot_axis *x,
                          const struct plot_axis *y, uint32_t **which)
{
	struct places at = {heap_zeroed(d->plot.n_flows * (WIDTH + 1) * (HEIGHT + 1), 1),
	                    place_step(d, feasible)};
	const struct sweep *s = d->c->sweep;
	size_t n = 0;

	*which = heap_zeroed(s->n_points + 1, sizeof **which);
	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *p = s->points + i;

		if (p->feasible == feasible && point_fits(p) &&
		    place_take(&at, feasible ? plot_flow_at(&d->plot, point_flow(p)) : 0,
		               plot_axis_ratio(x, x->value_units(p)),
		               plot_axis_ratio(y, y->value_units(p))))
			(*which)[n++] = (uint32_t)i;
	}
	free(at.seen);
	return n;
}

/* In a drawn order, so that no flow's marks all lie above another's. */
static void block_write(const struct drawing *d, bool feasible, const struct plot_axis *x,
                        const struct plot_axis *y, FILE *out)
{
	uint32_t *which;
	size_t n = places_find(d, feasible, x, y, &which);
	struct rng draw;

	rng_init(&draw, 0, 0);
	rng_shuffle(&draw, which, n);
	fprintf(out, "$%s << EOD\n", feasible ? "feasible" : "late");
	for (size_t i = 0; i < n; i++) {
		const struct sweep_point *p = d->c->sweep->points + which[i];
		size_t flow = plot_flow_at(&d->plot, point_flow(p));

		fprintf(out, "%.6g\t%.6g\t%d\t%u\n", x->value_units(p), y->value_units(p),
		        plot_mark(flow), (unsigned)svg_flow_colour(flow));
	}
	fprintf(out, "EOD\n");
	free(which);
}

/* The staircase of what a flow reaches at all, the TPOT budget set aside. */
static void front_write(const struct drawing *d, size_t flow, FILE *out)
{
	const struct plot *p = &d->plot;
	const struct sweep_point **front;
	size_t n = plot_front(p, p->flow[flow].flow, &p->tpot, &p->throughput, REASON_TPOT, &front);

	fprintf(out, "$front%zu << EOD\n", flow);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%.6g\t%.6g\n", p->tpot.value_units(front[i]),
		        p->throughput.value_units(front[i]));
	fprintf(out, "EOD\n");
	free(front);
}

static size_t late_count(const struct report_case *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->sweep->n_points; i++)
		n += !c->sweep->points[i].feasible && point_fits(c->sweep->points + i);
	return n;
}

static void key_write(const struct drawing *d, bool late, FILE *out)
{
	for (size_t i = 0; i < d->plot.n_flows; i++) {
		fprintf(out,
		        "\tkeyentry with points pointtype %d pointsize 0.8 linecolor rgb %#x "
		        "title ",
		        plot_mark(i), (unsigned)svg_flow_colour(i));
		gnuplot_string(d->plot.flow[i].flow->name, out);
		fprintf(out, ", \\\n");
	}
	if (late)
		fprintf(out,
		        "\tkeyentry with points pointtype 7 pointsize 0.4 linecolor rgb %#x title "
		        "\"misses a budget\", \\\n",
		        (unsigned)svg_role_colour(SVG_QUIET));
	fprintf(out, "\tNaN notitle\n");
}

/* The key has the marks alone: those of the points are small. */
static void marks_write(const struct drawing *d, bool with_front, FILE *out)
{
	const struct plot *p = &d->plot;
	enum { MANY = 1000 };
	bool late = late_count(d->c) > 0;

	fprintf(out, "plot \\\n");
	if (late)
		fprintf(out,
		        "\t$late using 1:2 with points pointtype 7 pointsize 0.18 linecolor rgb "
		        "%#x "
		        "notitle, \\\n",
		        (unsigned)svg_role_colour(SVG_QUIET));
	if (d->c->sweep->n_feasible > 0)
		fprintf(out,
		        "\t$feasible using 1:2:3:4 with points pointtype variable pointsize %g "
		        "linecolor rgb variable notitle, \\\n",
		        d->c->sweep->n_feasible > MANY ? 0.35 : 0.6);
	for (size_t i = 0; with_front && i < p->n_flows; i++) {
		if (p->flow[i].n_feasible + p->flow[i].n_by_reason[REASON_TPOT] > 0)
			fprintf(out,
			        "\t$front%zu with steps linewidth 1.5 linecolor rgb %#x notitle, "
			        "\\\n",
			        i, (unsigned)svg_flow_colour(i));
	}
	key_write(d, late, out);
}

static void budget_write(const struct plot_axis *axis, char which, const char *name, FILE *out)
{
	double at = axis->budget_units;

	if (!(at > axis->least_units) || at > axis->most_units)
		return;
	fprintf(out,
	        which == 'x' ? "set arrow from %.9g,graph 0 to %.9g,graph 1"
	                     : "set arrow from graph 0,first %.9g to graph 1,first %.9g",
	        at, at);
	fprintf(out, " nohead front dashtype 2 linewidth 1.5 linecolor rgb %#x\n",
	        (unsigned)svg_role_colour(SVG_BUDGET));
	fprintf(out,
	        which == 'x'
	                ? "set label \"%s budget\" at %.9g,graph 1.03 right offset 0,0"
	                : "set label \"%s budget\" at graph 0.995,first %.9g right offset 0,0.55",
	        name, at);
	fprintf(out, " front font font10 textcolor rgb %#x\n",
	        (unsigned)svg_role_colour(SVG_BUDGET));
}

static void scatter_write(const struct drawing *d, const char *name, const struct plot_axis *x,
                          const struct plot_axis *y, FILE *out)
{
	const struct plot *p = &d->plot;
	bool with_front = y == &p->throughput;

	head_write(name, HEIGHT, out);
	fprintf(out,
	        "set lmargin at screen %g\nset rmargin at screen %g\n"
	        "set bmargin at screen %g\nset tmargin at screen %g\n"
	        "set key at screen %g,0.985 left top horizontal Left reverse samplen 0.5 width 1 "
	        "font "
	        "font10\n",
	        left_ratio, right_ratio, bottom_ratio, top_ratio, left_ratio);
	plot_axis_write(x, 'x', out);
	plot_axis_write(y, 'y', out);
	budget_write(x, 'x', x == &p->ttft ? "TTFT" : "TPOT", out);
	if (!with_front)
		budget_write(y, 'y', "TPOT", out);
	block_write(d, false, x, y, out);
	block_write(d, true, x, y, out);
	for (size_t i = 0; with_front && i < p->n_flows; i++)
		front_write(d, i, out);
	marks_write(d, with_front, out);
}

/* How page.js finds a place in the picture: its frame in pixels, and the axes in SI. */
static const char *axis_attributes(const struct drawing *d, const struct plot_axis *axis,
                                   char which)
{
	const double per_si = axis == &d->plot.tpot ? 1e3 : 1; /* lint: a unit for print */
	const char *key = axis == &d->plot.ttft   ? "ttft_s"
	                  : axis == &d->plot.tpot ? "tpot_s"
	                                          : "tokens_per_s_per_npu";

	return arena_print(d->arena,
	                   " data-%c=\"%s\" data-%c-least=\"%.9g\" data-%c-most=\"%.9g\" "
	                   "data-%c-log=\"%d\"",
	                   which, key, which, axis->least_units / per_si, which,
	                   axis->most_units / per_si, which, axis->log);
}

static const char *scatter_attributes(const struct drawing *d, const struct plot_axis *x,
                                      const struct plot_axis *y)
{
	return arena_print(d->arena, " data-case=\"%zu\" data-frame=\"%.2f %.2f %.2f %.2f\"%s%s",
	                   d->c->number, left_ratio * WIDTH, (1 - top_ratio) * HEIGHT,
	                   right_ratio * WIDTH, (1 - bottom_ratio) * HEIGHT,
	                   axis_attributes(d, x, 'x'), axis_attributes(d, y, 'y'));
}

/* ---- bars ---- */

static const double *phases_of(const struct sweep_point *p, enum phase phase)
{
	return phase == PHASE_DECODE ? p->decode->phase_s : p->prefill->phase_s;
}

static double total_s(const struct sweep_point *p, enum phase phase)
{
	double sum_s = 0;

	for (size_t k = 0; p && step_phases[k]; k++)
		sum_s += phases_of(p, phase)[k];
	return sum_s;
}

static void bar_write(const struct plot_bar *bar, size_t at, enum phase phase, struct scale scale,
                      size_t *n, FILE *out)
{
	const double half = 0.36;
	double from = 0, y = (double)at + 1;

	for (size_t k = 0; bar->point && step_phases[k]; k++) {
		double width = phases_of(bar->point, phase)[k] * scale.per_si_units;

		if (!(width > 0))
			continue;
		fprintf(out,
		        "set object %zu rectangle from %.6g,%g to %.6g,%g front fillcolor rgb %#x "
		        "fillstyle solid 1 border linecolor rgb %#x linewidth 1\n",
		        ++*n, from, y - half, from + width, y + half, (unsigned)svg_phase_colour(k),
		        (unsigned)svg_role_colour(SVG_PAPER));
		from += width;
	}
	fprintf(out, "set label \"%.*f %s\" at %.6g,%g left offset 0.6,0 front font font10\n",
	        scale.digits, from, scale.unit, from, y);
}

static void bars_key(const struct plot_bar *bar, size_t n_bars, enum phase phase, FILE *out)
{
	fprintf(out, "plot NaN notitle");
	for (size_t k = 0; step_phases[k]; k++) {
		bool seen = false;

		for (size_t i = 0; i < n_bars; i++)
			seen = seen || (bar[i].point && phases_of(bar[i].point, phase)[k] > 0);
		if (seen)
			fprintf(out, ", \\\n\tkeyentry with boxes fillcolor rgb %#x title \"%s\"",
			        (unsigned)svg_phase_colour(k), step_phases[k]);
	}
	fprintf(out, "\n");
}

static int bars_height(const struct drawing *d)
{
	return BARS_ABOVE + BARS_BELOW + BAR_HEIGHT * (int)d->plot.n_flows;
}

static void bars_write(const struct drawing *d, const char *name, enum phase phase, FILE *out)
{
	struct plot_bar bar[MOST_SUMMARIES];
	const double room_ratio = 1.16; /* for the sums */
	size_t n_bars = d->plot.n_flows, n = 0;
	int height = bars_height(d);
	double most_s = 0;
	struct scale scale;

	plot_bars_best(&d->plot, bar);
	for (size_t i = 0; i < n_bars; i++)
		most_s = fmax(most_s, total_s(bar[i].point, phase));
	scale = scale_time(most_s);
	head_write(name, height, out);
	fprintf(out,
	        "set lmargin at screen 0.16\nset rmargin at screen 0.975\n"
	        "set bmargin at screen %g\nset tmargin at screen %g\n"
	        "set key at screen 0.01,0.985 left top horizontal Left reverse samplen 1 width 0.5 "
	        "maxrows 2 font font10\n"
	        "set style fill solid 1 noborder\nset grid noytics\nset tics scale 0.5\n",
	        (double)BARS_BELOW / height, 1 - (double)BARS_ABOVE / height);
	fprintf(out, "set xlabel \"%s (%s)\" font font12 offset 0,0.3\nset xrange [0:%.6g]\n",
	        phase == PHASE_DECODE ? "one decode step" : "one full prefill chunk", scale.unit,
	        most_s > 0 ? most_s * scale.per_si_units * room_ratio : 1);
	fprintf(out, "set yrange [%g:0.5]\nset ytics scale 0 (", (double)n_bars + 0.5);
	for (size_t i = 0; i < n_bars; i++) {
		fputs(i ? ", " : "", out);
		gnuplot_string(d->plot.flow[i].flow->name, out);
		fprintf(out, " %zu", i + 1);
	}
	fprintf(out, ")\n");
	for (size_t i = 0; i < n_bars; i++)
		bar_write(&bar[i], i, phase, scale, &n, out);
	bars_key(bar, n_bars, phase, out);
}

/* ---- all ---- */

static void fits_script(const struct drawing *d, FILE *out)
{
	scatter_write(d, "fits", &d->plot.ttft, &d->plot.tpot, out);
}

static void front_script(const struct drawing *d, FILE *out)
{
	scatter_write(d, "front", &d->plot.tpot, &d->plot.throughput, out);
}

static void decode_script(const struct drawing *d, FILE *out)
{
	bars_write(d, "decode", PHASE_DECODE, out);
}

static void prefill_script(const struct drawing *d, FILE *out)
{
	bars_write(d, "prefill", PHASE_PREFILL, out);
}

static const struct draw_row {
	const char *name, *title, *caption, *says;
	void (*script)(const struct drawing *d, FILE *out);
	bool bars;
} rows[REPORT_PICTURES] = {
        [PICTURE_FITS] = {"fits", "TTFT against TPOT",
                          "Each mark is a schedule that fits memory; the dashed lines are the "
                          "budgets. Below and left of both, all is feasible.",
                          "A scatter plot of the schedules that fit memory, by time to first token "
                          "and time per output token, with the two budgets as dashed lines. The "
                          "table of schedules has the same figures.",
                          fits_script, false},
        [PICTURE_FRONT] = {"front", "Throughput against TPOT",
                           "The steps are the most tokens/s/NPU that each flow reaches within a "
                           "TPOT, with the TTFT budget kept.",
                           "A scatter plot of the same schedules by time per output token and "
                           "output tokens per second and NPU, with the best of each flow as a "
                           "staircase. The table of the front has the same figures.",
                           front_script, false},
        [PICTURE_DECODE] = {"decode", "A decode step by phase",
                            "A decode step of each flow's best schedule.",
                            "Stacked bars, one for each flow, of the phases of a decode step. The "
                            "table below has the same figures.",
                            decode_script, true},
        [PICTURE_PREFILL] = {"prefill", "A prefill chunk by phase",
                             "A full prefill chunk of each flow's best schedule; chunks may differ "
                             "in size.",
                             "Stacked bars, one for each flow, of the phases of a prefill chunk. "
                             "The table below has the same figures.",
                             prefill_script, true},
};

static enum rc script_file(const struct drawing *d, const struct draw_row *row, struct err *e)
{
	const char *path = arena_print(d->arena, "%s/%s.gp", d->dir, row->name);
	FILE *out = fopen(path, "w");

	if (!out)
		return fail(e, RC_INTERNAL, "%s: %s", path, strerror(errno));
	row->script(d, out);
	return fclose(out) == 0 ? RC_OK : fail(e, RC_INTERNAL, "%s: %s", path, strerror(errno));
}

static const char *attributes_of(const struct drawing *d, size_t i)
{
	if (i == PICTURE_FITS)
		return scatter_attributes(d, &d->plot.ttft, &d->plot.tpot);
	return i == PICTURE_FRONT ? scatter_attributes(d, &d->plot.tpot, &d->plot.throughput) : "";
}

static enum rc one_draw(struct drawing *d, size_t i, bool *found, struct err *e)
{
	const struct draw_row *row = &rows[i];
	const char *script = arena_print(d->arena, "%s.gp", row->name);
	struct svg_words w = {.id = report_id(d->c, arena_print(d->arena, "picture-%s", row->name)),
	                      .title = row->title,
	                      .says = row->says,
	                      .attributes = attributes_of(d, i),
	                      .width = WIDTH,
	                      .height = row->bars ? bars_height(d) : HEIGHT};
	const char *svg = NULL;

	TRY(script_file(d, row, e));
	TRY(gnuplot_run(d->dir, (const char *const[]){"-d", script, NULL}, found, e));
	if (*found)
		TRY(svg_inline(arena_print(d->arena, "%s/%s.svg", d->dir, row->name), &w, d->arena,
		               &svg, e));
	d->c->picture[i] = (struct page_picture){w.id, row->caption, row->title, row->says, svg};
	return RC_OK;
}

/* Axes of what fits, so that what does not leaves it no less room. */
static void axes_fit(struct drawing *d)
{
	struct plot_axis *axis[] = {&d->plot.ttft, &d->plot.tpot, &d->plot.throughput};

	for (size_t k = 0; k < 3; k++) {
		double least = INFINITY, most = 0;

		for (size_t i = 0; i < d->c->sweep->n_points; i++) {
			const struct sweep_point *p = d->c->sweep->points + i;

			if (!point_fits(p))
				continue;
			least = fmin(least, axis[k]->value_units(p));
			most = fmax(most, axis[k]->value_units(p));
		}
		plot_axis_fit(axis[k], least, most);
	}
}

static void folder_remove(const struct drawing *d)
{
	for (size_t i = 0; i < REPORT_PICTURES; i++) {
		(void)unlink(arena_print(d->arena, "%s/%s.gp", d->dir, rows[i].name));
		(void)unlink(arena_print(d->arena, "%s/%s.svg", d->dir, rows[i].name));
	}
	(void)rmdir(d->dir);
}

enum rc report_draw(struct report_case *c, bool *found, struct err *e)
{
	const char *folder = getenv("TMPDIR");
	struct drawing d = {.c = c, .arena = c->arena};
	char *dir = arena_print(c->arena, "%s/epsim-report.XXXXXX", folder ? folder : "/tmp");
	enum rc rc = RC_OK;

	*found = true;
	if (c->points.n_fits == 0)
		return RC_OK;
	if (!mkdtemp(dir))
		return fail(e, RC_CONFIG, "%s: %s", dir, strerror(errno));
	d.dir = dir;
	plot_init(&d.plot, c->sweep, c->arena);
	axes_fit(&d);
	for (size_t i = 0; rc == RC_OK && *found && i < REPORT_PICTURES; i++)
		rc = one_draw(&d, i, found, e);
	folder_remove(&d);
	return rc;
}
