/* How requests are served: policies by name and their numbers. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "models/base/field.h"

struct serving_spec {
	const char *batching, *router, *preemption; /* rows of their tables in sim/ */
	int64_t max_seqs;                           /* requests of an attention group in flight */
	int64_t max_tokens;      /* new tokens of an attention group in one step */
	int64_t kv_block;        /* tokens that KV memory is handed out by */
	double kv_tokens_count;  /* tokens of KV cache of an attention group; 0: what memory leaves
	                          */
	double watermark_ratio;  /* of KV blocks kept free when requests are admitted */
	bool reserve_prompt;     /* admit only what has room for its whole prompt */
	double step_error_ratio; /* of step times between those that are priced; 0: 1/256 */
	bool schedule_ahead;     /* a step is planned while the one before it runs */
	bool prefix_cache;       /* keep the blocks of earlier prompts */
	double prefix_tokens_count;   /* of an attention group at most; 0: all free KV memory */
	int64_t instances;            /* colocated, or of the prefill pool */
	int64_t decode_instances;     /* 0: colocated; else a pool of their own */
	int64_t decode_ep, decode_tp; /* of these; 0: as the schedule has it */
	const char *decode_flow;      /* likewise; "": the schedule's */
	int transfer;                 /* enum serving_transfer: how KV goes between the pools */
	struct {
		int64_t drafts; /* tokens guessed for each sequence and step: the schedule's mtp */
		double accept_ratio; /* a guess is right, given those before it are */
	} mtp;
	struct {
		double balance_ratio; /* prefix router: most load over least, above which it ... */
		int64_t balance_requests; /* ... and by more requests than these, balances instead
		                           */
	} route;
	struct {                        /* ranks die; see sim/serve_failure.c */
		struct field_list at_s; /* one a failure, rising; none: never */
		/* of each failure, the last of the list for further ones: */
		struct field_list groups;   /* attention groups that die */
		struct field_list pool;     /* enum serving_failure_pool */
		struct field_list instance; /* of the pool */
		double detect_s;            /* until the others know */
		double drain_s;             /* they give up the step they are in */
		double patch_s;             /* tables of peers and experts made new */
		double warm_s;    /* software of lost ranks starts again; 0: they never do */
		double rejoin_s;  /* all stop while they are taken back */
		int64_t spares;   /* replicas of other ranks' experts that a rank holds */
		int64_t slots;    /* places for experts beside its own; 0: as many as spares */
		bool host_backup; /* host memory holds all experts */
		double host_Bps;  /* of a rank, from there; 0: the machine's */
		double restart_s; /* instead of all this the instance starts anew; 0: no */
		double load_Bps;  /* of a rank, weights from storage then; 0: counts for nothing */
	} failure;
};

enum serving_transfer { TRANSFER_FABRIC, TRANSFER_RDMA };
enum serving_failure_pool { FAILURE_PREFILL, FAILURE_DECODE }; /* one pool: either is that */

extern const struct field serving_fields[];

enum rc serving_check(const struct serving_spec *s, const char *where, struct err *e);

/* Item i of a list whose last stands for all further ones; of an empty one the fallback. */
double serving_failure_item(const struct field_list *l, size_t i, double fallback); /* unit: list */
int64_t serving_failure_slots(const struct serving_spec *s);

/* Tokens that a sequence gains in a decode step, on average: 1 + a + a^2 + ... */
double drafts_tokens_count(int64_t drafts, double accept_ratio);
double serving_tokens_per_step_count(const struct serving_spec *s);
