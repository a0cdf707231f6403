/* A schedule: every choice that a user of a given machine and model makes. */
#pragma once
#include <stdint.h>
#include "models/base/field.h"
#include "models/dtype.h"

enum phase { PHASE_PREFILL, PHASE_DECODE, PHASES };

extern const char *const phase_names[]; /* NULL-terminated */

struct schedule {
	const char *flow;      /* row of the flow table */
	int64_t ep;            /* ranks that share one copy of the routed experts */
	int64_t tp;            /* ranks that share one attention group */
	int64_t dp;            /* attention groups; 0: EP / TP */
	int64_t batch;         /* decode: requests of an attention group */
	int64_t chunk;         /* prefill: tokens of an attention group in one step */
	int64_t micro_batches; /* 1, or 2: communication of one runs under compute of the other */
	int64_t vector_cores;  /* of a die used by dispatch and combine; 0: all */
	int dispatch;          /* enum dtype of rows on the wire; combine always carries BF16 */
	int weights;           /* enum dtype of all weights, and of what GEMMs compute in */
	int kv;                /* enum dtype of the KV cache */
};

extern const struct field schedule_fields[];

/* NPUs of the deployment: TP x DP, which EP must divide. */
int64_t schedule_npus(const struct schedule *s);

enum rc schedule_check(const struct schedule *s, const char *where, struct err *e);
