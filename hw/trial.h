/* A trial: one flow, one phase, one shape, run on a backend; every result checked, then repeated
 * and timed. What is measured here says nothing about Ascend hardware: see README.md. */
#pragma once
#include "hw/reference.h"

enum { MOST_REPEATS = 200, MOST_LAYERS = 8 };

struct trial {
	int32_t kernels; /* row of kernels_table[] */
	struct shape shape;
	int32_t checked; /* layers of different seeds that run back to back and are checked */
	int32_t cores;   /* of each rank, where it has several: vector cores; 0: all */
	int32_t warmups, repeats; /* rounds that are timed; each operation starts at a barrier */
};

/* What one rank tells. Times are of sym_time_s(), so those of all ranks of a host compare. */
struct trial_report {
	struct verdict verdict;
	double begin_s[MOST_REPEATS][OPS];
	double end_s[MOST_REPEATS][OPS][MOST_STEPS];  /* of each step */
	double work_s[MOST_REPEATS][OPS][MOST_STEPS]; /* of each step, by sym_work_s() */
};

/* What all ranks together tell. An operation takes as long as its slowest rank. Its work is the sum
 * over steps of the slowest rank's processor time, waiting not counted: the time of the operation
 * where ranks have their processors for themselves and waits cost nothing, and a figure that can
 * still be had where other programs share them. */
struct trial_result {
	struct verdict verdict;
	int n_steps[OPS];
	const char *const *labels[OPS];
	double median_s[OPS], least_s[OPS]; /* over the repeats */
	double work_s[OPS];
	double step_work_s[OPS][MOST_STEPS]; /* median over repeats of the slowest rank's */
	double step_s[OPS][MOST_STEPS]; /* median over repeats of the slowest rank's time in it */
};

/* reports: n_ranks of them, the caller's. device: NULL, or DEVICE_TEXT_SIZE zeros for what ran it.
 * RC_CONFIG when the shape is impossible. */
enum rc trial_check(const struct trial *t, struct err *e);
enum rc trial_run(const struct trial *t, const struct symheap_backend *backend,
                  struct trial_report *reports, char *device, struct err *e);
void trial_sum(const struct trial *t, const struct trial_report *reports, struct trial_result *out);

/* What each rank runs; for programs that are ranks themselves. */
void trial_rank_main(struct symheap *h, const void *trial, void *report);
size_t trial_heap_bytes(const struct trial *t);
