/* Serving on real traces and against real runs. They are not part of this project: without them the
 * tests say so and pass. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/serve_fit.h"
#include "sim/serve_summary.h"
#include "tests/serve_scene.h"
#include "tests/unit.h"
#include "traces/requests.h"
#include "traces/served_log.h"

enum { PATH_SIZE = 1024 };

/* false, and says so, where the file is not there. */
static bool data_path(const char *name, char path[PATH_SIZE])
{
	const char *data = getenv("EPSIM_DATA");

	snprintf(path, PATH_SIZE, "%s/traces/%s", data ? data : "../shared/data", name);
	if (access(path, R_OK) == 0)
		return true;
	printf("skipped: no %s ", path);
	return false;
}

static bool trace_read(const char *name, struct request_list *l)
{
	char path[PATH_SIZE];
	struct err e;

	memset(l, 0, sizeof *l);
	if (!data_path(name, path))
		return false;
	CU_ASSERT_EQUAL_FATAL(trace_requests(path, l, &e), RC_OK);
	return true;
}

/* ---- prefix reuse ---------------------------------------------------------------------------- */

static void check_reuse(const char *name, double want)
{
	struct request_list l;

	if (!trace_read(name, &l))
		return;
	CU_ASSERT_DOUBLE_EQUAL(request_reuse_ratio(&l), want, 0.0005);
	request_list_fini(&l);
}

static void test_reuse(void)
{
	check_reuse("mooncake/conversation_trace.jsonl", 0.366);
	check_reuse("mooncake/synthetic_trace.jsonl", 0.640);
}

/* Prompt tokens that an unlimited cache of whole blocks has, request after request; one token at
 * least is computed. */
static double unlimited_hits(const struct request_list *l)
{
	bool *seen = calloc((size_t)1 << 20, sizeof *seen);
	double hits = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
	for (size_t i = 0; i < l->n; i++) {
		const uint32_t *block = l->block + l->at[i].first_block;
		int32_t whole = l->at[i].input / (int32_t)l->block_tokens, n = 0;

		while (n < whole && seen[block[n]])
			n++;
		hits += (double)((n * l->block_tokens >= l->at[i].input ? n - 1 : n) *
		                 l->block_tokens);
		for (int32_t k = 0; k < whole; k++)
			seen[block[k]] = true;
	}
	free(seen);
	return hits;
}

/* One request at a time, and nothing is ever dropped. */
static void test_cache_is_the_count(void)
{
	struct serve_scene s;

	serve_scene_init(&s, &(struct linear_times){.base_s = 0x1p-20});
	if (trace_read("mooncake/conversation_trace.jsonl", &s.list)) {
		s.spec.max_seqs = 1, s.spec.max_tokens = INT32_MAX;
		for (size_t i = 0; i < s.list.n; i++)
			s.list.at[i].output = 1;
		serve_scene_run(&s);
		CU_ASSERT_EQUAL(s.result.prefix_hit_count, unlimited_hits(&s.list));
		CU_ASSERT_TRUE(s.result.prefix_hit_count > 0);
	}
	serve_scene_fini(&s);
}

/* ---- arrivals -------------------------------------------------------------------------------- */

/* Waits of one server at the same load: as the trace has its arrivals, and Poisson. */
static void test_azure_code_bursts(void)
{
	const double load = 0.7;
	double wait[2], tokens = 0;

	for (int poisson = 0; poisson < 2; poisson++) {
		struct serve_scene s;

		serve_scene_init(&s, &(struct linear_times){.token_s = 1});
		if (!trace_read("azure2023/AzureLLMInferenceTrace_code.csv", &s.list)) {
			serve_scene_fini(&s);
			return;
		}
		s.spec.max_seqs = 1, s.spec.max_tokens = INT32_MAX;
		tokens = 0;
		for (size_t i = 0; i < s.list.n; i++) {
			s.list.at[i].output = 1;
			tokens += s.list.at[i].input / (double)s.list.n;
		}
		arrivals_make(&s.list, s.list.n, arrival_find(poisson ? "poisson" : "replay"),
		              &(struct arrival_spec){.rate_count = load / tokens, .seed = 1});
		serve_scene_run(&s);
		wait[poisson] = s.result.waiting.sum_units / (double)s.list.n;
		serve_scene_fini(&s);
	}
	printf("replayed arrivals wait %.0f times as long as Poisson ones ", wait[0] / wait[1]);
	CU_ASSERT_TRUE(wait[0] > 20 * wait[1]);
}

/* ---- vLLM on RTX PRO 6000 -------------------------------------------------------------------- */

