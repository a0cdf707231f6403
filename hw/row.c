#include "hw/row.h"
#include <math.h>

float row_quantise(const uint16_t *restrict from, int64_t hidden, int8_t *restrict to)
{
	const float most = 127, half_up = 12582912; /* 1.5 x 2^23: adding it rounds to even */
	uint32_t largest = 0;
	float up, scale;

	/* magnitudes of floats compare like their bits */
	for (int64_t i = 0; i < hidden; i++) {
		uint32_t magnitude = from[i] & 0x7fffu;

		largest = magnitude > largest ? magnitude : largest;
	}
	scale = bf16_value((uint16_t)largest) / most;
	up = largest > 0 ? most / bf16_value((uint16_t)largest) : 0;
	for (int64_t i = 0; i < hidden; i++)
		to[i] = (int8_t)((bf16_value(from[i]) * up + half_up) - half_up);
	return scale;
}

static float expert_gain(int64_t expert)
{
	return 1 + (float)(expert % 7) / 8;
}

static float expert_offset(int64_t expert)
{
	return (float)(expert % 5) / 16;
}

void row_expert_bf16(const uint16_t *restrict from, int64_t hidden, int64_t expert,
                     uint16_t *restrict to)
{
	float gain = expert_gain(expert), offset = expert_offset(expert);

	for (int64_t i = 0; i < hidden; i++)
		to[i] = bf16_bits(bf16_value(from[i]) * gain + offset);
}

void row_expert_int8(const int8_t *restrict from, float scale, int64_t hidden, int64_t expert,
                     uint16_t *restrict to)
{
	float gain = expert_gain(expert), offset = expert_offset(expert);

	for (int64_t i = 0; i < hidden; i++)
		to[i] = bf16_bits((float)from[i] * scale * gain + offset);
}

/* The vectors of the processor at hand, not of the oldest. Sanitizers start after the choice is
 * made.
 */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define FOR_EACH_PROCESSOR
#endif

enum { PART = 16 }; /* sums that stay in registers from the first row to the last */

FOR_EACH_PROCESSOR static void parts_sum(const uint16_t *const *row, const float *weight,
                                         int64_t n_rows, int64_t hidden, uint16_t *restrict to)
{
	for (int64_t from = 0; from + PART <= hidden; from += PART) {
		float sum[PART];

		for (int i = 0; i < PART; i++)
			sum[i] = weight[0] * bf16_value(row[0][from + i]);
		for (int64_t j = 1; j < n_rows; j++) {
			const uint16_t *part = row[j] + from;

			for (int i = 0; i < PART; i++)
				sum[i] += weight[j] * bf16_value(part[i]);
		}
		for (int i = 0; i < PART; i++)
			to[from + i] = bf16_bits(sum[i]);
	}
}

void row_sum(const uint16_t *const *row, const float *weight_ratio, int64_t n, int64_t hidden,
             uint16_t *to)
{
	parts_sum(row, weight_ratio, n, hidden, to);
	for (int64_t i = hidden / PART * PART; i < hidden; i++) {
		float sum = weight_ratio[0] * bf16_value(row[0][i]);

		for (int64_t j = 1; j < n; j++)
			sum += weight_ratio[j] * bf16_value(row[j][i]);
		to[i] = bf16_bits(sum);
	}
}
