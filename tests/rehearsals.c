#include "tests/rehearsals.h"
#include <stdio.h>
#include "tests/exchange.h"

void stage_set_init(struct stage_set *s, const char *machine, int64_t experts, int64_t top_k)
{
	s->config = config_of(machine, "deepseek-v3.1");
	s->model = s->config->model;
	s->model.experts = experts, s->model.top_k = top_k;
	s->model.groups = s->model.top_groups = 1;
}

void stage_set_fini(struct stage_set *s)
{
	config_free(s->config);
}

struct rehearsal rehearsal_of(const struct stage_set *s, const struct flow *flow, enum phase phase,
                              int64_t ep, int64_t tokens, enum skew skew)
{
	return (struct rehearsal){.flow = flow,
	                          .machine = &s->config->machine,
	                          .model = &s->model,
	                          .phase = phase,
	                          .dispatch = DTYPE_INT8,
	                          .n_ranks = ep,
	                          .tokens = tokens,
	                          .layers = flow->carries_over ? 4 : 3,
	                          .skew = skew,
	                          .seed = 1,
	                          .drop = -1,
	                          .unset = -1};
}

const char *rehearsal_text(const struct rehearsal *q, char *text, size_t size)
{
	snprintf(text, size, "%s, %s, EP %lld, %s routing, %lld tokens on %s", q->flow->name,
	         phase_names[q->phase], (long long)q->n_ranks, skew_names[q->skew],
	         (long long)q->tokens, q->machine->name);
	return text;
}
