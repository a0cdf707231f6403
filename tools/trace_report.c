#include "tools/trace_report.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/table.h"

static const double us_per_ns = 1e-3, ms_per_ns = 1e-6, GB_per_B = 1e-9;

struct report {
	const struct summary *s;
	uint32_t rows; /* of a table; 0: all */
	FILE *out;
};

/* "3", "device 3", "-". */
static const char *rank_text(const struct summary_rank *r, char *buf, size_t size)
{
	if (r->rank >= 0)
		snprintf(buf, size, "%d", r->rank);
	else if (r->device >= 0)
		snprintf(buf, size, "device %d", r->device);
	else
		snprintf(buf, size, "-");
	return buf;
}

static uint32_t rows_of(const struct report *r, uint32_t n)
{
	return r->rows > 0 && r->rows < n ? r->rows : n;
}

static void table_end(struct table *t, const struct report *r, uint32_t n)
{
	table_print(t, r->out);
	table_free(t);
	if (rows_of(r, n) < n)
		fprintf(r->out, "... and %u more (--rows 0 shows all)\n", n - rows_of(r, n));
}

static void cell_us(struct table *t, int64_t ns)
{
	table_cell(t, "%.3f", (double)ns * us_per_ns);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void files_print(const struct trace_files *files, const struct report *r)
{
	const struct summary *s = r->s;
	size_t n_doubled = 0;

	for (size_t i = 0; i < files->n; i++)
		n_doubled += files->file[i].take == 0;
	fprintf(r->out, "%zu file%s read:", files->n - n_doubled,
	        files->n - n_doubled == 1 ? "" : "s");
	for (size_t k = 0; trace_readers[k]; k++) {
		size_t n = 0;

		for (size_t i = 0; i < files->n; i++)
			n += files->file[i].reader == trace_readers[k] && files->file[i].take;
		if (n > 0)
			fprintf(r->out, " %s (%zu)", trace_readers[k]->name, n);
	}
	fprintf(r->out, "\n");
	if (n_doubled > 0)
		fprintf(r->out, "%zu more say what these say, and are not counted again\n",
		        n_doubled);
	if (files->n_other > 0)
		fprintf(r->out, "%zu other file%s of no format known here\n", files->n_other,
		        files->n_other == 1 ? " is" : "s are");
	if (s->n_ranks > 0)
		fprintf(r->out, "%u rank%s, ", s->n_ranks, s->n_ranks == 1 ? "" : "s");
	fprintf(r->out, "%llu events", (unsigned long long)s->n_events);
	if (s->n_twins > 0)
		fprintf(r->out, "; %llu kernels of collectives that are listed themselves left out",
		        (unsigned long long)s->n_twins);
	fprintf(r->out, "\n");
}

/* ---- ops ------------------------------------------------------------------------------------- */

static void op_row(struct table *t, const struct summary_op *op)
{
	double fastest_ns = 0, slowest_ns = 0;

	for (uint32_t i = 0; i < op->n_ranks; i++) {
		double mean_ns =
		        op->rank[i].n ? (double)op->rank[i].sum_ns / (double)op->rank[i].n : 0;

		if (op->rank[i].n > 0 && (!(fastest_ns > 0) || mean_ns < fastest_ns))
			fastest_ns = mean_ns;
		slowest_ns = mean_ns > slowest_ns ? mean_ns : slowest_ns;
	}
	table_cell(t, "%s", op->name);
	table_cell(t, "%s", trace_phase_name(op->class.phase));
	table_cell(t, "%s", trace_flow_name(op->class.flow));
	table_cell(t, "%llu", (unsigned long long)op->time_ns.n);
	table_cell(t, "%.3f", (double)op->time_ns.sum * ms_per_ns);
	cell_us(t, op->time_ns.n ? op->time_ns.least : 0);
	cell_us(t, sketch_quantile(&op->time_ns, 0.1));
	cell_us(t, sketch_quantile(&op->time_ns, 0.5));
	cell_us(t, sketch_quantile(&op->time_ns, 0.9));
	cell_us(t, op->time_ns.most);
	table_cell(t, "%.3f", fastest_ns * us_per_ns);
	table_cell(t, "%.3f", slowest_ns * us_per_ns);
	table_end_row(t);
}

static void ops_print(const struct report *r)
{
	static const char *const headers[] = {
	        "<op",    "<phase", "<flow", "calls",        "total ms",     "least us", "p10",
	        "median", "p90",    "most",  "fastest rank", "slowest rank", NULL};
	struct table *t;

	if (r->s->n_ops == 0)
		return;
	t = table_new(headers);
	for (uint32_t i = 0; i < rows_of(r, r->s->n_ops); i++)
		op_row(t, &r->s->op[i]);
	fprintf(r->out, "\nops; of ranks the mean\n");
	table_end(t, r, r->s->n_ops);
}

static void pieces_print(const struct report *r)
{
	static const char *const headers[] = {
	        "<flow",     "<phase",     "<op",     "calls",
	        "median us", "least rank", "p90/p10", "rank medians from",
	        "to",        NULL};
	struct table *t;

	if (r->s->n_pieces == 0)
		return;
	t = table_new(headers);
	for (uint32_t i = 0; i < rows_of(r, r->s->n_pieces); i++) {
		const struct summary_piece *p = &r->s->piece[i];
		int64_t least_ns, most_ns, p10_ns = sketch_quantile(&p->time_ns, 0.1);
		int64_t least_rank_ns = piece_least_rank_ns(p);

		piece_rank_range(p, 0.5, &least_ns, &most_ns);
		table_cell(t, "%s", trace_flow_name(p->flow));
		table_cell(t, "%s", trace_phase_name(p->phase));
		table_cell(t, "%s", r->s->op[p->op].name);
		table_cell(t, "%llu", (unsigned long long)p->time_ns.n);
		cell_us(t, sketch_quantile(&p->time_ns, 0.5));
		table_cell(t, least_rank_ns ? "%.3f" : "-", (double)least_rank_ns * us_per_ns);
		table_cell(t, p10_ns ? "%.3f" : "-",
		           (double)sketch_quantile(&p->time_ns, 0.9) / (double)p10_ns);
		cell_us(t, least_ns);
		cell_us(t, most_ns);
		table_end_row(t);
	}
	fprintf(r->out, "\npieces of an MoE layer; least rank: the least over ranks of each call, "
	                "median over calls\n");
	table_end(t, r, r->s->n_pieces);
}

static void statistics_print(const struct report *r)
{
	static const char *const headers[] = {"<op",     "<phase",   "<flow",   "calls", "total ms",
	                                      "mean us", "least us", "most us", NULL};
	struct table *t;

	if (r->s->n_statistics == 0)
		return;
	t = table_new(headers);
	for (uint32_t i = 0; i < rows_of(r, r->s->n_statistics); i++) {
		const struct summary_statistic *x = &r->s->statistic[i];

		table_cell(t, "%s", x->name);
		table_cell(t, "%s", trace_phase_name(x->class.phase));
		table_cell(t, "%s", trace_flow_name(x->class.flow));
		table_cell(t, "%lld", (long long)x->calls);
		table_cell(t, "%.3f", (double)x->sum_ns * ms_per_ns);
		table_cell(t, x->calls ? "%.3f" : "-",
		           (double)x->sum_ns * us_per_ns / (double)x->calls);
		cell_us(t, x->least_ns);
		cell_us(t, x->most_ns);
		table_end_row(t);
	}
	fprintf(r->out, "\ntotals that the profiler gives\n");
	table_end(t, r, r->s->n_statistics);
}

/* ---- ranks and steps ------------------------------------------------------------------------- */

static void phase_headers(const char *headers[TRACE_PHASES + 2], const char *first)
{
	headers[0] = first;
	for (enum trace_phase p = 0; p < TRACE_PHASES; p++)
		headers[1 + p] = trace_phase_name(p);
	headers[1 + TRACE_PHASES] = NULL;
}

static void ranks_print(const struct report *r)
{
	const char *headers[TRACE_PHASES + 2];
	struct table *t;
	char name[32];

	if (r->s->n_ops == 0)
		return;
	phase_headers(headers, "<rank");
	t = table_new(headers);
	for (uint32_t i = 0; i < rows_of(r, r->s->n_ranks); i++) {
		table_cell(t, "%s", rank_text(&r->s->rank[i], name, sizeof name));
		for (int p = 0; p < TRACE_PHASES; p++)
			table_cell(t, "%.3f", (double)r->s->rank[i].phase_ns[p] * ms_per_ns);
		table_end_row(t);
	}
	fprintf(r->out, "\nms by rank\n");
	table_end(t, r, r->s->n_ranks);
}

/* One step over all ranks. */
struct step {
	int64_t step;
	double phase_ns[TRACE_PHASES];
	uint32_t n_ranks;
};

static int by_step(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	return (x->step > y->step) - (x->step < y->step);
}

/* Cells of the same step together. Returns how many steps there are. */
static uint32_t steps_make(const struct summary *s, struct step *step)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_cells; i++) {
		step[i] = (struct step){.step = s->cell[i].step, .n_ranks = 1};
		for (int p = 0; p < TRACE_PHASES; p++)
			step[i].phase_ns[p] = (double)s->cell[i].phase_ns[p];
	}
	qsort(step, s->n_cells, sizeof *step, by_step);
	for (uint32_t i = 0; i < s->n_cells; i++) {
		if (n == 0 || step[n - 1].step != step[i].step) {
			step[n++] = step[i];
			continue;
		}
		step[n - 1].n_ranks++;
		for (int p = 0; p < TRACE_PHASES; p++)
			step[n - 1].phase_ns[p] += step[i].phase_ns[p];
	}
	return n;
}

