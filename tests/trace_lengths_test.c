/* Request traces to workloads. Small files are made here; the published traces are read where they
 * are at hand ($EPSIM_DATA, or shared/data beside the source), and left out where not. */
#include "traces/lengths.h"
#include "models/config.h"
#include "tests/unit.h"
#include "traces/lines.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct probe {
	char path[512];
	struct arena *arena;
	struct workload w;
	struct err e;
	enum rc rc;
};

static FILE *probe_open(struct probe *p)
{
	const char *folder = getenv("TMPDIR");
	int fd;

	*p = (struct probe){.arena = arena_new()};
	snprintf(p->path, sizeof p->path, "%s/epsim-trace-XXXXXX", folder ? folder : "/tmp");
	fd = mkstemp(p->path);
	CU_ASSERT_FATAL(fd >= 0);
	return fdopen(fd, "wb");
}

static void probe_read(struct probe *p, FILE *out)
{
	CU_ASSERT_FATAL(fclose(out) == 0);
	p->rc = trace_workload(p->path, p->arena, &p->w, &p->e);
	unlink(p->path);
	if (p->rc != RC_OK)
		CU_ASSERT_PTR_NULL(p->w.name);
}

static void probe_text(struct probe *p, const char *text, size_t n)
{
	FILE *out = probe_open(p);

	fwrite(text, 1, n, out);
	probe_read(p, out);
}

static bool near(double got, double want, double tolerance_ratio)
{
	bool ok = fabs(got - want) <= tolerance_ratio * fabs(want);

	if (!ok)
		fprintf(stderr, "got %.17g, want %.17g\n", got, want);
	return ok;
}

static bool lengths_are(const struct lengths *l, double mean, double p50, double p90, double p99)
{
	const double exact = 1e-12;

	return near(l->mean_count, mean, exact) && near(l->p50_count, p50, exact) &&
	       near(l->p90_count, p90, exact) && near(l->p99_count, p99, exact);
}

/* ---- what can be read ------------------------------------------------------------------------ */

/* Prompts 40, 10, 30, 20 and answers 4, 3, 2, 1, in every format and in every manner. */
static const char *const same[] = {
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9,40,4\n2023-11-16 18:17:04.0,10,3\n"
        "2023-11-16 18:17:04.1,30,2\n2023-11-16 18:17:04.2,20,1\n",
        "start_offset_ns,context_tokens,generated_tokens\n1,40,4\n2,10,3\n3,30,2\n4,20,1\n",
        "start_offset_ns,prompt_tokens_actual,output_tokens_actual\n1,40,4\n2,10,3\n3,30,2\n"
        "4,20,1\n",
        "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n40,4,44,10.0\n"
        "10,3,13,3.3\n30,2,32,15\n20,1,21,20\n",
        "{\"timestamp\": 0, \"input_length\": 40, \"output_length\": 4, \"hash_ids\": [0, 1]}\n"
        "{\"timestamp\": 0, \"input_length\": 10, \"output_length\": 3, \"hash_ids\": []}\n"
        "{\"timestamp\": 5, \"input_length\": 30, \"output_length\": 2}\n"
        "{\"output_length\": 1, \"input_length\": 20}\n",
        "{\"arrival_time_ns\": 4, \"input_toks\": 40, \"output_toks\": 4}\n"
        "{\"arrival_time_ns\": 5, \"input_toks\": 10, \"output_toks\": 3}\n"
        "{\"arrival_time_ns\": 6, \"input_toks\": 30, \"output_toks\": 2}\n"
        "{\"arrival_time_ns\": 7, \"input_toks\": 20, \"output_toks\": 1}\n",
        /* manners: byte order mark, CR LF, blank lines, no last line end */
        "\xef\xbb\xbf"
        "ContextTokens,GeneratedTokens\r\n40,4\r\n\r\n10,3\r\n30,2\r\n  \r\n20,1\r\n\r\n",
        "\n\nContextTokens,GeneratedTokens\n40,4\n10,3\n30,2\n20,1",
        "\xef\xbb\xbf{\"input_length\": 40, \"output_length\": 4}\r\n"
        "{\"input_length\": 10, \"output_length\": 3}\r\n"
        "{\"input_length\": 30, \"output_length\": 2}\r\n"
        "{\"input_length\": 20, \"output_length\": 1}",
        /* other orders of columns, blanks, quotes, a comma within quotes, fractions of zero */
        "GeneratedTokens,note,ContextTokens\n4,\"a, b\",40\n3,,10\n2,x,30\n1,x,20\n",
        " \"ContextTokens\" , GeneratedTokens\n 40 ,\"4\"\n10.0,3.\n\"30\",2\n20,1\n",
        /* the keys within another object are not the request's */
        "{\"a\": {\"input_length\": 7}, \"input_length\": 40, \"output_length\": 4.0}\n"
        "{\"input_length\": 10, \"a\": [{\"output_length\": null}], \"output_length\": 3}\n"
        "{\"input_length\": 30, \"output_length\": 2}\n{\"input_length\": 20, \"output_length\": "
        "1}\n",
};

