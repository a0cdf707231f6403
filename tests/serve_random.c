#include "tests/serve_random.h"
#include "models/base/rng.h"
#include "sim/serve_policies.h"
#include "tests/unit.h"

enum { PROMPT_BLOCK = 32 };

/* Prompts share blocks: each takes a walk in a tree of names. */
static void named_prompt(struct serve_scene *s, struct rng *r, struct request *q)
{
	uint32_t name = 0;

	q->first_block = (uint32_t)s->list.n_blocks;
	q->n_blocks = (uint32_t)(q->input / PROMPT_BLOCK);
	for (uint32_t i = 0; i < q->n_blocks; i++) {
		name = name * 3 + 1 + (uint32_t)rng_below(r, 3);
		request_block_append(&s->list, name % 1000003);
	}
}

static void random_requests(struct serve_scene *s, struct rng *r, size_t n)
{
	bool named = rng_below(r, 2);

	s->list.block_tokens = named ? PROMPT_BLOCK : 0;
	for (size_t i = 0; i < n; i++) {
		struct request q = {.input = 1 + (int32_t)rng_below(r, 400),
		                    .output = 1 + (int32_t)rng_below(r, 120)};

		if (named)
			named_prompt(s, r, &q);
		request_append(&s->list, &q);
	}
}

static const char *random_policy(struct rng *r, enum policy_slot slot)
{
	size_t n = 0;

	while (policy_row(slot, n).name)
		n++;
	return policy_row(slot, rng_below(r, n)).name;
}

static void random_spec(struct serve_scene *s, struct rng *r)
{
	struct serving_spec *p = &s->spec;

	p->batching = random_policy(r, SLOT_BATCHING);
	p->router = random_policy(r, SLOT_ROUTER);
	p->preemption = random_policy(r, SLOT_PREEMPTION);
	p->max_seqs = 1 + (int64_t)rng_below(r, 40);
	p->mtp.drafts = (int64_t)rng_below(r, 3);
	p->max_tokens = p->max_seqs * (1 + p->mtp.drafts) + (int64_t)rng_below(r, 600);
	p->kv_block = 1 + (int64_t)rng_below(r, 20);
	p->reserve_prompt = rng_below(r, 2);
	p->schedule_ahead = rng_below(r, 2);
}

/* One to three instances of one to four groups; every other time with a pool for decode; KV memory
 * for few requests, so that there is preemption. */
static void random_pools(struct serve_scene *s, struct rng *r)
{
	struct serve_pool *p = s->setup.pool;

	p->instances = 1 + (int64_t)rng_below(r, 3);
	p->groups = 1 + (int64_t)rng_below(r, 4);
	p->kv_tokens_count = 600 + (double)rng_below(r, 3000);
	if (rng_below(r, 2))
		return;
	p->role = ROLE_PREFILL;
	/* crooked numbers: no landing at the very end of a step, where rounding would decide */
	p->transfer_latency_s = 1.2345678e-3, p->transfer_token_s = 1.0123e-6;
	p[1] = p[0];
	p[1].role = ROLE_DECODE;
	p[1].instances = 1 + (int64_t)rng_below(r, 3);
	s->setup.n_pools = 2;
}

void random_scene(struct serve_scene *s, uint64_t seed, size_t n)
{
	static const struct linear_times times = {1e-3, 2e-5, 1e-7, 1e-8};
	struct rng r;

	rng_init(&r, seed, 0);
	serve_scene_init(s, &times);
	random_spec(s, &r);
	random_pools(s, &r);
	random_requests(s, &r, n);
	serve_scene_poisson(s, 20 + (double)rng_below(&r, 200), seed);
}

/* Each is served once, wholly, in the right order of times. */
void random_log_check(const struct serve_scene *s)
{
	double tokens = 0, sum_s = 0, gaps = 0;
	size_t lost = 0;

	for (size_t i = 0; i < s->list.n; i++) {
		const struct served *log = &s->result.served[i];
		const struct request *r = &s->list.at[i];

		if (log->fate == FATE_REJECTED) {
			CU_ASSERT_EQUAL(log->generated_count, 0);
			continue;
		}
		if (log->fate == FATE_LOST) {
			CU_ASSERT_TRUE(log->generated_count < r->output);
			CU_ASSERT_TRUE(log->last_s >= r->arrival_s);
			sum_s += log->last_s - r->arrival_s;
			lost++;
			continue;
		}
		CU_ASSERT_EQUAL(log->fate, FATE_DONE);
		CU_ASSERT_EQUAL(log->generated_count, r->output);
		CU_ASSERT_TRUE(r->arrival_s <= log->scheduled_s);
		CU_ASSERT_TRUE(log->scheduled_s < log->first_s);
		CU_ASSERT_TRUE(log->first_s <= log->last_s);
		CU_ASSERT_TRUE(log->last_s <= s->result.end_s);
		CU_ASSERT_TRUE((log->first_s == log->last_s) == (r->output == 1));
		sum_s += log->last_s - r->arrival_s;
		tokens += log->generated_count, gaps += log->generated_count - 1;
	}
	CU_ASSERT_TRUE(tokens > 0 || lost > 0);
	CU_ASSERT_DOUBLE_EQUAL(s->result.present_integral_s / sum_s, 1, 1e-12); /* Little's law */
	/* without guesses each token but the first ends a gap, and gaps add up to the decode times
	 */
	if (s->spec.mtp.drafts == 0 && lost == 0)
		CU_ASSERT_EQUAL((double)s->result.gaps.n, gaps);
}
