/* Between step.c, which makes the parts of a layer, and step_streams.c, which lays them on streams
 * of compute; no one else's business. */
#pragma once
#include "sim/flow_build.h"
#include "sim/kernel.h"
#include "sim/step.h"
#include "sim/streams.h"

enum { MOST_MICRO = 2 };
enum stream_id { STREAM_ATTENTION, STREAM_EXPERTS, STREAMS };

/* Everything a graph is built from. */
struct build {
	const struct step_request *q;
	struct graph *g;
	struct topology *t;
	struct flow_build flow;
	struct flow_request request;
	struct moe_model seen; /* by ranks: with slots for experts */
	struct routing routing;
	struct tokens tokens;
	int64_t n;
	struct stream_share share[STREAMS];
	enum stream_id stream; /* whose operators are appended now */
	double kernel_ratio[EXCHANGE_OPS];
};

/* Where each micro-batch and each of the two streams stands, [micro][rank] and [rank]. The other
 * stream is the network's, or with two streams of compute that of the experts. */
struct streams {
	uint32_t *at[MOST_MICRO], *compute, *other;
};

/* Parts of a layer, on all built ranks; after and done may be the same array. */
typedef void part_fn(struct build *b, const uint32_t *after, uint32_t *done);
part_fn build_attention; /* with the attention group's exchange of its sums */
part_fn build_gate;      /* and shared experts */
part_fn build_dense;     /* the MLP of a block */
part_fn build_group;     /* the attention group's exchange of a block's result */
part_fn build_dispatch, build_experts;
part_fn build_combine; /* without exchange in the attention group */

/* Runs one part of micro-batch i after what it had done and after the stream is free. */
void build_on_stream(struct build *b, struct streams *s, int64_t i, uint32_t *stream,
                     part_fn *part);

/* Can the schedule's streams, and a model's blocks, run? As step_possible(). */
bool build_possible(const struct step_request *q, char *why_not, size_t why_size);
/* Sets share and kernel_ratio. */
void build_streams(struct build *b);

/* Layers of two micro-batches on two streams of compute. */
void layers_on_streams(struct build *b, struct streams *s, int64_t n_layers);
/* A layer of blocks, whose experts run beside all that follows the first attention. s->at[0] is
 * where it begins and ends. */
void layer_with_shortcut(struct build *b, struct streams *s);
