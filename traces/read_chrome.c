/* Chrome traces: trace_view.json (torch_npu), msprof_*.json, PyTorch's own, `epsim run --timeline`,
 * our recorder's. An array, or {"traceEvents": [...]}; `ts` a text or a number of us, `dur` a
 * number. Ascend/msprof 9ba1ac7, Ascend/pytorch 9e73e70. Names of processes may come after their
 * events, so the file is read twice. Complete events (ph X) are taken; flows, counters and host
 * calls are not. */
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "traces/chrome_names.h"
#include "traces/decimal.h"
#include "traces/json_walk.h"
#include "traces/readers.h"

enum { NAME_SIZE = 512, WORD_SIZE = 64, SHOWN = 60 };
static const int64_t nowhere = 4294967295; /* a rank: on this chip; msprof's notation */

/* What is known of the event under way. */
struct chrome_event {
	char phase, name[NAME_SIZE], category[WORD_SIZE];
	int64_t pid, tid, start_ns, duration_ns;
	char label[NAME_SIZE]; /* args.name or args.labels of metadata */
	char core[WORD_SIZE], link[WORD_SIZE], transport[WORD_SIZE], dtype[WORD_SIZE];
	char flow[WORD_SIZE];
	int64_t source, target, bytes, ranks, rank, step, device;
	bool started, lasted;
};

struct pass {
	const struct trace_sink *sink; /* NULL: the first pass, for names alone */
	struct chrome_names names;
	struct chrome_event ev;
};

/* ---- fields ---------------------------------------------------------------------------------- */

enum type { NUMBER, WORD };

struct place {
	const char *key;
	enum type type;
	size_t offset, size;
};

#define NUMBER_AT(key_, member)                                                                    \
	{                                                                                          \
		key_, NUMBER, offsetof(struct chrome_event, member), 0                             \
	}
#define WORD_AT(key_, member)                                                                      \
	{                                                                                          \
		key_, WORD, offsetof(struct chrome_event, member),                                 \
		        sizeof((struct chrome_event *)0)->member                                   \
	}

static const struct place args[] = {
        WORD_AT("name", label),         WORD_AT("labels", label),
        WORD_AT("Task Type", core),     WORD_AT("link type", link),
        WORD_AT("link", link),          WORD_AT("transport type", transport),
        WORD_AT("data type", dtype),    WORD_AT("data_type", dtype),
        WORD_AT("flow", flow),          NUMBER_AT("src rank", source),
        NUMBER_AT("dst rank", target),  NUMBER_AT("peer", target),
        NUMBER_AT("size(Byte)", bytes), NUMBER_AT("bytes", bytes),
        NUMBER_AT("rank_size", ranks),  NUMBER_AT("rank", rank),
        NUMBER_AT("step", step),        NUMBER_AT("device", device),
};
enum { ARGS = sizeof args / sizeof *args };

/* An argument of another type than expected is somebody else's of the same name. */
static void arg_read(struct chrome_event *ev, const char *key, const struct json_item *item)
{
	for (size_t i = 0; i < ARGS; i++) {
		void *at = (char *)ev + args[i].offset;

		if (args[i].key[0] != key[0] || strcmp(args[i].key, key) != 0)
			continue;
		if (args[i].type == NUMBER)
			json_scaled(item, AS_IS, at);
		else if (item->kind == JSON_TEXT)
			json_copy(item, at, args[i].size);
		return;
	}
}

/* Process and thread numbers are sometimes texts; then their hash (FNV-1a) is the number. */
static int64_t id_of(const struct json_item *item)
{
	uint64_t hash = 0xcbf29ce484222325;
	int64_t id;

	if (json_scaled(item, AS_IS, &id))
		return id;
	for (size_t i = 0; i < item->n; i++)
		hash = (hash ^ (unsigned char)item->text[i]) * 0x100000001b3;
	return (int64_t)hash;
}

