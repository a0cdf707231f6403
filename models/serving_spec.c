#include "models/serving_spec.h"

#define AT(member) offsetof(struct serving_spec, member)

static const char *const transfer_names[] = {"fabric", "rdma", NULL};

static const struct field mtp_fields[] = {
        {FIELD_ROW("accept", FIELD_QUANTITY, DIM_RATIO, AT(mtp.accept_ratio), "0.7",
                   "a guess is right, given that those before it are"),
         .least = 0, .most = 1},
        {0},
};

static const struct field route_fields[] = {
        {FIELD_ROW("balance", FIELD_QUANTITY, DIM_RATIO, AT(route.balance_ratio), "1.5",
                   "prefix router: balances when the most loaded group has this many times the "
                   "requests of the least"),
         .least = 1, .most = 1 << 20},
        {FIELD_ROW("balance_requests", FIELD_INTEGER, DIM_COUNT, AT(route.balance_requests), "32",
                   "and at least so many more"),
         .least = 0, .most = 1 << 20},
        {0},
};

#define DURATION(key_, member, fallback_, doc_)                                                    \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_QUANTITY, DIM_TIME, AT(failure.member), fallback_, doc_)     \
	}

static const char *const failure_pool_names[] = {"prefill", "decode", NULL};

static const struct field failure_fields[] = {
        {FIELD_ROW("at", FIELD_LIST, DIM_TIME, AT(failure.at_s), "",
                   "when ranks die: 60s, or 60s,90s; nothing: never"),
         .item = FIELD_QUANTITY},
        {FIELD_ROW("groups", FIELD_LIST, DIM_COUNT, AT(failure.groups), "1",
                   "attention groups that die each time"),
         .item = FIELD_INTEGER, .least = 1, .most = 65536},
        {FIELD_ROW("pool", FIELD_LIST, DIM_COUNT, AT(failure.pool), "prefill",
                   "where, when prefill and decode are apart"),
         .item = FIELD_CHOICE, .names = failure_pool_names},
        {FIELD_ROW("instance", FIELD_LIST, DIM_COUNT, AT(failure.instance), "0",
                   "which instance of the pool"),
         .item = FIELD_INTEGER, .least = 0, .most = 65535},
        DURATION("detect", detect_s, "1s", "until the others know"),
        DURATION("drain", drain_s, "0s", "until they have given up the step they are in"),
        DURATION("patch", patch_s, "0s", "tables of peers and experts made new"),
        DURATION("warm", warm_s, "0s",
                 "software of the lost ranks starts again beside the others, before weights come; "
                 "0: never"),
        DURATION("rejoin", rejoin_s, "0s", "all stop while they are taken back"),
        {FIELD_ROW("spares", FIELD_INTEGER, DIM_COUNT, AT(failure.spares), "0",
                   "replicas of other ranks' experts that a rank holds"),
         .least = 0, .most = 65536},
        {FIELD_ROW("slots", FIELD_INTEGER, DIM_COUNT, AT(failure.slots), "0",
                   "places for experts that a rank has beside its own; 0: as many as spares"),
         .least = 0, .most = 65536},
        {FIELD_ROW("host_backup", FIELD_FLAG, DIM_COUNT, AT(failure.host_backup), "no",
                   "host memory holds all experts")},
        {FIELD_ROW("host_rate", FIELD_QUANTITY, DIM_RATE, AT(failure.host_Bps), "0Bps",
                   "of a rank, from there; 0: the machine's host.read, or its RDMA")},
        DURATION("restart", restart_s, "0s", "the instance starts anew instead; 0: it does not"),
        {FIELD_ROW("load_rate", FIELD_QUANTITY, DIM_RATE, AT(failure.load_Bps), "0Bps",
                   "of a rank, its weights from storage then; 0: no time")},
        {0},
};

