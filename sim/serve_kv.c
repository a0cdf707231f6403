#include "sim/serve_kv.h"
#include <stdlib.h>
#include "models/base/arena.h"
#include "models/base/err.h"

void kv_init(struct kv *kv, int64_t block_tokens, double tokens_count)
{
	*kv = (struct kv){.block_tokens = block_tokens,
	                  .blocks = (int64_t)(tokens_count / (double)block_tokens),
	                  .residue = heap_zeroed((size_t)block_tokens, sizeof *kv->residue)};
}

void kv_fini(struct kv *kv)
{
	free(kv->residue);
}

int64_t kv_blocks_of(const struct kv *kv, int64_t tokens)
{
	return (tokens + kv->block_tokens - 1) / kv->block_tokens;
}

int64_t kv_free(const struct kv *kv)
{
	return kv->blocks - kv->used - kv->pinned;
}

static void most_keep(struct kv *kv)
{
	if (kv->used + kv->pinned > kv->most)
		kv->most = kv->used + kv->pinned;
}

void kv_take(struct kv *kv, int64_t n_blocks)
{
	kv->used += n_blocks;
	CHECK(kv->used >= 0);
	most_keep(kv);
}

void kv_pin(struct kv *kv, int64_t n_blocks)
{
	kv->pinned += n_blocks;
	CHECK(kv->pinned >= 0);
	most_keep(kv);
}

static int64_t modulo(int64_t x, int64_t n)
{
	return (x % n + n) % n;
}

void kv_growing_add(struct kv *kv, int64_t base, int change)
{
	int64_t at = modulo(base, kv->block_tokens);

	kv->residue[at] += change;
	kv->n_growing += change;
	CHECK(kv->residue[at] >= 0);
}

/* Sequences that need a block for the token after `counter` of their own: their blocks are full. */
static int64_t growing_at(const struct kv *kv, int64_t counter)
{
	return kv->residue[modulo(-counter, kv->block_tokens)];
}

int64_t kv_growth_blocks(const struct kv *kv, int64_t counter, int64_t n_tokens)
{
	int64_t rounds = n_tokens / kv->block_tokens, blocks = rounds * kv->n_growing;

	for (int64_t i = rounds * kv->block_tokens; i < n_tokens; i++)
		blocks += growing_at(kv, counter + i);
	return blocks;
}

int64_t kv_growth_most(const struct kv *kv, int64_t counter, int64_t most)
{
	int64_t left = kv_free(kv), n;

	if (kv->n_growing == 0)
		return most;
	n = left / kv->n_growing * kv->block_tokens;
	left %= kv->n_growing;
	for (; n < most; n++) {
		left -= growing_at(kv, counter + n);
		if (left < 0)
			return n;
	}
	return most;
}
