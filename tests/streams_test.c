/* Two streams of compute: they do the work of one, neither waits for nothing, and none is done
 * sooner than its share of a die allows. Layers of blocks with a shortcut, and zero experts. */
#include <math.h>
#include <string.h>
#include "sim/kernel.h"
#include "sim/streams.h"
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"

static const int64_t splits[] = {0, 8, 12, 16, 20};
enum { SPLITS = sizeof splits / sizeof *splits };

static const char *name_of(const struct scene *s)
{
	static char text[256]; /* of the last call */

	snprintf(text, sizeof text, "%s %s %s, %lld streams, %lld attention cores",
	         s->config->model.name, s->q.flow->name, phase_names[s->q.phase],
	         (long long)s->schedule.streams, (long long)s->schedule.attention_cores);
	return text;
}

static double step_s(const struct scene *s)
{
	return scene_run(s).step_s;
}

/* Layers of their own graph: makespan and loads of a kind of resource; both may be NULL. */
static double layers_s(const struct scene *s, int64_t n_layers, double *out_units)
{
	struct graph *g = graph_new();
	struct topology t;
	struct err e = {0};
	double all_s;

	CU_ASSERT_EQUAL(step_graph(&s->q, n_layers, g, &t, NULL, &e), RC_OK);
	all_s = makespan_s(s->q.engine, g);
	if (out_units)
		graph_loads_by_kind(g, out_units);
	graph_free(g);
	return all_s;
}

/* Calls visit with flows, phases and models, two micro-batches on two streams. */
static void each_scene(void (*visit)(struct scene *s))
{
	static const char *const models[] = {"deepseek-v3.1", "qwen3-30b-a3b"};

	for (size_t i = 0; i < 2 * PHASES * flows_count(); i++) {
		struct scene s;

		scene_init(&s, "cloudmatrix384", models[i % 2], 32);
		s.q.flow = flows[i / 2 / PHASES];
		s.schedule.micro_batches = s.schedule.streams = 2;
		if (i / 2 % PHASES == PHASE_DECODE)
			scene_decode(&s, 96, 4000);
		else
			scene_prefill(&s, 4096, 1000);
		if (flow_serves(s.q.flow, s.q.phase) && flow_splits(s.q.flow, 2))
			visit(&s);
		scene_fini(&s);
	}
}

/* ---- what a stream has ---- */

static void shares_add_up_to_a_die(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	const struct machine *m = &c->machine;
	struct stream_share all, part, rest;

	stream_share_of(m, m->cube.cores, &all);
	CU_ASSERT_EQUAL(all.machine.cube.int8_flops, m->cube.int8_flops);
	CU_ASSERT_EQUAL(all.machine.quantised_gemm.dequantise_Bps,
	                m->quantised_gemm.dequantise_Bps);
	CU_ASSERT_EQUAL(all.machine.decode_attention.head_s, m->decode_attention.head_s);
	CU_ASSERT_EQUAL(all.cores_ratio, 1);
	for (int64_t n = 1; n < m->cube.cores; n++) {
		stream_share_of(m, n, &part), stream_share_of(m, m->cube.cores - n, &rest);
		CU_ASSERT_EQUAL(part.machine.cube.cores + rest.machine.cube.cores, m->cube.cores);
		NEARLY(part.cores_ratio + rest.cores_ratio, 1, 1e-15, "%lld cores", (long long)n);
		NEARLY(part.machine.cube.int8_flops + rest.machine.cube.int8_flops,
		       m->cube.int8_flops, 1e-15, "%lld cores", (long long)n);
		NEARLY(part.machine.quantised_gemm.quantise_Bps +
		               rest.machine.quantised_gemm.quantise_Bps,
		       m->quantised_gemm.quantise_Bps, 1e-15, "%lld cores", (long long)n);
		CU_ASSERT_EQUAL(part.machine.hbm.rate_Bps, m->hbm.rate_Bps);
	}
	config_free(c);
}

static void vector_cores_go_with_the_experts(void)
{
	struct config *c = config_of("cloudmatrix384", NULL);
	struct schedule s = {.streams = 2, .attention_cores = 16};

	CU_ASSERT_EQUAL(streams_vector_cores(&c->machine, &s), 16);
	s.vector_cores = 12;
	CU_ASSERT_EQUAL(streams_vector_cores(&c->machine, &s), 12);
	s.vector_cores = 0, s.attention_cores = 0;
	CU_ASSERT_EQUAL(streams_vector_cores(&c->machine, &s), 0);
	config_free(c);
}

