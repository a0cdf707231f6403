/* The end of a summary: what is listed twice is left out, and lists are put in order. */
#include <stdlib.h>
#include <string.h>
#include "traces/summary.h"

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

static int op_order(const void *a, const void *b)
{
	const struct summary_op *x = a, *y = b;
	int order = ORDER(y->time_ns.sum, x->time_ns.sum);

	order = order ? order : strcmp(x->name, y->name);
	order = order ? order : ORDER(x->class.phase, y->class.phase);
	return order ? order : ORDER(x->class.flow, y->class.flow);
}

static int pair_order(const void *a, const void *b)
{
	const struct summary_pair *x = a, *y = b;
	int order = strcmp(x->group, y->group);

	order = order ? order : ORDER(x->source, y->source);
	order = order ? order : ORDER(x->peer, y->peer);
	return order ? order : ORDER(x->link, y->link);
}

static int wait_order(const void *a, const void *b)
{
	return strcmp(((const struct summary_wait *)a)->name,
	              ((const struct summary_wait *)b)->name);
}

static int part_order(const void *a, const void *b)
{
	return strcmp(((const struct summary_part *)a)->name,
	              ((const struct summary_part *)b)->name);
}

static int statistic_order(const void *a, const void *b)
{
	const struct summary_statistic *x = a, *y = b;
	int order = ORDER(y->sum_ns, x->sum_ns);

	return order ? order : strcmp(x->name, y->name);
}

static int point_order(const void *a, const void *b)
{
	const struct summary_point *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	order = order ? order : ORDER(x->ranks, y->ranks);
	order = order ? order : strcmp(x->group, y->group);
	order = order ? order : strcmp(x->dtypes, y->dtypes);
	order = order ? order : strcmp(x->shapes, y->shapes);
	order = order ? order : ORDER(x->bytes, y->bytes);
	return order ? order : ORDER(x->duration_ns, y->duration_ns);
}

/* Ranks, ops and cells refer to each other by number; the old number of each is kept beside. */
struct numbered {
	uint32_t old;
	const void *item;
};

static int by_rank(const void *a, const void *b)
{
	const struct summary_rank *x = ((const struct numbered *)a)->item;
	const struct summary_rank *y = ((const struct numbered *)b)->item;
	int order = ORDER(x->rank, y->rank);

	return order ? order : ORDER(x->device, y->device);
}

static int by_op(const void *a, const void *b)
{
	return op_order(((const struct numbered *)a)->item, ((const struct numbered *)b)->item);
}

/* Sorts n items; place[old number] is the new one. */
static void sort_numbered(void *items, uint32_t n, size_t item_bytes,
                          int (*order)(const void *, const void *), uint32_t *place)
{
	struct numbered *list = heap_zeroed(n + 1, sizeof *list);
	char *copy = heap_zeroed(n + 1, item_bytes);

	memcpy(copy, items, n * item_bytes);
	for (uint32_t i = 0; i < n; i++)
		list[i] = (struct numbered){i, copy + i * item_bytes};
	qsort(list, n, sizeof *list, order);
	for (uint32_t i = 0; i < n; i++) {
		place[list[i].old] = i;
		memcpy((char *)items + i * item_bytes, list[i].item, item_bytes);
	}
	free(list);
	free(copy);
}

static void op_ranks_move(struct summary_op *op, const uint32_t *place, uint32_t n_ranks)
{
	struct rank_time *moved = heap_zeroed(n_ranks, sizeof *moved);

	for (uint32_t i = 0; i < op->n_ranks; i++)
		moved[place[i]] = op->rank[i];
	free(op->rank);
	op->rank = moved;
	op->n_ranks = n_ranks;
}

static void piece_ranks_move(struct summary_piece *p, const uint32_t *place, uint32_t n_ranks)
{
	struct sketch *moved = heap_zeroed(n_ranks, sizeof *moved);

	for (uint32_t i = 0; i < n_ranks; i++)
		sketch_init(&moved[i]);
	for (uint32_t i = 0; i < p->n_ranks; i++)
		moved[place[i]] = p->rank[i];
	free(p->rank);
	p->rank = moved;
	p->n_ranks = n_ranks;
}

static void ranks_sort(struct summary *s)
{
	uint32_t *place = heap_zeroed(s->n_ranks + 1, sizeof *place);

	if (s->n_ranks > 0)
		sort_numbered(s->rank, s->n_ranks, sizeof *s->rank, by_rank, place);
	for (uint32_t i = 0; i < s->n_ops; i++)
		op_ranks_move(&s->op[i], place, s->n_ranks);
	for (uint32_t i = 0; i < s->n_pieces; i++)
		piece_ranks_move(&s->piece[i], place, s->n_ranks);
	for (uint32_t i = 0; i < s->n_cells; i++)
		s->cell[i].rank = place[s->cell[i].rank];
	free(place);
}

