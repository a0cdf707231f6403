/* Placement in a step: what replicas cost in memory, what a good placement gains in time, and which
 * sizes of groups become possible. */
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"
#include <math.h>
#include <string.h>

static void init(struct scene *s, int64_t ep)
{
	scene_init(s, "cloudmatrix384", "deepseek-v3.1", ep);
	s->config->model.layers = 4;
	scene_decode(s, 32, 2000);
	s->routing.kind = ROUTING_SKEWED, s->routing.max_mean_ratio = 4;
}

static bool possible(const struct scene *s, const char *want)
{
	char why[200] = "";
	bool ok = step_possible(&s->q, why, sizeof why);

	UNIT_HOLDS(why, want);
	return ok;
}

/* ---- memory ---- */

static double model_expert_bytes(const struct scene *s)
{
	const struct moe_model *m = &s->config->model;

	return model_expert_params_count(m) *
	       (double)(m->layers + m->mtp_layers - m->dense_layers); /* INT8 */
}

static void replicas_weigh_what_they_are(void)
{
	struct scene s;
	double before, expert_bytes;

	init(&s, 32);
	before = weights_rank_bytes(&s.q), expert_bytes = model_expert_bytes(&s);
	for (int64_t replicas = 0; replicas <= 128; replicas += 32) {
		s.schedule.placement.replicas = replicas;
		NEARLY(weights_rank_bytes(&s.q), before + (double)replicas / 32 * expert_bytes,
		       1e-12, "%lld replicas", (long long)replicas);
	}
	/* a shared expert on ranks of its own leaves all others */
	s.schedule.ep = 320,
	s.schedule.placement = (struct placement_spec){PLACEMENT_EPLB, 32, 32, 0};
	NEARLY(weights_rank_bytes(&s.q), before + expert_bytes * (1 - 256 / 32.0 - 1), 1e-12,
	       "one slot a rank");
	scene_fini(&s);
}

/* ---- time ---- */

/* Hot experts on one rank hold up all; EPLB spreads them, replicas more so, where there are rows
 * enough that weights are read anyway. */
static void good_placements_are_faster(void)
{
	static const struct flow *const some[] = {&flow_direct, &flow_relay2, &flow_relay3,
	                                          &flow_deepep_normal, &flow_hierarchical};

	for (size_t f = 0; f < sizeof some / sizeof *some; f++) {
		struct step_result plain, placed, copied;
		struct scene s;

		init(&s, 32);
		s.q.flow = some[f];
		scene_prefill(&s, 2048, 0);
		plain = scene_run(&s);
		s.schedule.placement.kind = PLACEMENT_EPLB;
		placed = scene_run(&s);
		s.schedule.placement.replicas = 64;
		copied = scene_run(&s);
		CU_ASSERT(copied.imbalance.rank_ratio < placed.imbalance.rank_ratio);
		CU_ASSERT(placed.imbalance.rank_ratio < plain.imbalance.rank_ratio);
		CU_ASSERT_EQUAL(plain.imbalance.expert_ratio, copied.imbalance.expert_ratio);
		AT_MOST(placed.step_s, plain.step_s, 0, "%s", some[f]->name);
		AT_MOST(copied.step_s, placed.step_s, 0, "%s", some[f]->name);
		scene_fini(&s);
	}
}

/* A decode step of few rows has the weights of every slot read that gets one: replicas even out
 * rows, and yet may cost time. */
static void replicas_are_read_too(void)
{
	struct step_result placed, copied;
	struct scene s;

	init(&s, 32);
	s.schedule.placement.kind = PLACEMENT_EPLB;
	placed = scene_run(&s);
	s.schedule.placement.replicas = 64;
	copied = scene_run(&s);
	CU_ASSERT(copied.imbalance.rank_ratio < placed.imbalance.rank_ratio);
	CU_ASSERT(copied.step_s > placed.step_s);
	scene_fini(&s);
}

/* Without anything to place by, a placement is of no use: uniform rows cost the same within what
 * is drawn. */
