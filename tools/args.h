/* The command line: a verb's table of options gives parsing, help and completion. */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include "models/config.h"

struct option {
	const char *name;  /* without dashes */
	const char *value; /* what help calls its value; NULL: a flag */
	const char *doc;
};

struct args;

/* One verb of epsim. It is one file and one row of verbs[]. */
struct verb {
	const char *name;
	const char *doc;              /* one line */
	const char *usage;            /* "[FILE] [option...]" */
	const char *examples[5];      /* two or more command lines, first in --help */
	const struct option *options; /* ends with a row of NULLs; common ones are added */
	bool takes_config;  /* also options of the configuration: --machine, --set, --ep, ... */
	bool takes_serving; /* and of the serving section: --router, --max-seqs, ... */
	bool hidden;        /* not in the list of verbs: what builds use */
	const char *about;  /* paragraphs for --help; may be NULL */
	enum rc (*run)(const struct args *a, FILE *out, struct err *e);
};

extern const struct verb verb_run, verb_sweep, verb_report, verb_merge, verb_plan, verb_compare,
        verb_check, verb_explain, verb_serve, verb_hw, verb_trace, verb_validate, verb_shapes,
        verb_calibrate, verb_compute, verb_bench, verb_list, verb_config, verb_manual;
extern const struct verb *const verbs[]; /* NULL-terminated */

enum { MOST_ARGS = 512, MOST_OPTIONS = 96, OPTION_NAME_SIZE = 32 };

/* All options of a verb. Names made from schedule keys (vector_cores: --vector-cores) are kept
 * beside the rows that point to them. */
struct option_list {
	struct option row[MOST_OPTIONS];
	char made[MOST_OPTIONS][OPTION_NAME_SIZE];
	size_t n;
};

struct args {
	const struct verb *verb;
	struct option_list list; /* given[] points into it: do not copy */
	size_t n_words;          /* not options */
	const char *word[MOST_ARGS];
	size_t n_given;
	struct {
		const struct option *option;
		const char *value;
	} given[MOST_ARGS];
};

/* Options of every verb, and those of verbs that take a configuration. */
extern const struct option common_options[], config_options[];

enum rc args_parse(const struct verb *verb, int argc, char **argv, struct args *out, struct err *e);

bool args_has(const struct args *a, const char *name);
const char *args_value(const struct args *a, const char *name, const char *fallback);
/* A whole number of at least `least`. */
enum rc args_integer(const struct args *a, const char *name, int64_t fallback, int64_t least,
                     int64_t *out, struct err *e);

/* A number above 0, or 20 %; at most `most`, when that is not 0. */
enum rc args_ratio(const struct args *a, const char *name, double fallback_ratio, double most_ratio,
                   double *out_ratio, struct err *e);

/* The configuration that words and options describe: FILE (when the verb got one), then --machine,
 * --model, --workload, --trace, the knobs of a schedule, --seed, and --set in the order given. */
enum rc args_config(const struct args *a, const char *file, struct config *c, struct err *e);

/* The option of a configuration's key, without dashes: vector_cores, vector-cores. */
void args_option_name(char name[OPTION_NAME_SIZE], const char *key);

/* All options of a verb. */
void args_options(const struct verb *verb, struct option_list *out);
/* Adds those that the keys of a section are: --ep, --router. */
void args_section(enum section s, struct option_list *out);

void args_help(const struct verb *verb, FILE *out);

int jobs_default(void); /* processors online, at least 1 */
