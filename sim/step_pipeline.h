/* Pipeline parallelism: layers over PP stages, each of TP x DP ranks of its own.
 *
 * Layers are split as evenly as they go, earlier stages taking one more; the embedding is the first
 * stage's, the head (and the layers of MTP) the last one's. Between two stages each rank sends the
 * BF16 hidden rows of its tokens to its peer of the next stage:
 *     transfer = kernel + flag + latency + rows x hidden x 2 bytes / rate
 * with the latency and rate of the farthest two ranks of the deployment.
 *
 * Prefill: a chunk passes the stages one after the other, the next chunk follows behind it. A step
 * takes the sum of the stages and PP - 1 transfers; steps follow each other at the pace of the
 * slowest stage. The chunks of a prompt do so, too, as each has left a stage before the next comes.
 *
 * Decode: the batch is PP parts in flight, one in each stage; a rank holds the KV cache of all of
 * them, for its layers. A part is back at the first stage after all stages and transfers and the
 * way of its tokens back (no bytes); no sooner than the slowest stage has served all parts:
 *     TPOT = max(sum of stages + (PP - 1) transfer + return, PP x slowest stage)
 *
 * Times of phases: transfers and waiting count as exchange. PP 1 is as if there were none. */
#pragma once
#include "sim/step.h"

struct pipeline {
	int64_t n;
	double stage_s[MOST_STAGES];
	double transfer_s, return_s;
};

/* The stages of one step. sum: phases and drafts of all stages, max_mean_ratio of the worst. */
enum rc pipeline_stages(const struct step_request *q, struct pipeline *out, struct step_result *sum,
                        struct err *e);

/* Another chunk passes: end_s[stage] are the ends of the one before, zeros at first. */
void pipeline_pass(const struct pipeline *p, double *end_s);

/* step_possible(), step_run() and step_memory() of a schedule with PP above 1. */
bool pipeline_possible(const struct step_request *q, char *why_not, size_t why_size);
enum rc pipeline_run(const struct step_request *q, struct step_result *out, struct err *e);
enum rc pipeline_memory(const struct step_request *q, double kv_context_count, struct memory *out,
                        struct err *e);
