/* The knobs of a sweep as its points have them: each with the values that occur. Where the
 * schedules of the two pools differ in a knob, it is two: "prefill EP", "decode EP". */
#pragma once
#include "models/base/arena.h"
#include "sim/sweep.h"

struct knob_value {
	const char *text; /* as a sweep's file has it */
	const char *word; /* of a knob of texts */
	int64_t number;   /* of any other */
};

struct report_knob {
	enum knob_id id; /* KNOBS: deployments of a pool */
	enum phase pool; /* whose schedule has it; of a knob that is the same in both: either */
	const struct field *field; /* of the schedule */
	const char *key;           /* "micro_batches", "decode_ep" */
	const char *title;         /* "micro batches", "decode EP" */
	bool number, apart;
	struct knob_value *value; /* in the order in which they occur */
	size_t n;
};

enum { MOST_REPORT_KNOBS = 2 * KNOBS + PHASES };

/* All of them, those of one value too; returns how many. */
size_t report_knobs(const struct sweep *s, struct arena *a,
                    struct report_knob out[MOST_REPORT_KNOBS]);
/* Which of its values a point has. */
size_t report_knob_at(const struct report_knob *k, const struct sweep_point *p);
