/* What `epsim sweep` found: table, JSON, CSV, pictures. */
#pragma once
#include "tools/sweep_columns.h"

struct served_list;

struct sweep_run_info {
	double sweep_seconds_s; /* wall time of pricing */
	int jobs;
	size_t rows;                      /* of the front to print */
	const struct served_list *served; /* of each case, for JSON; NULL: none */
};

/* Of several cases, one after the other. */
void sweep_report_text(struct sweep *const *s, size_t n, const struct sweep_run_info *info,
                       FILE *out);
void sweep_report_json(struct sweep *const *s, size_t n, const struct sweep_run_info *info,
                       FILE *out);
void sweep_report_csv(struct sweep *const *s, size_t n, FILE *out);

bool sweep_has_beaten(const struct sweep *s);

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

/* The front, best by the objective first; *out is freed by the caller. */
size_t sweep_front(const struct sweep *s, const struct sweep_point ***out);

/* Data, gnuplot scripts and, when gnuplot is there, pictures (SVG and PNG) in folder dir, which
 * exists. Names of pictures are printed to log. */
enum rc sweep_plot(const struct sweep *s, const char *dir, FILE *log, struct err *e);
