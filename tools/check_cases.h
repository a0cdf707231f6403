/* What `epsim check` runs: a flow in one phase over group sizes and kinds of routing, proven and
 * then run on real rows. */
#pragma once
#include "models/config.h"
#include "sim/rehearse.h"

enum { MOST_EPS = 16, MOST_FINDS = 8 };

/* What is asked of one flow and phase. */
struct check_query {
	const struct config *config; /* machine, model, options */
	const struct flow *flow;
	enum phase phase;
	int64_t eps[MOST_EPS];
	size_t n_eps;
	int64_t tokens, layers, runs;
	uint64_t seed;
	enum skew first_skew, last_skew;
	int64_t drop, unset; /* waits, or -1 */
	enum turns_rule turns_rule;
};

/* A conflict, with the case it was found in; texts live in the result's arena. */
struct check_find {
	enum conflict_kind kind;
	enum skew skew;
	int64_t ep;
	const char *first, *second; /* "dispatch.put of rank 3" */
	const char *buffer;         /* NULL in a deadlock */
	int64_t rank, row_first, row_last;
	const char *text; /* as conflict_print() writes it */
};

struct check_result {
	struct arena *arena;
	const char *why_not; /* it does not apply to any of the sizes; NULL: it does */
	size_t cases_count, accesses_count, conflicts_count;
	int64_t runs_count, wrong_runs_count, stuck_runs_count;
	struct check_find find[MOST_FINDS]; /* different ones; the first of them */
	size_t n_finds;
	const char **wait; /* names of the flow's waits, in order; NULL-terminated */
	size_t n_waits;
};

void check_cases(const struct check_query *q, struct check_result *out);
void check_result_free(struct check_result *r);
bool check_result_clean(const struct check_result *r);
