/* Benchmarks: rows of `epsim bench`. Times are CPU seconds of this process and its children; what
 * matters are ratios within one run, since machines differ and are noisy. */
#pragma once
#include <stdbool.h>
#include "sim/graph.h"

struct bench {
	const char *name;
	const char *unit; /* "s", "ratio", "bytes", "exponent", "GB/s", "1/s" */
	const char *doc;
	/* once: a single run, for counting instructions. RC_NO: not possible in this build. */
	enum rc (*run)(bool once, double *out_units, struct err *e);
};

extern const struct bench benches[]; /* ends with a row of NULLs */

/* ---- workloads, as published trials of all-to-all simulators use them ---- */

enum bench_skew {
	BENCH_UNIFORM, /* the same bytes between every pair */
	BENCH_ZIPF, /* rows to experts of popularity 1/r^0.8, placed at random, one rank's experts
	               the same number each */
};

/* An all-to-all of n_ranks on a star of 100 GB/s ports with 2 us latency, one activity a pair.
 * Zipf: `tokens` a rank, top-8 of at least 256 experts, 7,168 bytes a row. Uniform: 1 MiB a pair.
 * The same seed gives the same graph. */
void bench_all_to_all(struct graph *g, enum bench_skew skew, uint32_t n_ranks, uint32_t tokens);

/* Whole steps and sweeps (bench_steps.c), as rows call them. */
enum rc bench_fluid_step(bool once, double *out_s, struct err *e);
enum rc bench_fluid_step_drawn(bool once, double *out_s, struct err *e);
enum rc bench_estimate_step(bool once, double *out_s, struct err *e);
enum rc bench_two_threads(bool once, double *out_ratio, struct err *e);
enum rc bench_million(bool once, double *out_s, struct err *e);
enum rc bench_million_rate(bool once, double *out_units, struct err *e);
enum rc bench_pools_rate(bool once, double *out_units, struct err *e);
enum rc bench_million_bytes(bool once, double *out_bytes, struct err *e);
enum rc bench_shipped_rate(bool once, double *out_units, struct err *e);

/* Reading of traces (bench_traces.c). */
enum rc bench_trace_csv(bool once, double *out_GBps, struct err *e);    /* unit: GB/s */
enum rc bench_trace_chrome(bool once, double *out_GBps, struct err *e); /* unit: GB/s */
enum rc bench_trace_bytes(bool once, double *out_bytes, struct err *e);

/* Serving (bench_serve.c). */
enum rc bench_serve_million(bool once, double *out_s, struct err *e);
enum rc bench_serve_million_ep32(bool once, double *out_s, struct err *e);
enum rc bench_serve_rate(bool once, double *out_per_s, struct err *e);
enum rc bench_serve_bytes(bool once, double *out_bytes, struct err *e);

/* Peak memory of a process that runs f, beyond that of one that does nothing. */
enum rc bench_peak_beyond_idle(void (*f)(void), double *out_bytes, struct err *e);

/* A benchmark is run this often, and on until it has taken bench_enough_s. */
enum { LEAST_RUNS = 3, MOST_RUNS = 10000 };
extern const double bench_enough_s, bench_tolerance_ratio;

double cpu_s(void); /* CPU seconds of this process and its ended children */