static void every_format_reads_alike(void)
{
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		struct probe p;

		probe_text(&p, same[i], strlen(same[i]));
		CU_ASSERT_EQUAL(p.rc, RC_OK);
		if (p.rc == RC_OK) {
			CU_ASSERT_TRUE(lengths_are(&p.w.input, 25, 25, 37, 39.7));
			CU_ASSERT_TRUE(lengths_are(&p.w.output, 2.5, 2.5, 3.7, 3.97));
			CU_ASSERT_EQUAL(p.w.prompt, LENGTH_P90);
			UNIT_TEXT(p.w.name, strrchr(p.path, '/') + 1);
			UNIT_HOLDS(p.w.describes, "4 requests");
		} else {
			UNIT_TEXT(p.e.text, "");
		}
		arena_free(p.arena);
	}
}

static void one_request_is_its_own_statistics(void)
{
	static const char text[] = "ContextTokens,GeneratedTokens\n7,1\n";
	struct probe p;

	probe_text(&p, text, sizeof text - 1);
	CU_ASSERT_EQUAL(p.rc, RC_OK);
	CU_ASSERT_TRUE(lengths_are(&p.w.input, 7, 7, 7, 7));
	CU_ASSERT_TRUE(lengths_are(&p.w.output, 1, 1, 1, 1));
	arena_free(p.arena);
}

/* 0..10000 shuffled: 7919 is prime to 10001, so its multiples meet every remainder once. */
static void a_shuffled_ramp(int scale, struct probe *p)
{
	FILE *out = probe_open(p);

	fputs("context_tokens,generated_tokens\n", out);
	for (int i = 0; i <= 10000; i++)
		fprintf(out, "%d,%d\n", scale * (i * 7919 % 10001), scale * i);
	probe_read(p, out);
}

static void order_of_requests_does_not_matter(void)
{
	struct probe p;

	a_shuffled_ramp(1, &p);
	CU_ASSERT_EQUAL_FATAL(p.rc, RC_OK);
	CU_ASSERT_TRUE(lengths_are(&p.w.input, 5000, 5000, 9000, 9900));
	CU_ASSERT_TRUE(lengths_are(&p.w.output, 5000, 5000, 9000, 9900));
	arena_free(p.arena);
}

static void twice_the_tokens_twice_the_statistics(void)
{
	struct probe p, twice;

	a_shuffled_ramp(1, &p);
	a_shuffled_ramp(2, &twice);
	CU_ASSERT_EQUAL_FATAL(twice.rc, RC_OK);
	CU_ASSERT_TRUE(twice.w.input.mean_count == 2 * p.w.input.mean_count);
	CU_ASSERT_TRUE(twice.w.input.p90_count == 2 * p.w.input.p90_count);
	CU_ASSERT_TRUE(twice.w.input.p99_count == 2 * p.w.input.p99_count);
	arena_free(p.arena);
	arena_free(twice.arena);
}

static void long_lines_are_read(void)
{
	struct probe p;
	FILE *out = probe_open(&p);

	fputs("{\"hash_ids\": [0", out);
	for (int i = 0; i < 1 << 18; i++)
		fputs(", 1", out);
	fputs("], \"input_length\": 5, \"output_length\": 6}\n", out);
	probe_read(&p, out);
	CU_ASSERT_EQUAL(p.rc, RC_OK);
	CU_ASSERT_TRUE(lengths_are(&p.w.input, 5, 5, 5, 5));
	arena_free(p.arena);
}

/* ---- what is refused ------------------------------------------------------------------------- */

struct refusal {
	const char *text, *after_path; /* what the message says after the path */
};

#define CSV "ContextTokens,GeneratedTokens\n"
#define JSON "{\"input_length\": 1, \"output_length\": 2}\n"

