/* ctest: plain 300 */
/* `epsim hw run` and what it started, killed in the middle: it says so, soon, and leaves no process
 * and no object of shared memory. Processes are known by a word in their environment. */
#define _XOPEN_SOURCE 700 // NOLINT(bugprone-reserved-identifier)
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/unit.h"

enum { MOMENT_NS = 20000000, PATIENCE = 3000, MOST_NAMES = 4096, RANKS = 3 };

static const char word[] = "EPSIM_KILLED_TEST";

static void moment(void)
{
	nanosleep(&(struct timespec){.tv_nsec = MOMENT_NS}, NULL);
}

/* ---- what there is ---- */

struct names {
	size_t n;
	char *name[MOST_NAMES];
};

static void names_read(const char *folder, struct names *out)
{
	DIR *all = opendir(folder);
	struct dirent *one;

	out->n = 0;
	while (all && (one = readdir(all)) && out->n < MOST_NAMES)
		out->name[out->n++] = strdup(one->d_name);
	if (all)
		closedir(all);
}

static bool names_hold(const struct names *x, const char *name)
{
	for (size_t i = 0; i < x->n; i++) {
		if (strcmp(x->name[i], name) == 0)
			return true;
	}
	return false;
}

/* Drops those that y holds, or those that it does not. */
static void names_drop(struct names *x, const struct names *y, bool held)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (names_hold(y, x->name[i]) == held)
			free(x->name[i]);
		else
			x->name[n++] = x->name[i];
	}
	x->n = n;
}

static void names_fini(struct names *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->name[i]);
	x->n = 0;
}

/* Is the process one of ours, of that name (NULL: any)? One that only waits to be reaped has no
 * environment. */
static bool is_ours(const char *process, const char *mark, const char *name)
{
	char path[300], text[32768], comm[64] = "";
	size_t n;
	FILE *in;

	snprintf(path, sizeof path, "/proc/%s/comm", process);
	in = fopen(path, "r");
	if (in) {
		comm[fread(comm, 1, sizeof comm - 1, in)] = '\0';
		comm[strcspn(comm, "\n")] = '\0';
		fclose(in);
	}
	snprintf(path, sizeof path, "/proc/%s/environ", process);
	in = fopen(path, "r");
	if (!in)
		return false;
	n = fread(text, 1, sizeof text - 1, in);
	fclose(in);
	text[n] = '\0';
	for (const char *at = text; at < text + n; at += strlen(at) + 1) {
		if (strcmp(at, mark) == 0)
			return !name || strcmp(comm, name) == 0;
	}
	return false;
}

/* Our processes of that name; the last one's number. */
static int ours(const char *mark, const char *name, pid_t *last)
{
	struct names all;
	int n = 0;

	names_read("/proc", &all);
	for (size_t i = 0; i < all.n; i++) {
		pid_t pid = (pid_t)strtol(all.name[i], NULL, 10);

		if (pid > 0 && pid != getpid() && is_ours(all.name[i], mark, name)) {
			*last = pid;
			n++;
		}
	}
	names_fini(&all);
	return n;
}

/* ---- a run ---- */

struct run {
	const char *backend, *rank; /* name of a process that is a rank */
	int processes;              /* of that name, when all ranks run */
	char mark[64];
	char says[4096];
	struct names before;
	pid_t pid;
	int said;
};

static _Noreturn void child(const struct run *x, int out)
{
	char program[4096];

	setsid();
	putenv((char *)x->mark);
	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	snprintf(program, sizeof program, "%s/epsim", getenv("EPSIM_BIN"));
	execl(program, program, "hw", "run", "--backend", x->backend, "--ranks", "3", "--tokens",
	      "512", "--hidden", "2048", "--repeats", "200", "--warmups", "200", (char *)NULL);
	_exit(127);
}

static void run_start(struct run *x)
{
	int end[2];
	pid_t last;

	names_read("/dev/shm", &x->before);
	snprintf(x->mark, sizeof x->mark, "%s=%d-%s", word, getpid(), x->backend);
	CU_ASSERT_FATAL(pipe(end) == 0);
	x->pid = fork();
	if (x->pid == 0)
		child(x, end[1]);
	close(end[1]);
	x->said = end[0];
	for (int i = 0; i < PATIENCE && ours(x->mark, x->rank, &last) < x->processes; i++)
		moment();
	CU_ASSERT_EQUAL(ours(x->mark, x->rank, &last), x->processes);
	for (int i = 0; i < 10; i++) /* into the exchange */
		moment();
}

/* What it said until nobody of it is left to say more, and its status. */
static int run_end(struct run *x)
{
	size_t n = 0;
	ssize_t more;
	int status = 0;

	waitpid(x->pid, &status, 0);
	while ((more = read(x->said, x->says + n, sizeof x->says - 1 - n)) > 0)
		n += (size_t)more;
	x->says[n] = '\0';
	close(x->said);
	return status;
}

