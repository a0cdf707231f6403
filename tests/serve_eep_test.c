/* Failures as EEP reports them (arXiv:2605.10670), on the deployment of configs/serving/eep.yaml:
 * its software times are inputs, everything else comes out. */
#include <math.h>
#include <string.h>
#include "sim/serve_deploy.h"
#include "sim/serve_summary.h"
#include "tests/unit.h"

static const double published_pause_s = 11, published_back_s = 52, published_restart_s = 348;

struct outcome {
	struct serve_failures failures; /* without its marks */
	struct serve_recovery recovery;
	size_t done, n;
};

static void set(struct config *c, const char *text)
{
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(config_set(c, text, &e), RC_OK);
}

static void serve(struct config *c, struct outcome *o)
{
	struct request_list l = {0};
	struct deployment d;
	struct serve_result r;
	struct err e = {0};

	request_append(&l, &(struct request){.input = (int32_t)c->workload.input.mean_count,
	                                     .output = (int32_t)c->workload.output.mean_count});
	/* somewhat more than it serves: all ranks are full */
	arrivals_make(&l, 2000, arrival_find("poisson"), &(struct arrival_spec){.rate_count = 3.5});
	CU_ASSERT_EQUAL_FATAL(deployment_make(c, &l,
	                                      &(struct deployment_options){.engine = &engine_fluid},
	                                      &d, &e),
	                      RC_OK);
	CU_ASSERT_EQUAL_FATAL(serve_run(&d.setup, &l, &r, &e), RC_OK);
	*o = (struct outcome){.failures = r.failures, .n = r.n};
	serve_recovery_of(&r, 0.95, &o->recovery);
	for (size_t i = 0; i < r.n; i++)
		o->done += r.served[i].fate == FATE_DONE;
	serve_result_fini(&r);
	deployment_fini(&d);
	request_list_fini(&l);
}

/* So many ranks of decode die; further settings, or NULL. */
static struct outcome outcome_of(int lost, const char *setting)
{
	struct config *c = config_new();
	const char *path = config_find("serving", "eep", c->arena);
	struct outcome o;
	struct err e = {0};
	char text[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(path);
	CU_ASSERT_EQUAL_FATAL(config_read(c, path, &e), RC_OK);
	snprintf(text, sizeof text, "serving.failure.groups=%d", lost);
	set(c, text);
	if (setting)
		set(c, setting);
	serve(c, &o);
	config_free(c);
	return o;
}

static double pause_s(const struct outcome *o)
{
	return o->failures.resumed_s - o->failures.failed_s;
}

/* Copies of experts add little to the software's 11 s, however many ranks die. */
static void test_pause(void)
{
	for (int lost = 1; lost <= 16; lost *= 2) {
		struct outcome o = outcome_of(lost, NULL);

		printf("\n  %2d lost: pause %.2f s, %.0f %% of the output while fewer serve, back "
		       "after %.0f s ",
		       lost, pause_s(&o),
		       100 * o.recovery.fewer_rate_count / o.recovery.before_rate_count,
		       o.recovery.back_s);
		CU_ASSERT_EQUAL(o.done, o.n);
		CU_ASSERT_TRUE(pause_s(&o) >= published_pause_s);
		CU_ASSERT_TRUE(pause_s(&o) < 1.02 * published_pause_s);
	}
}

static void test_back(void)
{
	struct outcome o = outcome_of(1, NULL);

	CU_ASSERT_TRUE(o.recovery.back_s > pause_s(&o));
	CU_ASSERT_TRUE(o.recovery.back_s <= published_back_s);
	/* before > while fewer serve > 0: three phases */
	CU_ASSERT_TRUE(o.recovery.fewer_rate_count < o.recovery.before_rate_count);
	CU_ASSERT_TRUE(o.recovery.fewer_rate_count > 0.9 * o.recovery.before_rate_count);
}

/* SGLang's figures for half of 32 ranks: 2825 of 5500 tokens/s and more. Each rank left computes as
 * many requests as before, in steps with twice the experts. */
static void test_half(void)
{
	struct outcome o = outcome_of(16, NULL);
	double share = o.recovery.fewer_rate_count / o.recovery.before_rate_count;

	CU_ASSERT_EQUAL(o.failures.busiest_experts_count, 16);
	CU_ASSERT_DOUBLE_EQUAL(share, 2825.0 / 5500, 0.05);
	CU_ASSERT_TRUE(share < 0.5 * (1 + 1e-2)); /* never better than half of the ranks */
}

static void test_restart(void)
{
	struct outcome eep = outcome_of(1, NULL);
	struct outcome restart = outcome_of(1, "serving.failure.restart=347s");

	CU_ASSERT_DOUBLE_EQUAL(pause_s(&restart), published_restart_s, 1e-9);
	CU_ASSERT_TRUE(pause_s(&restart) / pause_s(&eep) >= 30);
	CU_ASSERT_EQUAL(restart.done, restart.n);
}

static void test_not_coverable(void)
{
	struct outcome o = outcome_of(17, NULL);

	CU_ASSERT_PTR_NOT_NULL(o.failures.not_coverable);
	CU_ASSERT_TRUE(o.failures.resumed_s < 0);
	CU_ASSERT_TRUE(o.done < o.n);
	/* host memory has the experts, but 15 ranks have no room for 256 */
	o = outcome_of(17, "serving.failure.host_backup=yes");
	CU_ASSERT_PTR_NOT_NULL(o.failures.not_coverable);
}

/* Without replicas, what was lost comes from host memory; more of it takes longer. */
static void test_host(void)
{
	double last_s = 0;

	for (int lost = 1; lost <= 8; lost *= 2) {
		struct config *c = config_new();
		struct outcome o;
		struct err e = {0};
		char text[64];

		CU_ASSERT_EQUAL_FATAL(config_read(c, config_find("serving", "eep", c->arena), &e),
		                      RC_OK);
		snprintf(text, sizeof text, "serving.failure.groups=%d", lost);
		set(c, text);
		set(c, "serving.failure.spares=0"), set(c, "serving.failure.slots=8");
		set(c, "serving.failure.host_backup=yes");
		serve(c, &o);
		CU_ASSERT_PTR_NULL(o.failures.not_coverable);
		CU_ASSERT_EQUAL(o.failures.peer_bytes, 0);
		/* 8 experts a rank at the NICs' rate of the others */
		CU_ASSERT_DOUBLE_EQUAL(
		        o.failures.repair_s,
		        o.failures.host_bytes / ((32 - lost) * c->machine.rdma.rate_Bps), 1e-9);
		CU_ASSERT_TRUE(o.failures.repair_s > last_s);
		last_s = o.failures.repair_s;
		config_free(c);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"the pause does not grow with ranks lost", test_pause},
	        {"three phases, and back in time", test_back},
	        {"half of the ranks lost", test_half},
	        {"a full restart takes thirty times as long", test_restart},
	        {"too few replicas", test_not_coverable},
	        {"experts from host memory", test_host},
	        {0},
	};

	return unit_main("serve_eep", tests);
}
