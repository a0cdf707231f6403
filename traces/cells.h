/* Cells of a line of comma-separated values. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct cell {
	const char *text; /* in the line; not terminated */
	size_t n;
};

/* Takes the next cell from *rest, which ends as NULL, without blanks or quotes around it; false
 * when there is none. A comma in quotes belongs to the cell. */
bool cell_next(const char **rest, const char *end, struct cell *cell);

bool cell_is(const struct cell *cell, const char *text);
