/* ctest: full 900 */
/* The published samples of profilers: what truth.json says of them, that all formats of one profile
 * agree, and that they survive cuts. Left out where they are not at hand. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/seeds.h"
#include "tests/unit.h"

static struct summary *summary_of(const char *const *names, size_t n, struct arena *a,
                                  struct trace_files *files)
{
	struct summary *s = summary_new();
	const struct trace_sink sink = {summary_take, s};
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(trace_files_find(names, n, a, files, &e), RC_OK);
	for (size_t i = 0; i < files->n; i++)
		CU_ASSERT_EQUAL_FATAL(trace_file_read(&files->file[i], &sink, &e), RC_OK);
	summary_finish(s);
	return s;
}

static const struct summary_op *op_find(const struct summary *s, const char *name)
{
	for (uint32_t i = 0; i < s->n_ops; i++) {
		if (strcmp(s->op[i].name, name) == 0)
			return &s->op[i];
	}
	return NULL;
}

/* ---- truth.json ------------------------------------------------------------------------------ */

/* The number after "key": in the text. */
static double number_after(const char *text, const char *key)
{
	char quoted[128];
	const char *at;

	snprintf(quoted, sizeof quoted, "\"%s\":", key);
	at = strstr(text, quoted);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	return strtod(at + strlen(quoted), NULL);
}

static void medians_are_as_truth_says(void)
{
	static const char *const ops[] = {"MoeGatingTopK",       "MoeDistributeDispatchV2",
	                                  "GroupedMatmul",       "MoeDistributeCombineV2",
	                                  "MoeInitRoutingV3",    "hcom_alltoallv_",
	                                  "MoeFinalizeRoutingV2"};
	struct arena *a = arena_new();
	char folder[512], path[1024];
	const char *names[1] = {path};
	struct trace_files files;
	struct summary *s;
	size_t n_bytes;
	char *truth;

	if (!samples_folder(folder, sizeof folder)) {
		arena_free(a);
		return;
	}
	snprintf(path, sizeof path, "%s/synthetic/truth.json", folder);
	truth = file_bytes(path, &n_bytes);
	CU_ASSERT_PTR_NOT_NULL_FATAL(truth);
	snprintf(path, sizeof path, "%s/synthetic", folder);
	s = summary_of(names, 1, a, &files);
	CU_ASSERT_EQUAL(s->n_ranks, (uint32_t)number_after(truth, "ranks"));
	CU_ASSERT_EQUAL(s->n_ops, sizeof ops / sizeof *ops);
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		const struct summary_op *op = op_find(s, ops[i]);
		double truth_us = number_after(truth, ops[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(op);
		CU_ASSERT_EQUAL(sketch_quantile(&op->time_ns, 0.5), llround(truth_us * 1000));
	}
	summary_free(s);
	free(truth);
	arena_free(a);
}

/* ---- formats of one profile ------------------------------------------------------------------ */

/* The path of one file of each rank. Returns how many there are. */
static size_t rank_files(const char *folder, const char *format, struct arena *a,
                         const char *names[4])
{
	for (int rank = 0; rank < 4; rank++) {
		const char *file = arena_print(a, format, rank);

		names[rank] = arena_print(a,
		                          "%s/synthetic/rank%d_20260101_ascend_pt/"
		                          "ASCEND_PROFILER_OUTPUT/%s",
		                          folder, rank, file);
	}
	return 4;
}

/* The database was written by way of doubles, which hold its stamps to 256 ns. */
static void ops_agree(const struct summary *x, const struct summary *y, int64_t within_ns)
{
	CU_ASSERT_EQUAL_FATAL(x->n_ops, y->n_ops);
	for (uint32_t i = 0; i < x->n_ops; i++) {
		const struct summary_op *op = op_find(y, x->op[i].name);

		CU_ASSERT_PTR_NOT_NULL_FATAL(op);
		CU_ASSERT_EQUAL(op->time_ns.n, x->op[i].time_ns.n);
		CU_ASSERT_TRUE(llabs(op->time_ns.most - x->op[i].time_ns.most) <= within_ns);
		CU_ASSERT_TRUE(llabs(sketch_quantile(&op->time_ns, 0.5) -
		                     sketch_quantile(&x->op[i].time_ns, 0.5)) <= within_ns);
	}
	CU_ASSERT_EQUAL_FATAL(x->n_pieces, y->n_pieces);
	for (uint32_t i = 0; i < x->n_pieces; i++) {
		CU_ASSERT_EQUAL(x->piece[i].phase, y->piece[i].phase);
		CU_ASSERT_EQUAL(x->piece[i].flow, y->piece[i].flow);
		CU_ASSERT_EQUAL(x->piece[i].time_ns.n, y->piece[i].time_ns.n);
	}
}

static void pairs_agree(const struct summary *x, const struct summary *y)
{
	CU_ASSERT_EQUAL_FATAL(x->n_pairs, y->n_pairs);
	for (uint32_t i = 0; i < x->n_pairs; i++) {
		CU_ASSERT_EQUAL(x->pair[i].source, y->pair[i].source);
		CU_ASSERT_EQUAL(x->pair[i].peer, y->pair[i].peer);
		CU_ASSERT_EQUAL(x->pair[i].link, y->pair[i].link);
		CU_ASSERT_EQUAL(x->pair[i].bytes, y->pair[i].bytes);
	}
}

static void formats_of_a_profile_agree(void)
{
	static const struct {
		const char *file;
		int64_t within_ns;
	} others[] = {
	        {"trace_view.json", 1},
#ifdef EPSIM_HAVE_SQLITE
	        {"ascend_pytorch_profiler_%d.db", 512},
#endif
	};
	struct arena *a = arena_new();
	struct trace_files files;
	const char *names[4];
	struct summary *kernels, *matrix;
	char folder[512];

	if (!samples_folder(folder, sizeof folder)) {
		arena_free(a);
		return;
	}
	kernels = summary_of(names, rank_files(folder, "kernel_details.csv", a, names), a, &files);
	matrix = summary_of(names, rank_files(folder, "communication_matrix.json", a, names), a,
	                    &files);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct summary *s =
		        summary_of(names, rank_files(folder, others[i].file, a, names), a, &files);

		ops_agree(kernels, s, others[i].within_ns);
		pairs_agree(matrix, s);
		summary_free(s);
	}
	summary_free(kernels);
	summary_free(matrix);
	arena_free(a);
}

