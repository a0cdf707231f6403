/* epsim serve: requests through queues, batches and memory of a deployment. */
#include <errno.h>
#include <string.h>
#include "tools/serve_request.h"

typedef void write_fn(const struct serve_job *j, FILE *out);

static enum rc file_write(const struct serve_job *j, const char *option, const char *path,
                          write_fn *write, struct err *e)
{
	FILE *out = fopen(path, "w");
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "--%s %s: cannot be written: %s", option, path,
		            strerror(errno));
	write(j, out);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "--%s %s: cannot be written: %s", option, path,
		            strerror(errno));
	return RC_OK;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static enum rc files_write(struct serve_job *j, FILE *log, struct err *e)
{
	const char *path = args_value(j->args, "out", NULL);
	const char *timeline = args_value(j->args, "timeline", NULL);
	const char *plots = args_value(j->args, "plot", NULL);

	if (path)
		TRY(file_write(j, "out", path,
		               ends_in(path, ".json") ? serve_requests_json : serve_requests_csv,
		               e));
	if (timeline)
		TRY(file_write(j, "timeline", timeline,
		               ends_in(timeline, ".csv") ? serve_timeline_csv : serve_timeline_json,
		               e));
	return plots ? serve_plot(j, plots, log, e) : RC_OK;
}

static enum rc serve(const struct args *a, struct serve_job *j, FILE *out, struct err *e)
{
	bool json = args_has(a, "json");

	TRY(serve_job_open(a, j, e));
	if (args_has(a, "fit"))
		TRY(serve_fit_run(j, json ? stderr : out, e));
	if (args_has(a, "seeds"))
		return serve_seeds(j, out, e);
	if (args_has(a, "against"))
		return fail(e, RC_CONFIG, "--against: needs --seeds N");
	j->traced = args_has(a, "timeline");
	if (args_has(a, "goodput"))
		TRY(serve_job_goodput(j, e));
	else
		TRY(serve_job_run(j, 0, true, e));
	if (j->goodput_rate_count == 0)
		return fail(e, RC_NO, "at no rate are %.0f %% of requests within the limits",
		            100 * j->goodput_share_ratio);
	if (json)
		serve_report_json(j, out);
	else
		serve_report_text(j, out);
	if (args_has(a, "measured"))
		TRY(serve_measured_text(j, json ? stderr : out, e));
	TRY(files_write(j, json ? stderr : out, e));
	if (j->result.failures.not_coverable)
		return fail(e, RC_NO, "the failure is not coverable: %s",
		            j->result.failures.not_coverable);
	if (j->summary.done == 0)
		return fail(e, RC_NO, "no request was served: none fits a group's KV memory");
	return RC_OK;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct serve_job j;
	enum rc rc = serve(a, &j, out, e);

	serve_job_close(&j);
	return rc;
}

static const struct option options[] = {
        {"rate", "N", "requests a second, over all instances; replayed traces are stretched to it"},
        {"arrivals", "NAME",
         "replay, poisson, gamma or even; default: replay where the trace has "
         "times, else poisson"},
        {"cv", "N", "of gaps between gamma arrivals; default 4"},
        {"lengths", "KIND",
         "without a trace: mean (default), or drawn from the workload's quantiles"},
        {"requests", "N",
         "how many; a trace is repeated or cut. Default: all of the trace, or 1000"},
        {"warmup", "N", "first requests left out of the figures; default 0"},
        {"cooldown", "N", "last requests left out, which find the system emptying; default 0"},
        {"slo", "LIMITS", "such as ttft=5s,tpot=60ms"},
        {"goodput", "SHARE", "find the highest rate at which this share is within --slo: 0.9"},
        {"seeds", "N", "serve N times with other arrivals: means and 95 % intervals"},
        {"against", "KEY=VALUE",
         "with --seeds: compared with this setting on the same arrivals; may be repeated"},
        {"out", "FILE", "one row a request: CSV, or JSON if it ends in .json"},
        {"timeline", "FILE",
         "steps of an instance as a Chrome trace, for Perfetto; if it "
         "ends in .csv, output and queues over time"},
        {"instance", "N", "which; default 0"},
        {"plot", "DIR", "pictures: distributions, timeline, load curve"},
        {"measured", "FILE", "log of the same requests on a real server, for a table of errors"},
        {"fit", "STARTS", "fit parameters to --measured: machine.serving.step=1ms,..."},
        {"engine", "NAME", "estimate, fluid or simgrid; default fluid"},
        {0},
};

const struct verb verb_serve = {
        .name = "serve",
        .doc = "Serves requests of a trace or workload: TTFT, TPOT, goodput",
        .usage = "[FILE] [option...]",
        .examples =
                {"epsim serve --machine cloudmatrix384 --model deepseek-v3.1 --flow direct --ep 64 "
                 "--workload azure-conv --rate 40 --slo ttft=5s,tpot=60ms",
                 "epsim serve --machine rtx-pro-6000 --model llama-3.1-8b --ep 1 --weights bf16 "
                 "--trace requests.jsonl --json"},
        .options = options,
        .takes_config = true,
        .takes_serving = true,
        .about = "Without a trace all requests have the workload's mean lengths.\n"
                 "Exit status 1: the schedule cannot run, leaves no KV memory, or meets the limits "
                 "at "
                 "no rate, or\n"
                 "ranks died and their experts are not covered. Failures: --set "
                 "serving.failure.at=60s and others\n"
                 "that `epsim config fields serving` lists; configs/serving/eep.yaml is an "
                 "example.",
        .run = run,
};
