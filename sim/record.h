/* The memory that a graph's activities read and write: noted while flows build it, for the safety
 * checker (check.h) and for execution on real rows (execute.h). Times do not depend on it.
 *
 * Memory is cells: (buffer, rank, row). A buffer that is used in turns is two buffers. Each effect
 * is what one activity does to one cell: it reads some cells and writes one. Every cell carries
 * some content (a token's row, a branch's result, a table of counts), which an effect names for
 * what it reads and for what it writes, so that a reader of the right cell at the wrong time is
 * found out.
 *
 * Waits are noted too, by name, so that they can be left out: a build with `drop` set to one of
 * them gives the graph of the same program without it. */
#pragma once
#include "sim/graph.h"
#include "sim/rows.h"

enum turns {
	TURNS_NONE,
	TURNS_LAYER,
	TURNS_OPERATION
}; /* halves: by layer; by dispatch, combine */
/* What if they did not: all by operation, or none at all. */
enum turns_rule { TURNS_AS_STATED, TURNS_BY_OPERATION, TURNS_NEVER };
extern const char *const turns_rule_names[]; /* NULL-terminated */

/* A buffer, and how rows lie in it. */
struct place {
	const char *buffer; /* static text */
	enum layout layout;
	enum turns turns;
	/* the counts that whoever uses the place must read to find its rows; NULL: none */
	const struct place *table;
};

enum effect_op {
	EFFECT_COPY,
	EFFECT_QUANTISE, /* and copy */
	EFFECT_EXPERT,   /* an expert's result for a row */
	EFFECT_SUM,      /* of results, by the gate's weights, or of partial sums */
	EFFECT_NEXT,     /* the next layer's input of a token from this one's output */
	EFFECT_INPUT,    /* a token's input of the first layer */
	EFFECT_COUNT,    /* a rank's counts by expert, from its own tokens */
	EFFECT_WEIGHTS,  /* an expert's weights, from the rank that keeps them for good */
};

enum { NO_CELL = UINT32_MAX };

struct reading {
	uint32_t cell;
	int32_t branch;   /* whose weight it is summed with; -1: 1 */
	uint64_t content; /* what it must hold */
};

struct effect {
	uint32_t activity;
	uint32_t cell; /* that it writes */
	uint32_t first_reading, n_readings;
	uint64_t content; /* that it leaves there */
	struct item item;
	uint8_t op;
	uint8_t layer;
	/* addresses that counts decide: the first reading's, or the written cell's */
	uint8_t from_layout, to_layout;  /* enum layout */
	uint32_t from_buffer, to_buffer; /* index of record.buffer */
	uint32_t from_table, to_table;   /* first reading of the counts to go by; NO_CELL: none */
	uint32_t first_table, n_table;   /* readings of both tables, and of weights */
	uint32_t weights; /* which of them is of weights in a buffer; NO_CELL: none */
};

enum sync_kind { SYNC_FLAGS, SYNC_BARRIER, SYNC_HOST, SYNC_CORES, SYNC_QUIET, SYNC_ARRIVAL };

/* A wait that a flow has in every layer. */
struct sync {
	const char *label;
	enum sync_kind kind;
	int64_t ordinal; /* among those of the same label and kind, from 1 */
};

/* Flags: how many a rank sets for another in some wait, and how many it waits for. */
struct flag {
	uint32_t sync, activity, rank; /* of whom waits */
	int64_t count;
	int64_t layer;
};

struct record {
	const struct rows *rows;
	int64_t layer;
	int64_t operation; /* dispatch 2 layer, combine 2 layer + 1 */
	int64_t drop;      /* index of the wait to leave out; -1: none */
	int64_t unset;     /* index of the wait whose flags nobody sets; -1: none */
	enum turns_rule turns_rule;
	bool quantises;

	struct effect *effect;
	struct reading *reading;
	size_t n_effects, n_readings;

	struct cell {
		uint32_t buffer, rank;
		int64_t row;
	} * cell;
	uint32_t n_cells;
	struct {
		const char *name;
		uint32_t half;
	} * buffer;
	uint32_t n_buffers;

	/* the table that was read last: its effects read it once for each activity */
	const struct place *last_table;
	uint32_t last_table_activity, last_table_reading;

	struct sync *sync; /* of one layer, in order */
	uint32_t n_syncs, next_sync;
	struct flag *set, *wait;
	size_t n_sets, n_waits;

	uint8_t *touched; /* [activity]: has effects */
	size_t touched_room, effect_room, reading_room, cell_room, buffer_room, sync_room;
	size_t set_room, wait_room;
	uint32_t *hash; /* of cells */
	size_t hash_room;
};

void record_init(struct record *r, const struct rows *rows);
void record_fini(struct record *r);
void record_layer(struct record *r, int64_t layer); /* a new one begins, with dispatch */
void record_combine(struct record *r);              /* dispatch is over */

/* The cell of that row, NO_CELL when nothing has named it; that of a token's output. */
uint32_t record_find(const struct record *r, uint32_t buffer, int64_t rank, int64_t row);
uint32_t record_output(const struct record *r, const struct item *token);

/* An effect of `activity`: one row of a unit from place to place. from: NULL for EFFECT_INPUT.
 * issuer: the rank whose tables tell the addresses. */
void record_row(struct record *r, uint32_t activity, enum effect_op op, enum unit unit,
                bool forward, const struct item *x, const struct place *from,
                const struct place *to, int64_t issuer);

/* Sums the finer unit's rows into one of the coarser. */
void record_sum(struct record *r, uint32_t activity, enum unit fine, const struct item *items,
                size_t n_items, const struct place *from, enum unit coarse, const struct item *x,
                const struct place *to);

/* Counts of rank `of`: written at rank `of` from its tokens, or copied from rank to rank. */
void record_count(struct record *r, uint32_t activity, int64_t of, const struct place *to);
void record_count_copy(struct record *r, uint32_t activity, int64_t of, int64_t from_rank,
                       const struct place *from, int64_t to_rank, const struct place *to);

/* Weights of an expert for some layer, put into a buffer of a rank; and that the effect noted last
 * (an expert's, of this layer) takes its weights from there. */
void record_weights(struct record *r, uint32_t activity, int64_t layer, int64_t expert,
                    int64_t rank, const struct place *to);
void record_weights_read(struct record *r, int64_t expert, int64_t rank, const struct place *from);

/* The next wait of the layer; true when it is to be left out. */
bool record_sync(struct record *r, const char *label, enum sync_kind kind, uint32_t *index);
void record_set(struct record *r, uint32_t sync, uint32_t activity, int64_t rank, int64_t count);
void record_wait(struct record *r, uint32_t sync, uint32_t activity, int64_t rank, int64_t count);

/* How many of the flags that each wait waits for are set: [n_waits], the caller's to free. Which
 * activities wait for ever: [n_activities], likewise. */
int64_t *record_sets(const struct record *r);
uint8_t *record_blocked(const struct record *r, uint32_t n_activities);

/* Places that all flows share: the tokens' rows, and the layer's output. */
extern const struct place place_input, place_output;

const char *sync_kind_name(enum sync_kind kind);
/* "dispatch.notify.barrier", with "#2" when the label has several of the kind. */
const char *sync_name(const struct record *r, uint32_t index, char *text, size_t size);
bool content_is_counts(uint64_t content);
/* "the row of token 3 of rank 1, layer 0": what a content is. */
const char *content_text(const struct record *r, uint64_t content, char *text, size_t size);
