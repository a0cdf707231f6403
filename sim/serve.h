/* Serving: requests through queues, batches and memory, on one or more instances of a deployment.
 *
 * An instance is a deployment whose attention groups step together (they meet at every layer's
 * dispatch). Each group has its own waiting queue, KV memory and batch; a batching policy plans its
 * part of each step. Time jumps from event to event: an arrival, the end of a step, the end of a
 * run of decode steps that are alike but for one more token of context each, the end of a KV
 * transfer. Simulated time only; the same input gives the same log. */
#pragma once
#include "models/requests.h"
#include "models/serving_spec.h"
#include "sim/serve_metrics.h"
#include "sim/serve_times.h"

enum serve_role { ROLE_BOTH, ROLE_PREFILL, ROLE_DECODE, SERVE_ROLES };

/* What failures need to know of a pool. */
struct pool_repair {
	int64_t experts;     /* routed ones of a layer; 0: a dense model */
	int64_t own_experts; /* of a layer on a rank */
	double expert_bytes; /* one of them, over all layers */
	double rank_bytes;   /* all weights of a rank */
	double peer_Bps;     /* a rank from others' memory; 0: takes no time, as the others */
	double host_Bps;     /* a rank from host memory */
	/* steps of the same with fewer ranks in an EP group, and more experts on each: what lost
	   ranks cost is interpolated. NULL: only rows are counted. The caller's. */
	struct step_times *fewer;
	int64_t fewer_own_experts;
};

/* Equal instances of one deployment. */
struct serve_pool {
	enum serve_role role;
	int64_t instances, groups; /* groups of an instance */
	int64_t npus;              /* of an instance */
	double kv_tokens_count;    /* KV memory of a group */
	struct step_times *times;  /* the caller's; may be shared by pools */
	/* compute that a prompt takes, for the FLOPs router: token x n + pair x pairs of tokens */
	double token_flop, pair_flop;
	/* prefill: KV to a decode instance */
	double transfer_latency_s, transfer_token_s;
	struct pool_repair repair;
};

enum { MOST_POOLS = 2 };

struct serve_setup {
	const struct serving_spec *spec;
	struct serve_pool pool[MOST_POOLS]; /* one with ROLE_BOTH, or prefill and decode */
	size_t n_pools;
	bool single_steps; /* every step an event of its own: to check that runs change nothing */
	void (*progress)(void *data, size_t done, size_t total); /* may be NULL */
	void *progress_data;
	struct serve_trace *trace; /* NULL; else steps of one instance are kept */
};

enum serve_fate {
	FATE_NONE,     /* still in the system: only when serving stopped early */
	FATE_DONE,     /* all tokens came */
	FATE_REJECTED, /* longer than a group's KV memory */
	FATE_LOST,     /* no instance was left to serve it; last_s is when it was given up */
};

/* One request's log. Times are -1 where they never came. */
struct served {
	double scheduled_s;      /* first admitted to a batch */
	double first_s, last_s;  /* tokens */
	int32_t group;           /* that gave its last token: index over all pools */
	int32_t hit_count;       /* prompt tokens found in the prefix cache, when first admitted */
	int32_t generated_count; /* tokens */
	int16_t preempted_count, retried_count; /* retried: ranks that served it died */
	int16_t fate;                           /* enum serve_fate */
};

/* States of ranks (EEP), and what an instance does about them. */
enum serve_mark_kind {
	MARK_SUSPECT, /* they died: the others wait for them in vain */
	MARK_OUT,     /* known: out of the tables, their requests start again elsewhere */
	MARK_WARMING, /* the lost ranks start again, beside the others */
	MARK_RESUMED, /* the others serve again */
	MARK_READY,   /* the lost ranks wait for the end of a step */
	MARK_JOINED,  /* all serve again */
	MARK_RESTARTS,
	MARK_RESTARTED,
	MARK_NOT_COVERABLE, /* the instance never comes back */
	SERVE_MARKS
};
extern const char *const serve_mark_names[SERVE_MARKS];

struct serve_mark {
	double at_s;
	int32_t instance, groups; /* groups that it is about */
	enum serve_mark_kind kind;
};

/* Failures, all together. Times are of the first one's, -1 where they never came. */
struct serve_failures {
	double failed_s, resumed_s;
	double rejoined_s; /* the last that came back */
	double local_experts_count, peer_bytes,
	        host_bytes;           /* of lost experts, by where they were */
	double repair_s;              /* of pauses: experts on their way */
	double warm_load_s;           /* the longest that a rank's weights took while it warmed */
	double busiest_experts_count; /* of a layer on a rank, at the worst */
	const char *not_coverable;    /* why; NULL: all was covered */
	struct serve_mark *mark;
	size_t n_marks, marks_room;
};

/* A step, or a run of decode steps, as a trace keeps it. */
struct serve_step {
	double start_s, end_s;
	int64_t steps;
	int32_t decoding, prompts, prefill_tokens, waiting;
	double kv_used_ratio;
};
struct serve_trace {
	int32_t instance; /* index over all pools */
	struct serve_step *step;
	size_t n, room, most; /* most: kept */
};

struct serve_result {
	struct served *served; /* in the order of the requests */
	size_t n;
	double end_s;
	double present_integral_s;             /* of requests in the system, over time */
	struct gauge waiting, running, kv_use; /* over all groups; kv_use: share */
	struct gauge output;                   /* tokens a second */
	struct gap_histogram gaps;             /* between tokens of a request */
	int64_t steps, events, preemptions, retried;
	double busy_s;                               /* of instances: sum over them */
	int64_t kv_most_blocks, kv_blocks;           /* of one group: most used, all */
	double prefix_hit_count, prefix_asked_count; /* prompt tokens */
	double transferred_count;                    /* tokens of KV between pools */
	struct serve_failures failures;
};

/* The list's arrivals must not fall. *out is set on success and ended by serve_result_fini(). */
enum rc serve_run(const struct serve_setup *setup, const struct request_list *requests,
                  struct serve_result *out, struct err *e);
void serve_result_fini(struct serve_result *r);