static void ops_sort(struct summary *s)
{
	uint32_t *place = heap_zeroed(s->n_ops + 1, sizeof *place);

	if (s->n_ops > 0)
		sort_numbered(s->op, s->n_ops, sizeof *s->op, by_op, place);
	for (uint32_t i = 0; i < s->n_pieces; i++)
		s->piece[i].op = place[s->piece[i].op];
	free(place);
}

/* Ops are in order already, so their numbers order pieces of one flow and phase. */
static int piece_order(const void *a, const void *b)
{
	const struct summary_piece *x = a, *y = b;
	int order = ORDER(x->flow, y->flow);

	order = order ? order : ORDER(x->phase, y->phase);
	return order ? order : ORDER(x->op, y->op);
}

static int cell_order(const void *a, const void *b)
{
	const struct summary_cell *x = a, *y = b;
	int order = ORDER(x->rank, y->rank);

	return order ? order : ORDER(x->step, y->step);
}

/* Where collectives have rows of their own, the kernels that do them are left out. */
static void twins_drop(struct summary *s)
{
	uint32_t n_ops = 0, n_pieces = 0;

	for (uint32_t i = 0; i < s->n_pieces; i++) {
		if (!s->piece[i].twin) {
			s->piece[n_pieces++] = s->piece[i];
			continue;
		}
		sketch_fini(&s->piece[i].time_ns);
		for (uint32_t r = 0; r < s->piece[i].n_ranks; r++)
			sketch_fini(&s->piece[i].rank[r]);
		free(s->piece[i].rank);
		free(s->piece[i].call_ns);
	}
	s->n_pieces = n_pieces;
	for (uint32_t i = 0; i < s->n_ops; i++) {
		for (uint32_t k = 0; !s->op[i].twin && k < s->n_pieces; k++)
			s->piece[k].op = s->piece[k].op == i ? n_ops : s->piece[k].op;
		if (!s->op[i].twin) {
			s->op[n_ops++] = s->op[i];
			continue;
		}
		sketch_fini(&s->op[i].time_ns);
		free(s->op[i].rank);
	}
	s->n_ops = n_ops;
}

static void phases_add(int64_t phase_ns[TRACE_PHASES], const int64_t twin_ns[TRACE_PHASES])
{
	for (int p = 0; p < TRACE_PHASES; p++) {
		if (__builtin_add_overflow(phase_ns[p], twin_ns[p], &phase_ns[p]))
			phase_ns[p] = INT64_MAX;
	}
}

static void twins_keep(struct summary *s)
{
	s->n_twins = 0;
	for (uint32_t i = 0; i < s->n_cells; i++)
		phases_add(s->cell[i].phase_ns, s->cell[i].twin_ns);
	for (uint32_t i = 0; i < s->n_ranks; i++)
		phases_add(s->rank[i].phase_ns, s->rank[i].twin_ns);
}

static void list_sort(void *list, uint32_t n, size_t item_bytes,
                      int (*order)(const void *, const void *))
{
	if (n > 0)
		qsort(list, n, item_bytes, order);
}

void summary_finish(struct summary *s)
{
	if (s->collectives)
		twins_drop(s);
	else
		twins_keep(s);
	ranks_sort(s);
	ops_sort(s);
	list_sort(s->piece, s->n_pieces, sizeof *s->piece, piece_order);
	list_sort(s->cell, s->n_cells, sizeof *s->cell, cell_order);
	list_sort(s->pair, s->n_pairs, sizeof *s->pair, pair_order);
	list_sort(s->wait, s->n_waits, sizeof *s->wait, wait_order);
	list_sort(s->part, s->n_parts, sizeof *s->part, part_order);
	list_sort(s->point, s->n_points, sizeof *s->point, point_order);
	list_sort(s->statistic, s->n_statistics, sizeof *s->statistic, statistic_order);
}

int64_t piece_least_rank_ns(const struct summary_piece *p)
{
	struct sketch calls;
	int64_t median_ns;

	for (uint32_t i = 0; i < p->n_ranks; i++) {
		if (p->rank[i].n > 0 && p->rank[i].n != p->n_calls)
			return 0;
	}
	sketch_init(&calls);
	for (uint64_t i = 0; i < p->n_calls; i++)
		sketch_add(&calls, p->call_ns[i]);
	median_ns = sketch_quantile(&calls, 0.5);
	sketch_fini(&calls);
	return median_ns;
}

void piece_rank_range(const struct summary_piece *p, double p_ratio, int64_t *least_ns,
                      int64_t *most_ns)
{
	*least_ns = INT64_MAX, *most_ns = 0;
	for (uint32_t i = 0; i < p->n_ranks; i++) {
		int64_t ns = sketch_quantile(&p->rank[i], p_ratio);

		if (p->rank[i].n == 0)
			continue;
		*least_ns = ns < *least_ns ? ns : *least_ns;
		*most_ns = ns > *most_ns ? ns : *most_ns;
	}
}
