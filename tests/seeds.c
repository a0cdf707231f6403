#include "tests/seeds.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "models/base/arena.h"

#define SEED "tests/seeds/"

const struct seed seeds[] = {
        {SEED "rank0_ascend_pt/kernel_details.csv", &reader_kernel_details, 48},
        {SEED "kernel_details_level0.csv", &reader_kernel_details, 3},
        {SEED "op_summary_1.csv", &reader_op_summary, 2},
        {SEED "op_statistic_1.csv", &reader_op_statistic, 2},
        {SEED "rank0_ascend_pt/step_trace_time.csv", &reader_step_trace, 9},
        {SEED "rank0_ascend_pt/communication.json", &reader_communication, 4},
        {SEED "cluster_communication.json", &reader_communication, 4},
        {SEED "rank0_ascend_pt/communication_matrix.json", &reader_matrix, 3},
        {SEED "cluster_communication_matrix.json", &reader_matrix, 1},
        {SEED "trace_view.json", &reader_chrome, 3},
        {SEED "recorder.trace.json", &reader_chrome, 2},
        {SEED "record.csv", &reader_recorder, 3},
        {SEED "hccl_test_alltoallv.txt", &reader_hccl_test, 2},
        {SEED "nccl_alltoall.txt", &reader_nccl_tests, 4},
        {SEED "osu_alltoallv.txt", &reader_osu, 2},
        {SEED "osu_bw.txt", &reader_osu, 1},
        {SEED "ib_write_bw.txt", &reader_perftest, 1},
        {SEED "ib_write_lat.txt", &reader_perftest, 1},
        {SEED "shmem.csv", &reader_shmem, 2},
        {SEED "hcom_alltoallv_.csv", &reader_msmodeling_comm, 2},
        {SEED "MatMulV3.csv", &reader_msmodeling_op, 1},
#ifdef EPSIM_HAVE_SQLITE
        {SEED "msprof_1.db", &reader_database, 3},
#endif
        {NULL, NULL, 0},
};

/* ---- feeding --------------------------------------------------------------------------------- */

void feeder_open(struct feeder *f, const char *name)
{
	const char *folder = getenv("TMPDIR"), *slash = strrchr(name, '/');

	snprintf(f->folder, sizeof f->folder, "%.200s/epsim-feed-XXXXXX", folder ? folder : "/tmp");
	CHECK(mkdtemp(f->folder) != NULL);
	snprintf(f->path, sizeof f->path, "%s/%.200s", f->folder, slash ? slash + 1 : name);
	f->fd = open(f->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(f->fd >= 0);
}

void feeder_close(struct feeder *f)
{
	close(f->fd);
	unlink(f->path);
	rmdir(f->folder);
}

struct check {
	struct summary *summary;
	uint64_t n;
};

static bool is_known(int64_t value)
{
	return value >= TRACE_UNKNOWN;
}

static enum rc event_check(void *data, const struct trace_event *ev, struct err *e)
{
	struct check *c = data;

	CHECK(ev->kind < TRACE_KINDS && ev->link < LINKS);
	CHECK(ev->name && ev->type && ev->group && ev->core && ev->shapes && ev->dtypes);
	CHECK(ev->phase && ev->flow);
	CHECK(is_known(ev->duration_ns) && is_known(ev->transit_ns) && is_known(ev->wait_ns));
	CHECK(is_known(ev->rank) && is_known(ev->device) && is_known(ev->source));
	CHECK(is_known(ev->peer) && is_known(ev->ranks) && ev->calls >= 0);
	CHECK(ev->kind != TRACE_STATISTIC || (ev->duration_ns >= 0 && ev->least_ns >= 0));
	c->n++;
	return summary_take(c->summary, ev, e);
}

static void message_check(const struct feeder *f, const struct trace_reader *reader,
                          const struct fed *fed)
{
	size_t n = strlen(f->path);

	CHECK(fed->rc == RC_OK || fed->rc == RC_DATA);
	if (fed->rc == RC_OK)
		return;
	CHECK(strncmp(fed->e.text, f->path, n) == 0 && fed->e.text[n] == ':');
	CHECK(reader == &reader_database ||
	      (fed->e.text[n + 1] >= '0' && fed->e.text[n + 1] <= '9'));
	CHECK(fed->e.text[0] && !strchr(fed->e.text, '\n'));
}

/* Whatever a file holds, its format is found, or not, with a message. */
static void detection_check(const struct feeder *f)
{
	const struct trace_reader *found = NULL;
	struct err e = {0};
	enum rc rc = trace_reader_find(f->path, &found, &e);

	CHECK(rc == RC_OK ? found != NULL : rc == RC_NO || rc == RC_DATA);
	CHECK(rc == RC_OK || strncmp(e.text, f->path, strlen(f->path)) == 0);
}

void feeder_feed(struct feeder *f, const struct trace_reader *reader, const void *bytes,
                 size_t n_bytes, struct fed *out)
{
	struct check c = {.summary = summary_new()};
	const struct trace_sink sink = {event_check, &c};

	CHECK(pwrite(f->fd, bytes, n_bytes, 0) == (ssize_t)n_bytes);
	CHECK(ftruncate(f->fd, (off_t)n_bytes) == 0);
	detection_check(f);
	out->e.text[0] = '\0';
	out->rc = reader->read(f->path, &sink, &out->e);
	out->n_events = c.n;
	message_check(f, reader, out);
	summary_finish(c.summary);
	summary_free(c.summary);
}

char *file_bytes(const char *path, size_t *n_bytes)
{
	FILE *in = fopen(path, "rb");
	char *bytes;
	long n;

	if (!in)
		return NULL;
	fseek(in, 0, SEEK_END);
	n = ftell(in);
	rewind(in);
	bytes = heap_zeroed((size_t)n + 1, 1);
	*n_bytes = fread(bytes, 1, (size_t)n, in);
	fclose(in);
	return bytes;
}

const char *samples_folder(char *buf, size_t size)
{
	const char *data = getenv("EPSIM_DATA");

	snprintf(buf, size, "%s/samples", data && *data ? data : "../shared/data");
	if (access(buf, R_OK) == 0)
		return buf;
	printf("left out: no %s ", buf);
	return NULL;
}
