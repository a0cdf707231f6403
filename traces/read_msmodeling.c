/* The measured database of Ascend/msmodeling (tensor_cast/performance_model/profiling_database):
 * a CSV a collective under hccl/, a CSV a kernel beside it, each named as its op. In the repository
 * they are pointers of Git LFS, so this is written from its README; no file was at hand. */
#include "traces/csv.h"
#include "traces/decimal.h"
#include "traces/readers.h"
#include "traces/words.h"

enum comm_column { BYTES, RANKS, COMM_DTYPE, TIER, COMM_TIME, COMM_COLUMNS };

/* of the times the first that is there, as its own reader does */
static const struct csv_column comm_columns[COMM_COLUMNS] = {
        [BYTES] = {{"message_bytes"}},
        [RANKS] = {{"num_devices"}},
        [COMM_DTYPE] = {{"dtype"}, true},
        [TIER] = {{"topology_tier"}, true},
        [COMM_TIME] = {{"Average Duration(us)", "Profiling Average Duration(us)", "Duration(us)"}},
};

enum op_column { CORE, SHAPES, DTYPES, MEDIAN, AVERAGE, OP_COLUMNS };

static const struct csv_column op_columns[OP_COLUMNS] = {
        [CORE] = {{"Accelerator Core"}},
        [SHAPES] = {{"Input Shapes"}},
        [DTYPES] = {{"Input Data Types"}, true},
        [MEDIAN] = {{"Profiling Median Duration(us)"}, true},
        [AVERAGE] = {{"Profiling Average Duration(us)", "Average Duration(us)"}},
};

/* Tiers, as that database counts them. */
static const char *tier_name(const char *tier)
{
	static const char *const names[] = {"between pods", "in a pod", "in a package"};

	return *tier >= '0' && *tier <= '2' && !tier[1] ? names[*tier - '0'] : tier;
}

static enum rc comm_row(const struct csv *c, const struct trace_sink *sink, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_POINT);
	char name[128];

	trace_stem(c->lines.path, name, sizeof name);
	ev.name = name;
	ev.group = tier_name(csv_text(c, TIER));
	ev.dtypes = csv_text(c, COMM_DTYPE);
	TRY(csv_needed(c, BYTES, AS_IS, &ev.bytes, e));
	TRY(csv_needed(c, COMM_TIME, US_TO_NS, &ev.duration_ns, e));
	TRY(csv_count(c, RANKS, &ev.ranks, e));
	return sink->take(sink->data, &ev, e);
}

static enum rc op_row(const struct csv *c, const struct trace_sink *sink, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_POINT);
	char name[128];

	trace_stem(c->lines.path, name, sizeof name);
	ev.name = name;
	ev.core = csv_text(c, CORE);
	ev.shapes = csv_text(c, SHAPES);
	ev.dtypes = csv_text(c, DTYPES);
	TRY(csv_needed(c, *csv_text(c, MEDIAN) ? MEDIAN : AVERAGE, US_TO_NS, &ev.duration_ns, e));
	return sink->take(sink->data, &ev, e);
}

static bool comm_holds(const struct trace_head *h)
{
	return csv_names(h->text, h->n, comm_columns, COMM_COLUMNS);
}

static enum rc comm_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	return csv_each(path, comm_columns, COMM_COLUMNS, false, comm_row, sink, e);
}

static bool op_holds(const struct trace_head *h)
{
	return csv_names(h->text, h->n, op_columns, OP_COLUMNS);
}

static enum rc op_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	return csv_each(path, op_columns, OP_COLUMNS, false, op_row, sink, e);
}

const struct trace_reader reader_msmodeling_comm = {
        .name = "msmodeling comm",
        .pattern = {"hcom_*.csv"},
        .gives = GIVES_POINTS,
        .holds = comm_holds,
        .read = comm_read,
};

const struct trace_reader reader_msmodeling_op = {
        .name = "msmodeling op",
        .gives = GIVES_POINTS,
        .holds = op_holds,
        .read = op_read,
};
