/* communication.json (torch_npu) and msprof-analyze's cluster_communication.json: time and bytes of
 * each collective.
 *     {step: {p2p|collective: {"op@group":             {"Communication Time Info": {...}, ...}}}}
 *     {"(0, 1)": {step:       {"op@group": {rank: {"Communication Time Info": {...}, ...}}}}}
 * Ascend/pytorch 9e73e70. MB is 10^6 bytes. Times are of the master plane, bytes of all planes.
 * SDMA is the sum of HCCS, PCIE and SIO, and "Total Op Info" that of all ops: neither is taken. */
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "traces/decimal.h"
#include "traces/json_walk.h"
#include "traces/readers.h"

/* Levels of keys, one deeper each in a cluster's file. */
enum { LEVEL_OP = 2, LEVEL_SECTION = 3, LEVEL_LINK = 4, LEVEL_FIELD = 5 };

struct pass {
	const struct trace_sink *sink;
	struct trace_event op, link; /* under way */
	char name[JSON_KEY_SIZE], group[JSON_KEY_SIZE];
};

static int shift(const struct json_place *at)
{
	return at->depth > 0 && at->key[0][0] == '(';
}

static bool is_op(const struct json_place *at)
{
	return at->depth > LEVEL_OP && strcmp(at->key[LEVEL_OP], "Total Op Info") != 0;
}

/* "step12" is step 12, "step" has no number. */
static int64_t step_of(const char *key)
{
	const char *digits = key + strcspn(key, "0123456789");
	int64_t step;

	return decimal_scaled(digits, strlen(digits), AS_IS, &step) ? step : TRACE_UNKNOWN;
}

/* "hcom_alltoallv__909_2_1@5862276110395350800" */
static void op_start(struct pass *p, const struct json_place *at)
{
	const char *key = at->key[LEVEL_OP], *sign = strchr(key, '@');
	size_t n = sign ? (size_t)(sign - key) : strlen(key);
	int64_t rank;

	memcpy(p->name, key, n);
	p->name[n] = '\0';
	strcpy(p->group, sign ? sign + 1 : "");
	p->op = trace_event_blank(TRACE_COLLECTIVE);
	p->op.name = p->name, p->op.group = p->group;
	p->op.step = step_of(at->key[shift(at)]);
	if (shift(at) &&
	    decimal_scaled(at->key[LEVEL_OP + 1], strlen(at->key[LEVEL_OP + 1]), AS_IS, &rank) &&
	    rank >= 0 && rank <= INT32_MAX)
		p->op.rank = (int32_t)rank;
}

static void link_start(struct pass *p, const struct json_place *at)
{
	p->link = p->op;
	p->link.kind = TRACE_TRANSFER;
	p->link.start_ns = TRACE_NO_TIME;
	p->link.transit_ns = p->link.wait_ns = p->link.duration_ns = TRACE_UNKNOWN;
	p->link.source = p->op.rank;
	p->link.link = trace_link_parse(at->key[LEVEL_LINK + shift(at)]);
}

static bool in_section(const struct json_place *at, const char *name)
{
	return strcmp(at->key[LEVEL_SECTION + shift(at)], name) == 0;
}

static enum rc on_open(void *data, const struct json_place *at, bool array, struct err *e)
{
	int depth = at->depth - shift(at);

	(void)array, (void)e;
	if (depth == LEVEL_SECTION && is_op(at))
		op_start(data, at);
	else if (depth == LEVEL_FIELD && is_op(at) &&
	         in_section(at, "Communication Bandwidth Info"))
		link_start(data, at);
	return RC_OK;
}

static enum rc on_close(void *data, const struct json_place *at, struct err *e)
{
	struct pass *p = data;
	int depth = at->depth - shift(at);

	if (depth == LEVEL_SECTION && is_op(at)) {
		if (p->op.duration_ns < 0)
			return json_fail(at, e, "'%s' has no 'Elapse Time(ms)'", p->name);
		return p->sink->take(p->sink->data, &p->op, e);
	}
	if (depth == LEVEL_FIELD && is_op(at) && in_section(at, "Communication Bandwidth Info") &&
	    p->link.bytes > 0 && p->link.link != LINK_UNKNOWN)
		return p->sink->take(p->sink->data, &p->link, e);
	return RC_OK;
}

static enum rc field_read(const struct json_place *at, const char *key,
                          const struct json_item *item, int power, int64_t *out, struct err *e)
{
	if (!json_scaled(item, power, out) || *out < 0)
		return json_fail(at, e, "'%s' is '%.*s'; a number of at least 0 is expected", key,
		                 (int)(item->n < 60 ? item->n : 60), item->text);
	return RC_OK;
}

/* A field of either section, and where its number goes. */
static enum rc field_find(struct pass *p, bool link, const struct json_place *at, const char *key,
                          const struct json_item *item, struct err *e)
{
	const struct field_place {
		const char *key;
		bool link;
		int power;
		int64_t *out;
	} fields[] = {
	        {"Start Timestamp(us)", false, US_TO_NS, &p->op.start_ns},
	        {"Elapse Time(ms)", false, MS_TO_NS, &p->op.duration_ns},
	        {"Transit Time(ms)", false, MS_TO_NS, &p->op.transit_ns},
	        {"Wait Time(ms)", false, MS_TO_NS, &p->op.wait_ns},
	        {"Transit Size(MB)", true, MB_TO_BYTES, &p->link.bytes},
	        {"Transit Time(ms)", true, MS_TO_NS, &p->link.duration_ns},
	};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (fields[i].link == link && strcmp(fields[i].key, key) == 0)
			return field_read(at, key, item, fields[i].power, fields[i].out, e);
	}
	return RC_OK;
}

static enum rc on_value(void *data, const struct json_place *at, const struct json_item *item,
                        struct err *e)
{
	int s = shift(at), depth = at->depth - s;

	if (!is_op(at))
		return RC_OK;
	if (depth == LEVEL_FIELD && in_section(at, "Communication Time Info"))
		return field_find(data, false, at, at->key[LEVEL_LINK + s], item, e);
	if (depth == LEVEL_FIELD + 1 && in_section(at, "Communication Bandwidth Info"))
		return field_find(data, true, at, at->key[LEVEL_FIELD + s], item, e);
	return RC_OK;
}

static enum rc communication_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	static const struct json_handler handler = {on_open, on_close, on_value};
	struct pass *p = heap_zeroed(1, sizeof *p);
	enum rc rc;

	p->sink = sink;
	p->op = p->link = trace_event_blank(TRACE_COLLECTIVE);
	rc = json_walk(path, &handler, p, e);
	free(p);
	return rc;
}

static bool communication_holds(const struct trace_head *h)
{
	return strstr(h->text, "\"Communication Time Info\"") != NULL;
}

const struct trace_reader reader_communication = {
        .name = "communication",
        .pattern = {"communication.json", "cluster_communication.json"},
        .gives = GIVES_OPS | GIVES_WAITS | GIVES_TRANSFERS,
        .holds = communication_holds,
        .read = communication_read,
};
