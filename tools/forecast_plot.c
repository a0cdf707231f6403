/* The picture of a validation: predicted against measured, and the error by EP. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "tools/observed.h"
#include "tools/plot_gnuplot.h"

static const char *const script[] = {
        "# gnuplot validate.gp",
        "set terminal pngcairo size 1500,700 noenhanced font \"DejaVu Sans,11\"",
        "set output \"validate.png\"",
        "set multiplot layout 1,2",
        "set grid back linecolor rgb \"#dddddd\"",
        "set key left top",
        "set title \"Predicted against measured, with 90 % intervals\"",
        "set logscale xy",
        "set xlabel \"measured, us\"",
        "set ylabel \"predicted, us\"",
        "plot x with lines linecolor rgb \"#777777\" title \"equal\", \\",
        "\t\"validate.tsv\" using 2:($1 == 0 ? $3 : NaN):4:5 with yerrorbars \\",
        "\t\tpointtype 7 linecolor rgb \"#0072b2\" title \"dispatch\", \\",
        "\t\"validate.tsv\" using 2:($1 == 1 ? $3 : NaN):4:5 with yerrorbars \\",
        "\t\tpointtype 5 linecolor rgb \"#d55e00\" title \"combine\"",
        "set title \"Error by EP\"",
        "unset logscale y",
        "set logscale x 2",
        "set offsets graph 0.1, graph 0.1, graph 0.05, graph 0.05", /* no point on a border */
        "set xlabel \"EP\"",
        "set ylabel \"predicted / measured - 1, %\"",
        "plot 0 with lines linecolor rgb \"#777777\" notitle, \\",
        "\t\"validate.tsv\" using ($6 * 0.97):($1 == 0 ? $7 : NaN) with points \\",
        "\t\tpointtype 7 linecolor rgb \"#0072b2\" title \"dispatch\", \\",
        "\t\"validate.tsv\" using ($6 * 1.03):($1 == 1 ? $7 : NaN) with points \\",
        "\t\tpointtype 5 linecolor rgb \"#d55e00\" title \"combine\"",
        "unset multiplot",
        NULL};

static void table_write(const struct forecast_row *row, size_t n, FILE *out)
{
	const double us = 1e6, percent = 100; /* lint: units of the picture */

	fprintf(out, "# op (0 dispatch)\tmeasured_us\tpredicted_us\tlow_us\thigh_us\tep\terror_%%"
	             "\n");
	for (size_t i = 0; i < n; i++) {
		if (!(row[i].o->measured_s > 0))
			continue;
		fprintf(out, "%d\t%.6g\t%.6g\t%.6g\t%.6g\t%lld\t%.4g\n", (int)row[i].o->op,
		        us * row[i].o->measured_s, us * row[i].f.expected_s, us * row[i].f.low_s,
		        us * row[i].f.high_s, (long long)row[i].o->ep,
		        percent * row[i].error_ratio);
	}
}

static enum rc file_open(const char *dir, const char *name, FILE **out, struct err *e)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	*out = fopen(path, "w");
	return *out ? RC_OK
	            : fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
}

static enum rc file_close(FILE *out, const char *name, struct err *e)
{
	int bad = ferror(out);

	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", name, strerror(errno));
	return RC_OK;
}

enum rc forecast_plot(const struct forecast_row *row, size_t n, const char *dir, FILE *log,
                      struct err *e)
{
	const char *const args[] = {"validate.gp", NULL};
	bool found;
	FILE *out;

	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		return fail(e, RC_CONFIG, "--plot %s: %s", dir, strerror(errno));
	TRY(file_open(dir, "validate.tsv", &out, e));
	table_write(row, n, out);
	TRY(file_close(out, "validate.tsv", e));
	TRY(file_open(dir, "validate.gp", &out, e));
	gnuplot_lines(script, out);
	TRY(file_close(out, "validate.gp", e));
	TRY(gnuplot_run(dir, args, &found, e));
	fprintf(log, "written to %s: validate.tsv, validate.gp%s\n", dir,
	        found ? ", validate.png" : " (no gnuplot here)");
	return RC_OK;
}
