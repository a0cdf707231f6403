/* A plan through queues: the requests of a load, served by the plan's pools, and the fewest
 * deployments with which enough of them are within the budgets. */
#pragma once
#include "models/requests.h"
#include "sim/plan.h"
#include "sim/serve_summary.h"

/* What comes, at any rate: lengths, the way of arrivals, and how many are left out of the figures.
 */
struct plan_load {
	struct request_list list; /* all that are served, at any rate */
	const struct arrival_process *process;
	struct arrival_spec arrival; /* its rate is set where it is served */
	size_t warmup;
	size_t wanted; /* requests that five lives of a request would take; more than n: cut short
	                */
};

/* For a rate: trace's requests, as they come or repeated; or, when it is empty, drawn or mean
 * lengths of the workload. The configuration's plan section says which, its budgets how many. */
enum rc plan_load_make(const struct config *c, const struct request_list *trace, double rate_count,
                       struct plan_load *out, struct err *e);
void plan_load_fini(struct plan_load *l);

/* Deployments of a load with their step times, kept by pairs of schedules: the same pair is not
 * priced again. One load, one sweep. */
struct plan_servers;
/* error_ratio: of step times; 0: as `serve` has them. routings: of the sweep's configuration,
 * shared; NULL: drawn anew. */
struct plan_servers *plan_servers_new(const struct plan_load *load, const struct engine *engine,
                                      double error_ratio, struct routing_cache *routings);
void plan_servers_free(struct plan_servers *s);

/* The configuration with which `serve` does the same. */
void plan_serving_config(const struct plan *p, struct config *out);
struct slo plan_slo(const struct plan *p); /* the sweep's budgets */

/* Does KV go between nodes, or machines? By RDMA then. */
bool plan_is_far(const struct plan *p);
/* Serves the load at a rate. */
enum rc plan_serve(struct plan_servers *s, const struct plan *p, double rate_count,
                   const struct slo *slo, struct serve_summary *out, struct err *e);

/* The highest rate with enough requests within the budgets, by bisection; 0: none. */
enum rc plan_goodput(struct plan_servers *s, const struct plan *p, double within_ratio,
                     double *out_rate_count, struct err *e);

struct plan_answer {
	struct plan plan;
	int64_t npus_by_throughput; /* without queues; may be of other schedules */
	int64_t machines;
	struct serve_summary summary; /* at the plan's rate */
	size_t simulations;
};

/* The fewest NPUs of which enough requests are within the budgets: of each pool the schedule with
 * the fewest deployments that suffice while the other pool has plenty, then both together, growing
 * the later one. RC_NO when nothing suffices, or more machines are needed than the plan allows. */
enum rc plan_answer(const struct sweep *s, const struct request_list *trace, double rate_count,
                    struct routing_cache *routings, struct plan_answer *out, struct err *e);
