#include "sim/record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct place place_input = {.buffer = "tokens", .layout = LAYOUT_TOKEN};
const struct place place_output = {.buffer = "layer output", .layout = LAYOUT_TOKEN};

/* What a cell holds, as one number: kind, layer, and which. */
enum content {
	CONTENT_INPUT,
	CONTENT_RESULT,
	CONTENT_PART,
	CONTENT_OUTPUT,
	CONTENT_COUNTS,
	CONTENT_WEIGHTS
};

bool content_is_counts(uint64_t content)
{
	return content >> 60 == CONTENT_COUNTS;
}

static uint64_t content_of(enum content kind, int64_t layer, uint64_t index)
{
	return (uint64_t)kind << 60 | (uint64_t)layer << 52 | index;
}

void record_init(struct record *r, const struct rows *rows)
{
	*r = (struct record){.rows = rows, .drop = -1, .unset = -1};
	r->hash_room = 1024;
	r->hash = heap_zeroed(r->hash_room, sizeof *r->hash);
}

void record_fini(struct record *r)
{
	free(r->effect);
	free(r->reading);
	free(r->cell);
	free(r->buffer);
	free(r->sync);
	free(r->set);
	free(r->wait);
	free(r->touched);
	free(r->hash);
}

/* Room for one more item of an array that grows twofold. */
#define ROOM(array, n, room)                                                                       \
	do {                                                                                       \
		if ((n) == (room)) {                                                               \
			(room) = (room) ? 2 * (room) : 64;                                         \
			(array) = heap_resize((array), (room), sizeof *(array));                   \
		}                                                                                  \
	} while (0)

void record_layer(struct record *r, int64_t layer)
{
	r->layer = layer, r->operation = 2 * layer;
	r->next_sync = 0;
}

void record_combine(struct record *r)
{
	r->operation = 2 * r->layer + 1;
}

const char *const turns_rule_names[] = {"stated", "operation", "never", NULL};

static uint32_t half_of(const struct record *r, enum turns turns, int64_t layer, int64_t operation)
{
	if (turns == TURNS_NONE || r->turns_rule == TURNS_NEVER)
		return 0;
	if (turns == TURNS_LAYER && r->turns_rule == TURNS_AS_STATED)
		return (uint32_t)layer & 1;
	return (uint32_t)operation & 1;
}

static uint32_t buffer_half(struct record *r, const struct place *p, uint32_t half)
{
	for (uint32_t i = 0; i < r->n_buffers; i++) {
		if (r->buffer[i].half == half && strcmp(r->buffer[i].name, p->buffer) == 0)
			return i;
	}
	ROOM(r->buffer, r->n_buffers, r->buffer_room);
	r->buffer[r->n_buffers].name = p->buffer;
	r->buffer[r->n_buffers].half = half;
	return r->n_buffers++;
}

static uint32_t record_buffer(struct record *r, const struct place *p)
{
	return buffer_half(r, p, half_of(r, p->turns, r->layer, r->operation));
}

static size_t hash_of(uint32_t buffer, int64_t rank, int64_t row)
{
	uint64_t x = (uint64_t)row * 0x9e3779b97f4a7c15 ^ (uint64_t)rank * 0xc2b2ae3d27d4eb4f ^
	             (uint64_t)buffer * 0x165667b19e3779f9;

	return (size_t)(x ^ x >> 29);
}

static void hash_grow(struct record *r)
{
	r->hash_room *= 2;
	free(r->hash);
	r->hash = heap_zeroed(r->hash_room, sizeof *r->hash);
	for (uint32_t i = 0; i < r->n_cells; i++) {
		const struct cell *c = &r->cell[i];
		size_t at = hash_of(c->buffer, c->rank, c->row) % r->hash_room;

		while (r->hash[at])
			at = (at + 1) % r->hash_room;
		r->hash[at] = i + 1;
	}
}

uint32_t record_find(const struct record *r, uint32_t buffer, int64_t rank, int64_t row)
{
	size_t at = hash_of(buffer, rank, row) % r->hash_room;

	for (; r->hash[at]; at = (at + 1) % r->hash_room) {
		const struct cell *c = &r->cell[r->hash[at] - 1];

		if (c->buffer == buffer && c->rank == rank && c->row == row)
			return r->hash[at] - 1;
	}
	return NO_CELL;
}

static uint32_t record_cell(struct record *r, uint32_t buffer, int64_t rank, int64_t row)
{
	uint32_t known = record_find(r, buffer, rank, row);
	size_t at = hash_of(buffer, rank, row) % r->hash_room;

	if (known != NO_CELL)
		return known;
	while (r->hash[at])
		at = (at + 1) % r->hash_room;
	ROOM(r->cell, r->n_cells, r->cell_room);
	r->cell[r->n_cells] = (struct cell){buffer, (uint32_t)rank, row};
	r->hash[at] = ++r->n_cells;
	if (r->n_cells * (size_t)2 > r->hash_room)
		hash_grow(r);
	return r->n_cells - 1;
}

