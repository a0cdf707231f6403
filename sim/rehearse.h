/* A flow rehearsed: the graph of a few layers with everything that touches memory noted, on
 * tokens given one by one; for check.h and execute.h. */
#pragma once
#include "models/placement.h"
#include "sim/check.h"
#include "sim/execute.h"
#include "sim/flow_build.h"

/* How the tokens of a rehearsal choose their experts. */
enum skew {
	SKEW_EVEN,   /* each token's experts are drawn evenly */
	SKEW_HOT,    /* half of the tokens take the first experts */
	SKEW_EMPTY,  /* only every third expert (as many as a token needs) is ever chosen */
	SKEW_ONE,    /* all take the same: the first experts */
	SKEW_RAGGED, /* even, but ranks have different numbers of tokens, some none */
	SKEWS
};

struct rehearsal {
	const struct flow *flow;
	const struct machine *machine;
	const struct moe_model *model;
	enum phase phase;
	enum dtype dispatch;
	struct flow_options options;
	int64_t n_ranks, tokens; /* most of a rank */
	int64_t layers;
	enum skew skew;
	uint64_t seed;
	struct placement_spec placement; /* by the load of these very tokens */
	int64_t drop, unset;             /* index of a wait, or -1 */
	enum turns_rule turns_rule;
};

struct rehearsed {
	struct arena *arena;
	struct machine machine; /* no segment is too small for its copy engines */
	struct moe_model model; /* as ranks see it */
	struct choices choices; /* of slots */
	struct rows rows;
	struct routing routing;
	struct flow_request request;
	struct topology topology;
	struct record record;
	struct graph *graph;
};

/* False with why_not when the flow does not apply; then nothing is to be ended. */
bool rehearse(const struct rehearsal *q, struct rehearsed *out, const char **why_not);
void rehearsed_fini(struct rehearsed *x);

extern const char *const skew_names[]; /* NULL-terminated */
