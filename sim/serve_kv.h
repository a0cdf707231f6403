/* KV memory of a group in blocks of equal size, with sequences that all grow together. */
#pragma once
#include <stdint.h>

struct kv {
	int64_t block_tokens, blocks;
	int64_t used;   /* by jobs for themselves */
	int64_t pinned; /* by jobs, in the prefix cache */
	int64_t most;   /* used and pinned together, at the most */
	/* decoding jobs by (tokens - the group's counter) modulo block_tokens: who needs a new
	   block at which step follows from it */
	int32_t *residue;
	int64_t n_growing;
};

void kv_init(struct kv *kv, int64_t block_tokens, double tokens_count);
void kv_fini(struct kv *kv);
int64_t kv_blocks_of(const struct kv *kv, int64_t tokens);
int64_t kv_free(const struct kv *kv);
void kv_take(struct kv *kv, int64_t n_blocks); /* negative: gives back */
void kv_pin(struct kv *kv, int64_t n_blocks);

/* A sequence of `base` + counter tokens joins or leaves those that grow. */
void kv_growing_add(struct kv *kv, int64_t base, int change);
/* Blocks that n more tokens of each growing sequence take, from a counter on. */
int64_t kv_growth_blocks(const struct kv *kv, int64_t counter, int64_t n_tokens);
/* Tokens that each may gain, at most `most`, before memory is full. */
int64_t kv_growth_most(const struct kv *kv, int64_t counter, int64_t most);
