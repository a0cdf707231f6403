/* Pipelines: stages are what the layers say, put together as step_pipeline.h has it; a rank's
 * memory is that of its stage. Guessed tokens take a layer and a head each. */
#include "sim/step_pipeline.h"
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"
#include <math.h>
#include <string.h>

static struct memory memory_of(const struct step_request *q)
{
	struct memory m = {0};
	struct err e = {0};

	step_memory(q, 3000, &m, &e);
	UNIT_TEXT(e.text, "");
	return m;
}

static double phase_s(const struct step_result *r, const char *name)
{
	for (size_t i = 0; step_phases[i]; i++) {
		if (strcmp(step_phases[i], name) == 0)
			return r->phase_s[i];
	}
	return NAN;
}

static double phases_sum_s(const struct step_result *r)
{
	double sum_s = 0;

	for (size_t i = 0; i < MOST_STEP_PHASES; i++)
		sum_s += r->phase_s[i];
	return sum_s;
}

/* Decode (batch 48) or prefill (a chunk of 4096), DeepSeek-V3.1: 3 dense layers of 61. */
static void init(struct scene *s, enum phase phase, int64_t ep)
{
	scene_init(s, "cloudmatrix384", "deepseek-v3.1", ep);
	s->q.flow = &flow_direct;
	if (phase == PHASE_DECODE)
		scene_decode(s, 48, 3000);
	else
		scene_prefill(s, 4096, 1000);
}

/* ---- time ---- */

static void one_stage_is_none(void)
{
	for (enum phase phase = 0; phase < PHASES; phase++) {
		struct step_result r[2];
		struct memory m[2];
		struct scene s;

		init(&s, phase, 32);
		for (int64_t pp = 0; pp < 2; pp++) {
			s.schedule.pp = pp;
			r[pp] = request_run(&s.q), m[pp] = memory_of(&s.q);
			CU_ASSERT_EQUAL(schedule_npus(&s.schedule), 32);
		}
		for (size_t i = 0; i < MOST_STEP_PHASES; i++)
			CU_ASSERT_EQUAL(r[0].phase_s[i], r[1].phase_s[i]);
		CU_ASSERT_EQUAL(r[0].step_s, r[1].step_s);
		CU_ASSERT_EQUAL(m[0].weights_bytes, m[1].weights_bytes);
		CU_ASSERT_EQUAL(m[0].total_bytes, m[1].total_bytes);
		CU_ASSERT_EQUAL(m[0].batch_most, m[1].batch_most);
		CU_ASSERT_EQUAL(r[1].interval_s, r[1].step_s);
		scene_fini(&s);
	}
}

/* From the whole model on one stage's tokens: what a dense layer, an MoE layer and the head take.
 * One micro-batch, so layers follow each other. */
struct layer_times {
	double dense_s, moe_s, head_s;
};

static struct layer_times layers_of(const struct scene *s, double parts)
{
	struct schedule schedule = s->schedule;
	struct step_request q = s->q;
	struct layer_times out;
	struct step_result r;

	schedule.pp = 1;
	q.schedule = &schedule, q.query_count /= parts, q.sequences_count /= parts;
	r = request_run(&q);
	out.moe_s = r.layer_s, out.head_s = phase_s(&r, "head");
	out.dense_s = (r.step_s - out.head_s - 58 * out.moe_s) / 3;
	return out;
}

static double transfer_of(const struct scene *s, enum tier tier, double rate_Bps, double rows)
{
	const struct machine *m = s->q.machine;
	double fixed_s = m->sync.kernel_s + m->sync.flag_s + machine_latency_s(m, tier);

	return fixed_s + rows * 7168 * 2 / rate_Bps;
}

/* 61 layers over 4: 16 (3 of them dense), 15, 15, 15 and the head. */
static void decode_goes_round(void)
{
	struct layer_times t;
	double sum_s, slowest_s, transfer_s, back_s;
	struct step_result r;
	struct scene s;

	init(&s, PHASE_DECODE, 32);
	s.schedule.pp = 4;
	t = layers_of(&s, 4);
	sum_s = 3 * t.dense_s + 58 * t.moe_s + t.head_s;
	slowest_s = fmax(3 * t.dense_s + 13 * t.moe_s, 15 * t.moe_s + t.head_s);
	transfer_s = transfer_of(&s, TIER_FAR, s.q.machine->fabric.put_Bps, 12);
	back_s = transfer_of(&s, TIER_FAR, s.q.machine->fabric.put_Bps, 0);
	r = request_run(&s.q);
	NEARLY(r.step_s, fmax(sum_s + 3 * transfer_s + back_s, 4 * slowest_s), 1e-12, "TPOT");
	NEARLY(phases_sum_s(&r), r.step_s, 1e-12, "phases");
	CU_ASSERT_EQUAL(r.interval_s, r.step_s);
	CU_ASSERT(phase_s(&r, "exchange") > 0);
	scene_fini(&s);
}