/* One measured run, and how it is served here. */
struct run {
	const char *model, *trace, *log;
	int64_t tp;
};
static const struct run llama = {
        "llama-3.1-8b", "llmservingsim/sharegpt-llama-3.1-8b-300-sps10.lengths_blockhash16.jsonl",
        "llmservingsim/measured_vllm/Llama-3.1-8B/requests.jsonl", 1};
/* that trace's lengths are those of the log, request by request */
static const struct run qwen = {
        "qwen3-32b", "llmservingsim/sharegpt-qwen3-30b-a3b-300-sps10.lengths_blockhash16.jsonl",
        "llmservingsim/measured_vllm/Qwen3-32B/requests.jsonl", 2};

struct opened {
	struct config *config;
	struct request_list list;
	struct served_row *row;
	size_t n;
};

static bool run_open(const struct run *r, struct opened *o)
{
	char path[PATH_SIZE];
	struct err e = {0};

	memset(o, 0, sizeof *o);
	if (!trace_read(r->trace, &o->list))
		return false;
	if (!data_path(r->log, path)) {
		request_list_fini(&o->list);
		return false;
	}
	CU_ASSERT_EQUAL_FATAL(served_log_read(path, &o->row, &o->n, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(o->n, o->list.n);
	o->config = config_new();
	CU_ASSERT_EQUAL_FATAL(config_section(o->config, SECTION_MACHINE, "rtx-pro-6000", &e),
	                      RC_OK);
	CU_ASSERT_EQUAL_FATAL(config_section(o->config, SECTION_MODEL, r->model, &e), RC_OK);
	o->config->schedule.ep = o->config->schedule.tp = r->tp;
	o->config->schedule.weights = DTYPE_BF16;
	o->config->serving.schedule_ahead = true;
	return true;
}

static void run_close(struct opened *o)
{
	config_free(o->config);
	request_list_fini(&o->list);
	free(o->row);
}

static void fit(struct opened *o, struct serve_fit_parameter *parameter, size_t n)
{
	double *ttft = calloc(o->n, sizeof *ttft), *tpot = calloc(o->n, sizeof *tpot);
	struct serve_fit_run f = {.config = o->config,
	                          .requests = &o->list,
	                          .ttft_s = ttft,
	                          .tpot_s = tpot,
	                          .engine = &engine_fluid,
	                          .parameter = parameter,
	                          .n = n};
	struct serve_fit_result r;
	struct err e = {0};

	CU_ASSERT_PTR_NOT_NULL_FATAL(ttft);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tpot);
	for (size_t i = 0; i < o->n; i++) {
		const struct served_row *row = &o->row[i];

		ttft[i] = row->first_s - row->queued_s;
		tpot[i] = (row->last_s - row->first_s) / (row->output_count - 1);
		f.makespan_s = fmax(f.makespan_s, row->last_s);
	}
	CU_ASSERT_EQUAL_FATAL(serve_fit(&f, &r, &e), RC_OK);
	for (size_t i = 0; i < n; i++)
		printf("\n  %s %.4g%s", parameter[i].path, parameter[i].value_units,
		       parameter[i].unit);
	free(ttft);
	free(tpot);
}

static double error_of(const char *what, double is, double measured)
{
	printf("\n  %-12s measured %.4g, predicted %.4g: %+.1f %% ", what, measured, is,
	       100 * (is / measured - 1));
	return fabs(is / measured - 1);
}

/* Mean TTFT within 15 %, mean TPOT within 5 %, throughput within 3 %. */
static void check_prediction(struct opened *o)
{
	double ttft = 0, tpot = 0, tokens = 0, last = 0;
	struct deployment d;
	struct serve_result r;
	struct serve_summary s;
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(deployment_make(o->config, &o->list,
	                                      &(struct deployment_options){.engine = &engine_fluid},
	                                      &d, &e),
	                      RC_OK);
	CU_ASSERT_EQUAL_FATAL(serve_run(&d.setup, &o->list, &r, &e), RC_OK);
	serve_summarize(&d.setup, &o->list, &r, 0, &(struct slo){0}, &s);
	for (size_t i = 0; i < o->n; i++) {
		const struct served_row *row = &o->row[i];
		double n = (double)o->n;

		ttft += (row->first_s - row->queued_s) / n;
		tpot += (row->last_s - row->first_s) / (row->output_count - 1) / n;
		tokens += row->output_count;
		last = fmax(last, row->last_s);
	}
	CU_ASSERT_TRUE(error_of("TTFT", s.ttft.mean_s, ttft) < 0.15);
	CU_ASSERT_TRUE(error_of("TPOT", s.tpot.mean_s, tpot) < 0.05);
	CU_ASSERT_TRUE(error_of("tokens/s", s.output_rate_count, tokens / last) < 0.03);
	serve_result_fini(&r);
	deployment_fini(&d);
}

/* What is known of the run of Qwen3-30B-A3B (DP2, EP2), whose log is not at hand: makespan, output
 * rate, and requests in the system on average, thus their mean time there by Little's law. */
static void test_qwen_moe(void)
{
	const double makespan_s = 64.0, output_rate = 3116, present = 151.6;
	struct opened o;
	struct deployment d;
	struct serve_result r;
	struct serve_summary s;
	struct err e = {0};

	if (!run_open(&qwen, &o))
		return;
	CU_ASSERT_EQUAL_FATAL(config_section(o.config, SECTION_MODEL, "qwen3-30b-a3b", &e), RC_OK);
	o.config->schedule.ep = 2, o.config->schedule.tp = 1;
	o.config->schedule.flow = "allgather";
	o.config->schedule.dispatch = DTYPE_BF16;
	o.config->routing.kind = ROUTING_UNIFORM;
	CU_ASSERT_EQUAL_FATAL(deployment_make(o.config, &o.list,
	                                      &(struct deployment_options){.engine = &engine_fluid},
	                                      &d, &e),
	                      RC_OK);
	CU_ASSERT_EQUAL_FATAL(serve_run(&d.setup, &o.list, &r, &e), RC_OK);
	serve_summarize(&d.setup, &o.list, &r, 0, &(struct slo){0}, &s);
	CU_ASSERT_TRUE(error_of("tokens/s", s.output_rate_count, output_rate) < 0.03);
	CU_ASSERT_TRUE(error_of("end to end", s.e2e.mean_s,
	                        present * makespan_s / (double)o.list.n) < 0.05);
	serve_result_fini(&r);
	deployment_fini(&d);
	run_close(&o);
}

/* The shipped machine was fitted to one of the runs: what it learned there is put back to a guess.
 */
static void forget(struct config *c)
{
	static const char *const guesses[] = {
	        "machine.gemm.peak=60%", "machine.gemm.memory=85%", "machine.gemm.exposed=50%",
	        "machine.decode_attention.memory=85%", "machine.serving.step=1ms"};

	for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
		struct err e;

		CU_ASSERT_EQUAL(config_set(c, guesses[i], &e), RC_OK);
	}
}

