/* What tests of flows and steps share: machines and models by name or line, one layer's exchange
 * as a graph of one rank or of all, and what engines say of it. */
#pragma once
#include "models/config.h"
#include "sim/engine.h"
#include "sim/flow_build.h"
#include "sim/step.h"

/* A machine (name or line) and a model (name); either may be NULL. Ends the case on an error. */
struct config *config_of(const char *machine, const char *model);

/* One layer's dispatch and combine, without compute. The structs hold pointers to each other and
 * to the machine and model, which must stay where they are. */
struct exchange {
	struct flow_request request;
	struct routing routing;
	struct topology topology;
	struct flow_build build;
	struct graph *graph;
	struct arena *arena;
};

struct exchange_wish {
	const struct machine *machine;
	const struct moe_model *model;
	const struct flow *flow;
	enum phase phase;
	enum dtype dispatch;
	int64_t n_ranks, tokens;
	const struct routing_spec *routing; /* NULL: balanced */
	bool whole;                         /* build all ranks, though they are alike */
};

/* Sets request and routing alone: for questions of buffers. False when the flow does not apply. */
bool exchange_ask(struct exchange *x, const struct exchange_wish *w);
/* And builds the graph. Use a routing of your own by setting x->routing between the two. */
void exchange_build(struct exchange *x, const struct exchange_wish *w);
bool exchange_init(struct exchange *x, const struct exchange_wish *w); /* both */
void exchange_fini(struct exchange *x);

/* "CloudMatrix384..., EP 8, direct decode int8, 128 tokens", until the next call. */
const char *exchange_name(const struct exchange_wish *w);

/* What a rank needs of buffers at their peak, bytes; HUGE_VAL: the flow does not apply. Each buffer
 * is checked. */
double exchange_buffers_bytes(const struct exchange_wish *w);

/* Makespan, s. Timelines of fluid are checked. */
double makespan_s(const struct engine *engine, const struct graph *g);

/* Weight x work of the activities whose label starts with prefix ("" takes all), summed by kind of
 * resource. out: RESOURCE_KINDS values. */
void loads_of(const struct graph *g, const char *prefix, double *out_units);

/* Work of the activities of one label. */
double work_of(const struct graph *g, const char *label);

/* Every machine's rate over time_ratio, every time multiplied by it. */
struct machine slower_machine(const struct machine *m, double time_ratio);

/* A machine like that one, with each fixed cost another power of ten, so that none hides another;
 * rates cost no time. */
struct machine waiting_machine(const struct machine *like);

/* |a - b| <= slack x the larger; a failure shows both beside `what`. */
#define NEARLY(a, b, slack_ratio, ...) nearly(a, b, slack_ratio, __FILE__, __LINE__, __VA_ARGS__)
__attribute__((format(printf, 6, 7))) bool nearly(double a, double b, double slack_ratio,
                                                  const char *file, unsigned line, const char *what,
                                                  ...);
/* a <= b (1 + slack), likewise. */
#define AT_MOST(a, b, slack_ratio, ...) at_most(a, b, slack_ratio, __FILE__, __LINE__, __VA_ARGS__)
__attribute__((format(printf, 6, 7))) bool at_most(double a, double b, double slack_ratio,
                                                   const char *file, unsigned line,
                                                   const char *what, ...);

/* Flows decline nothing that the machine and model allow, but for what is listed in exchange.c: a
 * phase; and ranks that only RDMA joins. */
bool flow_serves(const struct flow *f, enum phase phase);
bool flow_needs_fabric(const struct flow *f);
bool flow_splits(const struct flow *f, int64_t micro_batches); /* those that weave do not */

/* That option alone, at its value-th choice or a number. */
void flow_option_set(struct flow_options *o, enum flow_option option, int64_t value);

/* Rows of flows[]: a test that walks it covers the flow that is added next. */
size_t flows_count(void);