/* ---- two streams ---- */

static void says_one_as_nothing(struct scene *s)
{
	double one_s, none_s;

	s->schedule.streams = 1, one_s = step_s(s);
	s->schedule.streams = 0, none_s = step_s(s);
	CU_ASSERT_EQUAL(one_s, none_s);
}

static void one_stream_is_the_default(void)
{
	each_scene(says_one_as_nothing);
}

static void moves_the_same(struct scene *s)
{
	double load[2][RESOURCE_KINDS];

	layers_s(s, 2, load[1]);
	s->schedule.streams = 1;
	layers_s(s, 2, load[0]);
	for (enum resource_kind k = 0; k < RESOURCE_KINDS; k++)
		NEARLY(load[0][k], load[1][k], 1e-12, "%s: %s", name_of(s), resource_kind_name(k));
}

static void streams_do_the_same_work(void)
{
	each_scene(moves_the_same);
}

/* Decode waits and reads more than it computes, and with all cores shared each stream hides what
 * the other leaves idle. (In prefill the cube is busy all the time, and two streams lose what one
 * hides of dispatch and combine under experts.) */
static void gains(struct scene *s)
{
	double two_s;

	if (s->q.phase == PHASE_PREFILL)
		return;
	two_s = step_s(s);
	s->schedule.streams = 1;
	AT_MOST(two_s, step_s(s), 1e-9, "%s", name_of(s));
}

static void decode_gains_where_cores_are_shared(void)
{
	each_scene(gains);
}

/* One micro-batch alone on its streams, and both one after the other. The graph also keeps what
 * makespan_s() checks: no resource moves more than it can. */
static void lies_between(struct scene *s)
{
	for (size_t i = 0; i < SPLITS; i++) {
		double both_s, one_s;

		s->schedule.micro_batches = 2, s->schedule.attention_cores = splits[i];
		both_s = layers_s(s, 3, NULL);
		s->schedule.micro_batches = 1;
		s->q.query_count /= 2;
		if (s->q.phase == PHASE_DECODE)
			s->q.sequences_count /= 2;
		else /* a part of a chunk sees half of the other, on average */
			s->q.context_count += s->q.query_count / 2;
		one_s = layers_s(s, 3, NULL);
		if (s->q.phase == PHASE_DECODE)
			s->q.sequences_count *= 2;
		else
			s->q.context_count -= s->q.query_count / 2;
		s->q.query_count *= 2;
		AT_MOST(one_s, both_s, 1e-12, "%s", name_of(s));
		AT_MOST(both_s, 2 * one_s, 1e-9, "%s", name_of(s));
	}
}

static void two_take_longer_than_one_and_no_longer_than_twice(void)
{
	each_scene(lies_between);
}

/* As with one stream, steps of a few layers tell those of all. */
static void few_layers_tell(struct scene *s)
{
	for (size_t i = 0; i < SPLITS; i++) {
		struct step_result r = {0}, none = {0};
		struct moe_model *m = &s->config->model;
		struct err e;
		double all_s;

		m->dense_layers = 0, m->layers = 24;
		s->schedule.attention_cores = splits[i];
		CU_ASSERT_EQUAL(step_run(&s->q, &r, &e), RC_OK);
		all_s = layers_s(s, m->layers, NULL);
		m->layers = 0;
		CU_ASSERT_EQUAL(step_run(&s->q, &none, &e), RC_OK);
		NEARLY(r.step_s - none.step_s, all_s, 1e-9, "%s", name_of(s));
	}
}

static void few_layers_stand_for_all(void)
{
	each_scene(few_layers_tell);
}

static void is_bounded(struct scene *s)
{
	for (size_t i = 0; i < SPLITS; i++) {
		double fluid_s;

		s->schedule.attention_cores = splits[i];
		s->q.engine = &engine_fluid, fluid_s = layers_s(s, 2, NULL);
		s->q.engine = &engine_estimate;
		AT_MOST(layers_s(s, 2, NULL), fluid_s, 1e-12, "%s", name_of(s));
	}
}

static void estimate_never_exceeds_fluid(void)
{
	each_scene(is_bounded);
}

