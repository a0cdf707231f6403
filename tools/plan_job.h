/* A plan as the command line asks for it: cases, each with its answer; and for a plan of one case
 * all that is told of it. */
#pragma once
#include "models/plan_cases.h"
#include "sim/plan_compare.h"
#include "sim/plan_swings.h"
#include "tools/args.h"

struct plan_point { /* the planned pools at another rate */
	double rate_count;
	struct serve_summary summary;
};

struct plan_stage { /* a larger load, planned anew */
	double factor_ratio;
	struct plan_answer answer;
	enum rc rc; /* RC_NO: why says so */
	struct err why;
};

enum { MOST_PLAN_LIMITS = 6 };
struct plan_limit { /* what gives way, and when */
	const char *what, *remedy;
	double rate_count;
};

struct plan_result {
	const struct plan_case *of;
	struct sweep *sweep;
	struct routing_cache *routings; /* of all its simulations */
	struct plan_answer answer;
	enum rc rc; /* RC_NO: why says so */
	struct err why;
	struct plan_effect effect; /* against the first case that has an answer */
	bool has_effect;
	/* of a plan of one case */
	double goodput_count;                      /* requests a second */
	struct plan_limit limit[MOST_PLAN_LIMITS]; /* the first to give way first */
	size_t n_limits;
	struct plan_point *curve;
	size_t n_curve;
	struct plan_stage *stage;
	size_t n_stages;
	struct plan_tornado tornado;
	size_t served_count, warm_count,
	        wanted_count; /* requests of the simulation, and of one not cut short */
};

struct plan_job {
	const struct args *args;
	const char *file;
	struct config *config;
	struct request_list trace; /* empty: none */
	const char *trace_path;
	double rate_count; /* of the first case */
	struct plan_cases cases;
	struct plan_result *result; /* [case][by] */
	size_t n;
	int jobs;
};

static inline bool plan_compares(const struct plan_job *j)
{
	return j->n > 1;
}

enum rc plan_job_open(const struct args *a, struct plan_job *j, struct err *e);
enum rc plan_job_run(struct plan_job *j, struct err *e); /* RC_NO when no case has an answer */
void plan_job_close(struct plan_job *j);                 /* of a zeroed one, too */

/* Is it a key of the plan section that is an option, too? */
bool plan_option(const char *name);

/* "direct EP 64 TP 4 batch 48" */
const char *plan_schedule_words(const struct pool_price *p, enum phase phase, char *buf,
                                size_t size);
const char *plan_case_name(const struct plan_case *x); /* its settings, or "the plan" */
/* The `epsim serve` that serves the same. In the configuration's arena. */
const char *plan_serve_command(const struct plan_job *j, const struct plan_result *r);
const char *plan_requests_words(const struct plan_job *j, const struct plan_result *r);

void plan_report(const struct plan_job *j, FILE *out);         /* one case */
void plan_compare_report(const struct plan_job *j, FILE *out); /* several */
void plan_json(const struct plan_job *j, FILE *out);
/* Text, configuration, CSV tables and pictures. */
enum rc plan_files(const struct plan_job *j, const char *dir, FILE *log, struct err *e);
enum rc plan_plot(const struct plan_job *j, const char *dir, FILE *log, struct err *e);

/* The tables, as CSV with a header line. */
struct plan_table {
	const char *name; /* "goodput.csv" */
	bool compares;    /* of several cases */
	void (*write)(const struct plan_job *j, FILE *out);
};
extern const struct plan_table plan_tables[]; /* ends with a row of NULLs */
