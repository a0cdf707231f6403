/* ctest: full plain 300 */
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
	         "\"$EPSIM_BIN\"/epsim hw run --backend oshmem --repeats 1 %s >&2", options);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_ranks(void)
{
	CU_ASSERT_EQUAL(hw_run("--ranks 2,3,4,8 --experts 24 --tokens 5 --hidden 2048"), 0);
}

static void test_tokens(void)
{
	CU_ASSERT_EQUAL(hw_run("--tokens 0,1,64 --hidden 7168"), 0);
	CU_ASSERT_EQUAL(hw_run("--tokens 1024 --hidden 4096 --flow direct,relay3 --phase decode"),
	                0);
}

static void test_loads(void)
{
	CU_ASSERT_EQUAL(hw_run("--ranks 3 --load ragged --dispatch int8 --tokens 9 --layers 4"), 0);
	CU_ASSERT_EQUAL(hw_run("--ranks 4 --load hot --tokens 9 --hidden 33 --phase decode"), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {{"ranks", test_ranks},
	                                         {"tokens", test_tokens},
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
