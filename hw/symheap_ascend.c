/* ascend: ranks on Ascend dies, in a program of its own, epsim-ascend; flows are the kernels of
 * ascend_kernels.h. ascend-twin: the same program over our twin of CANN, on processors of a host: a
 * rehearsal of the whole way, and what tests run.
 *
 * EPSIM_ASCEND_START, such as "mpirun -np 16 --hostfile hosts", starts the program once a rank. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "hw/helper.h"

static const char device_program[] = "epsim-ascend", twin_program[] = "epsim-ascend-twin";

static bool device_available(const char **why_not)
{
	char path[HELPER_PATH_SIZE];

	*why_not = "CANN and aclshmem were not found when it was built (hw/ASCEND.md)";
	return helper_find(device_program, path);
}

static bool twin_available(const char **why_not)
{
	char path[HELPER_PATH_SIZE];

	*why_not = "it is built with the tests (BUILD_TESTING=ON)";
	return helper_find(twin_program, path);
}

static void program_start(const char *program, const char *job)
{
	char path[HELPER_PATH_SIZE];
	const char *with = getenv("EPSIM_ASCEND_START");

	helper_find(program, path);
	if (!with) {
		execl(path, path, job, (char *)NULL);
		return;
	}
	setenv("EPSIM_ASCEND_PROGRAM", path, 1);
	setenv("EPSIM_ASCEND_JOB", job, 1);
	execl("/bin/sh", "sh", "-c",
	      "exec $EPSIM_ASCEND_START \"$EPSIM_ASCEND_PROGRAM\" \"$EPSIM_ASCEND_JOB\"",
	      (char *)NULL);
}

static void device_start(const struct launch *l, const char *job)
{
	(void)l;
	program_start(device_program, job);
}

static void twin_start(const struct launch *l, const char *job)
{
	(void)l;
	program_start(twin_program, job);
}

static enum rc device_launch(const struct launch *l, void *reports, struct err *e)
{
	return helper_launch(l, device_program, device_start, reports, e);
}

static enum rc twin_launch(const struct launch *l, void *reports, struct err *e)
{
	return helper_launch(l, twin_program, twin_start, reports, e);
}

const struct symheap_backend backend_ascend = {
        .name = "ascend",
        .doc = "ranks on Ascend dies, flows as AscendC kernels",
        .caution = "measured with kernels of epsim on the named dies",
        .dies = true,
        .available = device_available,
        .launch = device_launch,
};

const struct symheap_backend backend_ascend_twin = {
        .name = "ascend-twin",
        .doc = "the ascend backend over a twin of CANN; times mean nothing",
        .caution =
                "a twin of CANN on processors of this host: times mean nothing, no result of NPUs",
        .dies = true,
        .available = twin_available,
        .launch = twin_launch,
};
