/* Routing: how many rows each source rank sends to each expert in one layer.
 *
 *   balanced  the ideal: every expert the same share; counts are expectations, not integers, and
 *             all ranks are alike, which lets flows build one rank for all
 *   uniform   each token draws top_k distinct experts, all equally likely
 *   skewed    some experts are hotter: load shares fall as a power of the expert's place, the
 *             power chosen to meet a given max/mean or coefficient of variation (CV) of experts,
 *             or max/mean of ranks, whatever placement left it
 *   grouped   group-limited (DeepSeek): a token draws top_groups groups, then experts in them
 *   file      load shares from a counts file (columns model, topk_view, domain, layer, expert,
 *             count), such as OLMoE's published activation counts
 * All but balanced are exact integers, drawn token by token from (seed, source rank, token). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "models/base/field.h"
#include "models/moe_model.h"

enum routing_kind {
	ROUTING_BALANCED,
	ROUTING_UNIFORM,
	ROUTING_SKEWED,
	ROUTING_GROUPED,
	ROUTING_FILE
};

/* What the loads were taken for that a placement goes by, in the same layer. Stale where they
 * differ from the routing. */
struct routing_statistics {
	const char *file, *model, *domain; /* "": as the routing */
};

struct routing_spec {
	const char *describes;
	int kind;                   /* enum routing_kind */
	double max_mean_ratio;      /* skewed: hottest expert's load over the mean; 0: not given */
	double cv_ratio;            /* skewed: CV of expert loads; 0: not given */
	double rank_max_mean_ratio; /* skewed: hottest rank's load over the mean; 0: not given */
	const char *file;           /* file: path of the counts */
	const char *model;          /* file: rows to take; "" takes the only one there is */
	const char *domain;
	int64_t layer;
	bool resample; /* file: stretch its load curve to this model's experts */
	int64_t seed;
	struct routing_statistics statistics;
};

extern const struct field routing_fields[];

const char *routing_kind_name(int kind);

enum rc routing_spec_check(const struct routing_spec *s, const char *where, struct err *e);

/* All ranks are alike, or differ in a given way: no expert's load is stated, so that experts stand
 * for whatever slots ranks have. */
bool routing_is_of_ranks(const struct routing_spec *s);

struct choices;
struct placement;

struct routing {
	int64_t n_ranks, experts;   /* placed: slots */
	double rows_per_rank_count; /* tokens x top_k */
	bool balanced;
	uint32_t *count; /* [n_ranks][experts], NULL when balanced */
	/* what it was drawn from, or the tokens it counts; both may be NULL in tests */
	const struct routing_spec *spec;
	const struct moe_model *model;
	const struct choices *choices;
	int64_t tokens; /* of each rank, when drawn */
	/* placed: the routing to experts, and where these are; else NULL */
	const struct routing *unplaced;
	const struct placement *placement;
};

/* Which experts each token takes: what a routing's counts are the sums of. */
struct choices {
	int64_t n_ranks, top_k;
	int64_t *first;   /* [n_ranks + 1]: a rank's first token among all */
	uint32_t *expert; /* [tokens of all][top_k], distinct within a token */
};

/* n_ranks >= 1 sources of `tokens` each (0 is legal). Counts live in the arena. RC_DATA for a bad
 * counts file, RC_CONFIG when the wish cannot be met (max/mean above experts / top_k; of ranks:
 * n_ranks must divide experts). */
enum rc routing_make(const struct routing_spec *spec, const struct moe_model *model,
                     int64_t n_ranks, int64_t tokens, struct arena *a, struct routing *out,
                     struct err *e);

/* Target share of all rows for each expert; shares sum to 1. out: model->experts values. Of ranks
 * (rank_max_mean): even. */
enum rc routing_shares(const struct routing_spec *spec, const struct moe_model *model,
                       struct arena *a, double *out_ratio, struct err *e);

/* The shares for rank_max_mean: ranks fall like experts do elsewhere, a rank's experts are alike.
 */
enum rc routing_rank_shares(const struct routing_spec *spec, const struct moe_model *model,
                            int64_t n_ranks, struct arena *a, double *out_ratio, struct err *e);

/* The shares as a placement knows them: those of the statistics, else the routing's own. */
enum rc routing_known_shares(const struct routing_spec *spec, const struct moe_model *model,
                             struct arena *a, double *out_ratio, struct err *e);

/* The shares of kind: file; called by routing_shares(). *stretched: set when the file holds another
 * number of experts, so that the shares are a falling curve and the places are still to be drawn.
 * known: of the statistics instead; stretched, they stand where the routing's own experts do. */
enum rc routing_file_shares(const struct routing_spec *spec, const struct moe_model *model,
                            bool known, struct arena *a, double *out_ratio, bool *stretched,
                            struct err *e);

/* The routing of a step to slots: `drawn` with every expert's rows split over its replicas, under
 * the placement that the shares known of it lead to. Points to both; lives in the arena. */
struct placement_spec;
enum rc routing_place(const struct routing *drawn, const struct placement_spec *placement,
                      int64_t node_ranks, struct arena *a, struct routing *out, struct err *e);

/* Rows from a rank to one expert, and to all experts of rank `to` (experts are placed in order,
 * the same number on each rank; ranks must divide experts). */
double routing_rows_count(const struct routing *r, int64_t from, int64_t expert);
double routing_rank_rows_count(const struct routing *r, int64_t from, int64_t to);

/* The tokens behind a drawn routing. Lives in the arena. Fails as routing_make() does. */
enum rc routing_choices(const struct routing *r, struct arena *a, struct choices *out,
                        struct err *e);

/* The routing of tokens given one by one; ranks may have different numbers of them. It points to
 * the choices, and its counts live in the arena. */
struct routing choices_routing(const struct choices *c, const struct moe_model *model,
                               struct arena *a);

double routing_tokens_count(const struct routing *r, int64_t rank);

/* Tokens of each rank that take at least one expert of each block of `block` ranks, as when a token
 * is sent only once to a rank (block 1) or to a node. out: [n_ranks][ceil(n_ranks / block)].
 * Balanced: expectations, from routing_touch_ratio(). */
void routing_block_tokens(const struct routing *r, int64_t block, double *out_count);

/* The probability that a token takes at least one of n_experts neighbouring experts (of a rank, or
 * of a node), when its top_groups groups and then its top_k experts in them are drawn evenly:
 * without groups 1 - C(E - n, k) / C(E, k). Where both divide; a block spans whole groups or lies
 * in one. */
double routing_touch_ratio(const struct moe_model *m, int64_t n_experts);

/* max/mean and CV over experts (placed: slots) of the rows received. */
void routing_skew(const struct routing *r, double *max_mean_ratio, double *cv_ratio);
/* max/mean over ranks. */
double routing_rank_max_mean_ratio(const struct routing *r);
