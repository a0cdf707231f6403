/* oshmem: ranks are processes of another program, epsim-oshmem, which oshrun starts.
 *
 * What Open MPI 4.1 needs told: it refuses root and more ranks than processors unless asked; its
 * memory hooks crash in shmem_finalize; the heap's size is read from SHMEM_SYMMETRIC_HEAP_SIZE. */
#define _GNU_SOURCE /* mkostemp */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <signal.h>
#include "hw/bench.h"
#include "hw/oshmem.h"
#include "hw/trial.h"

enum { PATH_SIZE = 4096 };

/* The program, beside the one that runs. */
static bool program_find(char path[PATH_SIZE])
{
	const char name[] = "epsim-oshmem";
	ssize_t n = readlink("/proc/self/exe", path, PATH_SIZE - sizeof name);
	char *slash;

	if (n < 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	memcpy(slash ? slash + 1 : path, name, sizeof name);
	return access(path, X_OK) == 0;
}

static bool available(const char **why_not)
{
	char path[PATH_SIZE];

	*why_not =
	        "OpenSHMEM was not found when it was built (Debian: libopenmpi-dev, openmpi-bin)";
	return program_find(path);
}

static enum rc job_write(const struct launch *l, int fd, struct err *e)
{
	struct oshmem_head head = {.job = l->rank_main == bench_rank_main ? OSHMEM_BENCH
	                                                                  : OSHMEM_TRIAL,
	                           .n_ranks = l->n_ranks,
	                           .heap_bytes = (int64_t)l->heap_bytes,
	                           .job_bytes = (int64_t)l->job_bytes,
	                           .report_bytes = (int64_t)l->report_bytes};

	CHECK(l->rank_main == bench_rank_main || l->rank_main == trial_rank_main);
	if (write(fd, &head, sizeof head) != sizeof head ||
	    write(fd, l->job, l->job_bytes) != (ssize_t)l->job_bytes)
		return fail(e, RC_INTERNAL, "oshmem: the job cannot be written: %s",
		            strerror(errno));
	return RC_OK;
}

static _Noreturn void oshrun(const struct launch *l, const char *program, const char *job,
                             pid_t parent)
{
	char ranks[16], heap[32];
	size_t bytes = l->heap_bytes + (size_t)l->n_ranks * l->report_bytes;

	snprintf(ranks, sizeof ranks, "%lld", (long long)l->n_ranks);
	snprintf(heap, sizeof heap, "%zu", bytes + bytes / 8 + (1 << 24));
	setenv("SHMEM_SYMMETRIC_HEAP_SIZE", heap, 1);
	setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
	setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
	setenv("OMPI_MCA_memory", "^patcher", 1);
	setenv("OMPI_MCA_mpi_yield_when_idle", "1", 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* oshrun then ends its ranks */
	if (getppid() == parent)
		execlp("oshrun", "oshrun", "--oversubscribe", "-np", ranks, program, job,
		       (char *)NULL);
	fprintf(stderr, "epsim: oshrun: %s\n", strerror(errno));
	_exit(RC_INTERNAL);
}

static enum rc run(const struct launch *l, const char *job, struct err *e)
{
	char program[PATH_SIZE];
	pid_t parent = getpid(), pid;
	int status;

	program_find(program);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		oshrun(l, program, job, parent);
	if (pid < 0)
		return fail(e, RC_INTERNAL, "oshrun cannot be started: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return fail(e, RC_INTERNAL, "oshrun was killed by signal %d; so were its ranks",
		            WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return fail(e, RC_INTERNAL, "oshrun ended with status %d: a rank died",
		            WEXITSTATUS(status));
	return RC_OK;
}

static enum rc reports_read(const struct launch *l, int fd, void *reports, struct err *e)
{
	size_t bytes = (size_t)l->n_ranks * l->report_bytes;

	if (pread(fd, reports, bytes, sizeof(struct oshmem_head)) != (ssize_t)bytes)
		return fail(e, RC_INTERNAL, "oshmem: the ranks left no reports");
	return RC_OK;
}

static enum rc launch(const struct launch *l, void *reports, struct err *e)
{
	const char *folder = getenv("TMPDIR");
	char job[PATH_SIZE];
	enum rc rc;
	int fd;

	snprintf(job, sizeof job, "%s/epsim-oshmem-XXXXXX", folder ? folder : P_tmpdir);
	fd = mkostemp(job, O_CLOEXEC);
	if (fd < 0)
		return fail(e, RC_INTERNAL, "oshmem: %s: %s", job, strerror(errno));
	rc = job_write(l, fd, e);
	if (rc == RC_OK)
		rc = run(l, job, e);
	if (rc == RC_OK)
		rc = reports_read(l, fd, reports, e);
	unlink(job);
	close(fd);
	return rc;
}

const struct symheap_backend backend_oshmem = {
        .name = "oshmem",
        .doc = "OpenSHMEM through Open MPI's oshrun",
        .available = available,
        .launch = launch,
};