static void even_loads_gain_nothing(void)
{
	struct scene s;
	double before_s;

	init(&s, 32);
	s.routing.kind = ROUTING_UNIFORM, s.routing.max_mean_ratio = 0;
	scene_prefill(&s, 2048, 0);
	before_s = scene_run(&s).step_s;
	s.schedule.placement.kind = PLACEMENT_EPLB;
	NEARLY(scene_run(&s).step_s, before_s, 0.02, "uniform rows");
	s.schedule.placement.kind = PLACEMENT_RANDOM;
	NEARLY(scene_run(&s).step_s, before_s, 0.02, "uniform rows, shuffled");
	scene_fini(&s);
}

/* Alike or given by rank: rows go to slots as they are, whatever the placement would be. */
static void given_ranks_are_not_placed(void)
{
	struct scene s;

	init(&s, 32);
	scene_prefill(&s, 2048, 0);
	s.routing.max_mean_ratio = 0, s.routing.rank_max_mean_ratio = 1.5;
	s.schedule.placement = (struct placement_spec){PLACEMENT_EPLB, 32, 0, 0};
	NEARLY(scene_run(&s).imbalance.rank_ratio, 1.5, 0.05, "as asked for");
	s.routing.kind = ROUTING_BALANCED, s.routing.rank_max_mean_ratio = 0;
	CU_ASSERT_DOUBLE_EQUAL(scene_run(&s).imbalance.rank_ratio, 1, 0);
	scene_fini(&s);
}

/* ---- sizes ---- */

static void odd_groups_become_possible(void)
{
	static const struct {
		int64_t ep;
		struct placement_spec spec;
		const char *why; /* "": possible */
	} cases[] = {
	        {288, {0}, "EP does not divide the number of experts"},
	        {288, {PLACEMENT_EPLB, 32, 0, 0}, ""},
	        {320, {PLACEMENT_EPLB, 64, 0, 0}, ""},
	        {320, {PLACEMENT_EPLB, 32, 0, 0}, "EP does not divide the slots"},
	        {320, {PLACEMENT_EPLB, 32, 32, 0}, ""},
	        {160, {PLACEMENT_EPLB, 32, 32, 0}, ""},
	        {256, {PLACEMENT_CONTIGUOUS, 1, 0, 0}, "EP does not divide the slots"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene s;

		init(&s, cases[i].ep);
		s.schedule.placement = cases[i].spec;
		CU_ASSERT_EQUAL(possible(&s, cases[i].why), *cases[i].why == '\0');
		scene_fini(&s);
	}
}

/* CloudMatrix384's decode: EP 320, a slot a rank, 32 of them for the shared expert. Its ranks are
 * spared the shared expert's GEMM, and send a ninth row. */
static void shared_experts_are_dispatched_to(void)
{
	struct step_result own, sent;
	struct scene s;

	init(&s, 320);
	s.routing.kind = ROUTING_BALANCED, s.routing.max_mean_ratio = 0;
	s.schedule.placement = (struct placement_spec){PLACEMENT_EPLB, 64, 0, 0};
	own = scene_run(&s);
	s.schedule.placement = (struct placement_spec){PLACEMENT_EPLB, 32, 32, 0};
	sent = scene_run(&s);
	for (size_t i = 0; step_phases[i]; i++) {
		bool gate = strcmp(step_phases[i], "gate") == 0;
		bool moves = strcmp(step_phases[i], "dispatch") == 0 ||
		             strcmp(step_phases[i], "combine") == 0;

		if (gate)
			CU_ASSERT(sent.phase_s[i] < own.phase_s[i]);
		if (moves)
			CU_ASSERT(sent.phase_s[i] > own.phase_s[i]);
	}
	scene_fini(&s);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"replicas weigh what they are", replicas_weigh_what_they_are},
	        {"good placements are faster", good_placements_are_faster},
	        {"replicas are read too", replicas_are_read_too},
	        {"even loads gain nothing", even_loads_gain_nothing},
	        {"given ranks are not placed", given_ranks_are_not_placed},
	        {"odd groups become possible", odd_groups_become_possible},
	        {"shared experts are dispatched to", shared_experts_are_dispatched_to},
	        {0},
	};

	return unit_main("step_placement", tests);
}
