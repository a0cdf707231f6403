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
	/* for failures: routed experts of a layer on a rank, and bytes of one over all layers */
	double rank_experts_count, expert_bytes;
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
	FATE_LOST,     /* no instance was left to serve it */
};

/* One request's log. Times are -1 where they never came. */
struct served {
	double scheduled_s;      /* first admitted to a batch */
	double first_s, last_s;  /* tokens */
	int32_t group;           /* that gave its last token: index over all pools */
	int32_t hit_count;       /* prompt tokens found in the prefix cache, when first admitted */
	int32_t generated_count; /* tokens */
	int16_t preempted_count, fate; /* fate: enum serve_fate */
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
	bool not_coverable; /* experts were lost for good: the instance never came back */
	double failed_s, resumed_s, rejoined_s; /* of a failure; -1: not */
	double reloaded_bytes;                  /* experts fetched from host memory */
};

/* The list's arrivals must not fall. *out is set on success and ended by serve_result_fini(). */
enum rc serve_run(const struct serve_setup *setup, const struct request_list *requests,
                  struct serve_result *out, struct err *e);
void serve_result_fini(struct serve_result *r);