static void real_files_are_read(void)
{
	struct arena *a = arena_new();
	char folder[512];
	const char *names[2];
	struct trace_files files;
	struct summary *s;

	if (!samples_folder(folder, sizeof folder)) {
		arena_free(a);
		return;
	}
	names[0] = arena_print(a, "%s/msprof/kernel_details_A2_pipeutil_2025.csv", folder);
	s = summary_of(names, 1, a, &files);
	CU_ASSERT_EQUAL(op_find(s, "MatMulV3")->time_ns.least, 501170);
	CU_ASSERT_EQUAL(op_find(s, "FlashAttentionScore")->class.phase, DURING_ATTENTION);
	summary_free(s);
	names[0] = arena_print(a, "%s/msprof/trace_view.json", folder);
	s = summary_of(names, 1, a, &files);
	CU_ASSERT_TRUE(s->n_ops > 10 && s->n_pieces == 0);
	summary_free(s);
	names[0] = arena_print(a, "%s/osu", folder);
	s = summary_of(names, 1, a, &files);
	CU_ASSERT_EQUAL(s->n_points, 17 + 13 + 21);
	summary_free(s);
	arena_free(a);
}

/* ---- cuts ------------------------------------------------------------------------------------ */

/* Every byte of small files; of large ones the first and last, and every 97th between, since each
 * cut reads all before it. $EPSIM_CUT_ALL: every byte of all. */
enum { EVERY_BYTES = 48 << 10, EDGE_BYTES = 2 << 10, STRIDE = 97 };

static size_t next_cut(size_t n, size_t n_bytes)
{
	bool every = n_bytes <= EVERY_BYTES || getenv("EPSIM_CUT_ALL") != NULL;
	size_t step = every || n < EDGE_BYTES || n + EDGE_BYTES + STRIDE > n_bytes ? 1 : STRIDE;

	return n + step;
}

static void file_cut(const struct trace_file *file)
{
	size_t n_bytes;
	char *bytes = file_bytes(file->path, &n_bytes);
	struct feeder f;
	struct fed fed;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	feeder_open(&f, file->path);
	for (size_t n = 0; n <= n_bytes; n = next_cut(n, n_bytes))
		feeder_feed(&f, file->reader, bytes, n, &fed);
	feeder_feed(&f, file->reader, bytes, n_bytes, &fed);
	CU_ASSERT_EQUAL(fed.rc, RC_OK);
	feeder_close(&f);
	free(bytes);
}

/* Of the four ranks of the made sample one is enough: their files are alike. */
static bool is_another_rank(const char *path)
{
	return strstr(path, "/rank1_") || strstr(path, "/rank2_") || strstr(path, "/rank3_");
}

static void samples_survive_cuts(void)
{
	struct arena *a = arena_new();
	struct trace_files files;
	char folder[512];
	const char *names[1] = {folder};
	struct err e = {0};

	if (!samples_folder(folder, sizeof folder)) {
		arena_free(a);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(trace_files_find(names, 1, a, &files, &e), RC_OK);
	for (size_t i = 0; i < files.n; i++) {
		if (!is_another_rank(files.file[i].path))
			file_cut(&files.file[i]);
	}
	arena_free(a);
}

static const struct unit_test tests[] = {
        {"medians are as truth says", medians_are_as_truth_says},
        {"formats of a profile agree", formats_of_a_profile_agree},
        {"real files are read", real_files_are_read},
        {"samples survive cuts", samples_survive_cuts},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("trace_samples", tests);
}
