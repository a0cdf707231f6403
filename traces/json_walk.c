#include "traces/json_walk.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>
#include "models/base/arena.h"
#include "traces/decimal.h"

enum { CHUNK_BYTES = 1 << 16, ITEM_MOST_BYTES = 16 << 20 };
enum { CONTINUE = 1, STOP = 0 }; /* what yajl's callbacks return */

struct json_walk {
	const char *path;
	const struct json_handler *h;
	void *data;
	struct err *e;
	enum rc rc; /* why it stopped; RC_OK: it did not */
	struct json_place at;
	bool array[JSON_MOST_DEPTH];
	yajl_handle yajl;
	const unsigned char *chunk;
	size_t n_chunk;
	long lines;       /* that ended before this chunk */
	int64_t silent;   /* bytes since the last item ended */
	int64_t n_before; /* bytes before this chunk */
};

/* Line of the byte that is read, from 1. */
static long line_of(const struct json_walk *w)
{
	size_t n = w->chunk ? yajl_get_bytes_consumed(w->yajl) : 0;
	long line = w->lines + 1;

	for (size_t i = 0; i < n && i < w->n_chunk; i++)
		line += w->chunk[i] == '\n';
	return line;
}

enum rc json_fail(const struct json_place *at, struct err *e, const char *fmt, ...)
{
	char text[sizeof e->text];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return fail(e, RC_DATA, "%s:%ld: %s", at->walk->path, line_of(at->walk), text);
}

static int done(struct json_walk *w, enum rc rc)
{
	w->rc = rc;
	w->silent = 0;
	return rc == RC_OK ? CONTINUE : STOP;
}

static int item(struct json_walk *w, enum json_kind kind, const char *text, size_t n)
{
	struct json_item i = {kind, text, n};

	return done(w, w->h->value ? w->h->value(w->data, &w->at, &i, w->e) : RC_OK);
}

static int on_null(void *w)
{
	return item(w, JSON_OTHER, "null", 4);
}

static int on_flag(void *w, int value)
{
	return value ? item(w, JSON_OTHER, "true", 4) : item(w, JSON_OTHER, "false", 5);
}

static int on_number(void *w, const char *text, size_t n)
{
	return item(w, JSON_NUMBER, text, n);
}

static int on_text(void *w, const unsigned char *text, size_t n)
{
	return item(w, JSON_TEXT, (const char *)text, n);
}

static int on_key(void *context, const unsigned char *text, size_t n)
{
	struct json_walk *w = context;

	if (w->at.depth <= JSON_KEYS) {
		char *key = w->at.key[w->at.depth - 1];

		n = n < JSON_KEY_SIZE ? n : JSON_KEY_SIZE - 1;
		memcpy(key, text, n);
		key[n] = '\0';
	}
	return done(w, RC_OK);
}

static int container_open(struct json_walk *w, bool array)
{
	int rc = done(w, w->h->open ? w->h->open(w->data, &w->at, array, w->e) : RC_OK);

	if (rc == STOP)
		return rc;
	if (w->at.depth == JSON_MOST_DEPTH)
		return done(w, json_fail(&w->at, w->e, "nested deeper than %d", JSON_MOST_DEPTH));
	w->array[w->at.depth] = array;
	if (w->at.depth < JSON_KEYS)
		w->at.key[w->at.depth][0] = '\0';
	w->at.depth++;
	return CONTINUE;
}

static int container_close(void *context)
{
	struct json_walk *w = context;

	w->at.depth--;
	return done(w, w->h->close ? w->h->close(w->data, &w->at, w->e) : RC_OK);
}

static int on_map(void *w)
{
	return container_open(w, false);
}

static int on_array(void *w)
{
	return container_open(w, true);
}

static enum rc syntax_error(struct json_walk *w)
{
	unsigned char *text = yajl_get_error(w->yajl, 0, w->chunk, w->n_chunk);
	int64_t at = w->n_before + (int64_t)yajl_get_bytes_consumed(w->yajl);

	text[strcspn((char *)text, "\n")] = '\0';
	json_fail(&w->at, w->e, "this is not JSON, or it is cut (byte %lld): %s", (long long)at,
	          (char *)text);
	yajl_free_error(w->yajl, text);
	return RC_DATA;
}

static enum rc status_check(struct json_walk *w, yajl_status status)
{
	if (w->rc != RC_OK)
		return w->rc;
	if (status != yajl_status_ok)
		return syntax_error(w);
	if (w->silent > ITEM_MOST_BYTES)
		return json_fail(&w->at, w->e, "one text is longer than %d MiB",
		                 ITEM_MOST_BYTES >> 20);
	return RC_OK;
}

static enum rc chunk_parse(struct json_walk *w, const unsigned char *chunk, size_t n)
{
	w->chunk = chunk, w->n_chunk = n;
	w->silent += (int64_t)n;
	TRY(status_check(w, yajl_parse(w->yajl, chunk, n)));
	for (const unsigned char *p = chunk; (p = memchr(p, '\n', n - (size_t)(p - chunk))); p++)
		w->lines++;
	w->n_before += (int64_t)n;
	w->chunk = NULL, w->n_chunk = 0;
	return RC_OK;
}

static enum rc file_parse(struct json_walk *w, FILE *in, unsigned char *chunk)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t n, skip;

	while ((n = fread(chunk, 1, CHUNK_BYTES, in)) > 0) {
		skip = w->n_before == 0 && n >= 3 && memcmp(chunk, mark, 3) == 0 ? 3 : 0;
		TRY(chunk_parse(w, chunk + skip, n - skip));
	}
	if (ferror(in))
		return fail(w->e, RC_DATA, "%s: cannot be read: %s", w->path, strerror(errno));
	return status_check(w, yajl_complete_parse(w->yajl));
}

enum rc json_walk(const char *path, const struct json_handler *h, void *data, struct err *e)
{
	static const yajl_callbacks callbacks = {
	        .yajl_null = on_null,
	        .yajl_boolean = on_flag,
	        .yajl_number = on_number,
	        .yajl_string = on_text,
	        .yajl_start_map = on_map,
	        .yajl_map_key = on_key,
	        .yajl_end_map = container_close,
	        .yajl_start_array = on_array,
	        .yajl_end_array = container_close,
	};
	FILE *in = fopen(path, "rb");
	struct json_walk *w;
	unsigned char *chunk;
	enum rc rc;

	if (!in)
		return fail(e, RC_DATA, "%s: cannot be opened: %s", path, strerror(errno));
	w = heap_zeroed(1, sizeof *w);
	chunk = heap_zeroed(CHUNK_BYTES, 1);
	*w = (struct json_walk){.path = path, .h = h, .data = data, .e = e};
	w->at.walk = w;
	w->yajl = yajl_alloc(&callbacks, NULL, w);
	CHECK(w->yajl != NULL);
	yajl_config(w->yajl, yajl_dont_validate_strings, 1); /* names may be in any encoding */
	rc = file_parse(w, in, chunk);
	yajl_free(w->yajl);
	free(w);
	free(chunk);
	fclose(in);
	return rc;
}

bool json_scaled(const struct json_item *i, int power, int64_t *out)
{
	return i->kind != JSON_OTHER && decimal_scaled(i->text, i->n, power, out);
}

void json_copy(const struct json_item *i, char *to, size_t size)
{
	size_t n = i->n < size ? i->n : size - 1;

	memcpy(to, i->text, n);
	to[n] = '\0';
}
