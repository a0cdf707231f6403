/* ctest: 120 */
/* Serving: what must hold under every policy, and what must not change an answer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "sim/serve_policies.h"
#include "tests/serve_scene.h"
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

static void random_scene(struct serve_scene *s, uint64_t seed, size_t n)
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
static void check_log(const struct serve_scene *s)
{
	double tokens = 0, sum_s = 0, gaps = 0;

	for (size_t i = 0; i < s->list.n; i++) {
		const struct served *log = &s->result.served[i];
		const struct request *r = &s->list.at[i];

		if (log->fate == FATE_REJECTED) {
			CU_ASSERT_EQUAL(log->generated_count, 0);
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
	CU_ASSERT_TRUE(tokens > 0);
	CU_ASSERT_DOUBLE_EQUAL(s->result.present_integral_s / sum_s, 1, 1e-12);
	/* without guesses each token but the first ends a gap, and gaps add up to the decode times
	 */
	if (s->spec.mtp.drafts == 0)
		CU_ASSERT_EQUAL((double)s->result.gaps.n, gaps);
}

static void test_random_policies(void)
{
	int64_t preemptions = 0;
	double hits = 0, moved = 0;

	for (uint64_t seed = 0; seed < 300; seed++) {
		struct serve_scene s;

		random_scene(&s, seed, 300);
		serve_scene_run(&s);
		check_log(&s);
		preemptions += s.result.preemptions;
		hits += s.result.prefix_hit_count, moved += s.result.transferred_count;
		serve_scene_fini(&s);
	}
	printf("%lld preemptions, %.0f tokens hit, %.0f moved ", (long long)preemptions, hits,
	       moved);
	CU_ASSERT_TRUE(preemptions > 1000 && hits > 1e6 && moved > 1e6);
}

static void check_close(const struct serve_scene *a, const struct serve_scene *b, double error)
{
	for (size_t i = 0; i < a->list.n; i++) {
		const struct served *x = &a->result.served[i], *y = &b->result.served[i];

		CU_ASSERT_DOUBLE_EQUAL(x->first_s, y->first_s, error);
		CU_ASSERT_DOUBLE_EQUAL(x->last_s, y->last_s, error);
		CU_ASSERT_EQUAL(x->group, y->group);
	}
}

/* A run of decode steps is what its steps are one by one. (With guesses, sequences gain whole
 * tokens in each step and the mean in a run, so times differ a little.) */
static void test_runs_are_their_steps(void)
{
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct serve_scene a, b;

		random_scene(&a, seed, 200);
		random_scene(&b, seed, 200);
		a.spec.mtp.drafts = b.spec.mtp.drafts = 0;
		b.setup.single_steps = true;
		serve_scene_run(&a);
		serve_scene_run(&b);
		CU_ASSERT_TRUE(a.result.events <= b.result.events);
		CU_ASSERT_EQUAL(a.result.steps, b.result.steps);
		check_close(&a, &b, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(gaps_mean_s(&a.result.gaps), gaps_mean_s(&b.result.gaps),
		                       1e-12);
		serve_scene_fini(&a);
		serve_scene_fini(&b);
	}
}

static void test_same_again(void)
{
	struct serve_scene a, b;

	random_scene(&a, 11, 300);
	random_scene(&b, 11, 300);
	serve_scene_run(&a);
	serve_scene_run(&b);
	CU_ASSERT_EQUAL(
	        memcmp(a.result.served, b.result.served, a.list.n * sizeof *a.result.served), 0);
	serve_scene_fini(&a);
	serve_scene_fini(&b);
}

/* Without contention: prompt and output at times that can be written down. */
static void test_one_request(void)
{
	struct serve_scene s;
	const struct linear_times t = {0.5, 0x1p-7, 0, 0};

	serve_scene_init(&s, &t);
	s.spec.max_tokens = 128;
	serve_scene_requests(&s, 1, 192, 3);
	serve_scene_run(&s);
	/* chunks of 128 and 64 tokens, then two decode steps of a token each */
	CU_ASSERT_EQUAL(s.result.served[0].first_s, 0.5 + 1 + 0.5 + 0.5);
	CU_ASSERT_EQUAL(s.result.served[0].last_s, 2.5 + 2 * (0.5 + 0x1p-7));
	CU_ASSERT_EQUAL(s.result.steps, 4);
	CU_ASSERT_EQUAL(s.result.kv_most_blocks, (192 + 2 + 15) / 16);
	serve_scene_fini(&s);
}

