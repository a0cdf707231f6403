/* A sweep: every combination of the knobs' values that its constraints allow, each with its TTFT,
 * TPOT, tokens/s/NPU and memory, and whether it meets the budgets or the first reason why not.
 *
 * Prefill and decode run on pools of their own, each with the point's schedule: TTFT is that of the
 * workload's prompt on an idle prefill pool, TPOT that of a full decode batch at mean context.
 * Waiting for a place in a batch, and moving the KV cache between pools, are not in these figures.
 *
 * A point joins the prices of its two pools. One pool's price is shared by all points that differ
 * only in the other's knobs: a chunk's by all batches, a batch's by all chunks. The pools may have
 * knobs apart (sweep_knobs.h); then each has groups of its own. */
#pragma once
#include "models/config.h"
#include "models/sweep_knobs.h"
#include "sim/step.h"

enum { WHY_SIZE = 96 };

enum reason { /* in the order they are tried */
	      REASON_NONE,
	      REASON_SHAPE,
	      REASON_NPUS,
	      REASON_MEMORY,
	      REASON_TTFT,
	      REASON_TPOT,
	      REASON_BEATEN, /* pruned: another is better whatever this one's exact figures are */
	      REASONS
};

/* A pool's knobs but for its size, at one of their combinations. */
struct sweep_group {
	const struct config *config;
	const struct flow *flow;
	struct schedule schedule; /* its batch and chunk are not used */
	size_t shared; /* among the combinations of the knobs that the pools share, the last fastest
	                */
	size_t place;  /* among all combinations of the pool, allowed or not */
};

/* The points of two groups, one of each pool; sweep_sibling.c finds points by it. */
struct sweep_block {
	size_t prefill, decode; /* groups */
	size_t first, n;        /* points */
};

/* What a pool does at one size: its chunk of a prefill pool, its batch of a decode pool. */
struct pool_price {
	const struct sweep_group *group;
	int64_t size;
	const char *why_not; /* why it has no price: shape; NULL when it has one */
	double time_s;       /* TTFT of the workload's prompt, or TPOT */
	double npu_s;        /* NPU-seconds of the mean prompt, chunks full; of the mean answer */
	double phase_s[MOST_STEP_PHASES]; /* of one full chunk, or of a token's step */
	struct memory memory;
	bool known, bound; /* priced; but its times are only lower bounds */
};

struct sweep_point {
	const struct pool_price *prefill, *decode;
	const struct sweep_point *relay2;  /* the same knobs with that flow; NULL: there is none */
	double tokens_per_s_per_npu_count; /* output tokens; both pools' NPUs, matched in rate or as
	                                      many as there are */
	uint16_t instances[PHASES]; /* deployments of the pools; 0, 0: as many as balance them */
	uint8_t reason;             /* enum reason, the first why not */
	bool feasible, pareto;
};

struct sweep {
	const struct config *config;
	const struct engine *engine;
	struct arena *arena;
	struct knobs knobs;
	struct sweep_group *groups, *decode_groups; /* of prefill, of decode; the same array when
	                                               the pools share all knobs */
	size_t n_groups, n_decode_groups;
	struct sweep_block *blocks; /* in the order of the points */
	size_t n_blocks;
	struct pool_price *prefill, *decode; /* [group][value of chunk], [group][value of batch] */
	struct sweep_point *points;          /* in the order of the knobs, the last knob fastest */
	size_t n_points, n_feasible;
	size_t n_prefill, n_decode; /* pool prices that some point needs */
	size_t n_stored;            /* of these, had from the store */
	size_t n_bounds;            /* of these, left at their bound */
	int64_t draws;              /* of the machine; 0: none were made */
	double *probability_ratio;  /* [point]: share of draws in which it is feasible; NULL */
};

/* Which points get the engine's price. All keep reasons, feasible points and the front as they are
 * without pruning, but where it says otherwise. Lower bounds come from the engine estimate, and are
 * believed where they are proven: steps of one micro-batch. */
enum prune {
	PRUNE_NONE,
	PRUNE_BUDGET, /* not what misses a budget by its bound, in NPUs or memory */
	PRUNE_FRONT,  /* nor what cannot be on the front; these count as infeasible */
	PRUNE_NEAR,   /* as front, all estimates believed within near_ratio: the front may differ */
	PRUNES
};
extern const char *const prune_names[]; /* NULL-terminated */

struct sweep_store;
struct sweep_team;

struct sweep_options {
	int jobs; /* threads, at least 1; the result does not depend on it */
	void (*progress)(void *data, size_t done, size_t total); /* may be NULL; from one thread */
	void *progress_data;
	struct sweep_store *store; /* prices are looked up and kept there; NULL: none */
	struct sweep_team *team;   /* shares the work with other processes; NULL: alone */
	int64_t shard, n_shards;   /* only these prices; 0, 0: all */
	int prune;                 /* enum prune */
	double near_ratio;         /* PRUNE_NEAR */
};

