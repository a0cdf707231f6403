/* What `epsim trace summary` prints. */
#pragma once
#include <stdio.h>
#include "traces/files.h"
#include "traces/summary.h"

/* rows: of each table, 0: all. */
void trace_report_text(const struct trace_files *files, const struct summary *s, uint32_t rows,
                       FILE *out);
/* Its part about links: trace_links.c. */
void trace_links_text(const struct summary *s, uint32_t rows, FILE *out);

void trace_report_json(const struct trace_files *files, const struct summary *s, FILE *out);
