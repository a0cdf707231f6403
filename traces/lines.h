/* A text file, line by line, in constant memory. */
#pragma once
#include <stddef.h>
#include <stdio.h>
#include "models/base/err.h"

enum { LINE_MOST_BYTES = 16 << 20 };

struct lines {
	const char *path; /* as the user named it */
	long number;      /* of the current line, from 1 */
	char *text;       /* without its end (LF or CR LF), and NUL added; it may hold NULs */
	size_t n;
	/* private */
	FILE *in;
	size_t room;
	long n_joined; /* lines that lines_join() added to the current one */
};

/* RC_DATA when the file cannot be read. lines_close() is needed after RC_OK only. */
enum rc lines_open(struct lines *l, const char *path, struct err *e);

/* The next line that is not blank; a UTF-8 byte order mark before the first is dropped. RC_NO at
 * the end, without a message; RC_DATA for a read error or a line above LINE_MOST_BYTES. */
enum rc lines_next(struct lines *l, struct err *e);

/* Adds the line after the current one to it, LF between them; number stays that of the first. RC_NO
 * at the end, without a message. */
enum rc lines_join(struct lines *l, struct err *e);

void lines_close(struct lines *l);
