/* Capacity: how many NPUs serve a load within the budgets, in which pools, and what gives way
 * first.
 *
 * From a sweep's prices: a pool of deployments is busy for load x NPU-seconds of a request; it is
 * planned for a share of its throughput. plan_check() serves the load through queues and adds
 * deployments until enough requests are within the budgets. */
#pragma once
#include "models/requests.h"
#include "sim/serve_summary.h"
#include "sim/sweep.h"

struct plan_pool {
	const struct pool_price *price; /* its schedule */
	int64_t deployments, npus;      /* npus: of all of them */
	double most_rate_count;         /* requests a second, always busy */
};

struct plan {
	double rate_count; /* requests a second */
	struct plan_pool pool[PHASES];
	int64_t npus; /* of both */
};

/* How much of what there is may be used. */
struct plan_margins {
	double share_ratio;        /* of a pool's throughput */
	double time_ratio[PHASES]; /* of TTFT, of TPOT, by an idle pool: the rest is for queues */
};

/* The fewest NPUs for a rate. RC_NO when no schedule meets the budgets. The pools may differ in
 * flow, EP, TP and DP. */
enum rc plan_make(const struct sweep *s, double rate_count, struct plan_margins margins,
                  struct plan *out, struct err *e);

/* Requests a second up to which the plan's own pools (whole), or more of them on the same machine,
 * keep within the share. */
struct plan_limits {
	double prefill_rate_count, decode_rate_count; /* of the plan as it is */
	double machine_rate_count;                    /* with as many deployments as fit */
};
struct plan_limits plan_limits(const struct plan *p, double share_ratio);

/* Price of a million output tokens, by the machine's npu_hour. */
double plan_million_cost_count(const struct plan *p);

/* One uncertain number of the machine, one sd down and up: NPUs, not rounded to deployments, that
 * the plan's schedules need; HUGE_VAL where they miss a budget. */
struct plan_swing {
	const char *path; /* in the machine section; NULL: no parameter */
	double sd_ratio, low_npus_count, high_npus_count;
};
/* Widest first, at most `room`; returns how many. */
size_t plan_swings(const struct plan *p, const struct engine *engine, double share_ratio,
                   struct plan_swing *out, size_t room);

/* Serves the lengths of `base` (cut or repeated, Poisson arrivals) at rate x plan: */
struct plan_served {
	double rate_count;
	struct serve_summary summary;
};
enum rc plan_serve(const struct plan *p, const struct request_list *base, double rate_count,
                   const struct engine *engine, struct plan_served *out, struct err *e);
/* Adds deployments to the pool that is late until wanted_ratio of all requests are within the
 * budgets at the plan's rate. RC_NO when that does not help. */
enum rc plan_check(struct plan *p, const struct request_list *base, double wanted_ratio,
                   const struct engine *engine, struct plan_served *out, struct err *e);
