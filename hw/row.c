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

void row_add(float *restrict sum, const uint16_t *restrict row, float weight, int64_t hidden,
             int first)
{
	if (first) {
		for (int64_t i = 0; i < hidden; i++)
			sum[i] = weight * bf16_value(row[i]);
		return;
	}
	for (int64_t i = 0; i < hidden; i++)
		sum[i] += weight * bf16_value(row[i]);
}

void row_round(const float *restrict sum, int64_t hidden, uint16_t *restrict to)
{
	for (int64_t i = 0; i < hidden; i++)
		to[i] = bf16_bits(sum[i]);
}
