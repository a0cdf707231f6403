/* What `epsim hw run`, `bench` and `loop` share: which trials are asked for, and where results go.
 */
#pragma once
#include "hw/bench.h"
#include "hw/trial.h"
#include "models/base/json.h"
#include "tools/args.h"

enum { MOST_LIST = 16, MOST_TRIALS = 512 };

struct hw_query {
	const struct symheap_backend *backend;
	size_t n_trials;
	struct trial *trial;      /* flows within phases within tokens within ranks */
	const char *machine_name; /* in observations */
	bool wall; /* --clock: observations and errors are of wall time, else of work */
};

/* One trial's outcome. equal: right, and to the bit what the first flow of that shape got. */
struct hw_outcome {
	struct trial_report *reports;
	struct trial_result result;
	char device[DEVICE_TEXT_SIZE]; /* what ran it; "": processors of this host */
	bool equal;
};

/* Reads the options; hw_query_fini() also after a failure. */
enum rc hw_query_read(const struct args *a, struct hw_query *q, struct err *e);
void hw_query_fini(struct hw_query *q);

/* Runs the trials in order. Outcomes are the caller's, n_trials of them; hw_outcomes_free(). */
enum rc hw_trials_run(const struct hw_query *q, struct hw_outcome *out, struct err *e);
void hw_outcomes_free(const struct hw_query *q, struct hw_outcome *out);

/* A whole number of at least `least`, or several, separated by commas. */
enum rc hw_list_read(const struct args *a, const char *name, const char *fallback, int64_t least,
                     int64_t *out, size_t *n, struct err *e);

/* "AMD EPYC, 2 processors, Linux x86_64", in buf; device, unless "", before it. */
enum { MACHINE_TEXT_SIZE = 384 };
const char *hw_machine_text(const char *device, char buf[MACHINE_TEXT_SIZE]);

/* Files that --record, --observations and --timeline ask for. */
enum rc hw_files_write(const struct args *a, const struct hw_query *q, const struct hw_outcome *o,
                       struct err *e);

enum rc hw_run(const struct args *a, FILE *out, struct err *e);
enum rc hw_bench(const struct args *a, FILE *out, struct err *e);
enum rc hw_loop(const struct args *a, FILE *out, struct err *e);
