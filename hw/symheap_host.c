/* host: one process a rank over POSIX shared memory.
 *
 * The object is unlinked as soon as it is mapped, so whatever dies leaves none behind. The parent
 * only watches: when a rank dies it ends the others. Ranks die with their parent. */
/* for MAP_ANONYMOUS */
#define _DEFAULT_SOURCE // NOLINT(bugprone-reserved-identifier)
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hw/symheap_shared.h"

struct host {
	const struct launch *launch;
	struct shared_group group;
	char *map, *reports;
	size_t map_bytes;
	pid_t pid[MOST_RANKS];
};

/* A file system smaller than the heap would end a rank by a signal when it writes; then memory
 * without a name does as well, since ranks are forked. */
static int object_open(size_t bytes)
{
	char name[64];
	struct statvfs fs;
	int fd;

	snprintf(name, sizeof name, "/epsim-%ld", (long)getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	shm_unlink(name);
	if (fstatvfs(fd, &fs) == 0 && fs.f_bavail * fs.f_frsize >= bytes &&
	    ftruncate(fd, (off_t)bytes) == 0)
		return fd;
	close(fd);
	return -1;
}

static enum rc map(struct host *x, struct err *e)
{
	const struct launch *l = x->launch;
	size_t control = shared_align(sizeof *x->group.gather);
	size_t reports = shared_align((size_t)l->n_ranks * l->report_bytes);
	int fd;

	x->map_bytes = control + reports + (size_t)l->n_ranks * shared_align(l->heap_bytes);
	fd = object_open(x->map_bytes);
	x->map = mmap(NULL, x->map_bytes, PROT_READ | PROT_WRITE,
	              MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (fd >= 0)
		close(fd);
	if (x->map == MAP_FAILED)
		return fail(e, RC_INTERNAL, "shared memory of %.1f GiB cannot be mapped: %s",
		            (double)x->map_bytes / (double)(1 << 30), strerror(errno));
	x->group.gather = (struct gather *)x->map;
	x->group.spins = sym_may_spin(l->n_ranks);
	x->reports = x->map + control;
	x->group.heaps = x->reports + reports;
	return RC_OK;
}

_Noreturn static void rank_run(struct host *x, int64_t rank, pid_t parent)
{
	const struct launch *l = x->launch;
	struct symheap h = shared_heap(&x->group, l, rank);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(RC_INTERNAL);
	l->rank_main(&h, l->job, x->reports + (size_t)rank * l->report_bytes);
	_exit(RC_OK);
}

static void ranks_kill(struct host *x)
{
	for (int64_t r = 0; r < x->launch->n_ranks; r++) {
		if (x->pid[r] > 0)
			kill(x->pid[r], SIGKILL);
	}
	for (int64_t r = 0; r < x->launch->n_ranks; r++) {
		if (x->pid[r] > 0)
			waitpid(x->pid[r], NULL, 0);
	}
}

static enum rc ranks_start(struct host *x, struct err *e)
{
	pid_t parent = getpid();

	fflush(NULL);
	for (int64_t r = 0; r < x->launch->n_ranks; r++) {
		x->pid[r] = fork();
		if (x->pid[r] == 0)
			rank_run(x, r, parent);
		if (x->pid[r] < 0)
			return fail(e, RC_INTERNAL, "rank %lld cannot be started: %s", (long long)r,
			            strerror(errno));
	}
	return RC_OK;
}

static enum rc ended_badly(int64_t rank, int status, struct err *e)
{
	if (WIFSIGNALED(status))
		return fail(e, RC_INTERNAL,
		            "rank %lld was killed by signal %d (%s); the other ranks were ended",
		            (long long)rank, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return fail(e, RC_INTERNAL, "rank %lld ended with status %d; the other ranks were ended",
	            (long long)rank, WEXITSTATUS(status));
}

/* The rank that ends next among those that run; other children of the process are not ours. */
static int64_t next_ended(struct host *x, int *status)
{
	siginfo_t info = {0};

	for (;;) {
		if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0 && errno != EINTR)
			return -1;
		for (int64_t r = 0; r < x->launch->n_ranks; r++) {
			if (x->pid[r] > 0 && waitpid(x->pid[r], status, WNOHANG) == x->pid[r])
				return r;
		}
		sym_moment();
	}
}

static enum rc ranks_wait(struct host *x, struct err *e)
{
	for (int64_t left = x->launch->n_ranks; left > 0; left--) {
		int status = 0;
		int64_t rank = next_ended(x, &status);

		if (rank < 0)
			return fail(e, RC_INTERNAL, "ranks cannot be waited for: %s",
			            strerror(errno));
		x->pid[rank] = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != RC_OK)
			return ended_badly(rank, status, e);
	}
	return RC_OK;
}

static enum rc launch(const struct launch *l, void *reports, struct err *e)
{
	struct host x = {.launch = l};
	enum rc rc;

	TRY(map(&x, e));
	rc = ranks_start(&x, e);
	if (rc == RC_OK)
		rc = ranks_wait(&x, e);
	if (rc != RC_OK)
		ranks_kill(&x);
	else
		memcpy(reports, x.reports, (size_t)l->n_ranks * l->report_bytes);
	munmap(x.map, x.map_bytes);
	return rc;
}

static bool available(const char **why_not)
{
	(void)why_not;
	return true;
}

const struct symheap_backend backend_host = {
        .name = "host",
        .doc = "one process a rank over POSIX shared memory",
        .caution = symheap_shared_caution,
        .available = available,
        .launch = launch,
};
