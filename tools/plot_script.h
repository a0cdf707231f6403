/* Parts of scripts that speak of the sweep. */
#pragma once
#include "tools/plot_data.h"
#include "tools/plot_gnuplot.h"

/* Words, in the arena. */
const char *plot_title(const struct plot *p);     /* model, machine, workload */
const char *plot_counts(const struct plot *p);    /* schedules, and feasible ones of each flow */
const char *plot_priced_by(const struct plot *p); /* engine and routing */
const char *plot_rate(const struct plot *p, const struct sweep_point *point); /* tokens/s/NPU */

/* The place of a flow in flows[] decides its colour and mark, so that they are the same in every
 * sweep. At: index in p->flow. */
uint32_t plot_flow_colour(const struct plot *p, size_t at);
int plot_flow_mark(const struct plot *p, size_t at);
void plot_flows_write(const struct plot *p, FILE *out); /* arrays colour[], mark[] */

/* Title, range and tics of axis which: 'x' or 'y'. */
void plot_axis_write(const struct plot_axis *axis, char which, FILE *out);
/* A dashed line with its value beside the frame, or only that when it is off the axis. */
void plot_budget_write(const struct plot *p, const struct plot_axis *axis, char which, FILE *out);

/* The panels of decode and prefill, all below the head of their script. with_schedule: room for
 * many lines below the bars. */
void plot_panels_write(const struct plot *p, const struct plot_bar *bar, const char *table,
                       bool with_schedule, FILE *out);
