/* Which group takes a request. Each router is a row of routers[] in serve_policies.c. */
#include "sim/serve_state.h"

static int64_t load_of(const struct group *g)
{
	return g->waiting.n + g->running.n;
}

/* The living group of the pool for which less(a, b) of all others holds; the first of equals. */
static int32_t least_loaded(struct sim *s, int pool, uint32_t job)
{
	int32_t best = -1;

	(void)job;
	for (int32_t i = s->pool_first[pool]; i < s->pool_first[pool + 1]; i++) {
		const struct group *g = &s->group[i];

		if (!g->dead && (best < 0 || load_of(g) < load_of(&s->group[best])))
			best = i;
	}
	return best;
}

static int32_t round_robin(struct sim *s, int pool, uint32_t job)
{
	int32_t first = s->pool_first[pool], n = s->pool_first[pool + 1] - first;

	(void)job;
	for (int32_t i = 0; i < n; i++) {
		int32_t at = first + (s->turn[pool] + i) % n;

		if (!s->group[at].dead) {
			s->turn[pool] = (at - first + 1) % n;
			return at;
		}
	}
	return -1;
}

/* The longest prefix, the least loaded of equals; or the least loaded of all where loads have grown
 * apart (SGLang's cache-aware router has these two thresholds). */
static int32_t longest_prefix(struct sim *s, int pool, uint32_t job)
{
	int32_t best = -1;
	int64_t least = INT64_MAX, most = 0, longest = -1;

	for (int32_t i = s->pool_first[pool]; i < s->pool_first[pool + 1]; i++) {
		struct group *g = &s->group[i];
		int64_t hit, load = load_of(g);

		if (g->dead)
			continue;
		least = load < least ? load : least;
		most = load > most ? load : most;
		hit = job_match_tokens(s, g, job);
		if (hit > longest || (hit == longest && load < load_of(&s->group[best])))
			best = i, longest = hit;
	}
	if (most - least > s->spec->route.balance_requests &&
	    (double)most > s->spec->route.balance_ratio * (double)least)
		return least_loaded(s, pool, job);
	return best;
}

/* The group that would be done first with the prompts it has and this one, in FLOPs after prefix
 * reuse; in pools that only decode, the least loaded. */
static int32_t least_flops(struct sim *s, int pool, uint32_t job)
{
	int32_t best = -1;
	double least = 0;

	if (s->setup->pool[pool].role == ROLE_DECODE)
		return least_loaded(s, pool, job);
	for (int32_t i = s->pool_first[pool]; i < s->pool_first[pool + 1]; i++) {
		struct group *g = &s->group[i];
		double flop;

		if (g->dead)
			continue;
		flop = g->outstanding_flop + job_flop(s, job, job_match_tokens(s, g, job));
		if (best < 0 || flop < least ||
		    (flop == least && load_of(g) < load_of(&s->group[best])))
			best = i, least = flop;
	}
	return best;
}

const struct router route_round_robin = {"round-robin", "one after the other", round_robin};
const struct router route_least_loaded = {"least-loaded", "fewest requests waiting and running",
                                          least_loaded};
const struct router route_prefix = {"prefix", "longest cached prefix, until loads grow apart",
                                    longest_prefix};
const struct router route_flops = {
        "flops", "fewest FLOPs of prompts to compute, after prefix reuse", least_flops};
