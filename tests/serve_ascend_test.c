/* Published serving rates on Ascend A3 against steps with the shipped machine: a guard against
 * wrong orders of magnitude; sim/SERVING.md has the errors. The figures are typed in from their
 * sources, as facts to compare with; nothing here is fitted to them. */
#include <math.h>
#include "sim/serve_times.h"
#include "tests/scene.h"
#include "tests/unit.h"

/* What an uncalibrated prediction may be off by, as predicted over published. */
static const double least_ratio = 0.4, most_ratio = 2.5;

struct published {
	const char *what, *model;
	const struct flow *flow;
	int64_t ep, micro_batches, attention_cores; /* cores above 0: two streams */
	enum dtype kv;
	double batch, context;   /* of a die; batch 0: prefill */
	double chunk, prompt;    /* tokens of a die in a step, and of a prompt */
	double drafts, accepted; /* guesses a step, and how many of them are right */
	double value;            /* prefill: tokens/s of a package; decode: ms a token */
};

/* A package has two dies, the figures of CloudMatrix384 are of packages. EP320 there has 256
 * experts, 32 copies and 32 shared ones, a slot a die; 256 is the nearest that divides the experts
 * here. */
static const struct published rows[] = {
        {"CloudMatrix384 prefill, EP32", "deepseek-v3.1", &flow_relay2, 32, 2, 0, DTYPE_BF16, 0, 0,
         8192, 4096, 0, 0, 5655},
        {"CloudMatrix384 decode, EP320, MTP1", "deepseek-v3.1", &flow_relay2, 256, 2, 16, DTYPE_BF16,
         48, 4096, 0, 0, 1, 0.7, 49.4},
        {"CANN recipes decode, EP128, MTP3", "deepseek-v3.2", &flow_relay2, 128, 1, 0, DTYPE_INT8, 2,
         65536, 0, 0, 3, 1.44, 19.84},
};

static double cost_s(struct step_times *t, const struct group_load *l)
{
	struct step_cost c = {0};
	struct err e = {0};

	CU_ASSERT_EQUAL(t->ops->cost(t, l, &c, &e), RC_OK);
	UNIT_TEXT(e.text, "");
	return c.own_s + c.shared_s;
}

static double predicted(const struct published *p)
{
	struct scene s;
	struct step_times *t;
	struct group_load load = {.decode_count = p->batch,
	                          .decode_context_count = p->batch * p->context};
	double took_s;

	scene_init(&s, "cloudmatrix384", p->model, p->ep);
	s.schedule.micro_batches = p->micro_batches, s.schedule.kv = (int)p->kv;
	s.schedule.streams = p->attention_cores > 0 ? 2 : 1;
	s.schedule.attention_cores = p->attention_cores;
	s.q.flow = p->flow;
	if (p->batch == 0) {
		load.prompt_count = p->chunk / p->prompt;
		load.prefill_count = p->chunk;
		load.prefill_square_count = p->chunk * p->prompt;
	}
	t = surface_times_new(&(struct surface_times_spec){.q = s.q,
	                                                   .drafts = (int64_t)p->drafts,
	                                                   .most_seqs_count = fmax(4, p->batch),
	                                                   .most_tokens_count = 16384,
	                                                   .most_context_count = 131072,
	                                                   .error_ratio = 0x1p-10,
	                                                   .scale_ratio = 1,
	                                                   .context_ratio = 1});
	took_s = cost_s(t, &load);
	step_times_free(t);
	scene_fini(&s);
	return p->batch == 0 ? 2 * p->chunk / took_s : 1e3 * took_s / (1 + p->accepted);
}

static void test_published(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		double is = predicted(&rows[i]);

		printf("\n  %-36s published %6.5g, predicted %6.5g: %+.0f %% ", rows[i].what,
		       rows[i].value, is, 100 * (is / rows[i].value - 1));
		CU_ASSERT_TRUE(is / rows[i].value > least_ratio);
		CU_ASSERT_TRUE(is / rows[i].value < most_ratio);
	}
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"published rates on A3", test_published},
	        {0},
	};

	return unit_main("serve_ascend", tests);
}
