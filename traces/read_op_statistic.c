/* op_statistic_*.csv and communication_statistic_*.csv (msprof): totals of each op type. No
 * quantile can be had from it. Headers: Ascend/msprof 9ba1ac7, analysis/csrc/application/summary.
 */
#include "traces/csv.h"
#include "traces/decimal.h"
#include "traces/readers.h"

enum column { DEVICE, TYPE, CORE, CALLS, TOTAL, LEAST, MOST, COLUMNS };

static const struct csv_column columns[COLUMNS] = {
        [DEVICE] = {{"Device_id", "Device ID"}, true},
        [TYPE] = {{"OP Type"}},
        [CORE] = {{"Core Type"}, true},
        [CALLS] = {{"Count"}},
        [TOTAL] = {{"Total Time(us)"}},
        [LEAST] = {{"Min Time(us)"}},
        [MOST] = {{"Max Time(us)"}},
};

static enum rc row_read(const struct csv *c, const struct trace_sink *sink, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_STATISTIC);

	ev.name = ev.type = csv_text(c, TYPE);
	ev.core = csv_text(c, CORE);
	TRY(csv_count(c, DEVICE, &ev.device, e));
	TRY(csv_needed(c, CALLS, AS_IS, &ev.calls, e));
	TRY(csv_needed(c, TOTAL, US_TO_NS, &ev.duration_ns, e));
	TRY(csv_needed(c, LEAST, US_TO_NS, &ev.least_ns, e));
	TRY(csv_needed(c, MOST, US_TO_NS, &ev.most_ns, e));
	return sink->take(sink->data, &ev, e);
}

static enum rc statistic_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	return csv_each(path, columns, COLUMNS, false, row_read, sink, e);
}

static bool statistic_holds(const struct trace_head *h)
{
	return csv_names(h->text, h->n, columns, COLUMNS);
}

const struct trace_reader reader_op_statistic = {
        .name = "op_statistic",
        .pattern = {"op_statistic*.csv", "communication_statistic*.csv"},
        .gives = GIVES_STATISTICS,
        .holds = statistic_holds,
        .read = statistic_read,
};
