/* A progress bar on standard error: only on a terminal, only after a second. */
#pragma once
#include <stddef.h>

struct progress {
	const char *what;
	double start_s, shown_s;
	int terminal;
	int drawn;
};

void progress_init(struct progress *p, const char *what);
/* As the progress callback of a sweep; data is the struct progress. */
void progress_step(void *data, size_t done, size_t total);
void progress_end(struct progress *p); /* wipes the bar */

double wall_s(void); /* seconds of the wall clock, for showing only */
