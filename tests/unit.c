#include "tests/unit.h"
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

int unit_main(const char *suite, const struct unit_test *tests)
{
	CU_pSuite s;
	unsigned n_failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return EXIT_FAILURE;
	s = CU_add_suite(suite, NULL, NULL);
	for (; tests->name; tests++) {
		if (!CU_add_test(s, tests->name, tests->run))
			return EXIT_FAILURE; /* two cases of one name */
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	n_failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return n_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

bool unit_text(const char *got, const char *want, enum unit_match match, const char *file,
               unsigned line)
{
	bool ok = got && (match == UNIT_EQUAL ? strcmp(got, want) == 0 : strstr(got, want) != NULL);
	char what[2048];

	snprintf(what, sizeof what, "got \"%.900s\", want \"%.900s\"", got ? got : "(NULL)", want);
	CU_assertImplementation(ok, line, what, file, "", CU_FALSE);
	return ok;
}

bool unit_aborts(void (*run)(void))
{
	const struct rlimit no_core = {.rlim_cur = 0};
	int status = 0;
	pid_t child;

	fflush(NULL); /* or the child could write it again */
	child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		close(STDERR_FILENO);
		run();
		_exit(EXIT_SUCCESS);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGABRT;
}
