/* Requests whose lengths are drawn from a workload's figures. */
#pragma once
#include "models/requests.h"
#include "models/workload.h"

/* Appends n requests, all at time 0, to the list. Prompts and answers are drawn apart, each from
 * the curve that joins p50, p90 and p99 by straight lines of the logarithm, ends at p99, and begins
 * where its mean is the workload's. Where none begins so, it ends later. The i-th request does not
 * depend on n. */
void lengths_draw(const struct workload *w, size_t n, uint64_t seed, struct request_list *out);

/* That curve's value at a share of the requests, tokens. */
double lengths_quantile_count(const struct lengths *l, double share_ratio);
