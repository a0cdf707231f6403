/* Arrivals and prefix blocks of requests that are JSON objects, one a line. The line has been read
 * for its lengths before, so its syntax is right. */
#include <string.h>
#include <yajl/yajl_parse.h>
#include "models/base/arena.h"
#include "traces/lengths_format.h"

enum { NOTHING = -2, BLOCKS = -1 }; /* what comes next; from 0 on: that arrival key */
enum { CONTINUE = 1, STOP = 0 };

struct pass {
	const struct length_format *f;
	const struct lines *line;
	int depth, next, found; /* found: arrival key taken so far, ARRIVAL_KEYS: none */
	struct request_more *out;
	enum rc rc;
	struct err *e;
};

static void block_append(struct request_more *m, uint32_t block)
{
	if (m->n_blocks == m->blocks_room) {
		m->blocks_room = m->blocks_room ? 2 * m->blocks_room : 256;
		m->block = heap_resize(m->block, m->blocks_room, sizeof *m->block);
	}
	m->block[m->n_blocks++] = block;
}

static int on_number(void *context, const char *text, size_t n)
{
	struct pass *p = context;
	double value;

	if (p->next == BLOCKS && p->depth == 2) {
		p->rc = length_parse(p->line, p->f->blocks_key, text, n, &value, p->e);
		if (p->rc == RC_OK && value > UINT32_MAX)
			p->rc = fail(p->e, RC_DATA, "%s:%ld: '%s' has a block above 2^32",
			             p->line->path, p->line->number, p->f->blocks_key);
		if (p->rc == RC_OK)
			block_append(p->out, (uint32_t)value);
	} else if (p->next >= 0 && p->depth == 1 && p->next < p->found) {
		p->found = p->next;
		p->rc = arrival_parse(p->line, p->f->arrival[p->next].key,
		                      p->f->arrival[p->next].unit, text, n, &p->out->arrival_s,
		                      p->e);
	}
	return p->rc == RC_OK ? CONTINUE : STOP;
}

static bool is_key(const char *key, const unsigned char *text, size_t n)
{
	return key && strlen(key) == n && memcmp(key, text, n) == 0;
}

static int on_key(void *context, const unsigned char *text, size_t n)
{
	struct pass *p = context;

	p->next = NOTHING;
	if (p->depth != 1)
		return CONTINUE;
	if (is_key(p->f->blocks_key, text, n))
		p->next = BLOCKS;
	for (int i = 0; i < ARRIVAL_KEYS; i++) {
		if (is_key(p->f->arrival[i].key, text, n))
			p->next = i;
	}
	return CONTINUE;
}

static int on_open(void *context)
{
	((struct pass *)context)->depth++;
	return CONTINUE;
}

static int on_close(void *context)
{
	struct pass *p = context;

	if (--p->depth == 1)
		p->next = NOTHING;
	return CONTINUE;
}

enum rc jsonl_more(const struct length_format *f, const char *header, const struct lines *line,
                   struct request_more *out, struct err *e)
{
	static const yajl_callbacks callbacks = {.yajl_number = on_number,
	                                         .yajl_start_map = on_open,
	                                         .yajl_map_key = on_key,
	                                         .yajl_end_map = on_close,
	                                         .yajl_start_array = on_open,
	                                         .yajl_end_array = on_close};
	struct pass p = {
	        .f = f, .line = line, .next = NOTHING, .found = ARRIVAL_KEYS, .out = out, .e = e};
	yajl_handle json = yajl_alloc(&callbacks, NULL, &p);

	(void)header;
	CHECK(json != NULL);
	(void)yajl_parse(json, (const unsigned char *)line->text, line->n);
	yajl_free(json);
	return p.rc;
}
