#include "models/schedule.h"

#define AT(member) offsetof(struct schedule, member)

const char *const phase_names[] = {"prefill", "decode", NULL};

const char *const completion_names[] = {"auto", "barrier", "flags", NULL};
const char *const address_names[] = {"auto", "exchanged", "cached", NULL};
const char *const window_names[] = {"auto", "worst", "counts", NULL};
const char *const quantise_names[] = {"auto", "fused", "separate", NULL};
const char *const dedup_names[] = {"auto", "none", "rank", "node", NULL};
const char *const local_names[] = {"auto", "staged", "shortcut", NULL};

const char *const flow_option_names[] = {"completion",   "addresses", "window",
                                         "quantise",     "dedup",     "local",
                                         "round_tokens", "pipeline",  NULL};

const struct field schedule_fields[] = {
        {FIELD_ROW("flow", FIELD_TEXT, DIM_COUNT, AT(flow), "direct",
                   "dispatch and combine: see `epsim list flows`")},
        {FIELD_ROW("ep", FIELD_INTEGER, DIM_COUNT, AT(ep), "64",
                   "ranks that share one copy of the experts"),
         .least = 1, .most = 65536},
        {FIELD_ROW("tp", FIELD_INTEGER, DIM_COUNT, AT(tp), "1",
                   "ranks that share an attention group"),
         .least = 1, .most = 4096},
        {FIELD_ROW("dp", FIELD_INTEGER, DIM_COUNT, AT(dp), "0", "attention groups; 0: EP / TP"),
         .least = 0, .most = 65536},
        {FIELD_ROW("pp", FIELD_INTEGER, DIM_COUNT, AT(pp), "1",
                   "stages that the layers are split over, each of TP x DP ranks"),
         .least = 1, .most = MOST_STAGES},
        {FIELD_ROW("batch", FIELD_INTEGER, DIM_COUNT, AT(batch), "64",
                   "decode: requests of an attention group"),
         .least = 1, .most = 1 << 20},
        {FIELD_ROW("chunk", FIELD_INTEGER, DIM_COUNT, AT(chunk), "4096",
                   "prefill: tokens of an attention group in one step"),
         .least = 1, .most = 1 << 24},
        {FIELD_ROW("micro_batches", FIELD_INTEGER, DIM_COUNT, AT(micro_batches), "1",
                   "2: communication of one under compute of the other"),
         .least = 1, .most = 2},
        {FIELD_ROW("streams", FIELD_INTEGER, DIM_COUNT, AT(streams), "1",
                   "2: attention of one micro-batch computes beside experts of the other"),
         .least = 1, .most = 2},
        {FIELD_ROW("attention_cores", FIELD_INTEGER, DIM_COUNT, AT(attention_cores), "0",
                   "streams 2: cube cores of a die for attention, the rest for experts; 0: shared"),
         .least = 0, .most = 4096},
        {FIELD_ROW("mtp", FIELD_INTEGER, DIM_COUNT, AT(mtp), "0",
                   "decode: tokens guessed for each sequence and step; serving.mtp.accept"),
         .least = 0, .most = 16},
        {FIELD_ROW("vector_cores", FIELD_INTEGER, DIM_COUNT, AT(vector_cores), "0",
                   "of a die, used by dispatch and combine; 0: all"),
         .least = 0, .most = 4096},
        {FIELD_ROW("kernel", FIELD_TEXT, DIM_COUNT, AT(kernel), "",
                   "dispatch and combine as the machine's calibration.kernels names them, without "
                   "phase and op")},
        {FIELD_ROW("dispatch", FIELD_CHOICE, DIM_COUNT, AT(dispatch), "int8",
                   "rows on the wire in dispatch"),
         .names = dtype_names},
        {FIELD_ROW("weights", FIELD_CHOICE, DIM_COUNT, AT(weights), "int8",
                   "all weights, and GEMM compute"),
         .names = dtype_names},
        {FIELD_ROW("kv", FIELD_CHOICE, DIM_COUNT, AT(kv), "bf16", "KV cache"),
         .names = dtype_names},
        {FIELD_ROW("completion", FIELD_CHOICE, DIM_COUNT, AT(options.completion), "auto",
                   "flow option: ranks learn that rows are there by barrier or flags"),
         .names = completion_names},
        {FIELD_ROW("addresses", FIELD_CHOICE, DIM_COUNT, AT(options.addresses), "auto",
                   "flow option: remote windows' addresses are exchanged or cached"),
         .names = address_names},
        {FIELD_ROW("window", FIELD_CHOICE, DIM_COUNT, AT(options.window), "auto",
                   "flow option: windows hold the worst case or what counts tell"),
         .names = window_names},
        {FIELD_ROW("quantise", FIELD_CHOICE, DIM_COUNT, AT(options.quantise), "auto",
                   "flow option: fused into dispatch, or a separate kernel before"),
         .names = quantise_names},
        {FIELD_ROW("dedup", FIELD_CHOICE, DIM_COUNT, AT(options.dedup), "auto",
                   "flow option: a token goes once to each expert (none), rank or node"),
         .names = dedup_names},
        {FIELD_ROW("local", FIELD_CHOICE, DIM_COUNT, AT(options.local), "auto",
                   "flow option: a rank's rows to itself are staged, or take a shortcut"),
         .names = local_names},
        {FIELD_ROW("round_tokens", FIELD_INTEGER, DIM_COUNT, AT(options.round_tokens), "0",
                   "flow option: tokens of a rank moved in one round; 0: the flow's own"),
         .least = 0, .most = 1 << 24},
        {FIELD_ROW("pipeline", FIELD_INTEGER, DIM_COUNT, AT(options.pipeline), "0",
                   "flow option: parts that overlap inside the layer; 0: the flow's own"),
         .least = 0, .most = 64},
        {FIELD_ROW("placement", FIELD_CHOICE, DIM_COUNT, AT(placement.kind), "contiguous",
                   "which expert each slot of a rank holds: see `epsim list placements`"),
         .names = placement_names},
        {FIELD_ROW("replicas", FIELD_INTEGER, DIM_COUNT, AT(placement.replicas), "0",
                   "slots of a layer beyond one for each routed expert"),
         .least = 0, .most = 65536},
        {FIELD_ROW("shared_slots", FIELD_INTEGER, DIM_COUNT, AT(placement.shared_slots), "0",
                   "slots of shared experts, on ranks of their own; 0: on every rank"),
         .least = 0, .most = 65536},
        {FIELD_ROW("replica_choice", FIELD_CHOICE, DIM_COUNT, AT(placement.replica_choice), "even",
                   "a rank's rows for an expert: over all replicas, or the nearest"),
         .names = replica_choice_names},
        {0},
};

int64_t schedule_stage_npus(const struct schedule *s)
{
	return s->dp > 0 ? s->tp * s->dp : s->ep;
}

int64_t schedule_npus(const struct schedule *s)
{
	return schedule_stage_npus(s) * (s->pp > 1 ? s->pp : 1);
}

enum rc schedule_check(const struct schedule *s, const char *where, struct err *e)
{
	if (s->dispatch == DTYPE_FP4)
		return fail(e, RC_CONFIG, "%s: schedule.dispatch: rows go as bf16, int8 or fp8",
		            where);
	return RC_OK;
}
