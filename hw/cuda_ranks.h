/* Ranks as buffers of GPUs: the flows of hw/ as CUDA kernels (cuda_ranks.cu), for cuda_trial.c.
 *
 * Rank r lives on device r modulo the devices; all its kernels run in one stream. A kernel reads
 * and writes other ranks' buffers through peer access. What a flow waits for between steps, each
 * stream waits for by events of all others. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CUDA_MOST_RANKS = 8, CUDA_STAGING = 4, CUDA_MOST_STEPS = 8 };

enum cuda_flow { CUDA_RELAY3, CUDA_RELAY2, CUDA_DIRECT };

/* One exchange. Rows and scales lie as hw/moe_rank.h says. */
struct cuda_shape {
	int32_t flow, decode, int8; /* decode, int8: 0 or 1 */
	int32_t n_ranks, experts, top_k, hidden, tokens;
	int64_t row_bytes, bf16_bytes, slot_bytes, back_bytes, window_rows;
};

/* Everything a rank holds, on its device. */
struct cuda_rank {
	int32_t rank, tokens;
	uint16_t *input, *output;
	uint32_t *expert;
	float *weight;           /* unit: 1 */
	int32_t *before;         /* [rows]: earlier rows of this rank to the same expert */
	int32_t *own_counts;     /* [experts] */
	int32_t *counts;         /* [source][experts] */
	int32_t *packed, *place; /* [experts]: first row of each, packed here and in windows */
	char *window, *result;
	float *window_scale; /* unit: 1 */
	char *staging[CUDA_STAGING];
	float *staging_scale[2]; /* unit: 1 */
	int32_t *triple;         /* [window_rows][4]: rank, token, choice */
};

struct cuda_group;

/* NULL with *why for people when there is no device, no memory, or no peer access. */
struct cuda_group *cuda_group_open(const struct cuda_shape *s, const char **why);
void cuda_group_close(struct cuda_group *g);
const char *cuda_group_device(const struct cuda_group *g); /* name of the first */

/* To the device: a rank's tokens. From it, after dispatch and after combine. */
void cuda_rank_load(struct cuda_group *g, int32_t rank, int32_t tokens, const uint16_t *input,
                    const uint32_t *expert, const float *weight);                     /* unit: 1 */
void cuda_rank_window(struct cuda_group *g, int32_t rank, char *window, float *scale, /* unit: 1 */
                      int32_t *counts);
void cuda_rank_output(struct cuda_group *g, int32_t rank, uint16_t *output);

/* One operation of all ranks. seconds[rank][step] from the begin of the operation, by events of the
 * rank's stream; NULL: not timed. Returns the number of steps, or -1 with *why. */
int cuda_dispatch(struct cuda_group *g, double (*step_s)[CUDA_MOST_STEPS], const char **why);
int cuda_experts(struct cuda_group *g, const char **why);
int cuda_combine(struct cuda_group *g, double (*step_s)[CUDA_MOST_STEPS], const char **why);

/* ---- microbenchmarks, as hw/bench.h names them ---- */

enum cuda_bench_kind {
	CUDA_BENCH_MEMCPY,
	CUDA_BENCH_COPY,
	CUDA_BENCH_PUT,
	CUDA_BENCH_GET,
	CUDA_BENCH_PLACE,
	CUDA_BENCH_PACK,
	CUDA_BENCH_REORDER,
	CUDA_BENCH_REDUCE,
	CUDA_BENCH_FETCH,
	CUDA_BENCH_FLAG,
	CUDA_BENCH_BARRIER
};

/* A shape for them: buffers of at least that many bytes, rows of row_bytes. */
struct cuda_shape cuda_bench_shape(int32_t n_ranks, int64_t row_bytes, int64_t bytes);

/* Passes of one kind by the first `cores` ranks at once; seconds of one pass by each rank's events,
 * of ranks that work. False with *why. Flags: one way of two streams' events. */
bool cuda_bench(struct cuda_group *g, int32_t kind, int64_t bytes, int32_t cores, int32_t passes,
                double *rank_pass_s, const char **why);

#ifdef __cplusplus
}
#endif
