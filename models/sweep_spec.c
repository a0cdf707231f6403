#include "models/sweep_spec.h"
#include <string.h>

#define LIST(key_, item_, offset_, doc_)                                                           \
	FIELD_ROW(#key_, FIELD_LIST, DIM_COUNT, offset_, "", doc_), .item = item_
#define INTEGERS(key_, offset_, least_, most_, doc_)                                               \
	{                                                                                          \
		LIST(key_, FIELD_INTEGER, offset_, doc_), .least = least_, .most = most_           \
	}
#define CHOICES(key_, offset_, names_, doc_)                                                       \
	{                                                                                          \
		LIST(key_, FIELD_CHOICE, offset_, doc_), .names = names_                           \
	}
#define TEXTS(key_, offset_, doc_)                                                                 \
	{                                                                                          \
		LIST(key_, FIELD_TEXT, offset_, doc_)                                              \
	}

const char *const objective_names[] = {"throughput", "ttft",   "tpot", "npus",
                                       "cost",       "energy", NULL};
const char *const percentile_names[] = {"p50", "p90", "p95", "p99", NULL};

#define AT(member) offsetof(struct sweep_spec, member)
#define PART(key_, member_, what_)                                                                 \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_QUANTITY, DIM_TIME, AT(budget.member_), "0s", what_)         \
	}

static const struct field budget_fields[] = {
        {FIELD_ROW("ttft", FIELD_QUANTITY, DIM_TIME, AT(budget.ttft_s), "0s",
                   "time to first token of the workload's prompt; 0: none")},
        {FIELD_ROW("tpot", FIELD_QUANTITY, DIM_TIME, AT(budget.tpot_s), "0s",
                   "time per output token; 0: none")},
        {FIELD_ROW("npus", FIELD_INTEGER, DIM_COUNT, AT(budget.npus), "0",
                   "NPUs of a deployment, or of all instances; 0: any"),
         .most = 1 << 24},
        {FIELD_ROW("memory", FIELD_QUANTITY, DIM_BYTES, AT(budget.memory_bytes), "0B",
                   "of a rank's HBM; 0: all that is usable")},
        PART("ttft_p50", ttft_part_s[BUDGET_P50], "of requests in queues (--serve); 0: none"),
        PART("ttft_p90", ttft_part_s[BUDGET_P90], "likewise"),
        PART("ttft_p95", ttft_part_s[BUDGET_P95], "likewise"),
        PART("ttft_p99", ttft_part_s[BUDGET_P99], "likewise"),
        PART("tpot_p50", tpot_part_s[BUDGET_P50], "likewise"),
        PART("tpot_p90", tpot_part_s[BUDGET_P90], "likewise"),
        PART("tpot_p95", tpot_part_s[BUDGET_P95], "likewise"),
        PART("tpot_p99", tpot_part_s[BUDGET_P99], "likewise"),
        {0},
};

/* Rows that the sweep and each pool have; of_(member) is where its list lies. */
#define SHAPE_ROWS(of_)                                                                            \
	INTEGERS(ep, of_(ep), 1, 65536, "expert-parallel ranks"),                                  \
	        INTEGERS(tp, of_(tp), 1, 4096, "ranks of an attention group"),                     \
	        INTEGERS(dp, of_(dp), 0, 65536, "attention groups; 0: EP / TP"),                   \
	        INTEGERS(pp, of_(pp), 1, MOST_STAGES, "stages that the layers are split over")
#define BATCH_ROW(of_)                                                                             \
	INTEGERS(batch, of_(batch), 1, 1 << 20, "decode requests of an attention group")
#define CHUNK_ROW(of_)                                                                             \
	INTEGERS(chunk, of_(chunk), 1, 1 << 24, "prefill tokens of an attention group in a step")
#define MICRO_ROW(of_)                                                                             \
	INTEGERS(micro_batches, of_(micro_batches), 1, 2, "2: overlap of communication and compute")
