/* OSU micro-benchmarks (osu_alltoallv, osu_oshm_put, osu_bw, ...):
 *     # OSU MPI All-to-Allv Personalized Exchange Latency Test v5.3
 *     # Size       Avg Latency(us)   Min Latency(us)   Max Latency(us)  Iterations
 *     65536                   6.45              6.44              6.47        1000
 * The size is that of one pair. Bandwidth tests have MB/s, of 10^6 bytes, instead of a time. */
#include <stdio.h>
#include <string.h>
#include "traces/decimal.h"
#include "traces/readers.h"
#include "traces/words.h"

struct osu {
	char name[128]; /* of the test, without "OSU" and its version */
	bool header;    /* "# Size" was seen */
	bool latency;   /* else bandwidth */
	bool least_most;
};

/* "# OSU MPI All-to-Allv Personalized Exchange Latency Test v5.3" */
static void title_read(const struct lines *l, struct osu *o)
{
	const char *from = strstr(l->text, "OSU ") + strlen("OSU ");
	const char *to = strstr(from, " Test"), *version = strstr(from, " v");

	to = to ? to : version ? version : from + strlen(from);
	snprintf(o->name, sizeof o->name, "%.*s", (int)(to - from), from);
	o->header = false;
}

static enum rc header_read(const struct lines *l, struct osu *o, struct err *e)
{
	o->latency = strstr(l->text, "Latency") != NULL;
	o->least_most = strstr(l->text, "Min") && strstr(l->text, "Max");
	if (!o->latency && !strstr(l->text, "MB/s"))
		return fail(e, RC_DATA, "%s:%ld: neither latency in us nor bandwidth in MB/s",
		            l->path, l->number);
	o->header = true;
	return RC_OK;
}

static enum rc figures_read(struct lines *l, const struct osu *o, const struct trace_sink *sink,
                            struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_POINT);
	struct words w;

	if (!o->header)
		return fail(e, RC_DATA, "%s:%ld: figures before a line '# Size'", l->path,
		            l->number);
	words_split(&w, l, ' ');
	ev.name = o->name;
	TRY(words_scaled(&w, 0, "the size", AS_IS, &ev.bytes, e));
	if (o->latency)
		TRY(words_scaled(&w, 1, "the latency", US_TO_NS, &ev.duration_ns, e));
	else
		TRY(words_scaled(&w, 1, "the bandwidth", MB_TO_BYTES, &ev.rate_Bps, e));
	if (o->latency && o->least_most) {
		TRY(words_scaled(&w, 2, "the least latency", US_TO_NS, &ev.least_ns, e));
		TRY(words_scaled(&w, 3, "the most latency", US_TO_NS, &ev.most_ns, e));
	}
	return sink->take(sink->data, &ev, e);
}

static enum rc line_read(struct lines *l, void *data, const struct trace_sink *sink, struct err *e)
{
	struct osu *o = data;

	if (line_counts(l))
		return figures_read(l, o, sink, e);
	if (line_starts(l, "# OSU "))
		title_read(l, o);
	else if (line_starts(l, "# Size"))
		return header_read(l, o, e);
	else if (!line_starts(l, "#"))
		return fail(e, RC_DATA, "%s:%ld: neither a remark nor a row of figures", l->path,
		            l->number);
	return RC_OK;
}

static enum rc osu_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	struct osu o = {0};

	TRY(lines_each(path, line_read, &o, sink, e));
	if (!o.header)
		return fail(e, RC_DATA, "%s:1: no line '# Size': the file is cut", path);
	return RC_OK;
}

static bool osu_holds(const struct trace_head *h)
{
	return strstr(h->text, "# OSU ") != NULL;
}

const struct trace_reader reader_osu = {
        .name = "OSU",
        .pattern = {"osu_*.txt", "osu_*.log"},
        .gives = GIVES_POINTS,
        .holds = osu_holds,
        .read = osu_read,
};
