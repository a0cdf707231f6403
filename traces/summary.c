#include "traces/summary.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "traces/words.h"

enum { KEY_SIZE = 1024, FIRST_ROOM = 16 };

/* ---- lists that grow ------------------------------------------------------------------------- */

/* Room for item n of a list, which is zeroed. */
#define LIST_ROOM(list, n) ((list) = list_room((list), (n), sizeof *(list)))

static void *list_room(void *list, uint32_t n, size_t item_bytes)
{
	if ((n & (n - 1)) == 0) { /* room doubles */
		uint32_t room = n < FIRST_ROOM ? FIRST_ROOM : 2 * n;

		if (n == 0 || n >= FIRST_ROOM)
			list = heap_resize(list, room, item_bytes);
	}
	memset((char *)list + n * item_bytes, 0, item_bytes);
	return list;
}

struct summary *summary_new(void)
{
	struct summary *s = heap_zeroed(1, sizeof *s);

	s->a = arena_new();
	s->skip_before_step = INT64_MIN;
	map_init(&s->ranks), map_init(&s->ops), map_init(&s->pairs), map_init(&s->waits);
	map_init(&s->cells), map_init(&s->parts), map_init(&s->statistics);
	return s;
}

static void piece_fini(struct summary_piece *p)
{
	sketch_fini(&p->time_ns);
	for (uint32_t i = 0; i < p->n_ranks; i++)
		sketch_fini(&p->rank[i]);
	free(p->rank);
	free(p->call_ns);
}

void summary_free(struct summary *s)
{
	for (uint32_t i = 0; i < s->n_ops; i++) {
		sketch_fini(&s->op[i].time_ns);
		free(s->op[i].rank);
	}
	for (uint32_t i = 0; i < s->n_pieces; i++)
		piece_fini(&s->piece[i]);
	map_fini(&s->ranks), map_fini(&s->ops), map_fini(&s->pairs), map_fini(&s->waits);
	map_fini(&s->cells), map_fini(&s->parts), map_fini(&s->statistics);
	free(s->rank), free(s->op), free(s->piece), free(s->pair), free(s->wait), free(s->cell);
	free(s->part), free(s->point), free(s->statistic);
	arena_free(s->a);
	free(s);
}

/* ---- who and where --------------------------------------------------------------------------- */

static uint32_t rank_number(struct summary *s, const struct trace_event *ev)
{
	int32_t key[2] = {ev->rank, ev->rank >= 0 ? TRACE_UNKNOWN : ev->device};
	uint32_t i = map_number(&s->ranks, key, sizeof key);

	if (i == s->n_ranks) {
		LIST_ROOM(s->rank, i);
		s->rank[i] = (struct summary_rank){.rank = key[0],
		                                   .device = key[1],
		                                   .side = DURING_OTHER,
		                                   .side_ns = INT64_MIN};
		s->n_ranks++;
	}
	return i;
}

static void add_capped(int64_t *sum, int64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = INT64_MAX;
}

static void cell_add(struct summary *s, uint32_t rank, const struct trace_event *ev,
                     enum trace_phase phase)
{
	struct summary_rank *r = &s->rank[rank];
	int64_t key[2] = {rank, ev->step};
	uint32_t i;

	add_capped(ev->twin ? &r->twin_ns[phase] : &r->phase_ns[phase], ev->duration_ns);
	if (s->cells_full)
		return;
	i = map_number(&s->cells, key, sizeof key);
	if (i == MOST_CELLS) {
		s->cells_full = true;
		return;
	}
	if (i == s->n_cells) {
		LIST_ROOM(s->cell, i);
		s->cell[i].rank = rank, s->cell[i].step = ev->step;
		s->n_cells++;
	}
	add_capped(ev->twin ? &s->cell[i].twin_ns[phase] : &s->cell[i].phase_ns[phase],
	           ev->duration_ns);
}

/* ---- ops ------------------------------------------------------------------------------------- */

static uint32_t op_number(struct summary *s, const struct trace_event *ev)
{
	char name[256], key[KEY_SIZE];
	struct summary_op *op;
	uint32_t i;
	int n;

	trace_op_name(ev, name, sizeof name);
	if (s->n_ops >= MOST_OPS)
		snprintf(name, sizeof name, "(more ops)");
	n = snprintf(key, sizeof key, "%c%s\n%.64s\n%.64s", ev->twin ? 't' : 'o', name, ev->phase,
	             ev->flow);
	i = map_number(&s->ops, key, (size_t)n);
	if (i < s->n_ops)
		return i;
	LIST_ROOM(s->op, i);
	op = &s->op[i];
	op->name = arena_string(s->a, name);
	op->class = trace_classify(name, ev->phase, ev->flow);
	op->twin = ev->twin;
	op->recorded = *ev->phase != '\0';
	sketch_init(&op->time_ns);
	s->n_ops++;
	return i;
}

