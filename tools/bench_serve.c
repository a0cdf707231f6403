/* Benchmarks of serving: a million requests with 300 tokens each on 64 instances. */
#include "sim/serve_deploy.h"
#include "sim/serve_summary.h"
#include "tools/bench.h"

enum { REQUESTS = 1000 * 1000, INSTANCES = 64, PROMPT = 512, ANSWER = 300 };

struct serve_bench {
	const char *machine, *model;
	int64_t ep;
	enum dtype weights;
	double rate_count;
};

static const struct serve_bench one_group = {"rtx-pro-6000", "llama-3.1-8b", 1, DTYPE_BF16, 500};
static const struct serve_bench wide_ep = {"cloudmatrix384", "deepseek-v3.1", 32, DTYPE_INT8, 900};

static enum rc serve_once(const struct serve_bench *b, struct config *c, struct request_list *l,
                          struct err *e)
{
	struct deployment d;
	struct serve_result r;
	enum rc rc;

	TRY(config_section(c, SECTION_MACHINE, b->machine, e));
	TRY(config_section(c, SECTION_MODEL, b->model, e));
	c->schedule.ep = b->ep, c->schedule.weights = (int)b->weights;
	c->serving.instances = INSTANCES;
	request_append(l, &(struct request){.input = PROMPT, .output = ANSWER});
	arrivals_make(l, REQUESTS, arrival_find("poisson"),
	              &(struct arrival_spec){.rate_count = b->rate_count});
	TRY(deployment_make(c, l, &(struct deployment_options){.engine = &engine_fluid}, &d, e));
	rc = serve_run(&d.setup, l, &r, e);
	if (rc == RC_OK) {
		struct serve_summary s;

		serve_summarize(&d.setup, l, &r, 0, &(struct slo){0}, &s);
		CHECK(s.done == REQUESTS);
		serve_result_fini(&r);
	}
	deployment_fini(&d);
	return rc;
}

static enum rc time_serve(const struct serve_bench *b, double *out_s, struct err *e)
{
	struct config *c = config_new();
	struct request_list l = {0};
	double start_s = cpu_s();
	enum rc rc = serve_once(b, c, &l, e);

	*out_s = cpu_s() - start_s;
	request_list_fini(&l);
	config_free(c);
	return rc;
}

enum rc bench_serve_million(bool once, double *out_s, struct err *e)
{
	(void)once; /* it is long enough */
	return time_serve(&one_group, out_s, e);
}

enum rc bench_serve_million_ep32(bool once, double *out_s, struct err *e)
{
	(void)once;
	return time_serve(&wide_ep, out_s, e);
}

enum rc bench_serve_rate(bool once, double *out_per_s, struct err *e)
{
	double took_s;

	(void)once;
	TRY(time_serve(&one_group, &took_s, e));
	return *out_per_s = REQUESTS / took_s, RC_OK;
}

static void serve_million(void)
{
	struct err e;
	double took_s;

	CHECK(time_serve(&one_group, &took_s, &e) == RC_OK);
}

enum rc bench_serve_bytes(bool once, double *out_bytes, struct err *e)
{
	(void)once;
	return bench_peak_beyond_idle(serve_million, out_bytes, e);
}
