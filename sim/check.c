#include "sim/check.h"
#include <stdlib.h>
#include <string.h>

/* One access, sorted by cell and then by activity, which is a topological order. */
struct access {
	uint32_t cell, activity;
	uint32_t effect;
	bool write;
	uint64_t content;
};

/* Two accesses of a cell that must be ordered: the earlier index first. */
struct pair {
	uint32_t first, second; /* activities */
	uint32_t a, b;          /* accesses */
	bool ordered;
};

struct checking {
	const struct graph *g;
	const struct record *r;
	size_t skip; /* entry of g->pred that is not there */
	struct access *access;
	size_t n_accesses;
	struct pair *pair;
	size_t n_pairs, pair_room;
	struct check *out;
	size_t conflict_room;
};

static int by_cell(const void *a, const void *b)
{
	const struct access *x = a, *y = b;

	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	if (x->activity != y->activity)
		return x->activity < y->activity ? -1 : 1;
	return x->write - y->write; /* an activity reads what it needs before it writes */
}

static void accesses_list(struct checking *k)
{
	const struct record *r = k->r;
	size_t n = 0;

	k->access = heap_zeroed(r->n_readings + r->n_effects + 1, sizeof *k->access);
	for (uint32_t i = 0; i < r->n_effects; i++) {
		const struct effect *x = &r->effect[i];

		for (uint32_t j = 0; j < x->n_readings; j++) {
			const struct reading *y = &r->reading[x->first_reading + j];

			k->access[n++] =
			        (struct access){y->cell, x->activity, i, false, y->content};
		}
		for (uint32_t j = 0; j < x->n_table; j++) {
			const struct reading *y = &r->reading[x->first_table + j];

			k->access[n++] =
			        (struct access){y->cell, x->activity, i, false, y->content};
		}
		k->access[n++] = (struct access){x->cell, x->activity, i, true, x->content};
	}
	qsort(k->access, n, sizeof *k->access, by_cell);
	k->n_accesses = n;
}

static void add_pair(struct checking *k, size_t a, size_t b)
{
	if (k->n_pairs == k->pair_room) {
		k->pair_room = k->pair_room ? 2 * k->pair_room : 1024;
		k->pair = heap_resize(k->pair, k->pair_room, sizeof *k->pair);
	}
	k->pair[k->n_pairs++] = (struct pair){.first = k->access[a].activity,
	                                      .second = k->access[b].activity,
	                                      .a = (uint32_t)a,
	                                      .b = (uint32_t)b};
}

/* Within one cell: every access with the writes next to it, before and after. The rest follows,
 * since order is transitive where all of these hold. */
static void pairs_of_cell(struct checking *k, size_t begin, size_t end)
{
	size_t last_write = end;

	for (size_t i = begin; i < end; i++) {
		const struct access *x = &k->access[i];

		if (last_write < end && k->access[last_write].activity != x->activity)
			add_pair(k, last_write, i);
		if (!x->write)
			continue;
		for (size_t j = i; j-- > begin && !k->access[j].write;) {
			if (k->access[j].activity != x->activity)
				add_pair(k, j, i);
		}
		last_write = i;
	}
}

static int by_first(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->second != y->second)
		return x->second < y->second ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

/* ---- order: which of a block of sources reach each activity, as bits ---- */

enum { BLOCK_WORDS = 8, BLOCK = 64 * BLOCK_WORDS };

struct mask {
	uint64_t word[BLOCK_WORDS];
};

static void spread(const struct checking *k, struct mask *mask, uint32_t from, uint32_t to)
{
	const struct graph *g = k->g;

	for (uint32_t i = from; i <= to; i++) {
		struct mask *m = &mask[i];

		for (size_t p = g->pred_begin[i]; p < g->pred_begin[i + 1]; p++) {
			const struct mask *o = &mask[g->pred[p]];

			if (g->pred[p] < from || p == k->skip)
				continue;
			for (int w = 0; w < BLOCK_WORDS; w++)
				m->word[w] |= o->word[w];
		}
	}
}

