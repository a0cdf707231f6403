/* Cells of a line of comma-separated values. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "traces/lines.h"

/* Splits the current line in place: cells end in a NUL, without blanks around them, and without
 * the quotes that hold commas, in which two quotes stand for one. RC_DATA for a quote that is not
 * closed, text behind one that is, a NUL byte, or more than `most` cells. */
enum rc cells_split(struct lines *l, char **cell, size_t most, size_t *n, struct err *e);

/* Does the line end inside a quoted cell, which then goes on in the next line? */
bool cells_open(const struct lines *l);
