/* JSON of any length, item by item, over yajl. Memory: one item (16 MiB at most), the keys above
 * it, and a byte for each level. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "models/base/err.h"

enum { JSON_KEYS = 8, JSON_KEY_SIZE = 256, JSON_MOST_DEPTH = 256 };

struct json_walk;

/* Where an item stands: `depth` maps and arrays are around it, and the one around it at level i has
 * it under key[i] ("" in an array; cut at JSON_KEY_SIZE; kept for the first JSON_KEYS levels). */
struct json_place {
	int depth;
	char key[JSON_KEYS][JSON_KEY_SIZE];
	const struct json_walk *walk;
};

enum json_kind { JSON_TEXT, JSON_NUMBER, JSON_OTHER /* true, false, null */ };

struct json_item {
	enum json_kind kind;
	const char *text; /* a number as it is spelled; no NUL at its end */
	size_t n;
};

/* Any may be NULL. `data` is the caller's. */
struct json_handler {
	enum rc (*open)(void *data, const struct json_place *at, bool array, struct err *e);
	enum rc (*close)(void *data, const struct json_place *at, struct err *e);
	enum rc (*value)(void *data, const struct json_place *at, const struct json_item *item,
	                 struct err *e);
};

/* RC_DATA, with path and line, for what is no JSON, and for what a handler refuses. */
enum rc json_walk(const char *path, const struct json_handler *h, void *data, struct err *e);

/* RC_DATA with "path:line: " before the message. */
__attribute__((format(printf, 3, 4))) enum rc json_fail(const struct json_place *at, struct err *e,
                                                        const char *fmt, ...);

/* The number or the text of one, times 10^power; false when it is none. */
bool json_scaled(const struct json_item *item, int power, int64_t *out);

/* Copies the text, cut at size - 1, with a NUL. */
void json_copy(const struct json_item *item, char *to, size_t size);
