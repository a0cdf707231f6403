/* Two streams of compute on one die: attention of one micro-batch beside the experts of the other,
 * each on cores of its own, or both on all of them. */
#pragma once
#include "models/machine.h"
#include "models/schedule.h"

/* What one stream has of a die. */
struct stream_share {
	struct machine machine; /* as it is alone there: operators are priced on it */
	double cores_ratio;     /* of the die's cube and vector cores; 1: all */
};

/* Does compute run on two streams? */
bool streams_two(const struct schedule *s);

/* Vector cores that the schedule leaves to dispatch and combine: the number it names, else those
 * beside the attention stream; 0: all, or the flow's own number. */
int64_t streams_vector_cores(const struct machine *m, const struct schedule *s);

/* n_cores of a die's cube cores, vector cores in proportion: peaks, waves of tiles and what the
 * vector cores do by themselves shrink with them; HBM, fixed costs and what one core does stay. */
void stream_share_of(const struct machine *m, int64_t n_cores, struct stream_share *out);

/* Has the die cores for both streams? */
bool streams_possible(const struct machine *m, const struct schedule *s, const char **why_not);
