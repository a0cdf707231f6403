/* Why the answers of two cases differ: what the same schedules take in the other case, what
 * choosing anew is worth, and what rounding to deployments and queues add. */
#pragma once
#include "sim/plan_queue.h"

/* NPUs by throughput at the planned share: in whole deployments, and not rounded to these. */
struct plan_need {
	int64_t npus;
	double npus_count;
};

/* The answers' difference is (same - first) + (own - same) + what queues add to one more than to
 * the other. */
struct plan_effect {
	struct plan_need first;     /* of the first case */
	struct plan_need same_need; /* of the first case's schedules, in this one */
	struct plan_need own;       /* of this case's own schedules */
	bool possible;              /* the first case's schedules can run in this one */
	/* the first case's schedules priced in this case; why_not or over a budget: the first of
	   these in words, "" for none */
	struct pool_price same[PHASES];
	char why_not[WHY_SIZE];
};

/* The prices' groups are not set: they do not outlive the call. */
enum rc plan_effect(const struct plan_answer *first, const struct plan_answer *other,
                    const struct config *c, const struct engine *engine, struct plan_effect *out,
                    struct err *e);

/* Seconds that dispatch and combine take of a step or a chunk. */
double plan_exchange_s(const struct pool_price *p);
