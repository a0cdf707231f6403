/* Observations from CSV: what is read, assumed, skipped and refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/exchange.h"
#include "tests/unit.h"
#include "traces/observation.h"

static const char header[] =
        "machine,flow,source,impl,op,phase,ep,tokens_per_rank,hidden,topk,experts,dtype_dispatch,"
        "latency_us,bandwidth_GBps,weight,group,bytes_convention,notify\n";

/* The rows as a file, of which observations keep a copy of the name. */
static enum rc read_as(struct observations *set, const char *as_flow, const char *head,
                       const char *rows, struct err *e)
{
	const char *folder = getenv("TMPDIR");
	char path[512];
	FILE *out;
	enum rc rc;

	snprintf(path, sizeof path, "%s/epsim_rows.XXXXXX", folder ? folder : "/tmp");
	out = fdopen(mkstemp(path), "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fprintf(out, "%s%s", head, rows);
	fclose(out);
	observations_init(set);
	set->as_flow = as_flow;
	*e = (struct err){0};
	rc = observations_read(set, path, e);
	unlink(path);
	return rc;
}

static enum rc read_text(struct observations *set, const char *head, const char *rows,
                         struct err *e)
{
	return read_as(set, NULL, head, rows, e);
}

static struct observation one_row(struct observations *set, const char *row)
{
	struct err e;

	CU_ASSERT_EQUAL_FATAL(read_text(set, header, row, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(set->n, 1);
	return set->row[0];
}

static void a_row_says_what_it_says(void)
{
	struct observations set;
	struct observation o = one_row(
	        &set,
	        "cloudmatrix384,relay2,\"a, \"\"b\"\"\",kernel 7,combine,decode low-latency,16,"
	        "\"mean over {16,32,64}\",7168,8,256,int8(quant),91.41,,0.5,mine,,yes\n");

	UNIT_TEXT(o.source, "a, \"b\"");
	UNIT_TEXT(o.kernel, "a, \"b\"; kernel 7; decode combine");
	UNIT_TEXT(o.group, "mine");
	UNIT_TEXT(o.assumed, "");
	CU_ASSERT_EQUAL(o.op, OP_COMBINE);
	CU_ASSERT_EQUAL(o.phase, PHASE_DECODE);
	CU_ASSERT_EQUAL(o.ep, 16);
	CU_ASSERT_EQUAL(o.n_batches, 3);
	CU_ASSERT_EQUAL(o.tokens[2], 64);
	CU_ASSERT_EQUAL(o.dispatch, DTYPE_INT8);
	CU_ASSERT_DOUBLE_EQUAL(o.measured_s, 91.41e-6, 1e-18);
	CU_ASSERT_DOUBLE_EQUAL(o.weight_ratio, 0.5, 0);
	CU_ASSERT_TRUE(o.notify);
	CU_ASSERT_PTR_NULL(o.convention);
	observations_fini(&set);
}

/* As spreadsheets write them: a byte order mark, CR LF, cells over several lines. Rows are numbered
 * by their first line; quotes inside a cell that has none around it are text. */
static void a_cell_may_take_several_lines(void)
{
	struct observations set;
	struct err e;

	CU_ASSERT_EQUAL(
	        read_text(&set,
	                  "\xef\xbb\xbfmachine,flow,source,op,phase,ep,tokens_per_rank,hidden,"
	                  "topk,latency_us,\"no\r\ntes\"\r\n",
	                  "a2,relay2,\"one\r\n\r\n\"\"two\"\" ,\",combine,decode,8,16,4096,8,9,"
	                  "\r\na2,relay2,5\"\" disk,combine,decode,8,16,4096,8,9,x\r\n",
	                  &e),
	        RC_OK);
	CU_ASSERT_EQUAL_FATAL(set.n, 2);
	UNIT_TEXT(set.row[0].source, "one\n\n\"two\" ,");
	CU_ASSERT_EQUAL(set.row[0].line, 3);
	UNIT_TEXT(set.row[1].source, "5\"\" disk");
	CU_ASSERT_EQUAL(set.row[1].line, 6);
	observations_fini(&set);
	CU_ASSERT_EQUAL(read_text(&set, header, "a2,relay2,\"one\n\ntwo\n", &e), RC_DATA);
	UNIT_HOLDS(e.text, ":2: a quote is not closed");
	observations_fini(&set);
}

static void other_units_are_refused(void)
{
	struct observations set;
	struct err e;

	CU_ASSERT_EQUAL(read_text(&set,
	                          "machine,flow,source,op,phase,ep,tokens_per_rank,hidden,topk,"
	                          "latency_ms\n",
	                          "", &e),
	                RC_DATA);
	UNIT_HOLDS(e.text, ":1: column latency_ms: it is read as latency_us alone");
	observations_fini(&set);
}

/* A uniform error of one unit in the last digit; zeros before the point are taken for rounding. */
static void rounding_is_part_of_a_figure(void)
{
	static const struct {
		const char *text;
		double unit, value;
	} known[] = {
	        {"118", 1, 118}, {"9400", 100, 9400}, {"94.95", 0.01, 94.95}, {"18.0", 0.1, 18}};
	struct observations set;
	char row[256];

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		snprintf(row, sizeof row,
		         "cloudmatrix384,relay2,s,k,combine,decode,16,64,7168,8,256,int8,%s,,,,,\n",
		         known[i].text);
		NEARLY(one_row(&set, row).rounding_ratio, known[i].unit / sqrt(12) / known[i].value,
		       1e-12, "%s", known[i].text);
		observations_fini(&set);
	}
}

/* Bytes of published conventions, known from their sources: 469.8 MB for 4,096 tokens, 8 rows of
 * 7,168; 7,408 and 14,336 bytes a row of the low-latency kernels. */
static void bandwidths_turn_into_times(void)
{
	static const struct {
		const char *row;
		double bytes, GBps;
	} known[] = {
	        {"cloudmatrix384,relay2,sgl-kernel-npu,k,dispatch,prefill,8,4096,7168,8,256,int8,,"
	         "146,,"
	         ",,\n",
	         4096.0 * 8 * 7168 * 2, 146},
	        {"cloudmatrix384,relay2,sgl-kernel-npu,k,dispatch,decode,8,128,7168,8,256,int8,,58,"
	         ",,,"
	         "\n",
	         128.0 * 8 * 7408, 58},
	        {"cloudmatrix384,relay2,sgl-kernel-npu,k,combine,decode,8,128,7168,8,256,int8,,116,"
	         ",,,"
	         "\n",
	         128.0 * 8 * 14336, 116},
	        {"cloudmatrix384,relay2,mine,k,combine,decode,32,128,7168,8,256,int8,,116,,,bus-"
	         "rows,\n",
	         128.0 * 8 * 14336 * 31 / 32, 116},
	        {"gb200-nvl72,one-sided,TensorRT-LLM,k,dispatch,sweep,16,256,7168,8,256,bf16,,500,,"
	         ",,\n",
	         256.0 * 8 * 14336, 500},
	};
	struct observations set;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		NEARLY(one_row(&set, known[i].row).measured_s,
		       known[i].bytes / (known[i].GBps * 1e9), 1e-14, "%s", known[i].row);
		observations_fini(&set);
	}
}

/* Expected number of ranks that six distinct experts out of 256 are on, by the chance that a rank
 * has none of them: C(256 - 256 / R, 6) / C(256, 6). */
static double ranks_of_six_count(double ranks)
{
	double rest = 256 - 256 / ranks, missed_ratio = 1;

	for (int i = 0; i < 6; i++)
		missed_ratio *= (rest - i) / (256 - i);
	return ranks * (1 - missed_ratio);
}

/* DeepEP's count, as it is read for Ascend 950DT: a row for each rank that a token goes to, FP8
 * with a 4-byte scale a block of 128 in dispatch (7,392 B), BF16 in combine (14,336 B). */
static void deepep_ascend_counts_a_row_once_a_rank(void)
{
	static const struct {
		const char *op;
		double ep, row_bytes, GBps;
	} known[] = {{"dispatch", 8, 7392, 374},
	             {"combine", 8, 14336, 346},
	             {"dispatch", 16, 7392, 350},
	             {"combine", 16, 14336, 339.5}};
	struct observations set;
	char row[256];

	NEARLY(ranks_of_six_count(256), 6, 1e-12, "an expert a rank");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		double bytes = 16384 * ranks_of_six_count(known[i].ep) * known[i].row_bytes;
		struct observation o;

		snprintf(row, sizeof row,
		         "ascend-950,one-sided,deepseek-ai/DeepEP-Ascend README,k,%s,prefill,%.0f,"
		         "16384,7168,6,256,fp8,,%g,,,,\n",
		         known[i].op, known[i].ep, known[i].GBps);
		o = one_row(&set, row);
		UNIT_TEXT(o.convention, "distinct-rows");
		NEARLY(o.measured_s, bytes / (known[i].GBps * 1e9), 1e-12, "%s", row);
		NEARLY(o.assumed_sd_ratio, 0.2, 1e-12, "the doubt of it");
		observations_fini(&set);
	}
}

