/* The flows as CUDA kernels: counting, rows out and back, experts, sums. For cuda_ranks.cu alone, which
 * launches them; it has included CUDA or its twin before. */
#pragma once
#include "hw/cuda_ranks.h"
#include "hw/cuda_rows.cuh"

/* What kernels see: all ranks, and which of them they work for. */
struct view {
	struct cuda_shape s;
	struct cuda_rank rank[CUDA_MOST_RANKS];
	int32_t me;
};

enum { SEND, RECEIVE, BACK_SEND, BACK_RECEIVE }; /* staging of relay3 */
enum { DISPATCH_HALF, COMBINE_HALF };            /* of relay2's window */
#ifdef EPSIM_CUDA_TWIN
enum { THREADS = 64, BLOCKS = 3, PAIR_BLOCKS = 2 };
#else
enum { THREADS = 256, BLOCKS = 512, PAIR_BLOCKS = 64 };
#endif
enum { TAIL_TRIPLE = 32 }; /* bytes after a slot's scale: see hw/relay2.h */

#define ME (v.rank[v.me])
#define LOCAL (v.s.experts / v.s.n_ranks)

/* ---- counting ---- */

/* A block an expert: its rows of this rank in their order. */
__global__ void count_rows(const __grid_constant__ view v)
{
	__shared__ int32_t of_warp[THREADS / 32];
	int32_t rows = ME.tokens * v.s.top_k, base = 0;
	uint32_t expert = blockIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32;

	for (int32_t first = 0; first < rows; first += THREADS) {
		int32_t i = first + (int32_t)threadIdx.x, all = 0, earlier = 0;
		bool mine = i < rows && ME.expert[i] == expert;
		uint32_t votes = __ballot_sync(0xffffffffu, mine);

		if (lane == 0)
			of_warp[warp] = __popc(votes);
		__syncthreads();
		for (uint32_t w = 0; w < THREADS / 32; w++) {
			earlier += w < warp ? of_warp[w] : 0;
			all += of_warp[w];
		}
		if (mine)
			ME.before[i] = base + earlier + __popc(votes & ((1u << lane) - 1));
		base += all;
		__syncthreads();
	}
	if (threadIdx.x == 0)
		ME.own_counts[expert] = base;
}

/* To every rank's table, or from every rank; then where own rows go. One block. */
__global__ void exchange_counts(const __grid_constant__ view v, bool push)
{
	for (int32_t r = 0; r < v.s.n_ranks; r++) {
		const int32_t *from = v.rank[push ? v.me : r].own_counts;
		int32_t *table = v.rank[push ? r : v.me].counts;
		int32_t *to = table + (push ? v.me : r) * v.s.experts;

		for (int32_t e = (int32_t)threadIdx.x; e < v.s.experts; e += THREADS)
			to[e] = from[e];
	}
}

/* Rows from sources from .. to - 1 for experts first .. end - 1. */
static __device__ int32_t rows_between(const view &v, int32_t from, int32_t to, int32_t first,
                                       int32_t end)
{
	int32_t sum = 0;

	for (int32_t source = from; source < to; source++) {
		for (int32_t e = first; e < end; e++)
			sum += ME.counts[source * v.s.experts + e];
	}
	return sum;
}

__global__ void offsets(const __grid_constant__ view v, bool windows)
{
	for (int32_t e = (int32_t)threadIdx.x; e < v.s.experts; e += THREADS) {
		int32_t first = e / LOCAL * LOCAL, packed = 0;

		for (int32_t other = 0; other < e; other++)
			packed += ME.own_counts[other];
		ME.packed[e] = packed;
		if (windows)
			ME.place[e] = rows_between(v, 0, v.s.n_ranks, first, e) +
			              rows_between(v, 0, v.me, e, e + 1);
	}
}

/* ---- rows out of the input: a block a row ---- */

enum target { TO_WINDOW, TO_SEND, TO_STAGE, TO_SLOT };

struct spot {
	char *row;
	float *scale;
	int32_t *triple; /* NULL: none goes with the row */
};

