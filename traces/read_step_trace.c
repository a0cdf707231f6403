/* step_trace_time.csv (torch_npu; us) and msprof-analyze's cluster_step_trace_time.csv: where the
 * time of each step went. Of the latter only rows of one rank are taken: a stage's is the most of
 * its ranks, column by column. */
#include <string.h>
#include "traces/csv.h"
#include "traces/decimal.h"
#include "traces/readers.h"

enum column {
	DEVICE,
	STEP,
	TYPE,
	INDEX,
	COMPUTING,
	NOT_OVERLAPPED,
	OVERLAPPED,
	COMMUNICATION,
	FREE,
	STAGE,
	BUBBLE,
	NOT_RECEIVE,
	PREPARING,
	COLUMNS
};

static const struct csv_column columns[COLUMNS] = {
        [DEVICE] = {{"Device_id", "Device ID"}, true},
        [STEP] = {{"Step"}},
        [TYPE] = {{"Type"}, true},
        [INDEX] = {{"Index"}, true},
        [COMPUTING] = {{"Computing"}},
        [NOT_OVERLAPPED] = {{"Communication(Not Overlapped)"}},
        [OVERLAPPED] = {{"Overlapped"}},
        [COMMUNICATION] = {{"Communication"}},
        [FREE] = {{"Free"}},
        [STAGE] = {{"Stage"}, true},
        [BUBBLE] = {{"Bubble"}, true},
        [NOT_RECEIVE] = {{"Communication(Not Overlapped and Exclude Receive)"}, true},
        [PREPARING] = {{"Preparing"}, true},
};

static enum rc row_read(const struct csv *c, const struct trace_sink *sink, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_PART);

	if (csv_has(c, TYPE)) {
		if (strcmp(csv_text(c, TYPE), "rank") != 0)
			return RC_OK;
		TRY(csv_count(c, INDEX, &ev.rank, e));
	}
	TRY(csv_count(c, DEVICE, &ev.device, e));
	TRY(csv_scaled(c, STEP, AS_IS, &ev.step, e));
	for (size_t i = COMPUTING; i < COLUMNS; i++) {
		ev.name = columns[i].name[0];
		TRY(csv_time(c, i, US_TO_NS, &ev.duration_ns, e));
		if (csv_has(c, i))
			TRY(sink->take(sink->data, &ev, e));
	}
	return RC_OK;
}

static enum rc step_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	return csv_each(path, columns, COLUMNS, false, row_read, sink, e);
}

static bool step_holds(const struct trace_head *h)
{
	return csv_names(h->text, h->n, columns, COLUMNS);
}

const struct trace_reader reader_step_trace = {
        .name = "step_trace_time",
        .pattern = {"step_trace_time*.csv", "cluster_step_trace_time*.csv"},
        .gives = GIVES_PARTS,
        .holds = step_holds,
        .read = step_read,
};
