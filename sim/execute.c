#include "sim/execute.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"

enum { WIDTH = 2 }; /* numbers in a row */

struct execution {
	const struct graph *g;
	const struct record *r;
	int64_t layers, tokens;
	/* of the graph */
	uint32_t *first_effect, *effect_of; /* [activity + 1], effects by activity */
	size_t *next_begin;                 /* [activity + 1] */
	uint32_t *next;                     /* successors */
	size_t *next_entry;                 /* and which predecessor entry each of them is */
	uint64_t *expected;                 /* [layer][token][WIDTH] */
	/* of memory */
	size_t *value_at; /* [cell] */
	uint8_t *is_true; /* [cell]: counts that are what they should be */
	uint64_t *value;
	size_t n_values;
	/* of a run */
	uint32_t *waits, *done_effects; /* [activity] */
	uint8_t *blocked;               /* [activity]: waits for flags that are never all set */
	uint32_t *open;                 /* activities that have begun or may begin */
	uint64_t *priority;
	uint32_t n_open;
};

/* ---- arithmetic ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t input_of(uint64_t token, int i)
{
	return mix(token * WIDTH + (uint64_t)i + 1);
}

static uint64_t quantised(uint64_t x)
{
	return x & ~(uint64_t)0xff;
}

static uint64_t weights_of(const struct rows *w, uint64_t layer, int64_t slot)
{
	uint64_t expert = (uint64_t)rows_holds(w, slot);

	return (layer * 4096 + expert + 1) * 0x9e3779b97f4a7c15;
}

static uint64_t expert_result(uint64_t weights, uint64_t x)
{
	return mix(x + weights);
}

static uint64_t gate_weight(uint64_t branch)
{
	return mix(branch + 77) | 1;
}

static uint64_t next_input(uint64_t output)
{
	return mix(output ^ 0x5555);
}

/* The plain layer, token by token. */
static void reference(struct execution *x)
{
	const struct choices *c = x->r->rows->choices;

	for (int64_t t = 0; t < x->tokens; t++) {
		for (int i = 0; i < WIDTH; i++) {
			uint64_t in = input_of((uint64_t)t, i);

			for (int64_t layer = 0; layer < x->layers; layer++) {
				uint64_t q = x->r->quantises ? quantised(in) : in, sum = 0;

				for (int64_t b = t * c->top_k; b < (t + 1) * c->top_k; b++)
					sum += gate_weight((uint64_t)b) *
					       expert_result(weights_of(x->r->rows, (uint64_t)layer,
					                                c->expert[b]),
					                     q);
				x->expected[(layer * x->tokens + t) * WIDTH + i] = sum;
				in = next_input(sum);
			}
		}
	}
}

/* ---- set up ---- */

static void effects_sort(struct execution *x)
{
	uint32_t n = x->g->n_activities, *at;

	x->first_effect = heap_zeroed((size_t)n + 2, sizeof *x->first_effect);
	x->effect_of = heap_zeroed(x->r->n_effects + 1, sizeof *x->effect_of);
	for (size_t i = 0; i < x->r->n_effects; i++)
		x->first_effect[x->r->effect[i].activity + 2]++;
	for (uint32_t i = 0; i < n; i++)
		x->first_effect[i + 2] += x->first_effect[i + 1];
	at = x->first_effect + 1;
	for (uint32_t i = 0; i < x->r->n_effects; i++)
		x->effect_of[at[x->r->effect[i].activity]++] = i;
}

static void successors_sort(struct execution *x)
{
	const struct graph *g = x->g;
	size_t *at;

	x->next_begin = heap_zeroed((size_t)g->n_activities + 2, sizeof *x->next_begin);
	x->next = heap_zeroed(g->n_preds + 1, sizeof *x->next);
	x->next_entry = heap_zeroed(g->n_preds + 1, sizeof *x->next_entry);
	for (size_t k = 0; k < g->n_preds; k++)
		x->next_begin[g->pred[k] + 2]++;
	for (uint32_t i = 0; i < g->n_activities; i++)
		x->next_begin[i + 2] += x->next_begin[i + 1];
	at = x->next_begin + 1;
	for (uint32_t i = 0; i < g->n_activities; i++) {
		for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++) {
			x->next_entry[at[g->pred[k]]] = k;
			x->next[at[g->pred[k]]++] = i;
		}
	}
}

