/* What is made of events: names and classes, sums whatever the order of files, nothing twice, and
 * observations. */
#include "traces/summary.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/seeds.h"
#include "tests/unit.h"
#include "traces/convert.h"

#define RANK0 "tests/seeds/rank0_ascend_pt"
#define RANK1 "tests/seeds/rank1_ascend_pt"

/* ---- names ----------------------------------------------------------------------------------- */

static void ops_have_names(void)
{
	static const struct {
		const char *name, *type, *want;
	} rows[] = {
	        {"aclnnMatmul_MatMulCommon_MatMulV2", "", "MatMulV2"},
	        {"aclnnMoeGatingTopK_MoeGatingTopK", "MoeGatingTopK", "MoeGatingTopK"},
	        {"hcom_alltoallv__909_2_1", "", "hcom_alltoallv_"},
	        {"hcom_alltoallv__909_2_1", "hcom_alltoallv_", "hcom_alltoallv_"},
	        {"alltoallvAivKernel", "", "hcom_alltoallv_"},
	        {"hcom_allReduce_AicpuKernel_3", "", "hcom_allReduce_"},
	        {"trans_Cast_19", "", "trans_Cast"},
	        {"atomic_memset-1_18_186609_1", "", "atomic_memset-1"},
	        {"Conv2D17", "", "Conv2D17"},
	        {"_1", "", "_1"},
	        {"aclnn_1", "", "aclnn"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct trace_event ev = trace_event_blank(TRACE_KERNEL);
		char name[64];

		ev.name = rows[i].name, ev.type = rows[i].type;
		trace_op_name(&ev, name, sizeof name);
		UNIT_TEXT(name, rows[i].want);
	}
}

static void ops_have_classes(void)
{
	static const struct {
		const char *op;
		enum trace_phase phase;
		enum trace_flow flow;
	} rows[] = {
	        {"MoeDistributeDispatchV3", DURING_DISPATCH, FLOW_RELAY2},
	        {"aclnnMoeDistributeCombineAddRmsNormV2_X", DURING_COMBINE, FLOW_RELAY2},
	        {"ShmemMoeDistributeDispatchZeroBuffer", DURING_DISPATCH, FLOW_DIRECT},
	        {"ShmemMoeDistributeCombineZeroBuffer", DURING_COMBINE, FLOW_DIRECT},
	        {"CamMoeDispatchNormal", DURING_DISPATCH, FLOW_RELAY2},
	        {"DispatchNormalA2", DURING_DISPATCH, FLOW_RELAY2},
	        {"NotifyDispatchA2", DURING_DISPATCH, FLOW_RELAY2},
	        {"MoeInitRoutingQuantV2", DURING_DISPATCH, FLOW_RELAY3},
	        {"MoeTokenUnpermute", DURING_COMBINE, FLOW_RELAY3},
	        {"MoeTokenPermute", DURING_DISPATCH, FLOW_RELAY3},
	        {"hcom_alltoallvc_", DURING_EXCHANGE, FLOW_RELAY3},
	        {"hcom_allGather_", DURING_OTHER, FLOW_NONE},
	        {"DispatchFFNCombine", DURING_EXPERT, FLOW_OTHER},
	        {"GroupedMatmulSwigluQuant", DURING_EXPERT, FLOW_NONE},
	        {"PagedAttention", DURING_ATTENTION, FLOW_NONE},
	        {"internode::combine<8, true>", DURING_COMBINE, FLOW_OTHER},
	        {"MatMulV3", DURING_OTHER, FLOW_NONE},
	        {"", DURING_OTHER, FLOW_NONE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct trace_class c = trace_classify(rows[i].op, "", "");

		CU_ASSERT_EQUAL(c.phase, rows[i].phase);
		CU_ASSERT_EQUAL(c.flow, rows[i].flow);
	}
	CU_ASSERT_EQUAL(trace_classify("put", "combine", "direct").flow, FLOW_DIRECT);
	CU_ASSERT_EQUAL(trace_classify("put", "combine", "direct").phase, DURING_COMBINE);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static struct summary *summary_read(const char *const *names, size_t n, int64_t first_step)
{
	struct arena *a = arena_new();
	struct summary *s = summary_new();
	const struct trace_sink sink = {summary_take, s};
	struct trace_files files;
	struct err e = {0};

	s->skip_before_step = first_step;
	CU_ASSERT_EQUAL_FATAL(trace_files_find(names, n, a, &files, &e), RC_OK);
	for (size_t i = 0; i < files.n; i++)
		CU_ASSERT_EQUAL_FATAL(trace_file_read(&files.file[i], &sink, &e), RC_OK);
	summary_finish(s);
	arena_free(a);
	return s;
}

static const struct summary_op *op_find(const struct summary *s, const char *name)
{
	for (uint32_t i = 0; i < s->n_ops; i++) {
		if (strcmp(s->op[i].name, name) == 0)
			return &s->op[i];
	}
	CU_FAIL_FATAL("no such op");
	return NULL;
}

static const struct summary_piece *piece_find(const struct summary *s, const char *name,
                                              enum trace_phase phase)
{
	for (uint32_t i = 0; i < s->n_pieces; i++) {
		if (s->piece[i].phase == phase && strcmp(s->op[s->piece[i].op].name, name) == 0)
			return &s->piece[i];
	}
	CU_FAIL_FATAL("no such piece");
	return NULL;
}

static void same_sums(const struct summary *x, const struct summary *y)
{
	CU_ASSERT_EQUAL_FATAL(x->n_ops, y->n_ops);
	CU_ASSERT_EQUAL_FATAL(x->n_pieces, y->n_pieces);
	CU_ASSERT_EQUAL_FATAL(x->n_pairs, y->n_pairs);
	CU_ASSERT_EQUAL_FATAL(x->n_ranks, y->n_ranks);
	CU_ASSERT_EQUAL(x->n_events, y->n_events);
	for (uint32_t i = 0; i < x->n_ops; i++) {
		UNIT_TEXT(x->op[i].name, y->op[i].name);
		CU_ASSERT_EQUAL(x->op[i].time_ns.sum, y->op[i].time_ns.sum);
		CU_ASSERT_EQUAL(sketch_quantile(&x->op[i].time_ns, 0.5),
		                sketch_quantile(&y->op[i].time_ns, 0.5));
	}
	for (uint32_t i = 0; i < x->n_pieces; i++)
		CU_ASSERT_EQUAL(piece_least_rank_ns(&x->piece[i]),
		                piece_least_rank_ns(&y->piece[i]));
	for (uint32_t i = 0; i < x->n_ranks; i++)
		CU_ASSERT_EQUAL(memcmp(x->rank[i].phase_ns, y->rank[i].phase_ns,
		                       sizeof x->rank[i].phase_ns),
		                0);
}

static void order_of_files_does_not_matter(void)
{
	static const char *const orders[][3] = {
	        {RANK0, RANK1, RANK0},
	        {RANK1, RANK0, RANK0},
	        {RANK1 "/kernel_details.csv", RANK0, RANK1},
	        {RANK0, "tests/../" RANK1, RANK1},
	};
	struct summary *first = summary_read(orders[0], 3, INT64_MIN);

	for (size_t i = 1; i < sizeof orders / sizeof *orders; i++) {
		struct summary *s = summary_read(orders[i], 3, INT64_MIN);

		same_sums(first, s);
		summary_free(s);
	}
	summary_free(first);
}

/* A collective and the kernel that does it are one. */
static void twins_count_once(void)
{
	static const char *const both[] = {RANK0};
	static const char *const alone[] = {"tests/seeds/kernel_details_level0.csv"};
	struct summary *s = summary_read(both, 1, INT64_MIN);

	CU_ASSERT_EQUAL(s->n_twins, 8);
	CU_ASSERT_EQUAL(op_find(s, "hcom_alltoallv_")->time_ns.n, 8);
	CU_ASSERT_EQUAL(op_find(s, "hcom_alltoallv_")->time_ns.sum, 4 * (80000 + 90000));
	summary_free(s);
	s = summary_read(alone, 1, INT64_MIN); /* no collective there: its kernel stands for it */
	CU_ASSERT_EQUAL(s->n_twins, 0);
	CU_ASSERT_EQUAL(op_find(s, "hcom_alltoallv_")->time_ns.sum, 7000);
	CU_ASSERT_EQUAL(s->rank[0].phase_ns[DURING_EXCHANGE], 7000);
	summary_free(s);
}

/* communication.json has the collectives too, with their waiting; only that is taken from it. */
static void files_of_a_profile_count_once(void)
{
	static const char *const all[] = {RANK0, RANK1};
	static const char *const kernels[] = {RANK0 "/kernel_details.csv",
	                                      RANK1 "/kernel_details.csv"};
	struct summary *s = summary_read(all, 2, INT64_MIN);
	struct summary *k = summary_read(kernels, 2, INT64_MIN);

	CU_ASSERT_EQUAL(op_find(s, "hcom_alltoallv_")->time_ns.sum,
	                op_find(k, "hcom_alltoallv_")->time_ns.sum);
	CU_ASSERT_EQUAL(s->n_waits, 1);
	CU_ASSERT_EQUAL(s->wait[0].wait_ns, 4 * 20000);
	CU_ASSERT_EQUAL(s->n_pairs, 2);
	CU_ASSERT_EQUAL(s->pair[0].bytes, 3000000); /* the total, and not its picks beside */
	CU_ASSERT_EQUAL(s->pair[0].pick_most_Bps, 30000000000);
	CU_ASSERT_EQUAL(k->n_waits + k->n_pairs, 0);
	summary_free(s);
	summary_free(k);
}

/* Of a Chrome trace and communication.json the first has the kernels, the second the waiting. */
static void files_complete_each_other(void)
{
	static const char *const names[] = {"tests/seeds/trace_view.json",
	                                    "tests/seeds/cluster_communication.json"};
	struct summary *s = summary_read(names, 2, INT64_MIN);

	CU_ASSERT_EQUAL(op_find(s, "GroupedMatmul")->time_ns.sum, 50000);
	CU_ASSERT_EQUAL(op_find(s, "hcom_alltoallv_")->time_ns.sum, 80500);
	CU_ASSERT_EQUAL(s->n_ops, 2);
	CU_ASSERT_EQUAL(s->n_pairs, 1);
	CU_ASSERT_EQUAL(s->n_waits, 1);
	summary_free(s);
}

static void an_all_to_all_has_a_side(void)
{
	static const char *const names[] = {RANK0, RANK1};
	struct summary *s = summary_read(names, 2, INT64_MIN);
	const struct summary_piece *there = piece_find(s, "hcom_alltoallv_", DURING_DISPATCH);
	const struct summary_piece *back = piece_find(s, "hcom_alltoallv_", DURING_COMBINE);

	CU_ASSERT_EQUAL(there->time_ns.n, 8);
	CU_ASSERT_EQUAL(back->time_ns.n, 8);
	CU_ASSERT_EQUAL(there->time_ns.most, 81000);
	CU_ASSERT_EQUAL(back->time_ns.least, 90000);
	CU_ASSERT_EQUAL(there->flow, FLOW_RELAY3);
	/* rank 1 is 10 us slower in each call: the least over ranks is rank 0's */
	CU_ASSERT_EQUAL(
	        piece_least_rank_ns(piece_find(s, "MoeDistributeDispatchV2", DURING_DISPATCH)),
	        101250);
	summary_free(s);
}

static void warm_up_can_be_left_out(void)
{
	static const char *const names[] = {RANK0 "/kernel_details.csv"};
	struct summary *all = summary_read(names, 1, INT64_MIN),
	               *second = summary_read(names, 1, 2);

	CU_ASSERT_EQUAL(all->n_cells, 2);
	CU_ASSERT_EQUAL(second->n_cells, 1);
	CU_ASSERT_EQUAL(2 * second->n_events, all->n_events);
	summary_free(all);
	summary_free(second);
}

/* Twice every duration: twice every sum, quantile and least over ranks; the same calls. */
static void doubling_doubles(void)
{
	struct summary *once = summary_new(), *twice = summary_new();
	struct err e;

	for (int i = 0; i < 3000; i++) {
		struct trace_event ev = trace_event_blank(TRACE_KERNEL);

		ev.name = i % 3 ? "MoeDistributeDispatchV2" : "GroupedMatmul";
		ev.rank = i % 4;
		ev.duration_ns = 100000 + 7919 * i % 65537;
		CU_ASSERT_EQUAL(summary_take(once, &ev, &e), RC_OK);
		ev.duration_ns *= 2;
		CU_ASSERT_EQUAL(summary_take(twice, &ev, &e), RC_OK);
	}
	summary_finish(once);
	summary_finish(twice);
	CU_ASSERT_EQUAL(once->n_ops, 2);
	for (uint32_t i = 0; i < once->n_ops; i++) {
		int64_t median = sketch_quantile(&once->op[i].time_ns, 0.5);

		CU_ASSERT_EQUAL(twice->op[i].time_ns.sum, 2 * once->op[i].time_ns.sum);
		CU_ASSERT_EQUAL(twice->op[i].time_ns.n, once->op[i].time_ns.n);
		CU_ASSERT_TRUE(llabs(sketch_quantile(&twice->op[i].time_ns, 0.5) - 2 * median) <=
		               1);
	}
	for (uint32_t i = 0; i < once->n_pieces; i++)
		CU_ASSERT_TRUE(llabs(piece_least_rank_ns(&twice->piece[i]) -
		                     2 * piece_least_rank_ns(&once->piece[i])) <= 1);
	summary_free(once);
	summary_free(twice);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void seeds_are_recognised(void)
{
	for (const struct seed *s = seeds; s->path; s++) {
		const struct trace_reader *reader = NULL;
		struct err e = {0};

		CU_ASSERT_EQUAL(trace_reader_find(s->path, &reader, &e), RC_OK);
		CU_ASSERT_PTR_EQUAL(reader, s->reader);
	}
}

/* A file's content decides, whatever its name. */
static void names_do_not_deceive(void)
{
	for (const struct seed *s = seeds; s->path; s++) {
		size_t n_bytes;
		char *bytes = file_bytes(s->path, &n_bytes);
		const struct trace_reader *reader = NULL;
		struct feeder f;
		struct err e = {0};
		struct fed fed;

		feeder_open(&f, "anything");
		feeder_feed(&f, s->reader, bytes, n_bytes, &fed);
		CU_ASSERT_EQUAL(trace_reader_find(f.path, &reader, &e), RC_OK);
		CU_ASSERT_PTR_EQUAL(reader, s->reader);
		feeder_close(&f);
		free(bytes);
	}
}

static void ranks_come_from_names(void)
{
	static const char *const names[] = {RANK1};
	struct arena *a = arena_new();
	struct trace_files files;
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(trace_files_find(names, 1, a, &files, &e), RC_OK);
	CU_ASSERT_EQUAL(files.n, 4);
	for (size_t i = 0; i < files.n; i++)
		CU_ASSERT_EQUAL(files.file[i].rank, 1);
	arena_free(a);
}

/* ---- observations ---------------------------------------------------------------------------- */

static char *observations_of(const struct summary *s, struct sidecar *sc, size_t *n_rows)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	observations_write(s, sc, out, n_rows);
	fclose(out);
	return text;
}

static struct sidecar sidecar_of(double *ops)
{
	return (struct sidecar){.machine = "m",
	                        .hardware = "h, i",
	                        .impl = "",
	                        .source = "s",
	                        .source_ref = "\"r\"",
	                        .routing = "",
	                        .phase = 1,
	                        .ep = 2,
	                        .tokens_per_rank = 16,
	                        .hidden = 7168,
	                        .dispatch = "bf16",
	                        .combine = "bf16",
	                        .ops = {.n = 2, .number = ops}};
}

static void observations_have_their_rows(void)
{
	static const char *const names[] = {RANK0, RANK1};
	struct summary *s = summary_read(names, 2, INT64_MIN);
	double ops[] = {DURING_DISPATCH, DURING_COMBINE};
	struct sidecar sc = sidecar_of(ops);
	size_t n_rows;
	char *text = observations_of(s, &sc, &n_rows);

	CU_ASSERT_EQUAL(n_rows, 4);
	/* relay3: 30 + 80, 90 + 40 us; relay2: rank 0's. Unknown counts are empty. */
	UNIT_HOLDS(text, "m,relay3,s,\"\"\"r\"\"\",\"h, i\",hcom_alltoallv_+MoeInitRoutingV3,"
	                 "dispatch,decode,2,16,7168,,,bf16,bf16,110.000,,measured,");
	UNIT_HOLDS(text, "MoeFinalizeRoutingV2,combine,decode,2,16,7168,,,bf16,bf16,130.000,");
	UNIT_HOLDS(text, "MoeDistributeDispatchV2,dispatch,decode,2,16,7168,,,bf16,bf16,101.250,");
	UNIT_HOLDS(text, "MoeDistributeCombineV2,combine,decode,2,16,7168,,,bf16,bf16,121.500,");
	free(text);
	sc.quantile = QUANTILE_MEDIAN;
	text = observations_of(s, &sc, &n_rows);
	UNIT_HOLDS(text, "MoeDistributeDispatchV2,dispatch,decode,2,16,7168,,,bf16,bf16,110.250,");
	free(text);
	summary_free(s);
}

/* Where ranks call an op differently often, calls cannot be matched: a low quantile then. */
static void unmatched_calls_take_a_low_quantile(void)
{
	struct summary *s = summary_new();
	double ops[] = {DURING_DISPATCH, DURING_COMBINE};
	struct sidecar sc = sidecar_of(ops);
	size_t n_rows;
	struct err e;
	char *text;

	for (int i = 0; i < 30; i++) {
		struct trace_event ev = trace_event_blank(TRACE_KERNEL);

		ev.name = "MoeDistributeDispatchV2";
		ev.rank = i < 10 ? 0 : 1;
		ev.duration_ns = 100000 + 1000 * i;
		CU_ASSERT_EQUAL(summary_take(s, &ev, &e), RC_OK);
	}
	summary_finish(s);
	CU_ASSERT_EQUAL(piece_least_rank_ns(&s->piece[0]), 0);
	text = observations_of(s, &sc, &n_rows);
	CU_ASSERT_EQUAL(n_rows, 1);
	UNIT_HOLDS(text, ",103.000,,measured,p10 of 30 calls (ranks called differently often)");
	free(text);
	summary_free(s);
}

static const struct unit_test tests[] = {
        {"ops have names", ops_have_names},
        {"ops have classes", ops_have_classes},
        {"order of files does not matter", order_of_files_does_not_matter},
        {"twins count once", twins_count_once},
        {"files of a profile count once", files_of_a_profile_count_once},
        {"files complete each other", files_complete_each_other},
        {"an all-to-all has a side", an_all_to_all_has_a_side},
        {"warm-up can be left out", warm_up_can_be_left_out},
        {"doubling doubles", doubling_doubles},
        {"seeds are recognised", seeds_are_recognised},
        {"names do not deceive", names_do_not_deceive},
        {"ranks come from names", ranks_come_from_names},
        {"observations have their rows", observations_have_their_rows},
        {"unmatched calls take a low quantile", unmatched_calls_take_a_low_quantile},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("trace_summary", tests);
}
