/* Pictures of a plan: gnuplot scripts that need nothing but the tables beside them. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "tools/plan_job.h"
#include "tools/plot_gnuplot.h"
#include "tools/text.h"

enum { PERCENT = 100 };

static const char *title_of(const struct plan_job *j)
{
	struct arena *a = j->config->arena;
	const struct config *c = j->config;

	return arena_print(a, "%s on %s, %s", plot_name(a, c->model.name),
	                   plot_name(a, c->machine.name), plot_name(a, c->workload.name));
}

static const char *detail_of(const struct plan_job *j)
{
	const struct config *c = j->config;
	char ttft[TEXT_SIZE], tpot[TEXT_SIZE];

	return arena_print(
	        c->arena, "%.4g requests/s, TTFT %s and TPOT %s for %.4g %% of requests",
	        j->rate_count,
	        c->sweep.budget.ttft_s > 0 ? time_text(c->sweep.budget.ttft_s, ttft) : "any",
	        c->sweep.budget.tpot_s > 0 ? time_text(c->sweep.budget.tpot_s, tpot) : "any",
	        PERCENT * c->plan.within_ratio);
}

static void head_write(const struct plan_job *j, const char *picture, const char *subtitle,
                       FILE *out)
{
	gnuplot_head(
	        &(struct gnuplot_head){.picture = picture,
	                               .tables = arena_print(j->config->arena, "%s.csv", picture),
	                               .title = title_of(j),
	                               .subtitle = subtitle,
	                               .detail = detail_of(j),
	                               .foot = ""},
	        out);
	fprintf(out, "set datafile separator comma\n"
	             "set lmargin at screen 0.09\nset rmargin at screen 0.97\n"
	             "set tmargin at screen 0.86\nset bmargin at screen 0.12\n");
}

/* ---- attainment over the load ---- */

static void goodput_script(const struct plan_job *j, FILE *out)
{
	const struct plan_result *r = j->result;
	double within = PERCENT * r->of->config->plan.within_ratio;

	head_write(
	        j, "goodput",
	        arena_print(j->config->arena,
	                    "Requests within both limits, by the planned %lld NPUs at other loads",
	                    (long long)r->answer.plan.npus),
	        out);
	fprintf(out,
	        "set xlabel 'requests/s'\nset ylabel 'within both limits (%% of requests)'\n"
	        "set xrange [0:*]\nset yrange [0:105]\nunset key\n"
	        "set arrow from graph 0, first %.9g to graph 1, first %.9g nohead dashtype 2 "
	        "linecolor rgb '#555555'\n"
	        "set label 'wanted' at graph 0.01, first %.9g left offset 0,0.6 font font9\n"
	        "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead dashtype 3 "
	        "linecolor rgb '#555555'\n"
	        "set label 'planned' at first %.9g, graph 0.03 left offset 0.5,0 font font9\n",
	        within, within, within, r->answer.plan.rate_count, r->answer.plan.rate_count,
	        r->answer.plan.rate_count);
	if (isfinite(r->goodput_count))
		fprintf(out,
		        "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead "
		        "linewidth 2 linecolor rgb 0x%06x\n"
		        "set label 'goodput %.4g' at first %.9g, graph 0.09 left offset 0.5,0 font "
		        "font9\n",
		        r->goodput_count, r->goodput_count, plot_colour(2), r->goodput_count,
		        r->goodput_count);
	fprintf(out,
	        "plot 'goodput.csv' every ::1 using 1:3 with linespoints linewidth 2 pointtype 7 "
	        "pointsize 0.8 linecolor rgb 0x%06x\n",
	        plot_colour(1));
}

/* ---- NPUs over the load ---- */

static void growth_script(const struct plan_job *j, FILE *out)
{
	const struct plan_result *r = j->result;
	bool monthly = r->of->config->plan.growth.months > 0;
	double dies = (double)machine_dies(&r->of->config->machine), most = 0;

	for (size_t i = 0; i < r->n_stages; i++)
		most = fmax(most, (double)r->stage[i].answer.plan.npus);
	head_write(j, "growth", "NPUs as the load grows, each load planned anew", out);
	fprintf(out,
	        "set style data histograms\nset style histogram rowstacked\nset boxwidth 0.7\n"
	        "set style fill solid 0.85 border rgb 'white'\n"
	        "set ylabel 'NPUs'\nset yrange [0:%.9g]\nset key top left\n"
	        "set xlabel '%s' offset 0,-0.8\nset grid noxtics\n",
	        1.12 * most, monthly ? "month, and requests/s" : "load, and requests/s");
	if (dies <= 1.12 * most)
		fprintf(out,
		        "do for [i = 1:%d] { set arrow from graph 0, first i * %.9g to graph 1, "
		        "first i * %.9g nohead dashtype 2 linecolor rgb '#555555' }\n"
		        "set label 'one machine' at graph 0.005, first %.9g left offset 0,0.6 "
		        "front font "
		        "font9\n",
		        (int)(1.12 * most / dies), dies, dies, dies);
	fprintf(out,
	        "plot 'growth.csv' every ::1 using 4:xtic(sprintf(%s)) title 'prefill' linecolor "
	        "rgb 0x%06x, \\\n"
	        "\t'' every ::1 using 5 title 'decode' linecolor rgb 0x%06x, \\\n"
	        "\t'' every ::1 using 0:6:6 with labels offset 0,0.7 font font9 notitle\n",
	        monthly ? "\"%d\\n%.3g\", column(1), column(3)"
	                : "\"x%.3g\\n%.3g\", column(2), column(3)",
	        plot_colour(1), plot_colour(0));
}

