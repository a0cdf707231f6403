/* Between flow_build.c and flow_ship.c alone. */
#pragma once
#include "sim/flow_build.h"

/* Rows of a unit that a hop leaves on their rank. */
double build_stay_count(struct flow_build *b, enum unit unit, enum hop hop, int64_t rank);

/* Rows of a shipment that a rank sends to (gets from) peers of a tier. */
double build_tier_count(struct flow_build *b, const struct shipment *s, enum tier tier,
                        int64_t rank, bool outward);

/* Is the shipment only for some experts, or of one plane? Then: its rows from a source to an owner,
 * in dispatch's way; in the symmetric form, its share of all rows; whether a row is in it. */
bool shipment_is_partial(const struct shipment *s);
double build_chosen_count(struct flow_build *b, const struct shipment *s, int64_t source,
                          int64_t owner);
double shipment_chosen_ratio(const struct flow_build *b, const struct shipment *s);
bool item_is_chosen(struct flow_build *b, const struct item *x, const struct shipment *s);

/* Rows of a shipment that a rank holds before (outward) or has after its hop, in dispatch. */
double build_shipment_count(struct flow_build *b, const struct shipment *s, int64_t rank,
                            bool outward);

/* Waits for others, then for its latency; is_sync: which is spent on synchronising. */
uint32_t append_pause(struct flow_build *b, const char *label, int64_t rank, double latency_s,
                      bool is_sync, const uint32_t *after, size_t n_after);
uint32_t append_join(struct flow_build *b, const char *label, int64_t rank, const uint32_t *after,
                     size_t n_after);
