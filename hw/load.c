#include "hw/load.h"
#include <stdlib.h>
#include <string.h>
#include "hw/symheap.h"
#include "models/base/arena.h"
#include "models/base/rng.h"

const char *const load_names[] = {"even", "hot", "empty", "one", "ragged", NULL};

enum { STREAM_TOKENS = 1, STREAM_EXPERTS, STREAM_WEIGHTS, STREAMS };

static void stream_init(struct rng *r, const struct shape *s, int stream, int64_t rank)
{
	rng_init(r, s->seed, (uint64_t)(rank * STREAMS + stream));
}

int64_t shape_tokens(const struct shape *s, int64_t rank)
{
	struct rng r;

	if (s->load != LOAD_RAGGED)
		return s->tokens;
	stream_init(&r, s, STREAM_TOKENS, rank);
	return rng_below(&r, 4) == 0 ? 0 : (int64_t)rng_below(&r, (uint64_t)s->tokens + 1);
}

int64_t shape_local_experts(const struct shape *s)
{
	return s->experts / s->n_ranks;
}

int64_t shape_owner(const struct shape *s, int64_t expert)
{
	return expert / shape_local_experts(s);
}

static size_t aligned(size_t bytes)
{
	return (bytes + ROW_ALIGN_BYTES - 1) / ROW_ALIGN_BYTES * ROW_ALIGN_BYTES;
}

size_t shape_row_bytes(const struct shape *s)
{
	return s->dispatch == DTYPE_INT8 ? aligned((size_t)s->hidden) : shape_bf16_bytes(s);
}

size_t shape_bf16_bytes(const struct shape *s)
{
	return aligned((size_t)s->hidden * sizeof(uint16_t));
}

/* Experts that may be drawn, and how they are numbered. */
static int64_t drawn_from(const struct shape *s, int64_t token, int64_t *step)
{
	bool few = s->load == LOAD_ONE || (s->load == LOAD_HOT && token % 2 == 0);

	*step = s->load == LOAD_EMPTY && s->experts / 3 >= s->top_k ? 3 : 1;
	return few ? s->top_k : s->experts / *step;
}

/* A random choice of distinct experts in random order (Floyd's way, then each at a random place).
 */
static void token_experts(struct rng *r, const struct shape *s, int64_t token, uint32_t *out)
{
	int64_t step, n = drawn_from(s, token, &step);

	for (int64_t j = 0; j < s->top_k; j++) {
		int64_t last = n - s->top_k + j;
		uint32_t pick = (uint32_t)(rng_below(r, (uint64_t)last + 1) * (uint64_t)step);
		int64_t at = (int64_t)rng_below(r, (uint64_t)j + 1);

		for (int64_t i = 0; i < j; i++) {
			if (out[i] == pick) {
				pick = (uint32_t)(last * step);
				break;
			}
		}
		out[j] = out[at];
		out[at] = pick;
	}
}

void load_experts(const struct shape *s, int64_t rank, uint32_t *out)
{
	struct rng r;

	stream_init(&r, s, STREAM_EXPERTS, rank);
	for (int64_t t = 0; t < shape_tokens(s, rank); t++)
		token_experts(&r, s, t, out + t * s->top_k);
}

void load_weights(const struct shape *s, int64_t rank, float *out_ratio)
{
	struct rng r;

	stream_init(&r, s, STREAM_WEIGHTS, rank);
	for (int64_t t = 0; t < shape_tokens(s, rank); t++) {
		float *weight = out_ratio + t * s->top_k, sum = 0;

		for (int64_t j = 0; j < s->top_k; j++) {
			weight[j] = (float)(1 + rng_below(&r, 255));
			sum += weight[j];
		}
		for (int64_t j = 0; j < s->top_k; j++)
			weight[j] /= sum;
	}
}

/* A hash of the place, cheap enough that filling a row costs about what reading it does. */
void load_row(const struct shape *s, int64_t rank, int64_t token, uint16_t *out)
{
	const uint32_t odd = 2654435761u; /* Knuth's multiplicative hash, 2^32 / golden ratio */
	struct rng r;
	uint32_t key;

	rng_init(&r, s->seed, (uint64_t)(rank + 1) << 32 | (uint64_t)token);
	key = rng_u32(&r);
	for (int64_t i = 0; i < s->hidden; i++) {
		uint32_t mix = (key + (uint32_t)i) * odd;

		mix = (mix ^ mix >> 15) * odd;
		/* sign, exponent of 2^-7 to 2^0, mantissa */
		out[i] = (uint16_t)((mix >> 16 & 0x8000) | (120 + (mix >> 20 & 7)) << 7 |
		                    (mix >> 24 & 0x7f));
	}
}

int64_t load_rows_in_most(const struct shape *s)
{
	int64_t *in = heap_zeroed((size_t)s->n_ranks, sizeof *in), most = 0;
	uint32_t *expert = heap_zeroed((size_t)(s->tokens * s->top_k) + 1, sizeof *expert);

	for (int64_t rank = 0; rank < s->n_ranks; rank++) {
		load_experts(s, rank, expert);
		for (int64_t i = 0; i < shape_tokens(s, rank) * s->top_k; i++)
			in[shape_owner(s, expert[i])]++;
	}
	for (int64_t rank = 0; rank < s->n_ranks; rank++)
		most = in[rank] > most ? in[rank] : most;
	free(expert);
	free(in);
	return most;
}
