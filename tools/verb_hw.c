/* epsim hw: the flows on real memory. */
#include <string.h>
#include "tools/hw.h"

static const struct {
	const char *name;
	enum rc (*run)(const struct args *a, FILE *out, struct err *e);
} actions[] = {{"run", hw_run}, {"bench", hw_bench}, {"loop", hw_loop}};

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	enum { ACTIONS = sizeof actions / sizeof *actions };
	const char *names[ACTIONS + 1] = {0};
	char slip[64];

	if (a->n_words != 1)
		return fail(e, RC_CONFIG, "hw: name one of run, bench, loop");
	for (size_t i = 0; i < ACTIONS; i++) {
		names[i] = actions[i].name;
		if (strcmp(a->word[0], actions[i].name) == 0)
			return actions[i].run(a, out, e);
	}
	return fail(e, RC_CONFIG, "hw: '%s' is not run, bench or loop%s", a->word[0],
	            hint(slip, sizeof slip, a->word[0], names));
}

static const struct option options[] = {
        {"backend", "NAME", "host, threads, oshmem, cuda, ascend or ascend-twin; default host"},
        {"flow", "NAME,...", "relay3, relay2, direct; default all"},
        {"phase", "NAME,...", "prefill, decode; default all"},
        {"ranks", "N,...", "default 2"},
        {"tokens", "N,...", "of each rank; default 256"},
        {"hidden", "N", "numbers of a row; default 7168"},
        {"top-k", "N", "experts of a token; default 8"},
        {"experts", "N", "of all ranks; default 8 a rank"},
        {"dispatch", "NAME", "bf16 or int8 rows in dispatch; default bf16"},
        {"load", "KIND", "even, hot, empty, one or ragged; default even"},
        {"layers", "N", "of different tokens, back to back, that are checked; default 2"},
        {"repeats", "N", "timed rounds, 0: none; default 11"},
        {"warmups", "N", "rounds before them; default 2"},
        {"steps", NULL, "run: also the time of each step"},
        {"sizes", "BYTES,...", "bench: of the memory that is moved"},
        {"cores", "N,...",
         "bench: ranks at work, or with ascend vector cores of each, 0: all; run: these"},
        {"machine-name", "NAME", "observations: whose they are; default host"},
        {"clock", "NAME",
         "loop, observations: work (processor time without waits, default) or wall"},
        {"machine-out", "FILE", "loop: the host as a machine, for --machine"},
        {"record", "FILE", "run: each step of each rank, as CSV of our recorder"},
        {"timeline", "FILE", "run: the same as a Chrome trace"},
        {"observations", "FILE", "run, bench: what was measured, as CSV"},
        {0},
};

const struct verb verb_hw = {
        .name = "hw",
        .doc = "Runs the flows on real memory, measures it, and compares with predictions",
        .usage = "run|bench|loop [option...]",
        .examples = {"epsim hw run --flow all --ranks 2 --tokens 256 --json",
                     "epsim hw bench --ranks 2 --observations links.csv",
                     "epsim hw loop --ranks 2 --tokens 64,256,1024"},
        .options = options,
        .about = "run    every flow's dispatch and combine, each result checked to the bit\n"
                 "bench  what copies, puts, gets, flags and barriers cost here\n"
                 "loop   bench, a machine from it, predictions, run, errors\n"
                 "Numbers are of this host's memory and say nothing of NPUs: hw/README.md. Exit "
                 "status 1: a\nresult differs.",
        .run = run,
};
