/* Requests as JSON objects, one a line. */
#include <string.h>
#include <yajl/yajl_parse.h>
#include "traces/lengths_format.h"

/* One pass over one line. The first error is kept, and ends the pass. */
struct pass {
	const struct length_format *f;
	const struct lines *line;
	int depth; /* of maps and arrays that are open */
	int side;  /* whose value is next; SIDES: of neither */
	bool found[SIDES];
	double count[SIDES];
	bool finding; /* only looks which keys are there */
	bool failed;  /* *e holds the message */
	struct err *e;
};

enum { CONTINUE = 1, STOP = 0 }; /* what yajl's callbacks return */

static int stop(struct pass *p)
{
	p->failed = true;
	return STOP;
}

/* A value that is no number stands where a length should. */
static int no_length(struct pass *p, const char *what)
{
	if (p->finding)
		return CONTINUE;
	if (p->depth == 0) {
		fail(p->e, RC_DATA, "%s:%ld: a JSON object is expected on each line, not %s",
		     p->line->path, p->line->number, what);
		return stop(p);
	}
	if (p->side == SIDES)
		return CONTINUE;
	fail(p->e, RC_DATA, "%s:%ld: '%s' is %s; a whole number of tokens is expected",
	     p->line->path, p->line->number, p->f->key[p->side], what);
	return stop(p);
}

static int on_null(void *p)
{
	return no_length(p, "null");
}

static int on_flag(void *p, int value)
{
	return no_length(p, value ? "true" : "false");
}

static int on_text(void *p, const unsigned char *text, size_t n)
{
	(void)text, (void)n;
	return no_length(p, "a string");
}

static int on_number(void *context, const char *text, size_t n)
{
	struct pass *p = context;

	if (p->depth == 0)
		return no_length(p, "a number");
	if (p->side == SIDES || p->finding)
		return CONTINUE;
	if (length_parse(p->line, p->f->key[p->side], text, n, &p->count[p->side], p->e) != RC_OK)
		return stop(p);
	p->side = SIDES;
	return CONTINUE;
}

static int on_key(void *context, const unsigned char *text, size_t n)
{
	struct pass *p = context;

	p->side = SIDES;
	for (int side = 0; p->depth == 1 && side < SIDES; side++) {
		const char *key = p->f->key[side];

		if (strlen(key) != n || memcmp(key, text, n) != 0)
			continue;
		if (p->found[side] && !p->finding) {
			fail(p->e, RC_DATA, "%s:%ld: '%s' stands twice", p->line->path,
			     p->line->number, key);
			return stop(p);
		}
		p->found[side] = true;
		p->side = side;
	}
	return CONTINUE;
}

static int on_map(void *context)
{
	struct pass *p = context;

	if (p->depth > 0 && no_length(p, "an object") == STOP)
		return STOP;
	p->depth++;
	return CONTINUE;
}

static int on_array(void *context)
{
	struct pass *p = context;

	if (no_length(p, "an array") == STOP)
		return STOP;
	p->depth++;
	return CONTINUE;
}

static int on_end(void *context)
{
	struct pass *p = context;

	p->depth--;
	p->side = SIDES;
	return CONTINUE;
}

static const yajl_callbacks callbacks = {
        .yajl_null = on_null,
        .yajl_boolean = on_flag,
        .yajl_number = on_number,
        .yajl_string = on_text,
        .yajl_start_map = on_map,
        .yajl_map_key = on_key,
        .yajl_end_map = on_end,
        .yajl_start_array = on_array,
        .yajl_end_array = on_end,
};

/* yajl's message ("parse error: premature EOF\n"), up to its end of line. */
static enum rc syntax_error(struct pass *p, yajl_handle json)
{
	const unsigned char *text = (const unsigned char *)p->line->text;
	unsigned char *why = yajl_get_error(json, 0, text, p->line->n);

	fail(p->e, RC_DATA, "%s:%ld: no JSON object: %.*s", p->line->path, p->line->number,
	     (int)strcspn((const char *)why, "\n"), (const char *)why);
	yajl_free_error(json, why);
	return RC_DATA;
}

static enum rc pass_run(struct pass *p)
{
	yajl_handle json = yajl_alloc(&callbacks, NULL, p);
	enum rc rc = RC_OK;

	CHECK(json != NULL);
	if (yajl_parse(json, (const unsigned char *)p->line->text, p->line->n) != yajl_status_ok ||
	    yajl_complete_parse(json) != yajl_status_ok)
		rc = p->failed ? RC_DATA : syntax_error(p, json);
	yajl_free(json);
	return rc;
}

static void jsonl_find(const struct length_format *f, const struct lines *first,
                       struct length_places *places)
{
	struct err ignored;
	struct pass p = {.f = f, .line = first, .side = SIDES, .finding = true, .e = &ignored};
	bool cut = pass_run(&p) != RC_OK && (p.found[SIDE_INPUT] || p.found[SIDE_OUTPUT]);

	/* a broken line with one of the keys is taken, so that jsonl_read() says what broke it */
	*places = (struct length_places){
	        .found = {p.found[SIDE_INPUT] || cut, p.found[SIDE_OUTPUT] || cut}};
}

static enum rc jsonl_read(const struct length_format *f, const struct length_places *places,
                          const struct lines *line, double out_count[SIDES], struct err *e)
{
	struct pass p = {.f = f, .line = line, .side = SIDES, .e = e};

	(void)places;
	TRY(pass_run(&p));
	for (int side = 0; side < SIDES; side++) {
		if (!p.found[side])
			return fail(e, RC_DATA, "%s:%ld: the request has no '%s'", line->path,
			            line->number, f->key[side]);
	}
	memcpy(out_count, p.count, sizeof p.count);
	return RC_OK;
}

const struct length_syntax jsonl_syntax = {false, jsonl_find, jsonl_read, jsonl_more};