static void reference_agrees(struct scene *s)
{
	for (size_t i = 0; i < SPLITS && s->q.phase == PHASE_DECODE; i++) {
		double fluid_s;

		s->schedule.attention_cores = splits[i];
		s->q.engine = &engine_fluid, fluid_s = layers_s(s, 1, NULL);
		s->q.engine = &engine_simgrid;
		NEARLY(layers_s(s, 1, NULL), fluid_s, 1e-9, "%s", name_of(s));
	}
}

static void simgrid_agrees(void)
{
	const char *why_not;

	if (engine_simgrid.available(&why_not))
		each_scene(reference_agrees);
	else
		printf("skipped: %s ", why_not);
}

/* ---- layers of blocks, zero experts ---- */

static double alone_s(const struct scene *s, bool mlp)
{
	const struct step_request *q = &s->q;
	const struct tokens t = {.sequences_count = q->sequences_count,
	                         .query_count = q->query_count,
	                         .rank_count = q->query_count,
	                         .context_count = q->context_count,
	                         .expand_count = q->context_count * q->sequences_count};
	struct op ops[MOST_OPS];
	size_t n = mlp ? ops_dense(q->machine, q->model, q->schedule, &t, ops)
	               : ops_attention(q->machine, q->model, q->schedule, &t, ops);
	double sum_s = 0;

	for (size_t i = 0; i < n; i++)
		sum_s += op_alone_s(&ops[i]);
	return sum_s;
}

/* No less than its blocks one after the other, which is all that is seen where the branch hides; no
 * more than those and the branch behind them. */
static void layer_lies_between(struct scene *s)
{
	double attention_s = alone_s(s, false), main_s, plain_s, one_s, two_s;

	s->config->model.blocks = 1, plain_s = layers_s(s, 1, NULL);
	s->config->model.blocks = 2, main_s = 2 * (attention_s + alone_s(s, true));
	s->schedule.streams = 1, one_s = layers_s(s, 1, NULL);
	s->schedule.streams = 2, two_s = layers_s(s, 1, NULL);
	AT_MOST(main_s, two_s, 1e-9, "%s", name_of(s));
	AT_MOST(main_s, one_s, 1e-9, "%s", name_of(s));
	if (s->q.phase == PHASE_DECODE) /* see above */
		AT_MOST(two_s, one_s, 1e-9, "%s", name_of(s));
	AT_MOST(fmax(one_s, two_s), main_s + plain_s - attention_s, 1e-9, "%s", name_of(s));
	s->schedule.streams = 1;
	NEARLY(layers_s(s, 3, NULL), 3 * one_s, 1e-9, "%s", name_of(s));
}

static void a_branch_runs_beside_its_blocks(void)
{
	for (size_t i = 0; i < PHASES * flows_count(); i++) {
		struct scene s;

		scene_init(&s, "cloudmatrix384", "longcat-flash", 64);
		s.q.flow = flows[i / PHASES];
		if (i % PHASES == PHASE_DECODE)
			scene_decode(&s, 16, 4000);
		else
			scene_prefill(&s, 2048, 0);
		if (flow_serves(s.q.flow, s.q.phase) && !s.q.flow->layer && !s.q.flow->carries_over)
			layer_lies_between(&s);
		scene_fini(&s);
	}
}

/* Half of a router's choices compute nothing: half of the rows go nowhere. */
static void zero_experts_get_no_rows(void)
{
	struct scene s;
	double bytes[2];

	scene_init(&s, "cloudmatrix384", "qwen3-30b-a3b", 32);
	scene_prefill(&s, 4096, 0);
	for (int zero = 0; zero < 2; zero++) {
		struct graph *g = graph_new();
		struct topology t;
		struct err e = {0};

		s.config->model.zero_experts = zero ? s.config->model.experts : 0;
		CU_ASSERT_EQUAL(step_graph(&s.q, 1, g, &t, NULL, &e), RC_OK);
		bytes[zero] = work_of(g, "combine.put");
		graph_free(g);
	}
	CU_ASSERT(bytes[0] > 0);
	NEARLY(bytes[0], 2 * bytes[1], 1e-12, "combine.put");
	NEARLY(model_sent_count(&s.config->model), 4, 1e-15, "experts of a token");
	scene_fini(&s);
}

/* Two blocks keep two caches. LongCat-Flash: 56 of 576 elements. */
static void blocks_keep_their_own_cache(void)
{
	struct config *c = config_of(NULL, "longcat-flash");

	CU_ASSERT_EQUAL(model_kv_bytes(&c->model, 1, DTYPE_BF16), 56 * 576 * 2);
	CU_ASSERT_EQUAL(model_sent_count(&c->model), 8);
	config_free(c);
}

