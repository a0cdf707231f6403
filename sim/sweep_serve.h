/* Points of a sweep through queues: what their TTFT and TPOT become when requests wait for each
 * other, on whole deployments, with routers and batching policies. */
#pragma once
#include "models/requests.h"
#include "sim/serve_summary.h"
#include "sim/sweep.h"

/* The configuration that serves with these two prices' schedules, on so many deployments each. The
 * decode pool's schedule goes to deployment_options. */
void serving_config(const struct pool_price *prefill, const struct pool_price *decode,
                    const int64_t instances[PHASES], struct config *out);

struct serve_wish {
	const struct request_list *base; /* lengths, cut or repeated; arrivals are Poisson */
	double rate_count;               /* requests a second */
	double share_ratio;              /* of a pool's throughput, where instances are open */
	size_t requests;                 /* 0: some lives of a request */
	const struct engine *engine;
	const char *router, *batching; /* NULL: the serving section's */
};

struct point_served {
	int64_t instances[PHASES], npus; /* npus: of all */
	struct serve_summary summary;    /* attainment: within the budgets of TTFT and TPOT */
	double goodput_rate_count;       /* requests a second of which 90 % are within them; 0
	                                    without such budgets */
	bool within;                     /* percentiles keep their budgets */
	char why_not[WHY_SIZE];          /* the first that does not; "" */
};

/* RC_NO with the reason when the point cannot be served. */
enum rc point_serve(const struct sweep_point *p, const struct serve_wish *wish,
                    struct point_served *out, struct err *e);
