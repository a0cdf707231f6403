/* ctest: 120 */
/* Serving: what must hold under every policy, and what must not change an answer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/serve_random.h"
#include "tests/unit.h"

static void test_random_policies(void)
{
	int64_t preemptions = 0;
	double hits = 0, moved = 0;

	for (uint64_t seed = 0; seed < 300; seed++) {
		struct serve_scene s;

		random_scene(&s, seed, 300);
		serve_scene_run(&s);
		random_log_check(&s);
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
