/* One rank on one die: a trial or microbenchmarks, through ascend_die.h. */
#pragma once
#include "hw/ascend_die.h"
#include "hw/bench.h"
#include "hw/trial.h"

/* Collective over the ranks of the group that the die was opened with. report: this rank's; NULL is
 * returned, or what failed. */
const char *ascend_trial_run(struct die *d, int64_t rank, const struct trial *t,
                             struct trial_report *report);
const char *ascend_bench_run(struct die *d, int64_t rank, const struct bench *b,
                             struct bench_point *out);

/* Symmetric memory that they ask for. */
size_t ascend_trial_heap_bytes(const struct trial *t);
size_t ascend_bench_heap_bytes(const struct bench *b);
