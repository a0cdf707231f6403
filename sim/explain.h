/* Why a graph takes the time it takes: the path that ends last, what each label's time is made of,
 * which resource is busiest when, and what a faster resource would change. */
#pragma once
#include "sim/engine.h"

/* What a piece of the critical path is spent on. */
enum loss {
	LOSS_WORK,       /* moving bytes or computing as fast as the rank could alone */
	LOSS_CONTENTION, /* slower than that, because others share its resources */
	LOSS_LATENCY,    /* fixed costs and wires */
	LOSS_SYNC,       /* flags, barriers, host round trips */
	LOSSES
};

/* One label on the critical path, and the busiest resource while its activities run. */
struct explain_row {
	const char *label;
	double path_s;          /* of the makespan */
	double loss_s[LOSSES];  /* its parts; their sum is path_s */
	double first_s, last_s; /* from the label's first start to its last finish */
	enum resource_kind busiest, second;
	double busiest_ratio, second_ratio; /* utilisation by that label's work in that span */
};

/* The makespan if something were 10 % faster. */
struct explain_gain {
	const char *what; /* a kind of resource, "latency" (all fixed times), "caps" */
	double makespan_s;
	double saved_ratio; /* of the makespan */
};

enum { MOST_GAINS = RESOURCE_KINDS + 3 };

struct explanation {
	double makespan_s;
	double loss_s[LOSSES];   /* of the whole path */
	struct explain_row *row; /* labels on the path, in order of their first start */
	size_t n_rows;
	struct explain_gain gain[MOST_GAINS]; /* largest first */
	size_t n_gains;
};

/* out is set on success and ended by explain_fini(). */
enum rc explain(const struct graph *g, const struct engine *engine,
                const struct engine_options *options, struct explanation *out, struct err *e);
void explain_fini(struct explanation *x);

const char *loss_name(enum loss l);
