/* What `epsim serve` is asked, and what came out. */
#pragma once
#include "sim/serve_deploy.h"
#include "sim/serve_summary.h"
#include "models/base/json.h"
#include "tools/args.h"

struct serve_job {
	struct config *config;
	const struct args *args;
	struct request_list base; /* as read: lengths, perhaps arrivals */
	struct request_list list; /* as served */
	const struct arrival_process *process;
	struct arrival_spec arrival;
	size_t n_requests, warmup, cooldown;
	bool drawn; /* lengths, from the workload's figures */
	struct slo slo;
	struct deployment deployment;
	struct serve_result result;
	struct serve_summary summary;
	struct serve_trace trace;
	bool traced;
	double goodput_rate_count, goodput_share_ratio; /* of --goodput; rate -1: not asked */
	double took_s;                                  /* wall clock, for showing only */
};

/* Reads the command line: configuration, requests, arrivals. serve_job_close() ends it, also after
 * a failure. */
enum rc serve_job_open(const struct args *a, struct serve_job *j, struct err *e);
void serve_job_close(struct serve_job *j);

/* Serves the requests at a rate (0: as the arrival says). Result and summary are replaced. */
enum rc serve_job_run(struct serve_job *j, double rate_count, bool progress, struct err *e);
/* Prepares it anew, after its configuration was changed. */
enum rc serve_job_deploy(struct serve_job *j, struct err *e);
/* Bisection on the rate, then a run at the rate found. */
enum rc serve_job_goodput(struct serve_job *j, struct err *e);

/* Requests that figures are of: without the warm-up and those that come when it empties. */
struct served_span serve_job_span(const struct serve_job *j);

/* --seeds, and --against: figures with intervals instead of a report. */
enum rc serve_seeds(struct serve_job *j, FILE *out, struct err *e);

/* --measured: the table of a logged run beside the one served. --fit: parameters from it, set
 * before serving. */
enum rc serve_measured_text(const struct serve_job *j, FILE *out, struct err *e);
enum rc serve_fit_run(struct serve_job *j, FILE *out, struct err *e);

/* ---- what it prints and writes --------------------------------------------------------------- */

void serve_report_text(const struct serve_job *j, FILE *out);
void serve_report_json(const struct serve_job *j, FILE *out);
void serve_requests_csv(const struct serve_job *j, FILE *out);
void serve_requests_json(const struct serve_job *j, FILE *out);
void serve_timeline_json(const struct serve_job *j, FILE *out); /* Chrome trace */
void serve_timeline_csv(const struct serve_job *j, FILE *out);  /* all instances, over time */
void serve_failures_text(const struct serve_job *j, FILE *out);
void serve_failures_json(const struct serve_job *j, struct json *o); /* a member of o */
/* Load curve: the same requests at rates from a sixth of the one that was served to twice it.
 * Pictures go to dir, their names to log. */
enum rc serve_plot(struct serve_job *j, const char *dir, FILE *log, struct err *e);
