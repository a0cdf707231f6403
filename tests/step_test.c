/* Steps: layers add up, micro-batches do the same work, time scales and never falls with the work;
 * memory is what its parts are, and the largest batch that fits is the largest. */
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"
#include <math.h>
#include <string.h>

static const char *name_of(const struct scene *s)
{
	static char text[256]; /* of the last call */

	snprintf(text, sizeof text, "%s, %s %s %s, TP %lld, %lld micro-batches, %g tokens of %g",
	         s->config->model.name, s->q.engine->name, s->q.flow->name, phase_names[s->q.phase],
	         (long long)s->schedule.tp, (long long)s->schedule.micro_batches, s->q.query_count,
	         s->q.context_count);
	return text;
}

static const char *const models[] = {"deepseek-v3.1", "deepseek-v3.2", "qwen3-30b-a3b",
                                     "gpt-oss-120b"};
enum { MODELS = sizeof models / sizeof *models };

/* Calls visit with flows, phases, TP, micro-batches and both engines. */
static void each_scene(void (*visit)(struct scene *s))
{
	for (size_t i = 0; i < MODELS * flows_count() * PHASES * 2 * 2 * 2; i++) {
		struct scene s;
		size_t k = i / MODELS / flows_count();

		scene_init(&s, "cloudmatrix384", models[i % MODELS], 32);
		s.q.flow = flows[i / MODELS % flows_count()];
		s.schedule.tp = k % 2 ? 4 : 1;
		s.schedule.micro_batches = k / 2 % 2 ? 2 : 1;
		s.q.engine = k / 4 % 2 ? &engine_estimate : &engine_fluid;
		if (k / 8 % PHASES)
			scene_decode(&s, 96, 4000);
		else
			scene_prefill(&s, 4096, 1000);
		if (flow_serves(s.q.flow, s.q.phase) &&
		    flow_splits(s.q.flow, s.schedule.micro_batches))
			visit(&s);
		scene_fini(&s);
	}
}

/* ---- sums ---- */

static void phases_sum(struct scene *s)
{
	struct step_result r = scene_run(s);
	double sum_s = 0;

	for (size_t i = 0; step_phases[i]; i++) {
		CU_ASSERT(r.phase_s[i] >= -1e-12 * r.step_s);
		sum_s += r.phase_s[i];
	}
	NEARLY(sum_s, r.step_s, 1e-12, "%s", name_of(s));
	CU_ASSERT(r.layer_s > 0 && r.layer_s < r.step_s);
	CU_ASSERT_DOUBLE_EQUAL(r.imbalance.expert_ratio, 1, 1e-12);
}

static void phases_sum_to_the_step(void)
{
	each_scene(phases_sum);
}

/* Without the MoE layers, and without the dense ones: what is left is what the others take. */
static void layers_add_up(struct scene *s)
{
	struct moe_model *m = &s->config->model;
	int64_t layers = m->layers, dense = m->dense_layers;
	struct step_result whole = scene_run(s), only_dense, none, moe;

	m->layers = dense, only_dense = scene_run(s);
	m->layers = m->dense_layers = 0, none = scene_run(s);
	m->layers = layers - dense, moe = scene_run(s);
	NEARLY(whole.step_s - none.step_s,
	       (only_dense.step_s - none.step_s) + (moe.step_s - none.step_s), 1e-9, "%s",
	       name_of(s));
	if (s->schedule.micro_batches == 1 && m->attention.window_layers == 0)
		NEARLY(moe.step_s - none.step_s, (double)(layers - dense) * whole.layer_s, 1e-9,
		       "%s", name_of(s));
	if (dense == 0)
		NEARLY(only_dense.step_s, none.step_s, 0, "%s", name_of(s));
}

static void layers_add_up_to_the_step(void)
{
	static const char *const plain[] = {"deepseek-v3.1", "qwen3-30b-a3b"};

	for (size_t i = 0; i < 2 * 2 * PHASES; i++) {
		struct scene s;

		scene_init(&s, "cloudmatrix384", plain[i % 2], 32);
		s.schedule.micro_batches = 1 + i / 2 % 2;
		if (i / 4)
			scene_decode(&s, 96, 4000);
		else
			scene_prefill(&s, 4096, 1000);
		layers_add_up(&s);
		scene_fini(&s);
	}
}

