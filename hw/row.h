/* Rows: one token's vector of `hidden` BF16 numbers, or INT8 with a scale. Every flow uses these,
 * so that equal inputs give equal bits whichever way a row went. Sums are FP32, in the order in
 * which a token names its experts. */
#pragma once
#include <stdint.h>

static inline float bf16_value(uint16_t bits) /* unit: 1 */
{
	union {
		uint32_t bits;
		float value; /* unit: 1 */
	} u = {.bits = (uint32_t)bits << 16};

	return u.value;
}

/* Rounds to nearest, ties to even. Not for NaN. */
static inline uint16_t bf16_bits(float value) /* unit: 1 */
{
	union {
		float value; /* unit: 1 */
		uint32_t bits;
	} u = {.value = value};

	return (uint16_t)((u.bits + 0x7fff + (u.bits >> 16 & 1)) >> 16);
}

/* INT8 with one scale a row: the row's largest magnitude becomes 127. Returns the scale, by which
 * the integers are multiplied to get the numbers back; 0 for a row of zeros. */
float row_quantise(const uint16_t *from, int64_t hidden, int8_t *to); /* unit: 1 */

/* An expert of the tests and measurements: a cheap function that differs from expert to expert. */
void row_expert_bf16(const uint16_t *from, int64_t hidden, int64_t expert, uint16_t *to);
void row_expert_int8(const int8_t *from, float scale, /* unit: 1 */
                     int64_t hidden, int64_t expert, uint16_t *to);

/* to = sum of weight[j] row[j], j = 0, 1, ...; n rows, at most MOST_SUMMED. */
enum { MOST_SUMMED = 64 };
void row_sum(const uint16_t *const *row, const float *weight_ratio, int64_t n, int64_t hidden,
             uint16_t *to);