#define MTP_ROW(of_) INTEGERS(mtp, of_(mtp), 0, 16, "decode: tokens guessed in a step")
#define CORES_ROW(of_)                                                                             \
	INTEGERS(vector_cores, of_(vector_cores), 0, 4096,                                         \
	         "vector cores for dispatch and combine; 0: all")
#define STREAM_ROWS(of_)                                                                           \
	INTEGERS(streams, of_(streams), 1, 2, "2: attention computes beside experts"),             \
	        INTEGERS(attention_cores, of_(attention_cores), 0, 4096,                           \
	                 "of them, cube cores for attention; 0: shared")
#define KERNEL_ROW(of_)                                                                            \
	TEXTS(kernel, of_(kernel), "of dispatch and combine, as calibration.kernels names them")
#define PLACEMENT_ROWS(of_)                                                                        \
	CHOICES(placement, of_(placement), placement_names, "of experts in slots"),                \
	        INTEGERS(replicas, of_(replicas), 0, 65536,                                        \
	                 "slots beyond one for each routed expert"),                               \
	        INTEGERS(shared_slots, of_(shared_slots), 0, 65536,                                \
	                 "slots of shared experts; 0: on every rank"),                             \
	        CHOICES(replica_choice, of_(replica_choice), replica_choice_names,                 \
	                "which replica a row goes to")
#define TYPE_ROWS(of_)                                                                             \
	CHOICES(dispatch, of_(dispatch), dtype_names, "rows on the wire in dispatch"),             \
	        CHOICES(weights, of_(weights), dtype_names, "weights, and GEMM compute")
#define OPTION_ROWS(of_)                                                                           \
	CHOICES(completion, of_(completion), completion_names,                                     \
	        "flow option, as all down to pipeline"),                                           \
	        CHOICES(addresses, of_(addresses), address_names, "of remote windows"),            \
	        CHOICES(window, of_(window), window_names, "how windows are sized"),               \
	        CHOICES(quantise, of_(quantise), quantise_names, "where rows are quantised"),      \
	        CHOICES(dedup, of_(dedup), dedup_names,                                            \
	                "one row for each expert, rank or node of a token"),                       \
	        CHOICES(local, of_(local), local_names, "rows of a rank to itself"),               \
	        INTEGERS(round_tokens, of_(round_tokens), 0, 1 << 24,                              \
	                 "tokens of a rank that one round moves"),                                 \
	        INTEGERS(pipeline, of_(pipeline), 0, 64, "parts that overlap with compute")
#define INSTANCES_ROW(of_)                                                                         \
	INTEGERS(instances, of_(instances), 1, 65535,                                              \
	         "deployments; without any as many as balance the pools")

#define OF(member) offsetof(struct pool_lists, member)

static const struct field prefill_fields[] = {
        TEXTS(flow, OF(flow), "schedules of dispatch and combine"),
        SHAPE_ROWS(OF),
        CHUNK_ROW(OF),
        MICRO_ROW(OF),
        STREAM_ROWS(OF),
        CORES_ROW(OF),
        KERNEL_ROW(OF),
        TYPE_ROWS(OF),
        OPTION_ROWS(OF),
        PLACEMENT_ROWS(OF),
        INSTANCES_ROW(OF),
        {0},
};

static const struct field decode_fields[] = {
        TEXTS(flow, OF(flow), "schedules of dispatch and combine"),
        SHAPE_ROWS(OF),
        BATCH_ROW(OF),
        MICRO_ROW(OF),
        MTP_ROW(OF),
        STREAM_ROWS(OF),
        CORES_ROW(OF),
        KERNEL_ROW(OF),
        TYPE_ROWS(OF),
        OPTION_ROWS(OF),
        PLACEMENT_ROWS(OF),
        INSTANCES_ROW(OF),
        {0},
};

