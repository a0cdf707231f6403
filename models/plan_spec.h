/* A plan as its file states it: the load and its growth, how much of what there is may be used, and
 * the cases that are answered side by side. The limits that requests must meet are the sweep's
 * budgets. */
#pragma once
#include "models/base/field.h"

enum plan_lengths { PLAN_LENGTHS_DRAWN, PLAN_LENGTHS_MEAN };

struct plan_spec {
	const char *question; /* in a line, for the report */
	const char *trace;    /* requests to replay; "": the workload's figures */
	double rate_count;    /* requests a second; 0: those of the trace or the workload ... */
	double times_ratio;   /* ... this many times */
	const char *arrivals; /* a row of arrivals[]; "": replay of a trace, else poisson */
	double cv_ratio;      /* of the gaps, for gamma */
	int lengths;          /* enum plan_lengths: of requests without a trace */
	double within_ratio;  /* share of the requests that must be within the budgets */
	double load_ratio;    /* share of a pool's throughput that is planned for */
	int64_t machines;     /* there may be at most; 0: any number */
	int64_t requests;     /* in one simulation at most */
	struct {
		double monthly_ratio; /* the load grows by it each month ... */
		int64_t months;       /* ... that many times; 0: by the factors */
		struct field_list factors;
	} growth;
	struct field_list curve; /* loads, of the planned one, that are served */
	int64_t swings;          /* uncertain numbers shown */
	/* cases: texts of settings, "flow=relay2; routing.max_mean=2"; by: each of these for each
	   of the cases; plan_cases.h */
	struct field_list compare, by;
};

extern const struct field plan_fields[];
extern const char *const plan_lengths_names[]; /* NULL-terminated */

enum rc plan_spec_check(const struct plan_spec *p, const char *where, struct err *e);

/* The section as it is to be read: in its lists of cases a map {flow: relay2, ep: [8, 16]} becomes
 * the text "flow=relay2; ep=8,16". In the arena. */
enum rc plan_section_node(const struct yaml_node *node, struct arena *a,
                          const struct yaml_node **out, struct err *e);
