/* epsim-cuda FILE: runs a trial on GPUs and leaves its reports in the file (helper.h). A program of
 * its own, so that epsim needs no CUDA. */
#include <stdio.h>
#include <stdlib.h>
#include "hw/cuda_trial.h"
#include "hw/helper.h"
#include "models/base/arena.h"

int main(int argc, char **argv)
{
	const char *why = "started by `epsim hw run --backend cuda`";
	struct helper_head head = {0};
	struct trial_report *reports;
	void *job;

	if (argc == 2) {
		job = helper_job_read(argv[1], &head);
		reports = heap_zeroed((size_t)head.n_ranks, sizeof *reports);
		why = head.job == HELPER_TRIAL ? cuda_trial_run(job, reports)
		                               : "microbenchmarks run on the host's backends only";
		if (!why)
			helper_reports_write(argv[1], &head, reports);
		free(reports);
		free(job);
	}
	if (why)
		fprintf(stderr, "epsim-cuda: %s\n", why);
	return why ? RC_INTERNAL : RC_OK;
}
