/* One living group after the other, in each pool. */
#include "sim/serve_state.h"

static int32_t pick(struct sim *s, int pool, uint32_t job)
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

const struct router route_round_robin = {"round-robin", "one after the other", pick};
