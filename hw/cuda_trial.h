/* A trial on GPUs, through cuda_ranks.h. */
#pragma once
#include "hw/trial.h"

/* reports: n_ranks of them, zeroed. NULL, or what failed. */
const char *cuda_trial_run(const struct trial *t, struct trial_report *reports);
