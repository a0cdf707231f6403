/* Pictures of `epsim serve`: distributions, timeline, load curve. Tables with their columns in a
 * comment, and gnuplot scripts that need nothing but these. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tools/plot_gnuplot.h"
#include "tools/serve_request.h"

enum { CURVE_POINTS = 12, SERVED_POINT = 6 }; /* that one is at the rate that was asked */

struct curve_point {
	double rate_count, ttft_s, ttft_p90_s, tpot_s, tpot_p90_s, attainment_ratio;
};

struct serve_pictures {
	struct serve_job *job;
	struct arena *arena;
	struct curve_point curve[CURVE_POINTS];
	double served_rate_count;
	double span_s; /* of the load curve */
};

/* ---- tables ---------------------------------------------------------------------------------- */

/* At most this many rows: percentiles evenly spaced. */
enum { CDF_ROWS = 500 };

static void cdf_block(const struct serve_job *j, enum latency_kind kind, const char *name,
                      double unit, FILE *out) /* unit: seconds in one */
{
	double *value;
	size_t n = latency_values(&j->list, &j->result, serve_job_span(j), kind, &value);

	fprintf(out, "\n\n# %s\n", name);
	for (int i = 0; n > 0 && i <= CDF_ROWS; i++) {
		double share = (double)i / CDF_ROWS;

		fprintf(out, "%.9g\t%.9g\n", percentile_units(value, n, share) / unit, share);
	}
	free(value);
}

static void cdf_table(const struct serve_pictures *p, FILE *out)
{
	const struct gap_histogram *h = &p->job->result.gaps;

	fprintf(out, "# Shares of requests, and of gaps between tokens, up to a time.\n"
	             "# columns: time (TTFT in s, the others in ms)\tshare\n");
	cdf_block(p->job, LATENCY_TTFT, "TTFT", 1, out);
	cdf_block(p->job, LATENCY_TPOT, "TPOT", 1e-3, out);
	fprintf(out, "\n\n# ITL\n");
	for (int i = 0; h->n > 0 && i <= CDF_ROWS; i++) {
		double share = (double)i / CDF_ROWS;

		fprintf(out, "%.9g\t%.9g\n", gaps_percentile_s(h, share) / 1e-3, share);
	}
}

enum { KV_BLOCK = 2, BLOCKS = 4 };

static const struct gauge *gauge_of(const struct serve_result *r, int block)
{
	const struct gauge *const gauges[BLOCKS] = {&r->waiting, &r->running, &r->kv_use,
	                                            &r->output};

	return gauges[block];
}

static void timeline_table(const struct serve_pictures *p, FILE *out)
{
	const struct serve_result *r = &p->job->result;

	fprintf(out, "# Means over spans of time.\n"
	             "# columns: time_s\tmean (four blocks: waiting, running, KV use in percent, "
	             "output tokens a second)\n");
	for (int block = 0; block < BLOCKS; block++) {
		const struct gauge *g = gauge_of(r, block);

		fprintf(out, "\n\n# block %d\n", block);
		for (size_t i = 0; i < gauge_spans(g); i++)
			fprintf(out, "%.9g\t%.9g\n", (double)i * g->span_s,
			        gauge_span_mean(g, i) * (block == KV_BLOCK ? 100 : 1));
	}
}

static void curve_table(const struct serve_pictures *p, FILE *out)
{
	fprintf(out, "# The same requests at other rates.\n"
	             "# columns: rate_per_s\tttft_mean_s\tttft_p90_s\ttpot_mean_ms\ttpot_p90_ms\t"
	             "attainment_percent\n");
	for (int i = 0; i < CURVE_POINTS; i++) {
		const struct curve_point *c = &p->curve[i];

		fprintf(out, "%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\n", c->rate_count, c->ttft_s,
		        c->ttft_p90_s, 1e3 * c->tpot_s, 1e3 * c->tpot_p90_s,
		        100 * c->attainment_ratio);
	}
}

/* ---- scripts --------------------------------------------------------------------------------- */

static const char *title_of(const struct serve_pictures *p)
{
	const struct config *c = p->job->config;

	return arena_print(p->arena, "%s on %s, %s, %lld NPUs", plot_name(p->arena, c->model.name),
	                   plot_name(p->arena, c->machine.name), c->schedule.flow,
	                   (long long)p->job->deployment.npus);
}

static const char *detail_of(const struct serve_pictures *p)
{
	const struct serve_job *j = p->job;
	const struct serving_spec *s = &j->config->serving;

	return arena_print(p->arena, "%zu requests of %s, arrivals %s; %s, router %s",
	                   j->summary.requests, plot_name(p->arena, j->config->workload.name),
	                   j->process->name, s->batching, s->router);
}

