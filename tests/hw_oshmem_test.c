/* ctest: full plain ranks 1800 */
/* The oshmem backend, by the command: it needs oshrun and the program beside epsim. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit.h"

enum { SKIPPED = 77 };

/* epsim's exit status. */
static int hw_run(const char *options)
{
	char command[512];
	int status;

	snprintf(command, sizeof command,
	         "\"$EPSIM_BIN\"/epsim hw run --backend oshmem --repeats 1 --warmups 0 %s >&2",
	         options);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Each number of ranks with each of tokens, under all flows and phases; widths and types of rows in
 * turns, so that every pair of values of any two of the four meets: 35 shapes, 210 trials. The
 * whole product, which the host backend runs, would start oshrun 1260 times. */
static void test_pairs(void)
{
	static const int tokens[] = {0, 1, 37, 256, 4096}, hidden[] = {2048, 4096, 7168};
	char options[256];

	for (int ranks = 2; ranks <= 8; ranks++) {
		for (int i = 0; i < 5; i++) {
			snprintf(options, sizeof options,
			         "--repeats 0 --layers 1 --ranks %d --experts %d --top-k 2 "
			         "--tokens %d --hidden %d --dispatch %s",
			         ranks, 2 * ranks, tokens[i], hidden[(ranks + i) % 3],
			         (ranks + i) % 2 ? "int8" : "bf16");
			CU_ASSERT_EQUAL(hw_run(options), 0);
		}
	}
}

/* Layers back to back, and timed rounds. */
static void test_layers(void)
{
	CU_ASSERT_EQUAL(hw_run("--ranks 2,3 --experts 24 --tokens 5 --hidden 2048 --layers 4"), 0);
}

static void test_loads(void)
{
	CU_ASSERT_EQUAL(hw_run("--ranks 3 --load ragged --dispatch int8 --tokens 9 --layers 4"), 0);
	CU_ASSERT_EQUAL(hw_run("--ranks 4 --load hot --tokens 9 --hidden 33 --phase decode"), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {{"pairs", test_pairs},
	                                         {"layers", test_layers},
	                                         {"loads", test_loads},
	                                         {NULL, NULL}};
	const char *folder = getenv("EPSIM_BIN");
	char program[4096];

	snprintf(program, sizeof program, "%s/epsim-oshmem", folder ? folder : ".");
	if (access(program, X_OK) != 0) {
		printf("skipped: no epsim-oshmem; Debian: libopenmpi-dev, openmpi-bin\n");
		return SKIPPED;
	}
	return unit_main("hw_oshmem", tests);
}
