/* The two panels of the pictures of phases: their lines of gnuplot. */
#include <string.h>
#include "tools/plot_script.h"

enum { COLUMNS_BEFORE_PHASES = 3 }; /* of the table */

/* Communication is warm, compute is cool and grey. A phase that is not listed is grey too. */
static const struct phase_look {
	const char *phase;
	uint32_t colour;
	const char *ink; /* of numbers on it */
} looks[] = {
        {"attention", 0x0072B2, "#ffffff"}, {"exchange", 0xCC79A7, "#000000"},
        {"gate", 0x009E73, "#ffffff"},      {"dispatch", 0xD55E00, "#ffffff"},
        {"expert", 0x56B4E9, "#000000"},    {"combine", 0xE69F00, "#000000"},
        {"dense", 0xA6C8B8, "#000000"},     {"head", 0x666666, "#ffffff"},
        {NULL, 0xBBBBBB, "#000000"},
};

static const struct phase_look *look_of(const char *phase)
{
	const struct phase_look *look = looks;

	while (look->phase && strcmp(look->phase, phase) != 0)
		look++;
	return look;
}

static bool phase_seen(const struct plot_bar *bar, size_t n, size_t phase)
{
	for (size_t i = 0; i < n; i++) {
		if (bar[i].point && (bar[i].point->decode->phase_s[phase] > 0 ||
		                     bar[i].point->prefill->phase_s[phase] > 0))
			return true;
	}
	return false;
}

/* ---- a panel ---- */

static double total_s(const double *phase_s)
{
	double sum_s = 0;

	for (size_t k = 0; step_phases[k]; k++)
		sum_s += phase_s[k];
	return sum_s;
}

/* End of the axis, with room for the numbers on top. */
static double top_ms_units(const struct plot_bar *bar, size_t n, bool decode)
{
	const double room_ratio = 1.18;
	double most_s = 0;

	for (size_t i = 0; i < n; i++) {
		const struct sweep_point *at = bar[i].point;
		double bar_s =
		        !at ? 0 : total_s(decode ? at->decode->phase_s : at->prefill->phase_s);

		most_s = bar_s > most_s ? bar_s : most_s;
	}
	return most_s > 0 ? most_s * 1000 * room_ratio : 1; /* lint: a unit for print */
}

static void panel_plot(const struct plot *p, const struct plot_bar *bar, const char *table,
                       bool decode, FILE *out)
{
	const char *index = decode ? "decode" : "prefill";

	fprintf(out, "plot \\\n");
	for (size_t k = 0; step_phases[k]; k++) {
		size_t column = k + COLUMNS_BEFORE_PHASES + 1;
		const struct phase_look *look = look_of(step_phases[k]);

		if (!phase_seen(bar, p->n_flows, k))
			continue;
		fprintf(out,
		        "\t\"%s\" index \"%s:\" using 1:(0):($1-wide):($1+wide):(low(%zu)):"
		        "(low(%zu)) \\\n"
		        "\t\twith boxxyerror fillcolor rgb \"#%06X\" notitle, \\\n",
		        table, index, column, column + 1, (unsigned)look->colour);
		fprintf(out,
		        "\t\"\" index \"%s:\" using 1:(low(%zu)+$%zu/2):(inside($%zu)) \\\n"
		        "\t\twith labels font font9 textcolor rgb \"%s\" notitle, \\\n",
		        index, column, column, column, look->ink);
	}
	fprintf(out, "\t\"\" index \"%s:\" using 1:(low(end)):(%s) \\\n", index,
	        decode ? "number(low(end))" : "with_token(low(end), $3)");
	fprintf(out, "\t\twith labels offset 0,%s font font10 notitle", decode ? "0.8" : "1.5");
}

/* From the top of the bars down. */
static void key_write(const struct plot *p, const struct plot_bar *bar, FILE *out)
{
	size_t n = 0;

	while (step_phases[n])
		n++;
	for (size_t k = n; k-- > 0;) {
		if (phase_seen(bar, p->n_flows, k))
			fprintf(out,
			        ", \\\n\tkeyentry with boxes fillcolor rgb \"#%06X\" title \"%s\"",
			        (unsigned)look_of(step_phases[k])->colour, step_phases[k]);
	}
}

/* Functions of a row of the table; `top` is the end of the axis. */
static const char *const look[] = {
        "low(k) = k > 4 ? sum [i=4:k-1] column(i) : 0 # of the phases below column k",
        "number(v) = v >= 100 ? sprintf(\"%.0f\", v) : sprintf(v >= 10 ? \"%.1f\" : \"%.2f\", v)",
        "inside(v) = v > (with_schedule ? 0.038 : 0.03) * top ? number(v) : \"\"",
        "with_token(v, tokens) = sprintf(\"%s\\n(%.3g ms a token)\", number(v), v / tokens)",
        "wide = 0.36",
        "set style fill solid 1 border rgb \"#ffffff\"",
        "set grid noxtics",
        "set key off",
        "set bmargin at screen (with_schedule ? 0.285 : 0.175)",
        "set tmargin at screen 0.80",
        "set multiplot",
        NULL};

static void panel_write(const struct plot *p, const struct plot_bar *bar, const char *table,
                        bool decode, FILE *out)
{
	double top = top_ms_units(bar, p->n_flows, decode);

	fprintf(out, "\nset lmargin at screen %s\nset rmargin at screen %s\n",
	        decode ? "0.065" : "0.515", decode ? "0.42" : "0.87");
	fprintf(out, "set title \"%s\" font font12\n",
	        decode ? "Decode: one step" : "Prefill: one full chunk");
	fprintf(out, "set ylabel \"%s\" font font12\n", decode ? "ms per step" : "ms per chunk");
	fprintf(out, "top = %.6g\nset yrange [0:top]\n", top);
	if (!decode)
		fprintf(out, "do for [i=1:4] { unset label i }\nset key at "
		             "screen 0.885,0.81 left top Left reverse "
		             "samplen 1.5 spacing 1.3 font font10\n");
	panel_plot(p, bar, table, decode, out);
	if (!decode)
		key_write(p, bar, out);
	fprintf(out, "\n");
}

void plot_panels_write(const struct plot *p, const struct plot_bar *bar, const char *table,
                       bool with_schedule, FILE *out)
{
	size_t n_phases = 0;

	while (step_phases[n_phases])
		n_phases++;
	fprintf(out, "end = %zu # column after the last phase\nwith_schedule = %d\n",
	        COLUMNS_BEFORE_PHASES + n_phases + 1, with_schedule);
	gnuplot_lines(look, out);
	panel_write(p, bar, table, true, out);
	panel_write(p, bar, table, false, out);
	fprintf(out, "unset multiplot\n");
}
