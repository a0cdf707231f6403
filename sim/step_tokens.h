/* What a rank has of a step: its new tokens and what they attend to. */
#pragma once
#include "sim/step.h"

/* Attention groups of ranks that share experts. Do they stand at unlike contexts? */
int64_t context_groups_count(const struct step_request *q);
bool contexts_differ(const struct step_request *q);
/* A group's context over their mean. Contexts are where the order statistics of draws from an even
 * distribution lie in the mean: 1 + spread (2 (group + 1) / (groups + 1) - 1), so that the last
 * group's, which others wait for, is the expected greatest. */
double context_ratio(const struct step_request *q, int64_t group);
double context_most_ratio(const struct step_request *q);

/* A micro-batch's share at that context over the mean. Decode splits the batch's sequences, prefill
 * the chunk's tokens. */
struct tokens tokens_of_part(const struct step_request *q, double ratio);
/* The step's as a whole. */
struct tokens tokens_of_step(const struct step_request *q, double ratio);
/* New tokens of one rank in one micro-batch, whole ones. */
int64_t rank_tokens_count(const struct step_request *q);
