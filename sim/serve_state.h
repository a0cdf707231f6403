/* What the parts of the serving simulation share: private to sim/serve*.c. */
#pragma once
#include <stdbool.h>
#include "sim/serve.h"
#include "sim/serve_cover.h"
#include "sim/serve_kv.h"
#include "sim/serve_prefix.h"

enum { NONE = UINT32_MAX }; /* no job */

enum job_state {
	JOB_AWAY,       /* not yet there, or done */
	JOB_WAITING,    /* in a group's waiting queue */
	JOB_PREFILLING, /* admitted; its prompt is being computed */
	JOB_HANDED,     /* computed by a prefill group, which still holds its KV */
	JOB_PULLING,    /* admitted; its KV is on the way from a prefill instance */
	JOB_LANDED,     /* its KV is there; it decodes from the next step on */
	JOB_DECODING,
	JOB_LIMBO, /* no group lives that could take it; its KV may lie in a prefill group */
};

/* A request on its way. */
struct job {
	double known_s;        /* when it came to this group */
	double token_s;        /* its last token, when it was preempted while decoding */
	double due_flop;       /* of its prompt, as the group counts it */
	int64_t base;          /* decoding: tokens of KV less the group's token counter */
	int64_t finish_step;   /* decoding: the group's step counter when it is done */
	int32_t target;        /* tokens of KV it needs before its next token comes */
	int32_t computed;      /* of these, tokens that are there */
	int32_t shared;        /* of these, tokens in pinned blocks of the prefix cache */
	uint32_t pinned;       /* blocks it holds in the prefix cache, from the first */
	uint32_t next, before; /* in the waiting or running list */
	uint32_t heap_at;
	int32_t held;        /* blocks of its own; decoding: see job_private_tokens() */
	int32_t source;      /* group that holds its KV while it waits for decode; -1: none */
	int32_t pull_blocks; /* taken in the group that pulls */
	uint8_t state;
};

struct job_list {
	uint32_t first, last;
	int64_t n;
};

/* A prompt that gets some tokens in the next step. */
struct chunk {
	uint32_t job;
	int32_t tokens;
};

/* Sequences whose last token came at one time. */
struct cohort {
	double last_s;
	int64_t n;
};
enum { MOST_COHORTS = 32 };

struct plan {
	struct group_load load;
	struct chunk *chunk;
	size_t n_chunks, chunks_room;
	bool decodes; /* all decoding sequences take part */
	bool blind;   /* something may change at the next step: plan again then */
};

/* Of the ranks of a group. WARMING ends when weights are there, JOINED is ACTIVE again. */
enum rank_state { RANK_ACTIVE, RANK_SUSPECT, RANK_OUT, RANK_WARMING };

/* An attention group: the unit that has a queue, a batch and KV memory. */
struct group {
	int32_t index, instance, pool;
	enum rank_state state;
	bool dead;      /* takes no requests: known to be lost, or its instance starts anew */
	double ready_s; /* warming: until then */
	struct job_list waiting, running; /* running: admitted, oldest first, whatever the state */
	uint32_t *prefilling;             /* running jobs with prompts to compute, or landed KV */
	size_t n_prefilling, prefilling_room;
	uint32_t *heap; /* decoding jobs, the next to finish on top */
	size_t n_decoding, heap_room;
	int64_t steps, tokens; /* decode steps so far; tokens that each sequence gained in them */
	int64_t base_sum;      /* of decoding jobs */
	int64_t held;          /* admission: running before the last step's completions */
	int64_t promised;      /* blocks that running jobs may come to hold */
	struct kv kv;
	struct prefix *prefix; /* NULL: none */
	struct plan plan;
	struct cohort cohort[MOST_COHORTS];
	size_t n_cohorts;
	double shown_ratio;      /* its KV use, as the gauge has it */
	double decoded_s;        /* end of its last decode step */
	double outstanding_flop; /* of prompts not computed yet */
	double link_free_s;      /* its link to decode instances */
};

/* What an instance that lost ranks does. */
enum outage_stage {
	OUTAGE_NONE,
	OUTAGE_HANGS,    /* ranks died; the others wait for them in vain */
	OUTAGE_REPAIRS,  /* tables and experts are brought in order */
	OUTAGE_JOINS,    /* all stop to take ranks back */
	OUTAGE_RESTARTS, /* all of it starts anew */
	OUTAGE_DOWN,     /* for good */
};
struct outage {
	enum outage_stage stage;
	double until_s, fetch_s; /* fetch: experts on their way, at the end of a repair */
	struct cover cover;      /* once a rank was lost */
};

