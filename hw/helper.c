/* for mkdtemp() */
#define _XOPEN_SOURCE 700 // NOLINT(bugprone-reserved-identifier)
#include "hw/helper.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hw/bench.h"
#include "hw/keeper.h"
#include "hw/trial.h"
#include "models/base/arena.h"

bool helper_find(const char *name, char path[HELPER_PATH_SIZE])
{
	ssize_t n = readlink("/proc/self/exe", path, HELPER_PATH_SIZE - 1);
	size_t folder;

	if (n < 0)
		return false;
	path[n] = '\0';
	folder = (size_t)(strrchr(path, '/') - path) + 1;
	if (folder + strlen(name) >= HELPER_PATH_SIZE)
		return false;
	memcpy(path + folder, name, strlen(name) + 1);
	return access(path, X_OK) == 0;
}

static enum rc job_write(const struct launch *l, int fd, struct err *e)
{
	struct helper_head head = {.job = l->rank_main == bench_rank_main ? HELPER_BENCH
	                                                                  : HELPER_TRIAL,
	                           .n_ranks = l->n_ranks,
	                           .heap_bytes = (int64_t)l->heap_bytes,
	                           .job_bytes = (int64_t)l->job_bytes,
	                           .report_bytes = (int64_t)l->report_bytes};

	CHECK(l->rank_main == bench_rank_main || l->rank_main == trial_rank_main);
	if (write(fd, &head, sizeof head) != sizeof head ||
	    write(fd, l->job, l->job_bytes) != (ssize_t)l->job_bytes)
		return fail(e, RC_INTERNAL, "the job cannot be written: %s", strerror(errno));
	return RC_OK;
}

struct started {
	const struct launch *launch;
	const char *job;
	void (*start)(const struct launch *l, const char *job);
};

static void program_start(const void *data)
{
	const struct started *s = data;

	s->start(s->launch, s->job);
}

/* A shell's way to say in an exit status that a process was killed by a signal. */
enum { STATUS_OF_SIGNALS = 128 };

static enum rc status_check(int status, const char *who, struct err *e)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	if (WIFSIGNALED(status))
		return fail(e, RC_INTERNAL, "%s was killed by signal %d, and its ranks with it",
		            who, WTERMSIG(status));
	if (code > STATUS_OF_SIGNALS)
		return fail(e, RC_INTERNAL,
		            "%s: a rank was killed by signal %d (%s); the other ranks were ended",
		            who, code - STATUS_OF_SIGNALS, strsignal(code - STATUS_OF_SIGNALS));
	if (code != 0)
		return fail(e, RC_INTERNAL, "%s ended with status %d", who, code);
	return RC_OK;
}

/* Memory holds what programs leave in it for their ranks, and forgets it with the machine. A job
 * for machines that share a file system wants a place there. */
static enum rc folder_open(const char *who, char path[HELPER_PATH_SIZE], struct err *e)
{
	const char *places[] = {getenv("EPSIM_HW_FOLDER"), "/dev/shm", getenv("TMPDIR"), "/tmp"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (!places[i])
			continue;
		snprintf(path, HELPER_PATH_SIZE, "%s/epsim-XXXXXX", places[i]);
		if (mkdtemp(path))
			return RC_OK;
		if (i == 0)
			break;
	}
	return fail(e, RC_INTERNAL, "%s: %s: %s", who, path, strerror(errno));
}

static enum rc job_run(const struct launch *l, const char *who, struct kept *k, int fd,
                       void *reports, struct err *e)
{
	size_t bytes = (size_t)l->n_ranks * l->report_bytes;
	struct helper_head head;
	int status = 0;

	TRY(job_write(l, fd, e));
	TRY(keeper_run(k, &status, e));
	TRY(status_check(status, who, e));
	if (pread(fd, &head, sizeof head, 0) != sizeof head ||
	    pread(fd, reports, bytes, sizeof head) != (ssize_t)bytes)
		return fail(e, RC_INTERNAL, "%s: the ranks left no reports", who);
	if (l->device)
		snprintf(l->device, DEVICE_TEXT_SIZE, "%s", head.device);
	return RC_OK;
}

enum rc helper_launch(const struct launch *l, const char *who,
                      void (*start)(const struct launch *l, const char *job), void *reports,
                      struct err *e)
{
	char folder[HELPER_PATH_SIZE], job[HELPER_PATH_SIZE + 8];
	struct started s = {l, job, start};
	struct kept k = {folder, program_start, &s};
	enum rc rc;
	int fd;

	TRY(folder_open(who, folder, e));
	snprintf(job, sizeof job, "%s/job", folder);
	fd = open(job, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		rc = fail(e, RC_INTERNAL, "%s: %s: %s", who, job, strerror(errno));
	else
		rc = job_run(l, who, &k, fd, reports, e);
	folder_remove(folder);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- the programs' side ---- */

static _Noreturn void die(const char *path, const char *what)
{
	fprintf(stderr, "epsim: %s: %s\n", path, what);
	exit(RC_INTERNAL);
}

void *helper_job_read(const char *path, struct helper_head *head)
{
	FILE *in = fopen(path, "rb");
	void *job;

	if (!in || fread(head, sizeof *head, 1, in) != 1)
		die(path, "the job cannot be read");
	job = heap_zeroed(1, (size_t)head->job_bytes);
	if (fread(job, (size_t)head->job_bytes, 1, in) != 1)
		die(path, "the job cannot be read");
	fclose(in);
	return job;
}

void helper_reports_write(const char *path, const struct helper_head *head, const void *reports)
{
	size_t n = (size_t)head->n_ranks;
	FILE *out = fopen(path, "r+b");

	if (!out || fwrite(head, sizeof *head, 1, out) != 1 ||
	    fwrite(reports, (size_t)head->report_bytes, n, out) != n || fclose(out) != 0)
		die(path, "the reports cannot be written");
}