uint32_t record_output(const struct record *r, const struct item *token)
{
	int64_t rank, row;

	rows_place(r->rows, place_output.layout, token, NULL, &rank, &row);
	for (uint32_t i = 0; i < r->n_buffers; i++) {
		if (strcmp(r->buffer[i].name, place_output.buffer) == 0)
			return record_find(r, i, rank, row);
	}
	return NO_CELL;
}

static void add_reading(struct record *r, uint32_t cell, int64_t branch, uint64_t content)
{
	ROOM(r->reading, r->n_readings, r->reading_room);
	r->reading[r->n_readings++] = (struct reading){cell, (int32_t)branch, content};
}

static void touch(struct record *r, uint32_t activity)
{
	size_t old = r->touched_room;

	if (activity >= old) {
		r->touched_room = 2 * (size_t)activity + 64;
		r->touched = heap_resize(r->touched, r->touched_room, 1);
		memset(r->touched + old, 0, r->touched_room - old);
	}
	r->touched[activity] = 1;
}

/* The table's rows at a rank, and that they are read. */
static uint32_t read_table(struct record *r, const struct place *table, int64_t rank,
                           struct effect *x)
{
	if (!table)
		return NO_CELL;
	if (r->last_table == table && r->last_table_activity == x->activity)
		return r->last_table_reading;
	r->last_table = table, r->last_table_activity = x->activity;
	r->last_table_reading = (uint32_t)r->n_readings;
	for (int64_t of = 0; of < r->rows->n_ranks; of++) {
		uint32_t cell = record_cell(r, record_buffer(r, table), rank, of);

		add_reading(r, cell, -1, content_of(CONTENT_COUNTS, r->layer, (uint64_t)of));
		x->n_table++;
	}
	return r->last_table_reading;
}

static uint64_t content_of_item(const struct record *r, enum unit unit, bool forward,
                                const struct item *x)
{
	const struct rows *w = r->rows;
	uint64_t token = (uint64_t)x->token, top_k = (uint64_t)w->choices->top_k;
	uint64_t ranks = (uint64_t)w->n_ranks;

	if (forward)
		return content_of(CONTENT_INPUT, r->layer, token);
	switch (unit) {
	case UNIT_BRANCH:
		return content_of(CONTENT_RESULT, r->layer, token * top_k + (uint64_t)x->choice);
	case UNIT_TOKEN:
		return content_of(CONTENT_OUTPUT, r->layer, token);
	case UNIT_TOKEN_NODE:
		return content_of(CONTENT_PART, r->layer,
		                  token * 2 * ranks + ranks + (uint64_t)rows_node(w, x->owner));
	default:
		return content_of(CONTENT_PART, r->layer, token * 2 * ranks + (uint64_t)x->owner);
	}
}

static struct effect effect_of(const struct record *r, uint32_t activity, enum effect_op op,
                               const struct item *x)
{
	return (struct effect){.activity = activity,
	                       .op = (uint8_t)op,
	                       .layer = (uint8_t)r->layer,
	                       .item = *x,
	                       .from_table = NO_CELL,
	                       .to_table = NO_CELL,
	                       .weights = NO_CELL,
	                       .first_reading = (uint32_t)r->n_readings};
}

static void add_effect(struct record *r, const struct effect *x)
{
	ROOM(r->effect, r->n_effects, r->effect_room);
	r->effect[r->n_effects++] = *x;
	touch(r, x->activity);
}

static uint32_t cell_of(struct record *r, const struct place *p, const struct item *x)
{
	int64_t rank, row;

	rows_place(r->rows, p->layout, x, NULL, &rank, &row);
	return record_cell(r, record_buffer(r, p), rank, row);
}

/* Which of the item's contents an operation takes and leaves. */
static void contents(const struct record *r, enum effect_op op, enum unit unit, bool forward,
                     const struct item *x, uint64_t *taken, uint64_t *left)
{
	*taken = *left = content_of_item(r, unit, forward, x);
	if (op == EFFECT_EXPERT)
		*left = content_of_item(r, UNIT_BRANCH, false, x);
	if (op == EFFECT_NEXT) { /* of the layer before */
		*taken = content_of(CONTENT_OUTPUT, r->layer - 1, (uint64_t)x->token);
		*left = content_of_item(r, UNIT_TOKEN, true, x);
	}
}