/* Two micro-batches: the steady state of a few layers is that of all. */
static void few_layers_tell_all(struct scene *s)
{
	static const int64_t counts[] = {1, 4, 5, 6, 12};
	struct moe_model *m = &s->config->model;

	m->dense_layers = 0;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct graph *g = graph_new();
		struct step_result few, none;
		struct topology t;
		struct err e = {0};

		if (m->attention.window > 0)
			m->attention.window_layers = counts[i] / 2;
		m->layers = counts[i], few = scene_run(s);
		CU_ASSERT_EQUAL(step_graph(&s->q, counts[i], g, &t, NULL, &e), RC_OK);
		m->layers = 0, none = scene_run(s);
		NEARLY(few.step_s - none.step_s, makespan_s(s->q.engine, g), 1e-9,
		       "%s, %lld layers", name_of(s), (long long)counts[i]);
		graph_free(g);
	}
}

static void few_layers_stand_for_all(void)
{
	each_scene(few_layers_tell_all);
}

/* ---- micro-batches ---- */

static void loads_of_parts(struct scene *s, double load[2][RESOURCE_KINDS])
{
	for (int parts = 1; parts <= 2; parts++) {
		struct graph *g = graph_new();
		struct topology t;
		struct err e;

		s->schedule.micro_batches = parts;
		CU_ASSERT_EQUAL(step_graph(&s->q, 1, g, &t, NULL, &e), RC_OK);
		graph_loads_by_kind(g, load[parts - 1]);
		graph_free(g);
	}
}

/* Two halves have as much to compute and to send as the whole; only what is read for each of them
 * (weights), fixed counts, and tiles that are not full are more. */
static void same_work(struct scene *s)
{
	double load[2][RESOURCE_KINDS];
	static const int kinds[] = {RES_CUBE, RES_PUT, RES_GET, RES_COPY};

	if (s->schedule.micro_batches == 1)
		return;
	loads_of_parts(s, load);
	AT_MOST(load[0][RES_CUBE], load[1][RES_CUBE], 1e-12, "%s", name_of(s));
	s->config->machine.cube.tile_rows = 0, s->config->machine.cube.granule = 1;
	loads_of_parts(s, load);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		NEARLY(load[0][kinds[i]], load[1][kinds[i]], 1e-12, "%s: %s", name_of(s),
		       resource_kind_name((enum resource_kind)kinds[i]));
	AT_MOST(load[0][RES_HBM], load[1][RES_HBM], 0, "%s", name_of(s));
}

static void same_work_but_for_windows(struct scene *s)
{
	/* averages over a chunk's parts are exact for all but windows and top-k attention */
	if (s->q.phase == PHASE_DECODE ||
	    (s->config->model.attention.window == 0 && s->config->model.attention.index_top_k == 0))
		same_work(s);
}

static void micro_batches_do_the_same_work(void)
{
	each_scene(same_work_but_for_windows);
}

/* Where nothing is fixed and no weights are read twice, overlap cannot lose, and two streams can
 * at best hide the lesser. */
static void overlap_gains_at_most_the_lesser(void)
{
	for (size_t f = 0; flows[f]; f++) {
		struct scene s;
		struct step_result one, two;
		double network_s, lesser_s;

		if (!flow_serves(flows[f], PHASE_PREFILL) || !flow_splits(flows[f], 2))
			continue;
		scene_init(&s, "node:4 die:8 fabric:100GBps hbm:1000TBps vector:48",
		           "deepseek-v3.1", 32);
		s.q.flow = flows[f];
		scene_prefill(&s, 8192, 0);
		one = scene_run(&s);
		s.schedule.micro_batches = 2;
		two = scene_run(&s);
		network_s = one.phase_s[3] + one.phase_s[5]; /* dispatch, combine */
		lesser_s = fmin(network_s, one.step_s - network_s);
		AT_MOST(two.step_s, one.step_s, 1e-6, "%s", name_of(&s));
		AT_MOST(one.step_s - lesser_s, two.step_s, 1e-6, "%s", name_of(&s));
		AT_MOST(two.step_s, one.step_s - 0.5 * lesser_s, 0, "%s", name_of(&s));
		scene_fini(&s);
	}
}

/* ---- attention groups ---- */

static const struct group_case {
	const char *machine;
	int64_t tp;
	int kind;
	double links; /* of the kind, that a rank has to its group */
} groups[] = {
        {"cloudmatrix384", 2, RES_DIE_LINK, 1},
        {"cloudmatrix384", 4, RES_EGRESS, 1},
        {"cloudmatrix384", 16, RES_INGRESS, 1},
        {"atlas-a2", 4, RES_MESH_LINK, 3},
        {"atlas-a2", 8, RES_MESH_LINK, 7},
        {"node:4 die:8 package:4 die_link:1GBps", 4, RES_DIE_LINK, 3},
};

/* Reduce-scatter and all-gather of each layer pass each link once: of one rank that stands for
 * all, and of all. */
