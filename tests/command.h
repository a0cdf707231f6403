/* Wrong input, as a user meets it: a table of command lines, and what each must say. */
#pragma once
#include <stddef.h>
#include "models/base/err.h"

struct wrong {
	const char *name;
	const char *text;    /* written to a.yaml first; NULL: no such file */
	const char *command; /* of sh, in an empty folder; NULL: epsim config check a.yaml */
	enum rc rc;
	const char *says; /* how the message starts; " ... " stands for any text */
};

/* Runs the rows: each must end with its exit status, print one line on standard error that starts
 * "epsim: ", and nothing else. Of a shell's variables, $TOP is the top of the source, $SECOND a
 * second of CPU time (more under a sanitizer). A row that exits with 77 cannot be tried here. */
void wrong_try(const struct wrong *rows, size_t n);
