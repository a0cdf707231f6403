/* Rows on the device: as hw/row.h, to the bit. Compiled with --fmad=false, so that products and sums
 * round as they do on the host. A block works on a row, 16 bytes a thread. */
#pragma once
#include <stdint.h>

static __device__ inline float bf16_value(uint16_t bits)
{
	return __uint_as_float((uint32_t)bits << 16);
}

static __device__ inline uint16_t bf16_bits(float value)
{
	uint32_t bits = __float_as_uint(value);

	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* Buffers, and rows in them, start at multiples of 32 bytes and are such multiples long. */
static __device__ inline void row_copy(void *to, const void *from, int64_t bytes)
{
	const int4 *in = (const int4 *)from;
	int4 *out = (int4 *)to;

	for (int64_t i = threadIdx.x; i < bytes / (int64_t)sizeof *in; i += blockDim.x)
		out[i] = in[i];
}

/* The largest magnitude of a row, as the bits of its BF16; the same in all threads. */
static __device__ inline uint32_t row_largest(const uint16_t *from, int32_t hidden)
{
	__shared__ uint32_t of_warp[32];
	uint32_t largest = 0;

	for (int32_t i = (int32_t)threadIdx.x; i < hidden; i += (int32_t)blockDim.x) {
		uint32_t magnitude = from[i] & 0x7fffu;

		largest = magnitude > largest ? magnitude : largest;
	}
	largest = __reduce_max_sync(0xffffffffu, largest);
	if (threadIdx.x % 32 == 0)
		of_warp[threadIdx.x / 32] = largest;
	__syncthreads();
	for (uint32_t i = 0; i < blockDim.x / 32; i++)
		largest = of_warp[i] > largest ? of_warp[i] : largest;
	__syncthreads(); /* of_warp is used again */
	return largest;
}

/* Returns the scale. Eight numbers of 16 bytes a thread and turn. */
static __device__ inline float row_quantise(const uint16_t *from, int32_t hidden, char *to)
{
	float largest = bf16_value((uint16_t)row_largest(from, hidden));
	float up = largest > 0 ? __fdiv_rn(127.f, largest) : 0;

	for (int32_t i = (int32_t)threadIdx.x * 8; i < hidden; i += (int32_t)blockDim.x * 8) {
		for (int32_t k = i; k < i + 8 && k < hidden; k++)
			to[k] = (char)(int8_t)rintf(bf16_value(from[k]) * up);
	}
	return __fdiv_rn(largest, 127.f);
}

static __device__ inline void row_expert(const char *from, float scale, bool int8, int32_t hidden,
                                         int32_t expert, uint16_t *to)
{
	float gain = 1 + (float)(expert % 7) / 8, offset = (float)(expert % 5) / 16;

	for (int32_t i = (int32_t)threadIdx.x; i < hidden; i += (int32_t)blockDim.x) {
		float value = int8 ? (float)((const int8_t *)from)[i] * scale
		                   : bf16_value(((const uint16_t *)from)[i]);

		to[i] = bf16_bits(value * gain + offset);
	}
}

/* to = sum over j of weight[j] row[j], in that order; 8 numbers (16 bytes) a thread and turn. The
 * padding of rows is summed with them. */
static __device__ inline void row_sum(const char *const *row, const float *weight, int32_t n,
                                      int64_t bytes, char *to)
{
	for (int64_t i = threadIdx.x; i < bytes / (int64_t)sizeof(int4); i += blockDim.x) {
		float sum[8];
		int4 part;
		const uint16_t *number = (const uint16_t *)&part;

		for (int32_t j = 0; j < n; j++) {
			part = ((const int4 *)row[j])[i];
			for (int k = 0; k < 8; k++) {
				float product = weight[j] * bf16_value(number[k]);

				sum[k] = j ? sum[k] + product : product;
			}
		}
		for (int k = 0; k < 8; k++)
			((uint16_t *)&part)[k] = bf16_bits(sum[k]);
		((int4 *)to)[i] = part;
	}
}
