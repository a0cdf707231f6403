/* Who started this process together with others: mpirun, srun. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "models/base/err.h"

struct member {
	int64_t number, n; /* 0 .. n - 1; n 0: alone */
};

/* From --team I/N (1-based; NULL: not given), else from what launchers put in the environment. */
enum rc launcher_member(const char *text, struct member *out, struct err *e);

/* "3/8": 1-based; what: the option's name. */
enum rc part_parse(const char *what, const char *text, struct member *out, struct err *e);
