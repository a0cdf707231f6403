/* Field tables: one table gives parsing, defaults, ranges, `config dump`, `--set` and help.
 *
 * A scalar in a file is either plain or a map that says where the number is from:
 *     rate: 196GBps
 *     rate: {value: 196GBps, source: "arXiv:2506.12708", sd: 5%, fit: yes, note: nominal}
 * The annotations are kept as notes beside the object and written back by fields_dump(). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "models/base/quantity.h"
#include "models/base/yaml.h"

enum field_kind {
	FIELD_END = 0,  /* ends a table */
	FIELD_QUANTITY, /* double, SI of dim */
	FIELD_INTEGER,  /* int64_t, a count */
	FIELD_TEXT,     /* const char *, in the arena */
	FIELD_CHOICE,   /* int, index into names */
	FIELD_FLAG,     /* bool: yes or no (true, false) */
	FIELD_GROUP,    /* a nested struct, with a table of its own */
	FIELD_LIST,     /* struct field_list: of quantities, integers, texts or choices */
};

/* A list of scalars of one kind. Files write [a, b, c] or a single value. An item of integers may
 * be a range: 8..256 *2, 16..128 step 16, 1..4; and a list of integers {from: 8, to: 256, factor:
 * 2} or {from: 8, to: 64, step: 8}. */
struct field_list {
	size_t n;
	double *number;               /* unit: SI for quantities; integers and choice indices */
	const char **text;            /* texts; NULL otherwise */
	const struct yaml_node *node; /* of texts: the first as it was read, then ->next */
};

struct field {
	const char *key;
	enum field_kind kind;
	enum dim dim;             /* QUANTITY, and LIST of quantities */
	size_t offset;            /* in the object */
	const char *fallback;     /* read like the user's own text; NULL: the key is required.
	                             LIST: items separated by a comma. GROUP: "" makes every key of
	                             the group take its own fallback; NULL: the group is required */
	const char *doc;          /* one line, for help */
	double least, most;       /* unit: as the number. Inclusive; most 0: no upper limit */
	const char *const *names; /* CHOICE and LIST of choices: NULL-terminated */
	const struct field *group;
	enum field_kind item; /* LIST: kind of its items */
};

/* The part of a row that every scalar field states; more members may follow it:
 *     {FIELD_ROW("cores", FIELD_INTEGER, DIM_COUNT, AT(cores), NULL, "of a die"), .least = 1} */
#define FIELD_ROW(key_, kind_, dim_, offset_, fallback_, doc_)                                     \
	.key = key_, .kind = kind_, .dim = dim_, .offset = offset_, .fallback = fallback_,         \
	.doc = doc_

/* Where a number comes from. Path is dotted, relative to the object: "fabric.rate". */
struct note {
	const char *path;
	const char *source; /* NULL when not given, as remark */
	const char *remark;
	double sd_ratio;   /* relative standard deviation; 0 when not given */
	const char *prior; /* what the source says, where `calibrate` moved the value; or NULL */
	double prior_sd_ratio;
	bool fit; /* a free parameter of `calibrate` */
	struct note *next;
};

/* Reads the map at node into obj. Missing keys take their fallback. Unknown keys, wrong units,
 * numbers out of range and missing required keys fail with file, line and the nearest name.
 * notes may be NULL; else annotations are prepended to *notes. */
enum rc fields_read(const struct field *table, void *obj, const struct yaml_node *node,
                    struct arena *a, struct note **notes, struct err *e);

/* All fallbacks. Fails with RC_CONFIG when a required key has none. */
enum rc fields_default(const struct field *table, void *obj, struct arena *a, struct err *e);

/* One value by dotted path, as --set gives it: "fabric.rate", "150GBps". `where` starts the
 * message of an error ("--set machine.fabric.rate"). A changed value loses its note. */
enum rc fields_set(const struct field *table, void *obj, const char *path, const char *text,
                   const char *where, struct arena *a, struct note **notes, struct err *e);

/* YAML that fields_read() reads back to the same object, each key indented by `indent` spaces. */
void fields_dump(const struct field *table, const void *obj, const struct note *notes, int indent,
                 FILE *out);

/* A table for people: path, unit, default, meaning. */
void fields_help(const struct field *table, const char *prefix, FILE *out);

/* Calls visit with the path of each quantity and integer that has no source, unless it is the
 * fallback. Returns how many there are. */
size_t fields_unsourced(const struct field *table, const void *obj, const struct note *notes,
                        void (*visit)(void *data, const char *path), void *data);

const struct note *note_find(const struct note *notes, const char *path);
