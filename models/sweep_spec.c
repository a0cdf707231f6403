#include "models/sweep_spec.h"
#include "models/schedule.h"

#define AT(member) offsetof(struct sweep_spec, member)
#define INTEGERS(key_, least_, most_, doc_)                                                        \
	{                                                                                          \
		FIELD_ROW(#key_, FIELD_LIST, DIM_COUNT, AT(key_), "", doc_),                       \
		        .item = FIELD_INTEGER, .least = least_, .most = most_                      \
	}
#define CHOICES(key_, names_, doc_)                                                                \
	{                                                                                          \
		FIELD_ROW(#key_, FIELD_LIST, DIM_COUNT, AT(key_), "", doc_), .item = FIELD_CHOICE, \
		                                                             .names = names_       \
	}
#define TEXTS(key_, doc_)                                                                          \
	{                                                                                          \
		FIELD_ROW(#key_, FIELD_LIST, DIM_COUNT, AT(key_), "", doc_), .item = FIELD_TEXT    \
	}

const char *const objective_names[] = {"throughput", "ttft", "tpot", "npus", "cost", NULL};

static const struct field budget_fields[] = {
        {FIELD_ROW("ttft", FIELD_QUANTITY, DIM_TIME, AT(budget.ttft_s), "0s",
                   "time to first token of the workload's prompt; 0: none")},
        {FIELD_ROW("tpot", FIELD_QUANTITY, DIM_TIME, AT(budget.tpot_s), "0s",
                   "time per output token; 0: none")},
        {FIELD_ROW("npus", FIELD_INTEGER, DIM_COUNT, AT(budget.npus), "0",
                   "NPUs of a deployment; 0: any"),
         .most = 1 << 24},
        {FIELD_ROW("memory", FIELD_QUANTITY, DIM_BYTES, AT(budget.memory_bytes), "0B",
                   "of a rank's HBM; 0: all that is usable")},
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
        INTEGERS(streams, 1, 2, "2: attention computes beside experts"),
        INTEGERS(attention_cores, 0, 4096, "of them, cube cores for attention; 0: shared"),
        INTEGERS(vector_cores, 0, 4096, "vector cores for dispatch and combine; 0: all"),
        TEXTS(kernel, "of dispatch and combine, as calibration.kernels names them"),
        CHOICES(dispatch, dtype_names, "rows on the wire in dispatch"),
        CHOICES(weights, dtype_names, "weights, and GEMM compute"),
        CHOICES(kv, dtype_names, "KV cache"),
        CHOICES(completion, completion_names, "flow option, as all down to pipeline"),
        CHOICES(addresses, address_names, "of remote windows"),
        CHOICES(window, window_names, "how windows are sized"),
        CHOICES(quantise, quantise_names, "where rows are quantised"),
        CHOICES(dedup, dedup_names, "one row for each expert, rank or node of a token"),
        CHOICES(local, local_names, "rows of a rank to itself"),
        INTEGERS(round_tokens, 0, 1 << 24, "tokens of a rank that one round moves"),
        INTEGERS(pipeline, 0, 64, "parts that overlap with compute"),
        CHOICES(placement, placement_names, "of experts in slots"),
        INTEGERS(replicas, 0, 65536, "slots beyond one for each routed expert"),
        INTEGERS(shared_slots, 0, 65536, "slots of shared experts; 0: on every rank"),
        CHOICES(replica_choice, replica_choice_names, "which replica a row goes to"),
        TEXTS(machines, "names; each is tried with each model and workload"),
        TEXTS(models, "likewise"),
        TEXTS(workloads, "likewise"),
        TEXTS(constraints, "what must hold between knobs, such as tp * dp == ep"),
        {FIELD_ROW("budget", FIELD_GROUP, DIM_COUNT, 0, "", "what must hold"),
         .group = budget_fields},
        {FIELD_ROW("objective", FIELD_CHOICE, DIM_COUNT, AT(objective), "throughput",
                   "what is best among those that meet the budgets"),
         .names = objective_names},
        {FIELD_ROW("engine", FIELD_TEXT, DIM_COUNT, AT(engine), "fluid",
                   "see `epsim list engines`")},
        {0},
};
