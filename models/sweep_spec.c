#include "models/sweep_spec.h"
#include "models/dtype.h"

#define AT(member) offsetof(struct sweep_spec, member)
#define INTEGERS(key_, least_, most_, doc_)                                                        \
	{                                                                                          \
		FIELD_ROW(#key_, FIELD_LIST, DIM_COUNT, AT(key_), "", doc_),                       \
		        .item = FIELD_INTEGER, .least = least_, .most = most_                      \
	}
#define DTYPE_LIST(key_, doc_)                                                                     \
	{                                                                                          \
		FIELD_ROW(#key_, FIELD_LIST, DIM_COUNT, AT(key_), "", doc_), .item = FIELD_CHOICE, \
		                                                             .names = dtype_names  \
	}

static const struct field budget_fields[] = {
        {FIELD_ROW("ttft", FIELD_QUANTITY, DIM_TIME, AT(budget.ttft_s), "0s",
                   "time to first token of the workload's prompt; 0: none")},
        {FIELD_ROW("tpot", FIELD_QUANTITY, DIM_TIME, AT(budget.tpot_s), "0s",
                   "time per output token; 0: none")},
        {FIELD_ROW("npus", FIELD_INTEGER, DIM_COUNT, AT(budget.npus), "0",
                   "NPUs of a deployment; 0: any"),
         .most = 1 << 24},
        {0},
};

/* An empty list takes the one value of the schedule section. */
const struct field sweep_fields[] = {
        {FIELD_ROW("name", FIELD_TEXT, DIM_COUNT, AT(name), "sweep", "names the output files")},
        {FIELD_ROW("flow", FIELD_LIST, DIM_COUNT, AT(flow), "relay3,relay2,direct",
                   "schedules of dispatch and combine"),
         .item = FIELD_TEXT},
        INTEGERS(ep, 1, 65536, "expert-parallel ranks"),
        INTEGERS(tp, 1, 4096, "ranks of an attention group"),
        INTEGERS(dp, 0, 65536, "attention groups; 0: EP / TP"),
        INTEGERS(batch, 1, 1 << 20, "decode requests of an attention group"),
        INTEGERS(chunk, 1, 1 << 24, "prefill tokens of an attention group in a step"),
        INTEGERS(micro_batches, 1, 2, "2: overlap of communication and compute"),
        INTEGERS(vector_cores, 0, 4096, "vector cores for dispatch and combine; 0: all"),
        DTYPE_LIST(dispatch, "rows on the wire in dispatch"),
        DTYPE_LIST(weights, "weights, and GEMM compute"),
        DTYPE_LIST(kv, "KV cache"),
        {FIELD_ROW("budget", FIELD_GROUP, DIM_COUNT, 0, "", "what must hold"),
         .group = budget_fields},
        {FIELD_ROW("engine", FIELD_TEXT, DIM_COUNT, AT(engine), "fluid",
                   "see `epsim list engines`")},
        {0},
};
