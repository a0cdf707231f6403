/* How long a step of an instance takes, for the serving simulation. Two sources: steps priced by
 * flows and engines, remembered as surfaces; and a linear formula, for tests and for comparing with
 * queueing theory. Both give what an attention group does by itself (`own`: attention, dense
 * layers, head) apart from what all groups do together (`shared`: dispatch, experts, combine):
 * groups meet at every layer, so a step takes the longest own time and the shared time of the mean
 * group. */
#pragma once
#include "sim/step.h"

/* What one attention group does in one step. */
struct group_load {
	double prompt_count;         /* prompts with a chunk in this step */
	double prefill_count;        /* their new tokens: sum of q */
	double prefill_square_count; /* sum of q^2 */
	double prefill_pairs_count;  /* sum of q x (tokens of that prompt before) */
	double decode_count;         /* sequences that decode */
	double decode_context_count; /* tokens that they hold together */
};

struct step_cost {
	double own_s, shared_s;
};

/* Decode steps of a group whose mean context grows: a straight piece. */
struct decode_line {
	double own_s;      /* of the first step */
	double slope_s;    /* more for each token of mean context */
	double grow_count; /* tokens of mean context until the piece ends; may be infinite */
};

struct step_times;

struct step_times_ops {
	enum rc (*cost)(struct step_times *t, const struct group_load *l, struct step_cost *out,
	                struct err *e);
	enum rc (*line)(struct step_times *t, double decode_count, double mean_context_count,
	                struct decode_line *out, struct err *e);
	/* of groups that decode: tokens of the mean group, perhaps a fraction */
	enum rc (*decode_shared)(struct step_times *t, double decode_count, double *out_s,
	                         struct err *e);
	void (*free)(struct step_times *t);
};

struct step_times {
	const struct step_times_ops *ops;
};

void step_times_free(struct step_times *t); /* NULL is fine */

/* Constants of a formula; every time of a step is own time. A step takes
 * base + token x new tokens + context x tokens read by decodes + pair x pairs in prompts. */
struct linear_times {
	double base_s, token_s, context_s, pair_s;
};
struct step_times *linear_times_new(const struct linear_times *l);

/* Steps as step_run() prices them. q: machine, model, schedule, routing, flow, engine; what it
 * points to must outlive this. The rest says how far the surfaces reach. */
struct surface_times_spec {
	struct step_request q;
	int64_t drafts;           /* tokens guessed for each decoding sequence */
	double most_seqs_count;   /* decoding sequences of a group */
	double most_tokens_count; /* new tokens of a group in a step */
	double most_context_count;
	double error_ratio;   /* of interpolation at probes */
	double overhead_s;    /* what a step costs beyond the price, ... */
	double scale_ratio;   /* ... which is multiplied by this */
	double context_ratio; /* and, before that, what context adds to decode by this */
};
struct step_times *surface_times_new(const struct surface_times_spec *spec);

/* Steps priced so far, for reports. */
size_t surface_times_points(const struct step_times *t);