/* Groups that step together. */
struct instance {
	int32_t index, pool, first_group, n_groups;
	bool busy, kicked, stopped; /* kicked: to be started; stopped: it waits for a repair */
	/* the run in progress: `steps` steps, step i takes step_s + i x slope_s */
	double start_s, end_s, step_s, slope_s;
	double busiest_count; /* experts of the busiest rank while ranks are lost; 0: none is */
	bool joins;           /* ranks are taken back when its step ends */
	double before_s;      /* when the step before it began */
	int64_t steps;
	size_t heap_at;
	struct outage outage;
};

struct pull {
	double end_s;
	uint32_t job;
};

struct sim {
	const struct serve_setup *setup;
	const struct serving_spec *spec;
	const struct request_list *requests;
	const struct batching *batching;
	const struct router *router;
	const struct preemption *preemption;
	struct serve_result *result;
	struct job *job; /* one a request */
	struct group *group;
	struct instance *instance;
	int32_t n_groups, n_instances;
	int32_t pool_first[MOST_POOLS + 1]; /* groups of a pool: from, and one past the last */
	int64_t block_tokens;               /* of the prefix cache */
	uint32_t *kick; /* idle instances that got work: started after the event */
	size_t n_kicks;
	uint32_t *heap; /* instances that are busy, the next to end on top */
	size_t n_heap;
	struct pull *pull; /* a heap as well */
	size_t n_pulls, pulls_room;
	size_t next_arrival, n_done;
	int32_t turn[MOST_POOLS]; /* round robin */
	double now_s;
	double tokens_per_step_count;
	int64_t present;
	size_t n_struck;                   /* failures so far */
	double failure_s;                  /* when failure_step() is due */
	struct job_list limbo[MOST_POOLS]; /* no group of the pool lives that could take them */
	double *line_s;                    /* two numbers for each group of the largest instance */
};

/* ---- tables of policies ---------------------------------------------------------------------- */

struct batching {
	const char *name, *describes;
	bool whole_prompts; /* all of a prompt's KV is taken when it is admitted */
	bool watermark;     /* some KV stays free then */
	/* Fills g->plan: which prompts get how many tokens, and whether the others decode. */
	void (*plan)(struct sim *s, struct group *g);
};
struct router {
	const char *name, *describes;
	/* A living group of the pool for the job; -1: none lives. */
	int32_t (*pick)(struct sim *s, int pool, uint32_t job);
};
struct preemption {
	const char *name, *describes;
	bool promises; /* a job is admitted only if all running ones may grow to their ends */
	/* Who yields; NONE: nobody may. */
	uint32_t (*victim)(const struct sim *s, const struct group *g);
};
extern const struct batching batch_vllm_v0, batch_vllm_v1, batch_sarathi;
extern const struct router route_round_robin, route_least_loaded, route_prefix, route_flops;
extern const struct preemption preempt_youngest, preempt_never;

/* What routers call the load of a group: its requests, waiting and running. */
static inline int64_t group_requests(const struct group *g)
{
	return g->waiting.n + g->running.n;
}

/* Fills the three by the names in the spec; RC_CONFIG with the nearest name. */
enum rc policies_find(const struct serving_spec *spec, struct sim *s, struct err *e);

/* ---- lists and heaps (serve_queue.c) --------------------------------------------------------- */

void list_init(struct job_list *l);
void list_push(struct sim *s, struct job_list *l, uint32_t job);
void list_push_front(struct sim *s, struct job_list *l, uint32_t job);
void list_remove(struct sim *s, struct job_list *l, uint32_t job);
void prefilling_push(struct group *g, uint32_t job);
void prefilling_remove(struct group *g, uint32_t job);
void decoding_push(struct sim *s, struct group *g, uint32_t job);
void decoding_remove(struct sim *s, struct group *g, uint32_t job);
void instance_heap_set(struct sim *s, struct instance *i); /* by its end_s; in or moved */
void instance_heap_remove(struct sim *s, struct instance *i);
void pull_push(struct sim *s, const struct pull *p);
struct pull pull_pop(struct sim *s);
void pull_remove(struct sim *s, uint32_t job); /* if it is there */

/* ---- a job's way through a group (serve_job.c) ----------------------------------------------- */

