/* What a rank has of a step: its new tokens and what they attend to. */
#pragma once
#include "sim/step.h"

/* A micro-batch's share. Decode splits the batch's sequences, prefill the chunk's tokens. */
struct tokens tokens_of_part(const struct step_request *q);
/* The step's as a whole. */
struct tokens tokens_of_step(const struct step_request *q);
/* New tokens of one rank in one micro-batch, whole ones. */
int64_t rank_tokens_count(const struct step_request *q);
