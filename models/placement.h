/* Placement: which expert each physical slot of each rank holds. Ranks have slots in order, the
 * same number each: slot s lies on rank s / (slots / ranks). There are as many slots as routed
 * experts, replicas and copies of shared experts together.
 *
 *   contiguous   experts in order, then replicas of the first experts once more around
 *   round-robin  the same slots, dealt to ranks one at a time
 *   random       the same slots, shuffled by the routing's seed
 *   eplb         by load, as DeepSeek's EPLB does: groups to nodes where they divide, hot experts
 *                replicated, slots packed evenly
 *   eplb-global  the same without regard to groups and nodes
 *
 * Shared experts with slots of their own are dispatched to like routed ones: the last ranks hold
 * nothing else, and a source rank sends all its tokens to one copy. */
#pragma once
#include <stdint.h>
#include "models/moe_model.h"
#include "models/routing.h"

enum placement_kind {
	PLACEMENT_CONTIGUOUS,
	PLACEMENT_ROUND_ROBIN,
	PLACEMENT_RANDOM,
	PLACEMENT_EPLB,
	PLACEMENT_EPLB_GLOBAL
};

/* How the rows of one source for an expert are split over its replicas. */
enum replica_choice {
	REPLICAS_EVEN,    /* in turn over all of them */
	REPLICAS_NEAREST, /* over those on its rank, else in its node, else all */
};
extern const char *const replica_choice_names[]; /* NULL-terminated */
extern const char *const placement_names[];      /* of kinds, NULL-terminated */

struct placement_spec {
	int kind; /* enum placement_kind */
	int64_t replicas;
	int64_t shared_slots; /* 0: every rank has the shared experts for its own tokens */
	int replica_choice;   /* enum replica_choice */
};

/* As without placement: each expert once, in order. */
bool placement_is_plain(const struct placement_spec *s);

/* One line on each kind, for help. */
const char *placement_doc(int kind);

int64_t placement_slots(const struct placement_spec *s, const struct moe_model *m);

/* Can the ranks hold it? why_not: set when false. */
bool placement_possible(const struct placement_spec *s, const struct moe_model *m, int64_t n_ranks,
                        const char **why_not);

/* The model as ranks see it: slots for experts, shared experts among them where they have slots.
 * Its groups are kept where they divide the slots. A plain placement gives the model itself. */
struct moe_model placement_model(const struct placement_spec *s, const struct moe_model *m);

struct placement {
	int64_t n_ranks, node_ranks, slots;
	int64_t routed, shared; /* experts */
	int replica_choice;
	uint32_t *expert; /* [slots]; shared experts follow the routed ones */
	uint32_t *slot;   /* [slots]: the slots of expert 0, of expert 1, ... each rising */
	int64_t *first;   /* [routed + shared + 1]: where those of an expert begin */
};

/* load_ratio: [m->experts], of routed experts, in any unit. n_ranks: which placement_possible()
 * allows; node_ranks of them in a node. Lives in the arena. */
void placement_make(const struct placement_spec *s, const struct moe_model *m, int64_t n_ranks,
                    int64_t node_ranks, const double *load_ratio, uint64_t seed, struct arena *a,
                    struct placement *out);

/* Each expert at least once, each slot one, copies of shared experts on ranks of their own;
 * CHECKs. */
void placement_check(const struct placement *p);

/* Over how many slots the rows of a source rank for an expert are split, in turns; and the slot of
 * its n-th row, from 0. */
int64_t placement_turns_count(const struct placement *p, int64_t source, int64_t expert);
uint32_t placement_slot(const struct placement *p, int64_t source, int64_t expert, int64_t n);

/* Load of each rank when an expert's is split evenly over its replicas. load: of routed experts;
 * out: [n_ranks]. */
void placement_rank_loads(const struct placement *p, const double *load_ratio, double *out_ratio);

/* The same tokens with slots for experts, and a slot of each shared expert after their top_k. */
void placement_choices(const struct placement *p, const struct choices *drawn, struct arena *a,
                       struct choices *out);

/* ---- the algorithm of EPLB, for one layer ---- */

struct eplb {
	int64_t experts, slots, groups, nodes, n_ranks; /* n_ranks: GPUs there */
};

/* expert: [slots], the expert of each slot. Experts are a multiple of groups, slots and ranks are
 * of nodes, slots are of ranks; groups need not be of nodes. Ties go to the first. */
void eplb_place(const struct eplb *x, const double *load_ratio, uint32_t *expert);