/* Parameters of the machine from one run, the other predicted with them. */
static void fit_and_predict(const struct run *from, const struct run *to,
                            struct serve_fit_parameter *parameter, size_t n)
{
	struct opened a, b;

	if (!run_open(from, &a))
		return;
	if (!run_open(to, &b)) {
		run_close(&a);
		return;
	}
	forget(a.config);
	fit(&a, parameter, n);
	b.config->machine = a.config->machine;
	check_prediction(&b);
	run_close(&a);
	run_close(&b);
}

static void test_llama_to_qwen(void)
{
	struct serve_fit_parameter p[] = {{"machine.gemm.peak", "", 0.6, 0},
	                                  {"machine.gemm.memory", "", 0.85, 0},
	                                  {"machine.gemm.exposed", "", 0.5, 0},
	                                  {"machine.decode_attention.memory", "", 0.85, 0},
	                                  {"machine.serving.step", "ms", 1, 0}};

	fit_and_predict(&llama, &qwen, p, 5);
}

/* Decode of TP2 does not tell memory rates from exchanges and a step's fixed cost: two parameters.
 */
static void test_qwen_to_llama(void)
{
	struct serve_fit_parameter p[] = {{"machine.gemm.peak", "", 0.6, 0},
	                                  {"machine.gemm.memory", "", 0.85, 0}};

	fit_and_predict(&qwen, &llama, p, 2);
}

/* The log itself: sum of times in the system over the makespan, as its own time series has it. */
static void test_measured_log(void)
{
	struct opened o;
	double sum = 0, last = 0;

	if (!run_open(&llama, &o))
		return;
	for (size_t i = 0; i < o.n; i++) {
		sum += o.row[i].last_s - o.row[i].queued_s;
		last = fmax(last, o.row[i].last_s);
	}
	CU_ASSERT_DOUBLE_EQUAL(sum / last, 128.3, 0.1);
	run_close(&o);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"share of reused prefix blocks", test_reuse},
	        {"the cache finds what can be found", test_cache_is_the_count},
	        {"bursts of the Azure code trace", test_azure_code_bursts},
	        {"Little's law in a measured log", test_measured_log},
	        {"vLLM: from Llama-3.1-8B to Qwen3-32B", test_llama_to_qwen},
	        {"vLLM: from Qwen3-32B to Llama-3.1-8B", test_qwen_to_llama},
	        {"vLLM: Qwen3-30B-A3B by its configuration", test_qwen_moe},
	        {0},
	};

	return unit_main("serve_data", tests);
}
