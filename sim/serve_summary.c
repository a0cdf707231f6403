#include "sim/serve_summary.h"
#include <math.h>
#include <stdlib.h>
#include "models/base/arena.h"

double served_ttft_s(const struct request *r, const struct served *s)
{
	return s->first_s - r->arrival_s;
}

double served_tpot_s(const struct served *s)
{
	return (s->last_s - s->first_s) / (s->generated_count - 1);
}

static bool value_of(const struct request *r, const struct served *s, enum latency_kind kind,
                     double *out_s)
{
	if (s->fate != FATE_DONE || (kind == LATENCY_TPOT && s->generated_count < 2))
		return false;
	*out_s = kind == LATENCY_TTFT   ? served_ttft_s(r, s)
	         : kind == LATENCY_TPOT ? served_tpot_s(s)
	         : kind == LATENCY_E2E  ? s->last_s - r->arrival_s
	                                : s->scheduled_s - r->arrival_s;
	return true;
}

size_t latency_values(const struct request_list *requests, const struct serve_result *r,
                      struct served_span span, enum latency_kind kind, double **out)
{
	double *value = heap_zeroed(requests->n, sizeof *value);
	size_t n = 0;

	for (size_t i = span.first; i < span.end; i++)
		n += value_of(&requests->at[i], &r->served[i], kind, &value[n]);
	sort_rising(value, n);
	*out = value;
	return n;
}

static struct latency latency_of(const struct request_list *requests, const struct serve_result *r,
                                 struct served_span span, enum latency_kind kind)
{
	double *value, sum_s = 0;
	struct latency l = {.n = latency_values(requests, r, span, kind, &value)};

	for (size_t i = 0; i < l.n; i++)
		sum_s += value[i];
	if (l.n > 0) {
		l.mean_s = sum_s / (double)l.n;
		l.p50_s = percentile_units(value, l.n, 0.5);
		l.p90_s = percentile_units(value, l.n, 0.9);
		l.p95_s = percentile_units(value, l.n, 0.95);
		l.p99_s = percentile_units(value, l.n, 0.99);
		l.most_s = value[l.n - 1];
	}
	free(value);
	return l;
}

static bool within(const struct request *r, const struct served *s, const struct slo *slo)
{
	if (s->fate != FATE_DONE)
		return false;
	if (slo->ttft_s > 0 && served_ttft_s(r, s) > slo->ttft_s)
		return false;
	return !(slo->tpot_s > 0 && s->generated_count > 1 && served_tpot_s(s) > slo->tpot_s);
}

static void rates_of(const struct serve_setup *setup, const struct request_list *l,
                     const struct serve_result *r, struct served_span span, const struct slo *slo,
                     struct serve_summary *out)
{
	double input = 0, output = 0, npus = 0, instances = 0, last_s = 0, fine = 0;
	double first_s = l->at[span.first].arrival_s;
	double came_s = l->at[span.end - 1].arrival_s - first_s;

	for (size_t i = span.first; i < span.end; i++) {
		const struct served *s = &r->served[i];

		out->requests++;
		out->done += s->fate == FATE_DONE;
		out->rejected += s->fate == FATE_REJECTED;
		out->lost += s->fate == FATE_LOST;
		fine += within(&l->at[i], s, slo);
		if (s->fate != FATE_DONE)
			continue;
		input += l->at[i].input, output += l->at[i].output;
		last_s = fmax(last_s, s->last_s);
	}
	for (size_t p = 0; p < setup->n_pools; p++) {
		npus += (double)(setup->pool[p].npus * setup->pool[p].instances);
		instances += (double)setup->pool[p].instances;
	}
	out->attainment_ratio = fine / (double)out->requests;
	out->span_s = fmax(0, last_s - first_s);
	out->offered_rate_count = came_s > 0 ? (double)(out->requests - 1) / came_s : 0;
	if (out->span_s > 0) {
		out->request_rate_count = (double)out->done / out->span_s;
		out->input_rate_count = input / out->span_s;
		out->output_rate_count = output / out->span_s;
		out->output_rate_per_npu_count = out->output_rate_count / npus;
	}
	out->busy_ratio = r->end_s > 0 ? r->busy_s / (instances * r->end_s) : 0;
}

void serve_summarize(const struct serve_setup *setup, const struct request_list *requests,
                     const struct serve_result *r, size_t warmup, const struct slo *slo,
                     struct serve_summary *out)
{
	struct served_span span = {warmup, requests->n};

