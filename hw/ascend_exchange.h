/* What the host writes and the kernels of ascend_kernels.h and ascend_bench.h read: one rank's
 * exchange or microbenchmark, by addresses on its die. C and C++; the same bytes on both sides. */
#pragma once
#include <stdint.h>
#ifndef ASCEND_ADDRESS
#define ASCEND_ADDRESS uint8_t *
#endif

enum {
	FLAG_INTS = 16,
	SLOT_TAIL_BYTES = 64,
	TAIL_TRIPLE = 8,
	CHUNK = 1024,
	LINE_INTS = 8,
	ASCEND_STAMPS = 16, /* of a core: the begin, then the end of each step */
	ASCEND_FLAGS = 3,
	ASCEND_STAGING = 4
};

enum ascend_kernel {
	ASCEND_DISPATCH_RELAY3,
	ASCEND_COMBINE_RELAY3,
	ASCEND_DISPATCH_RELAY2,
	ASCEND_COMBINE_RELAY2,
	ASCEND_DISPATCH_DIRECT,
	ASCEND_COMBINE_DIRECT,
	ASCEND_BENCH,
	ASCEND_CLOCK, /* leaves one stamp */
	ASCEND_KERNELS
};

/* Microbenchmarks; as in bench.h. */
enum ascend_bench_kind {
	ASCEND_COPY,
	ASCEND_PUT,
	ASCEND_GET,
	ASCEND_PLACE,
	ASCEND_PACK,
	ASCEND_REORDER,
	ASCEND_REDUCE,
	ASCEND_FETCH,
	ASCEND_FLAG,
	ASCEND_BARRIER
};

/* Symmetric memory by own addresses. Tables of experts are `stride` wide. */
struct ascend_exchange {
	int32_t n_ranks, experts, top_k, hidden, tokens, tokens_most, stride;
	int32_t int8, decode, layer; /* layer: 1, 2, ... */
	int32_t timed;               /* all ranks meet before the first stamp */
	int32_t bench, passes;       /* bench: enum ascend_bench_kind */
	int32_t spare;
	int64_t bench_bytes; /* a multiple of 32; of rows where the kind goes by rows */
	int64_t row_bytes, bf16_bytes, slot_bytes, back_bytes;

	/* own memory */
	ASCEND_ADDRESS input;
	ASCEND_ADDRESS output;
	ASCEND_ADDRESS expert;
	ASCEND_ADDRESS weight;
	ASCEND_ADDRESS block_counts; /* [cores][stride] */
	ASCEND_ADDRESS stamps;       /* [cores][ASCEND_STAMPS] int64: cycles */

	/* symmetric memory */
	ASCEND_ADDRESS flag[ASCEND_FLAGS]; /* [source], FLAG_INTS apart */
	ASCEND_ADDRESS own_counts[2];      /* [stride] */
	ASCEND_ADDRESS counts[2];          /* [source][stride] */
	ASCEND_ADDRESS window;
	ASCEND_ADDRESS window_scale; /* scales: a line of LINE_INTS each */
	ASCEND_ADDRESS result;
	ASCEND_ADDRESS staging[ASCEND_STAGING];
	ASCEND_ADDRESS staging_scale[2];
	ASCEND_ADDRESS row_flag;
	ASCEND_ADDRESS status[2];
	ASCEND_ADDRESS triple; /* a line each */
};