/* Answers the pairs begin .. end - 1, which have at most BLOCK different firsts. */
static void order_block(struct checking *k, struct mask *mask, size_t begin, size_t end)
{
	uint32_t from = k->pair[begin].first, to = from;
	int bit = -1;

	for (size_t i = begin; i < end; i++)
		to = k->pair[i].second > to ? k->pair[i].second : to;
	memset(mask + from, 0, (size_t)(to - from + 1) * sizeof *mask);
	for (size_t i = begin; i < end; i++) {
		bit += i == begin || k->pair[i].first != k->pair[i - 1].first;
		mask[k->pair[i].first].word[bit / 64] |= (uint64_t)1 << bit % 64;
	}
	spread(k, mask, from, to);
	bit = -1;
	for (size_t i = begin; i < end; i++) {
		bit += i == begin || k->pair[i].first != k->pair[i - 1].first;
		k->pair[i].ordered = mask[k->pair[i].second].word[bit / 64] >> bit % 64 & 1;
	}
}

static void order_pairs(struct checking *k)
{
	struct mask *mask = heap_zeroed((size_t)k->g->n_activities + 1, sizeof *mask);
	size_t begin = 0;

	if (k->n_pairs > 0) /* none without tokens and tables */
		qsort(k->pair, k->n_pairs, sizeof *k->pair, by_first);
	while (begin < k->n_pairs) {
		size_t end = begin;
		int firsts = 0;

		while (end < k->n_pairs) {
			firsts += end == begin || k->pair[end].first != k->pair[end - 1].first;
			if (firsts > BLOCK)
				break;
			end++;
		}
		order_block(k, mask, begin, end);
		begin = end;
	}
	free(mask);
}

/* ---- conflicts ---- */

static bool alike(const struct checking *k, const struct conflict *x, const struct conflict *y)
{
	const struct graph *g = k->g;
	const struct cell *a, *b;

	if (x->kind != y->kind || g->label[x->first] != g->label[y->first] ||
	    g->label[x->second] != g->label[y->second])
		return false;
	if (x->cell == NO_CELL || y->cell == NO_CELL)
		return x->cell == y->cell && x->sync == y->sync;
	a = &k->r->cell[x->cell], b = &k->r->cell[y->cell];
	return strcmp(k->r->buffer[a->buffer].name, k->r->buffer[b->buffer].name) == 0;
}

/* The first of its kind is kept; later ones of the same two activities widen its rows. */
static void add_conflict(struct checking *k, struct conflict x)
{
	struct check *out = k->out;
	const struct cell *c = x.cell == NO_CELL ? NULL : &k->r->cell[x.cell];

	x.cells_count = 1;
	x.row_first = x.row_last = c ? c->row : 0;
	for (size_t i = 0; i < out->n_conflicts; i++) {
		struct conflict *y = &out->conflict[i];

		if (!alike(k, y, &x))
			continue;
		y->cells_count++;
		if (c && y->first == x.first && y->second == x.second &&
		    k->r->cell[y->cell].buffer == c->buffer) {
			y->row_first = c->row < y->row_first ? c->row : y->row_first;
			y->row_last = c->row > y->row_last ? c->row : y->row_last;
		}
		return;
	}
	if (out->n_conflicts == k->conflict_room) {
		k->conflict_room = k->conflict_room ? 2 * k->conflict_room : 16;
		out->conflict = heap_resize(out->conflict, k->conflict_room, sizeof *out->conflict);
	}
	out->conflict[out->n_conflicts++] = x;
}

static void unordered(struct checking *k)
{
	for (size_t i = 0; i < k->n_pairs; i++) {
		const struct pair *p = &k->pair[i];
		const struct access *a = &k->access[p->a], *b = &k->access[p->b];

		if (p->ordered)
			continue;
		add_conflict(k,
		             (struct conflict){.kind = a->write && b->write ? CONFLICT_WRITE_WRITE
		                                                            : CONFLICT_READ_WRITE,
		                               .first = p->first,
		                               .second = p->second,
		                               .cell = a->cell});
	}
}

/* What each read finds when all happens in the order of the indices. Two writes of one activity to
 * one cell, or a read of what the same activity writes, would be found here too. */
