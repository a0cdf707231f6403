/* kernel_details.csv (torch_npu) and op_summary_*.csv (msprof): one row a kernel or a collective.
 * Headers: Ascend/msprof 9ba1ac7 analysis/csrc/application/summary, Ascend/pytorch 9e73e70
 * torch_npu/profiler/analysis; Block Dim became Block Num after CANN 8.5, HCCL became
 * COMMUNICATION. Columns are found by name, others are left alone. */
#include <string.h>
#include "traces/csv.h"
#include "traces/decimal.h"
#include "traces/readers.h"

enum column { STEP, DEVICE, NAME, TYPE, CORE, START, DURATION, SHAPES, DTYPES, COLUMNS };

static const struct csv_column kernel_columns[COLUMNS] = {
        [STEP] = {{"Step Id"}, true},
        [DEVICE] = {{"Device_id", "Device ID", "Device Id"}, true},
        [NAME] = {{"Name"}},
        [TYPE] = {{"Type"}},
        [CORE] = {{"Accelerator Core"}, true},
        [START] = {{"Start Time(us)"}},
        [DURATION] = {{"Duration(us)"}},
        [SHAPES] = {{"Input Shapes"}, true},
        [DTYPES] = {{"Input Data Types"}, true},
};

static const struct csv_column summary_columns[COLUMNS] = {
        [STEP] = {{"Step Id", "Infer ID"}, true},
        [DEVICE] = {{"Device_id", "Device ID", "Device Id"}, true},
        [NAME] = {{"Op Name"}},
        [TYPE] = {{"OP Type"}},
        [CORE] = {{"Task Type"}, true},
        [START] = {{"Task Start Time(us)"}},
        [DURATION] = {{"Task Duration(us)"}},
        [SHAPES] = {{"Input Shapes"}, true},
        [DTYPES] = {{"Input Data Types"}, true},
};

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* A collective has a row of its own, and one for the kernel that does it, with the same start and
 * duration: "hcom_alltoallv__909_2_1" and "alltoallvAivKernel". */
static void sort_out(struct trace_event *ev)
{
	bool hcom = starts(ev->type, "hcom_") || starts(ev->name, "hcom_");

	ev->twin = strstr(ev->name, "AivKernel") || strstr(ev->name, "AicpuKernel");
	if (!ev->twin &&
	    (hcom || strcmp(ev->core, "COMMUNICATION") == 0 || strcmp(ev->core, "HCCL") == 0))
		ev->kind = TRACE_COLLECTIVE;
}

static enum rc row_read(const struct csv *c, const struct trace_sink *sink, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_KERNEL);

	ev.name = csv_text(c, NAME);
	ev.type = csv_text(c, TYPE);
	ev.core = csv_text(c, CORE);
	ev.shapes = csv_text(c, SHAPES);
	ev.dtypes = csv_text(c, DTYPES);
	TRY(csv_scaled(c, STEP, AS_IS, &ev.step, e));
	TRY(csv_count(c, DEVICE, &ev.device, e));
	TRY(csv_scaled(c, START, US_TO_NS, &ev.start_ns, e));
	TRY(csv_time(c, DURATION, US_TO_NS, &ev.duration_ns, e));
	if (!*csv_text(c, START))
		ev.start_ns = TRACE_NO_TIME;
	if (!*ev.name && !*ev.type)
		return fail(e, RC_DATA, "%s:%ld: the row names no op", c->lines.path,
		            c->lines.number);
	sort_out(&ev);
	return sink->take(sink->data, &ev, e);
}

static bool kernel_holds(const struct trace_head *h)
{
	return csv_names(h->text, h->n, kernel_columns, COLUMNS);
}

static enum rc kernel_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	return csv_each(path, kernel_columns, COLUMNS, false, row_read, sink, e);
}

static bool summary_holds(const struct trace_head *h)
{
	return csv_names(h->text, h->n, summary_columns, COLUMNS);
}

static enum rc summary_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	return csv_each(path, summary_columns, COLUMNS, false, row_read, sink, e);
}

const struct trace_reader reader_kernel_details = {
        .name = "kernel_details",
        .pattern = {"kernel_details*.csv"},
        .gives = GIVES_OPS,
        .holds = kernel_holds,
        .read = kernel_read,
};

const struct trace_reader reader_op_summary = {
        .name = "op_summary",
        .pattern = {"op_summary*.csv"},
        .gives = GIVES_OPS,
        .holds = summary_holds,
        .read = summary_read,
};
