/* epsim plan: how many NPUs serve a load within the budgets. */
#include "tools/plan_job.h"

static enum rc plan(struct plan_job *j, FILE *out, struct err *e)
{
	const char *dir = args_value(j->args, "out", NULL);

	TRY(plan_job_run(j, e));
	if (args_has(j->args, "json"))
		plan_json(j, out);
	else if (plan_compares(j))
		plan_compare_report(j, out);
	else
		plan_report(j, out);
	if (!dir)
		return RC_OK;
	return plan_files(j, dir, args_has(j->args, "json") ? stderr : out, e);
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct plan_job j = {.n = 0};
	enum rc rc = plan_job_open(a, &j, e);

	if (rc == RC_OK)
		rc = plan(&j, out, e);
	plan_job_close(&j);
	return rc;
}

static const struct option options[] = {
        {"rate", "N", "requests a second; default: those of the trace or workload"},
        {"times", "N", "that many times the rate: 10"},
        {"arrivals", "NAME", "poisson, gamma, even or replay; default: replay of a --trace"},
        {"cv", "N", "gamma: coefficient of variation of the gaps"},
        {"lengths", "KIND", "of requests without a trace: drawn (default) or mean"},
        {"within", "SHARE", "of requests that must be within the budgets; default 90%"},
        {"load", "SHARE", "of a pool's throughput that is planned for; default 80%"},
        {"machines", "N", "that there may be; default: any number"},
        {"requests", "N", "in one simulation of the queues at most; default 20000"},
        {"swings", "N", "uncertain numbers to show; default 8"},
        {"out", "DIR", "also write tables (CSV), configuration and pictures there"},
        {"jobs", "N", "threads; default: all processors"},
        {0},
};

const struct verb verb_plan = {
        .name = "plan",
        .doc = "Plans how many NPUs serve a load within TTFT and TPOT budgets",
        .usage = "FILE [option...]",
        .examples = {"epsim plan configs/plans/deepseek-v3.1-cm384-azure10x.yaml",
                     "epsim plan configs/plans/relay-against-direct.yaml --out out/relay",
                     "epsim plan configs/sweeps/qwen3-235b-a2.yaml --rate 10 --within 95%"},
        .options = options,
        .takes_config = true,
        .about = "FILE is that of a sweep (its knobs and budgets), with or without a section "
                 "`plan:` (the load,\nits growth, cases to compare; `epsim config fields`). "
                 "Pools are sized by throughput, then served\nthrough queues until enough "
                 "requests are within the budgets.\n"
                 "Exit status 1: no schedule will do, or not on so many machines.",
        .run = run,
};
