/* Lists and heaps of the serving simulation. */
#include <stdlib.h>
#include "models/base/arena.h"
#include "sim/serve_state.h"

void list_init(struct job_list *l)
{
	*l = (struct job_list){NONE, NONE, 0};
}

void list_push(struct sim *s, struct job_list *l, uint32_t job)
{
	s->job[job].next = NONE, s->job[job].before = l->last;
	*(l->last == NONE ? &l->first : &s->job[l->last].next) = job;
	l->last = job;
	l->n++;
}

void list_push_front(struct sim *s, struct job_list *l, uint32_t job)
{
	s->job[job].before = NONE, s->job[job].next = l->first;
	*(l->first == NONE ? &l->last : &s->job[l->first].before) = job;
	l->first = job;
	l->n++;
}

void list_remove(struct sim *s, struct job_list *l, uint32_t job)
{
	struct job *j = &s->job[job];

	*(j->before == NONE ? &l->first : &s->job[j->before].next) = j->next;
	*(j->next == NONE ? &l->last : &s->job[j->next].before) = j->before;
	j->next = j->before = NONE;
	l->n--;
}

void prefilling_push(struct group *g, uint32_t job)
{
	if (g->n_prefilling == g->prefilling_room) {
		g->prefilling_room = g->prefilling_room ? 2 * g->prefilling_room : 8;
		g->prefilling = heap_resize(g->prefilling, g->prefilling_room, sizeof job);
	}
	g->prefilling[g->n_prefilling++] = job;
}

void prefilling_remove(struct group *g, uint32_t job)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_prefilling; i++) {
		if (g->prefilling[i] != job)
			g->prefilling[n++] = g->prefilling[i];
	}
	CHECK(n + 1 == g->n_prefilling);
	g->n_prefilling = n;
}

/* ---- decoding jobs of a group, by the step that ends them; equals by their number ------------ */

static bool finishes_before(const struct sim *s, uint32_t a, uint32_t b)
{
	const struct job *x = &s->job[a], *y = &s->job[b];

	return x->finish_step != y->finish_step ? x->finish_step < y->finish_step : a < b;
}

static void decoding_put(struct sim *s, struct group *g, size_t at, uint32_t job)
{
	g->heap[at] = job;
	s->job[job].heap_at = (uint32_t)at;
}

static void decoding_up(struct sim *s, struct group *g, size_t at, uint32_t job)
{
	while (at > 0 && finishes_before(s, job, g->heap[(at - 1) / 2])) {
		decoding_put(s, g, at, g->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	decoding_put(s, g, at, job);
}

static void decoding_down(struct sim *s, struct group *g, size_t at, uint32_t job)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < g->n_decoding &&
		    finishes_before(s, g->heap[child + 1], g->heap[child]))
			child++;
		if (child >= g->n_decoding || !finishes_before(s, g->heap[child], job))
			break;
		decoding_put(s, g, at, g->heap[child]);
		at = child;
	}
	decoding_put(s, g, at, job);
}

void decoding_push(struct sim *s, struct group *g, uint32_t job)
{
	if (g->n_decoding == g->heap_room) {
		g->heap_room = g->heap_room ? 2 * g->heap_room : 32;
		g->heap = heap_resize(g->heap, g->heap_room, sizeof job);
	}
	decoding_up(s, g, g->n_decoding++, job);
}

void decoding_remove(struct sim *s, struct group *g, uint32_t job)
{
	size_t at = s->job[job].heap_at;
	uint32_t last = g->heap[--g->n_decoding];

	if (last == job)
		return;
	if (at > 0 && finishes_before(s, last, g->heap[(at - 1) / 2]))
		decoding_up(s, g, at, last);
	else
		decoding_down(s, g, at, last);
}

/* ---- busy instances, by the end of their run; equals by their number ------------------------- */

static bool ends_before(const struct sim *s, uint32_t a, uint32_t b)
{
	const struct instance *x = &s->instance[a], *y = &s->instance[b];

	return x->end_s != y->end_s ? x->end_s < y->end_s : a < b;
}

static void instance_put(struct sim *s, size_t at, uint32_t i)
{
	s->heap[at] = i;
	s->instance[i].heap_at = at;
}

static void instance_up(struct sim *s, size_t at, uint32_t i)
{
	while (at > 0 && ends_before(s, i, s->heap[(at - 1) / 2])) {
		instance_put(s, at, s->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	instance_put(s, at, i);
}

static void instance_down(struct sim *s, size_t at, uint32_t i)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < s->n_heap && ends_before(s, s->heap[child + 1], s->heap[child]))
			child++;
		if (child >= s->n_heap || !ends_before(s, s->heap[child], i))
			break;
		instance_put(s, at, s->heap[child]);
		at = child;
	}
	instance_put(s, at, i);
}

void instance_heap_set(struct sim *s, struct instance *i)
{
	uint32_t index = (uint32_t)i->index;
	size_t at = i->heap_at;

	if (at == SIZE_MAX)
		at = s->n_heap++;
	if (at > 0 && ends_before(s, index, s->heap[(at - 1) / 2]))
		instance_up(s, at, index);
	else
		instance_down(s, at, index);
}

void instance_heap_remove(struct sim *s, struct instance *i)
{
	size_t at = i->heap_at;
	uint32_t last;

	if (at == SIZE_MAX)
		return;
	last = s->heap[--s->n_heap];
	i->heap_at = SIZE_MAX;
	if (last == (uint32_t)i->index)
		return;
	if (at > 0 && ends_before(s, last, s->heap[(at - 1) / 2]))
		instance_up(s, at, last);
	else
		instance_down(s, at, last);
}

/* ---- pulls of KV, by their end; equals by their job ------------------------------------------ */

static bool pull_before(const struct pull *a, const struct pull *b)
{
	return a->end_s != b->end_s ? a->end_s < b->end_s : a->job < b->job;
}

void pull_push(struct sim *s, const struct pull *p)
{
	size_t at = s->n_pulls++;

	if (at == s->pulls_room) {
		s->pulls_room = s->pulls_room ? 2 * s->pulls_room : 32;
		s->pull = heap_resize(s->pull, s->pulls_room, sizeof *s->pull);
	}
	while (at > 0 && pull_before(p, &s->pull[(at - 1) / 2])) {
		s->pull[at] = s->pull[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	s->pull[at] = *p;
}

/* A pull finds its place from a hole on downwards. */
static void pull_down(struct sim *s, size_t at, struct pull last)
{

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < s->n_pulls && pull_before(&s->pull[child + 1], &s->pull[child]))
			child++;
		if (child >= s->n_pulls || !pull_before(&s->pull[child], &last))
			break;
		s->pull[at] = s->pull[child];
		at = child;
	}
	s->pull[at] = last;
}

struct pull pull_pop(struct sim *s)
{
	struct pull top = s->pull[0];

	if (--s->n_pulls > 0)
		pull_down(s, 0, s->pull[s->n_pulls]);
	return top;
}

void pull_remove(struct sim *s, uint32_t job)
{
	size_t at = 0;
	struct pull last;

	while (at < s->n_pulls && s->pull[at].job != job)
		at++;
	if (at == s->n_pulls)
		return;
	last = s->pull[--s->n_pulls];
	for (; at > 0 && pull_before(&last, &s->pull[(at - 1) / 2]); at = (at - 1) / 2)
		s->pull[at] = s->pull[(at - 1) / 2];
	if (at < s->n_pulls)
		pull_down(s, at, last);
}