/* Other programs may come and go in shared memory; ours would stay. */
static void nothing_left(struct run *x)
{
	struct names left, now;
	pid_t last;
	int processes = 1;

	names_read("/dev/shm", &left);
	names_drop(&left, &x->before, true);
	for (int i = 0; i < PATIENCE && (left.n > 0 || processes > 0); i++) {
		moment();
		names_read("/dev/shm", &now);
		names_drop(&left, &now, false);
		names_fini(&now);
		processes = ours(x->mark, NULL, &last);
	}
	CU_ASSERT_EQUAL(left.n, 0);
	CU_ASSERT_EQUAL(processes, 0);
	names_fini(&left);
	names_fini(&x->before);
}

enum whom { A_RANK, THE_LAUNCHER, THE_PARENT, THE_GROUP };

/* Kills it amid the run, and sees that nothing is left. Its status. */
static int killed(struct run *x, enum whom whom)
{
	pid_t victim;
	int status;

	run_start(x);
	victim = whom == THE_GROUP ? -x->pid : x->pid;
	if (whom == A_RANK || whom == THE_LAUNCHER) {
		CU_ASSERT(ours(x->mark, whom == A_RANK ? x->rank : "oshrun", &victim) > 0);
	}
	kill(victim, whom == THE_GROUP ? SIGINT : SIGKILL);
	status = run_end(x);
	nothing_left(x);
	return status;
}

static void dies_of(struct run x, enum whom whom, int signal_number)
{
	int status = killed(&x, whom);

	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == signal_number);
}

static void tells(struct run x, enum whom whom, const char *text)
{
	int status = killed(&x, whom);

	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 4);
	UNIT_HOLDS(x.says, text);
}

/* ---- host: ranks are processes of epsim itself, beside the one that watches ---- */

static struct run host_run(void)
{
	return (struct run){.backend = "host", .rank = "epsim", .processes = RANKS + 1};
}

static void test_host_rank(void) /* of several, the youngest process is one */
{
	tells(host_run(), A_RANK, "was killed by signal 9 (Killed); the other ranks were ended");
}

static void test_host_parent(void)
{
	dies_of(host_run(), THE_PARENT, SIGKILL);
}

static void test_host_interrupted(void)
{
	dies_of(host_run(), THE_GROUP, SIGINT);
}

/* ---- oshmem ---- */

static bool oshmem_there(void)
{
	char program[4096];

	snprintf(program, sizeof program, "%s/epsim-oshmem", getenv("EPSIM_BIN"));
	return access(program, X_OK) == 0;
}

static struct run oshmem_run(void)
{
	return (struct run){.backend = "oshmem", .rank = "epsim-oshmem", .processes = RANKS};
}

static void test_oshmem_rank(void)
{
	if (oshmem_there())
		tells(oshmem_run(), A_RANK,
		      "a rank was killed by signal 9 (Killed); the other ranks were ended");
}

static void test_oshmem_launcher(void)
{
	if (oshmem_there())
		tells(oshmem_run(), THE_LAUNCHER,
		      "oshrun was killed by signal 9, and its ranks with it");
}

static void test_oshmem_parent(void)
{
	if (oshmem_there())
		dies_of(oshmem_run(), THE_PARENT, SIGKILL);
}

static void test_oshmem_interrupted(void)
{
	if (oshmem_there())
		dies_of(oshmem_run(), THE_GROUP, SIGINT);
}

/* ---- ascend, on its twin: a program that forks its ranks; names of processes have 15 letters ----
 */

static struct run ascend_run(void)
{
	return (struct run){
	        .backend = "ascend-twin", .rank = "epsim-ascend-tw", .processes = RANKS + 1};
}

static void test_ascend_rank(void)
{
	tells(ascend_run(), A_RANK,
	      "a rank was killed by signal 9 (Killed); the other ranks were ended");
}

static void test_ascend_parent(void)
{
	dies_of(ascend_run(), THE_PARENT, SIGKILL);
}

static void test_ascend_interrupted(void)
{
	dies_of(ascend_run(), THE_GROUP, SIGINT);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"host: a rank", test_host_rank},
	        {"host: the parent", test_host_parent},
	        {"host: Ctrl-C", test_host_interrupted},
	        {"oshmem: a rank", test_oshmem_rank},
	        {"oshmem: oshrun", test_oshmem_launcher},
	        {"oshmem: the parent", test_oshmem_parent},
	        {"oshmem: Ctrl-C", test_oshmem_interrupted},
	        {"ascend: a rank", test_ascend_rank},
	        {"ascend: the parent", test_ascend_parent},
	        {"ascend: Ctrl-C", test_ascend_interrupted},
	        {NULL, NULL},
	};

	if (!oshmem_there())
		printf("without oshmem; Debian: libopenmpi-dev, openmpi-bin\n");
	return unit_main("hw_killed", tests);
}
