#include "models/schedule.h"

#define AT(member) offsetof(struct schedule, member)

const char *const phase_names[] = {"prefill", "decode", NULL};

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
        {FIELD_ROW("batch", FIELD_INTEGER, DIM_COUNT, AT(batch), "64",
                   "decode: requests of an attention group"),
         .least = 1, .most = 1 << 20},
        {FIELD_ROW("chunk", FIELD_INTEGER, DIM_COUNT, AT(chunk), "4096",
                   "prefill: tokens of an attention group in one step"),
         .least = 1, .most = 1 << 24},
        {FIELD_ROW("micro_batches", FIELD_INTEGER, DIM_COUNT, AT(micro_batches), "1",
                   "2: communication of one under compute of the other"),
         .least = 1, .most = 2},
        {FIELD_ROW("vector_cores", FIELD_INTEGER, DIM_COUNT, AT(vector_cores), "0",
                   "of a die, used by dispatch and combine; 0: all"),
         .least = 0, .most = 4096},
        {FIELD_ROW("dispatch", FIELD_CHOICE, DIM_COUNT, AT(dispatch), "int8",
                   "rows on the wire in dispatch"),
         .names = dtype_names},
        {FIELD_ROW("weights", FIELD_CHOICE, DIM_COUNT, AT(weights), "int8",
                   "all weights, and GEMM compute"),
         .names = dtype_names},
        {FIELD_ROW("kv", FIELD_CHOICE, DIM_COUNT, AT(kv), "bf16", "KV cache"),
         .names = dtype_names},
        {0},
};

int64_t schedule_npus(const struct schedule *s)
{
	return s->dp > 0 ? s->tp * s->dp : s->ep;
}

enum rc schedule_check(const struct schedule *s, const char *where, struct err *e)
{
	if (s->dispatch == DTYPE_FP4)
		return fail(e, RC_CONFIG, "%s: schedule.dispatch: rows go as bf16, int8 or fp8",
		            where);
	return RC_OK;
}
