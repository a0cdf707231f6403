/* hccl_test (Ascend oam-tools, src/hccl_test):
 *     data_size(Bytes): |   avg_time(us): | alg_bandwidth(GB/s): | check_result:
 *     8192              |     764.55    |       0.00998        | success
 * The code prints aveg_time, its documents avg_time. Bandwidth is left alone: old versions divide
 * by 1024^3, new ones by 10^9; size and time tell. Of alltoall and alltoallv the size is what a
 * rank has. The op is in the file's name alone. Written from that source; no file was at hand. */
#include <string.h>
#include "traces/decimal.h"
#include "traces/readers.h"
#include "traces/words.h"

struct hccl {
	char name[128];
	bool header;
};

static enum rc figures_read(struct lines *l, const struct hccl *t, const struct trace_sink *sink,
                            struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_POINT);
	struct words w;

	words_split(&w, l, '|');
	if (w.n < 4)
		return fail(e, RC_DATA, "%s:%ld: %zu columns; four are expected", l->path,
		            l->number, w.n);
	ev.name = t->name;
	TRY(words_scaled(&w, 0, "the size", AS_IS, &ev.bytes, e));
	TRY(words_scaled(&w, 1, "the time", US_TO_NS, &ev.duration_ns, e));
	if (strcmp(w.word[3], "success") != 0 && strcmp(w.word[3], "NULL") != 0)
		return fail(e, RC_DATA,
		            "%s:%ld: check_result is '%.40s': the time of a wrong result is no "
		            "measurement",
		            l->path, l->number, w.word[3]);
	return sink->take(sink->data, &ev, e);
}

/* Before the header and between the rows the program says other things too. */
static enum rc line_read(struct lines *l, void *data, const struct trace_sink *sink, struct err *e)
{
	struct hccl *t = data;

	if (line_starts(l, "data_size(Bytes)"))
		t->header = true;
	else if (t->header && line_counts(l))
		return figures_read(l, t, sink, e);
	return RC_OK;
}

static enum rc hccl_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	struct hccl t = {.header = false};

	trace_collective(path, t.name, sizeof t.name);
	TRY(lines_each(path, line_read, &t, sink, e));
	if (!t.header)
		return fail(e, RC_DATA, "%s:1: no line 'data_size(Bytes): | ...'", path);
	return RC_OK;
}

static bool hccl_holds(const struct trace_head *h)
{
	return strstr(h->text, "data_size(Bytes)") && strstr(h->text, "check_result");
}

const struct trace_reader reader_hccl_test = {
        .name = "hccl_test",
        .pattern = {"hccl_test*.txt", "hccl_test*.log"},
        .gives = GIVES_POINTS,
        .holds = hccl_holds,
        .read = hccl_read,
};