static void memory_lay_out(struct execution *x)
{
	const struct record *r = x->r;
	uint8_t *wide = heap_zeroed((size_t)r->n_cells + 1, 1);

	for (size_t i = 0; i < r->n_effects; i++) {
		if (content_is_counts(r->effect[i].content))
			wide[r->effect[i].cell] = 1;
	}
	x->value_at = heap_zeroed((size_t)r->n_cells + 1, sizeof *x->value_at);
	for (uint32_t i = 0; i < r->n_cells; i++) {
		x->value_at[i] = x->n_values;
		x->n_values += wide[i] ? (size_t)r->rows->experts : WIDTH;
	}
	x->value_at[r->n_cells] = x->n_values;
	x->value = heap_zeroed(x->n_values + 1, sizeof *x->value);
	free(wide);
}

struct execution *execution_new(const struct graph *g, const struct record *r, int64_t layers)
{
	struct execution *x = heap_zeroed(1, sizeof *x);
	size_t n = (size_t)g->n_activities + 1;

	x->g = g, x->r = r, x->layers = layers;
	x->tokens = r->rows->choices->first[r->rows->n_ranks];
	x->expected = heap_zeroed((size_t)(layers * x->tokens * WIDTH) + 1, sizeof *x->expected);
	effects_sort(x);
	successors_sort(x);
	memory_lay_out(x);
	x->waits = heap_zeroed(n, sizeof *x->waits);
	x->done_effects = heap_zeroed(n, sizeof *x->done_effects);
	x->blocked = record_blocked(r, g->n_activities);
	x->is_true = heap_zeroed((size_t)r->n_cells + 1, 1);
	x->open = heap_zeroed(n, sizeof *x->open);
	x->priority = heap_zeroed(n, sizeof *x->priority);
	reference(x);
	return x;
}

void execution_free(struct execution *x)
{
	if (!x)
		return;
	free(x->first_effect);
	free(x->effect_of);
	free(x->next_begin);
	free(x->next);
	free(x->next_entry);
	free(x->expected);
	free(x->value_at);
	free(x->value);
	free(x->is_true);
	free(x->blocked);
	free(x->waits);
	free(x->done_effects);
	free(x->open);
	free(x->priority);
	free(x);
}

/* ---- one effect ---- */

static uint64_t *cell_value(struct execution *x, uint32_t cell)
{
	return x->value + x->value_at[cell];
}

static size_t cell_width(const struct execution *x, uint32_t cell)
{
	return x->value_at[cell + 1] - x->value_at[cell];
}

static bool table_is_true(const struct execution *x, uint32_t table)
{
	for (int64_t r = 0; r < x->r->rows->n_ranks; r++) {
		if (!x->is_true[x->r->reading[table + r].cell])
			return false;
	}
	return true;
}

/* The cell that counts in memory lead to, when a table decides it. NO_CELL: there is no such row.
 */
static uint32_t resolve(struct execution *x, const struct effect *f, uint32_t cell, uint8_t layout,
                        uint32_t buffer, uint32_t table)
{
	const struct rows *w = x->r->rows;
	uint32_t *count;
	int64_t rank, row;

	if (table == NO_CELL || table_is_true(x, table))
		return cell;
	count = heap_zeroed((size_t)(w->n_ranks * w->experts), sizeof *count);
	for (int64_t r = 0; r < w->n_ranks; r++) {
		uint32_t at = x->r->reading[table + r].cell;

		for (size_t i = 0; i < cell_width(x, at); i++)
			count[(size_t)(r * w->experts) + i] = (uint32_t)cell_value(x, at)[i];
	}
	rows_place(w, (enum layout)layout, &f->item, count, &rank, &row);
	free(count);
	/* a lookup alone: the record does not change */
	return record_find(x->r, buffer, rank, row);
}

