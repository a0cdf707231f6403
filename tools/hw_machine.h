/* A host described as a machine, from microbenchmarks: what `epsim hw loop` predicts with. */
#pragma once
#include "hw/bench.h"
#include "models/config.h"

/* The microbenchmarks that the machine needs: every mover with all ranks at work, on as much memory
 * as is beyond the caches. dies: ranks have cores of their own, and all of these work. */
void hw_machine_bench(struct bench *b, bool dies, int64_t n_ranks, int64_t row_bytes, int64_t bytes,
                      int32_t repeats);

/* The machine's YAML, every number with its source; where: what ran the benchmarks. */
void hw_machine_yaml(const struct bench *b, const struct symheap_backend *backend,
                     const char *where, FILE *out);
