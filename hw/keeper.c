/* for nftw() */
#define _XOPEN_SOURCE 700 // NOLINT(bugprone-reserved-identifier)
#include "hw/keeper.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOMENT_MS = 20, PATIENCE_MS = 5000 };

/* ---- folders ---- */

static int entry_remove(const char *path, const struct stat *s, int kind, struct FTW *at)
{
	(void)s, (void)kind, (void)at;
	return remove(path);
}

void folder_remove(const char *path)
{
	enum { OPEN_FOLDERS = 16 };

	nftw(path, entry_remove, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

/* ---- what the keeper does ---- */

/* The number after the parenthesis that ends a process's name in its stat file: its parent. */
static pid_t parent_of(const char *process)
{
	char path[300], text[512];
	const char *end;
	FILE *in;
	size_t n;
	int parent = 0;

	snprintf(path, sizeof path, "/proc/%s/stat", process);
	in = fopen(path, "r");
	if (!in)
		return 0;
	n = fread(text, 1, sizeof text - 1, in);
	fclose(in);
	text[n] = '\0';
	end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static void children_kill(void)
{
	DIR *all = opendir("/proc");
	struct dirent *one;

	while (all && (one = readdir(all))) {
		if (one->d_name[0] >= '1' && one->d_name[0] <= '9' &&
		    parent_of(one->d_name) == getpid())
			kill((pid_t)strtol(one->d_name, NULL, 10), SIGKILL);
	}
	if (all)
		closedir(all);
}

/* Whoever loses its parent becomes ours, so that in the end all are waited for. */
static void children_end(void)
{
	for (pid_t one = 0; one >= 0 || errno == EINTR;) {
		children_kill();
		one = waitpid(-1, NULL, 0);
	}
}

/* Waits a moment; did the other end of the pipe close? */
static bool closed(int fd)
{
	struct pollfd p = {.fd = fd};

	return poll(&p, 1, MOMENT_MS) > 0 && (p.revents & POLLHUP) != 0;
}

/* Reaps whoever ended; was the program among them? */
static bool ended(pid_t program, int *status)
{
	int one_status;

	for (pid_t one; (one = waitpid(-1, &one_status, WNOHANG)) > 0;) {
		if (one != program)
			continue;
		*status = one_status;
		return true;
	}
	return false;
}

static int watch(pid_t program, int life)
{
	int status = 0;

	while (!ended(program, &status)) {
		if (!closed(life))
			continue;
		kill(program, SIGTERM);
		for (int ms = 0; !ended(program, &status) && ms < PATIENCE_MS; ms += MOMENT_MS)
			poll(NULL, 0, MOMENT_MS);
		break;
	}
	return status;
}

static pid_t program_start(const struct kept *k)
{
	pid_t keeper = getpid(), program = fork();

	if (program != 0)
		return program;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == keeper)
		k->start(k->data);
	fprintf(stderr, "epsim: a program cannot be started: %s\n", strerror(errno));
	_exit(RC_INTERNAL);
}

static _Noreturn void keep(const struct kept *k, int life, int told)
{
	int status = -1, none = open("/dev/null", O_RDONLY);
	pid_t program;

	setsid();
	dup2(none, STDIN_FILENO);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	program = program_start(k);
	if (program > 0)
		status = watch(program, life);
	children_end();
	folder_remove(k->folder);
	_exit(write(told, &status, sizeof status) == sizeof status ? 0 : RC_INTERNAL);
}

/* ---- our side ---- */

static bool pipe_open(int end[2])
{
	return pipe(end) == 0 && fcntl(end[0], F_SETFD, FD_CLOEXEC) == 0 &&
	       fcntl(end[1], F_SETFD, FD_CLOEXEC) == 0;
}

/* What the keeper tells; it must not hold our end of its pipe. */
static enum rc keeper_fork(const struct kept *k, int life[2], int told[2], int *status,
                           struct err *e)
{
	pid_t keeper;
	ssize_t n;

	fflush(NULL);
	keeper = fork();
	if (keeper == 0) {
		close(life[1]);
		close(told[0]);
		keep(k, life[0], told[1]);
	}
	close(told[1]);
	if (keeper < 0)
		return fail(e, RC_INTERNAL, "no process can be started: %s", strerror(errno));
	do {
		n = read(told[0], status, sizeof *status);
	} while (n < 0 && errno == EINTR);
	while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof *status || *status == -1)
		return fail(e, RC_INTERNAL, "the process that watches over the program ended");
	return RC_OK;
}

enum rc keeper_run(const struct kept *k, int *status, struct err *e)
{
	int life[2], told[2];
	enum rc rc;

	if (!pipe_open(life) || !pipe_open(told))
		return fail(e, RC_INTERNAL, "no pipe can be opened: %s", strerror(errno));
	rc = keeper_fork(k, life, told, status, e);
	close(life[0]);
	close(life[1]);
	close(told[0]);
	folder_remove(k->folder);
	return rc;
}
