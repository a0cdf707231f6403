/* A schedule: every choice that a user of a given machine and model makes. */
#pragma once
#include <stdint.h>
#include "models/base/field.h"
#include "models/dtype.h"
#include "models/placement.h"

enum phase { PHASE_PREFILL, PHASE_DECODE, PHASES };

extern const char *const phase_names[]; /* NULL-terminated */

/* What a flow may let its user choose; 0 is the flow's own way. A flow says which it knows. */
enum flow_option {
	OPTION_COMPLETION,
	OPTION_ADDRESSES,
	OPTION_WINDOW,
	OPTION_QUANTISE,
	OPTION_DEDUP,
	OPTION_LOCAL,
	OPTION_ROUND,
	OPTION_PIPELINE,
	FLOW_OPTIONS
};
enum completion { COMPLETION_AUTO, COMPLETION_BARRIER, COMPLETION_FLAGS };
enum addresses { ADDRESSES_AUTO, ADDRESSES_EXCHANGED, ADDRESSES_CACHED };
enum window_rule { WINDOW_AUTO, WINDOW_WORST, WINDOW_COUNTS };
enum quantise { QUANTISE_AUTO, QUANTISE_FUSED, QUANTISE_SEPARATE };
enum dedup { DEDUP_AUTO, DEDUP_NONE, DEDUP_RANK, DEDUP_NODE };
enum local_rows { LOCAL_AUTO, LOCAL_STAGED, LOCAL_SHORTCUT };

struct flow_options {
	int completion; /* how ranks learn that all rows are there */
	int addresses;  /* of remote windows: asked for in each layer, or kept */
	int window;     /* sized for the worst case, or by the counts of the layer */
	int quantise;   /* on the way, for each row, or beforehand, once for each token */
	int dedup;      /* one row for each expert, for each rank, or for each node of a token */
	int local;      /* rows whose expert is on their own rank: staged like others, or not */
	int64_t round_tokens; /* tokens of a rank that one round moves */
	int64_t pipeline; /* parts that overlap inside the layer: with compute, or hop with hop */
};

extern const char *const flow_option_names[]; /* as options of the schedule are called */
/* Words of the options above, each NULL-terminated. */
extern const char *const completion_names[],
        *const address_names[], *const window_names[], *const quantise_names[],
                                                               *const dedup_names[],
                                                                       *const local_names[];

enum { MOST_STAGES = 64 };

struct schedule {
	const char *flow;      /* row of the flow table */
	int64_t ep;            /* ranks that share one copy of the routed experts */
	int64_t tp;            /* ranks that share one attention group */
	int64_t dp;            /* attention groups; 0: EP / TP */
	int64_t pp;            /* stages that the layers are split over, each of TP x DP ranks */
	int64_t batch;         /* decode: requests of an attention group */
	int64_t chunk;         /* prefill: tokens of an attention group in one step */
	int64_t micro_batches; /* 1, or 2: communication of one runs under compute of the other */
	int64_t mtp;           /* decode: tokens guessed for a sequence in a step; 0: none */
	int64_t streams; /* 2: attention of one micro-batch computes beside experts of the other */
	int64_t attention_cores; /* streams 2: cube cores of a die for attention, vector cores in
	                            proportion, the rest for experts; 0: they share all */
	int64_t vector_cores;    /* of a die used by dispatch and combine; 0: all */
	const char *kernel;      /* of dispatch and combine, as the machine's calibration names it;
	                            NULL or empty: one that nothing is known of */
	int dispatch;            /* enum dtype of rows on the wire; combine always carries BF16 */
	int weights;             /* enum dtype of all weights, and of what GEMMs compute in */
	int kv;                  /* enum dtype of the KV cache */
	struct flow_options options;
	struct placement_spec placement;
};

extern const struct field schedule_fields[];

/* NPUs of the deployment: those of a stage, TP x DP, which EP must divide; times PP. */
int64_t schedule_npus(const struct schedule *s);
int64_t schedule_stage_npus(const struct schedule *s);

enum rc schedule_check(const struct schedule *s, const char *where, struct err *e);
