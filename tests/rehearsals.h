/* What tests of safety share: small rehearsals of every flow. */
#pragma once
#include "sim/rehearse.h"

/* A machine by its line and a small model of so many experts and top_k; ends with config_free(). */
struct stage_set {
	struct config *config;
	struct moe_model model;
};
void stage_set_init(struct stage_set *s, const char *machine, int64_t experts, int64_t top_k);
void stage_set_fini(struct stage_set *s);

/* A rehearsal of three layers with nothing left out. */
struct rehearsal rehearsal_of(const struct stage_set *s, const struct flow *flow, enum phase phase,
                              int64_t ep, int64_t tokens, enum skew skew);

/* The flow's name and the case, for messages. */
const char *rehearsal_text(const struct rehearsal *q, char *text, size_t size);
