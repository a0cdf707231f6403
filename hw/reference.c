#include "hw/reference.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "hw/row.h"
#include "models/base/arena.h"

/* FNV-1a over words of 8 bytes, so that equal results of flows can be told by a number. */
static void digest_add(uint64_t *digest, const void *data, size_t bytes)
{
	const uint64_t prime = 1099511628211u;
	const char *at = data;

	for (size_t i = 0; i + sizeof(uint64_t) <= bytes; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, at + i, sizeof word);
		*digest = (*digest ^ word) * prime;
	}
}

/* Quantising spelled out, by the library's functions. */
static float plain_quantise(const uint16_t *from, int64_t hidden, int8_t *to)
{
	float most = 0;

	for (int64_t i = 0; i < hidden; i++)
		most = fmaxf(most, fabsf(bf16_value(from[i])));
	for (int64_t i = 0; i < hidden; i++)
		to[i] = most > 0 ? (int8_t)rintf(bf16_value(from[i]) * (127 / most)) : 0;
	return most / 127;
}

/* What dispatch makes of a token's row: BF16 as it is, or integers. Returns the scale. */
static float plain_row(const struct shape *s, const uint16_t *row, char *out)
{
	if (s->dispatch == DTYPE_INT8)
		return plain_quantise(row, s->hidden, (int8_t *)out);
	memcpy(out, row, (size_t)s->hidden * sizeof *row);
	return 0;
}

/* ---- the window ---- */

struct window_check {
	struct moe_rank *x;
	struct verdict *v;
	int64_t *next;    /* [local experts]: row of the next of this source */
	uint32_t *expert; /* of the source's tokens */
	uint16_t *row;
	char *sent;
};

/* Sets next[] to the first rows of the experts. */
static void window_begin(struct window_check *c)
{
	const struct shape *s = &c->x->shape;
	int64_t me = c->x->heap->rank, local = c->x->local_experts, at = 0;
	int64_t *count = heap_zeroed((size_t)local, sizeof *count);

	for (int64_t source = 0; source < s->n_ranks; source++) {
		load_experts(s, source, c->expert);
		for (int64_t i = 0; i < shape_tokens(s, source) * s->top_k; i++) {
			if (shape_owner(s, c->expert[i]) == me)
				count[c->expert[i] % local]++;
		}
	}
	for (int64_t e = 0; e < local; e++) {
		c->next[e] = at;
		at += count[e];
	}
	c->v->window_rows += at;
	free(count);
}

static void window_row(struct window_check *c, int64_t at, float scale)
{
	const struct moe_rank *x = c->x;
	const char *found = x->window + at * (int64_t)x->row_bytes;
	size_t bytes = (size_t)x->shape.hidden * (x->shape.dispatch == DTYPE_INT8 ? 1 : 2);
	bool same = memcmp(found, c->sent, bytes) == 0;

	if (x->shape.dispatch == DTYPE_INT8)
		same = same && x->window_scale[at] == scale;
	c->v->window_wrong += !same;
}

static void window_source(struct window_check *c, int64_t source)
{
	const struct shape *s = &c->x->shape;
	int64_t me = c->x->heap->rank, local = c->x->local_experts;

	load_experts(s, source, c->expert);
	for (int64_t t = 0; t < shape_tokens(s, source); t++) {
		float scale = 0;
		bool made = false;

		for (int64_t i = t * s->top_k; i < (t + 1) * s->top_k; i++) {
			if (shape_owner(s, c->expert[i]) != me)
				continue;
			if (!made) {
				load_row(s, source, t, c->row);
				scale = plain_row(s, c->row, c->sent);
				made = true;
			}
			window_row(c, c->next[c->expert[i] % local]++, scale);
		}
	}
}

