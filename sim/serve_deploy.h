/* From a configuration to what serve_run() needs: pools with KV memory and step times. */
#pragma once
#include "models/config.h"
#include "sim/serve.h"

struct deployment {
	struct serve_setup setup;
	struct schedule schedule[MOST_POOLS];
	struct schedule fewer[MOST_POOLS]; /* of fewer ranks: what lost ones cost */
	struct memory memory[MOST_POOLS];  /* of a rank, beside its KV cache */
	double kv_token_bytes[MOST_POOLS]; /* a token of KV on a rank */
	int64_t npus;                      /* of all instances */
};

struct deployment_options {
	const struct engine *engine;
	double error_ratio;             /* of the surfaces; 0: as the configuration has it */
	const struct schedule *decode;  /* of the decode pool; NULL: as the serving section says */
	struct routing_cache *routings; /* shared with other deployments; NULL: drawn anew */
};

/* For these requests: their lengths bound the surfaces. RC_NO with the reason when the schedule
 * cannot run or leaves no KV memory. The configuration must outlive it and stay where it is. */
enum rc deployment_make(const struct config *c, const struct request_list *requests,
                        const struct deployment_options *options, struct deployment *out,
                        struct err *e);
void deployment_fini(struct deployment *d);

size_t deployment_points(const struct deployment *d); /* steps priced so far */
