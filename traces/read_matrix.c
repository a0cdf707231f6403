/* communication_matrix.json (torch_npu) and msprof-analyze's cluster form: bytes and time of each
 * pair of ranks, by link.
 *     {step: {p2p|collective: {"<type>-total@<group>": {"<src>-<dst>": {...}}}}}
 * Ascend/pytorch 9e73e70. Beside each total stand five of its calls (top1, middle, bottom1..3).
 * Ranks are those of the group. Types are the first match of a list, so alltoallv prints as
 * alltoall and allreduce as reduce. */
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "traces/decimal.h"
#include "traces/json_walk.h"
#include "traces/readers.h"

enum { LEVEL_STEP = 0, LEVEL_OP = 2, LEVEL_PAIR = 3, LEVEL_FIELD = 4 };

struct pass {
	const struct trace_sink *sink;
	struct trace_event pair;
	char name[JSON_KEY_SIZE], group[JSON_KEY_SIZE];
};

static int64_t step_of(const char *key)
{
	const char *digits = key + strcspn(key, "0123456789");
	int64_t step;

	return decimal_scaled(digits, strlen(digits), AS_IS, &step) ? step : TRACE_UNKNOWN;
}

/* "alltoall-total@5862276110395350800" */
static void names_split(struct pass *p, const char *key)
{
	static const char *const picks[] = {"-top1", "-middle", "-bottom1", "-bottom2", "-bottom3"};
	const char *sign = strchr(key, '@');
	size_t n = sign ? (size_t)(sign - key) : strlen(key);
	char *dash;

	memcpy(p->name, key, n);
	p->name[n] = '\0';
	strcpy(p->group, sign ? sign + 1 : "");
	dash = strrchr(p->name, '-');
	if (!dash)
		return;
	for (size_t i = 0; i < sizeof picks / sizeof *picks; i++)
		p->pair.pick |= strcmp(dash, picks[i]) == 0;
	if (p->pair.pick || strcmp(dash, "-total") == 0)
		*dash = '\0';
}

static bool rank_read(const char *text, size_t n, int32_t *out)
{
	int64_t rank;

	if (!decimal_scaled(text, n, AS_IS, &rank) || rank < 0 || rank > INT32_MAX)
		return false;
	*out = (int32_t)rank;
	return true;
}

static enum rc pair_start(struct pass *p, const struct json_place *at, struct err *e)
{
	const char *key = at->key[LEVEL_PAIR], *dash = strchr(key, '-');
	bool cluster = at->key[LEVEL_STEP][0] == '(';

	p->pair = trace_event_blank(TRACE_TRANSFER);
	if (!dash || !rank_read(key, (size_t)(dash - key), &p->pair.source) ||
	    !rank_read(dash + 1, strlen(dash + 1), &p->pair.peer))
		return json_fail(at, e, "'%.60s' is no pair of ranks, such as 0-1", key);
	names_split(p, at->key[LEVEL_OP]);
	p->pair.name = p->pair.type = p->name;
	p->pair.group = p->group;
	p->pair.calls = p->pair.pick; /* of a total it is not told */
	p->pair.step = step_of(at->key[LEVEL_STEP + cluster]);
	return RC_OK;
}

/* Of a cluster's file the sum over all ops stands beside them. */
static bool is_sum(const struct json_place *at)
{
	return strcmp(at->key[LEVEL_OP], "Total Op Info") == 0;
}

static enum rc on_open(void *data, const struct json_place *at, bool array, struct err *e)
{
	(void)array;
	return at->depth == LEVEL_FIELD && !is_sum(at) ? pair_start(data, at, e) : RC_OK;
}

static enum rc on_close(void *data, const struct json_place *at, struct err *e)
{
	struct pass *p = data;

	if (at->depth != LEVEL_FIELD || is_sum(at) || p->pair.bytes <= 0)
		return RC_OK;
	return p->sink->take(p->sink->data, &p->pair, e);
}

static enum rc on_value(void *data, const struct json_place *at, const struct json_item *item,
                        struct err *e)
{
	const char *key = at->key[LEVEL_FIELD];
	struct pass *p = data;
	char link[32];
	bool ok = true;

	if (at->depth != LEVEL_FIELD + 1 || is_sum(at))
		return RC_OK;
	if (strcmp(key, "Transport Type") == 0) {
		json_copy(item, link, sizeof link);
		p->pair.link = trace_link_parse(link);
	} else if (strcmp(key, "Transit Size(MB)") == 0) {
		ok = json_scaled(item, MB_TO_BYTES, &p->pair.bytes) && p->pair.bytes >= 0;
	} else if (strcmp(key, "Transit Time(ms)") == 0) {
		ok = json_scaled(item, MS_TO_NS, &p->pair.duration_ns) && p->pair.duration_ns >= 0;
	}
	return ok ? RC_OK
	          : json_fail(at, e, "'%s' is '%.*s'; a number of at least 0 is expected", key,
	                      (int)(item->n < 60 ? item->n : 60), item->text);
}

static enum rc matrix_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	static const struct json_handler handler = {on_open, on_close, on_value};
	struct pass *p = heap_zeroed(1, sizeof *p);
	enum rc rc;

	p->sink = sink;
	p->pair = trace_event_blank(TRACE_TRANSFER);
	rc = json_walk(path, &handler, p, e);
	free(p);
	return rc;
}

static bool matrix_holds(const struct trace_head *h)
{
	return strstr(h->text, "\"Transport Type\"") != NULL;
}

const struct trace_reader reader_matrix = {
        .name = "communication_matrix",
        .pattern = {"communication_matrix.json", "cluster_communication_matrix.json"},
        .gives = GIVES_TRANSFERS,
        .holds = matrix_holds,
        .read = matrix_read,
};