void record_row(struct record *r, uint32_t activity, enum effect_op op, enum unit unit,
                bool forward, const struct item *x, const struct place *from,
                const struct place *to, int64_t issuer)
{
	struct effect f = effect_of(r, activity, op, x);
	uint64_t taken;

	contents(r, op, unit, forward, x, &taken, &f.content);
	if (op == EFFECT_QUANTISE && !r->quantises)
		f.op = EFFECT_COPY;
	if (from) {
		add_reading(r, cell_of(r, from, x), -1, taken);
		f.n_readings = 1;
		f.from_layout = (uint8_t)from->layout, f.from_buffer = record_buffer(r, from);
	}
	f.cell = cell_of(r, to, x);
	f.to_layout = (uint8_t)to->layout, f.to_buffer = record_buffer(r, to);
	f.first_table = (uint32_t)r->n_readings;
	f.from_table = read_table(r, from ? from->table : NULL, issuer, &f);
	f.to_table = read_table(r, to->table, issuer, &f);
	add_effect(r, &f);
}

void record_sum(struct record *r, uint32_t activity, enum unit fine, const struct item *items,
                size_t n_items, const struct place *from, enum unit coarse, const struct item *x,
                const struct place *to)
{
	struct effect f = effect_of(r, activity, EFFECT_SUM, x);
	int64_t top_k = r->rows->choices->top_k;

	for (size_t i = 0; i < n_items; i++) {
		const struct item *y = &items[i];

		if (!rows_within(r->rows, y, coarse, x))
			continue;
		add_reading(r, cell_of(r, from, y),
		            fine == UNIT_BRANCH ? y->token * top_k + y->choice : -1,
		            content_of_item(r, fine, false, y));
		f.n_readings++;
	}
	f.cell = cell_of(r, to, x);
	f.to_layout = (uint8_t)to->layout, f.to_buffer = record_buffer(r, to);
	f.first_table = (uint32_t)r->n_readings;
	f.content = content_of_item(r, coarse, false, x);
	add_effect(r, &f);
}

void record_count(struct record *r, uint32_t activity, int64_t of, const struct place *to)
{
	struct effect f = effect_of(r, activity, EFFECT_COUNT, &(struct item){.owner = of});

	f.cell = record_cell(r, record_buffer(r, to), of, of);
	f.first_table = (uint32_t)r->n_readings;
	f.content = content_of(CONTENT_COUNTS, r->layer, (uint64_t)of);
	add_effect(r, &f);
}

void record_count_copy(struct record *r, uint32_t activity, int64_t of, int64_t from_rank,
                       const struct place *from, int64_t to_rank, const struct place *to)
{
	struct effect f = effect_of(r, activity, EFFECT_COPY, &(struct item){.owner = of});

	f.content = content_of(CONTENT_COUNTS, r->layer, (uint64_t)of);
	add_reading(r, record_cell(r, record_buffer(r, from), from_rank, of), -1, f.content);
	f.n_readings = 1;
	f.cell = record_cell(r, record_buffer(r, to), to_rank, of);
	f.first_table = (uint32_t)r->n_readings;
	add_effect(r, &f);
}

static uint32_t weights_cell(struct record *r, int64_t layer, int64_t expert, int64_t rank,
                             const struct place *p)
{
	uint32_t half = half_of(r, p->turns, layer, 2 * layer);

	return record_cell(r, buffer_half(r, p, half), rank, expert);
}

void record_weights(struct record *r, uint32_t activity, int64_t layer, int64_t expert,
                    int64_t rank, const struct place *to)
{
	struct effect f = effect_of(r, activity, EFFECT_WEIGHTS, &(struct item){.owner = expert});

	f.layer = (uint8_t)layer;
	f.cell = weights_cell(r, layer, expert, rank, to);
	f.first_table = (uint32_t)r->n_readings;
	f.content = content_of(CONTENT_WEIGHTS, layer, (uint64_t)expert);
	add_effect(r, &f);
}

void record_weights_read(struct record *r, int64_t expert, int64_t rank, const struct place *from)
{
	struct effect *f = &r->effect[r->n_effects - 1];

	CHECK(f->op == EFFECT_EXPERT && f->first_table + f->n_table == r->n_readings);
	f->weights = (uint32_t)r->n_readings;
	f->n_table++;
	add_reading(r, weights_cell(r, r->layer, expert, rank, from), -1,
	            content_of(CONTENT_WEIGHTS, r->layer, (uint64_t)expert));
}

static int64_t ordinal_of(const struct record *r, const char *label, enum sync_kind kind,
                          uint32_t before)
{
	int64_t ordinal = 1;

	for (uint32_t i = 0; i < before; i++)
		ordinal += r->sync[i].kind == kind && strcmp(r->sync[i].label, label) == 0;
	return ordinal;
}