static void prefill_passes_stages(void)
{
	struct layer_times t;
	double sum_s, transfer_s;
	struct step_result r;
	struct scene s;

	init(&s, PHASE_PREFILL, 32);
	s.schedule.tp = 2, s.schedule.pp = 3; /* 21 (3 dense), 20, 20 and the head */
	t = layers_of(&s, 1);
	sum_s = 3 * t.dense_s + 58 * t.moe_s + t.head_s;
	transfer_s = transfer_of(&s, TIER_FAR, s.q.machine->fabric.put_Bps, 4096.0 / 2);
	r = request_run(&s.q);
	NEARLY(r.step_s, sum_s + 2 * transfer_s, 1e-12, "TTFT of a chunk");
	NEARLY(r.interval_s, fmax(3 * t.dense_s + 18 * t.moe_s, 20 * t.moe_s + t.head_s), 1e-12,
	       "pace");
	CU_ASSERT_EQUAL(schedule_npus(&s.schedule), 96);
	scene_fini(&s);
}

/* Atlas A2 has 8 dies a node: stages of 8 lie on nodes of their own, stages of 4 do not. */
static void transfers_go_by_what_there_is(void)
{
	static const struct {
		int64_t ep;
		enum tier tier;
	} cases[] = {{4, TIER_NODE}, {8, TIER_RDMA}};

	for (size_t i = 0; i < 2; i++) {
		struct step_result sum;
		struct pipeline p;
		struct scene s;
		struct err e = {0};
		double rate_Bps;

		scene_init(&s, "atlas-a2", "qwen3-30b-a3b", cases[i].ep);
		s.q.flow = &flow_direct, s.schedule.pp = 2;
		scene_decode(&s, 64, 1000);
		pipeline_stages(&s.q, &p, &sum, &e);
		UNIT_TEXT(e.text, "");
		rate_Bps = i ? s.q.machine->rdma.rate_Bps : s.q.machine->fabric.put_Bps;
		NEARLY(p.transfer_s - p.return_s, 32 * 2048 * 2.0 / rate_Bps, 1e-12, "case %zu", i);
		NEARLY(p.return_s,
		       s.q.machine->sync.kernel_s + s.q.machine->sync.flag_s +
		               machine_latency_s(s.q.machine, cases[i].tier),
		       1e-12, "case %zu", i);
		scene_fini(&s);
	}
}

/* The end of piece k at stage i: the longest way through the grid of pieces and stages. */
static double longest_s(const double times_s[][4], double transfer_s, int k, int i)
{
	double left_s = 0, above_s = 0;

	if (k > 0)
		above_s = longest_s(times_s, transfer_s, k - 1, i);
	if (i > 0)
		left_s = longest_s(times_s, transfer_s, k, i - 1) + transfer_s;
	return fmax(left_s, above_s) + times_s[k][i];
}

static void pieces_follow_each_other(void)
{
	static const double times_s[5][4] = {
	        {3, 1, 4, 1}, {5, 9, 2, 6}, {5, 3, 5, 8}, {9, 7, 9, 3}, {2, 3, 8, 4}};
	struct pipeline p = {.n = 4, .transfer_s = 0.5}, even = {.n = 3, .transfer_s = 0.25};
	double end_s[MOST_STAGES] = {0}, even_end_s[MOST_STAGES] = {0};

	for (int k = 0; k < 5; k++) {
		memcpy(p.stage_s, times_s[k], sizeof times_s[k]);
		pipeline_pass(&p, end_s);
		for (int i = 0; i < 4; i++)
			CU_ASSERT_EQUAL(end_s[i], longest_s(times_s, 0.5, k, i));
	}
	for (int i = 0; i < 3; i++)
		even.stage_s[i] = 2;
	for (int k = 0; k < 7; k++) {
		pipeline_pass(&even, even_end_s);
		CU_ASSERT_EQUAL(even_end_s[2], 2 * (k + 3) + 2 * 0.25);
	}
}

/* ---- memory ---- */

/* Qwen3-30B-A3B: 48 layers alike, so each of two stages is half of all. */
static void half_the_layers_half_the_memory(void)
{
	struct memory whole, half;
	struct scene s;

	scene_init(&s, "cloudmatrix384", "qwen3-30b-a3b", 16);
	s.q.flow = &flow_direct;
	scene_decode(&s, 64, 2000);
	whole = memory_of(&s.q);
	s.schedule.pp = 2;
	half = memory_of(&s.q);
	NEARLY(half.weights_bytes, whole.weights_bytes / 2, 1e-12, "weights");
	NEARLY(half.kv_request_bytes, whole.kv_request_bytes / 2, 1e-12, "KV of a request");
	NEARLY(half.kv_bytes, whole.kv_bytes / 2, 1e-12, "KV of the batch");
	NEARLY(half.work_bytes, whole.work_bytes / 2, 1e-12, "half of the batch at work");
	NEARLY(half.total_bytes,
	       half.weights_bytes + half.kv_bytes + half.work_bytes + half.buffers_bytes, 1e-12,
	       "all");
	scene_fini(&s);
}

