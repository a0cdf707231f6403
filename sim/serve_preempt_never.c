/* Nobody yields: only what may grow to its end beside all others is admitted. */
#include "sim/serve_state.h"

static uint32_t victim(const struct sim *s, const struct group *g)
{
	(void)s, (void)g;
	return NONE;
}

const struct preemption preempt_never = {
        "never", "admit only what may grow to its end beside all others", true, victim};
