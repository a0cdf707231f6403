/* cuda: ranks as buffers of GPUs, in a program of its own, epsim-cuda. It is no symmetric heap to
 * the flows of this folder: they stand in cuda_ranks.cu once more, as kernels. */
#include <unistd.h>
#include "hw/helper.h"

static const char program_name[] = "epsim-cuda";

static bool available(const char **why_not)
{
	char path[HELPER_PATH_SIZE];

	*why_not = "nvcc was not found when it was built";
	return helper_find(program_name, path);
}

static void start(const struct launch *l, const char *job)
{
	char program[HELPER_PATH_SIZE];

	(void)l;
	helper_find(program_name, program);
	execl(program, program, job, (char *)NULL);
}

static enum rc launch(const struct launch *l, void *reports, struct err *e)
{
	return helper_launch(l, program_name, start, reports, e);
}

const struct symheap_backend backend_cuda = {
        .name = "cuda",
        .doc = "ranks as buffers of NVIDIA GPUs, flows as CUDA kernels",
        .caution = "measured on memory of NVIDIA GPUs: no result of NPUs or of their fabric",
        .available = available,
        .launch = launch,
};
