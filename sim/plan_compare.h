/* Why the answers of two cases differ: what the same schedules take in the other case, what
 * choosing anew is worth, and what rounding to deployments and queues add. */
#pragma once
#include "sim/plan_queue.h"

/* NPUs by throughput at the planned share, not rounded to deployments. */
struct plan_effect {
	double first_npus_count; /* of the first case */
	double same_npus_count;  /* of the first case's schedules, in this one */
	double own_npus_count;   /* of this case's own schedules */
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
