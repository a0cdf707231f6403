/* The group that would be done first with the prompts it has and this one, in FLOPs after prefix
 * reuse; in pools that only decode, the least loaded. */
#include "sim/serve_state.h"

static int32_t pick(struct sim *s, int pool, uint32_t job)
{
	int32_t best = -1;
	double least = 0;

	if (s->setup->pool[pool].role == ROLE_DECODE)
		return route_least_loaded.pick(s, pool, job);
	for (int32_t i = s->pool_first[pool]; i < s->pool_first[pool + 1]; i++) {
		struct group *g = &s->group[i];
		double flop;

		if (g->dead)
			continue;
		flop = g->outstanding_flop + job_flop(s, job, job_match_tokens(s, g, job));
		if (best < 0 || flop < least ||
		    (flop == least && group_requests(g) < group_requests(&s->group[best])))
			best = i, least = flop;
	}
	return best;
}

const struct router route_flops = {"flops",
                                   "fewest FLOPs of prompts to compute, after prefix reuse", pick};
