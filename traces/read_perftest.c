/* perftest (ib_write_bw, ib_read_lat, ...):
 *      #bytes     #iterations    BW peak[MiB/sec]    BW average[MiB/sec]   MsgRate[Mpps]
 *      65536      5000             23440.12            23437.90		   0.375006
 *      #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec] ...
 * One column is MiB/sec, MB/sec (of 2^20 bytes all the same) or Gb/sec, by a flag; its header says
 * which. t_typical is the median. Written from its documents; no file was at hand. */
#include <stdio.h>
#include <string.h>
#include "traces/decimal.h"
#include "traces/readers.h"
#include "traces/words.h"

enum unit { UNIT_NONE, UNIT_US, UNIT_MIB, UNIT_GBIT };
enum { AVERAGE_BW = 3, T_MIN = 2, T_MAX = 3, T_TYPICAL = 4, BITS = 8, MIB_KILO = 1 << 20 };

struct perf {
	char name[128]; /* "RDMA_Write BW" */
	enum unit unit; /* UNIT_NONE: no header yet */
};

static enum rc header_read(const struct lines *l, struct perf *p, struct err *e)
{
	if (strstr(l->text, "t_typical[usec]"))
		p->unit = UNIT_US;
	else if (strstr(l->text, "BW average[MiB/sec]") || strstr(l->text, "BW average[MB/sec]"))
		p->unit = UNIT_MIB;
	else if (strstr(l->text, "BW average[Gb/sec]"))
		p->unit = UNIT_GBIT;
	else
		return fail(e, RC_DATA,
		            "%s:%ld: the header has none of 't_typical[usec]', 'BW "
		            "average[MiB/sec]', 'BW average[Gb/sec]'",
		            l->path, l->number);
	return RC_OK;
}

/* Thousandths of MiB/s to bytes/s; bits/s to bytes/s. */
static enum rc rate_read(const struct words *w, enum unit unit, int64_t *rate_Bps, struct err *e)
{
	enum { MILLI = 3, THOUSAND = 1000, GIGA = 9 };
	int64_t value;

	TRY(words_scaled(w, AVERAGE_BW, "the bandwidth", unit == UNIT_GBIT ? GIGA : MILLI, &value,
	                 e));
	if (unit == UNIT_GBIT)
		return *rate_Bps = value / BITS, RC_OK;
	if (__builtin_mul_overflow(value, (int64_t)MIB_KILO, &value))
		return fail(e, RC_DATA, "%s:%ld: no bandwidth is that high: '%s'", w->line->path,
		            w->line->number, w->word[AVERAGE_BW]);
	return *rate_Bps = value / THOUSAND, RC_OK;
}

static enum rc figures_read(struct lines *l, const struct perf *p, const struct trace_sink *sink,
                            struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_POINT);
	struct words w;

	words_split(&w, l, ' ');
	ev.name = p->name;
	TRY(words_scaled(&w, 0, "the size", AS_IS, &ev.bytes, e));
	if (p->unit == UNIT_US) {
		TRY(words_scaled(&w, T_TYPICAL, "t_typical", US_TO_NS, &ev.duration_ns, e));
		TRY(words_scaled(&w, T_MIN, "t_min", US_TO_NS, &ev.least_ns, e));
		TRY(words_scaled(&w, T_MAX, "t_max", US_TO_NS, &ev.most_ns, e));
	} else {
		TRY(rate_read(&w, p->unit, &ev.rate_Bps, e));
	}
	return sink->take(sink->data, &ev, e);
}

/* "                    RDMA_Write BW Test" */
static void title_read(struct lines *l, struct perf *p)
{
	struct words w;

	words_split(&w, l, ' ');
	if (w.n == 3)
		snprintf(p->name, sizeof p->name, "%.60s %.60s", w.word[0], w.word[1]);
}

static enum rc line_read(struct lines *l, void *data, const struct trace_sink *sink, struct err *e)
{
	struct perf *p = data;

	if (line_starts(l, "#bytes"))
		return header_read(l, p, e);
	if (p->unit != UNIT_NONE && line_counts(l))
		return figures_read(l, p, sink, e);
	if (strstr(l->text, " Test"))
		title_read(l, p);
	return RC_OK;
}

static enum rc perf_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	struct perf p = {.unit = UNIT_NONE};

	trace_stem(path, p.name, sizeof p.name);
	TRY(lines_each(path, line_read, &p, sink, e));
	if (p.unit == UNIT_NONE)
		return fail(e, RC_DATA, "%s:1: no line '#bytes #iterations ...'", path);
	return RC_OK;
}

static bool perf_holds(const struct trace_head *h)
{
	return strstr(h->text, "#bytes") && strstr(h->text, "#iterations");
}

const struct trace_reader reader_perftest = {
        .name = "perftest",
        .pattern = {"perftest*.txt", "ib_*.txt", "ib_*.log"},
        .gives = GIVES_POINTS,
        .holds = perf_holds,
        .read = perf_read,
};