/* The cell of the effect's one reading. */
static const uint64_t *taken(struct execution *x, const struct effect *f, size_t *width)
{
	static const uint64_t nothing[WIDTH];
	uint32_t cell = resolve(x, f, x->r->reading[f->first_reading].cell, f->from_layout,
	                        f->from_buffer, f->from_table);

	*width = cell == NO_CELL ? WIDTH : cell_width(x, cell);
	return cell == NO_CELL ? nothing : cell_value(x, cell);
}

static void sum_up(struct execution *x, const struct effect *f, uint64_t *to)
{
	uint64_t sum[WIDTH] = {0};

	for (uint32_t j = 0; j < f->n_readings; j++) {
		const struct reading *y = &x->r->reading[f->first_reading + j];
		uint64_t weight = y->branch < 0 ? 1 : gate_weight((uint64_t)y->branch);

		for (int i = 0; i < WIDTH; i++)
			sum[i] += weight * cell_value(x, y->cell)[i];
	}
	memcpy(to, sum, sizeof sum);
}

static void count_rows(struct execution *x, const struct effect *f, uint64_t *to)
{
	const struct rows *w = x->r->rows;

	for (int64_t e = 0; e < w->experts; e++)
		to[e] = w->count[f->item.owner * w->experts + e];
}

static bool holds_truth(const struct execution *x, int64_t rank, const uint64_t *value)
{
	const struct rows *w = x->r->rows;

	for (int64_t e = 0; e < w->experts; e++) {
		if (value[e] != w->count[rank * w->experts + e])
			return false;
	}
	return true;
}

/* What an expert computes with: weights that are there for good, or those that its buffer holds. */
static uint64_t weights_in_use(struct execution *x, const struct effect *f)
{
	const struct choices *c = x->r->rows->choices;

	if (f->weights != NO_CELL)
		return cell_value(x, x->r->reading[f->weights].cell)[0];
	return weights_of(x->r->rows, f->layer,
	                  c->expert[f->item.token * c->top_k + f->item.choice]);
}

static uint64_t changed(struct execution *x, const struct effect *f, uint64_t value)
{

	switch ((enum effect_op)f->op) {
	case EFFECT_QUANTISE:
		return quantised(value);
	case EFFECT_EXPERT:
		return expert_result(weights_in_use(x, f), value);
	case EFFECT_NEXT:
		return next_input(value);
	default:
		return value;
	}
}

static void apply(struct execution *x, const struct effect *f, struct outcome *out)
{
	uint32_t cell = resolve(x, f, f->cell, f->to_layout, f->to_buffer, f->to_table);
	const uint64_t *from;
	uint64_t *to;
	size_t width;

	if (cell == NO_CELL) {
		out->stray_writes++;
		return;
	}
	to = cell_value(x, cell);
	if (f->op == EFFECT_SUM) {
		sum_up(x, f, to);
	} else if (f->op == EFFECT_COUNT) {
		count_rows(x, f, to);
	} else if (f->op == EFFECT_INPUT) {
		for (int i = 0; i < WIDTH; i++)
			to[i] = input_of((uint64_t)f->item.token, i);
	} else if (f->op == EFFECT_WEIGHTS) {
		for (int i = 0; i < WIDTH; i++)
			to[i] = weights_of(x->r->rows, f->layer, f->item.owner);
	} else {
		from = taken(x, f, &width);
		if (width > cell_width(x, cell))
			width = cell_width(x, cell);
		for (size_t i = 0; i < width; i++)
			to[i] = changed(x, f, from[i]);
	}
	if (content_is_counts(f->content))
		x->is_true[cell] = holds_truth(x, f->item.owner, to);
}

/* ---- one run ---- */

