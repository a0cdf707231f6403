/* Layers whose compute runs on two streams: two micro-batches with `streams: 2`, and layers whose
 * experts have a shortcut. */
#include <stdio.h>
#include <string.h>
#include "sim/step_build.h"

static bool no(char *why_not, size_t size, const char *text)
{
	snprintf(why_not, size, "%s", text);
	return false;
}

bool build_possible(const struct step_request *q, char *why_not, size_t size)
{
	bool blocks = model_is_shortcut(q->model);
	const char *why;

	if (!streams_possible(q->machine, q->schedule, &why))
		return no(why_not, size, why);
	if (!kernel_possible(q->machine, q->schedule))
		return no(why_not, size, "the machine's calibration knows no such kernel");
	if (blocks && (q->schedule->micro_batches > 1 || q->flow->layer || q->flow->carries_over))
		return no(why_not, size,
		          "layers of blocks overlap within themselves: one micro-batch, and a flow "
		          "that does not");
	if (q->routing->kind != ROUTING_BALANCED && q->model->zero_experts > 0)
		return no(why_not, size, "zero experts: only balanced routing is modelled");
	if (streams_two(q->schedule) && q->schedule->micro_batches == 1 && !blocks)
		return no(why_not, size, "streams: 2 needs two micro-batches");
	return true;
}

/* One stream has all cores; of two, each its own, unless they share all. */
static void shares_init(struct build *b)
{
	const struct machine *m = b->q->machine;
	int64_t all = m->cube.cores, attention = b->q->schedule->attention_cores;
	bool split = streams_two(b->q->schedule) && attention > 0;

	stream_share_of(m, split ? attention : all, &b->share[STREAM_ATTENTION]);
	stream_share_of(m, split ? all - attention : all, &b->share[STREAM_EXPERTS]);
}

void build_streams(struct build *b)
{
	const struct step_request *q = b->q;

	shares_init(b);
	for (enum exchange_op op = 0; op < EXCHANGE_OPS; op++)
		kernel_known(q->machine, q->schedule, q->phase, op, &b->kernel_ratio[op]);
}

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