static void what_is_open_is_assumed_and_said(void)
{
	struct observations set;
	struct observation o =
	        one_row(&set, "cloudmatrix384,relay2,s,k,dispatch,decode,,64,7168,,,,100,,,,,\n");

	UNIT_TEXT(o.assumed, "dtype int8, ep 16, topk 8, experts 256");
	UNIT_TEXT(o.group, "ep not stated");
	observations_fini(&set);
	/* as many tokens as time x bandwidth makes rows of 14,336 bytes */
	o = one_row(&set,
	            "atlas-a2,relay2,sgl-kernel-npu,k,combine,decode,8,,7168,8,,,442.5,66.35,,,,"
	            "\n");
	CU_ASSERT_EQUAL(o.tokens[0], 256);
	UNIT_TEXT(o.assumed, "experts 256, tokens 256");
	observations_fini(&set);
}

/* An unstated width is the least that the source states; experts go by the widest. */
static void rows_of_a_source_help_each_other(void)
{
	struct observations set;
	struct err e;

	CU_ASSERT_EQUAL(
	        read_text(&set, header,
	                  "cloudmatrix384,relay2,s,k,dispatch,prefill,16,1024,,,,bf16,1100,,,,,\n"
	                  "cloudmatrix384,relay2,s,k,dispatch,decode,16,64,7168,8,,bf16,100,,,,,\n"
	                  "cloudmatrix384,relay2,s,k,dispatch,decode,16,64,4096,8,,bf16,90,,,,,\n",
	                  &e),
	        RC_OK);
	CU_ASSERT_EQUAL_FATAL(set.n, 3);
	UNIT_TEXT(set.row[0].assumed, "hidden 4096, topk 8, experts 256");
	UNIT_TEXT(set.row[2].assumed, "experts 256");
	observations_fini(&set);
}