static void memory_fill(struct execution *x)
{
	const struct record *r = x->r;

	for (size_t i = 0; i < x->n_values; i++)
		x->value[i] = mix(i + 12345); /* what is left from other work */
	for (uint32_t c = 0; c < r->n_cells; c++) {
		if (cell_width(x, c) != WIDTH)
			memset(cell_value(x, c), 0, cell_width(x, c) * sizeof *x->value);
	}
}

static void open_up(struct execution *x, uint32_t activity)
{
	x->open[x->n_open++] = activity;
}

static void run_begin(struct execution *x, struct rng *rng, uint32_t late, uint32_t soon,
                      size_t skip)
{
	const struct graph *g = x->g;

	memory_fill(x);
	memset(x->is_true, 0, x->r->n_cells);
	memset(x->done_effects, 0, g->n_activities * sizeof *x->done_effects);
	x->n_open = 0;
	for (uint32_t i = 0; i < g->n_activities; i++) {
		x->waits[i] = g->pred_begin[i + 1] - g->pred_begin[i] + x->blocked[i];
		if (skip >= g->pred_begin[i] && skip < g->pred_begin[i + 1])
			x->waits[i]--;
		if (x->waits[i] == 0)
			open_up(x, i);
		x->priority[i] = rng_u32(rng);
		x->priority[i] = i == late ? 0 : i == soon ? UINT64_MAX : x->priority[i] + 1;
	}
}

static void finish(struct execution *x, uint32_t at, size_t skip)
{
	uint32_t activity = x->open[at];

	x->open[at] = x->open[--x->n_open];
	for (size_t k = x->next_begin[activity]; k < x->next_begin[activity + 1]; k++) {
		if (x->next_entry[k] != skip && --x->waits[x->next[k]] == 0)
			open_up(x, x->next[k]);
	}
}

/* Which of the open activities acts next. */
static uint32_t choose(struct execution *x, struct rng *rng, enum pick pick, uint32_t late)
{
	uint32_t best = 0;

	if (pick == PICK_EVEN) {
		best = (uint32_t)rng_below(rng, x->n_open);
		if (x->open[best] == late) /* asked again once: put off, but not for ever */
			best = (uint32_t)rng_below(rng, x->n_open);
		return best;
	}
	for (uint32_t i = 1; i < x->n_open; i++) {
		if (x->priority[x->open[i]] > x->priority[x->open[best]])
			best = i;
	}
	if (rng_below(rng, 64) == 0 && x->priority[x->open[best]] < UINT64_MAX)
		x->priority[x->open[best]] = 1 + rng_u32(rng) % 1024;
	return best;
}

static void judge(struct execution *x, struct outcome *out)
{
	const struct record *r = x->r;

	for (int64_t t = 0; t < x->tokens; t++) {
		const struct item item = {t, 0, r->rows->source[t]};
		const uint64_t *want = &x->expected[((x->layers - 1) * x->tokens + t) * WIDTH];
		uint32_t cell = record_output(r, &item);

		if (cell != NO_CELL && memcmp(cell_value(x, cell), want, WIDTH * sizeof *want) == 0)
			continue;
		out->wrong_rows++;
		if (out->first_wrong < 0)
			out->first_wrong = t;
	}
}

struct outcome execution_run(struct execution *x, uint64_t seed, enum pick pick, uint32_t late,
                             uint32_t soon, size_t skip)
{
	struct outcome out = {.first_wrong = -1};
	uint32_t ended = 0;
	struct rng rng;

	rng_init(&rng, seed, 0);
	run_begin(x, &rng, late, soon, skip);
	while (x->n_open > 0) {
		uint32_t at = choose(x, &rng, pick, late), i = x->open[at];
		uint32_t *done = &x->done_effects[i];

		if (*done < x->first_effect[i + 1] - x->first_effect[i]) {
			apply(x, &x->r->effect[x->effect_of[x->first_effect[i] + (*done)++]], &out);
			continue;
		}
		finish(x, at, skip);
		ended++;
	}
	out.stuck = ended < x->g->n_activities;
	judge(x, &out);
	return out;
}
