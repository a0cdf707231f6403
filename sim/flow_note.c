/* What stages do to memory, beside what they cost. */
#include <stdlib.h>
#include "sim/flow_ship.h"

static void rows_each(struct flow_build *b, const uint32_t *nodes, const struct shipment *s)
{
	const struct rows *w = b->record->rows;
	struct item *items;
	size_t n = rows_items(w, s->unit, &items);

	for (size_t i = 0; i < n; i++) {
		int64_t holder, needer, rank, row;
		bool stays;

		hop_ends(&w->nodes, s->hop, w->source[items[i].token], items[i].owner, &holder,
		         &needer);
		stays = holder == needer;
		if (!item_in_part(w, &items[i], s) || !item_is_chosen(b, &items[i], s) ||
		    (s->remote_only && stays) || (s->stay_only && !stays))
			continue;
		rows_place(w, s->to->layout, &items[i], NULL, &rank, &row);
		record_row(b->record, nodes[rank], s->op, s->unit, s->way == FORWARD, &items[i],
		           s->from, s->to, rank);
	}
	free(items);
}

void note_rows_part(struct flow_build *b, const uint32_t *nodes, const struct shipment *s)
{
	if (b->record)
		rows_each(b, nodes, s);
}

void note_rows(struct flow_build *b, const uint32_t *nodes, enum effect_op op, enum unit unit,
               enum direction way, const struct place *from, const struct place *to)
{
	note_rows_part(
	        b, nodes,
	        &(struct shipment){.op = op, .unit = unit, .way = way, .from = from, .to = to});
}

void note_sum_part(struct flow_build *b, const uint32_t *nodes, enum unit fine,
                   const struct place *from, enum unit coarse, const struct place *to,
                   const struct shipment *of)
{
	struct item *x, *y;
	size_t n_x, n_y, first = 0;

	if (!b->record)
		return;
	n_x = rows_items(b->record->rows, coarse, &x);
	n_y = rows_items(b->record->rows, fine, &y);
	for (size_t i = 0; i < n_x; i++) {
		int64_t rank, row;
		size_t end;

		while (first < n_y && y[first].token < x[i].token)
			first++; /* both go token by token */
		for (end = first; end < n_y && y[end].token == x[i].token;)
			end++;
		if (!item_in_part(b->record->rows, &x[i], of))
			continue;
		rows_place(b->record->rows, to->layout, &x[i], NULL, &rank, &row);
		record_sum(b->record, nodes[rank], fine, y + first, end - first, from, coarse,
		           &x[i], to);
	}
	free(x);
	free(y);
}

void note_sum(struct flow_build *b, const uint32_t *nodes, enum unit fine, const struct place *from,
              enum unit coarse, const struct place *to)
{
	note_sum_part(b, nodes, fine, from, coarse, to, &(struct shipment){0});
}

void note_counts(struct flow_build *b, const uint32_t *nodes, const struct place *to)
{
	for (int64_t r = 0; b->record && r < b->n; r++)
		record_count(b->record, nodes[r], r, to);
}

void note_counts_sent(struct flow_build *b, const uint32_t *nodes, const struct place *from,
                      const struct place *to)
{
	for (int64_t r = 0; b->record && r < b->n; r++) {
		for (int64_t peer = 0; peer < b->n; peer++)
			record_count_copy(b->record, nodes[r], r, r, from, peer, to);
	}
}

void note_counts_pulled(struct flow_build *b, const uint32_t *nodes, const struct place *from,
                        const struct place *to)
{
	for (int64_t r = 0; b->record && r < b->n; r++) {
		for (int64_t peer = 0; peer < b->n; peer++)
			record_count_copy(b->record, nodes[r], peer, peer, from, r, to);
	}
}