/* ---- what the answer hangs on ---- */

static void tornado_script(const struct plan_job *j, FILE *out)
{
	const struct plan_result *r = j->result;
	size_t most = (size_t)r->of->config->plan.swings;
	size_t n = r->tornado.n < most ? r->tornado.n : most;

	head_write(
	        j, "tornado",
	        "NPUs, by throughput and before rounding, with each uncertain number one sd down "
	        "or up",
	        out);
	fprintf(out,
	        "set lmargin at screen 0.30\nset xlabel 'NPUs'\nset yrange [-0.5:%.9g]\n"
	        "set style fill solid 0.85 noborder\nset key bottom right\nset grid noytics\n"
	        "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead linewidth 1 "
	        "linecolor rgb '#222222' front\n",
	        (double)n - 0.5, r->tornado.npus_count, r->tornado.npus_count);
	fprintf(out,
	        "h = 0.36; top = %zu - 1\n"
	        "plot 'tornado.csv' every ::1::%zu using 4:(top - $0):3:4:(top - $0 - h):(top - $0 "
	        "+ "
	        "h):ytic(sprintf(\"%%s (%%g %%%%)\", stringcolumn(1), column(2))) with boxxyerror "
	        "linecolor rgb 0x%06x title 'one sd down', \\\n"
	        "\t'' every ::1::%zu using 4:(top - $0):4:5:(top - $0 - h):(top - $0 + h) with "
	        "boxxyerror linecolor rgb 0x%06x title 'one sd up'\n",
	        n, n, plot_colour(1), n, plot_colour(0));
}

/* ---- cases ---- */

static void cases_script(const struct plan_job *j, FILE *out)
{
	double most = 0;

	for (size_t i = 0; i < j->n; i++)
		most = fmax(most, (double)j->result[i].answer.plan.npus);
	head_write(j, "cases", "NPUs of each case", out);
	fprintf(out,
	        "set style data histograms\nset style histogram rowstacked\nset boxwidth 0.7\n"
	        "set style fill solid 0.85 border rgb 'white'\nset grid noxtics\n"
	        "set ylabel 'NPUs'\nset yrange [0:%.9g]\nset key top left\n%s"
	        "plot 'cases.csv' every ::1 using 2:xtic(1) title 'prefill' linecolor rgb 0x%06x, "
	        "\\\n\t'' every ::1 using 3 title 'decode' linecolor rgb 0x%06x, \\\n"
	        "\t'' every ::1 using 0:4:4 with labels offset 0,0.7 font font9 notitle, \\\n"
	        "\t'' every ::1 using 0:(0):(strcol(4) eq '' ? 'none' : '') with labels "
	        "offset 0,0.7 font font9 notitle\n",
	        1.15 * most,
	        j->n > 4 ? "set xtics rotate by -30\nset bmargin at screen 0.26\n"
	                   "set rmargin at screen 0.90\n"
	                 : "",
	        plot_colour(1), plot_colour(0));
}

/* ---- all of it ---- */

static const struct picture {
	const char *name;
	bool compares;
	void (*write)(const struct plan_job *j, FILE *out);
} pictures[] = {
        {"goodput", false, goodput_script},
        {"growth", false, growth_script},
        {"tornado", false, tornado_script},
        {"cases", true, cases_script},
        {0},
};

static bool is_empty(const struct plan_job *j, const struct picture *p)
{
	if (p->compares != plan_compares(j))
		return true;
	return p->write == tornado_script &&
	       (j->result->tornado.n == 0 || j->config->plan.swings == 0);
}

static enum rc script_write(const struct plan_job *j, const char *dir, const struct picture *p,
                            struct err *e)
{
	const char *path = arena_print(j->config->arena, "%s/%s.gp", dir, p->name);
	FILE *out = fopen(path, "w");
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	p->write(j, out);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	return RC_OK;
}

static enum rc draw(const struct plan_job *j, const char *dir, const struct picture *p, bool *found,
                    FILE *log, struct err *e)
{
	static const char *const forms[] = {"svg", "png", NULL};
	struct arena *a = j->config->arena;

	for (size_t k = 0; *found && forms[k]; k++) {
		const char *const args[] = {"-d", "-e", arena_print(a, "term='%s'", forms[k]),
		                            arena_print(a, "%s.gp", p->name), NULL};

		TRY(gnuplot_run(dir, args, found, e));
		if (*found)
			fprintf(log, "%s/%s.%s\n", dir, p->name, forms[k]);
	}
	return RC_OK;
}

enum rc plan_plot(const struct plan_job *j, const char *dir, FILE *log, struct err *e)
{
	bool found = true;

	for (const struct picture *p = pictures; p->name; p++) {
		if (is_empty(j, p))
			continue;
		TRY(script_write(j, dir, p, e));
		TRY(draw(j, dir, p, &found, log, e));
	}
	if (!found)
		fprintf(log, "no pictures: gnuplot is not in PATH; tables and scripts are there\n");
	return RC_OK;
}