static void steps_print(const struct report *r)
{
	struct step *step = heap_zeroed(r->s->n_cells + 1, sizeof *step);
	const char *headers[TRACE_PHASES + 2];
	uint32_t n = r->s->n_cells ? steps_make(r->s, step) : 0;
	struct table *t;

	if (n == 0 || (n == 1 && step[0].step == TRACE_UNKNOWN)) {
		free(step);
		return;
	}
	phase_headers(headers, "<step");
	t = table_new(headers);
	for (uint32_t i = 0; i < rows_of(r, n); i++) {
		table_cell(t, step[i].step >= 0 ? "%lld" : "-", (long long)step[i].step);
		for (int p = 0; p < TRACE_PHASES; p++)
			table_cell(t, "%.3f", step[i].phase_ns[p] * ms_per_ns / step[i].n_ranks);
		table_end_row(t);
	}
	fprintf(r->out, "\nms by step, mean over ranks%s\n",
	        r->s->cells_full ? "; later steps are left out: there are too many" : "");
	table_end(t, r, n);
	free(step);
}

static void parts_print(const struct report *r)
{
	static const char *const headers[] = {"<part", "mean ms", NULL};
	struct table *t;

	if (r->s->n_parts == 0)
		return;
	t = table_new(headers);
	for (uint32_t i = 0; i < r->s->n_parts; i++) {
		const struct summary_part *p = &r->s->part[i];

		table_cell(t, "%s", p->name);
		table_cell(t, p->n ? "%.3f" : "-", (double)p->sum_ns * ms_per_ns / (double)p->n);
		table_end_row(t);
	}
	fprintf(r->out, "\nparts of a step, as the profiler divides it\n");
	table_print(t, r->out);
	table_free(t);
}

