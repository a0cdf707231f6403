/* Where a rank's buffers lie on its die. */
#pragma once
#include <stddef.h>
#include "hw/ascend_exchange.h"
#include "hw/trial.h"

enum { ASCEND_MOST_CORES = 128 };

/* Bytes of both kinds of memory, by bases that may be NULL when only these are asked for. */
struct ascend_layout {
	uint8_t *own, *symmetric;
	size_t own_bytes, symmetric_bytes;
};

/* Lays an exchange out from the bases and counts what it takes. */
void ascend_lay(struct ascend_exchange *x, const struct trial *t, struct ascend_layout *l);
/* The same for microbenchmarks, rows of row_bytes: window and result are as large as the largest
 * point. */
void ascend_lay_bench(struct ascend_exchange *x, int64_t n_ranks, int64_t row_bytes, int64_t most,
                      struct ascend_layout *l);