static void a_row_without_figures_asks(void)
{
	struct observations set;
	struct observation o = one_row(
	        &set, "cloudmatrix384,direct,s,k,dispatch,decode,16,64,7168,8,256,bf16,,,,,,\n");

	CU_ASSERT_EQUAL(o.measured_s, 0);
	observations_fini(&set);
}

static void rows_are_skipped_and_counted(void)
{
	struct observations set;
	struct err e;

	CU_ASSERT_EQUAL(read_text(&set, header,
	                          ",relay2,s,k,all-to-all,odd,EP 8x2,,,,,,,,,,,\n"
	                          ",,s,k,dispatch,decode,8,1,7168,8,,fp8,1,,,,,\n"
	                          "cloudmatrix384,,s,k,dispatch,decode,8,1,7168,8,,fp8,1,,,,,\n",
	                          &e),
	                RC_OK);
	CU_ASSERT_EQUAL(set.n, 0);
	CU_ASSERT_EQUAL_FATAL(set.n_skips, 2);
	UNIT_TEXT(set.skip[0].why, "no machine named");
	CU_ASSERT_EQUAL(set.skip[0].n, 2);
	UNIT_TEXT(set.skip[1].why, "no flow named");
	observations_fini(&set);
	CU_ASSERT_EQUAL(read_text(&set, "source,quantity,value\n", "a,b,1\n", &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(set.n_skips, 1);
	UNIT_HOLDS(set.skip[0].why, "no observations of kernels: no column machine");
	observations_fini(&set);
}

/* The set's flow is of rows that name none, and of no others; it is no doubt about the type. */
static void a_flow_can_be_assumed(void)
{
	struct observations set;
	struct err e;

	CU_ASSERT_EQUAL_FATAL(
	        read_as(&set, "one-sided", header,
	                "cloudmatrix384,,s,k,dispatch,decode,8,1,7168,8,256,fp8,100,,,,,\n"
	                "cloudmatrix384,,s,k,dispatch,decode,8,1,7168,8,256,,100,,,,,\n"
	                "cloudmatrix384,relay2,s,k,dispatch,decode,8,1,7168,8,256,fp8,100,,,,,\n"
	                ",,s,k,dispatch,decode,8,1,7168,8,256,fp8,100,,,,,\n",
	                &e),
	        RC_OK);
	CU_ASSERT_EQUAL_FATAL(set.n, 3);
	UNIT_TEXT(set.row[0].flow, "one-sided");
	UNIT_TEXT(set.row[0].assumed, "flow one-sided");
	CU_ASSERT_EQUAL(set.row[0].assumed_sd_ratio, 0);
	UNIT_TEXT(set.row[1].assumed, "flow one-sided, dtype int8");
	CU_ASSERT_TRUE(set.row[1].assumed_sd_ratio > 0);
	UNIT_TEXT(set.row[2].flow, "relay2");
	UNIT_TEXT(set.row[2].assumed, "");
	CU_ASSERT_EQUAL_FATAL(set.n_skips, 1);
	UNIT_TEXT(set.skip[0].why, "no machine named");
	observations_fini(&set);
}

static void wrong_cells_are_named(void)
{
	static const struct {
		const char *row, *says;
	} wrong[] = {
	        {"cloudmatrix384,relay2,s,k,disptach,decode,8,1,7168,8,,int8,1,,,,,\n",
	         ":2: column op: 'disptach' is no op: dispatch or combine"},
	        {"cloudmatrix384,relay2,s,k,dispatch,idle,8,1,7168,8,,int8,1,,,,,\n",
	         ":2: column phase: 'idle' is no phase"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,EP 8x2,1,7168,8,,int8,1,,,,,\n",
	         ":2: column ep: 'EP 8x2' is no whole number"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,0,1,7168,8,,int8,1,,,,,\n",
	         ":2: column ep: '0' is no number above zero"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,\"mean over "
	         "{16;32}\",7168,8,,int8,1,,,,,"
	         "\n",
	         "column tokens_per_rank: 'mean over {16;32}' is no mean over"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,7168,8,,uint4,1,,,,,\n",
	         "column dtype_dispatch: 'uint4' is no type"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,7168,8,,int8,-3,,,,,\n",
	         "column latency_us: '-3' is no number above zero"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,7168,8,,int8,nan,,,,,\n",
	         "column latency_us: 'nan' is no number above zero"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,7168,8,,int8,,5,,,bf16-row,\n",
	         "column bytes_convention: 'bf16-row' is unknown; did you mean 'bf16-rows'?"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,7168,8,,int8,,5,,,,\n",
	         "column bandwidth_GBps: which bytes source 's' counts is not known"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,7168,8\n",
	         ":2: 10 columns, but the header has 18"},
	        {"cloudmatrix384,relay2,\"s,k\n",
	         ":2: a quote is not closed, or text follows one that is"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,7168,8,,int8,1,,,,,maybe\n",
	         "column notify: 'maybe' is no answer: yes or no"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,,8,,int8,1,,,,,\n",
	         "column hidden is empty, and no row of this source states one"},
	        {"cloudmatrix384,relay2,s,k,dispatch,decode,8,1,123,8,,int8,1,,,,,\n",
	         "column experts is empty, and no model in configs/models is as wide"},
	        {"cloudmatrix385,relay2,s,k,dispatch,decode,,1,7168,8,,int8,1,,,,,\n",
	         "cloudmatrix385"},
	};
	struct observations set;
	struct err e;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		enum rc rc = read_text(&set, header, wrong[i].row, &e);

		CU_ASSERT_TRUE(rc == RC_DATA || rc == RC_CONFIG);
		UNIT_HOLDS(e.text, wrong[i].says);
		observations_fini(&set);
	}
}

static void the_digest_does_not_know_the_order(void)
{
	struct observations set;
	const struct observation *row[2], *turned[2];
	struct err e;
	uint64_t digest;

	CU_ASSERT_EQUAL_FATAL(
	        read_text(
	                &set, header,
	                "cloudmatrix384,relay2,s,k,dispatch,decode,16,64,7168,8,256,bf16,100,,,,,\n"
	                "cloudmatrix384,relay2,s,k,dispatch,decode,16,64,4096,8,256,bf16,90,,,,,\n",
	                &e),
	        RC_OK);
	row[0] = turned[1] = &set.row[0], row[1] = turned[0] = &set.row[1];
	digest = observations_digest(row, 2);
	CU_ASSERT_EQUAL(digest, observations_digest(turned, 2));
	set.row[0].measured_s *= 2;
	CU_ASSERT_NOT_EQUAL(digest, observations_digest(row, 2));
	observations_fini(&set);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"a row says what it says", a_row_says_what_it_says},
	        {"a cell may take several lines", a_cell_may_take_several_lines},
	        {"other units are refused", other_units_are_refused},
	        {"rounding is part of a figure", rounding_is_part_of_a_figure},
	        {"bandwidths turn into times", bandwidths_turn_into_times},
	        {"DeepEP-Ascend counts a row once a rank", deepep_ascend_counts_a_row_once_a_rank},
	        {"what is open is assumed, and said", what_is_open_is_assumed_and_said},
	        {"rows of a source help each other", rows_of_a_source_help_each_other},
	        {"a row without figures asks", a_row_without_figures_asks},
	        {"rows are skipped and counted", rows_are_skipped_and_counted},
	        {"a flow can be assumed", a_flow_can_be_assumed},
	        {"wrong cells are named", wrong_cells_are_named},
	        {"the digest does not know the order", the_digest_does_not_know_the_order},
	        {0},
	};

	return unit_main("observation", tests);
}
