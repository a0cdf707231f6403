/* What a serving log says: latencies as everybody defines them, share within the limits, rates.
 *
 * TTFT: first token - arrival, waiting included. TPOT: (last - first token) / (tokens - 1), of
 * requests with two or more. Gaps between tokens (ITL) are of all requests. The first `warmup`
 * requests are left out of the rest. */
#pragma once
#include "sim/serve.h"

struct latency {
	size_t n;
	double mean_s, p50_s, p90_s, p95_s, p99_s, most_s; /* 0 when n is 0 */
};

struct slo { /* 0: no limit */
	double ttft_s, tpot_s;
};

struct serve_summary {
	size_t requests, done, rejected, lost; /* after the warm-up */
	struct latency ttft, tpot, e2e, wait;
	double itl_mean_s, itl_p50_s, itl_p90_s, itl_p95_s, itl_p99_s;
	double attainment_ratio;   /* requests done within both limits, of all */
	double span_s;             /* first arrival to last token */
	double offered_rate_count; /* requests a second that came */
	double request_rate_count, output_rate_count, input_rate_count; /* done; tokens a second */
	double output_rate_per_npu_count;
	double busy_ratio; /* of the instances' time */
};

void serve_summarize(const struct serve_setup *setup, const struct request_list *requests,
                     const struct serve_result *r, size_t warmup, const struct slo *slo,
                     struct serve_summary *out);

/* Requests that figures are of: those before fill the system, those after find it emptying. */
struct served_span {
	size_t first, end;
};
void serve_summarize_span(const struct serve_setup *setup, const struct request_list *requests,
                          const struct serve_result *r, struct served_span span,
                          const struct slo *slo, struct serve_summary *out);

/* Output before, during and after a failure. */
struct serve_recovery {
	double before_rate_count; /* tokens a second: mean of the half before the first failure */
	double fewer_rate_count;  /* while ranks were missing and the others served; -1: never */
	double back_s; /* from the failure until all that come back are back, and output reaches a
	                  share of what it was; -1: never */
};
void serve_recovery_of(const struct serve_result *r, double share_ratio,
                       struct serve_recovery *out);

double served_ttft_s(const struct request *r, const struct served *s);
double served_tpot_s(const struct served *s); /* of two tokens or more */

/* Values of all requests of the span that have one, sorted; *out is freed by the caller. */
enum latency_kind { LATENCY_TTFT, LATENCY_TPOT, LATENCY_E2E, LATENCY_WAIT };
size_t latency_values(const struct request_list *requests, const struct serve_result *r,
                      struct served_span span, enum latency_kind kind, double **out_s);

/* The highest rate with an attainment of at least `share`, by doubling and bisection to a precision
 * relative to the rate. `at` says whether a rate is fine; calls: at most so many. 0 when not even
 * the first rate, halved again and again, is. */
enum rc goodput_search(enum rc (*at)(void *data, double rate_count, bool *fine, struct err *e),
                       void *data, double first_rate_count, double precision_ratio,
                       double *out_rate_count, struct err *e);
