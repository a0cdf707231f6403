/* A request trace to its requests, one by one: lengths, arrivals, prefix blocks. */
#pragma once
#include "models/base/err.h"
#include "models/requests.h"

/* Reads all requests of a trace in any format of the table in lengths.c. Arrivals count from the
 * first and never fall: rows out of order are sorted. list->timed tells whether the trace has them.
 * Lengths of 0 tokens are taken as 1. RC_DATA with path and line; *out must be zeroed, and is then
 * untouched. */
enum rc trace_requests(const char *path, struct request_list *out, struct err *e);