/* An empty list takes the one value of the schedule section. */
const struct field sweep_fields[] = {
        {FIELD_ROW("name", FIELD_TEXT, DIM_COUNT, AT(name), "sweep", "names the output files")},
        {FIELD_ROW("flow", FIELD_LIST, DIM_COUNT, AT(flow), "relay3,relay2,direct",
                   "schedules of dispatch and combine"),
         .item = FIELD_TEXT},
        SHAPE_ROWS(AT),
        BATCH_ROW(AT),
        CHUNK_ROW(AT),
        MICRO_ROW(AT),
        MTP_ROW(AT),
        STREAM_ROWS(AT),
        CORES_ROW(AT),
        KERNEL_ROW(AT),
        TYPE_ROWS(AT),
        CHOICES(kv, AT(kv), dtype_names, "KV cache"),
        OPTION_ROWS(AT),
        PLACEMENT_ROWS(AT),
        {FIELD_ROW("prefill", FIELD_GROUP, DIM_COUNT, AT(pool[PHASE_PREFILL]), "",
                   "values of the prefill pool alone, in place of those above"),
         .group = prefill_fields},
        {FIELD_ROW("decode", FIELD_GROUP, DIM_COUNT, AT(pool[PHASE_DECODE]), "",
                   "of the decode pool"),
         .group = decode_fields},
        TEXTS(machines, AT(machines), "names; each is tried with each model and workload"),
        TEXTS(models, AT(models), "likewise"),
        TEXTS(workloads, AT(workloads), "likewise"),
        TEXTS(constraints, AT(constraints), "what must hold between knobs, such as tp * dp == ep"),
        TEXTS(router, AT(router), "of those that are served (--serve); see `epsim list policies`"),
        TEXTS(batching, AT(batching), "likewise"),
        {FIELD_ROW("budget", FIELD_GROUP, DIM_COUNT, 0, "", "what must hold"),
         .group = budget_fields},
        {FIELD_ROW("objective", FIELD_CHOICE, DIM_COUNT, AT(objective), "throughput",
                   "what is best among those that meet the budgets"),
         .names = objective_names},
        {FIELD_ROW("engine", FIELD_TEXT, DIM_COUNT, AT(engine), "fluid",
                   "see `epsim list engines`")},
        {0},
};

static const struct field_list *list_at(const void *object, const struct field *f)
{
	return (const void *)((const char *)object + f->offset);
}

static const struct field *row_named(const struct field *table, const char *key)
{
	while (table->key && strcmp(table->key, key) != 0)
		table++;
	return table->key ? table : NULL;
}

bool sweep_pools_have(const struct sweep_spec *s, const char *knob)
{
	const struct field *const tables[PHASES] = {prefill_fields, decode_fields};
	bool taken = false;

	for (enum phase phase = 0; phase < PHASES; phase++) {
		const struct field *f = row_named(tables[phase], knob);

		if (f && list_at(&s->pool[phase], f)->n == 0)
			return false;
		taken = taken || f;
	}
	return taken;
}

enum rc sweep_spec_check(const struct sweep_spec *s, const char *where, struct err *e)
{
	bool prefill = s->pool[PHASE_PREFILL].instances.n > 0;
	bool decode = s->pool[PHASE_DECODE].instances.n > 0;

	for (const struct field *f = sweep_fields; f->key; f++) {
		if (f->kind != FIELD_LIST || list_at(s, f)->n == 0 || strcmp(f->key, "flow") == 0)
			continue; /* a list of flows is there by default */
		if (sweep_pools_have(s, f->key))
			return fail(e, RC_CONFIG,
			            "%s: sweep.%s goes unheard: the pools have values of their own",
			            where, f->key);
	}
	if (prefill != decode)
		return fail(e, RC_CONFIG,
		            "%s: sweep.%s.instances: the other pool needs its number, too; without "
		            "both the pools are as many as balance each other",
		            where, phase_names[prefill ? PHASE_PREFILL : PHASE_DECODE]);
	return RC_OK;
}

bool sweep_has_percentiles(const struct sweep_spec *s)
{
	for (int i = 0; i < BUDGET_PERCENTILES; i++) {
		if (s->budget.ttft_part_s[i] > 0 || s->budget.tpot_part_s[i] > 0)
			return true;
	}
	return false;
}
