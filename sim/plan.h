/* Capacity: how many NPUs serve a load within the budgets, in which pools, and what gives way
 * first.
 *
 * From a sweep's prices: a pool of deployments is busy for load x NPU-seconds of a request; it is
 * planned for a share of its throughput. plan_queue.h serves the load through queues and adds what
 * these need. A deployment lies on one machine; pools may spread over several. */
#pragma once
#include "sim/sweep.h"

struct plan_pool {
	const struct pool_price *price; /* its schedule */
	int64_t deployments, npus;      /* npus: of all of them */
	double most_rate_count;         /* requests a second, always busy */
};

struct plan {
	double rate_count; /* requests a second */
	struct plan_pool pool[PHASES];
	int64_t npus;       /* of both */
	int64_t spare_npus; /* of these, there only to try the other pool: no machine is full of
	                       them */
};

/* How much of what there is may be used. */
struct plan_margins {
	double share_ratio;        /* of a pool's throughput */
	double time_ratio[PHASES]; /* of TTFT, of TPOT, by an idle pool: the rest is for queues */
};

/* The fewest NPUs for a rate. RC_NO when no schedule meets the budgets, with the nearest miss. The
 * pools may differ in flow, EP, TP and DP, and in what the sweep has apart. Pipelines are left out.
 */
enum rc plan_make(const struct sweep *s, double rate_count, struct plan_margins margins,
                  struct plan *out, struct err *e);

void plan_resize(struct plan *p, enum phase phase, int64_t deployments);

/* Combinations of the knobs that both pools must have the same. */
size_t plan_classes(const struct sweep *s);
/* The pools of one class that may do, each as large as the rate asks, fewest NPUs first; without
 * those that another beats in NPUs of a deployment, NPU-seconds and time. Returns how many; *out is
 * freed by the caller. */
size_t plan_pools(const struct sweep *s, enum phase phase, size_t class_at, double rate_count,
                  struct plan_margins margins, struct plan_pool **out);

/* Machines that the deployments fill, the largest first, each on the first machine with room. */
int64_t plan_machines(const struct plan *p);

/* ---- what gives way ---- */

/* Requests a second up to which the plan's own pools (whole), or more of them on the same machine,
 * keep within the share. */
struct plan_limits {
	double prefill_rate_count, decode_rate_count; /* of the plan as it is */
	double machine_rate_count;                    /* with as many deployments as fit */
};
struct plan_limits plan_limits(const struct plan *p, double share_ratio);

/* Requests a second at which the decode pool's KV memory is full, with more requests at once than
 * its batch allows. Less than what the batch allows where memory is the nearer limit; 0: no price.
 */
enum rc plan_memory_rate(const struct plan *p, const struct engine *engine, double *out_rate_count,
                         struct err *e);

/* Price of a million output tokens, by the machine's npu_hour; 0: it has none. */
double plan_million_cost_count(const struct plan *p);

/* May it be used, within a share of its time budget? */
bool plan_usable(const struct pool_price *p, enum phase phase, double time_ratio);

/* A schedule priced anew, under the pricer's configuration. The group is the caller's. RC_OK with
 * ->why_not set when it is none there. */
struct pricer;
enum rc plan_reprice(const struct pricer *p, const struct pool_price *own, enum phase phase,
                     struct sweep_group *group, struct pool_price *out, struct err *e);
