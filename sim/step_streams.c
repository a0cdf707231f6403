/* Layers whose compute runs on two streams: two micro-batches with `streams: 2`, and layers whose
 * experts have a shortcut. */
#include <string.h>
#include "sim/step_build.h"

/* The experts' side of a layer: all that is not attention. */
static void experts_side(struct build *b, const uint32_t *after, uint32_t *done)
{
	build_gate(b, after, done);
	build_dispatch(b, done, done);
	build_experts(b, done, done);
	build_combine(b, done, done);
	if (b->q->schedule->tp > 1)
		build_group(b, done, done);
}

/* CloudMatrix384 (arXiv:2506.12708) decodes so: while one micro-batch is at attention the other is
 * at its experts, then they change places. */
void layers_on_streams(struct build *b, struct streams *s, int64_t n_layers)
{
	int64_t parts = b->q->schedule->micro_batches;

	for (int64_t layer = 0; layer < n_layers; layer++) {
		for (int64_t i = 0; i < parts; i++) {
			b->stream = STREAM_ATTENTION;
			build_on_stream(b, s, i, s->compute, build_attention);
			b->stream = STREAM_EXPERTS;
			build_on_stream(b, s, i, s->other, experts_side);
		}
	}
}

static void copy(const struct build *b, uint32_t *to, const uint32_t *from)
{
	memcpy(to, from, (size_t)b->n * sizeof *to);
}

/* With one stream of compute: gate, then dispatch beside blocks; the experts before the last dense
 * MLP, beside which combine runs. With two the whole branch runs beside the blocks. */
void layer_with_shortcut(struct build *b, struct streams *s)
{
	uint32_t *main = s->at[0], *branch = s->at[1];
	bool two = streams_two(b->q->schedule);
	int64_t blocks = b->q->model->blocks;

	b->stream = STREAM_ATTENTION;
	build_attention(b, main, main);
	copy(b, branch, main);
	b->stream = STREAM_EXPERTS;
	build_gate(b, branch, branch);
	if (!two)
		copy(b, main, branch);
	build_dispatch(b, branch, branch);
	if (two)
		build_experts(b, branch, branch);
	for (int64_t block = 0; block < blocks; block++) {
		b->stream = STREAM_ATTENTION;
		if (block > 0)
			build_attention(b, main, main);
		if (block == blocks - 1 && !two) {
			stage_join(&b->flow, "expert.stream", branch, main, branch);
			build_experts(b, branch, branch);
			copy(b, main, branch);
		}
		if (block == blocks - 1) {
			b->stream = STREAM_EXPERTS;
			build_combine(b, branch, branch);
			b->stream = STREAM_ATTENTION;
		}
		build_dense(b, main, main);
		if (block < blocks - 1 && b->q->schedule->tp > 1)
			build_group(b, main, main);
	}
	stage_join(&b->flow, "combine.shortcut", main, branch, main);
	if (b->q->schedule->tp > 1)
		build_group(b, main, main);
}
