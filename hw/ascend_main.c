/* epsim-ascend FILE: a trial or microbenchmarks on Ascend dies, a process each; leaves its reports
 * in the file (helper.h).
 *
 * Alone it starts all ranks on this machine, rank r on device r. Started by mpirun, srun or
 * torchrun as often as there are ranks, it is one of them, on the device of its number on its
 * machine; then EPSIM_ASCEND_ADDRESS must name rank 0's machine and a free port, and the file must
 * be on all. */
#define _DEFAULT_SOURCE // NOLINT(bugprone-reserved-identifier)
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hw/ascend_rank.h"
#include "hw/helper.h"
#include "models/base/arena.h"

struct program {
	const char *path;
	struct helper_head head;
	void *job;
	struct die_group group;
	char address[64]; /* when nobody gave one */
};

/* ---- one rank ---- */

/* Each writes its own part; to the disk, since other machines may write beside it. */
static bool part_write(const char *path, size_t at, const void *part, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_DSYNC);
	bool good = fd >= 0 && pwrite(fd, part, bytes, (off_t)at) == (ssize_t)bytes;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool report_write(struct program *p, const struct die *d, const void *report)
{
	size_t bytes = (size_t)p->head.report_bytes;
	int32_t rank = p->group.rank;

	if (rank == 0) {
		snprintf(p->head.device, sizeof p->head.device, "%s, %d vector cores each",
		         die_name(d), die_cores(d));
		if (!part_write(p->path, 0, &p->head, sizeof p->head))
			return false;
	}
	return part_write(p->path, sizeof p->head + (size_t)rank * bytes, report, bytes);
}

static int rank_run(struct program *p)
{
	void *report = heap_zeroed(1, (size_t)p->head.report_bytes);
	bool bench = p->head.job == HELPER_BENCH;
	const char *why;
	struct die *d;

	p->group.heap_bytes =
	        (bench ? ascend_bench_heap_bytes(p->job) : ascend_trial_heap_bytes(p->job)) +
	        (1 << 21); /* for what the library keeps there itself */
	d = die_open(&p->group);
	why = bench ? ascend_bench_run(d, p->group.rank, p->job, report)
	            : ascend_trial_run(d, p->group.rank, p->job, report);
	if (why)
		fprintf(stderr, "epsim-ascend: rank %d: %s\n", p->group.rank, why);
	else if (!report_write(p, d, report))
		why = "", fprintf(stderr, "epsim-ascend: %s: cannot be written\n", p->path);
	free(report);
	if (why) /* others may wait for us: end as we are, and they are ended */
		return RC_INTERNAL;
	die_close(d);
	return RC_OK;
}

/* ---- all ranks of this machine ---- */

static void ranks_kill(const pid_t *pid, int32_t n)
{
	for (int32_t r = 0; r < n; r++) {
		if (pid[r] > 0)
			kill(pid[r], SIGKILL);
	}
	while (wait(NULL) > 0)
		;
}

/* Ranks end with the first that fails, and with us. The exit status is that rank's, or 128 and the
 * signal that ended it. */
static int ranks_run(struct program *p)
{
	int32_t n = (int32_t)p->head.n_ranks;
	pid_t pid[MOST_RANKS] = {0}, self = getpid();
	int status = 0;

	for (int32_t r = 0; r < n; r++) {
		pid[r] = fork();
		if (pid[r] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			p->group.rank = r, p->group.device = r;
			_exit(getppid() == self ? rank_run(p) : RC_INTERNAL);
		}
	}
	for (int32_t left = n; left > 0 && status == 0; left--) {
		pid_t one = wait(&status);

		for (int32_t r = 0; r < n; r++)
			pid[r] = pid[r] == one ? 0 : pid[r];
	}
	ranks_kill(pid, n);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- who we are ---- */

static int32_t number(const char *name)
{
	const char *text = getenv(name);

	return text ? (int32_t)strtol(text, NULL, 10) : -1;
}

/* One of as many as there are ranks? */
static bool member(struct program *p)
{
	static const char *const names[][3] = {
	        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
	        {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
	        {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"},
	        {"RANK", "WORLD_SIZE", "LOCAL_RANK"},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		p->group.rank = number(names[i][0]);
		p->group.device = number(names[i][2]);
		if (p->group.rank >= 0 && p->group.device >= 0 && p->head.n_ranks > 1 &&
		    number(names[i][1]) == p->head.n_ranks)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	enum { FIRST_PORT = 20000, PORTS = 10000 };
	struct program p = {0};
	const char *given = getenv("EPSIM_ASCEND_ADDRESS");
	bool one;
	int status;

	if (argc != 2) {
		fprintf(stderr, "epsim-ascend: started by `epsim hw --backend ascend`\n");
		return RC_INTERNAL;
	}
	p.path = argv[1];
	p.job = helper_job_read(argv[1], &p.head);
	snprintf(p.address, sizeof p.address, "tcp://127.0.0.1:%d",
	         FIRST_PORT + (int)getpid() % PORTS);
	p.group.n_ranks = (int32_t)p.head.n_ranks;
	p.group.address = given ? given : p.address;
	one = member(&p);
	if (one && !given) {
		fprintf(stderr, "epsim-ascend: one rank of several needs EPSIM_ASCEND_ADDRESS, "
		                "tcp://HOST:PORT of rank 0\n");
		return RC_INTERNAL;
	}
	status = one ? rank_run(&p) : ranks_run(&p);
	free(p.job);
	return status;
}
