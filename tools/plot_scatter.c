/* Scripts of the pictures that show all points: TTFT against TPOT, and TPOT against throughput. */
#include <math.h>
#include "tools/plot_data.h"
#include "tools/plot_gnuplot.h"

/* ---- words ---- */

const char *plot_title(const struct plot *p)
{
	const struct config *c = p->sweep->config;

	return arena_print(p->arena, "%s on %s, workload %s", plot_name(p->arena, c->model.name),
	                   plot_name(p->arena, c->machine.name),
	                   plot_name(p->arena, c->workload.name));
}

/* "; of direct 180 impossible in shape" */
static const char *shapes_text(const struct plot *p)
{
	const char *text = "";

	for (size_t i = 0; i < p->n_flows; i++) {
		if (p->flow[i].n_by_reason[REASON_SHAPE] > 0)
			text = arena_print(p->arena, "%s%s %s %zu", text,
			                   *text ? "," : ". Impossible in shape, not shown:",
			                   p->flow[i].flow->name,
			                   p->flow[i].n_by_reason[REASON_SHAPE]);
	}
	return text;
}

static const char *counts_text(const struct plot *p)
{
	const struct sweep *s = p->sweep;
	const char *flows = "";

	for (size_t i = 0; i < p->n_flows; i++)
		flows = arena_print(p->arena, "%s%s%s %zu", flows, i ? ", " : "",
		                    p->flow[i].flow->name, p->flow[i].n_feasible);
	return arena_print(p->arena,
	                   "%zu schedules, %zu feasible: %s. Engine %s, routing %s%s",
	                   s->n_points, s->n_feasible, flows, s->engine->name,
	                   routing_kind_name(s->config->routing.kind), shapes_text(p));
}

static const char *foot_text(const struct plot *p)
{
	const struct workload *w = &p->sweep->config->workload;

	return arena_print(p->arena,
	                   "TTFT: a prompt of %.0f tokens on an idle prefill pool. TPOT: a full "
	                   "decode batch at context %.0f. Without waiting and KV transfer between "
	                   "the pools.",
	                   workload_prompt_count(w), workload_context_count(w));
}

/* ---- axes ---- */

/* 1 2 3 5 7, 1 2 5 or 1 of each decade. */
static void log_tics(const struct plot_axis *axis, char which, FILE *out)
{
	static const double steps[] = {1, 2, 5, 3, 7};
	double decades = log10(axis->most_units / axis->least_units);
	size_t n_steps = decades < 2 ? 5 : decades < 4 ? 3 : 1;
	const char *comma = "";

	fprintf(out, "set logscale %c\nset %ctics (", which, which);
	for (int k = (int)floor(log10(axis->least_units)); k <= log10(axis->most_units); k++) {
		for (size_t i = 0; i < n_steps; i++) {
			double at = steps[i] * pow(10, k); /* lint: decades of an axis */

			if (at < axis->least_units || at > axis->most_units)
				continue;
			fprintf(out, "%s%.6g", comma, at);
			comma = ", ";
		}
	}
	fprintf(out, ")\n");
}

static void axis_write(const struct plot_axis *axis, char which, FILE *out)
{
	fprintf(out, "set %clabel \"%s\" font size(12)\n", which, axis->title);
	fprintf(out, "set %crange [%.6g:%.6g]\n", which, axis->least_units, axis->most_units);
	if (axis->log)
		log_tics(axis, which, out);
}

/* A dashed line with its value beside the frame. */
static void budget_write(const struct plot_axis *axis, char which, const char *what, FILE *out)
{
	const char *unit = which == 'x' ? "s" : "ms";
	double at = axis->budget_units;

	if (!axis->budget_shown)
		return;
	(void)what, (void)unit, (void)at, (void)out;
}

/* ---- points ---- */

static void flows_write(const struct plot *p, FILE *out)
{
	fprintf(out, "# of flow 1, 2, ...\narray colour[%zu] = [", p->n_flows);
	for (size_t i = 0; i < p->n_flows; i++)
		fprintf(out, "%s0x%06X", i ? ", " : "", plot_flow_colour(p, i));
}
