/* What `epsim run` and `epsim explain` are asked: one step, layer or exchange of one schedule. */
#pragma once
#include "sim/sweep.h"
#include "tools/args.h"

enum scope { SCOPE_STEP, SCOPE_LAYER, SCOPE_EXCHANGE };

extern const char *const scope_names[]; /* NULL-terminated */

struct run {
	struct config *config;
	struct step_request request;
	enum scope scope;
	struct graph *graph; /* of one layer, or its exchange */
	struct topology topology;
	struct timeline timeline;
	struct imbalance imbalance;
};

/* The configuration and request that the command line describes; why it cannot run is RC_NO.
 * run_close() ends it, also after a failure. */
enum rc run_open(const struct args *a, enum scope scope, struct run *r, struct err *e);
/* The same with the file named, and with another flow than the configuration's unless NULL. */
enum rc run_open_flow(const struct args *a, const char *file, const char *flow, enum scope scope,
                      struct run *r, struct err *e);
void run_close(struct run *r);

/* Builds and prices the graph: of a layer (for a step, too), or of its exchange. */
enum rc run_price(struct run *r, struct err *e);

/* "context 4096"; where attention groups differ, "context 910 to 7282 (mean 4096)". */
const char *run_context_text(const struct step_request *q, char *buf, size_t size);

/* What --timeline asks for, of the priced graph. */
enum rc run_timeline_write(const struct args *a, const struct run *r, struct err *e);

/* The options that describe such a request, for the verb's table. */
#define RUN_OPTIONS                                                                                \
	{"phase", "PHASE", "prefill or decode; default decode"},                                   \
	        {"context", "N",                                                                   \
	         "tokens of a sequence before the new ones; default: the workload's mean, "        \
	         "4096 without one, 0 in prefill"},                                                \
	        {"context-spread", "SHARE",                                                        \
	         "attention groups stand at contexts within the mean x (1 +- SHARE), such as "     \
	         "100%; default: the workload's, or 0"},                                           \
	        {"engine", "NAME", "estimate, fluid or simgrid; default fluid"},                   \
	        {"tolerance", "RATIO",                                                             \
	         "merge events this close, relative to the makespan; default 0: exact"},           \
	{                                                                                          \
		"timeline", "FILE", "write the priced graph as a Chrome trace, for Perfetto"       \
	}
