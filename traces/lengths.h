/* A request trace to a workload: how long the prompts and answers in a file are. */
#pragma once
#include "models/base/arena.h"
#include "models/base/err.h"
#include "models/workload.h"

/* Reads all requests of the trace at path, in any format of the table in lengths.c, which its first
 * line tells. Sets every field of *w, text in the arena: name (of the file, without its folders),
 * describes, mean and quantiles of input and output (linear interpolation between order
 * statistics, the rule that numpy calls "linear"), prompt p90. RC_DATA with path, line and what was
 * expected there; *w is then untouched. Memory: 16 bytes a request, and one line (16 MiB at most).
 */
enum rc trace_workload(const char *path, struct arena *a, struct workload *w, struct err *e);
