/* What a point is, from its two prices. */
#include <math.h>
#include "sim/sweep_price.h"

static int64_t pool_npus(const struct pool_price *p)
{
	return schedule_npus(&p->group->schedule);
}

double point_memory_limit_bytes(const struct sweep_point *p)
{
	double most = p->decode->group->config->sweep.budget.memory_bytes;
	double usable = p->decode->memory.usable_bytes;

	return most > 0 ? fmin(most, usable) : usable;
}

static bool in_budget(double value, double budget)
{
	return !(budget > 0) || value <= budget;
}

/* A bound may be above what it bounds by rounding. */
static bool in_time(const struct pool_price *p, double budget_s)
{
	return in_budget(p->time_s, budget_s * (p->bound ? 1 + bound_slack_ratio : 1));
}

static enum reason reason_of(const struct sweep_point *p)
{
	const struct config *c = p->prefill->group->config;
	double limit_bytes;

	if (p->prefill->why_not || p->decode->why_not)
		return REASON_SHAPE;
	limit_bytes = point_memory_limit_bytes(p);
	if (!in_budget((double)point_npus(p), (double)c->sweep.budget.npus))
		return REASON_NPUS;
	if (p->prefill->memory.total_bytes > limit_bytes ||
	    p->decode->memory.total_bytes > limit_bytes)
		return REASON_MEMORY;
	if (!in_time(p->prefill, c->sweep.budget.ttft_s))
		return REASON_TTFT;
	if (!in_time(p->decode, c->sweep.budget.tpot_s))
		return REASON_TPOT;
	return REASON_NONE;
}

/* Output tokens a second of each NPU that is there, whichever pool is the slower. */
static double instances_rate(const struct sweep_point *p, double output_count)
{
	double prefill_npus = (double)(p->instances[PHASE_PREFILL] * pool_npus(p->prefill));
	double decode_npus = (double)(p->instances[PHASE_DECODE] * pool_npus(p->decode));
	double requests_count =
	        fmin(prefill_npus / p->prefill->npu_s, decode_npus / p->decode->npu_s);

	return requests_count * output_count / (prefill_npus + decode_npus);
}

void point_join(struct sweep_point *p)
{
	const struct config *c = p->prefill->group->config;
	double output_count = c->workload.output.mean_count;

	p->reason = (uint8_t)reason_of(p);
	p->feasible = p->reason == REASON_NONE;
	p->tokens_per_s_per_npu_count = 0;
	if (!point_priced(p))
		return;
	if (p->instances[PHASE_PREFILL] > 0)
		p->tokens_per_s_per_npu_count = instances_rate(p, output_count);
	else
		p->tokens_per_s_per_npu_count =
		        output_count / (p->prefill->npu_s + p->decode->npu_s);
}

bool point_priced(const struct sweep_point *p)
{
	return p->reason != REASON_SHAPE && p->prefill->known && p->decode->known;
}

struct schedule point_pool_schedule(const struct sweep_point *p, enum phase pool)
{
	return pool_schedule(pool == PHASE_PREFILL ? p->prefill : p->decode, pool);
}

struct schedule point_schedule(const struct sweep_point *p)
{
	struct schedule s = pool_schedule(p->prefill, PHASE_PREFILL);

	s.batch = p->decode->size;
	s.mtp = p->decode->group->schedule.mtp;
	return s;
}

struct point_choice point_choice(const struct sweep_point *p)
{
	struct point_choice out;

	for (enum phase pool = 0; pool < PHASES; pool++) {
		out.schedule[pool] = point_pool_schedule(p, pool);
		out.schedule[pool].batch = p->decode->size;
		out.schedule[pool].chunk = p->prefill->size;
		out.instances[pool] = p->instances[pool];
	}
	return out;
}

int64_t point_npus(const struct sweep_point *p)
{
	int64_t prefill = pool_npus(p->prefill), decode = pool_npus(p->decode);

	if (p->instances[PHASE_PREFILL] > 0)
		return p->instances[PHASE_PREFILL] * prefill + p->instances[PHASE_DECODE] * decode;
	return prefill > decode ? prefill : decode;
}

double point_balance_ratio(const struct sweep_point *p)
{
	if (!point_priced(p))
		return 0;
	return p->prefill->npu_s / (double)pool_npus(p->prefill) /
	       (p->decode->npu_s / (double)pool_npus(p->decode));
}

double point_tokens_per_step_count(const struct sweep_point *p)
{
	return drafts_tokens_count(p->decode->group->schedule.mtp,
	                           p->decode->group->config->serving.mtp.accept_ratio);
}

