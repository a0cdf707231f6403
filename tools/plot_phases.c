/* Which schedules the bars of the phases show, and their table. */
#include <math.h>
#include "tools/plot_data.h"

static const struct sweep_point *least_tpot(const struct sweep *s, const struct flow *flow)
{
	const struct sweep_point *best = NULL;

	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *at = s->points + i;

		if (point_flow(at) == flow && plot_priced(at) &&
		    (!best || at->decode->time_s < best->decode->time_s))
			best = at;
	}
	return best;
}

void plot_bars_best(const struct plot *p, struct plot_bar *out)
{
	for (size_t i = 0; i < p->n_flows; i++) {
		const struct sweep_point *best = p->flow[i].fastest;

		out[i].flow = p->flow[i].flow;
		out[i].point = best ? best : least_tpot(p->sweep, out[i].flow);
	}
}

/* ---- the same schedule for all ---- */

/* How good a schedule is to show: by the first figure, then the next. */
struct rank {
	size_t n_feasible, n_priced;
	double gain; /* unit: tokens/s/NPU when feasible under some flow, else -TPOT */
};

static void rank_add(struct rank *r, const struct sweep_point *point)
{
	if (!plot_priced(point))
		return;
	r->n_priced++;
	if (point->feasible && r->n_feasible++ == 0)
		r->gain = point->tokens_per_s_per_npu_count;
	else if (point->feasible)
		r->gain = fmax(r->gain, point->tokens_per_s_per_npu_count);
	else if (r->n_feasible == 0)
		r->gain = fmax(r->gain, -point->decode->time_s);
}

static bool rank_above(const struct rank *a, const struct rank *b)
{
	if (a->n_feasible != b->n_feasible)
		return a->n_feasible > b->n_feasible;
	if (a->n_feasible == 0 && a->n_priced != b->n_priced)
		return a->n_priced > b->n_priced;
	return a->gain > b->gain;
}

/* The schedule of a point under each flow; NULL where the sweep has not that point. Returns how
 * good it is to show. */
static struct rank under_all(const struct plot *p, const struct sweep_point *point,
                             const struct sweep_point **of)
{
	struct rank rank = {.gain = -INFINITY};

	for (size_t i = 0; i < p->n_flows; i++) {
		of[i] = sweep_sibling(p->sweep, point, p->flow[i].flow);
		if (of[i])
			rank_add(&rank, of[i]);
	}
	return rank;
}

size_t plot_bars_same(const struct plot *p, struct plot_bar *out)
{
	const struct sweep_point *of[MOST_SUMMARIES], *shown = p->sweep->points;
	struct rank best = {.gain = -INFINITY};

	for (size_t i = 0; i < p->sweep->n_points; i++) {
		struct rank rank = under_all(p, p->sweep->points + i, of);

		if (rank_above(&rank, &best))
			best = rank, shown = p->sweep->points + i;
	}
	(void)under_all(p, shown, of);
	for (size_t i = 0; i < p->n_flows; i++)
		out[i] = (struct plot_bar){p->flow[i].flow,
		                           of[i] && plot_priced(of[i]) ? of[i] : NULL};
	return best.n_feasible;
}

/* ---- tables ---- */

static void pool_write(const struct plot *p, const struct plot_bar *bar, bool decode, FILE *out)
{
	fprintf(out, "\n\n# %s:\n", decode ? "decode" : "prefill");
	for (size_t i = 0; i < p->n_flows; i++) {
		const struct sweep_point *point = bar[i].point;
		const double *phase_s;

		if (!point)
			continue;
		phase_s = decode ? point->decode->phase_s : point->prefill->phase_s;
		fprintf(out, "%zu\t%s\t%lld", i + 1, bar[i].flow->name,
		        decode ? 1LL : (long long)point->prefill->size);
		for (size_t k = 0; step_phases[k]; k++)
			fprintf(out, "\t%.9g", phase_s[k] * 1000); /* lint: a unit for print */
		fprintf(out, "\n");
	}
}

static void table_write(const struct plot *p, const struct plot_bar *bar, FILE *out)
{
	fprintf(out, "# Time by phase of the critical path: of one decode step, and of one prefill "
	             "chunk.\n# columns: flow_number\tflow\ttokens");
	for (size_t k = 0; step_phases[k]; k++)
		fprintf(out, "\t%s_ms", step_phases[k]);
	fprintf(out, "\n");
	pool_write(p, bar, true, out);
	pool_write(p, bar, false, out);
}

void plot_phases_same(const struct plot *p, FILE *out)
{
	struct plot_bar bar[MOST_SUMMARIES];

	(void)plot_bars_same(p, bar);
	table_write(p, bar, out);
}

void plot_phases_best(const struct plot *p, FILE *out)
{
	struct plot_bar bar[MOST_SUMMARIES];

	plot_bars_best(p, bar);
	table_write(p, bar, out);
}
