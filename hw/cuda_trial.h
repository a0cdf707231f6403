/* A trial or microbenchmarks on GPUs, through cuda_ranks.h. */
#pragma once
#include "hw/bench.h"
#include "hw/trial.h"

/* reports: n_ranks of them, zeroed. device: what ran it. NULL, or what failed. */
const char *cuda_trial_run(const struct trial *t, struct trial_report *reports,
                           char device[DEVICE_TEXT_SIZE]);

/* out: n_ranks times MOST_POINTS. */
const char *cuda_bench_run(const struct bench *b, struct bench_point *out,
                           char device[DEVICE_TEXT_SIZE]);