static const char *why_memory(const struct sweep_point *p, char why[WHY_SIZE])
{
	double limit_bytes = point_memory_limit_bytes(p), need_bytes;
	bool prefill = p->prefill->memory.total_bytes > limit_bytes;
	char need[32], have[32];

	need_bytes = (prefill ? p->prefill : p->decode)->memory.total_bytes;
	snprintf(why, WHY_SIZE, "memory: %s needs %s of %s", prefill ? "prefill" : "decode",
	         quantity_human(need_bytes, DIM_BYTES, 3, need, sizeof need),
	         quantity_human(limit_bytes, DIM_BYTES, 3, have, sizeof have));
	return why;
}

static const char *why_late(const char *what, double time_s, double budget_s, char why[WHY_SIZE])
{
	char is[32], may[32];

	snprintf(why, WHY_SIZE, "%s %s > %s", what,
	         quantity_human(time_s, DIM_TIME, 3, is, sizeof is),
	         quantity_human(budget_s, DIM_TIME, 3, may, sizeof may));
	return why;
}

const char *point_why(const struct sweep_point *p, char why[WHY_SIZE])
{
	const struct config *c = p->prefill->group->config;

	switch (p->reason) {
	case REASON_SHAPE:
		return p->prefill->why_not ? p->prefill->why_not : p->decode->why_not;
	case REASON_NPUS:
		snprintf(why, WHY_SIZE, "%lld NPUs > %lld", (long long)point_npus(p),
		         (long long)c->sweep.budget.npus);
		return why;
	case REASON_MEMORY:
		return why_memory(p, why);
	case REASON_TTFT:
		return why_late("TTFT", p->prefill->time_s, c->sweep.budget.ttft_s, why);
	case REASON_TPOT:
		return why_late("TPOT", p->decode->time_s, c->sweep.budget.tpot_s, why);
	case REASON_BEATEN:
		return "another is better in TTFT, TPOT and tokens/s/NPU";
	default:
		return "";
	}
}

int64_t point_batch_gain(const struct sweep_point *p)
{
	const struct sweep_point *base = p->relay2;

	if (!base || p->reason == REASON_SHAPE || base->reason == REASON_SHAPE)
		return 0;
	return p->decode->memory.batch_most - base->decode->memory.batch_most;
}

double point_kv_gain_count(const struct sweep_point *p)
{
	const struct workload *w = &p->prefill->group->config->workload;
	const struct sweep_point *base = p->relay2;

	if (!base || p->reason == REASON_SHAPE || base->reason == REASON_SHAPE)
		return 0;
	return (base->decode->memory.total_bytes - p->decode->memory.total_bytes) /
	       (p->decode->memory.kv_request_bytes / workload_longest_count(w));
}

double point_cost_count(const struct sweep_point *p)
{
	enum { HOUR_S = 3600 };
	double hour_cost = p->prefill->group->config->machine.extra.npu_hour_cost_count;

	return point_priced(p) ? hour_cost / HOUR_S / p->tokens_per_s_per_npu_count : 0;
}

/* NPUs are busy for what requests need of them, and idle for the rest. Per NPU and second: */
double point_energy_count(const struct sweep_point *p)
{
	const struct config *c = p->prefill->group->config;
	double busy_W = c->machine.power.busy_W, idle_W = c->machine.power.idle_W, busy_ratio;

	if (!point_priced(p) || !(busy_W > 0))
		return 0;
	busy_ratio = p->tokens_per_s_per_npu_count / c->workload.output.mean_count *
	             (p->prefill->npu_s + p->decode->npu_s);
	return (busy_W * busy_ratio + idle_W * fmax(0, 1 - busy_ratio)) /
	       p->tokens_per_s_per_npu_count;
}

double point_objective_units(const struct sweep_point *p, enum objective o)
{
	switch (o) {
	case OBJECTIVE_TTFT:
		return p->prefill->time_s;
	case OBJECTIVE_TPOT:
		return p->decode->time_s;
	case OBJECTIVE_NPUS:
		return (double)point_npus(p);
	case OBJECTIVE_COST:
		return point_cost_count(p);
	case OBJECTIVE_ENERGY:
		return point_energy_count(p);
	default:
		return -p->tokens_per_s_per_npu_count;
	}
}

int points_by_objective(const void *a, const void *b)
{
	const struct sweep_point *x = *(const struct sweep_point *const *)a;
	const struct sweep_point *y = *(const struct sweep_point *const *)b;
	enum objective o = (enum objective)x->prefill->group->config->sweep.objective;
	double m = point_objective_units(x, o), n = point_objective_units(y, o);

	if (m != n)
		return m < n ? -1 : 1;
	if (x->tokens_per_s_per_npu_count != y->tokens_per_s_per_npu_count)
		return x->tokens_per_s_per_npu_count < y->tokens_per_s_per_npu_count ? 1 : -1;
	return x < y ? -1 : x > y;
}