static void rank_time_add(struct summary_op *op, uint32_t rank, int64_t ns)
{
	struct rank_time *t;

	if (rank >= op->n_ranks) {
		op->rank = heap_resize(op->rank, rank + 1, sizeof *op->rank);
		memset(op->rank + op->n_ranks, 0, (rank + 1 - op->n_ranks) * sizeof *op->rank);
		op->n_ranks = rank + 1;
	}
	t = &op->rank[rank];
	t->least_ns = t->n == 0 || ns < t->least_ns ? ns : t->least_ns;
	t->most_ns = ns > t->most_ns ? ns : t->most_ns;
	add_capped(&t->sum_ns, ns);
	t->n++;
}

/* ---- pieces of flows ------------------------------------------------------------------------- */

static struct summary_piece *piece_of(struct summary *s, uint32_t op, enum trace_phase phase,
                                      enum trace_flow flow)
{
	uint32_t *number = &s->op[op].piece[phase];
	struct summary_piece *p;

	if (*number == 0) {
		LIST_ROOM(s->piece, s->n_pieces);
		p = &s->piece[s->n_pieces];
		p->op = op, p->flow = flow, p->phase = phase;
		p->role = s->op[op].class.role;
		p->twin = s->op[op].twin;
		sketch_init(&p->time_ns);
		*number = ++s->n_pieces;
	}
	return &s->piece[*number - 1];
}

static void call_add(struct summary *s, struct summary_piece *p, uint64_t call, int64_t ns)
{
	if (call >= p->n_calls) {
		if (s->n_kept_calls == MOST_CALLS)
			return; /* piece_least_rank_ns() then sees fewer calls than there were */
		if (p->n_calls == p->calls_room) {
			p->calls_room = p->calls_room ? 2 * p->calls_room : FIRST_ROOM;
			p->call_ns = heap_resize(p->call_ns, p->calls_room, sizeof *p->call_ns);
		}
		p->call_ns[p->n_calls++] = ns;
		s->n_kept_calls++;
	} else if (ns < p->call_ns[call]) {
		p->call_ns[call] = ns;
	}
}

static void piece_add(struct summary *s, struct summary_piece *p, uint32_t rank, int64_t ns)
{
	if (rank >= p->n_ranks) {
		p->rank = heap_resize(p->rank, rank + 1, sizeof *p->rank);
		for (; p->n_ranks <= rank; p->n_ranks++)
			sketch_init(&p->rank[p->n_ranks]);
	}
	call_add(s, p, p->rank[rank].n, ns);
	sketch_add(&p->rank[rank], ns);
	sketch_add(&p->time_ns, ns);
}

/* Which side of the exchange the event is, and of which flow. */
static enum trace_phase side_of(struct summary_rank *r, const struct trace_class *c,
                                const struct trace_event *ev, enum trace_flow *flow)
{
	bool in_order = ev->start_ns == TRACE_NO_TIME || ev->start_ns >= r->side_ns;

	*flow = c->flow;
	if (c->role != OP_LIBRARY) {
		if (c->phase != DURING_OTHER && !ev->twin) {
			r->side = trace_side_after(r->side, c);
			r->side_ns = ev->start_ns;
		}
		return c->phase;
	}
	if (!in_order || r->side == DURING_OTHER)
		return c->phase;
	*flow = FLOW_RELAY3;
	return r->side;
}

static enum rc op_take(struct summary *s, const struct trace_event *ev)
{
	uint32_t rank = rank_number(s, ev), number = op_number(s, ev);
	struct summary_op *op = &s->op[number];
	enum trace_phase phase;
	enum trace_flow flow;

	phase = side_of(&s->rank[rank], &op->class, ev, &flow);
	s->n_twins += ev->twin;
	s->collectives |= ev->kind == TRACE_COLLECTIVE;
	if (ev->duration_ns < 0) {
		op->n_untimed++;
		return RC_OK;
	}
	sketch_add(&op->time_ns, ev->duration_ns);
	rank_time_add(op, rank, ev->duration_ns);
	cell_add(s, rank, ev, phase);
	if (flow != FLOW_NONE || phase != DURING_OTHER)
		piece_add(s, piece_of(s, number, phase, flow), rank, ev->duration_ns);
	return RC_OK;
}

/* ---- the other kinds ------------------------------------------------------------------------- */

static void wait_take(struct summary *s, const struct trace_event *ev)
{
	struct summary_wait *w;
	char name[256];
	uint32_t i;

	trace_op_name(ev, name, sizeof name);
	i = map_number(&s->waits, name, strlen(name));
	if (i == s->n_waits) {
		LIST_ROOM(s->wait, i);
		s->wait[i].name = arena_string(s->a, name);
		s->n_waits++;
	}
	w = &s->wait[i];
	w->calls++;
	add_capped(&w->time_ns, ev->transit_ns);
	add_capped(&w->time_ns, ev->wait_ns);
	add_capped(&w->transit_ns, ev->transit_ns);
	add_capped(&w->wait_ns, ev->wait_ns);
}

