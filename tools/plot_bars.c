/* Scripts of the pictures of phases: stacked bars of decode and prefill, a bar for each flow. */
#include "tools/plot_script.h"
#include "tools/sweep_columns.h"
#include "tools/text.h"

/* ---- words ---- */

/* "64", or "16/64" of pools that are apart. */
static const char *cell(const struct plot *p, const struct sweep_point *point, enum knob_id id)
{
	char text[TEXT_SIZE];

	return arena_string(p->arena, point_knob_cell(p->sweep, point, id, text, sizeof text));
}

static const char *spread_text(const struct plot *p, const struct sweep_point *point)
{
	const struct schedule c = point_schedule(point);
	const char *dp = c.dp > 0 ? arena_print(p->arena, ", DP %s", cell(p, point, KNOB_DP)) : "";
	const char *pp = c.pp > 1 || p->sweep->knobs.apart[KNOB_PP]
	                         ? arena_print(p->arena, ", PP %s", cell(p, point, KNOB_PP))
	                         : "";

	const char *mtp = c.mtp > 0 ? arena_print(p->arena, ", MTP %lld", (long long)c.mtp) : "";

	return arena_print(p->arena, "EP %s, TP %s%s%s%s", cell(p, point, KNOB_EP),
	                   cell(p, point, KNOB_TP), dp, pp, mtp);
}

static const char *micro_text(const struct plot *p, const struct sweep_point *point)
{
	const char *n = cell(p, point, KNOB_MICRO);

	return arena_print(p->arena, "%s micro-batch%s", n, n[0] == '1' && !n[1] ? "" : "es");
}

static const char *cores_of(const struct plot *p, const struct sweep_point *point)
{
	const struct schedule c = point_schedule(point);

	if (knob_is_apart(p->sweep, KNOB_CORES))
		return cell(p, point, KNOB_CORES);
	return arena_print(p->arena, "%lld",
	                   (long long)(c.vector_cores ? c.vector_cores
	                                              : p->sweep->config->machine.vector.cores));
}

static const char *schedule_text(const struct plot *p, const struct sweep_point *point)
{
	const struct schedule c = point_schedule(point);

	return arena_print(p->arena,
	                   "%s, batch %lld, chunk %lld, %s dispatch, %s, %s vector cores, %s "
	                   "weights, %s KV",
	                   spread_text(p, point), (long long)c.batch, (long long)c.chunk,
	                   cell(p, point, KNOB_DISPATCH), micro_text(p, point), cores_of(p, point),
	                   cell(p, point, KNOB_WEIGHTS), dtype_names[c.kv]);
}

static const char *schedule_lines(const struct plot *p, const struct sweep_point *point)
{
	const struct schedule c = point_schedule(point);

	return arena_print(p->arena, "\n%s\nbatch %lld\nchunk %lld\n%s dispatch\n%s\n%s cores",
	                   spread_text(p, point), (long long)c.batch, (long long)c.chunk,
	                   cell(p, point, KNOB_DISPATCH), micro_text(p, point), cores_of(p, point));
}

static const char *reason_text(enum reason reason)
{
	static const char *const texts[REASONS] = {
	        "",
	        "impossible in shape",
	        "more NPUs than allowed",
	        "does not fit memory",
	        "over the TTFT budget",
	        "over the TPOT budget",
	        "beaten by another",
	};

	return texts[reason];
}

/* What stands under a bar. */
static const char *bar_text(const struct plot *p, const struct plot_bar *bar, bool with_schedule)
{
	const struct sweep_point *point = bar->point;
	const char *text;

	if (!point)
		return reason_text(REASON_SHAPE);
	text = arena_print(p->arena, "%s tokens/s/NPU", plot_rate(p, point));
	if (!point->feasible)
		text = arena_print(p->arena, "%s\n%s", text, reason_text(point->reason));
	if (with_schedule)
		text = arena_print(p->arena, "%s%s", text, schedule_lines(p, point));
	return text;
}

/* The flow's name, and the words in smaller letters. */
static void tics_write(const struct plot *p, const struct plot_bar *bar, bool with_schedule,
                       FILE *out)
{
	fprintf(out, "set xtics ( \\\n");
	for (size_t i = 0; i < p->n_flows; i++) {
		fprintf(out, "\t");
		gnuplot_string(bar_text(p, &bar[i], with_schedule), out);
		fprintf(out, " %zu%s \\\n", i + 1, i + 1 < p->n_flows ? "," : "");
	}
	fprintf(out, ") scale 0 offset 0,-1.2 font font9\n");
	for (size_t i = 0; i < p->n_flows; i++) {
		fprintf(out, "set label ");
		gnuplot_string(p->flow[i].flow->name, out);
		fprintf(out, " at first %zu,graph 0 offset 0,-0.8 center font font12\n", i + 1);
	}
}

/* ---- scripts ---- */

static void script_write(const struct plot *p, const struct plot_bar *bar, struct gnuplot_head *h,
                         bool with_schedule, FILE *out)
{
	h->title = arena_print(p->arena, "Time by phase: %s", plot_title(p));
	h->foot =
	        "Phases of the critical path: what hides behind another phase takes no room. Warm "
	        "colours are communication, the others compute.";
	gnuplot_head(h, out);
	tics_write(p, bar, with_schedule, out);
	fprintf(out, "set xrange [0.4:%zu.6]\n", p->n_flows);
	plot_panels_write(p, bar, h->tables, with_schedule, out);
}

static const char *same_text(const struct plot *p, size_t n_feasible)
{
	if (p->n_flows == 1)
		return n_feasible > 0 ? "The feasible schedule with the most tokens/s/NPU:"
		                      : "No schedule is feasible; the one with the least TPOT:";
	if (n_feasible == 0)
		return "The same schedule under every flow: none is feasible, this has the least "
		       "TPOT:";
	if (n_feasible == p->n_flows)
		return "The same schedule under every flow: of those feasible under all flows, the "
		       "one with the most tokens/s/NPU:";
	return arena_print(p->arena,
	                   "The same schedule under every flow: none is feasible under more than "
	                   "%zu of %zu, of those this has the most tokens/s/NPU:",
	                   n_feasible, p->n_flows);
}

void plot_phases_same_script(const struct plot *p, FILE *out)
{
	struct plot_bar bar[MOST_SUMMARIES];
	struct gnuplot_head h = {.picture = "phases_same", .tables = "phases_same.tsv"};
	size_t at = 0, n_feasible = plot_bars_same(p, bar);

	while (!bar[at].point)
		at++;
	h.subtitle = same_text(p, n_feasible);
	h.detail =
	        arena_print(p->arena, "%s. %s", schedule_text(p, bar[at].point), plot_priced_by(p));
	script_write(p, bar, &h, false, out);
}

static const char *best_text(const struct plot *p)
{
	bool all = true;

	if (p->sweep->n_feasible == 0)
		return "No schedule is feasible: each flow with its own schedule of least TPOT";
	for (size_t i = 0; i < p->n_flows; i++)
		all = all && p->flow[i].n_feasible > 0;
	return all ? "Each flow with its own feasible schedule of most tokens/s/NPU"
	           : "Each flow with its own feasible schedule of most tokens/s/NPU, or where none "
	             "is feasible that of least TPOT";
}

void plot_phases_best_script(const struct plot *p, FILE *out)
{
	struct plot_bar bar[MOST_SUMMARIES];
	struct gnuplot_head h = {.picture = "phases_best", .tables = "phases_best.tsv"};

	plot_bars_best(p, bar);
	h.subtitle = best_text(p);
	h.detail = plot_priced_by(p);
	script_write(p, bar, &h, true, out);
}
