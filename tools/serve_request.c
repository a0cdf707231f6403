#include "tools/serve_request.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/lengths_draw.h"
#include "tools/progress.h"
#include "traces/requests.h"

enum { USUAL_REQUESTS = 1000 };

static const unsigned serve_sections =
        NEEDS(SECTION_MACHINE) | NEEDS(SECTION_MODEL) | NEEDS(SECTION_WORKLOAD);

/* ---- the command line ------------------------------------------------------------------------ */

static enum rc number_read(const struct args *a, const char *name, enum dim dim, double fallback,
                           double *out, struct err *e) /* unit: SI of dim */
{
	const char *text = args_value(a, name, NULL);
	struct err inner;

	*out = fallback;
	if (text && quantity_parse(text, dim, out, &inner) != RC_OK)
		return fail(e, RC_CONFIG, "--%s: %s", name, inner.text);
	return RC_OK;
}

/* "ttft=5s,tpot=60ms", in any order, either alone. */
static enum rc slo_read(const struct args *a, struct slo *slo, struct err *e)
{
	const char *text = args_value(a, "slo", "");
	static const char *const names[] = {"ttft", "tpot", NULL};

	while (*text) {
		size_t n = strcspn(text, ","), name = strcspn(text, "=");
		char value[64], key[16];
		double limit_s;
		struct err inner;

		snprintf(key, sizeof key, "%.*s", (int)(name < n ? name : n), text);
		if (name >= n || (strcmp(key, "ttft") != 0 && strcmp(key, "tpot") != 0)) {
			char slip[64];

			return fail(e, RC_CONFIG,
			            "--slo: '%.40s' is no limit%s (such as ttft=5s,tpot=60ms)",
			            text, hint(slip, sizeof slip, key, names));
		}
		snprintf(value, sizeof value, "%.*s", (int)(n - name - 1), text + name + 1);
		if (quantity_parse(value, DIM_TIME, &limit_s, &inner) != RC_OK)
			return fail(e, RC_CONFIG, "--slo: %s: %s", key, inner.text);
		*(key[1] == 't' ? &slo->ttft_s : &slo->tpot_s) = limit_s;
		text += n + (text[n] == ',');
	}
	return RC_OK;
}

static enum rc arrival_read(const struct args *a, struct serve_job *j, struct err *e)
{
	const char *name = args_value(a, "arrivals", NULL);
	const char *names[8] = {0};
	char slip[64];
	int64_t seed;

	TRY(number_read(a, "rate", DIM_RATIO, 0, &j->arrival.rate_count, e));
	TRY(number_read(a, "cv", DIM_RATIO, 4, &j->arrival.cv_ratio, e));
	TRY(args_integer(a, "seed", 0, 0, &seed, e));
	j->arrival.seed = (uint64_t)seed;
	if (!name)
		name = j->base.timed ? "replay" : "poisson";
	j->process = arrival_find(name);
	for (size_t i = 0; arrivals[i].name; i++)
		names[i] = arrivals[i].name;
	if (!j->process)
		return fail(e, RC_CONFIG,
		            "--arrivals: there is no '%.40s'%s (replay, poisson, gamma, even)",
		            name, hint(slip, sizeof slip, name, names));
	if (!j->process->gap_s && !j->base.timed)
		return fail(e, RC_CONFIG,
		            "--arrivals replay: the requests have no times; --trace FILE");
	if (j->process->gap_s && !(j->arrival.rate_count > 0) && !args_has(a, "goodput"))
		return fail(e, RC_CONFIG, "serve: --rate is needed, requests a second");
	if (!(j->arrival.cv_ratio > 0))
		return fail(e, RC_CONFIG, "--cv: must be above 0");
	return RC_OK;
}

/* Without a trace all requests have the workload's mean lengths, or lengths drawn from it. */
static void workload_requests(struct serve_job *j, size_t n)
{
	const struct workload *w = &j->config->workload;

	if (j->drawn) {
		lengths_draw(w, n, j->arrival.seed, &j->base);
		return;
	}
	request_append(&j->base, &(struct request){.input = (int32_t)round(w->input.mean_count),
	                                           .output = (int32_t)round(w->output.mean_count)});
}

static enum rc lengths_read(const struct args *a, struct serve_job *j, struct err *e)
{
	const char *kind = args_value(a, "lengths", plan_lengths_names[PLAN_LENGTHS_MEAN]);
	char slip[64];
	int64_t seed;

	TRY(args_integer(a, "seed", 0, 0, &seed, e));
	j->arrival.seed = (uint64_t)seed;
	j->drawn = strcmp(kind, plan_lengths_names[PLAN_LENGTHS_DRAWN]) == 0;
	if (!j->drawn && strcmp(kind, plan_lengths_names[PLAN_LENGTHS_MEAN]) != 0)
		return fail(e, RC_CONFIG, "--lengths %.40s: drawn or mean is needed%s", kind,
		            hint(slip, sizeof slip, kind, plan_lengths_names));
	return RC_OK;
}

static enum rc requests_read(const struct args *a, struct serve_job *j, struct err *e)
{
	const char *trace = args_value(a, "trace", NULL);
	int64_t n, warmup, cooldown;

