#include "tools/progress.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 40 };

static const double quiet_s = 1, redraw_s = 0.1;

double wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 0x1.12e0be826d695p-30; /* nanoseconds */
}

void progress_init(struct progress *p, const char *what)
{
	*p = (struct progress){.what = what, .start_s = wall_s(), .terminal = isatty(2)};
}

void progress_step(void *data, size_t done, size_t total)
{
	struct progress *p = data;
	double now_s = p->terminal ? wall_s() : 0;
	int full = total ? (int)(done * BAR_WIDTH / total) : BAR_WIDTH;

	if (!p->terminal || now_s - p->start_s < quiet_s || now_s - p->shown_s < redraw_s)
		return;
	p->shown_s = now_s, p->drawn = 1;
	fprintf(stderr, "\r%s [", p->what);
	for (int i = 0; i < BAR_WIDTH; i++)
		fputc(i < full ? '#' : '.', stderr);
	fprintf(stderr, "] %zu/%zu", done, total);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fprintf(stderr, "\r\033[K");
	p->drawn = 0;
}
