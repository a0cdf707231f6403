/* What a format of request traces is made of; private to the readers of lengths. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "models/base/err.h"
#include "traces/lines.h"

enum length_side { SIDE_INPUT, SIDE_OUTPUT, SIDES };

/* How a format writes when a request came. */
enum arrival_unit { ARRIVAL_NONE, ARRIVAL_S, ARRIVAL_MS, ARRIVAL_NS, ARRIVAL_DATE };

enum { ARRIVAL_KEYS = 2 };

struct length_format {
	const char *name;                   /* for messages and `describes` */
	const struct length_syntax *syntax; /* how its lines are written */
	const char *key[SIDES];             /* column or key that holds the tokens */
	struct {
		const char *key;
		enum arrival_unit unit;
	} arrival[ARRIVAL_KEYS]; /* the first that is there counts */
	const char *blocks_key;  /* list of names of the prompt's prefix blocks; NULL: none */
	int32_t block_tokens;
};

/* What a line says beside the lengths. */
struct request_more {
	double arrival_s; /* from any origin; NAN: not said */
	uint32_t *block;  /* room for n grows; the reader's */
	size_t n_blocks, blocks_room;
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

	/* Arrival and blocks in a line, where it has them. header: the file's first line. */
	enum rc (*more)(const struct length_format *f, const char *header, const struct lines *line,
	                struct request_more *out, struct err *e);
};

/* The row of the table that reads the file with this first line; *places is set, too. */
enum rc length_format_detect(const struct lines *first, const struct length_format **format,
                             struct length_places *places, struct err *e);

/* A time as the unit writes it; RC_DATA when the text is none. */
enum rc arrival_parse(const struct lines *line, const char *key, enum arrival_unit unit,
                      const char *text, size_t n, double *out_s, struct err *e);

extern const struct length_syntax csv_syntax, jsonl_syntax;

enum rc jsonl_more(const struct length_format *f, const char *header, const struct lines *line,
                   struct request_more *out, struct err *e);

/* A count as a file writes it: digits, perhaps with a fraction of zeros (pandas writes 12.0), below
 * 2^53. Fails with path, line, the key and the text. */
enum rc length_parse(const struct lines *line, const char *key, const char *text, size_t n,
                     double *out_count, struct err *e);
