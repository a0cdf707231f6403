/* A plan's tornado: how the answer moves with each number that is not known exactly.
 *
 * NPUs are by throughput and before rounding to deployments (one at least), of the best of the
 * cheapest schedules: where a number makes the plan's schedule miss its budget, or another cheaper,
 * the schedule is chosen again. Queues are not served again. */
#pragma once
#include "sim/plan.h"

struct plan_swing {
	const char *path; /* "machine.fabric.put"; in the arena given */
	double sd_ratio;
	double low_npus_count, high_npus_count; /* one sd down, up; HUGE_VAL: none of the cheapest
	                                           schedules meets the budgets */
	bool low_rechosen, high_rechosen;       /* another schedule than with the number as it is */
};

struct plan_tornado {
	double npus_count; /* with all numbers as they are */
	struct plan_swing *swing;
	size_t n; /* widest first; those that move nothing are left out */
};

/* Numbers with an `sd` of the machine, the workload and the plan sections, and the kernels of
 * dispatch and combine by the calibration's kernel_sd. */
enum rc plan_tornado(const struct sweep *s, const struct plan *p, struct arena *a,
                     struct plan_tornado *out, struct err *e);
