/* One rank's dispatch and combine: its tokens, the buffers that flows share, and what happened
 * when.
 *
 * Words: N = tokens x top_k rows leave a rank, N' arrive at it. The expert window holds the rows
 * that arrived: by expert, then by source rank, then in the source's order. The result holds what
 * the experts made of them, in the same places. */
#pragma once
#include "hw/load.h"
#include "hw/symheap.h"
#include "models/observation.h"

/* What flags say. One flag for each source rank. */
enum flag_kind { FLAG_COUNTS, FLAG_ROWS, FLAG_RESULTS, FLAG_KINDS };

enum { MOST_STEPS = 8 }; /* of an operation */

struct moe_rank {
	struct symheap *heap;
	struct shape shape;
	int64_t tokens, rows, local_experts; /* rows: N */
	size_t row_bytes, bf16_bytes;
	int64_t window_rows; /* that the window has room for */
	int32_t layer;       /* 1, 2, ...: what flags of this layer are set to */

	/* own memory */
	uint16_t *input, *output; /* [tokens], bf16_bytes apart */
	uint32_t *expert;         /* [tokens][top_k] */
	float *weight_ratio;
	int32_t *next; /* [experts]: row that the next row to each expert takes */
	char *row;     /* on the way: one, quantised */
	char *got;     /* top_k rows that were fetched */

	/* symmetric memory */
	struct flag *flag[FLAG_KINDS]; /* [source] */
	int32_t *own_counts[2];        /* [experts], used in turns by layers */
	int32_t *counts[2];            /* [source][experts], likewise */
	char *window;                  /* row_bytes apart */
	float *window_scale;           /* unit: 1 */
	char *result;                  /* bf16_bytes apart */
	char *staging[4];              /* the flow's own */
	float *staging_scale[2];       /* unit: 1 */
	struct flag *row_flag;         /* relay2: [tokens][top_k] */
	struct flag *status[2];        /* relay2: [source][local experts], in turns */
	struct triple *triple;         /* relay2: whose rows the window holds */

	double step_s[MOST_STEPS]; /* ends of the steps of the operation that runs */
	double work_s[MOST_STEPS]; /* sym_work_s() at these ends */
	int n_steps;
};

/* A flow as kernels. */
struct kernels {
	const char *name; /* as in sim/flow.h */
	const char *const
	        *labels[PHASES][OPS];         /* of the steps, as in the flow's graph; NULL ends */
	void (*allocate)(struct moe_rank *x); /* staging, beyond what all need */
	void (*run[PHASES][OPS])(struct moe_rank *x);
};

extern const struct kernels kernels_relay3, kernels_relay2, kernels_direct;
extern const struct kernels *const kernels_table[]; /* NULL-terminated */

/* Where the rank's next rows to each expert go, by the counts in a table of all ranks. Sets
 * x->next[] to rows of the owners' windows. */
void moe_offsets(struct moe_rank *x, const int32_t *counts);

void moe_count(struct moe_rank *x, int32_t *counts); /* own rows to each expert */
int64_t moe_owner(const struct moe_rank *x, int64_t branch);
int64_t moe_peer(const struct moe_rank *x, int64_t step); /* oneself first, then the next */
int64_t moe_rows_in(const struct moe_rank *x);            /* N', by the layer's counts */
int32_t *moe_counts(const struct moe_rank *x);            /* table of this layer */

/* To all and from all, with the layer's number. */
void moe_signal(struct moe_rank *x, enum flag_kind kind);
void moe_wait(struct moe_rank *x, enum flag_kind kind);

/* The row of a token as dispatch sends it: the input, or quantised into x->row. */
const void *moe_row(struct moe_rank *x, int64_t token, float *scale); /* unit: 1 */

/* A row of a buffer of BF16 rows. */
uint16_t *moe_bf16(const struct moe_rank *x, char *rows, int64_t row);

void moe_step(struct moe_rank *x); /* ends a step */

/* ---- by whoever runs flows ---- */

/* Collective. Has room for layers of the seeds s->seed .. s->seed + seeds - 1. With a heap without
 * memory it only counts what is needed. */
void moe_init(struct moe_rank *x, struct symheap *h, const struct shape *s, int64_t seeds,
              const struct kernels *k);
void moe_fini(struct moe_rank *x);
/* The most rows that any rank's window gets in layers of these seeds. */
int64_t moe_window_rows(const struct shape *s, int64_t seeds);
size_t moe_heap_bytes(const struct shape *s, int64_t seeds, const struct kernels *k);

/* Next layer: input, experts and weights of a seed. */
void moe_load(struct moe_rank *x, uint64_t seed);
void moe_run(struct moe_rank *x, const struct kernels *k, enum exchange_op op);
void moe_next(struct moe_rank *x);    /* next layer, with the same */
void moe_experts(struct moe_rank *x); /* the window to the result */
