/* The youngest that computes or decodes yields: KV on its way cannot be stopped. */
#include "sim/serve_state.h"

static uint32_t victim(const struct sim *s, const struct group *g)
{
	uint32_t job = g->running.last;

	while (job != NONE && s->job[job].state == JOB_PULLING)
		job = s->job[job].before;
	return job;
}

const struct preemption preempt_youngest = {
        "youngest", "the last admitted yields; its KV is computed anew (vLLM)", false, victim};