static const char *curve_detail_of(const struct serve_pictures *p)
{
	const struct serve_job *j = p->job;

	return arena_print(p->arena,
	                   "%s, arrivals %s over %.3g s or more, first and last eighth left out; "
	                   "%s, router %s",
	                   plot_name(p->arena, j->config->workload.name), j->process->name,
	                   p->span_s, j->config->serving.batching, j->config->serving.router);
}

static void head_write(const struct serve_pictures *p, const char *picture, const char *subtitle,
                       const char *detail, FILE *out)
{
	gnuplot_head(&(struct gnuplot_head){.picture = picture,
	                                    .tables = arena_print(p->arena, "%s.tsv", picture),
	                                    .title = title_of(p),
	                                    .subtitle = subtitle,
	                                    .detail = detail,
	                                    .foot = ""},
	             out);
}

static const char *const panel_lines[] = {
        "set grid linecolor rgb '#dddddd' linewidth 1 dashtype 1",
        "set border 3 linecolor rgb '#555555'",
        "set tics nomirror scale 0.5",
        "unset key",
        NULL,
};

static void panel_place(int at, int of, FILE *out)
{
	double width = 0.94 / of, left = 0.06 + width * at;

	fprintf(out, "set lmargin at screen %.3f\nset rmargin at screen %.3f\n", left,
	        left + width - 0.07);
	fprintf(out, "set tmargin at screen 0.82\nset bmargin at screen 0.13\n");
}

/* The range of an axis, and a dashed line at a limit that is near enough to be on it. */
static void limit_write(char axis, double most_units, double limit_units,
                        FILE *out) /* unit: axis */
{
	bool shown = limit_units > 0 && limit_units <= 2 * most_units;
	double end = shown ? fmax(most_units, 1.05 * limit_units) : most_units;

	fprintf(out, "unset arrow\n");
	if (end > 0)
		fprintf(out, "set %crange [0:%.9g]\n", axis, end);
	else
		fprintf(out, "set %crange [0:*]\n", axis);
	if (shown && axis == 'x')
		fprintf(out, "set arrow from first %.9g, graph 0 to first %.9g, graph 1",
		        limit_units, limit_units);
	else if (shown)
		fprintf(out, "set arrow from graph 0, first %.9g to graph 1, first %.9g",
		        limit_units, limit_units);
	if (shown)
		fprintf(out, " nohead dashtype 2 linecolor rgb '#555555'\n");
}

/* "TTFT (s)", and the limit in words where it is far off. */
static const char *limit_title(const struct serve_pictures *p, const char *title, double most_units,
                               double limit_units) /* unit: of the axis */
{
	if (!(limit_units > 2 * most_units))
		return title;
	return arena_print(p->arena, "%s; the limit of %.4g is off the scale", title, limit_units);
}

/* A third of the range or less, in round numbers. */
static double tic_step(double most_units) /* unit: of the axis */
{
	double third = most_units / 3, ten = third > 0 ? pow(10, floor(log10(third))) : 1;

	return third / ten >= 5 ? 5 * ten : third / ten >= 2 ? 2 * ten : ten;
}

static void cdf_script(const struct serve_pictures *p, FILE *out)
{
	static const char *const titles[] = {"TTFT (s)", "TPOT (ms)", "gap between tokens (ms)"};
	const struct serve_summary *s = &p->job->summary;
	double limits[] = {p->job->slo.ttft_s, 1e3 * p->job->slo.tpot_s, 0};
	double most[] = {s->ttft.most_s, 1e3 * s->tpot.most_s,
	                 1e3 * gaps_percentile_s(&p->job->result.gaps, 1)};

	head_write(p, "distributions", "Share of requests within a time; dashed: the limit",
	           detail_of(p), out);
	gnuplot_lines(panel_lines, out);
	fprintf(out, "set multiplot\nset yrange [0:1]\nset format y '%%.1f'\n");
	for (int i = 0; i < 3; i++) {
		panel_place(i, 3, out);
		limit_write('x', most[i], limits[i], out);
		gnuplot_assign("name", limit_title(p, titles[i], most[i], limits[i]), out);
		fprintf(out, "set xlabel name\n");
		fprintf(out,
		        "plot 'distributions.tsv' index %d using 1:2 with lines linewidth 2 "
		        "linecolor rgb 0x%06x\n",
		        i, plot_colour((size_t)i));
	}
	fprintf(out, "unset multiplot\n");
}

