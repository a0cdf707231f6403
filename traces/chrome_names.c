#include "traces/chrome_names.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "traces/decimal.h"
#include "traces/event.h"

enum { FIRST_ROOM = 64 };

void chrome_names_init(struct chrome_names *t)
{
	*t = (struct chrome_names){.room = FIRST_ROOM};
	t->slot = heap_zeroed(t->room, sizeof *t->slot);
}

void chrome_names_fini(struct chrome_names *t)
{
	free(t->slot);
}

/* Where it is or would be. There is always an empty slot. */
static struct chrome_name *slot_of(const struct chrome_names *t, bool thread, int64_t pid,
                                   int64_t tid)
{
	const uint64_t mix = 0x9e3779b97f4a7c15; /* 2^64 over the golden ratio: spreads low bits */
	uint64_t hash = ((uint64_t)pid * mix ^ ((uint64_t)tid + thread)) * mix;
	uint32_t i = (uint32_t)(hash >> 32) & (t->room - 1);
	struct chrome_name *s = &t->slot[i];

	while (s->used && (s->thread != thread || s->pid != pid || s->tid != tid)) {
		i = (i + 1) & (t->room - 1);
		s = &t->slot[i];
	}
	return s;
}

const struct chrome_name *chrome_name_find(const struct chrome_names *t, bool thread, int64_t pid,
                                           int64_t tid)
{
	const struct chrome_name *s = slot_of(t, thread, pid, thread ? tid : 0);

	return s->used ? s : NULL;
}

static void grow(struct chrome_names *t)
{
	struct chrome_names bigger = {.n = t->n, .room = 2 * t->room};

	bigger.slot = heap_zeroed(bigger.room, sizeof *bigger.slot);
	for (uint32_t i = 0; i < t->room; i++) {
		const struct chrome_name *s = &t->slot[i];

		if (s->used)
			*slot_of(&bigger, s->thread, s->pid, s->tid) = *s;
	}
	free(t->slot);
	*t = bigger;
}

static struct chrome_name *name_at(struct chrome_names *t, bool thread, int64_t pid, int64_t tid)
{
	struct chrome_name *s = slot_of(t, thread, pid, tid);

	if (s->used)
		return s;
	if (t->n == CHROME_MOST_NAMES)
		return NULL;
	if (2 * t->n >= t->room) {
		grow(t);
		s = slot_of(t, thread, pid, tid);
	}
	t->n++;
	*s = (struct chrome_name){
	        .used = true, .thread = thread, .pid = pid, .tid = tid, .number = TRACE_UNKNOWN};
	return s;
}

/* The number after a word, as in "NPU 3" and "rank 3 (stands for 256)". */
static int32_t number_after(const char *text, const char *word)
{
	size_t n = strlen(word);
	int64_t value;

	if (strncmp(text, word, n) != 0 ||
	    !decimal_scaled(text + n, strcspn(text + n, " "), AS_IS, &value) || value < 0 ||
	    value > INT32_MAX)
		return TRACE_UNKNOWN;
	return (int32_t)value;
}

static void process_name(struct chrome_name *p, const char *text)
{
	int32_t rank = number_after(text, "rank ");

	if (strcmp(text, "Ascend Hardware") == 0)
		p->role = ROLE_HARDWARE;
	else if (strcmp(text, "Communication") == 0 || strcmp(text, "HCCL") == 0)
		p->role = ROLE_COMMUNICATION;
	else if (rank >= 0)
		p->role = ROLE_RANK, p->number = rank;
}

static void thread_name(struct chrome_name *t, const char *text)
{
	static const char group[] = "Group ", end[] = " Communication";
	const char *to;

	t->plane = strncmp(text, "Plane", strlen("Plane")) == 0;
	if (strncmp(text, group, sizeof group - 1) != 0)
		return;
	text += sizeof group - 1;
	to = strstr(text, end);
	snprintf(t->group, sizeof t->group, "%.*s", to ? (int)(to - text) : CHROME_NAME_SIZE - 1,
	         text);
}

bool chrome_name_learn(struct chrome_names *t, const char *what, int64_t pid, int64_t tid,
                       const char *text)
{
	bool thread = strcmp(what, "thread_name") == 0;
	bool labels = strcmp(what, "process_labels") == 0;
	struct chrome_name *n;

	if (!thread && !labels && strcmp(what, "process_name") != 0)
		return true;
	n = name_at(t, thread, pid, thread ? tid : 0);
	if (!n)
		return false;
	if (thread)
		thread_name(n, text);
	else if (labels && n->number < 0)
		n->number = number_after(text, "NPU ");
	else if (!labels)
		process_name(n, text);
	return true;
}
