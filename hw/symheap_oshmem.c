/* oshmem: ranks are processes of another program, epsim-oshmem, which oshrun starts.
 *
 * What Open MPI 4.1 needs told: it refuses root and more ranks than processors unless asked; its
 * memory hooks crash in shmem_finalize; the heap's size is read from SHMEM_SYMMETRIC_HEAP_SIZE; its
 * files go to the job's folder, for a killed oshrun does not remove them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hw/helper.h"
#include "hw/symheap_shared.h"

static const char program_name[] = "epsim-oshmem";

static bool available(const char **why_not)
{
	char path[HELPER_PATH_SIZE];

	*why_not =
	        "OpenSHMEM was not found when it was built (Debian: libopenmpi-dev, openmpi-bin)";
	return helper_find(program_name, path);
}

static void start(const struct launch *l, const char *job)
{
	size_t bytes = l->heap_bytes + (size_t)l->n_ranks * l->report_bytes;
	char program[HELPER_PATH_SIZE], folder[HELPER_PATH_SIZE], ranks[16], heap[32];

	helper_find(program_name, program);
	snprintf(ranks, sizeof ranks, "%lld", (long long)l->n_ranks);
	snprintf(heap, sizeof heap, "%zu", bytes + bytes / 8 + (1 << 24));
	setenv("SHMEM_SYMMETRIC_HEAP_SIZE", heap, 1);
	setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
	setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
	setenv("OMPI_MCA_memory", "^patcher", 1);
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(job, '/') - job), job);
	setenv("OMPI_MCA_orte_tmpdir_base", folder, 1);
	setenv("OMPI_MCA_btl_vader_backing_directory", folder, 1);
	setenv("OMPI_MCA_mpi_yield_when_idle", "1", 1);
	execlp("oshrun", "oshrun", "--oversubscribe", "-np", ranks, program, job, (char *)NULL);
}

static enum rc launch(const struct launch *l, void *reports, struct err *e)
{
	return helper_launch(l, "oshrun", start, reports, e);
}

const struct symheap_backend backend_oshmem = {
        .name = "oshmem",
        .doc = "OpenSHMEM through Open MPI's oshrun",
        .caution = symheap_shared_caution,
        .available = available,
        .launch = launch,
};
