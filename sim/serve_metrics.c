#include "sim/serve_metrics.h"
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"

double percentile_units(const double *value, size_t n, double p)
{
	double at = (double)(n - 1) * p, below = floor(at);
	size_t i = (size_t)below;

	if (i + 1 >= n)
		return value[n - 1];
	return value[i] + (at - below) * (value[i + 1] - value[i]);
}

struct interval interval_of(const double *value, size_t n)
{
	double mean = 0, square = 0, free_count = (double)n - 1;

	for (size_t i = 0; i < n; i++)
		mean += value[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		square += (value[i] - mean) * (value[i] - mean);
	return (struct interval){mean, gsl_cdf_tdist_Pinv(0.975, free_count) *
	                                       sqrt(square / free_count / (double)n)};
}

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void sort_rising(double *value, size_t n)
{
	qsort(value, n, sizeof *value, rising);
}

/* ---- gaps ------------------------------------------------------------------------------------ */

/* Bin k holds gaps from 2^(k / 355) ns on; 2^(1/355) is 1 + 1/512. 24,576 bins reach 2^69 ns. */
enum { BINS_AN_OCTAVE = 355 };
static const double least_gap_s = 0x1p-30;

void gaps_init(struct gap_histogram *h)
{
	*h = (struct gap_histogram){.bin = heap_zeroed(GAP_BINS + 1, sizeof *h->bin)};
}

void gaps_fini(struct gap_histogram *h)
{
	free(h->bin);
}

static int bin_of(double gap_s)
{
	double at = log2(gap_s / least_gap_s) * BINS_AN_OCTAVE;

	return gap_s < least_gap_s ? 0 : at >= GAP_BINS - 1 ? GAP_BINS : 1 + (int)at;
}

static double bin_start_s(int bin)
{
	return bin == 0 ? 0 : least_gap_s * exp2((double)(bin - 1) / BINS_AN_OCTAVE);
}

void gaps_add(struct gap_histogram *h, double gap_s, int64_t times)
{
	h->bin[bin_of(gap_s)] += times;
	h->sum_s += gap_s * (double)times;
	h->n += times;
}

void gaps_add_line(struct gap_histogram *h, double first_s, double last_s, int64_t n, int64_t times)
{
	int low = bin_of(fmin(first_s, last_s)), high = bin_of(fmax(first_s, last_s));
	double start_s = fmin(first_s, last_s), width_s = fabs(last_s - first_s);
	int64_t done = 0;

	if (n <= 0)
		return;
	for (int bin = low; bin <= high; bin++) {
		/* of the n, evenly spread, those below the end of this bin */
		double share = width_s > 0 ? (bin_start_s(bin + 1) - start_s) / width_s : 1;
		int64_t until = bin == high ? n : (int64_t)ceil(fmin(share, 1) * (double)n);

		h->bin[bin] += (until - done) * times;
		done = until;
	}
	h->sum_s += (first_s + last_s) / 2 * (double)(n * times);
	h->n += n * times;
}

double gaps_percentile_s(const struct gap_histogram *h, double p)
{
	double at = p * (double)(h->n - 1), below = 0;

	for (int bin = 0; h->n > 0 && bin <= GAP_BINS; bin++) {
		double n = (double)h->bin[bin], width_s = bin_start_s(bin + 1) - bin_start_s(bin);

		if (n > 0 && below + n > at)
			return bin == 0 ? 0 : bin_start_s(bin) + width_s * (at - below) / n;
		below += n;
	}
	return 0;
}

double gaps_mean_s(const struct gap_histogram *h)
{
	return h->n > 0 ? h->sum_s / (double)h->n : 0;
}

/* ---- gauges ---------------------------------------------------------------------------------- */

void gauge_init(struct gauge *g)
{
	memset(g, 0, sizeof *g);
	g->span_s = 0x1p-3;
}

static void spans_double(struct gauge *g)
{
	for (size_t i = 0; i < GAUGE_SPANS / 2; i++) {
		g->area_units[i] = g->area_units[2 * i] + g->area_units[2 * i + 1];
		g->most_units[i] = fmax(g->most_units[2 * i], g->most_units[2 * i + 1]);
	}
	for (size_t i = GAUGE_SPANS / 2; i < GAUGE_SPANS; i++)
		g->area_units[i] = g->most_units[i] = 0;
	g->span_s *= 2;
}

void gauge_deposit(struct gauge *g, double from_s, double until_s, double amount)
{
	double left_s = until_s - from_s;
	size_t first, last;

	while (until_s >= g->span_s * GAUGE_SPANS)
		spans_double(g);
	first = (size_t)(from_s / g->span_s), last = (size_t)(until_s / g->span_s);
	for (size_t i = first; i <= last; i++) {
		double start_s = fmax(from_s, (double)i * g->span_s);
		double end_s = fmin(until_s, (double)(i + 1) * g->span_s);

		g->area_units[i] += left_s > 0 ? amount * (end_s - start_s) / left_s : amount;
	}
	g->sum_units += amount;
}

void gauge_set(struct gauge *g, double now_s, double value)
{
	if (now_s > g->now_s)
		g->sum_units += g->value_units * (now_s - g->now_s);
	while (now_s >= g->span_s * GAUGE_SPANS)
		spans_double(g);
	while (g->now_s < now_s) {
		size_t i = (size_t)(g->now_s / g->span_s);
		double until_s = fmin(now_s, (double)(i + 1) * g->span_s);

		g->area_units[i] += g->value_units * (until_s - g->now_s);
		g->most_units[i] = fmax(g->most_units[i], g->value_units);
		g->now_s = until_s;
	}
	g->value_units = value;
}

void gauge_add(struct gauge *g, double now_s, double change)
{
	gauge_set(g, now_s, g->value_units + change);
}

size_t gauge_spans(const struct gauge *g)
{
	return g->now_s > 0 ? (size_t)ceil(g->now_s / g->span_s) : 0;
}

double gauge_span_mean(const struct gauge *g, size_t i)
{
	double from_s = (double)i * g->span_s, until_s = fmin(g->now_s, from_s + g->span_s);

	return until_s > from_s ? g->area_units[i] / (until_s - from_s) : 0;
}

double gauge_mean(const struct gauge *g)
{
	return g->now_s > 0 ? g->sum_units / g->now_s : 0;
}

double gauge_most(const struct gauge *g)
{
	double most = g->value_units;

	for (size_t i = 0; i < gauge_spans(g); i++)
		most = fmax(most, g->most_units[i]);
	return most;
}
