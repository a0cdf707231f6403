/* What a format of request traces is made of; private to the readers of lengths. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "models/base/err.h"
#include "traces/lines.h"

enum length_side { SIDE_INPUT, SIDE_OUTPUT, SIDES };

struct length_format {
	const char *name;                   /* for messages and `describes` */
	const struct length_syntax *syntax; /* how its lines are written */
	const char *key[SIDES];             /* column or key that holds the tokens */
};

/* Where the first line of a file has the two lengths. */
struct length_places {
	bool found[SIDES];
	size_t column[SIDES]; /* CSV, from 0 */
};

struct length_syntax {
	bool header; /* the first line names columns and holds no request */

	/* Which of the format's keys are in this first line. A line of another syntax has none;
	   it is no error here. */
	void (*find)(const struct length_format *f, const struct lines *first,
	             struct length_places *places);

	/* The lengths in a line, in tokens; RC_DATA when there are none. */
	enum rc (*read)(const struct length_format *f, const struct length_places *places,
	                const struct lines *line, double out_count[SIDES], struct err *e);
};

extern const struct length_syntax csv_syntax, jsonl_syntax;

/* A count as a file writes it: digits, perhaps with a fraction of zeros (pandas writes 12.0), below
 * 2^53. Fails with path, line, the key and the text. */
enum rc length_parse(const struct lines *line, const char *key, const char *text, size_t n,
                     double *out_count, struct err *e);