static void pair_pick(struct summary_pair *p, const struct trace_event *ev)
{
	int64_t rate_Bps = trace_rate_Bps(ev->bytes, ev->duration_ns);

	if (rate_Bps <= 0)
		return;
	if (p->pick_least_Bps == 0 || rate_Bps < p->pick_least_Bps)
		p->pick_least_Bps = rate_Bps;
	if (rate_Bps > p->pick_most_Bps)
		p->pick_most_Bps = rate_Bps;
}

static enum rc pair_take(struct summary *s, const struct trace_event *ev, struct err *e)
{
	struct summary_pair *p;
	char key[KEY_SIZE];
	uint32_t i;
	int n;

	rank_number(s, ev);
	n = snprintf(key, sizeof key, "%d %d %d %.256s", ev->source, ev->peer, (int)ev->link,
	             ev->group);
	i = map_number(&s->pairs, key, (size_t)n);
	if (i == s->n_pairs) {
		if (i == MOST_PAIRS)
			return fail(e, RC_DATA, "more than %d pairs of ranks", MOST_PAIRS);
		LIST_ROOM(s->pair, i);
		s->pair[i] = (struct summary_pair){.group = arena_string(s->a, ev->group),
		                                   .source = ev->source,
		                                   .peer = ev->peer,
		                                   .link = ev->link};
		s->n_pairs++;
	}
	p = &s->pair[i];
	if (ev->pick)
		return pair_pick(p, ev), RC_OK;
	add_capped(&p->calls, ev->calls);
	if (ev->bytes > 0)
		add_capped(&p->bytes, ev->bytes);
	if (ev->duration_ns > 0)
		add_capped(&p->time_ns, ev->duration_ns);
	if (ev->calls == 1)
		pair_pick(p, ev);
	return RC_OK;
}

static void statistic_take(struct summary *s, const struct trace_event *ev)
{
	uint32_t i = map_number(&s->statistics, ev->name, strlen(ev->name));
	struct summary_statistic *t;

	rank_number(s, ev);
	if (i == s->n_statistics) {
		LIST_ROOM(s->statistic, i);
		s->statistic[i].name = arena_string(s->a, ev->name);
		s->statistic[i].class = trace_classify(ev->name, "", "");
		s->statistic[i].least_ns = INT64_MAX;
		s->n_statistics++;
	}
	t = &s->statistic[i];
	add_capped(&t->calls, ev->calls);
	add_capped(&t->sum_ns, ev->duration_ns);
	t->least_ns = ev->least_ns < t->least_ns ? ev->least_ns : t->least_ns;
	t->most_ns = ev->most_ns > t->most_ns ? ev->most_ns : t->most_ns;
}

static void part_take(struct summary *s, const struct trace_event *ev)
{
	uint32_t i = map_number(&s->parts, ev->name, strlen(ev->name));

	rank_number(s, ev);
	if (i == s->n_parts) {
		LIST_ROOM(s->part, i);
		s->part[i].name = arena_string(s->a, ev->name);
		s->n_parts++;
	}
	if (ev->duration_ns < 0)
		return;
	s->part[i].n++;
	add_capped(&s->part[i].sum_ns, ev->duration_ns);
}

static enum rc point_take(struct summary *s, const struct trace_event *ev, struct err *e)
{
	if (s->n_points == MOST_POINTS)
		return fail(e, RC_DATA, "more than %d points of benchmarks", MOST_POINTS);
	LIST_ROOM(s->point, s->n_points);
	s->point[s->n_points++] = (struct summary_point){
	        .name = arena_string(s->a, ev->name),
	        .dtypes = arena_string(s->a, ev->dtypes),
	        .group = arena_string(s->a, ev->group),
	        .shapes = arena_string(s->a, ev->shapes),
	        .bytes = ev->bytes,
	        .duration_ns = ev->duration_ns,
	        .rate_Bps = ev->rate_Bps >= 0 ? ev->rate_Bps
	                                      : trace_rate_Bps(ev->bytes, ev->duration_ns),
	        .least_ns = ev->least_ns,
	        .most_ns = ev->most_ns,
	        .ranks = ev->ranks,
	};
	return RC_OK;
}

enum rc summary_take(void *summary, const struct trace_event *ev, struct err *e)
{
	struct summary *s = summary;

	if (ev->step >= 0 && ev->step < s->skip_before_step)
		return RC_OK;
	s->n_events++;
	switch (ev->kind) {
	case TRACE_COLLECTIVE:
		if (ev->wait_ns >= 0 && ev->transit_ns >= 0)
			wait_take(s, ev);
		if (ev->duration_ns < 0 && ev->wait_ns >= 0)
			return RC_OK; /* its duration is another file's */
		return op_take(s, ev);
	case TRACE_TRANSFER:
		return pair_take(s, ev, e);
	case TRACE_STATISTIC:
		return statistic_take(s, ev), RC_OK;
	case TRACE_PART:
		return part_take(s, ev), RC_OK;
	case TRACE_POINT:
		return point_take(s, ev, e);
	default:
		return op_take(s, ev);
	}
}