/* A line for each thing that happens to ranks; their names where `named`. */
static void marks_write(const struct serve_pictures *p, bool named, FILE *out)
{
	const struct serve_failures *f = &p->job->result.failures;

	for (size_t i = 0; i < f->n_marks; i++) {
		const struct serve_mark *m = &f->mark[i];

		if (m->kind == MARK_OUT || m->kind == MARK_WARMING)
			continue; /* the same moment as others */
		fprintf(out,
		        "set arrow %zu from first %.9g, graph 0 to first %.9g, graph 1 nohead "
		        "dashtype 3 linecolor rgb '#555555'\n",
		        i + 1, m->at_s, m->at_s);
		if (named)
			fprintf(out,
			        "set label %zu '%s' at first %.9g, graph 0.05 rotate by 90 "
			        "offset 0.5,0 font ',7' textcolor rgb '#333333'\n",
			        i + 1, serve_mark_names[m->kind], m->at_s);
	}
}

static void timeline_script(const struct serve_pictures *p, FILE *out)
{
	static const char *const titles[] = {"requests waiting", "requests running",
	                                     "KV memory (%)", "output (tokens/s)"};

	head_write(p, "timeline", "Requests, memory and output over time (s)", detail_of(p), out);
	gnuplot_lines(panel_lines, out);
	fprintf(out, "set multiplot\nset yrange [0:*]\nset xrange [0:*]\n");
	for (int i = 0; i < BLOCKS; i++) {
		const struct gauge *g = gauge_of(&p->job->result, i);
		double top = 0.82 - 0.18 * i, most = 0;

		for (size_t k = 0; k < gauge_spans(g); k++)
			most = fmax(most, gauge_span_mean(g, k) * (i == KV_BLOCK ? 100 : 1));

		fprintf(out, "set lmargin at screen 0.10\nset rmargin at screen 0.97\n");
		marks_write(p, i == BLOCKS - 1, out);
		fprintf(out, "set tmargin at screen %.3f\nset bmargin at screen %.3f\n", top,
		        top - 0.125);
		gnuplot_assign("name", titles[i], out);
		fprintf(out, "set title name offset 0,-0.7 font ',9'\nset ytics %.9g\n",
		        tic_step(most));
		fprintf(out, i < BLOCKS - 1 ? "set format x ''\n"
		                            : "set format x '%%g'\nset xlabel 'time (s)'\n");
		fprintf(out,
		        "plot 'timeline.tsv' index %d using 1:2 with steps linewidth 1.5 "
		        "linecolor rgb 0x%06x\n",
		        i, plot_colour((size_t)i));
	}
	fprintf(out, "unset multiplot\n");
}

static void curve_panel(const struct serve_pictures *p, int at, const char *title, int mean,
                        int p90, double limit_units, FILE *out)
{ /* limit_units: of the y axis */
	double most = 0;

	for (int i = 0; i < CURVE_POINTS; i++)
		most = fmax(most, at == 0 ? fmax(p->curve[i].ttft_s, p->curve[i].ttft_p90_s)
		                          : 1e3 * fmax(p->curve[i].tpot_s, p->curve[i].tpot_p90_s));
	if (at == 2)
		most = 105;
	panel_place(at, 3, out);
	limit_write('y', 1.02 * most, limit_units, out);
	gnuplot_assign("name", limit_title(p, title, most, limit_units), out);
	fprintf(out, "set xlabel 'requests/s'\nset title name offset 0,-0.5\n");
	fprintf(out,
	        "plot 'load.tsv' using 1:%d with linespoints linewidth 2 pointtype 7 "
	        "pointsize 0.6 linecolor rgb 0x%06x title 'mean'",
	        mean, plot_colour((size_t)at));
	if (p90 > 0)
		fprintf(out,
		        ", '' using 1:%d with linespoints linewidth 1 dashtype 3 pointtype 6 "
		        "pointsize 0.6 linecolor rgb 0x%06x title 'P90'",
		        p90, plot_colour((size_t)at));
	fprintf(out, "\n");
}

static void curve_script(const struct serve_pictures *p, FILE *out)
{
	head_write(p, "load", "Means (solid) and P90 (dotted) at other rates; dashed: the limits",
	           curve_detail_of(p), out);
	gnuplot_lines(panel_lines, out);
	fprintf(out, "set multiplot\nset xrange [0:*]\n");
	curve_panel(p, 0, "TTFT (s)", 2, 3, p->job->slo.ttft_s, out);
	curve_panel(p, 1, "TPOT (ms)", 4, 5, 1e3 * p->job->slo.tpot_s, out);
	curve_panel(p, 2, "within both limits (% of requests)", 6, 0, 0, out);
	fprintf(out, "unset multiplot\n");
}