const struct field serving_fields[] = {
        {FIELD_ROW("batching", FIELD_TEXT, DIM_COUNT, AT(batching), "vllm-v1",
                   "how a step's batch is made: see `epsim list policies`")},
        {FIELD_ROW("router", FIELD_TEXT, DIM_COUNT, AT(router), "least-loaded",
                   "which instance and group takes a request")},
        {FIELD_ROW("preemption", FIELD_TEXT, DIM_COUNT, AT(preemption), "youngest",
                   "who yields when KV memory is full")},
        {FIELD_ROW("max_seqs", FIELD_INTEGER, DIM_COUNT, AT(max_seqs), "128",
                   "requests of an attention group in flight"),
         .least = 1, .most = 1 << 20},
        {FIELD_ROW("max_tokens", FIELD_INTEGER, DIM_COUNT, AT(max_tokens), "2048",
                   "new tokens of an attention group in one step"),
         .least = 1, .most = 1 << 24},
        {FIELD_ROW("kv_block", FIELD_INTEGER, DIM_COUNT, AT(kv_block), "16",
                   "tokens that KV memory is handed out by"),
         .least = 1, .most = 65536},
        {FIELD_ROW("kv_tokens", FIELD_QUANTITY, DIM_RATIO, AT(kv_tokens_count), "0",
                   "tokens of KV cache of an attention group; 0: what memory leaves"),
         .most = 1e12},
        {FIELD_ROW("watermark", FIELD_QUANTITY, DIM_RATIO, AT(watermark_ratio), "1%",
                   "of KV blocks kept free when requests are admitted"),
         .least = 0, .most = 0.9},
        {FIELD_ROW("reserve_prompt", FIELD_FLAG, DIM_COUNT, AT(reserve_prompt), "yes",
                   "admit only what has room for its whole prompt")},
        {FIELD_ROW("step_error", FIELD_QUANTITY, DIM_RATIO, AT(step_error_ratio), "0",
                   "of step times between those that are priced; 0: 1/256. Drawn routings "
                   "need 10%"),
         .most = 0.5},
        {FIELD_ROW("schedule_ahead", FIELD_FLAG, DIM_COUNT, AT(schedule_ahead), "no",
                   "a step is planned while the one before it runs")},
        {FIELD_ROW("prefix_cache", FIELD_FLAG, DIM_COUNT, AT(prefix_cache), "yes",
                   "keep blocks of earlier prompts, where the trace names them")},
        {FIELD_ROW("prefix_tokens", FIELD_QUANTITY, DIM_RATIO, AT(prefix_tokens_count), "0",
                   "of an attention group at most; 0: all KV memory that is free"),
         .most = 1e12},
        {FIELD_ROW("instances", FIELD_INTEGER, DIM_COUNT, AT(instances), "1",
                   "deployments of the schedule; with decode_instances those that prefill"),
         .least = 1, .most = 65536},
        {FIELD_ROW("decode_instances", FIELD_INTEGER, DIM_COUNT, AT(decode_instances), "0",
                   "deployments that only decode; 0: none, each does both"),
         .least = 0, .most = 65536},
        {FIELD_ROW("decode_ep", FIELD_INTEGER, DIM_COUNT, AT(decode_ep), "0",
                   "EP of those; 0: the schedule's"),
         .least = 0, .most = 65536},
        {FIELD_ROW("decode_tp", FIELD_INTEGER, DIM_COUNT, AT(decode_tp), "0",
                   "TP of those; 0: the schedule's"),
         .least = 0, .most = 4096},
        {FIELD_ROW("decode_flow", FIELD_TEXT, DIM_COUNT, AT(decode_flow), "",
                   "flow of those; default: the schedule's")},
        {FIELD_ROW("transfer", FIELD_CHOICE, DIM_COUNT, AT(transfer), "fabric",
                   "how KV goes from prefill to decode instances"),
         .names = transfer_names},
        {FIELD_ROW("mtp", FIELD_GROUP, DIM_COUNT, 0, "", "multi-token prediction"),
         .group = mtp_fields},
        {FIELD_ROW("route", FIELD_GROUP, DIM_COUNT, 0, "", "numbers of routers"),
         .group = route_fields},
        {FIELD_ROW("failure", FIELD_GROUP, DIM_COUNT, 0, "", "ranks that die, and their repair"),
         .group = failure_fields},
        {0},
};

static enum rc failure_check(const struct serving_spec *s, const char *where, struct err *e)
{
	for (size_t i = 0; i < s->failure.at_s.n; i++) {
		double at_s = s->failure.at_s.number[i];

		if (!(at_s > (i > 0 ? s->failure.at_s.number[i - 1] : 0)))
			return fail(
			        e, RC_CONFIG,
			        "%s: serving.failure.at: times must be above zero and rise, but "
			        "%gs comes after %gs",
			        where, at_s, i > 0 ? s->failure.at_s.number[i - 1] : 0);
	}
	if (s->failure.slots > 0 && s->failure.slots < s->failure.spares)
		return fail(e, RC_CONFIG, "%s: serving.failure.slots %lld cannot hold %lld spares",
		            where, (long long)s->failure.slots, (long long)s->failure.spares);
	return RC_OK;
}

enum rc serving_check(const struct serving_spec *s, const char *where, struct err *e)
{
	int64_t decodes = s->max_seqs * (1 + s->mtp.drafts);

	if (decodes > s->max_tokens)
		return fail(e, RC_CONFIG,
		            "%s: serving.max_tokens %lld is below the %lld that max_seqs requests "
		            "decode in a step",
		            where, (long long)s->max_tokens, (long long)decodes);
	return failure_check(s, where, e);
}

double serving_failure_item(const struct field_list *l, size_t i, double fallback)
{
	return l->n == 0 ? fallback : l->number[i < l->n ? i : l->n - 1];
}

int64_t serving_failure_slots(const struct serving_spec *s)
{
	return s->failure.slots > 0 ? s->failure.slots : s->failure.spares;
}

double drafts_tokens_count(int64_t drafts, double accept_ratio)
{
	double tokens = 1, chance = 1;

	for (int64_t i = 0; i < drafts; i++) {
		chance *= accept_ratio;
		tokens += chance;
	}
	return tokens;
}

double serving_tokens_per_step_count(const struct serving_spec *s)
{
	return drafts_tokens_count(s->mtp.drafts, s->mtp.accept_ratio);
}