static double total_at(struct scene *s, int64_t batch)
{
	s->q.sequences_count = s->q.query_count = (double)batch;
	return memory_of(&s->q).total_bytes;
}

/* In parts of the batch: as many as there are stages. */
static void most_batch_fits_and_one_more_does_not(void)
{
	static const int64_t stages[] = {2, 3, 5};

	for (size_t i = 0; i < 3; i++) {
		struct memory m;
		struct scene s;

		init(&s, PHASE_DECODE, 16);
		s.schedule.pp = stages[i];
		m = memory_of(&s.q);
		CU_ASSERT(m.batch_most > 0 && m.batch_most % stages[i] == 0);
		CU_ASSERT(total_at(&s, m.batch_most) <= m.usable_bytes);
		CU_ASSERT(total_at(&s, m.batch_most + stages[i]) > m.usable_bytes);
		scene_fini(&s);
	}
}

/* ---- what cannot be ---- */

static void what_is_refused(void)
{
	static const struct {
		int64_t ep, pp;
		double batch;
		const char *why;
	} cases[] = {
	        {32, 2, 64, ""},
	        {256, 4, 64, "more NPUs than the machine has"},
	        {4, 62, 64, "more stages (PP) than layers"},
	        {4, 31, 64, "PP leaves a stage without an MoE layer"}, /* 2 layers, both dense */
	        {32, 8, 4, "fewer tokens than micro-batches x TP"},
	        {24, 2, 64, "EP does not divide the number of experts"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char why[128] = "";
		struct scene s;

		init(&s, PHASE_DECODE, cases[i].ep);
		scene_decode(&s, cases[i].batch, 1000);
		s.schedule.pp = cases[i].pp;
		CU_ASSERT_EQUAL(step_possible(&s.q, why, sizeof why), *cases[i].why == '\0');
		UNIT_TEXT(why, cases[i].why);
		scene_fini(&s);
	}
}

/* ---- guesses ---- */

static void guesses_take_a_layer_and_a_head(void)
{
	for (int64_t drafts = 0; drafts < 4; drafts++) {
		struct step_result plain, r;
		struct scene s;

		init(&s, PHASE_DECODE, 32);
		s.q.query_count = 48 * (double)(1 + drafts);
		plain = request_run(&s.q);
		s.q.drafts = drafts;
		r = request_run(&s.q);
		CU_ASSERT_EQUAL(r.step_s,
		                plain.step_s +
		                        (double)drafts * (plain.layer_s + phase_s(&plain, "head")));
		CU_ASSERT_EQUAL(phases_sum_s(&r), phases_sum_s(&plain));
		scene_fini(&s);
	}
}

static void guesses_are_the_last_stages(void)
{
	struct step_result sum, plain;
	struct pipeline p, without;
	struct scene s;
	struct err e = {0};

	init(&s, PHASE_DECODE, 32);
	s.schedule.pp = 3, s.q.query_count = 96;
	pipeline_stages(&s.q, &without, &plain, &e);
	s.q.drafts = 1;
	pipeline_stages(&s.q, &p, &sum, &e);
	UNIT_TEXT(e.text, "");
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(p.stage_s[i], without.stage_s[i]);
	NEARLY(p.stage_s[2] - without.stage_s[2], sum.drafts_s, 1e-12, "drafts");
	CU_ASSERT(sum.drafts_s > 0);
	scene_fini(&s);
}

static void no_layer_no_guess(void)
{
	char why[128] = "";
	struct scene s;

	scene_init(&s, "cloudmatrix384", "qwen3-30b-a3b", 16);
	s.q.flow = &flow_direct;
	scene_decode(&s, 64, 2000);
	s.q.drafts = 1;
	CU_ASSERT_FALSE(step_possible(&s.q, why, sizeof why));
	UNIT_TEXT(why, "the model has no layer for MTP");
	scene_fini(&s);
}

static const struct unit_test tests[] = {
        {"one stage is none", one_stage_is_none},
        {"decode goes round", decode_goes_round},
        {"prefill passes stages", prefill_passes_stages},
        {"transfers go by what there is", transfers_go_by_what_there_is},
        {"pieces follow each other", pieces_follow_each_other},
        {"half the layers, half the memory", half_the_layers_half_the_memory},
        {"most batch fits and one more does not", most_batch_fits_and_one_more_does_not},
        {"what is refused", what_is_refused},
        {"guesses take a layer and a head", guesses_take_a_layer_and_a_head},
        {"guesses are the last stage's", guesses_are_the_last_stages},
        {"no layer, no guess", no_layer_no_guess},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("step_pipeline", tests);
}