const struct request *job_request(const struct sim *s, uint32_t job);
/* Tokens of KV that a decoding job holds outside the prefix cache. */
int64_t job_private_tokens(const struct sim *s, const struct group *g, uint32_t job);
/* Takes KV blocks; the oldest idle blocks of the cache make room. */
void group_take(struct sim *s, struct group *g, int64_t n_blocks);
/* Pins what the cache has of its prompt; returns the tokens. job_unpin() undoes it. */
int32_t job_pin(struct sim *s, struct group *g, uint32_t job);
void job_unpin(struct sim *s, struct group *g, uint32_t job);
/* Tokens of its prompt that the cache has. */
int64_t job_match_tokens(const struct sim *s, const struct group *g, uint32_t job);
/* Its prompt is computed: the blocks go to the cache. */
void job_publish(struct sim *s, struct group *g, uint32_t job);
/* KV blocks that it may come to hold in the group. */
int64_t job_most_blocks(const struct sim *s, const struct group *g, uint32_t job);
void job_wait(struct sim *s, struct group *g, uint32_t job, bool at_front);
/* Its prompt is done here; its KV stays until a decode group has pulled it. */
void job_hand_over(struct sim *s, struct group *g, uint32_t job);
void job_pulled(struct sim *s, uint32_t job);
void job_preempt(struct sim *s, struct group *g, uint32_t job);
void job_reset(struct sim *s, struct group *g, uint32_t job); /* out of its group, all KV lost */
/* Its prompt is computed (or its KV pulled): it decodes, with tokens to go. */
void job_decode(struct sim *s, struct group *g, uint32_t job);
/* Frees all it holds in the group; it is in no list then. */
void job_leave(struct sim *s, struct group *g, uint32_t job);
void job_finish(struct sim *s, struct group *g, uint32_t job, enum serve_fate fate);
/* Gives back what it holds in the prefill group that computed it. */
void job_source_free(struct sim *s, uint32_t job);
/* Stops its pull; its KV stays where it is. It is in no list then. */
void job_pull_stop(struct sim *s, struct group *g, uint32_t job);
double job_flop(const struct sim *s, uint32_t job, int64_t from_tokens); /* of its prompt */
void cohort_push(struct group *g, double last_s, int64_t n);

/* ---- what batching policies are made of (serve_batch.c) -------------------------------------- */

void plan_clear(struct plan *p);
/* All decoding sequences take part: makes room for their next tokens, by preemption where needed.
 */
void plan_decodes(struct sim *s, struct group *g);
/* Chunks of prompts in progress, oldest first, at most *budget tokens together. */
void plan_continue(struct sim *s, struct group *g, int64_t *budget);
/* Admits the first waiting job with a chunk of at most `budget` tokens; false when there is none,
 * or no room for it. *tokens: of its chunk. */
bool plan_admit(struct sim *s, struct group *g, int64_t budget, int64_t *tokens);
/* Tokens of its prompt that the first waiting job has to compute, after the cache; 0: none may be
 * admitted. */
int64_t plan_next_tokens(struct sim *s, struct group *g);

/* Tokens a sequence has gained after so many decode steps. */
int64_t tokens_after(const struct sim *s, int64_t steps);

/* ---- instances (serve_instance.c) ------------------------------------------------------------ */

enum rc instance_start(struct sim *s, struct instance *i, struct err *e);
/* Ends the run at the last step that is over, or with none. */
void instance_stop(struct sim *s, struct instance *i);
/* Nothing runs on it: whatever waits may be admitted. */
void instance_know_all(struct sim *s, struct instance *i);
void instance_finish(struct sim *s, struct instance *i);
/* Something came for one of its groups: a run of steps ends at the next step's end. */
void instance_cut(struct sim *s, struct instance *i);

void instance_kick(struct sim *s, struct instance *i); /* idle, with work: start it */
/* To a group of the pool that it needs next; without one it waits for a repair, or is lost. */
void job_route(struct sim *s, uint32_t job);
void group_offer(struct sim *s, struct group *g, uint32_t job); /* puts it in line */

/* ---- failures (serve_failure.c), and requests that start again (serve_retry.c) --------------- */

enum rc failure_init(struct sim *s, struct err *e);
void failure_fini(struct sim *s);
void failure_step(struct sim *s); /* what is due at failure_s */
/* The instance is between steps: ranks that are ready may join. */
void failure_boundary(struct sim *s, struct instance *i);
bool pool_revives(const struct sim *s, int pool); /* will a group of it live again? */

/* Its ranks are gone: requests on it, and those whose KV lies here, start again elsewhere. */
void group_empty(struct sim *s, struct group *g);
void limbo_flush(struct sim *s); /* all of limbo is routed again */
/* Alone and to its end. */
bool group_could_hold(const struct sim *s, const struct group *g, uint32_t job);