static void groups_exchange_over_their_links(void)
{
	for (size_t i = 0; i < 2 * sizeof groups / sizeof *groups; i++) {
		const struct group_case *x = &groups[i / 2];
		double tp = (double)x->tp, bytes = 2 * (tp - 1) / tp * 64 * 7168 * 2;
		double got[RESOURCE_KINDS], links = i % 2 ? 1.0 / 32 : x->links;
		struct graph *g = graph_new();
		struct topology t;
		struct scene s;
		struct err e;

		scene_init(&s, x->machine, "deepseek-v3.1", 32);
		s.schedule.tp = x->tp;
		s.routing.kind = i % 2 ? ROUTING_UNIFORM : ROUTING_BALANCED;
		scene_decode(&s, 64, 100);
		CU_ASSERT_EQUAL(step_graph(&s.q, 1, g, &t, NULL, &e), RC_OK);
		CU_ASSERT_EQUAL(t.symmetric, i % 2 == 0);
		loads_of(g, "exchange.", got);
		NEARLY(got[x->kind], bytes / links, 1e-13, "%s, TP %g", x->machine, tp);
		graph_free(g);
		scene_fini(&s);
	}
}

/* A chunk of a prompt ends in one token to sample, as a decode step of one sequence does. */
static void a_chunk_has_one_answer(void)
{
	struct step_result chunk, one;
	struct scene s;

	scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 32);
	scene_prefill(&s, 4096, 0), chunk = scene_run(&s);
	scene_decode(&s, 1, 4096), one = scene_run(&s);
	UNIT_TEXT(step_phases[7], "head");
	NEARLY(chunk.phase_s[7], one.phase_s[7], 1e-12, "head");
	scene_decode(&s, 1000, 4096);
	CU_ASSERT(scene_run(&s).phase_s[7] > one.phase_s[7]);
	scene_fini(&s);
}

/* Nodes that are not filled evenly are built in full. */
static void uneven_groups_run(void)
{
	static const int64_t sizes[] = {3, 6, 12, 24, 48, 96};
	double before_s = 0;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct step_result r;
		struct scene s;

		scene_init(&s, "cloudmatrix384", "kimi-k2", 32);
		s.schedule.ep = sizes[i], s.q.flow = &flow_direct;
		s.config->model.layers = 2, s.config->model.dense_layers = 1;
		scene_prefill(&s, 1024, 0);
		r = scene_run(&s);
		/* the same rows, farther away the more ranks there are */
		AT_MOST(before_s, r.phase_s[3] + r.phase_s[5], 1e-9, "EP %lld",
		        (long long)sizes[i]);
		before_s = r.phase_s[3] + r.phase_s[5];
		scene_fini(&s);
	}
}

/* ---- laws of time ---- */

static void doubles(struct scene *s)
{
	struct step_result fast = scene_run(s), slow;

	s->config->machine = slower_machine(&s->config->machine, 2);
	slow = scene_run(s);
	NEARLY(slow.step_s, 2 * fast.step_s, 0, "%s", name_of(s));
	for (size_t i = 0; step_phases[i]; i++)
		NEARLY(slow.phase_s[i], 2 * fast.phase_s[i], 0, "%s: %s", name_of(s),
		       step_phases[i]);
}

static void twice_as_slow_takes_twice_as_long(void)
{
	each_scene(doubles);
}

static void estimate_is_below(struct scene *s)
{
	double bound_s;

	if (s->q.engine == &engine_estimate)
		return;
	s->q.engine = &engine_estimate, bound_s = scene_run(s).step_s;
	s->q.engine = &engine_fluid;
	AT_MOST(bound_s, scene_run(s).step_s, 1e-12, "%s", name_of(s));
}

static void estimate_never_exceeds_fluid(void)
{
	each_scene(estimate_is_below);
}

/* Two streams that share HBM can gain when one of them gets to a stage later than the other, by
 * more than its own delay. So it is with the many copies of hierarchical, by less than 0.1 %; no
 * other flow shows it. */
static bool streams_meet(const struct scene *s)
{
	return s->q.flow == &flow_hierarchical && s->schedule.micro_batches > 1 &&
	       s->q.engine == &engine_fluid;
}

static void rises_with_batch_and_context(struct scene *s)
{
	static const double batches[] = {8, 9, 16, 100, 101, 1000};
	static const double contexts[] = {0, 1, 127, 128, 2047, 2049, 10000, 100000};
	double before = 0;

	if (s->q.phase == PHASE_PREFILL || streams_meet(s))
		return;
	for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
		double now;

		scene_decode(s, batches[i], 3000), now = scene_run(s).step_s;
		AT_MOST(before, now, 1e-9, "%s", name_of(s));
		before = now;
	}
	before = 0;
	for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
		double now;

		scene_decode(s, 64, contexts[i]), now = scene_run(s).step_s;
		AT_MOST(before, now, 1e-9, "%s", name_of(s));
		before = now;
	}
}