/* ---- kernels known by name ---- */

/* Dispatch and combine take what the calibration says of them, all else as long. */
static void a_known_kernel_takes_its_own_time(void)
{
	static const char *const name = "CloudMatrix384; CANN EP (FusedDispatch/FusedCombine)";
	struct step_result plain = {0}, known = {0};
	double ratio[2];
	struct scene s;
	struct err e;

	scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 32);
	scene_decode(&s, 96, 4000);
	CU_ASSERT_EQUAL(step_run(&s.q, &plain, &e), RC_OK);
	s.config->machine.dispatch_excess_ratio = 0.5; /* a guess, which a known kernel needs not */
	s.schedule.kernel = name;
	CU_ASSERT_EQUAL(step_run(&s.q, &known, &e), RC_OK);
	for (enum exchange_op op = 0; op < EXCHANGE_OPS; op++) {
		CU_ASSERT(kernel_known(s.q.machine, &s.schedule, PHASE_DECODE, op, &ratio[op]));
		CU_ASSERT(ratio[op] < 1);
	}
	for (size_t i = 0; step_phases[i]; i++) {
		double times = strcmp(step_phases[i], "dispatch") == 0  ? ratio[0]
		               : strcmp(step_phases[i], "combine") == 0 ? ratio[1]
		                                                        : 1;

		NEARLY(known.phase_s[i], times * plain.phase_s[i], 1e-9, "%s", step_phases[i]);
	}
	/* nobody has seen it at prefill */
	CU_ASSERT_FALSE(kernel_known(s.q.machine, &s.schedule, PHASE_PREFILL, OP_DISPATCH, ratio));
	CU_ASSERT_EQUAL(ratio[0], 1);
	scene_fini(&s);
}

/* ---- what is possible ---- */

static void cannot(struct scene *s, const char *want)
{
	char why[160] = "";

	CU_ASSERT_FALSE(step_possible(&s->q, why, sizeof why));
	UNIT_HOLDS(why, want);
}

static void schedules_are_refused_in_words(void)
{
	struct scene s;

	scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 32);
	scene_decode(&s, 96, 4000);
	s.schedule.streams = 2;
	cannot(&s, "streams: 2 needs two micro-batches");
	s.schedule.micro_batches = 2, s.schedule.attention_cores = 24;
	cannot(&s, "attention_cores leaves the experts' stream none of the die's cube cores");
	s.schedule.attention_cores = 16, s.schedule.vector_cores = 17;
	cannot(&s, "more vector cores than attention_cores leaves");
	s.schedule.streams = 1, s.schedule.vector_cores = 0;
	cannot(&s, "attention_cores needs streams: 2");
	s.schedule.attention_cores = 0, s.schedule.kernel = "CANN";
	cannot(&s, "the machine's calibration knows no such kernel");
	scene_fini(&s);
	scene_init(&s, "cloudmatrix384", "longcat-flash", 32);
	scene_decode(&s, 96, 4000);
	s.schedule.micro_batches = 2;
	cannot(&s, "layers of blocks overlap within themselves");
	s.schedule.micro_batches = 1, s.routing.kind = ROUTING_UNIFORM;
	cannot(&s, "zero experts: only balanced routing is modelled");
	scene_fini(&s);
}

static const struct unit_test tests[] = {
        {"shares add up to a die", shares_add_up_to_a_die},
        {"vector cores go with the experts", vector_cores_go_with_the_experts},
        {"one stream is the default", one_stream_is_the_default},
        {"streams do the same work", streams_do_the_same_work},
        {"decode gains where cores are shared", decode_gains_where_cores_are_shared},
        {"two take longer than one and no longer than twice",
         two_take_longer_than_one_and_no_longer_than_twice},
        {"few layers stand for all", few_layers_stand_for_all},
        {"estimate never exceeds fluid", estimate_never_exceeds_fluid},
        {"SimGrid agrees", simgrid_agrees},
        {"a branch runs beside its blocks", a_branch_runs_beside_its_blocks},
        {"zero experts get no rows", zero_experts_get_no_rows},
        {"blocks keep their own cache", blocks_keep_their_own_cache},
        {"a known kernel takes its own time", a_known_kernel_takes_its_own_time},
        {"schedules are refused in words", schedules_are_refused_in_words},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("streams", tests);
}