/* ---- links ----------------------------------------------------------------------------------- */

static void end_cell(struct table *t, int32_t rank)
{
	if (rank >= 0)
		table_cell(t, "%d", rank);
	else
		table_cell(t, "-");
}

static void waits_print(const struct report *r)
{
	static const char *const headers[] = {"<collective", "calls",      "transit us",
	                                      "wait us",     "wait share", NULL};
	struct table *t;

	if (r->s->n_waits == 0)
		return;
	t = table_new(headers);
	for (uint32_t i = 0; i < rows_of(r, r->s->n_waits); i++) {
		const struct summary_wait *w = &r->s->wait[i];

		table_cell(t, "%s", w->name);
		table_cell(t, "%lld", (long long)w->calls);
		table_cell(t, "%.3f", (double)w->transit_ns * us_per_ns / (double)w->calls);
		table_cell(t, "%.3f", (double)w->wait_ns * us_per_ns / (double)w->calls);
		table_cell(t, w->time_ns > 0 ? "%.3f" : "-",
		           (double)w->wait_ns / (double)w->time_ns);
		table_end_row(t);
	}
	fprintf(r->out, "\nof a collective, mean: moving bytes, and waiting for others\n");
	table_end(t, r, r->s->n_waits);
}

static void points_print(const struct report *r)
{
	static const char *const headers[] = {"<benchmark", "ranks", "bytes", "us", "GB/s", NULL};
	struct table *t;

	if (r->s->n_points == 0)
		return;
	t = table_new(headers);
	for (uint32_t i = 0; i < rows_of(r, r->s->n_points); i++) {
		const struct summary_point *p = &r->s->point[i];

		table_cell(t, "%s", p->name);
		end_cell(t, p->ranks);
		table_cell(t, p->bytes >= 0 ? "%lld" : "-", (long long)p->bytes);
		table_cell(t, p->duration_ns >= 0 ? "%.3f" : "-",
		           (double)p->duration_ns * us_per_ns);
		table_cell(t, p->rate_Bps >= 0 ? "%.4g" : "-", (double)p->rate_Bps * GB_per_B);
		table_end_row(t);
	}
	fprintf(r->out, "\nbenchmarks; GB/s is size over time, whatever the program printed\n");
	table_end(t, r, r->s->n_points);
}

void trace_report_text(const struct trace_files *files, const struct summary *s, uint32_t rows,
                       FILE *out)
{
	const struct report r = {s, rows, out};

	files_print(files, &r);
	ops_print(&r);
	pieces_print(&r);
	statistics_print(&r);
	ranks_print(&r);
	steps_print(&r);
	parts_print(&r);
	waits_print(&r);
	trace_links_text(s, rows, out);
	points_print(&r);
}
