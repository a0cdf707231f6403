/* Who yields when KV memory is full. */
#include "sim/serve_state.h"

/* The youngest that computes or decodes: KV on its way cannot be stopped. */
static uint32_t youngest(const struct sim *s, const struct group *g)
{
	uint32_t job = g->running.last;

	while (job != NONE && s->job[job].state == JOB_PULLING)
		job = s->job[job].before;
	return job;
}

static uint32_t nobody(const struct sim *s, const struct group *g)
{
	(void)s, (void)g;
	return NONE;
}

const struct preemption preempt_youngest = {
        "youngest", "the last admitted yields; its KV is computed anew (vLLM)", false, youngest};
const struct preemption preempt_never = {
        "never", "admit only what may grow to its end beside all others", true, nobody};
