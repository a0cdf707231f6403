#include "sim/serve_policies.h"
#include <string.h>
#include "sim/serve_state.h"

/* The order of rows is that of lists. To add a policy: a file with its struct, and a row. */
static const struct batching *const batchings[] = {&batch_vllm_v1, &batch_vllm_v0, &batch_sarathi};
static const struct router *const routers[] = {&route_round_robin, &route_least_loaded,
                                               &route_prefix, &route_flops};
static const struct preemption *const preemptions[] = {&preempt_youngest, &preempt_never};

#define COUNT(table) (sizeof(table) / sizeof *(table))

const char *const policy_slot_names[] = {"batching", "router", "preemption", NULL};

struct policy_row policy_row(enum policy_slot slot, size_t i)
{
	if (slot == SLOT_BATCHING && i < COUNT(batchings))
		return (struct policy_row){batchings[i]->name, batchings[i]->describes};
	if (slot == SLOT_ROUTER && i < COUNT(routers))
		return (struct policy_row){routers[i]->name, routers[i]->describes};
	if (slot == SLOT_PREEMPTION && i < COUNT(preemptions))
		return (struct policy_row){preemptions[i]->name, preemptions[i]->describes};
	return (struct policy_row){NULL, NULL};
}

/* Its place in the slot's table. */
static enum rc place_of(enum policy_slot slot, const char *name, const char *who, size_t *out,
                        struct err *e)
{
	enum { MOST = 32 };
	const char *names[MOST] = {0};
	char slip[128];

	for (size_t i = 0; i + 1 < MOST && (names[i] = policy_row(slot, i).name); i++) {
		if (strcmp(names[i], name) == 0)
			return *out = i, RC_OK;
	}
	return fail(e, RC_CONFIG, "%s.%s: there is no '%.60s'%s (see `epsim list policies`)", who,
	            policy_slot_names[slot], name, hint(slip, sizeof slip, name, names));
}

enum rc policy_check(enum policy_slot slot, const char *name, const char *who, struct err *e)
{
	size_t i;

	return place_of(slot, name, who, &i, e);
}

enum rc policies_find(const struct serving_spec *spec, struct sim *s, struct err *e)
{
	size_t i;

	TRY(place_of(SLOT_BATCHING, spec->batching, "serving", &i, e));
	s->batching = batchings[i];
	TRY(place_of(SLOT_ROUTER, spec->router, "serving", &i, e));
	s->router = routers[i];
	TRY(place_of(SLOT_PREEMPTION, spec->preemption, "serving", &i, e));
	s->preemption = preemptions[i];
	return RC_OK;
}
