#include "tools/plot_data.h"
#include <math.h>
#include <stdlib.h>

const char *const plot_class_names[PLOT_CLASSES] = {"late", "no room", "feasible"};

static double ttft_s(const struct sweep_point *p)
{
	return p->prefill->time_s;
}

static double tpot_ms_units(const struct sweep_point *p)
{
	return p->decode->time_s * 1000; /* lint: a unit for print */
}

static double throughput_count(const struct sweep_point *p)
{
	return p->tokens_per_s_per_npu_count;
}

bool plot_priced(const struct sweep_point *point)
{
	return point_priced(point);
}

static bool meets(const struct plot_axis *axis, const struct sweep_point *point)
{
	return !(axis->budget_units > 0) || axis->value_units(point) <= axis->budget_units;
}

enum plot_class plot_class_of(const struct plot *p, const struct sweep_point *point)
{
	if (point->feasible)
		return PLOT_FEASIBLE;
	if (point->reason == REASON_TTFT || point->reason == REASON_TPOT)
		return PLOT_LATE;
	return meets(&p->ttft, point) && meets(&p->tpot, point) ? PLOT_NO_ROOM : PLOT_LATE;
}

size_t plot_flow_at(const struct plot *p, const struct flow *flow)
{
	size_t i = 0;

	while (p->flow[i].flow != flow)
		i++;
	CHECK(i < p->n_flows);
	return i;
}

/* ---- axes ---- */

/* Least and most of the points that are priced; the budget too, unless it is far from them. */
static void axis_span(struct plot_axis *axis, const struct sweep *s, double *least, double *most)
{
	enum { FAR_RATIO = 30 };
	double budget = axis->budget_units;

	*least = INFINITY, *most = 0;
	for (size_t i = 0; i < s->n_points; i++) {
		if (!plot_priced(s->points + i))
			continue;
		*least = fmin(*least, axis->value_units(s->points + i));
		*most = fmax(*most, axis->value_units(s->points + i));
	}
	axis->budget_shown =
	        budget > 0 && budget > *least / FAR_RATIO && budget < *most * FAR_RATIO;
	if (axis->budget_shown)
		*least = fmin(*least, budget), *most = fmax(*most, budget);
}

void plot_axis_fit(struct plot_axis *axis, double least, double most)
{
	enum { DECADE = 10 };
	const double margin_ratio = 1.06;

	axis->log = !axis->more_is_better && least > 0 && most > DECADE * least;
	axis->least_units = axis->log ? least / margin_ratio : 0;
	axis->most_units = most > 0 ? most * margin_ratio : 1;
}

static void axis_fit(struct plot_axis *axis, const struct sweep *s)
{
	double least, most;

	axis_span(axis, s, &least, &most);
	plot_axis_fit(axis, least, most);
}

double plot_axis_ratio(const struct plot_axis *axis, double value_units)
{
	double least = axis->least_units, most = axis->most_units;

	if (axis->log)
		return log(value_units / least) / log(most / least);
	return (value_units - least) / (most - least);
}

double plot_axis_end_units(const struct plot_axis *axis)
{
	double budget = axis->budget_units;

	return budget > 0 ? fmin(budget, axis->most_units) : axis->most_units;
}

/* ---- fronts ---- */

struct front_item {
	double x_units, y_units; /* y turned so that less is better */
	const struct sweep_point *point;
};

static int by_x_then_y(const void *a, const void *b)
{
	const struct front_item *m = a, *n = b;

	if (m->x_units != n->x_units)
		return m->x_units < n->x_units ? -1 : 1;
	if (m->y_units != n->y_units)
		return m->y_units < n->y_units ? -1 : 1;
	return m->point < n->point ? -1 : m->point > n->point;
}

size_t plot_front(const struct plot *p, const struct flow *flow, const struct plot_axis *x,
                  const struct plot_axis *y, enum reason also, const struct sweep_point ***out)
{
	const struct sweep *s = p->sweep;
	struct front_item *item = heap_zeroed(s->n_points, sizeof *item);
	double best = INFINITY;
	size_t n = 0, n_front = 0;

	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *at = s->points + i;
		double value = y->value_units(at);

		if (point_flow(at) == flow && (at->reason == REASON_NONE || at->reason == also))
			item[n++] = (struct front_item){x->value_units(at),
			                                y->more_is_better ? -value : value, at};
	}
	qsort(item, n, sizeof *item, by_x_then_y);
	*out = heap_zeroed(n, sizeof **out);
	for (size_t i = 0; i < n; i++) {
		if (item[i].y_units < best)
			(*out)[n_front++] = item[i].point, best = item[i].y_units;
	}
	free(item);
	return n_front;
}

/* ---- all ---- */

void plot_init(struct plot *p, const struct sweep *s, struct arena *a)
{
	*p = (struct plot){
	        .sweep = s,
	        .arena = a,
	        .ttft = {.column = "ttft_s",
	                 .title = "TTFT, time to first token (s)",
	                 .value_units = ttft_s,
	                 .budget_units = s->config->sweep.budget.ttft_s},
	        .tpot = {.column = "tpot_ms",
	                 .title = "TPOT, time per output token (ms)",
	                 .value_units = tpot_ms_units,
	                 .budget_units = s->config->sweep.budget.tpot_s * 1000}, /* lint: print */
	        .throughput = {.column = "tokens_per_s_per_npu",
	                       .title = "Throughput (output tokens/s/NPU)",
	                       .value_units = throughput_count,
	                       .more_is_better = true},
	};
	p->n_flows = sweep_summaries(s, p->flow);
	for (size_t i = 0; i < s->n_points; i++) {
		if (plot_priced(s->points + i)) {
			p->n_priced++;
			p->n_by_class[plot_class_of(p, s->points + i)]++;
		}
	}
	axis_fit(&p->ttft, s);
	axis_fit(&p->tpot, s);
	axis_fit(&p->throughput, s);
}
