/* nccl-tests (NVIDIA, a0b82b2): remarks start with '#', one of which names the columns:
 *     #       size         count      type   redop    root     time   algbw   busbw #wrong ...
 *        33554432       8388608     float    none      -1    210.5  159.40  139.47      0 ...
 * time (us) stands there twice: out of place, in place. Bandwidth is left alone: size and time
 * tell. Written from that source; no file was at hand. */
#include <stdio.h>
#include <string.h>
#include "traces/decimal.h"
#include "traces/readers.h"
#include "traces/words.h"

enum { PLACES = 2 };

struct nccl {
	char name[PLACES][128];
	int32_t ranks;        /* that the remarks list */
	size_t time[PLACES];  /* which word of a row; 0: there is none */
	size_t wrong[PLACES]; /* errors found; 0: not told */
};

static void columns_find(struct nccl *t, const struct words *w)
{
	size_t times = 0, wrongs = 0;

	memset(t->time, 0, sizeof t->time);
	memset(t->wrong, 0, sizeof t->wrong);
	for (size_t i = 1; i < w->n; i++) { /* word 0 is the '#' */
		if (strcmp(w->word[i], "time") == 0 && times < PLACES)
			t->time[times++] = i - 1;
		if (strcmp(w->word[i], "#wrong") == 0 && wrongs < PLACES)
			t->wrong[wrongs++] = i - 1;
	}
}

static enum rc remark_read(struct lines *l, struct nccl *t, struct err *e)
{
	struct words w;

	if (line_starts(l, "#  Rank") || line_starts(l, "#   Rank"))
		t->ranks++;
	words_split(&w, l, ' ');
	if (w.n < 2 || strcmp(w.word[1], "size") != 0)
		return RC_OK;
	columns_find(t, &w);
	if (t->time[0] == 0)
		return fail(e, RC_DATA, "%s:%ld: the header has no column 'time'", l->path,
		            l->number);
	return RC_OK;
}

static enum rc place_read(const struct words *w, const struct nccl *t, size_t place,
                          const struct trace_sink *sink, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_POINT);
	size_t wrong = t->wrong[place];

	if (t->time[place] == 0)
		return RC_OK;
	if (wrong > 0 && wrong < w->n && strcmp(w->word[wrong], "0") != 0 &&
	    strcmp(w->word[wrong], "N/A") != 0)
		return fail(e, RC_DATA,
		            "%s:%ld: #wrong is %.20s: the time of a wrong result is no measurement",
		            w->line->path, w->line->number, w->word[wrong]);
	ev.name = t->name[place];
	ev.dtypes = w->n > 2 ? w->word[2] : "";
	ev.ranks = t->ranks > 0 ? t->ranks : TRACE_UNKNOWN;
	TRY(words_scaled(w, 0, "the size", AS_IS, &ev.bytes, e));
	TRY(words_scaled(w, t->time[place], "the time", US_TO_NS, &ev.duration_ns, e));
	return sink->take(sink->data, &ev, e);
}

static enum rc line_read(struct lines *l, void *data, const struct trace_sink *sink, struct err *e)
{
	struct nccl *t = data;
	struct words w;

	if (line_starts(l, "#"))
		return remark_read(l, t, e);
	if (!line_counts(l)) /* what the launcher says */
		return RC_OK;
	if (t->time[0] == 0)
		return fail(e, RC_DATA, "%s:%ld: figures before a line '# size ... time'", l->path,
		            l->number);
	words_split(&w, l, ' ');
	TRY(place_read(&w, t, 0, sink, e));
	return place_read(&w, t, 1, sink, e);
}

static enum rc nccl_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	struct nccl t = {.ranks = 0};
	char name[100];

	trace_collective(path, name, sizeof name);
	snprintf(t.name[0], sizeof t.name[0], "%s", name);
	snprintf(t.name[1], sizeof t.name[1], "%s in place", name);
	TRY(lines_each(path, line_read, &t, sink, e));
	if (t.time[0] == 0)
		return fail(e, RC_DATA, "%s:1: no line '# size ... time'", path);
	return RC_OK;
}

static bool nccl_holds(const struct trace_head *h)
{
	return strstr(h->text, "redop") && strstr(h->text, "busbw");
}

const struct trace_reader reader_nccl_tests = {
        .name = "nccl-tests",
        .pattern = {"nccl*.txt", "nccl*.log", "*_perf.txt"},
        .gives = GIVES_POINTS,
        .holds = nccl_holds,
        .read = nccl_read,
};
