/* What a real server logged of each request: vLLM's timestamps, as LLMServingSim's runs keep them.
 */
#pragma once
#include <stddef.h>
#include "models/base/err.h"

struct served_row {
	double queued_s, first_s, last_s; /* on one clock, from the earliest queued_s on */
	double input_count, output_count; /* tokens */
};

/* Reads JSON lines with input_toks, output_toks, queued_ts, first_token_ts and last_token_ts; *out
 * is freed by the caller. RC_DATA with path and line. */
enum rc served_log_read(const char *path, struct served_row **out, size_t *n, struct err *e);