/* Number of points that the sweep has; fails above 2^23. */
enum rc sweep_count(const struct config *c, size_t *out, struct err *e);

/* What a point is: a schedule for each pool, of which prefill's batch and decode's chunk are not
 * used; and how many deployments of it. */
struct point_choice {
	struct schedule schedule[PHASES];
	int64_t instances[PHASES]; /* 0, 0: as many as balance the pools */
};

/* The i-th point, from 0. */
enum rc sweep_choice(const struct config *c, size_t i, struct point_choice *out, struct err *e);
/* The same as point_schedule() says it. */
enum rc sweep_schedule(const struct config *c, size_t i, struct schedule *out, struct err *e);

/* What a sweep comes to before any time is priced. */
struct sweep_counts {
	double combinations_count; /* with those that the constraints leave out */
	size_t n_points, n_prices, n_stored;
	size_t n_engine;             /* prices that are left to make */
	size_t n_by_reason[REASONS]; /* points: shape, NPUs and memory are known already */
};
enum rc sweep_counts(const struct config *c, const struct sweep_options *options,
                     struct sweep_counts *out, struct err *e);

/* *out is set on success, and freed by sweep_free(). The config must outlive it. */
enum rc sweep_run(const struct config *c, const struct sweep_options *options, struct sweep **out,
                  struct err *e);
void sweep_free(struct sweep *s);

/* Runs the sweep for draws of its machine (spread.h), and sets how often each point is feasible.
 * Nothing is pruned, and no store is looked into. */
enum rc sweep_draws(struct sweep *s, const struct sweep_options *options, int64_t draws,
                    struct err *e);

/* Prices a part of the sweep into the store and makes no points: *n prices were made. */
enum rc sweep_fill(const struct config *c, const struct sweep_options *options, size_t *n,
                   struct err *e);

/* One point, as sweep_run prices it. The parts live with the caller. */
struct sweep_single {
	struct sweep_group group, decode_group;
	struct pool_price prefill, decode;
	struct sweep_point point;
};
enum rc sweep_one(const struct config *c, const struct engine *engine,
                  const struct schedule *schedule, struct arena *a, struct sweep_single *out,
                  struct err *e);
enum rc sweep_one_apart(const struct config *c, const struct engine *engine,
                        const struct point_choice *choice, struct arena *a,
                        struct sweep_single *out, struct err *e);

const char *reason_name(enum reason r);

/* ---- what a point says ---- */

/* Of a pool that may be apart from the other. */
struct schedule point_pool_schedule(const struct sweep_point *p, enum phase pool);
struct point_choice point_choice(const struct sweep_point *p);
/* Prefill's, with decode's batch and MTP: all of it when the pools share their other knobs. */
struct schedule point_schedule(const struct sweep_point *p);
/* The first reason why not, in words; "" when feasible. */
const char *point_why(const struct sweep_point *p, char why[WHY_SIZE]);
/* Against relay2 with the same knobs, 0 without it: how many more requests fit an attention group,
 * and how many more tokens of KV cache it has room for at this batch. */
int64_t point_batch_gain(const struct sweep_point *p);
double point_kv_gain_count(const struct sweep_point *p);
/* Of all instances, or of the larger pool's deployment where their numbers are left open. */
int64_t point_npus(const struct sweep_point *p);
/* Deployments of prefill for one of decode that balance the pools; 0 without prices. */
double point_balance_ratio(const struct sweep_point *p);
/* Tokens that a sequence gains in a decode step, on average, with the point's MTP. */
double point_tokens_per_step_count(const struct sweep_point *p);
/* Price of an output token by the machine's npu_hour; 0 where it has none. */
double point_cost_count(const struct sweep_point *p);
/* Energy of an output token by the machine's power, idle time of instances included; 0 where it has
 * none. */
double point_energy_count(const struct sweep_point *p); /* unit: J */
/* The objective's figure, turned so that less is better. */
double point_objective_units(const struct sweep_point *p, enum objective o);
/* For qsort() of pointers to points: best first, then more throughput, then the sweep's order. */
int points_by_objective(const void *a, const void *b);
/* Bytes of a rank's HBM that the point may use. */
double point_memory_limit_bytes(const struct sweep_point *p);
bool point_priced(const struct sweep_point *p); /* its times are known, or bounds of them */

static inline const struct flow *point_flow(const struct sweep_point *p)
{
	return p->prefill->group->flow;
}

/* The point with the same other knobs under another flow, or NULL. */
const struct sweep_point *sweep_sibling(const struct sweep *s, const struct sweep_point *p,
                                        const struct flow *flow);
