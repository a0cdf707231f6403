/* CSV of hicann/shmem's MoE examples (examples/utils/moe_perf_host.h) and mte_perftest. A row has
 * one more field for each core than the header. Metric full_op less comm_only is what the relay
 * buffer's reorder costs. Bandwidth is in GiB/s under the name GB/s, so it is left alone: time and
 * bytes tell. Written from that source; no file was at hand. */
#include <stdio.h>
#include <string.h>
#include "traces/csv.h"
#include "traces/decimal.h"
#include "traces/readers.h"

enum column { BYTES, RANKS, TIME, METRIC, TOKENS, HIDDEN, TOP_K, EXPERTS, DTYPE, COLUMNS };

static const struct csv_column columns[COLUMNS] = {
        [BYTES] = {{"DataSize/B"}},    [RANKS] = {{"Npus"}},
        [TIME] = {{"CoreMaxTime/us"}}, [METRIC] = {{"Metric"}, true},
        [TOKENS] = {{"BS"}, true},     [HIDDEN] = {{"H"}, true},
        [TOP_K] = {{"TopK"}, true},    [EXPERTS] = {{"ExpertPerPe"}, true},
        [DTYPE] = {{"Dtype"}, true},
};

static void shapes_print(const struct csv *c, char *shapes, size_t size)
{
	if (csv_has(c, TOKENS))
		snprintf(shapes, size,
		         "tokens=%.20s hidden=%.20s top_k=%.20s experts_per_rank=%.20s",
		         csv_text(c, TOKENS), csv_text(c, HIDDEN), csv_text(c, TOP_K),
		         csv_text(c, EXPERTS));
	else
		*shapes = '\0';
}

static enum rc row_read(const struct csv *c, const struct trace_sink *sink, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_POINT);
	char shapes[160];

	shapes_print(c, shapes, sizeof shapes);
	ev.shapes = shapes;
	ev.name = *csv_text(c, METRIC) ? csv_text(c, METRIC) : "shmem";
	ev.dtypes = csv_text(c, DTYPE);
	TRY(csv_needed(c, BYTES, AS_IS, &ev.bytes, e));
	TRY(csv_needed(c, TIME, US_TO_NS, &ev.duration_ns, e));
	TRY(csv_count(c, RANKS, &ev.ranks, e));
	return sink->take(sink->data, &ev, e);
}

static enum rc shmem_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	return csv_each(path, columns, COLUMNS, true, row_read, sink, e);
}

static bool shmem_holds(const struct trace_head *h)
{
	return csv_names(h->text, h->n, columns, COLUMNS);
}

const struct trace_reader reader_shmem = {
        .name = "shmem",
        .pattern = {"shmem*.csv", "moe_perf*.csv"},
        .gives = GIVES_POINTS,
        .holds = shmem_holds,
        .read = shmem_read,
};