static const struct refusal refusals[] = {
        {"", ": the file is empty"},
        {"\n \r\n", ": the file is empty"},
        {CSV, ": a header, but no request"},
        {"1,2\n3,4\n", ":1: no request trace known here"},
        {"hello\n", ":1: no request trace known here"},
        {"[]\n", ":1: no request trace known here"},
        {"{}\n", ":1: no request trace known here"},
        {"TIMESTAMP,ContextTokens\n1,2\n",
         ":1: 'ContextTokens' is there, but 'GeneratedTokens' is missing (Azure"},
        {"{\"output_toks\": 3}\n", ":1: 'output_toks' is there, but 'input_toks' is missing"},
        {CSV "1,2\n1,-2\n", ":3: 'GeneratedTokens' is '-2'; a whole number of tokens, zero or"},
        {CSV "1,2\n\n\nx,2\n", ":5: 'ContextTokens' is 'x'; a whole number"},
        {CSV "1,\n", ":2: 'GeneratedTokens' is ''; a whole number"},
        {CSV "1.5,2\n", ":2: 'ContextTokens' is '1.5'; a whole number"},
        {CSV "1e3,2\n", ":2: 'ContextTokens' is '1e3'; a whole number"},
        {CSV "nan,2\n", ":2: 'ContextTokens' is 'nan'; a whole number"},
        {CSV "0x10,2\n", ":2: 'ContextTokens' is '0x10'; a whole number"},
        {CSV "9007199254740992,2\n",
         ":2: 'ContextTokens' is '9007199254740992'; a number below 2^53"},
        {CSV "99999999999999999999999,2\n", "; a number below 2^53 is expected"},
        {CSV "1\n", ":2: 'GeneratedTokens' is column 2, but the row has 1"},
        {CSV "0,2\n0,2\n5,2\n", ": mean and median of the prompts must be 1 token at least"},
        {JSON "{\"input_length\": 1}\n", ":2: the request has no 'output_length'"},
        {JSON "{\"input_length\": \"1\", \"output_length\": 2}\n",
         ":2: 'input_length' is a string; a whole number"},
        {"{\"input_length\": null, \"output_length\": 2}\n", ":1: 'input_length' is null"},
        {JSON "{\"input_length\": [1], \"output_length\": 2}\n", ":2: 'input_length' is an array"},
        {JSON "{\"input_length\": {}, \"output_length\": 2}\n", ":2: 'input_length' is an object"},
        {JSON "{\"input_length\": true, \"output_length\": 2}\n", ":2: 'input_length' is true"},
        {JSON "{\"input_length\": -1, \"output_length\": 2}\n", ":2: 'input_length' is '-1'"},
        {JSON "{\"input_length\": 1.5, \"output_length\": 2}\n", ":2: 'input_length' is '1.5'"},
        {JSON "{\"input_length\": 1, \"input_length\": 1}\n", ":2: 'input_length' stands twice"},
        {JSON "{\"input_length\": 1, \"output_len", ":2: no JSON object: parse error"},
        {JSON "{\"input_length\": 1, \"output_length\": 2} x\n", ":2: no JSON object"},
        {"{\"input_length\": 1, \"output_len", ":1: no JSON object: parse error"},
        {"{\"input_length\": 1, \"output_length\": 2", ":1: no JSON object: parse error"},
        {JSON "[1]\n", ":2: a JSON object is expected on each line, not an array"},
        {JSON "5\n", ":2: a JSON object is expected on each line, not a number"},
        {JSON "\"\xff\"\n", ":2: no JSON object"},
};

static void bad_files_are_refused_with_their_line(void)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		const struct refusal *r = &refusals[i];
		struct probe p;

		probe_text(&p, r->text, strlen(r->text));
		CU_ASSERT_EQUAL(p.rc, RC_DATA);
		CU_ASSERT_EQUAL(p.e.rc, RC_DATA);
		CU_ASSERT_EQUAL(strncmp(p.e.text, p.path, strlen(p.path)), 0);
		UNIT_HOLDS(p.e.text, r->after_path);
		arena_free(p.arena);
	}
}

static void a_nul_is_no_end_of_line(void)
{
	static const char text[] = CSV "1,2\0\n3,4\n", blank[] = CSV "1,2\n\0\n";
	struct probe p;

	probe_text(&p, text, sizeof text - 1);
	UNIT_HOLDS(p.e.text, ":2: 'GeneratedTokens' is '2");
	arena_free(p.arena);
	probe_text(&p, blank, sizeof blank - 1);
	UNIT_HOLDS(p.e.text, ":3: 'ContextTokens' is ''");
	arena_free(p.arena);
}

/* A text of n_bytes after `before`, without a line end. */
static void endless(struct probe *p, const char *before, size_t n_bytes)
{
	FILE *out = probe_open(p);

	fputs(before, out);
	for (size_t i = strlen(before); i < n_bytes; i++)
		putc_unlocked('1', out);
	probe_read(p, out);
}

static void endless_lines_are_refused(void)
{
	struct probe p;

	endless(&p, "", LINE_MOST_BYTES + 1);
	UNIT_HOLDS(p.e.text, ":1: the line is longer than 16 MiB");
	arena_free(p.arena);
	endless(&p, CSV, LINE_MOST_BYTES + sizeof CSV);
	UNIT_HOLDS(p.e.text, ":2: the line is longer than 16 MiB");
	arena_free(p.arena);
	endless(&p, CSV, LINE_MOST_BYTES + sizeof CSV - 1); /* just fits, and is no request */
	UNIT_HOLDS(p.e.text, ":2: 'ContextTokens' is '1111111111");
	arena_free(p.arena);
}