static void contents(struct checking *k)
{
	const struct access *last = NULL;

	for (size_t i = 0; i < k->n_accesses; i++) {
		const struct access *x = &k->access[i];

		if (last && last->cell != x->cell)
			last = NULL;
		if (x->write) {
			if (last && last->activity == x->activity)
				add_conflict(k, (struct conflict){.kind = CONFLICT_WRITE_WRITE,
				                                  .first = x->activity,
				                                  .second = x->activity,
				                                  .cell = x->cell});
			last = x;
		} else if (!last) {
			add_conflict(k, (struct conflict){.kind = CONFLICT_NEVER,
			                                  .first = x->activity,
			                                  .second = x->activity,
			                                  .cell = x->cell,
			                                  .needed = x->content});
		} else if (last->content != x->content) {
			add_conflict(k, (struct conflict){.kind = CONFLICT_STALE,
			                                  .first = last->activity,
			                                  .second = x->activity,
			                                  .cell = x->cell,
			                                  .needed = x->content,
			                                  .found = last->content});
		}
	}
}

static void deadlocks(struct checking *k)
{
	const struct record *r = k->r;
	int64_t *set = record_sets(r);

	for (size_t i = 0; i < r->n_waits; i++) {
		const struct flag *w = &r->wait[i];

		if (set[i] < w->count)
			add_conflict(k, (struct conflict){.kind = CONFLICT_DEADLOCK,
			                                  .first = w->activity,
			                                  .second = w->activity,
			                                  .cell = NO_CELL,
			                                  .sync = w->sync,
			                                  .set = set[i],
			                                  .waited = w->count});
	}
	free(set);
}

void check_run(const struct graph *g, const struct record *r, size_t skip, struct check *out)
{
	struct checking k = {.g = g, .r = r, .skip = skip, .out = out};

	*out = (struct check){0};
	accesses_list(&k);
	for (size_t begin = 0, end; begin < k.n_accesses; begin = end) {
		for (end = begin; end < k.n_accesses && k.access[end].cell == k.access[begin].cell;)
			end++;
		pairs_of_cell(&k, begin, end);
	}
	order_pairs(&k);
	unordered(&k);
	contents(&k);
	deadlocks(&k);
	out->accesses_count = k.n_accesses;
	out->cells_count = r->n_cells;
	out->pairs_count = k.n_pairs;
	free(k.access);
	free(k.pair);
}

void check_fini(struct check *c)
{
	free(c->conflict);
}

const char *conflict_kind_name(enum conflict_kind kind)
{
	static const char *const names[] = {"write-write", "read-write", "never-written", "stale",
	                                    "deadlock"};

	return names[kind];
}

static const char *who(const struct graph *g, uint32_t activity, char *text, size_t size)
{
	snprintf(text, size, "%s of rank %u", g->label_text[g->label[activity]], g->rank[activity]);
	return text;
}

void conflict_print(const struct graph *g, const struct record *r, const struct conflict *c,
                    FILE *out)
{
	char first[128], second[128], text[160], other[160];

	who(g, c->first, first, sizeof first);
	who(g, c->second, second, sizeof second);
	if (c->kind == CONFLICT_DEADLOCK) {
		fprintf(out, "  deadlock: %s waits for %lld flags of %s, %lld are ever set\n",
		        first, (long long)c->waited, sync_name(r, c->sync, text, sizeof text),
		        (long long)c->set);
		return;
	}
	fprintf(out, "  %s: %s, rank %u, ", conflict_kind_name(c->kind),
	        r->buffer[r->cell[c->cell].buffer].name, r->cell[c->cell].rank);
	if (c->row_first == c->row_last)
		fprintf(out, "row %lld", (long long)c->row_first);
	else
		fprintf(out, "rows %lld to %lld", (long long)c->row_first, (long long)c->row_last);
	fprintf(out, " (%zu rows of all ranks)\n", c->cells_count);
	if (c->kind == CONFLICT_NEVER)
		fprintf(out, "    %s reads %s, which nobody wrote there\n", first,
		        content_text(r, c->needed, text, sizeof text));
	else if (c->kind == CONFLICT_STALE)
		fprintf(out, "    %s needs %s and finds %s, left by %s\n", second,
		        content_text(r, c->needed, text, sizeof text),
		        content_text(r, c->found, other, sizeof other), first);
	else
		fprintf(out, "    %s and %s: no order between them\n    missing: %s -> %s\n", first,
		        second, first, second);
}