static __device__ spot spot_of(const view &v, int32_t branch, target where)
{
	int32_t e = (int32_t)ME.expert[branch], owner = e / LOCAL, before = ME.before[branch];
	const cuda_rank &to = v.rank[owner];
	char *slot;

	if (where == TO_WINDOW) {
		int64_t at = ME.place[e] + before;

		return {to.window + at * v.s.row_bytes, to.window_scale + at, NULL};
	}
	if (where == TO_SEND) {
		int64_t at = ME.packed[e] + before;

		return {ME.staging[SEND] + at * v.s.row_bytes, ME.staging_scale[SEND] + at, NULL};
	}
	if (where == TO_STAGE) {
		slot = ME.staging[DISPATCH_HALF] + (ME.packed[e] + before) * v.s.slot_bytes;
	} else {
		int64_t at = (int64_t)(v.me * LOCAL + e % LOCAL) * v.s.tokens + before;

		slot = to.staging[DISPATCH_HALF] + at * v.s.slot_bytes;
	}
	return {slot, (float *)(slot + v.s.row_bytes),
	        (int32_t *)(slot + v.s.row_bytes + TAIL_TRIPLE)};
}

__global__ void send_rows(const __grid_constant__ view v, target where)
{
	for (int32_t i = (int32_t)blockIdx.x; i < ME.tokens * v.s.top_k; i += (int32_t)gridDim.x) {
		const char *in = (const char *)ME.input + i / v.s.top_k * v.s.bf16_bytes;
		spot to = spot_of(v, i, where);
		float scale = 0;

		if (v.s.int8)
			scale = row_quantise((const uint16_t *)in, v.s.hidden, to.row);
		else
			row_copy(to.row, in, v.s.row_bytes);
		if (threadIdx.x != 0)
			continue;
		*to.scale = scale;
		if (to.triple) {
			to.triple[0] = v.me;
			to.triple[1] = i / v.s.top_k;
			to.triple[2] = i % v.s.top_k;
		}
	}
}

/* ---- blocks of rows: grid.y counts pairs (source, local expert), or peers ---- */

/* relay3, from the receive buffer to the window and back. */
__global__ void reorder(const __grid_constant__ view v, bool forward)
{
	int32_t source = (int32_t)blockIdx.y / LOCAL, first = v.me * LOCAL;
	int32_t e = first + (int32_t)blockIdx.y % LOCAL;
	int64_t bytes = forward ? v.s.row_bytes : v.s.bf16_bytes;
	int32_t n = ME.counts[source * v.s.experts + e];
	int64_t a = rows_between(v, 0, source, first, first + LOCAL) +
	            rows_between(v, source, source + 1, first, e);
	int64_t b = rows_between(v, 0, v.s.n_ranks, first, e) + rows_between(v, 0, source, e, e + 1);

	for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
		char *by_source = ME.staging[forward ? RECEIVE : BACK_SEND] + (a + i) * bytes;
		char *by_expert = (forward ? ME.window : ME.result) + (b + i) * bytes;

		row_copy(forward ? by_expert : by_source, forward ? by_source : by_expert, bytes);
		if (forward && threadIdx.x == 0)
			ME.window_scale[b + i] = ME.staging_scale[RECEIVE][a + i];
	}
}

/* relay3's all-to-all: one block of rows to each peer. */
__global__ void all_to_all(const __grid_constant__ view v, bool forward)
{
	int32_t peer = (v.me + (int32_t)blockIdx.y) % v.s.n_ranks;
	int32_t holder = forward ? peer : v.me, source = forward ? v.me : peer;
	int32_t first = holder * LOCAL, end = first + LOCAL;
	int64_t packed = rows_between(v, source, source + 1, 0, first);
	int64_t received = rows_between(v, 0, source, first, end);
	int64_t n = rows_between(v, source, source + 1, first, end);
	int64_t bytes = forward ? v.s.row_bytes : v.s.bf16_bytes;
	const cuda_rank &to = v.rank[peer];

	for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
		int64_t from = (forward ? packed : received) + i, at = (forward ? received : packed) + i;

		row_copy(to.staging[forward ? RECEIVE : BACK_RECEIVE] + at * bytes,
		         ME.staging[forward ? SEND : BACK_SEND] + from * bytes, bytes);
		if (forward && threadIdx.x == 0)
			to.staging_scale[RECEIVE][at] = ME.staging_scale[SEND][from];
	}
}