static const struct picture_file {
	const char *name;
	void (*write)(const struct serve_pictures *p, FILE *out);
} files[] = {
        {"distributions.tsv", cdf_table},
        {"distributions.gp", cdf_script},
        {"timeline.tsv", timeline_table},
        {"timeline.gp", timeline_script},
        {"load.tsv", curve_table},
        {"load.gp", curve_script},
        {0},
};
static const char *const pictures[] = {"distributions", "timeline", "load", NULL};
static const char *const forms[] = {"svg", "png", NULL};

/* ---- all of it ------------------------------------------------------------------------------- */

static enum rc file_write(const struct serve_pictures *p, const char *dir,
                          const struct picture_file *f, struct err *e)
{
	const char *path = arena_print(p->arena, "%s/%s", dir, f->name);
	FILE *out = fopen(path, "w");
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "--plot %s: cannot be written: %s", path,
		            strerror(errno));
	f->write(p, out);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "--plot %s: cannot be written: %s", path,
		            strerror(errno));
	return RC_OK;
}

/* How long arrivals last at every point at least: as in the run that was served, or eight times as
 * long as a request takes there. Requests of the first and last eighth find a system that fills or
 * empties, and are left out: else short runs at high rates would look better than they are. */
enum { TRIMMED = 8 };

static double curve_span_s(const struct serve_pictures *p)
{
	const struct serve_job *j = p->job;

	return fmax((double)j->n_requests / p->served_rate_count, TRIMMED * j->summary.e2e.mean_s);
}

static enum rc curve_point_run(struct serve_pictures *p, double span_s, struct curve_point *c,
                               struct err *e)
{
	const struct serve_summary *s = &p->job->summary;
	struct serve_job *j = p->job;
	size_t n = j->n_requests, warmup = j->warmup, cooldown = j->cooldown;
	enum rc rc;

	j->n_requests = (size_t)fmin(fmax((double)n, span_s * c->rate_count), INT32_MAX);
	j->warmup = j->cooldown = j->n_requests / TRIMMED;
	rc = serve_job_run(j, c->rate_count, false, e);
	j->n_requests = n, j->warmup = warmup, j->cooldown = cooldown;
	c->ttft_s = s->ttft.mean_s, c->ttft_p90_s = s->ttft.p90_s;
	c->tpot_s = s->tpot.mean_s, c->tpot_p90_s = s->tpot.p90_s;
	c->attainment_ratio = s->attainment_ratio;
	return rc;
}

/* From a sixth of the served rate to twice that rate. */
static enum rc curve_run(struct serve_pictures *p, struct err *e)
{
	p->span_s = curve_span_s(p);
	if (!(p->served_rate_count > 0))
		return fail(e, RC_CONFIG, "--plot: a load curve needs more than one request");
	for (int i = 0; i < CURVE_POINTS; i++) {
		p->curve[i].rate_count = p->served_rate_count * (i + 1) / SERVED_POINT;
		TRY(curve_point_run(p, p->span_s, &p->curve[i], e));
	}
	return RC_OK;
}

static enum rc draw(const struct serve_pictures *p, const char *dir, FILE *log, struct err *e)
{
	bool found = true;

	fprintf(log, "\n");
	for (size_t i = 0; found && pictures[i]; i++) {
		for (size_t k = 0; found && forms[k]; k++) {
			const char *const args[] = {
			        "-d", "-e", arena_print(p->arena, "term='%s'", forms[k]),
			        arena_print(p->arena, "%s.gp", pictures[i]), NULL};

			TRY(gnuplot_run(dir, args, &found, e));
			if (found)
				fprintf(log, "%s/%s.%s\n", dir, pictures[i], forms[k]);
		}
	}
	if (!found)
		fprintf(log, "no pictures: gnuplot is not in PATH; tables and scripts are there\n");
	return RC_OK;
}

static enum rc plot_all(struct serve_pictures *p, const char *dir, FILE *log, struct err *e)
{
	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		return fail(e, RC_CONFIG, "--plot %s: %s", dir, strerror(errno));
	for (size_t i = 0; i < 4; i++)
		TRY(file_write(p, dir, &files[i], e));
	TRY(curve_run(p, e));
	for (size_t i = 4; files[i].name; i++)
		TRY(file_write(p, dir, &files[i], e));
	return draw(p, dir, log, e);
}

enum rc serve_plot(struct serve_job *j, const char *dir, FILE *log, struct err *e)
{
	struct serve_pictures p = {.job = j, .arena = arena_new()};
	enum rc rc;

	p.served_rate_count = j->summary.offered_rate_count;
	rc = plot_all(&p, dir, log, e);
	arena_free(p.arena);
	return rc;
}
