/* Measures of serving: percentiles, gaps between tokens, and gauges over time. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Linear interpolation between order statistics (position (n - 1) p), the rule of published vLLM
 * summaries. 1, 2, 3, 4 at 0.9: 3.7. value: sorted, n > 0. */
double percentile_units(const double *value_units, size_t n, double p_ratio);

/* A mean and the half width of its 95 % interval, of independent values (Student). 1, 2, 3:
 * 2 +- 4.303 / sqrt(3). n > 1. */
struct interval {
	double mean_units, half_units;
};
struct interval interval_of(const double *value_units, size_t n);

void sort_rising(double *value_units, size_t n);

/* ---- gaps between tokens: too many to keep --------------------------------------------------- */

/* Counts by ratio: neighbouring bins differ by 1/512, so a percentile is exact to that. The mean is
 * exact. */
enum { GAP_BINS = 24576 };
struct gap_histogram {
	int64_t *bin; /* GAP_BINS and one for zero */
	double sum_s;
	int64_t n;
};

void gaps_init(struct gap_histogram *h);
void gaps_fini(struct gap_histogram *h);
void gaps_add(struct gap_histogram *h, double gap_s, int64_t times);
/* n_gaps of them spread evenly from first_s to last_s, each `times` times. */
void gaps_add_line(struct gap_histogram *h, double first_s, double last_s, int64_t n_gaps,
                   int64_t times);
double gaps_percentile_s(const struct gap_histogram *h, double p_ratio); /* 0 without gaps */
double gaps_mean_s(const struct gap_histogram *h);

/* ---- a quantity over time -------------------------------------------------------------------- */

/* Time-weighted means over equal spans, which double in length when there are too many. */
enum { GAUGE_SPANS = 512 };
struct gauge {
	double span_s;
	double area_units[GAUGE_SPANS]; /* integral over each span */
	double most_units[GAUGE_SPANS];
	double now_s, value_units; /* where it stands */
	double sum_units;          /* integral over all time */
};

void gauge_init(struct gauge *g);
/* It has had its value until now_s, and has another from there on. */
void gauge_set(struct gauge *g, double now_s, double value_units);
void gauge_add(struct gauge *g, double now_s, double change_units);
/* Beside all that: an amount that comes evenly from from_s to until_s, for a gauge of rates. */
void gauge_deposit(struct gauge *g, double from_s, double until_s, double amount_units);
size_t gauge_spans(const struct gauge *g);               /* that have begun */
double gauge_span_mean(const struct gauge *g, size_t i); /* unit: of the gauge */
double gauge_mean(const struct gauge *g);                /* unit: of the gauge */
double gauge_most(const struct gauge *g);                /* unit: of the gauge */
