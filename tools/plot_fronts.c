/* Tables of lines: what a flow can reach at all. */
#include <stdlib.h>
#include "tools/plot_data.h"

/* The corners of the staircase, closed at the budgets. */
static void region_write(const struct plot *p, const struct sweep_point *const *front, size_t n,
                         FILE *out)
{
	double right_s = plot_axis_end_units(&p->ttft),
	       top_ms_units = plot_axis_end_units(&p->tpot);
	double above_ms_units = top_ms_units;

	for (size_t i = 0; i < n; i++) {
		double x = p->ttft.value_units(front[i]), y = p->tpot.value_units(front[i]);

		fprintf(out, "%.9g\t%.9g\n%.9g\t%.9g\n", x, above_ms_units, x, y);
		above_ms_units = y;
	}
	fprintf(out, "%.9g\t%.9g\n", right_s, above_ms_units);
	fprintf(out, "%.9g\t%.9g\n", right_s, top_ms_units);
	fprintf(out, "%.9g\t%.9g\n", p->ttft.value_units(front[0]), top_ms_units);
}

void plot_ttft_regions(const struct plot *p, FILE *out)
{
	fprintf(out,
	        "# For each flow the limits of TTFT and TPOT that a feasible schedule keeps, as "
	        "the outline\n"
	        "# of their area: the staircase of schedules that no other beats in both, "
	        "closed at the budgets.\n"
	        "# columns: ttft_s\ttpot_ms\n");
	for (size_t i = 0; i < p->n_flows; i++) {
		const struct sweep_point **front;
		size_t n = plot_front(p, p->flow[i].flow, &p->ttft, &p->tpot, REASON_NONE, &front);

		if (n > 0) {
			fprintf(out, "\n\n# %s:\n", p->flow[i].flow->name);
			region_write(p, front, n, out);
		}
		free(front);
	}
}

void plot_throughput_fronts(const struct plot *p, FILE *out)
{
	fprintf(out,
	        "# For each flow the most throughput within a limit of TPOT, the TPOT budget set "
	        "aside: of the\n"
	        "# schedules within the budgets of TTFT, memory and NPUs, those that no other "
	        "beats in both.\n"
	        "# columns: tpot_ms\ttokens_per_s_per_npu\n");
	for (size_t i = 0; i < p->n_flows; i++) {
		const struct flow *flow = p->flow[i].flow;
		const struct sweep_point **front;
		size_t n = plot_front(p, flow, &p->tpot, &p->throughput, REASON_TPOT, &front);

		if (n > 0)
			fprintf(out, "\n\n# %s:\n", flow->name);
		for (size_t at = 0; at < n; at++)
			fprintf(out, "%.9g\t%.9g\n", p->tpot.value_units(front[at]),
			        p->throughput.value_units(front[at]));
		free(front);
	}
}
