/* How fast traces are read: a synthetic file is written, read, and removed again. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tools/bench.h"
#include "traces/files.h"
#include "traces/summary.h"

static const int64_t file_bytes = 200000000; /* lint: a size to read for a second */

/* One kernel in the format. */
typedef int write_row(FILE *out, int i);

static const char *const ops[] = {"MoeInitRoutingV3",
                                  "GroupedMatmul",
                                  "MoeFinalizeRoutingV2",
                                  "MoeDistributeDispatchV2",
                                  "MoeDistributeCombineV2",
                                  "FlashAttentionScore",
                                  "Add"};
enum { OPS = sizeof ops / sizeof *ops };

static int csv_row(FILE *out, int i)
{
	const char *op = ops[i % OPS];

	return fprintf(out,
	               "%d,0,4294967295,%d,2,aclnn%s_%s,%s,dynamic,MIX_AIV,1767225%09d.%03d\t,"
	               "%d.%03d,0.847,48,0,NO,\"\"\"128,7168;128,8\"\"\",DT_BF16;INT32,ND;ND,"
	               "\"\"\"1024,7168\"\"\",DT_BF16,ND,N/A\n",
	               i >> 16, i, op, op, op, i, i % 1000, 100 + i % 97, i % 1000);
}

static int json_row(FILE *out, int i)
{
	const char *op = ops[i % OPS];

	return fprintf(out,
	               "%s{\"name\": \"aclnn%s_%s\", \"pid\": 800, \"tid\": 2, \"ts\": "
	               "\"1767225%09d.%03d\", \"dur\": %d.%03d, \"args\": {\"Model Id\": "
	               "4294967295, \"Task Type\": \"MIX_AIV\", \"Stream Id\": 2, \"Task Id\": %d, "
	               "\"Batch Id\": 0, \"Subtask Id\": 4294967295, \"connection_id\": %d}, "
	               "\"ph\": \"X\"}",
	               i ? ", " : "", op, op, i, i % 1000, 100 + i % 97, i % 1000, i, i);
}

/* A format, and how to write much of it. */
struct kind {
	const struct trace_reader *reader;
	const char *head, *tail;
	write_row *row;
};

static const struct kind csv = {
        &reader_kernel_details,
        "Step Id,Device_id,Model ID,Task ID,Stream ID,Name,Type,OP State,Accelerator Core,"
        "Start Time(us),Duration(us),Wait Time(us),Block Dim,Mix Block Dim,HF32 Eligible,"
        "Input Shapes,Input Data Types,Input Formats,Output Shapes,Output Data Types,"
        "Output Formats,Context ID\n",
        "", csv_row};

static const struct kind chrome = {
        &reader_chrome, "[",
        ", {\"name\": \"process_name\", \"pid\": 800, \"tid\": 0, \"args\": {\"name\": "
        "\"Ascend Hardware\"}, \"ph\": \"M\"}]",
        json_row};

static enum rc file_write(const struct kind *k, char *path, size_t size, struct err *e)
{
	const char *folder = getenv("TMPDIR");
	int64_t n_bytes = 0;
	FILE *out;
	int fd;
	bool bad;

	snprintf(path, size, "%s/epsim-bench-XXXXXX", folder ? folder : "/tmp");
	fd = mkstemp(path);
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out)
		return fail(e, RC_NO, "%s: cannot be written", path);
	fputs(k->head, out);
	for (int i = 0; n_bytes < file_bytes; i++)
		n_bytes += k->row(out, i);
	fputs(k->tail, out);
	bad = ferror(out);
	if (fclose(out) == 0 && !bad)
		return RC_OK;
	unlink(path);
	return fail(e, RC_NO, "%s: cannot be written", path);
}

static enum rc file_read(const struct kind *k, const char *path, struct err *e)
{
	struct summary *s = summary_new();
	const struct trace_sink sink = {summary_take, s};
	enum rc rc = k->reader->read(path, &sink, e);

	summary_finish(s);
	if (rc == RC_OK && s->n_ops != OPS)
		rc = fail(e, RC_INTERNAL, "%u ops were read, not %d", s->n_ops, OPS);
	summary_free(s);
	return rc;
}

static enum rc rate(const struct kind *k, bool once, double *out_GBps, struct err *e)
{
	const double giga = 1e9; /* lint: the row's unit */
	double best_s = 0, start_s;
	char path[512];
	enum rc rc = RC_OK;

	TRY(file_write(k, path, sizeof path, e));
	for (int i = 0; rc == RC_OK && i < (once ? 1 : LEAST_RUNS); i++) {
		start_s = cpu_s();
		rc = file_read(k, path, e);
		start_s = cpu_s() - start_s;
		best_s = i == 0 || start_s < best_s ? start_s : best_s;
	}
	unlink(path);
	return *out_GBps = (double)file_bytes / best_s / giga, rc;
}

enum rc bench_trace_csv(bool once, double *out_GBps, struct err *e)
{
	return rate(&csv, once, out_GBps, e);
}

enum rc bench_trace_chrome(bool once, double *out_GBps, struct err *e)
{
	return rate(&chrome, once, out_GBps, e);
}

static void csv_once(void)
{
	char path[512];
	struct err e;

	if (file_write(&csv, path, sizeof path, &e) == RC_OK) {
		file_read(&csv, path, &e);
		unlink(path);
	}
}

static void chrome_once(void)
{
	char path[512];
	struct err e;

	if (file_write(&chrome, path, sizeof path, &e) == RC_OK) {
		file_read(&chrome, path, &e);
		unlink(path);
	}
}

enum rc bench_trace_bytes(bool once, double *out_bytes, struct err *e)
{
	double of_csv, of_chrome;

	(void)once;
	TRY(bench_peak_beyond_idle(csv_once, &of_csv, e));
	TRY(bench_peak_beyond_idle(chrome_once, &of_chrome, e));
	return *out_bytes = of_csv > of_chrome ? of_csv : of_chrome, RC_OK;
}