static enum rc time_read(const struct json_place *at, const char *key, const struct json_item *item,
                         int64_t *out, bool *there, struct err *e)
{
	if (!json_scaled(item, US_TO_NS, out))
		return json_fail(at, e, "'%s' is '%.*s'; a number of us is expected", key,
		                 (int)(item->n < SHOWN ? item->n : SHOWN), item->text);
	*there = true;
	return RC_OK;
}

static enum rc field_read(struct chrome_event *ev, const struct json_place *at, const char *key,
                          const struct json_item *item, struct err *e)
{
	if (strcmp(key, "ts") == 0)
		return time_read(at, key, item, &ev->start_ns, &ev->started, e);
	if (strcmp(key, "dur") == 0)
		return time_read(at, key, item, &ev->duration_ns, &ev->lasted, e);
	if (strcmp(key, "ph") == 0)
		ev->phase = item->n == 1 ? item->text[0] : '\0';
	else if (strcmp(key, "name") == 0)
		json_copy(item, ev->name, sizeof ev->name);
	else if (strcmp(key, "cat") == 0)
		json_copy(item, ev->category, sizeof ev->category);
	else if (strcmp(key, "pid") == 0)
		ev->pid = id_of(item);
	else if (strcmp(key, "tid") == 0)
		ev->tid = id_of(item);
	return RC_OK;
}

/* ---- from a Chrome event to ours ------------------------------------------------------------- */

