/* The longest prefix, the least loaded of equals; or the least loaded of all where loads have grown
 * apart (SGLang's cache-aware router has these two thresholds). */
#include "sim/serve_state.h"

static int32_t pick(struct sim *s, int pool, uint32_t job)
{
	int32_t best = -1;
	int64_t least = INT64_MAX, most = 0, longest = -1;

	for (int32_t i = s->pool_first[pool]; i < s->pool_first[pool + 1]; i++) {
		struct group *g = &s->group[i];
		int64_t hit, load = group_requests(g);

		if (g->dead)
			continue;
		least = load < least ? load : least;
		most = load > most ? load : most;
		hit = job_match_tokens(s, g, job);
		if (hit > longest || (hit == longest && load < group_requests(&s->group[best])))
			best = i, longest = hit;
	}
	if (most - least > s->spec->route.balance_requests &&
	    (double)most > s->spec->route.balance_ratio * (double)least)
		return route_least_loaded.pick(s, pool, job);
	return best;
}

const struct router route_prefix = {"prefix", "longest cached prefix, until loads grow apart",
                                    pick};