/* relay2, slots to the window: pulled from their sources (prefill), or own (decode). */
__global__ void take_slots(const __grid_constant__ view v)
{
	int32_t source = (int32_t)blockIdx.y / LOCAL, local = (int32_t)blockIdx.y % LOCAL;
	int32_t e = v.me * LOCAL + local, first = v.me * LOCAL;
	int32_t n = ME.counts[source * v.s.experts + e];
	int64_t b = rows_between(v, 0, v.s.n_ranks, first, e) + rows_between(v, 0, source, e, e + 1);
	int64_t a = v.s.decode ? (int64_t)(source * LOCAL + local) * v.s.tokens
	                       : rows_between(v, source, source + 1, 0, e);
	const char *slots = v.rank[v.s.decode ? v.me : source].staging[DISPATCH_HALF];

	for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
		const char *slot = slots + (a + i) * v.s.slot_bytes, *tail = slot + v.s.row_bytes;

		row_copy(ME.window + (b + i) * v.s.row_bytes, slot, v.s.row_bytes);
		if (threadIdx.x < 3)
			ME.triple[(b + i) * 4 + threadIdx.x] =
			        ((const int32_t *)(tail + TAIL_TRIPLE))[threadIdx.x];
		if (threadIdx.x == 0)
			ME.window_scale[b + i] = *(const float *)tail;
	}
}

/* ---- experts, and the way back ---- */

__global__ void run_experts(const __grid_constant__ view v)
{
	int32_t first = v.me * LOCAL, e = first + (int32_t)blockIdx.y;
	int64_t at = rows_between(v, 0, v.s.n_ranks, first, e);
	int64_t n = rows_between(v, 0, v.s.n_ranks, e, e + 1);

	for (int64_t i = at + blockIdx.x; i < at + n; i += gridDim.x)
		row_expert(ME.window + i * v.s.row_bytes, ME.window_scale[i], v.s.int8 != 0,
		           v.s.hidden, e, (uint16_t *)(ME.result + i * v.s.bf16_bytes));
}

/* relay2: each row of the result to its token's rank. */
__global__ void return_rows(const __grid_constant__ view v)
{
	int64_t n = rows_between(v, 0, v.s.n_ranks, v.me * LOCAL, (v.me + 1) * LOCAL);

	for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {
		const int32_t *t = ME.triple + i * 4;
		int64_t branch = (int64_t)t[1] * v.s.top_k + t[2];

		row_copy(v.rank[t[0]].staging[COMBINE_HALF] + branch * v.s.back_bytes,
		         ME.result + i * v.s.bf16_bytes, v.s.bf16_bytes);
	}
}

/* A block a token. Its rows lie in remote results, or came back. */
__global__ void sum_rows(const __grid_constant__ view v)
{
	__shared__ const char *row[64];
	__shared__ float weight[64];

	for (int32_t t = (int32_t)blockIdx.x; t < ME.tokens; t += (int32_t)gridDim.x) {
		int32_t j = (int32_t)threadIdx.x, i = t * v.s.top_k + j;

		if (j < v.s.top_k) {
			int32_t e = (int32_t)ME.expert[i];
			int64_t place = ME.place[e] + ME.before[i];
			int64_t packed = ME.packed[e] + ME.before[i];

			weight[j] = ME.weight[i];
			row[j] = v.s.flow == CUDA_DIRECT
			                 ? v.rank[e / LOCAL].result + place * v.s.bf16_bytes
			         : v.s.flow == CUDA_RELAY3
			                 ? ME.staging[BACK_RECEIVE] + packed * v.s.bf16_bytes
			                 : ME.staging[COMBINE_HALF] + (int64_t)i * v.s.back_bytes;
		}
		__syncthreads();
		row_sum(row, weight, v.s.top_k, v.s.bf16_bytes,
		        (char *)ME.output + t * v.s.bf16_bytes);
		__syncthreads();
	}
}
