#include "tools/launcher.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOST_PARTS = 1 << 16 };

enum rc part_parse(const char *what, const char *text, struct member *out, struct err *e)
{
	long long i, n;
	char end;

	if (sscanf(text, "%lld/%lld%c", &i, &n, &end) != 2 || i < 1 || i > n || n > MOST_PARTS)
		return fail(e, RC_CONFIG,
		            "--%s %.40s: I/N is needed, with I from 1 to N, such as 3/8", what,
		            text);
	*out = (struct member){i - 1, n};
	return RC_OK;
}

/* Names of the variables: a process's number, and how many there are. */
static const struct {
	const char *number, *n;
} launchers[] = {
        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}, /* Open MPI */
        {"PMI_RANK", "PMI_SIZE"},                         /* MPICH, Intel MPI */
        {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"},         /* srun */
};

enum rc launcher_member(const char *text, struct member *out, struct err *e)
{
	*out = (struct member){0, 0};
	if (text)
		return part_parse("team", text, out, e);
	for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
		const char *number = getenv(launchers[i].number), *n = getenv(launchers[i].n);

		if (!number || !n || strtoll(n, NULL, 10) < 2)
			continue;
		*out = (struct member){strtoll(number, NULL, 10), strtoll(n, NULL, 10)};
		return RC_OK;
	}
	return RC_OK;
}
