/* Runs ascend_kernels.h on its twin: PEs and vector cores as threads. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TWIN_RELAY3, TWIN_RELAY2, TWIN_DIRECT };

/* What one PE holds, for callbacks. Rows lie as hw/moe_rank.h says; scales 8 numbers apart. */
struct twin_view {
	uint16_t *input, *output;
	uint32_t *expert;
	float *weight; /* unit: 1 */
	char *window, *result;
	const float *window_scale; /* unit: 1 */
	const int32_t *counts;     /* [source][stride] */
	int32_t *tokens;
	int32_t stride;
};

/* Rows are slots of row_bytes and 64 more in relay2, up to multiples of 512. */
struct twin_run {
	int32_t flow, decode, int8;
	int32_t n_ranks, cores, experts, top_k, hidden, tokens, layers;
	int64_t row_bytes, bf16_bytes, window_rows;
	void *data;
	/* Called by one core of each PE, while its others wait: before a layer, to set tokens,
	   input, expert and weight; after dispatch, to make the result of the window; after
	   combine. */
	void (*before)(void *data, int32_t pe, int32_t layer, struct twin_view *v);
	void (*dispatched)(void *data, int32_t pe, int32_t layer, struct twin_view *v);
	void (*combined)(void *data, int32_t pe, int32_t layer, struct twin_view *v);
};

void twin_exchange(const struct twin_run *r);

#ifdef __cplusplus
}
#endif