/* A second prompt is the first one's beginning: whole blocks of it need no compute. */
static void test_prefix(void)
{
	struct serve_scene s;
	const struct linear_times t = {0, 0x1p-7, 0, 0};

	serve_scene_init(&s, &t);
	s.list.block_tokens = 32;
	for (uint32_t i = 0; i < 4; i++)
		request_block_append(&s.list, i);
	request_append(&s.list, &(struct request){.input = 128, .output = 1, .n_blocks = 4});
	request_append(&s.list, &(struct request){
	                                .arrival_s = 10, .input = 128, .output = 1, .n_blocks = 4});
	serve_scene_run(&s);
	CU_ASSERT_EQUAL(s.result.served[0].first_s, 1);
	CU_ASSERT_EQUAL(s.result.served[0].hit_count, 0);
	/* the last block is computed again: a token must come out */
	CU_ASSERT_EQUAL(s.result.served[1].hit_count, 96);
	CU_ASSERT_EQUAL(s.result.served[1].first_s, 10.25);
	CU_ASSERT_EQUAL(request_reuse_ratio(&s.list), 0.5);
	s.spec.prefix_cache = false;
	serve_scene_run(&s);
	CU_ASSERT_EQUAL(s.result.served[1].first_s, 11);
	serve_scene_fini(&s);
}

/* Two groups of an instance: the one with more to do sets the pace of both. */
static void test_slowest_group(void)
{
	struct serve_scene s;
	const struct linear_times t = {0, 0x1p-7, 0, 0};

	serve_scene_init(&s, &t);
	s.setup.pool[0].groups = 2;
	serve_scene_requests(&s, 1, 128, 1);
	serve_scene_requests(&s, 1, 64, 1);
	serve_scene_run(&s);
	/* the first goes alone, since it finds the instance idle; the second is in the next step */
	CU_ASSERT_EQUAL(s.result.served[0].last_s, 1);
	serve_scene_requests(&s, 1, 256, 1);
	for (size_t i = 0; i < 3; i++)
		s.list.at[i].arrival_s = i == 0 ? 0 : 0.5;
	s.spec.router = "round-robin";
	serve_scene_run(&s);
	/* group 1 has the prompt of 64, group 0 that of 256: both last 2 s */
	CU_ASSERT_EQUAL(s.result.served[1].first_s, 3);
	CU_ASSERT_EQUAL(s.result.served[2].first_s, 3);
	serve_scene_fini(&s);
}

/* KV goes over one link, prompt after prompt; decode begins when it is there. */
static void test_transfer(void)
{
	struct serve_scene s;
	const struct linear_times t = {0, 0x1p-7, 0, 0};

	serve_scene_init(&s, &t);
	s.setup.pool[0].role = ROLE_PREFILL;
	s.setup.pool[0].transfer_latency_s = 1, s.setup.pool[0].transfer_token_s = 0x1p-6;
	s.setup.pool[1] = s.setup.pool[0];
	s.setup.pool[1].role = ROLE_DECODE;
	s.setup.n_pools = 2;
	serve_scene_requests(&s, 2, 128, 2);
	serve_scene_run(&s);
	CU_ASSERT_EQUAL(s.result.served[0].first_s, 1);
	CU_ASSERT_EQUAL(s.result.served[0].last_s, 1 + 3 + 0x1p-7);
	/* the second prompt is done at 2, its transfer waits for the link until 4 */
	CU_ASSERT_EQUAL(s.result.served[1].first_s, 2);
	CU_ASSERT_EQUAL(s.result.served[1].last_s, 4 + 3 + 0x1p-7);
	CU_ASSERT_EQUAL(s.result.transferred_count, 256);
	serve_scene_fini(&s);
}

static void test_too_long(void)
{
	struct serve_scene s;
	const struct linear_times t = {0, 0x1p-7, 0, 0};

	serve_scene_init(&s, &t);
	s.setup.pool[0].kv_tokens_count = 256;
	serve_scene_requests(&s, 1, 250, 7);
	serve_scene_requests(&s, 1, 250, 6);
	serve_scene_run(&s);
	CU_ASSERT_EQUAL(s.result.served[0].fate, FATE_REJECTED);
	CU_ASSERT_EQUAL(s.result.served[1].fate, FATE_DONE);
	serve_scene_fini(&s);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"one request", test_one_request},
	        {"prefix cache", test_prefix},
	        {"the slowest group sets the pace", test_slowest_group},
	        {"KV transfer", test_transfer},
	        {"a request that can never fit", test_too_long},
	        {"random policies lose and repeat nobody", test_random_policies},
	        {"a run is its steps", test_runs_are_their_steps},
	        {"the same input, the same log", test_same_again},
	        {0},
	};

	return unit_main("serve", tests);
}