static void what_is_no_file_is_refused(void)
{
	struct arena *a = arena_new();
	struct workload w;
	struct err e;

	CU_ASSERT_EQUAL(trace_workload("no/such/trace.csv", a, &w, &e), RC_DATA);
	UNIT_HOLDS(e.text, "no/such/trace.csv: cannot be opened: ");
	CU_ASSERT_EQUAL(trace_workload(".", a, &w, &e), RC_DATA);
	UNIT_HOLDS(e.text, ".: cannot be ");
	arena_free(a);
}

/* ---- published traces ------------------------------------------------------------------------ */

struct published {
	const char *file, *config;    /* below the data folder; name in configs/workloads */
	struct lengths input, output; /* as the notes beside the traces state; 0: not stated */
};

static const struct published published[] = {
        {"azure2023/AzureLLMInferenceTrace_code.csv",
         "azure-code",
         {2048, 1469, 5194, 7436},
         {28, 13, 55, 252}},
        {"azure2023/AzureLLMInferenceTrace_conv.csv",
         "azure-conv",
         {1155, 1020, 2735, 4142},
         {211, 129, 424, 601}},
        {"mooncake/conversation_trace.jsonl",
         "mooncake-conversation",
         {.mean_count = 12035},
         {.mean_count = 343}},
        {.file = "mooncake/synthetic_trace.jsonl", .config = "mooncake-synthetic"},
        {.file = "llmservingsim/sharegpt-qwen3-30b-a3b-300-sps10.lengths_blockhash16.jsonl",
         .config = "sharegpt"},
        {.file = "vidur/arxiv_summarization_stats_llama2_tokenizer_filtered_v2.csv",
         .config = "arxiv-summarization"},
};

static const char *trace_path(const char *file, struct arena *a)
{
	const char *data = getenv("EPSIM_DATA");
#ifdef EPSIM_SOURCE_DIR
	const char *beside = EPSIM_SOURCE_DIR "/../shared/data";
#else
	const char *beside = "../shared/data";
#endif

	return arena_print(a, "%s/traces/%s", data && *data ? data : beside, file);
}

/* Their last digit is rounded, and their rule for quantiles may be another. */
static bool as_stated(double got, double stated)
{
	return !(stated > 0) || fabs(got - stated) <= 0.5 + 0.002 * stated;
}

static void lengths_as_stated(const struct lengths *got, const struct lengths *stated)
{
	CU_ASSERT_TRUE(as_stated(got->mean_count, stated->mean_count));
	CU_ASSERT_TRUE(as_stated(got->p50_count, stated->p50_count));
	CU_ASSERT_TRUE(as_stated(got->p90_count, stated->p90_count));
	CU_ASSERT_TRUE(as_stated(got->p99_count, stated->p99_count));
}

static void lengths_agree(const struct lengths *got, const struct lengths *config)
{
	const double digits = 2e-4; /* configs give four of them */

	CU_ASSERT_TRUE(near(config->mean_count, got->mean_count, digits));
	CU_ASSERT_TRUE(near(config->p50_count, got->p50_count, digits));
	CU_ASSERT_TRUE(near(config->p90_count, got->p90_count, digits));
	CU_ASSERT_TRUE(near(config->p99_count, got->p99_count, digits));
}

static void published_check(const struct published *p)
{
	struct config *c = config_new();
	const char *path = trace_path(p->file, c->arena);
	struct workload w;
	struct err e;

	if (access(path, R_OK) != 0) {
		printf("left out: no %s ", path);
		config_free(c);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(trace_workload(path, c->arena, &w, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(config_section(c, SECTION_WORKLOAD, p->config, &e), RC_OK);
	lengths_as_stated(&w.input, &p->input);
	lengths_as_stated(&w.output, &p->output);
	lengths_agree(&w.input, &c->workload.input);
	lengths_agree(&w.output, &c->workload.output);
	config_free(c);
}

static void published_traces_give_the_configs(void)
{
	for (size_t i = 0; i < sizeof published / sizeof *published; i++)
		published_check(&published[i]);
}

static const struct unit_test tests[] = {
        {"every format reads alike", every_format_reads_alike},
        {"one request is its own statistics", one_request_is_its_own_statistics},
        {"order of requests does not matter", order_of_requests_does_not_matter},
        {"twice the tokens, twice the statistics", twice_the_tokens_twice_the_statistics},
        {"long lines are read", long_lines_are_read},
        {"bad files are refused with their line", bad_files_are_refused_with_their_line},
        {"a NUL is no end of line", a_nul_is_no_end_of_line},
        {"endless lines are refused", endless_lines_are_refused},
        {"what is no file is refused", what_is_no_file_is_refused},
        {"published traces give the configs", published_traces_give_the_configs},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("trace_lengths", tests);
}
