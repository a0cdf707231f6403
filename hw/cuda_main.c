/* epsim-cuda FILE: runs a trial or microbenchmarks on GPUs and leaves its reports in the file
 * (helper.h). A program of its own, so that epsim needs no CUDA. */
#include <stdio.h>
#include <stdlib.h>
#include "hw/cuda_trial.h"
#include "hw/helper.h"
#include "models/base/arena.h"

static const char *job_run(struct helper_head *head, const void *job, void *reports)
{
	if (head->job == HELPER_TRIAL)
		return cuda_trial_run(job, reports, head->device);
	return cuda_bench_run(job, reports, head->device);
}

int main(int argc, char **argv)
{
	const char *why = "started by `epsim hw --backend cuda`";
	struct helper_head head = {0};
	void *reports, *job;

	if (argc == 2) {
		job = helper_job_read(argv[1], &head);
		reports = heap_zeroed((size_t)head.n_ranks, (size_t)head.report_bytes);
		why = job_run(&head, job, reports);
		if (!why)
			helper_reports_write(argv[1], &head, reports);
		free(reports);
		free(job);
	}
	if (why)
		fprintf(stderr, "epsim-cuda: %s\n", why);
	return why ? RC_INTERNAL : RC_OK;
}
