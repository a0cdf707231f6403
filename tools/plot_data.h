/* What the pictures of a sweep are drawn from, worked out once, and the writers of their files:
 * tables with the columns in a comment, and gnuplot scripts that need nothing but these tables. */
#pragma once
#include "models/base/arena.h"
#include "tools/sweep_report.h"

/* How a point is drawn. Names of blocks in the tables: plot_class_names[]. */
enum plot_class {
	PLOT_LATE,     /* misses a time budget, whatever its memory */
	PLOT_NO_ROOM,  /* meets the time budgets, but not those of memory or NPUs */
	PLOT_FEASIBLE, /* meets all */
	PLOT_CLASSES
};

extern const char *const plot_class_names[PLOT_CLASSES];

/* A figure of points, as an axis: from zero, or logarithmic where it spans more than a decade. */
struct plot_axis {
	const char *column; /* of the tables: "tpot_ms" */
	const char *title;
	double (*value_units)(const struct sweep_point *p);
	bool more_is_better;
	double least_units, most_units; /* ends of the axis */
	double budget_units;            /* 0: none */
	bool budget_shown;              /* it is near enough to the points to be on the axis */
	bool log;
};

struct plot {
	const struct sweep *sweep;
	struct arena *arena;
	struct flow_summary flow[MOST_SUMMARIES];
	size_t n_flows;
	size_t n_priced; /* points whose times are known */
	size_t n_by_class[PLOT_CLASSES];
	struct plot_axis ttft, tpot, throughput; /* s, ms, tokens/s/NPU */
};

/* s and a must outlive p; the writers' words live in a. */
void plot_init(struct plot *p, const struct sweep *s, struct arena *a);

bool plot_priced(const struct sweep_point *point);
enum plot_class plot_class_of(const struct plot *p, const struct sweep_point *point);
size_t plot_flow_at(const struct plot *p, const struct flow *flow); /* index in p->flow */

/* Ends for values between least and most: logarithmic where they span more than a decade. */
void plot_axis_fit(struct plot_axis *axis, double least_units, double most_units);
/* Where a value lies on the axis, 0 to 1. */
double plot_axis_ratio(const struct plot_axis *axis, double value_units);
/* Where what the budget allows ends, on the axis: there, or at its end. */
double plot_axis_end_units(const struct plot_axis *axis);

/* Of a flow's points that are feasible, or not for reason `also` alone: those that no other beats
 * in both figures, in the order of x, of which less is better. *out is freed by the caller. */
size_t plot_front(const struct plot *p, const struct flow *flow, const struct plot_axis *x,
                  const struct plot_axis *y, enum reason also, const struct sweep_point ***out);

/* The files. */
void plot_ttft_points(const struct plot *p, FILE *out);
void plot_ttft_regions(const struct plot *p, FILE *out);
void plot_ttft_script(const struct plot *p, FILE *out);
void plot_throughput_points(const struct plot *p, FILE *out);
void plot_throughput_fronts(const struct plot *p, FILE *out);
void plot_throughput_script(const struct plot *p, FILE *out);
void plot_phases_same(const struct plot *p, FILE *out);
void plot_phases_same_script(const struct plot *p, FILE *out);
void plot_phases_best(const struct plot *p, FILE *out);
void plot_phases_best_script(const struct plot *p, FILE *out);

/* One bar of the phases: a flow with a schedule. */
struct plot_bar {
	const struct flow *flow;
	const struct sweep_point *point; /* NULL: none that can be priced */
};

/* Bars of all flows, in p->flow's order: each with its own best schedule (most tokens/s/NPU of the
 * feasible, else least TPOT) ... */
void plot_bars_best(const struct plot *p, struct plot_bar *out);

/* ... and all with the same: of the schedules that are feasible under the most flows, the one with
 * the most tokens/s/NPU; when none is, of those that can be priced under the most flows the one
 * with the least TPOT. Returns under how many flows it is feasible. */
size_t plot_bars_same(const struct plot *p, struct plot_bar *out);
