#include "sim/step_tokens.h"
#include <math.h>

int64_t context_groups_count(const struct step_request *q)
{
	return q->schedule->ep / q->schedule->tp;
}

bool contexts_differ(const struct step_request *q)
{
	return q->context_spread_ratio > 0 && q->context_count > 0 && context_groups_count(q) > 1;
}

double context_ratio(const struct step_request *q, int64_t group)
{
	double place = 2 * (double)(group + 1) / (double)(context_groups_count(q) + 1) - 1;

	return contexts_differ(q) ? 1 + q->context_spread_ratio * place : 1;
}

double context_most_ratio(const struct step_request *q)
{
	return context_ratio(q, context_groups_count(q) - 1);
}

struct tokens tokens_of_part(const struct step_request *q, double ratio)
{
	double parts = (double)q->schedule->micro_batches;
	struct tokens t = {.context_count = ratio * q->context_count};

	/* decode splits the batch's sequences, prefill the chunk's tokens (of one sequence) */
	t.query_count = q->query_count / parts;
	t.sequences_count =
	        fmax(1, q->phase == PHASE_DECODE ? q->sequences_count / parts : q->sequences_count);
	t.rank_count = t.query_count / (double)q->schedule->tp;
	t.expand_count = t.context_count * q->sequences_count / parts;
	/* a later part of a chunk sees the earlier ones: half of the rest, on average */
	if (q->phase == PHASE_PREFILL)
		t.context_count += (q->query_count - t.query_count) / 2 / t.sequences_count;
	return t;
}

struct tokens tokens_of_step(const struct step_request *q, double ratio)
{
	return (struct tokens){.sequences_count = q->sequences_count,
	                       .query_count = q->query_count,
	                       .context_count = ratio * q->context_count,
	                       .expand_count = ratio * q->context_count * q->sequences_count,
	                       .rank_count = q->query_count / (double)q->schedule->tp};
}

int64_t rank_tokens_count(const struct step_request *q)
{
	return (int64_t)ceil(tokens_of_part(q, 1).rank_count);
}