	if (trace)
		TRY(trace_requests(trace, &j->base, e));
	TRY(args_integer(a, "requests", trace ? (int64_t)j->base.n : USUAL_REQUESTS, 1, &n, e));
	TRY(args_integer(a, "warmup", 0, 0, &warmup, e));
	TRY(args_integer(a, "cooldown", 0, 0, &cooldown, e));
	if (n > INT32_MAX)
		return fail(e, RC_CONFIG, "--requests: at most %d", INT32_MAX);
	if (warmup >= n)
		return fail(e, RC_CONFIG, "--warmup: %lld of %lld requests leaves none",
		            (long long)warmup, (long long)n);
	if (cooldown >= n - warmup)
		return fail(e, RC_CONFIG, "--cooldown: %lld of %lld requests leaves none",
		            (long long)cooldown, (long long)(n - warmup));
	j->n_requests = (size_t)n, j->warmup = (size_t)warmup, j->cooldown = (size_t)cooldown;
	TRY(lengths_read(a, j, e));
	if (!trace)
		workload_requests(j, j->n_requests);
	return RC_OK;
}

/* The one whose steps --timeline keeps. */
static enum rc instance_read(struct serve_job *j, struct err *e)
{
	int64_t n = 0, at;

	for (size_t p = 0; p < j->deployment.setup.n_pools; p++)
		n += j->deployment.setup.pool[p].instances;
	TRY(args_integer(j->args, "instance", 0, 0, &at, e));
	if (at >= n)
		return fail(e, RC_CONFIG, "--instance: there is no %lld, they are 0 to %lld",
		            (long long)at, (long long)(n - 1));
	j->trace.instance = (int32_t)at;
	return RC_OK;
}

enum rc serve_job_deploy(struct serve_job *j, struct err *e)
{
	struct deployment_options o = {
	        .engine = engine_find(args_value(j->args, "engine", "fluid"), e)};

	if (!o.engine)
		return e->rc;
	j->config->serving.mtp.drafts = j->config->schedule.mtp;
	TRY(config_check(j->config, serve_sections, e));
	deployment_fini(&j->deployment);
	TRY(deployment_make(j->config, &j->base, &o, &j->deployment, e));
	return instance_read(j, e);
}

enum rc serve_job_open(const struct args *a, struct serve_job *j, struct err *e)
{
	const char *file = a->n_words ? a->word[0] : NULL;

	*j = (struct serve_job){.config = config_new(), .args = a, .goodput_rate_count = -1};
	if (a->n_words > 1)
		return fail(e, RC_CONFIG, "serve: one file at a time, not '%s'", a->word[1]);
	TRY(args_config(a, file, j->config, e));
	TRY(config_check(j->config, serve_sections, e));
	TRY(slo_read(a, &j->slo, e));
	TRY(requests_read(a, j, e));
	TRY(arrival_read(a, j, e));
	return serve_job_deploy(j, e);
}

void serve_job_close(struct serve_job *j)
{
	if (j->result.served)
		serve_result_fini(&j->result);
	free(j->trace.step);
	deployment_fini(&j->deployment);
	request_list_fini(&j->base);
	request_list_fini(&j->list);
	config_free(j->config);
}

/* ---- runs ------------------------------------------------------------------------------------ */

struct served_span serve_job_span(const struct serve_job *j)
{
	return (struct served_span){j->warmup, j->list.n - j->cooldown};
}

enum rc serve_job_run(struct serve_job *j, double rate_count, bool progress, struct err *e)
{
	struct arrival_spec spec = j->arrival;
	struct serve_setup *setup = &j->deployment.setup;
	struct progress bar;
	enum rc rc;

	if (rate_count > 0)
		spec.rate_count = rate_count;
	request_list_copy(&j->base, &j->list);
	arrivals_make(&j->list, j->n_requests, j->process, &spec);
	if (j->result.served)
		serve_result_fini(&j->result);
	progress_init(&bar, "serve");
	setup->progress = progress ? progress_step : NULL, setup->progress_data = &bar;
	j->trace.n = 0;
	setup->trace = j->traced ? &j->trace : NULL;
	rc = serve_run(setup, &j->list, &j->result, e);
	j->took_s = wall_s() - bar.start_s;
	if (progress)
		progress_end(&bar);
	if (rc == RC_OK)
		serve_summarize_span(setup, &j->list, &j->result, serve_job_span(j), &j->slo,
		                     &j->summary);
	return rc;
}

static enum rc rate_is_fine(void *data, double rate_count, bool *fine, struct err *e)
{
	struct serve_job *j = data;

	TRY(serve_job_run(j, rate_count, false, e));
	*fine = j->summary.attainment_ratio >= j->goodput_share_ratio;
	return RC_OK;
}

/* A first guess: prompts alone at full speed would be somewhat more. */
enum rc serve_job_goodput(struct serve_job *j, struct err *e)
{
	double first = j->arrival.rate_count > 0 ? j->arrival.rate_count : 1;

	if (!(j->slo.ttft_s > 0) && !(j->slo.tpot_s > 0))
		return fail(e, RC_CONFIG, "--goodput: needs limits: --slo ttft=5s,tpot=60ms");
	TRY(number_read(j->args, "goodput", DIM_RATIO, 0.9, &j->goodput_share_ratio, e));
	if (!(j->goodput_share_ratio > 0 && j->goodput_share_ratio <= 1))
		return fail(e, RC_CONFIG, "--goodput: a share above 0 and up to 1, such as 0.9");
	TRY(goodput_search(rate_is_fine, j, first, 0x1p-6, &j->goodput_rate_count, e));
	return j->goodput_rate_count > 0 ? serve_job_run(j, j->goodput_rate_count, true, e) : RC_OK;
}
