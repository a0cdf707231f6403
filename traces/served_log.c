#include "traces/served_log.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>
#include "models/base/arena.h"
#include "traces/lines.h"

enum { KEYS = 5, NO_KEY = -1 };
static const char *const keys[KEYS] = {"queued_ts", "first_token_ts", "last_token_ts", "input_toks",
                                       "output_toks"};

struct pass {
	int next, depth;
	double value[KEYS];
};

static int on_key(void *context, const unsigned char *text, size_t n)
{
	struct pass *p = context;

	p->next = NO_KEY;
	for (int i = 0; i < KEYS && p->depth == 1; i++) {
		if (strlen(keys[i]) == n && memcmp(keys[i], text, n) == 0)
			p->next = i;
	}
	return 1;
}

static int on_number(void *context, const char *text, size_t n)
{
	struct pass *p = context;
	char copy[64];

	snprintf(copy, sizeof copy, "%.*s", (int)n, text);
	if (p->next != NO_KEY)
		p->value[p->next] = strtod(copy, NULL);
	p->next = NO_KEY;
	return 1;
}

static int on_open(void *context)
{
	((struct pass *)context)->depth++;
	return 1;
}

static int on_close(void *context)
{
	((struct pass *)context)->depth--;
	return 1;
}

static enum rc line_read(const struct lines *l, struct served_row *out, struct err *e)
{
	static const yajl_callbacks callbacks = {.yajl_number = on_number,
	                                         .yajl_start_map = on_open,
	                                         .yajl_map_key = on_key,
	                                         .yajl_end_map = on_close,
	                                         .yajl_start_array = on_open,
	                                         .yajl_end_array = on_close};
	struct pass p = {.next = NO_KEY, .value = {NAN, NAN, NAN, NAN, NAN}};
	yajl_handle json = yajl_alloc(&callbacks, NULL, &p);
	bool good;

	CHECK(json != NULL);
	good = yajl_parse(json, (const unsigned char *)l->text, l->n) == yajl_status_ok &&
	       yajl_complete_parse(json) == yajl_status_ok;
	yajl_free(json);
	if (!good)
		return fail(e, RC_DATA, "%s:%ld: no JSON object", l->path, l->number);
	for (int i = 0; i < KEYS; i++) {
		if (isnan(p.value[i]))
			return fail(e, RC_DATA, "%s:%ld: the request has no '%s'", l->path,
			            l->number, keys[i]);
	}
	*out = (struct served_row){p.value[0], p.value[1], p.value[2], p.value[3], p.value[4]};
	return RC_OK;
}

enum rc served_log_read(const char *path, struct served_row **out, size_t *n, struct err *e)
{
	struct served_row *row = NULL;
	size_t n_rows = 0, room = 0;
	double first_s = HUGE_VAL;
	struct lines l;
	enum rc rc;

	TRY(lines_open(&l, path, e));
	while ((rc = lines_next(&l, e)) == RC_OK) {
		if (n_rows == room) {
			room = room ? 2 * room : 256;
			row = heap_resize(row, room, sizeof *row);
		}
		rc = line_read(&l, &row[n_rows], e);
		if (rc != RC_OK)
			break;
		first_s = fmin(first_s, row[n_rows++].queued_s);
	}
	lines_close(&l);
	if (rc == RC_NO && n_rows == 0)
		rc = fail(e, RC_DATA, "%s: no request", path);
	if (rc != RC_NO) {
		free(row);
		return rc;
	}
	for (size_t i = 0; i < n_rows; i++)
		row[i].queued_s -= first_s, row[i].first_s -= first_s, row[i].last_s -= first_s;
	*out = row, *n = n_rows;
	return RC_OK;
}