void reference_window(struct moe_rank *x, struct verdict *v)
{
	const struct shape *s = &x->shape;
	struct window_check c = {.x = x, .v = v};
	int64_t before = v->window_rows;

	c.next = heap_zeroed((size_t)x->local_experts, sizeof *c.next);
	c.expert = heap_zeroed((size_t)(s->tokens * s->top_k) + 1, sizeof *c.expert);
	c.row = heap_zeroed((size_t)s->hidden, sizeof *c.row);
	c.sent = heap_zeroed((size_t)s->hidden, sizeof *c.row);
	window_begin(&c);
	for (int64_t source = 0; source < s->n_ranks; source++)
		window_source(&c, source);
	digest_add(&v->digest, x->window, (size_t)(v->window_rows - before) * x->row_bytes);
	free(c.next);
	free(c.expert);
	free(c.row);
	free(c.sent);
}

/* ---- the output ---- */

struct output_check {
	const struct shape *shape;
	uint16_t *row, *result;
	char *sent;
	float *sum;
	double *exact, *size; /* unit: 1. The sum, and that of magnitudes, in double precision */
};

static void output_branch(struct output_check *c, int64_t expert, float weight, float scale,
                          bool first)
{
	const struct shape *s = c->shape;

	if (s->dispatch == DTYPE_INT8)
		row_expert_int8((int8_t *)c->sent, scale, s->hidden, expert, c->result);
	else
		row_expert_bf16((uint16_t *)c->sent, s->hidden, expert, c->result);
	for (int64_t i = 0; i < s->hidden; i++) {
		float product = weight * bf16_value(c->result[i]);
		double exact = (double)weight * (double)bf16_value(c->result[i]);

		c->sum[i] = first ? product : c->sum[i] + product;
		c->exact[i] = (first ? 0 : c->exact[i]) + exact;
		c->size[i] = (first ? 0 : c->size[i]) + fabs(exact);
	}
}

static void output_token(const struct output_check *c, const uint16_t *found, struct verdict *v)
{
	const double half_bf16 = ldexp(1, -8), fp32 = ldexp(1, -22) * (double)c->shape->top_k;
	bool same = true;

	for (int64_t i = 0; i < c->shape->hidden; i++) {
		double bound = half_bf16 * fabs(c->exact[i]) + fp32 * c->size[i];
		double off = fabs((double)bf16_value(found[i]) - c->exact[i]);

		same = same && found[i] == bf16_bits(c->sum[i]);
		v->beyond += off > bound;
		if (bound > 0 && off > v->most_off_ratio * bound)
			v->most_off_ratio = off / bound;
	}
	v->output_wrong += !same;
}

void reference_output(struct moe_rank *x, struct verdict *v)
{
	const struct shape *s = &x->shape;
	size_t n = (size_t)s->hidden;
	struct output_check c = {.shape = s};

	c.row = heap_zeroed(n, sizeof *c.row), c.result = heap_zeroed(n, sizeof *c.result);
	c.sent = heap_zeroed(n, sizeof *c.row), c.sum = heap_zeroed(n, sizeof *c.sum);
	c.exact = heap_zeroed(n, sizeof *c.exact), c.size = heap_zeroed(n, sizeof *c.size);
	for (int64_t t = 0; t < x->tokens; t++) {
		float scale;

		load_row(s, x->heap->rank, t, c.row);
		scale = plain_row(s, c.row, c.sent);
		for (int64_t j = 0; j < s->top_k; j++)
			output_branch(&c, x->expert[t * s->top_k + j],
			              x->weight_ratio[t * s->top_k + j], scale, j == 0);
		output_token(&c, moe_bf16(x, (char *)x->output, t), v);
	}
	v->tokens += x->tokens;
	digest_add(&v->digest, x->output, (size_t)x->tokens * x->bf16_bytes);
	free(c.row);
	free(c.result);
	free(c.sent);
	free(c.sum);
	free(c.exact);
	free(c.size);
}

bool verdict_good(const struct verdict *v)
{
	return v->window_wrong == 0 && v->output_wrong == 0 && v->beyond == 0;
}

void verdict_add(struct verdict *sum, const struct verdict *more)
{
	sum->window_rows += more->window_rows, sum->window_wrong += more->window_wrong;
	sum->tokens += more->tokens, sum->output_wrong += more->output_wrong;
	sum->beyond += more->beyond;
	if (more->most_off_ratio > sum->most_off_ratio)
		sum->most_off_ratio = more->most_off_ratio;
	digest_add(&sum->digest, &more->digest, sizeof more->digest);
}
