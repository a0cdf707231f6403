#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include "models/base/arena.h"
#include "models/base/rng.h"
#include "tools/bench.h"

/* The trials' own figures; no machine's. */
static const double port_Bps = 100e9; /* lint: workload */
static const double latency_s = 2e-6; /* lint: workload */
static const double row_bytes = 7168;
static const double pair_bytes = 1 << 20;
static const double popularity_ratio = 0.8;
enum { TOP_K = 8, LEAST_EXPERTS = 256, SEED = 1 };

const double bench_enough_s = 0.5, bench_tolerance_ratio = 0x1p-10;

double cpu_s(void)
{
	const double us_s = 1e-6, ns_s = 1e-9; /* lint: struct timeval, struct timespec */
	struct rusage children;
	struct timespec self;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return (double)(self.tv_sec + children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
	       ns_s * (double)self.tv_nsec +
	       us_s * (double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec);
}

/* Expert places of falling popularity: the sums over them, and each one's rank. */
struct popularity {
	uint32_t n;
	double *sum_ratio; /* cumulative, up to 1 */
	uint32_t *rank;
};

static void popularity_init(struct popularity *p, uint32_t n_ranks)
{
	uint32_t local = (LEAST_EXPERTS + n_ranks - 1) / n_ranks;
	double sum = 0;
	struct rng r;

	p->n = local * n_ranks;
	p->sum_ratio = heap_zeroed(p->n, sizeof *p->sum_ratio);
	p->rank = heap_zeroed(p->n, sizeof *p->rank);
	for (uint32_t i = 0; i < p->n; i++) {
		sum += pow((double)(i + 1), -popularity_ratio);
		p->sum_ratio[i] = sum;
		p->rank[i] = i / local;
	}
	for (uint32_t i = 0; i < p->n; i++)
		p->sum_ratio[i] /= sum;
	rng_init(&r, SEED, UINT32_MAX);
	rng_shuffle(&r, p->rank, p->n);
}

static uint32_t popularity_draw(const struct popularity *p, struct rng *r)
{
	double u_ratio = rng_uniform_ratio(r);
	uint32_t low = 0, high = p->n - 1;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (p->sum_ratio[middle] > u_ratio)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Rows of one source to each rank: top-8 distinct experts a token. */
static void rows_draw(const struct popularity *p, uint32_t source, uint32_t tokens, double *rows)
{
	struct rng r;

	rng_init(&r, SEED, source);
	for (uint32_t t = 0; t < tokens; t++) {
		uint32_t picked[TOP_K];

		for (uint32_t k = 0; k < TOP_K;) {
			bool again = false;

			picked[k] = popularity_draw(p, &r);
			for (uint32_t j = 0; j < k; j++)
				again |= picked[j] == picked[k];
			if (!again)
				rows[p->rank[picked[k++]]]++;
		}
	}
}

void bench_all_to_all(struct graph *g, enum bench_skew skew, uint32_t n_ranks, uint32_t tokens)
{
	double *rows = heap_zeroed(n_ranks, sizeof *rows);
	struct popularity p = {0};

	if (skew == BENCH_ZIPF)
		popularity_init(&p, n_ranks);
	for (uint32_t i = 0; i < n_ranks; i++)
		graph_resource(g, RES_EGRESS, i, port_Bps);
	for (uint32_t i = 0; i < n_ranks; i++)
		graph_resource(g, RES_INGRESS, i, port_Bps);
	for (uint32_t from = 0; from < n_ranks; from++) {
		for (uint32_t i = 0; i < n_ranks; i++)
			rows[i] = 0;
		if (skew == BENCH_ZIPF)
			rows_draw(&p, from, tokens, rows);
		for (uint32_t to = 0; to < n_ranks; to++) {
			struct use uses[] = {{from, 1}, {n_ranks + to, 1}};
			double bytes = skew == BENCH_ZIPF ? rows[to] * row_bytes : pair_bytes;

			if (to == from || !(bytes > 0))
				continue;
			graph_append(g, &(struct activity){.label = "dispatch.put",
			                                   .rank = from,
			                                   .work_units = bytes,
			                                   .latency_s = latency_s,
			                                   .uses = uses,
			                                   .n_uses = 2});
		}
	}
	free(p.sum_ratio);
	free(p.rank);
	free(rows);
}
