/* The file through which `epsim` and the ranks that oshrun starts talk: this head, the job, and
 * after the run the reports of all ranks, which rank 0 writes in place of the job. */
#pragma once
#include <stdint.h>

enum oshmem_job { OSHMEM_TRIAL, OSHMEM_BENCH };

struct oshmem_head {
	int64_t job; /* enum oshmem_job */
	int64_t n_ranks, heap_bytes, job_bytes, report_bytes;
};
