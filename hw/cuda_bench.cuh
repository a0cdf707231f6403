/* Microbenchmarks as CUDA kernels; for cuda_ranks.cu alone. A block a row, or a piece of a row's
 * length. */
#pragma once
#include "hw/cuda_kernels.cuh"

enum { BENCH_ROWS_SUMMED = 8, BENCH_SPREAD = 16 };

/* A row's place when rows go to several places in turn. */
static __device__ inline int64_t place_of(int64_t row, int64_t rows)
{
	int64_t each = rows / BENCH_SPREAD;

	return row < each * BENCH_SPREAD ? row % BENCH_SPREAD * each + row / BENCH_SPREAD : row;
}

/* from: window, to: result; the far one is the next rank's. */
static __device__ inline const char *bench_from(const view &v, int32_t kind)
{
	bool far = kind == CUDA_BENCH_GET || kind == CUDA_BENCH_FETCH;

	return v.rank[far ? (v.me + 1) % v.s.n_ranks : v.me].window;
}

static __device__ inline char *bench_to(const view &v, int32_t kind)
{
	bool far = kind == CUDA_BENCH_PUT || kind == CUDA_BENCH_PLACE;

	return v.rank[far ? (v.me + 1) % v.s.n_ranks : v.me].result;
}

__global__ void bench_move(const __grid_constant__ view v, int32_t kind, int64_t bytes)
{
	int64_t row = v.s.bf16_bytes, rows = bytes / row;
	const char *from = bench_from(v, kind);
	char *to = bench_to(v, kind);
	bool pieces = kind <= CUDA_BENCH_GET;

	for (int64_t i = blockIdx.x; i * row < bytes; i += gridDim.x) {
		int64_t left = bytes - i * row, place;

		if (pieces) {
			row_copy(to + i * row, from + i * row, left < row ? left : row);
			continue;
		}
		if (i >= rows)
			continue;
		place = place_of(i, rows) * row;
		if (kind == CUDA_BENCH_REORDER)
			row_copy(to + i * row, from + place, row);
		else
			row_copy(to + place, from + i / BENCH_ROWS_SUMMED * row, row);
	}
}

__global__ void bench_sum(const __grid_constant__ view v, int32_t kind, int64_t bytes)
{
	__shared__ const char *row[BENCH_ROWS_SUMMED];
	__shared__ float weight[BENCH_ROWS_SUMMED];
	int64_t size = v.s.bf16_bytes, rows = bytes / size;

	for (int64_t i = blockIdx.x; (i + 1) * BENCH_ROWS_SUMMED <= rows; i += gridDim.x) {
		int64_t j = threadIdx.x;

		if (j < BENCH_ROWS_SUMMED) {
			weight[j] = 1.f / BENCH_ROWS_SUMMED;
			row[j] = bench_from(v, kind) +
			         place_of(i * BENCH_ROWS_SUMMED + j, rows) * size;
		}
		__syncthreads();
		row_sum(row, weight, BENCH_ROWS_SUMMED, size, bench_to(v, kind) + i * size);
		__syncthreads();
	}
}

/* What a stream runs between two waits. */
__global__ void bench_nothing()
{
}
