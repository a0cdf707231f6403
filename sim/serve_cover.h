/* Which ranks hold which experts, and how those of lost ranks are held again.
 *
 * The table is that of one layer; every layer has such a one, its ranks turned on from layer to
 * layer, so that bytes to be fetched spread evenly over the ranks. Rank r holds the `own` experts
 * of its place in the EP group; `slots` further places for experts hold replicas of those of the
 * rank half the EP group away (`spares` of them) or nothing. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cover {
	int64_t ranks, experts, own, slots, spares;
	int32_t *held; /* own + slots a rank: an expert or -1 */
	bool *lives;
	int32_t *copies;     /* of each expert, on living ranks */
	double *share_count; /* of a rank: experts it computes, those with copies by halves, ... */
	double *worst_count; /* of an expert: the share of its busiest rank */
};

/* ranks: of the instance, a multiple of experts / own. own 0: no experts, all is always covered. */
void cover_init(struct cover *c, int64_t ranks, int64_t experts, int64_t own, int64_t slots,
                int64_t spares);
void cover_fini(struct cover *c);

void cover_lose(struct cover *c, int64_t rank);
void cover_join(struct cover *c, int64_t rank); /* with what it held at first */

enum cover_answer { COVERED, COVER_NO_RANK, COVER_NO_COPY, COVER_NO_SLOT };
extern const char *const cover_reasons[]; /* for people, by cover_answer */

/* Where experts of the lost ranks come from, in EEP's order (arXiv:2605.10670). Counts of one
 * layer. */
struct cover_repair {
	int64_t local; /* a replica lives: only tables change */
	int64_t peer;  /* copied from a living rank to another, so that loads are even */
	int64_t host;  /* no rank has them: from host memory */
};

/* Brings every expert to a living rank; what is changed stays changed also where it cannot. */
enum cover_answer cover_mend(struct cover *c, bool host_backup, struct cover_repair *out);

/* Experts that the busiest rank computes, the load of experts with copies divided among them; `own`
 * when all live. */
double cover_busiest_count(const struct cover *c);
