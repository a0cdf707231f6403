/* What `epsim sweep` found: table, JSON, CSV, pictures. */
#pragma once
#include "sim/sweep.h"

struct sweep_run_info {
	double sweep_seconds_s; /* wall time of pricing */
	int jobs;
	size_t rows; /* of the front to print */
};

void sweep_report_text(const struct sweep *s, const struct sweep_run_info *info, FILE *out);
void sweep_report_json(const struct sweep *s, const struct sweep_run_info *info, FILE *out);
void sweep_report_csv(const struct sweep *s, FILE *out);

/* Points of one flow: how many, how many feasible, why the others are not, and the best of the
 * feasible ones (NULL: none). */
struct flow_summary {
	const struct flow *flow;
	size_t n_points, n_feasible, n_by_reason[REASONS];
	const struct sweep_point *fastest; /* most tokens/s/NPU */
	const struct sweep_point *least_ttft, *least_tpot;
};
enum { MOST_SUMMARIES = 64 };
size_t sweep_summaries(const struct sweep *s, struct flow_summary *out);

/* The front, most tokens/s/NPU first; *out is freed by the caller. */
size_t sweep_front(const struct sweep *s, const struct sweep_point ***out);

/* Data, gnuplot scripts and, when gnuplot is there, pictures (SVG and PNG) in folder dir, which
 * exists. Names of pictures are printed to log. */
enum rc sweep_plot(const struct sweep *s, const char *dir, FILE *log, struct err *e);
