#include "models/base/json.h"
#include "models/base/arena.h"
#include "models/base/quantity.h"
#include "models/base/utf8.h"
#include <yajl/yajl_gen.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64 }; /* yajl allows 128 */

struct json {
	yajl_gen gen;
	int depth;
	bool is_object[MAX_DEPTH + 1]; /* [0]: the top, like an array of one */
};

static void print_to_file(void *out, const char *text, size_t n_chars)
{
	fwrite(text, 1, n_chars, out);
}

struct json *json_new(FILE *out)
{
	struct json *j = heap_zeroed(1, sizeof *j);

	j->gen = yajl_gen_alloc(NULL);
	CHECK(j->gen != NULL);
	yajl_gen_config(j->gen, yajl_gen_beautify, 1);
	yajl_gen_config(j->gen, yajl_gen_indent_string, "  ");
	yajl_gen_config(j->gen, yajl_gen_print_callback, print_to_file, out);
	return j;
}

void json_free(struct json *j)
{
	if (!j)
		return;
	CHECK(j->depth == 0);
	yajl_gen_free(j->gen);
	free(j);
}

/* yajl refuses what is not UTF-8; a path on disk may well be not. Each stray byte becomes U+FFFD.
 * The caller frees. */
static char *to_utf8(const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *clean = heap_zeroed(3 * strlen(text) + 1, 1), *end = clean;

	while (*text) {
		uint32_t code;
		size_t n_bytes = utf8_decode(text, &code);

		memcpy(end, n_bytes ? text : replacement, n_bytes ? n_bytes : 3);
		end += n_bytes ? n_bytes : 3;
		text += n_bytes ? n_bytes : 1;
	}
	return clean;
}

static void string_write(struct json *j, const char *text)
{
	char *clean = to_utf8(text);

	CHECK(yajl_gen_string(j->gen, (const unsigned char *)clean, strlen(clean)) ==
	      yajl_gen_status_ok);
	free(clean);
}

static void key_write(struct json *j, const char *key)
{
	CHECK((key != NULL) == j->is_object[j->depth]);
	if (key)
		string_write(j, key);
}

static void number_write(struct json *j, const char *text)
{
	CHECK(yajl_gen_number(j->gen, text, strlen(text)) == yajl_gen_status_ok);
}

static void open_level(struct json *j, bool is_object)
{
	CHECK(j->depth < MAX_DEPTH);
	j->is_object[++j->depth] = is_object;
}

void json_object(struct json *j, const char *key)
{
	key_write(j, key);
	CHECK(yajl_gen_map_open(j->gen) == yajl_gen_status_ok);
	open_level(j, true);
}

void json_array(struct json *j, const char *key)
{
	key_write(j, key);
	CHECK(yajl_gen_array_open(j->gen) == yajl_gen_status_ok);
	open_level(j, false);
}

void json_close(struct json *j)
{
	CHECK(j->depth > 0);
	if (j->is_object[j->depth--])
		CHECK(yajl_gen_map_close(j->gen) == yajl_gen_status_ok);
	else
		CHECK(yajl_gen_array_close(j->gen) == yajl_gen_status_ok);
}

void json_text(struct json *j, const char *key, const char *value)
{
	key_write(j, key);
	if (value)
		string_write(j, value);
	else
		CHECK(yajl_gen_null(j->gen) == yajl_gen_status_ok);
}

void json_number(struct json *j, const char *key, double value)
{
	char text[64] = "-";

	if (!isfinite(value)) {
		json_text(j, key, NULL);
		return;
	}
	key_write(j, key);
	quantity_exact(fabs(value), DIM_RATIO, text + 1, sizeof text - 1);
	number_write(j, signbit(value) ? text : text + 1);
}

void json_integer(struct json *j, const char *key, int64_t value)
{
	char text[32];

	key_write(j, key);
	snprintf(text, sizeof text, "%" PRId64, value);
	number_write(j, text);
}

void json_flag(struct json *j, const char *key, bool value)
{
	key_write(j, key);
	CHECK(yajl_gen_bool(j->gen, value) == yajl_gen_status_ok);
}