static int32_t small(int64_t value)
{
	return value >= 0 && value <= INT32_MAX ? (int32_t)value : TRACE_UNKNOWN;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* What a stream does besides kernels. */
static bool is_stream_task(const char *name)
{
	return starts(name, "EVENT_") || starts(name, "NOTIFY_") || starts(name, "PLACE_HOLDER");
}

static bool hardware_event(const struct chrome_event *c, struct trace_event *ev)
{
	ev->kind = TRACE_KERNEL;
	ev->core = c->core;
	ev->twin = strstr(c->name, "AivKernel") || strstr(c->name, "AicpuKernel");
	return !is_stream_task(c->name);
}

/* A collective, or one of its tasks that moves bytes to another rank. */
static bool communication_event(const struct chrome_event *c, const struct chrome_name *thread,
                                struct trace_event *ev)
{
	ev->dtypes = c->dtype;
	ev->group = thread ? thread->group : "";
	if (c->source < 0 && !(thread && thread->plane)) {
		ev->kind = TRACE_COLLECTIVE;
		ev->core = "COMMUNICATION";
		ev->ranks = small(c->ranks);
		return true;
	}
	ev->kind = TRACE_TRANSFER;
	ev->source = small(c->source), ev->peer = small(c->target);
	ev->link = trace_link_parse(*c->link ? c->link : c->transport);
	return c->target != nowhere && c->target != c->source && ev->peer >= 0 && c->bytes > 0;
}

static bool rank_event(const struct chrome_event *c, struct trace_event *ev)
{
	ev->kind = TRACE_KERNEL;
	ev->phase = c->category;
	ev->flow = c->flow;
	if (c->target >= 0) {
		ev->kind = TRACE_TRANSFER;
		ev->source = ev->rank, ev->peer = small(c->target);
		ev->link = trace_link_parse(c->link);
	}
	return true;
}

/* False: of no interest here. */
static bool event_make(const struct pass *p, struct trace_event *ev)
{
	const struct chrome_event *c = &p->ev;
	const struct chrome_name *process = chrome_name_find(&p->names, false, c->pid, 0);
	enum chrome_role role = process ? process->role : ROLE_OTHER;

	*ev = trace_event_blank(TRACE_KERNEL);
	ev->name = c->name;
	ev->start_ns = c->start_ns, ev->duration_ns = c->duration_ns;
	ev->bytes = c->bytes, ev->step = c->step;
	ev->device = process ? process->number : TRACE_UNKNOWN;
	switch (role) {
	case ROLE_HARDWARE:
		return hardware_event(c, ev);
	case ROLE_COMMUNICATION:
		return communication_event(c, chrome_name_find(&p->names, true, c->pid, c->tid),
		                           ev);
	case ROLE_RANK:
		ev->rank = process->number, ev->device = TRACE_UNKNOWN;
		return rank_event(c, ev);
	default: /* PyTorch marks kernels by category */
		ev->device = small(c->device);
		return strcmp(c->category, "kernel") == 0;
	}
}

static enum rc event_end(struct pass *p, const struct json_place *at, struct err *e)
{
	const struct chrome_event *c = &p->ev;
	struct trace_event ev;

	if (!p->sink) {
		if (c->phase == 'M' &&
		    !chrome_name_learn(&p->names, c->name, c->pid, c->tid, c->label))
			return json_fail(at, e, "more than %d processes and threads",
			                 CHROME_MOST_NAMES);
		return RC_OK;
	}
	if (c->phase != 'X' || !event_make(p, &ev))
		return RC_OK;
	if (!c->started || !c->lasted || c->duration_ns < 0)
		return json_fail(at, e, "'%.60s' has no 'ts', or no 'dur' of at least 0", c->name);
	return p->sink->take(p->sink->data, &ev, e);
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Around an event are the array, and in the second form a map. 0: this is none. */
static int level_of(const struct json_place *at)
{
	return at->depth > 0 && at->key[0][0] == '\0'   ? 1
	       : strcmp(at->key[0], "traceEvents") == 0 ? 2
	                                                : 0;
}

static enum rc on_open(void *data, const struct json_place *at, bool array, struct err *e)
{
	struct chrome_event *ev = &((struct pass *)data)->ev;
	int level = level_of(at);

	(void)array, (void)e;
	if (level == 0 || at->depth != level)
		return RC_OK;
	/* not the texts' room: their first bytes will do */
	ev->phase = ev->name[0] = ev->category[0] = ev->label[0] = ev->core[0] = '\0';
	ev->link[0] = ev->transport[0] = ev->dtype[0] = ev->flow[0] = '\0';
	ev->pid = ev->tid = 0;
	ev->source = ev->target = ev->bytes = ev->ranks = TRACE_UNKNOWN;
	ev->rank = ev->step = ev->device = ev->duration_ns = TRACE_UNKNOWN;
	ev->start_ns = TRACE_NO_TIME;
	ev->started = ev->lasted = false;
	return RC_OK;
}

static enum rc on_close(void *data, const struct json_place *at, struct err *e)
{
	int level = level_of(at);

	return level > 0 && at->depth == level ? event_end(data, at, e) : RC_OK;
}

static enum rc on_value(void *data, const struct json_place *at, const struct json_item *item,
                        struct err *e)
{
	struct chrome_event *ev = &((struct pass *)data)->ev;
	int level = level_of(at);

	if (level == 0)
		return RC_OK;
	if (at->depth == level + 1)
		return field_read(ev, at, at->key[level], item, e);
	if (at->depth == level + 2 && strcmp(at->key[level], "args") == 0)
		arg_read(ev, at->key[level + 1], item);
	return RC_OK;
}

static enum rc chrome_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	static const struct json_handler handler = {on_open, on_close, on_value};
	struct pass *p = heap_zeroed(1, sizeof *p);
	enum rc rc;

	chrome_names_init(&p->names);
	rc = json_walk(path, &handler, p, e);
	p->sink = sink;
	if (rc == RC_OK)
		rc = json_walk(path, &handler, p, e);
	chrome_names_fini(&p->names);
	free(p);
	return rc;
}

static bool chrome_holds(const struct trace_head *h)
{
	const char *first = h->text + strspn(h->text, " \t\r\n");

	return (*first == '[' || *first == '{') && strstr(first, "\"ph\"");
}

const struct trace_reader reader_chrome = {
        .name = "Chrome trace",
        .pattern = {"trace_view*.json", "msprof_*.json", "*.trace.json"},
        .gives = GIVES_OPS | GIVES_TRANSFERS,
        .holds = chrome_holds,
        .read = chrome_read,
};