static void rises_with_chunk(struct scene *s)
{
	static const double chunks[] = {8, 9, 100, 1024, 1025, 8192, 8193, 20000};
	double before = 0;

	if (s->q.phase == PHASE_DECODE || streams_meet(s))
		return;
	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		double now;

		scene_prefill(s, chunks[i], 0), now = scene_run(s).step_s;
		AT_MOST(before, now, 1e-9, "%s", name_of(s));
		before = now;
	}
}

static void more_work_never_ends_sooner(void)
{
	each_scene(rises_with_batch_and_context);
	each_scene(rises_with_chunk);
}

/* Drawn rows cost about what balanced ones do, and the more the hotter the hottest expert. */
static void hot_experts_cost_time(void)
{
	static const double wishes[] = {0, 2, 4, 8, 16}; /* 0: uniform */

	for (size_t f = 0; flows[f]; f++) {
		struct scene s;
		double before, now;

		if (!flow_serves(flows[f], PHASE_PREFILL))
			continue;
		scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 32);
		s.schedule.ep = 16, s.q.flow = flows[f];
		s.config->model.layers = 4;
		scene_prefill(&s, 2048, 0);
		before = scene_run(&s).step_s * 0.97;
		for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
			struct step_result r;

			s.routing.kind = i ? ROUTING_SKEWED : ROUTING_UNIFORM;
			s.routing.max_mean_ratio = wishes[i];
			r = scene_run(&s), now = r.step_s;
			AT_MOST(before, now, 0, "%s, wish %g", s.q.flow->name, wishes[i]);
			if (i)
				NEARLY(r.imbalance.expert_ratio, wishes[i], 0.05, "wish");
			else
				AT_MOST(now, before / 0.97 * 1.1, 0, "uniform, %s", s.q.flow->name);
			before = now;
		}
		scene_fini(&s);
	}
}

/* ---- what is possible ---- */

static void shapes_are_refused_in_words(void)
{
	static const struct {
		struct schedule schedule;
		double query;
		const char *why;
	} cases[] = {
	        {{.ep = 32, .tp = 2, .micro_batches = 2}, 4, ""},
	        {{.ep = 32, .tp = 2, .dp = 32, .micro_batches = 1}, 64, ""},
	        {{.ep = 24, .tp = 1, .micro_batches = 1},
	         64,
	         "EP does not divide the number of experts"},
	        {{.ep = 32, .tp = 3, .micro_batches = 1}, 64, "TP does not divide EP"},
	        {{.ep = 1, .tp = 2, .dp = 1, .micro_batches = 1}, 64, "TP does not divide EP"},
	        {{.ep = 32, .tp = 2, .dp = 24, .micro_batches = 1},
	         64,
	         "EP does not divide TP x DP"},
	        {{.ep = 64, .tp = 1, .dp = 1024, .micro_batches = 1},
	         64,
	         "more NPUs than the machine"},
	        {{.ep = 32, .tp = 32, .micro_batches = 1}, 64, "TP does not divide a node"},
	        {{.ep = 32, .tp = 2, .micro_batches = 2},
	         3,
	         "fewer tokens than micro-batches x TP"},
	        {{.ep = 32, .tp = 1, .micro_batches = 1, .weights = DTYPE_FP8},
	         64,
	         "the machine does not compute in fp8"},
	        {{.ep = 32, .tp = 1, .micro_batches = 1, .vector_cores = 49},
	         64,
	         "more vector cores than a die has"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char why[128] = "";
		struct scene s;

		scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 32);
		s.schedule = cases[i].schedule;
		scene_decode(&s, cases[i].query, 100);
		CU_ASSERT_EQUAL(step_possible(&s.q, why, sizeof why), *cases[i].why == '\0');
		UNIT_HOLDS(why, cases[i].why);
		scene_fini(&s);
	}
}

static const struct unit_test tests[] = {
        {"phases sum to the step", phases_sum_to_the_step},
        {"layers add up to the step", layers_add_up_to_the_step},
        {"few layers stand for all", few_layers_stand_for_all},
        {"micro-batches do the same work", micro_batches_do_the_same_work},
        {"overlap gains at most the lesser", overlap_gains_at_most_the_lesser},
        {"groups exchange over their links", groups_exchange_over_their_links},
        {"a chunk has one answer", a_chunk_has_one_answer},
        {"uneven groups run", uneven_groups_run},
        {"twice as slow takes twice as long", twice_as_slow_takes_twice_as_long},
        {"estimate never exceeds fluid", estimate_never_exceeds_fluid},
        {"more work never ends sooner", more_work_never_ends_sooner},
        {"hot experts cost time", hot_experts_cost_time},
        {"shapes are refused in words", shapes_are_refused_in_words},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("step", tests);
}
