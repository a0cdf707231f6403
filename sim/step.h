/* A step: one prefill chunk or one decode step of a deployment, from its graph to its time. And
 * the memory of a rank, hence how large a batch may be. */
#pragma once
#include "models/config.h"
#include "sim/compute.h"
#include "sim/engine.h"
#include "sim/flow.h"
#include "sim/routing_cache.h"

/* One stage of a pipeline, of which machine, model (its layers) and schedule (PP 1) of a request
 * are; step_pipeline.c asks so. */
struct pipeline_stage {
	bool first, last;      /* it has the input, the output vocabulary table; last: the head */
	double resident_count; /* parts of the batch that its KV cache holds, one at work */
};

/* What a step is asked of. */
struct step_request {
	const struct machine *machine;
	const struct moe_model *model;
	const struct schedule *schedule;
	const struct routing_spec *routing;
	struct routing_cache *routings; /* drawn from that by model; NULL: drawn anew */
	struct step_scratch *scratch;   /* memory kept between steps of a thread; NULL: none */
	const struct flow *flow;
	const struct engine *engine;
	enum phase phase;
	double sequences_count;      /* of an attention group */
	double query_count;          /* new tokens of an attention group: batch, or chunk */
	double context_count;        /* tokens of a sequence before them */
	double context_spread_ratio; /* 0 to 1: attention groups stand at contexts that lie evenly
	                                within context_count x (1 +- this), see step_tokens.h */
	int64_t drafts; /* decode: of the new tokens of a sequence so many were guessed; each guess
	                   takes one more layer and the head */
	const struct pipeline_stage *stage; /* NULL: all of the model */
	struct engine_options engine_options;
};

/* Phases of a step, in order; the part of an activity's label before the dot. */
enum { MOST_STEP_PHASES = 8 };
extern const char *const step_phases[]; /* NULL-terminated: attention, gate, ... , head */

/* Rows of the busiest, over the mean. */
struct imbalance {
	double expert_ratio; /* as routed: replicas count as one */
	double rank_ratio;   /* as placed */
};

struct step_result {
	double step_s;     /* all layers, the head, drafts */
	double interval_s; /* until the next step ends: less than a step where stages overlap, or
	                      where no rank waits for another; then the mean over ranks */
	double drafts_s;   /* of step_s: layers and heads of drafts, in no phase */
	double layer_s;    /* one MoE layer (with two micro-batches: of both) */
	double phase_s[MOST_STEP_PHASES]; /* of the critical path, sums to step_s - drafts_s */
	struct imbalance imbalance;
};

/* Can the schedule run this? Shape only: divisibility, machine size, element types, flow; and can
 * it be simulated in reasonable time and memory? */
bool step_possible(const struct step_request *q, char *why_not, size_t why_size);

/* Builds the graph of enough layers, prices it and scales to all layers. One micro-batch: layers
 * follow each other, one is priced. Two: two and four layers are priced and their difference is
 * the steady state of a layer (exact up to the ends of the pipeline: a test compares with all
 * layers). A flow that carries work over into later layers: all are priced. With PP as
 * step_pipeline.h says. The request must be possible. */
enum rc step_run(const struct step_request *q, struct step_result *out, struct err *e);

/* For many steps one after the other. */
struct step_scratch *step_scratch_new(void);
void step_scratch_free(struct step_scratch *s); /* NULL is fine */

/* The graph of n_layers MoE layers as step_run prices it, for `epsim run` and tests. *t is the
 * topology within g; imbalance may be NULL. */
enum rc step_graph(const struct step_request *q, int64_t n_layers, struct graph *g,
                   struct topology *t, struct imbalance *imbalance, struct err *e);

/* Only dispatch and combine of one layer, without compute. */
enum rc exchange_graph(const struct step_request *q, struct graph *g, struct topology *t,
                       struct err *e);

/* Memory of one rank, bytes. */
struct memory {
	double usable_bytes; /* of its HBM */
	double weights_bytes;
	double buffers_bytes;    /* of the flow, at their peak */
	double work_bytes;       /* activations in flight */
	double kv_bytes;         /* of the batch (decode) or the prompt (prefill) */
	double total_bytes;      /* of the four */
	double kv_request_bytes; /* one request's share on this rank */
	int64_t batch_most;      /* decode: requests of an attention group that fit, the buffers
	                            growing with them; may be 0 */
};

/* Ranks that the vocabulary tables are split over: those of a node. */
double step_head_shards_count(const struct step_request *q);

double weights_rank_bytes(const struct step_request *q);

/* kv_context_count: tokens that each sequence may come to hold. Fails as routing_make() does. */
enum rc step_memory(const struct step_request *q, double kv_context_count, struct memory *out,
                    struct err *e);

/* Buffers of the flow for this step, *n of them (at most MOST_BUFFERS). */
enum rc step_buffers(const struct step_request *q, struct buffer *out, size_t *n, struct err *e);
