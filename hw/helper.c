#include "hw/helper.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hw/bench.h"
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

/* The child ends with its parent. */
static enum rc run(const struct launch *l, const char *who, const char *job,
                   void (*start)(const struct launch *l, const char *job), struct err *e)
{
	pid_t parent = getpid(), pid;
	int status = 0;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == parent)
			start(l, job);
		fprintf(stderr, "epsim: %s: %s\n", who, strerror(errno));
		_exit(RC_INTERNAL);
	}
	if (pid < 0)
		return fail(e, RC_INTERNAL, "%s cannot be started: %s", who, strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return fail(e, RC_INTERNAL, "%s was killed by signal %d, and its ranks with it",
		            who, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return fail(e, RC_INTERNAL, "%s ended with status %d", who, WEXITSTATUS(status));
	return RC_OK;
}

enum rc helper_launch(const struct launch *l, const char *who,
                      void (*start)(const struct launch *l, const char *job), void *reports,
                      struct err *e)
{
	const char *folder = getenv("TMPDIR");
	size_t bytes = (size_t)l->n_ranks * l->report_bytes;
	char job[HELPER_PATH_SIZE];
	enum rc rc;
	int fd;

	snprintf(job, sizeof job, "%s/epsim-job-XXXXXX", folder ? folder : "/tmp");
	fd = mkstemp(job);
	if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return fail(e, RC_INTERNAL, "%s: %s: %s", who, job, strerror(errno));
	rc = job_write(l, fd, e);
	if (rc == RC_OK)
		rc = run(l, who, job, start, e);
	if (rc == RC_OK && pread(fd, reports, bytes, sizeof(struct helper_head)) != (ssize_t)bytes)
		rc = fail(e, RC_INTERNAL, "%s: the ranks left no reports", who);
	unlink(job);
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

	if (!out || fseek(out, sizeof *head, SEEK_SET) != 0 ||
	    fwrite(reports, (size_t)head->report_bytes, n, out) != n || fclose(out) != 0)
		die(path, "the reports cannot be written");
}
