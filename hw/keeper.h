/* Runs a program so that nothing of it is left, whoever ends first: the program, a process that it
 * started, or we.
 *
 * Between us and the program stands a process, the keeper. It adopts the program's orphans, waits
 * for the end of the program or for ours, ends what still runs then, and removes the folder. It has
 * a session of its own: Ctrl-C ends us, and the keeper the rest. */
#pragma once
#include "models/base/err.h"

struct kept {
	const char *folder;              /* removed at the end, with all that is in it */
	void (*start)(const void *data); /* replaces the process; returns only on failure */
	const void *data;
};

/* status: the program's, as waitpid() tells it. */
enum rc keeper_run(const struct kept *k, int *status, struct err *e);

void folder_remove(const char *path); /* with all that is in it; none: nothing happens */
