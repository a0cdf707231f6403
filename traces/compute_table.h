/* Tables of measured operators, as CSV under a header that decides what a row is. */
#pragma once
#include "models/base/arena.h"
#include "models/base/err.h"
#include "models/compute_row.h"

/* Adds the rows of a file to *t, which starts zeroed. Rows that hold no operator of ours are
 * counted in n_skipped. RC_DATA with file and line for what is malformed. */
enum rc compute_table_read(const char *path, struct arena *a, struct compute_table *t,
                           struct err *e);
