/* JSON out, over yajl: keys and values in order, exact numbers, checked nesting. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json;

struct json *json_new(FILE *out); /* pretty-printed */
void json_free(struct json *j);   /* ends the text with a newline; CHECKs that all is closed */

/* key: NULL inside an array and at the top. Bytes that are not UTF-8 become U+FFFD. Numbers are the
 * shortest text that reads back the same. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_close(struct json *j); /* the innermost object or array */
void json_text(struct json *j, const char *key, const char *value); /* NULL writes null */
void json_number(struct json *j, const char *key, double value);    /* unit: any; inf, nan: null */
void json_integer(struct json *j, const char *key, int64_t value);
void json_flag(struct json *j, const char *key, bool value);
