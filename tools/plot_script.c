#include "tools/plot_script.h"
#include <math.h>
#include "models/base/quantity.h"

/* ---- words ---- */

const char *plot_title(const struct plot *p)
{
	const struct config *c = p->sweep->config;

	return arena_print(p->arena, "%s on %s, workload %s", plot_name(p->arena, c->model.name),
	                   plot_name(p->arena, c->machine.name),
	                   plot_name(p->arena, c->workload.name));
}

/* "; impossible in shape and not shown: direct 180" */
static const char *shapes_text(const struct plot *p)
{
	const char *text = "";

	for (size_t i = 0; i < p->n_flows; i++) {
		size_t n = p->flow[i].n_by_reason[REASON_SHAPE];

		if (n > 0)
			text = arena_print(p->arena, "%s%s %s %zu", text,
			                   *text ? "," : "; impossible in shape and not shown:",
			                   p->flow[i].flow->name, n);
	}
	return text;
}

const char *plot_counts(const struct plot *p)
{
	size_t n = p->sweep->n_points;
	const char *text = arena_print(p->arena, "%zu schedule%s; feasible:", n, n == 1 ? "" : "s");

	for (size_t i = 0; i < p->n_flows; i++)
		text = arena_print(p->arena, "%s%s %s %zu", text, i ? "," : "",
		                   p->flow[i].flow->name, p->flow[i].n_feasible);
	return arena_print(p->arena, "%s%s", text, shapes_text(p));
}

const char *plot_priced_by(const struct plot *p)
{
	const struct sweep *s = p->sweep;

	return arena_print(p->arena, "Engine %s, routing %s", s->engine->name,
	                   routing_kind_name(s->config->routing.kind));
}

const char *plot_rate(const struct plot *p, const struct sweep_point *point)
{
	double rate = point->tokens_per_s_per_npu_count;

	return arena_print(p->arena, rate < 100 ? "%.1f" : "%.0f", rate);
}

/* ---- flows ---- */

static size_t flow_row(const struct plot *p, size_t at)
{
	size_t i = 0;

	while (flows[i] && flows[i] != p->flow[at].flow)
		i++;
	return i;
}

uint32_t plot_flow_colour(const struct plot *p, size_t at)
{
	return plot_colour(flow_row(p, at));
}

int plot_flow_mark(const struct plot *p, size_t at)
{
	return plot_mark(flow_row(p, at));
}

void plot_flows_write(const struct plot *p, FILE *out)
{
	fprintf(out, "# by flow_number of the tables\narray colour[%zu] = [", p->n_flows);
	for (size_t i = 0; i < p->n_flows; i++)
		fprintf(out, "%s0x%06X", i ? ", " : "", (unsigned)plot_flow_colour(p, i));
	fprintf(out, "]\narray mark[%zu] = [", p->n_flows);
	for (size_t i = 0; i < p->n_flows; i++)
		fprintf(out, "%s%d", i ? ", " : "", plot_flow_mark(p, i));
	fprintf(out, "]\n");
}

/* ---- axes ---- */

/* 1 2 3 5 7, 1 2 5 or 1 of each decade. */
static void log_tics(const struct plot_axis *axis, char which, FILE *out)
{
	static const double steps[] = {1, 2, 5, 3, 7};
	double least = axis->least_units, most = axis->most_units;
	double decades = log10(most / least);
	size_t n_steps = decades < 2 ? 5 : decades < 4 ? 3 : 1;
	const char *comma = "";

	fprintf(out, "set logscale %c\nset %ctics (", which, which);
	for (int k = (int)floor(log10(least)); k <= log10(most); k++) {
		for (size_t i = 0; i < n_steps; i++) {
			double at = steps[i] * pow(10, k); /* lint: decades of an axis */

			if (at < least || at > most)
				continue;
			fprintf(out, "%s%.6g", comma, at);
			comma = ", ";
		}
	}
	fprintf(out, ")\n");
}

void plot_axis_write(const struct plot_axis *axis, char which, FILE *out)
{
	fprintf(out, "set %clabel \"%s%s\" font font12%s\n", which, axis->title,
	        axis->log ? ", log scale" : "", which == 'x' ? " offset 0,0.4" : "");
	fprintf(out, "set %crange [%.6g:%.6g]\n", which, axis->least_units, axis->most_units);
	if (axis->log)
		log_tics(axis, which, out);
}

/* Beside the frame: over its top, or at its right. Along: "first 5" or "graph 1". */
static void budget_label(char which, const char *text, const char *along, const char *align,
                         FILE *out)
{
	fprintf(out, "set label ");
	gnuplot_string(text, out);
	if (which == 'x')
		fprintf(out, " at %s,graph 1.02 %s font font10\n", along, align);
	else
		fprintf(out, " at graph 1.008,%s left font font10\n", along);
}

static void budget_far(const struct plot_axis *axis, char which, const char *text, FILE *out)
{
	if (axis->budget_units > axis->most_units)
		budget_label(which, text, which == 'x' ? "graph 1" : "graph 0.98", "right", out);
	else
		budget_label(which, text, which == 'x' ? "graph 0" : "graph 0.06", "left", out);
}

static void budget_near(const struct plot_axis *axis, char which, const char *text, FILE *out)
{
	double at = axis->budget_units;
	char along[64];

	snprintf(along, sizeof along, "first %.6g", at);
	budget_label(which, text, along, "center", out);
	if (which == 'x')
		fprintf(out, "set arrow from %s,graph 0 to %s,graph 1", along, along);
	else
		fprintf(out, "set arrow from graph 0,%s to graph 1,%s", along, along);
	fprintf(out, " nohead front dashtype 2 linewidth 1.5 linecolor rgb \"#333333\"\n");
}

void plot_budget_write(const struct plot *p, const struct plot_axis *axis, char which, FILE *out)
{
	const struct sweep_spec *spec = &p->sweep->config->sweep;
	bool is_ttft = axis == &p->ttft;
	char value[32], gap = which == 'x' ? ' ' : '\n';
	const char *text;

	if (!(axis->budget_units > 0))
		return;
	quantity_human(is_ttft ? spec->budget.ttft_s : spec->budget.tpot_s, DIM_TIME, 3, value,
	               sizeof value);
	text = arena_print(p->arena, "%s budget%c%s", is_ttft ? "TTFT" : "TPOT", gap, value);
	if (axis->budget_shown)
		budget_near(axis, which, text, out);
	else
		budget_far(axis, which, arena_print(p->arena, "%s%c(off axis)", text, gap), out);
}