bool record_sync(struct record *r, const char *label, enum sync_kind kind, uint32_t *index)
{
	uint32_t i = r->next_sync++;

	*index = i;
	if (i == r->n_syncs) {
		ROOM(r->sync, r->n_syncs, r->sync_room);
		r->sync[i] = (struct sync){label, kind, ordinal_of(r, label, kind, i)};
		r->n_syncs++;
	}
	return r->drop == (int64_t)i;
}

void record_set(struct record *r, uint32_t sync, uint32_t activity, int64_t rank, int64_t count)
{
	if (r->unset == (int64_t)sync)
		return;
	ROOM(r->set, r->n_sets, r->set_room);
	r->set[r->n_sets++] = (struct flag){sync, activity, (uint32_t)rank, count, r->layer};
}

void record_wait(struct record *r, uint32_t sync, uint32_t activity, int64_t rank, int64_t count)
{
	ROOM(r->wait, r->n_waits, r->wait_room);
	r->wait[r->n_waits++] = (struct flag){sync, activity, (uint32_t)rank, count, r->layer};
}

static size_t flag_index(const struct record *r, const struct flag *f)
{
	return ((size_t)f->layer * r->n_syncs + f->sync) * (size_t)r->rows->n_ranks + f->rank;
}

int64_t *record_sets(const struct record *r)
{
	size_t n = (size_t)(r->layer + 1) * r->n_syncs * (size_t)r->rows->n_ranks;
	int64_t *sum = heap_zeroed(n + 1, sizeof *sum);
	int64_t *set = heap_zeroed(r->n_waits + 1, sizeof *set);

	for (size_t i = 0; i < r->n_sets; i++)
		sum[flag_index(r, &r->set[i])] += r->set[i].count;
	for (size_t i = 0; i < r->n_waits; i++)
		set[i] = sum[flag_index(r, &r->wait[i])];
	free(sum);
	return set;
}

uint8_t *record_blocked(const struct record *r, uint32_t n_activities)
{
	uint8_t *blocked = heap_zeroed((size_t)n_activities + 1, 1);
	int64_t *set = record_sets(r);

	for (size_t i = 0; i < r->n_waits; i++)
		blocked[r->wait[i].activity] |= set[i] < r->wait[i].count;
	free(set);
	return blocked;
}

const char *sync_kind_name(enum sync_kind kind)
{
	static const char *const names[] = {"flags", "barrier", "host",
	                                    "cores", "quiet",   "arrival"};

	return names[kind];
}

const char *sync_name(const struct record *r, uint32_t index, char *text, size_t size)
{
	const struct sync *s = &r->sync[index];
	bool repeats = s->ordinal > 1;

	for (uint32_t i = index + 1; i < r->n_syncs; i++)
		repeats |= r->sync[i].kind == s->kind && strcmp(r->sync[i].label, s->label) == 0;
	if (repeats)
		snprintf(text, size, "%s.%s#%lld", s->label, sync_kind_name(s->kind),
		         (long long)s->ordinal);
	else
		snprintf(text, size, "%s.%s", s->label, sync_kind_name(s->kind));
	return text;
}

static void token_text(const struct record *r, uint64_t token, char *text, size_t size)
{
	const struct rows *w = r->rows;
	int64_t source = w->source[token];

	snprintf(text, size, "token %lld of rank %lld",
	         (long long)((int64_t)token - w->choices->first[source]), (long long)source);
}

const char *content_text(const struct record *r, uint64_t content, char *text, size_t size)
{
	uint64_t index = content & (((uint64_t)1 << 52) - 1), layer = content >> 52 & 0xff;
	uint64_t top_k = (uint64_t)r->rows->choices->top_k, ranks = (uint64_t)r->rows->n_ranks;
	char token[64];

	switch ((enum content)(content >> 60)) {
	case CONTENT_INPUT:
		token_text(r, index, token, sizeof token);
		snprintf(text, size, "the row of %s, layer %llu", token, (unsigned long long)layer);
		break;
	case CONTENT_RESULT:
		token_text(r, index / top_k, token, sizeof token);
		snprintf(text, size, "expert %u's result for %s, layer %llu",
		         r->rows->choices->expert[index], token, (unsigned long long)layer);
		break;
	case CONTENT_PART:
		token_text(r, index / (2 * ranks), token, sizeof token);
		snprintf(text, size, "a partial sum for %s, layer %llu", token,
		         (unsigned long long)layer);
		break;
	case CONTENT_OUTPUT:
		token_text(r, index, token, sizeof token);
		snprintf(text, size, "the sum for %s, layer %llu", token,
		         (unsigned long long)layer);
		break;
	case CONTENT_WEIGHTS:
		snprintf(text, size, "the weights of expert %llu, layer %llu",
		         (unsigned long long)index, (unsigned long long)layer);
		break;
	default:
		snprintf(text, size, "the counts of rank %llu, layer %llu",
		         (unsigned long long)index, (unsigned long long)layer);
	}
	return text;
}
