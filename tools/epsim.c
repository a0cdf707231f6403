/* epsim: a table of verbs over libepsim. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/args.h"

const struct verb *const verbs[] = {&verb_run,    &verb_sweep,     &verb_report,  &verb_merge,
                                    &verb_plan,   &verb_compare,   &verb_check,   &verb_explain,
                                    &verb_serve,  &verb_hw,        &verb_trace,   &verb_validate,
                                    &verb_shapes, &verb_calibrate, &verb_compute, &verb_bench,
                                    &verb_list,   &verb_config,    &verb_manual,  NULL};

static void usage(FILE *out)
{
	fprintf(out,
	        "epsim predicts how long dispatch, expert compute and combine of a\n"
	        "Mixture-of-Experts model take, and which serving schedules meet TTFT and\n"
	        "TPOT budgets.\n\n"
	        "  epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow direct --ep 64\n"
	        "  epsim sweep configs/sweeps/deepseek-v3.1-cm384.yaml\n\n"
	        "usage: epsim VERB ...    (epsim VERB --help tells more)\n\n");
	for (size_t i = 0; verbs[i]; i++) {
		if (!verbs[i]->hidden)
			fprintf(out, "  %-9s %s\n", verbs[i]->name, verbs[i]->doc);
	}
	fprintf(out, "\nexit status: 0 done, 1 the answer is no, 2 usage or configuration,\n"
	             "3 bad data, 4 internal\n");
}

static const struct verb *verb_find(const char *name, struct err *e)
{
	const char *names[sizeof verbs / sizeof *verbs] = {0};
	char slip[128];

	for (size_t i = 0; verbs[i]; i++) {
		names[i] = verbs[i]->name;
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}
	fail(e, RC_CONFIG, "there is no verb '%s'%s (see `epsim --help`)", name,
	     hint(slip, sizeof slip, name, names));
	return NULL;
}

static enum rc verb_call(const struct verb *verb, int argc, char **argv, struct err *e)
{
	struct args *a = heap_zeroed(1, sizeof *a);
	enum rc rc = args_parse(verb, argc, argv, a, e);

	if (rc == RC_OK && args_has(a, "help"))
		args_help(verb, stdout);
	else if (rc == RC_OK)
		rc = verb->run(a, stdout, e);
	free(a);
	return rc;
}

static enum rc epsim(int argc, char **argv, struct err *e)
{
	const struct verb *verb;

	if (argc < 2)
		return fail(e, RC_CONFIG, "a verb is missing (see `epsim --help`)");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return usage(stdout), RC_OK;
	if (strcmp(argv[1], "--version") == 0)
		return printf("epsim %s\n", EPSIM_VERSION), RC_OK;
	verb = verb_find(argv[1], e);
	return verb ? verb_call(verb, argc - 2, argv + 2, e) : e->rc;
}

/* The number of a closed stream would go to the next file that is opened. Read-only, so that
 * writing to it still fails. */
static void streams_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct err e = {0};
	enum rc rc;

	streams_open();
	rc = epsim(argc, argv, &e);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "epsim: standard output cannot be written\n");
		return RC_INTERNAL;
	}
	/* a verb whose answer is no may have said so in its output */
	if (rc != RC_OK && e.text[0])
		fprintf(stderr, "epsim: %s\n", e.text);
	return (int)rc;
}
