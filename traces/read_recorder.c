/* Our own recorder's CSV: what a kernel or a host program of the flows writes of itself. Columns
 * and an example are in TRACES.md; its Chrome form is read by read_chrome.c. */
#include "traces/csv.h"
#include "traces/decimal.h"
#include "traces/readers.h"

enum column { RANK, STEP, OP, PHASE, FLOW, START, DURATION, BYTES, PEER, LINK, COLUMNS };

static const struct csv_column columns[COLUMNS] = {
        [RANK] = {{"rank"}},
        [STEP] = {{"step"}, true},
        [OP] = {{"op"}},
        [PHASE] = {{"phase"}, true},
        [FLOW] = {{"flow"}, true},
        [START] = {{"start_ns"}},
        [DURATION] = {{"duration_ns"}},
        [BYTES] = {{"bytes"}, true},
        [PEER] = {{"peer"}, true},
        [LINK] = {{"link"}, true},
};

/* A row with a peer is bytes to it, and no kernel of its own. */
static enum rc row_read(const struct csv *c, const struct trace_sink *sink, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_KERNEL);

	ev.name = ev.type = csv_text(c, OP);
	ev.phase = csv_text(c, PHASE);
	ev.flow = csv_text(c, FLOW);
	ev.link = trace_link_parse(csv_text(c, LINK));
	TRY(csv_count(c, RANK, &ev.rank, e));
	TRY(csv_scaled(c, STEP, AS_IS, &ev.step, e));
	TRY(csv_needed(c, START, AS_IS, &ev.start_ns, e));
	TRY(csv_needed(c, DURATION, AS_IS, &ev.duration_ns, e));
	TRY(csv_scaled(c, BYTES, AS_IS, &ev.bytes, e));
	TRY(csv_count(c, PEER, &ev.peer, e));
	if (ev.rank < 0 || !*ev.name)
		return fail(e, RC_DATA, "%s:%ld: a row needs a rank and an op", c->lines.path,
		            c->lines.number);
	if (ev.peer >= 0) {
		ev.kind = TRACE_TRANSFER;
		ev.source = ev.rank;
	}
	return sink->take(sink->data, &ev, e);
}

static enum rc recorder_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	return csv_each(path, columns, COLUMNS, false, row_read, sink, e);
}

static bool recorder_holds(const struct trace_head *h)
{
	return csv_names(h->text, h->n, columns, COLUMNS);
}

const struct trace_reader reader_recorder = {
        .name = "recorder",
        .pattern = {"record*.csv"},
        .gives = GIVES_OPS | GIVES_TRANSFERS,
        .holds = recorder_holds,
        .read = recorder_read,
};