	serve_summarize_span(setup, requests, r, span, slo, out);
}

void serve_summarize_span(const struct serve_setup *setup, const struct request_list *requests,
                          const struct serve_result *r, struct served_span span,
                          const struct slo *slo, struct serve_summary *out)
{
	CHECK(span.first < span.end && span.end <= requests->n);
	*out = (struct serve_summary){0};
	out->ttft = latency_of(requests, r, span, LATENCY_TTFT);
	out->tpot = latency_of(requests, r, span, LATENCY_TPOT);
	out->e2e = latency_of(requests, r, span, LATENCY_E2E);
	out->wait = latency_of(requests, r, span, LATENCY_WAIT);
	out->itl_mean_s = gaps_mean_s(&r->gaps);
	out->itl_p50_s = gaps_percentile_s(&r->gaps, 0.5);
	out->itl_p90_s = gaps_percentile_s(&r->gaps, 0.9);
	out->itl_p95_s = gaps_percentile_s(&r->gaps, 0.95);
	out->itl_p99_s = gaps_percentile_s(&r->gaps, 0.99);
	rates_of(setup, requests, r, span, slo, out);
}

/* Mean output over whole spans between two times; -1 where there is none. */
static double output_between(const struct serve_result *r, double from_s, double until_s)
{
	const struct gauge *g = &r->output;
	size_t first = (size_t)ceil(from_s / g->span_s), last = (size_t)(until_s / g->span_s);
	double sum = 0;

	if (!(until_s > from_s) || last <= first)
		return -1;
	for (size_t i = first; i < last && i < gauge_spans(g); i++)
		sum += gauge_span_mean(g, i);
	return sum / (double)(last - first);
}

/* While ranks are missing and the others serve: from the first resumption to what ends it. */
static double fewer_until_s(const struct serve_result *r)
{
	const struct serve_failures *f = &r->failures;

	for (size_t i = 0; i < f->n_marks; i++) {
		if (f->mark[i].at_s > f->resumed_s &&
		    (f->mark[i].kind == MARK_READY || f->mark[i].kind == MARK_SUSPECT))
			return f->mark[i].at_s;
	}
	return r->end_s;
}

void serve_recovery_of(const struct serve_result *r, double share_ratio, struct serve_recovery *out)
{
	enum { WINDOW = 4 }; /* spans */
	const struct serve_failures *f = &r->failures;
	double span_s = r->output.span_s, from_s = fmax(f->resumed_s, f->rejoined_s);
	bool restarted = f->resumed_s >= 0 && f->resumed_s == f->rejoined_s;

	*out = (struct serve_recovery){.fewer_rate_count = -1, .back_s = -1};
	out->before_rate_count = fmax(0, output_between(r, f->failed_s / 2, f->failed_s));
	if (f->resumed_s < 0)
		return;
	if (!restarted)
		out->fewer_rate_count = output_between(r, f->resumed_s, fewer_until_s(r));
	for (double at_s = ceil(from_s / span_s) * span_s; at_s + WINDOW * span_s <= r->end_s;
	     at_s += span_s) {
		if (output_between(r, at_s, at_s + WINDOW * span_s) >=
		    share_ratio * out->before_rate_count) {
			out->back_s = at_s - f->failed_s;
			return;
		}
	}
}

enum rc goodput_search(enum rc (*at)(void *data, double rate_count, bool *fine, struct err *e),
                       void *data, double first_rate_count, double precision_ratio,
                       double *out_rate_count, struct err *e)
{
	enum { MOST_DOUBLINGS = 24 };
	double low = 0, high = first_rate_count;
	bool fine;

	TRY(at(data, high, &fine, e));
	for (int i = 0; fine && i < MOST_DOUBLINGS; i++) {
		low = high, high *= 2;
		TRY(at(data, high, &fine, e));
	}
	for (int i = 0; low == 0 && i < MOST_DOUBLINGS; i++) {
		double half = high / 2;

		TRY(at(data, half, &fine, e));
		*(fine ? &low : &high) = half;
	}
	while (low > 0 && high - low > precision_ratio * low) {
		double middle = (low + high) / 2;

		TRY(at(data, middle, &fine, e));
		*(fine ? &low : &high) = middle;
	}
	*out_rate_count = low;
	return RC_OK;
}
