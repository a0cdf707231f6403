/* Fewest requests waiting and running; the first of equals. Other routers fall back on it. */
#include "sim/serve_state.h"

static int32_t pick(struct sim *s, int pool, uint32_t job)
{
	int32_t best = -1;

	(void)job;
	for (int32_t i = s->pool_first[pool]; i < s->pool_first[pool + 1]; i++) {
		const struct group *g = &s->group[i];

		if (!g->dead && (best < 0 || group_requests(g) < group_requests(&s->group[best])))
			best = i;
	}
	return best;
}

const struct router route_least_loaded = {"least-loaded", "fewest requests waiting and running",
                                          pick};
