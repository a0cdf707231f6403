/* Events added up: by op, by piece of a flow, by pair of ranks, by rank and step.
 *
 * Memory depends on how many different ops, ranks, pairs and steps there are, not on how many
 * events; the one exception, 8 bytes a call of a flow's pieces, stops at MOST_CALLS. The same
 * events give the same summary whatever the order of files; within one rank events count as in time
 * order where they are (see classify.h). */
#pragma once
#include "models/base/arena.h"
#include "traces/classify.h"
#include "traces/map.h"
#include "traces/sketch.h"

enum {
	MOST_OPS = 1 << 14,   /* ops with a line of their own; what comes after is "(more ops)" */
	MOST_CALLS = 1 << 22, /* of which the least over ranks is kept */
	MOST_CELLS = 1 << 16, /* rank and step */
	MOST_PAIRS = 1 << 18,
	MOST_POINTS = 1 << 16,
};

/* One who recorded: a rank, or where no file says so a device. */
struct summary_rank {
	int32_t rank, device; /* one of them, or both TRACE_UNKNOWN */
	int64_t phase_ns[TRACE_PHASES], twin_ns[TRACE_PHASES];
	/* private: which side of the exchange its kernels left open, and since when */
	enum trace_phase side;
	int64_t side_ns;
};

struct rank_time {
	uint64_t n;
	int64_t sum_ns, least_ns, most_ns;
};

struct summary_op {
	const char *name;
	struct trace_class class;
	bool twin;     /* kernels of collectives: shown only where the collectives are not */
	bool recorded; /* phase and flow are the recorder's */
	struct sketch time_ns;
	uint64_t n_untimed;     /* calls without a duration, in no figure */
	struct rank_time *rank; /* n_ranks; n 0: none there */
	uint32_t n_ranks;
	uint32_t piece[TRACE_PHASES]; /* its number + 1; 0: none */
};

/* An op as one side of one flow. */
struct summary_piece {
	uint32_t op;
	enum trace_flow flow;
	enum trace_phase phase;
	enum trace_role role;
	bool twin;
	struct sketch time_ns;
	struct sketch *rank; /* n_ranks of them */
	uint32_t n_ranks;
	int64_t *call_ns; /* least over ranks of their k-th call each */
	uint64_t n_calls, calls_room;
};

struct summary_pair {
	const char *group;
	int32_t source, peer;
	enum trace_link link;
	int64_t bytes, time_ns, calls;
	int64_t pick_least_Bps, pick_most_Bps; /* of single calls; 0: none known */
};

struct summary_wait { /* a collective, where its waiting is known */
	const char *name;
	int64_t calls, time_ns, transit_ns, wait_ns;
};

struct summary_cell {  /* one rank in one step */
	uint32_t rank; /* number in struct summary */
	int64_t step;
	int64_t phase_ns[TRACE_PHASES], twin_ns[TRACE_PHASES];
};

struct summary_part {
	const char *name;
	int64_t n, sum_ns;
};

struct summary_point {
	const char *name, *dtypes, *group, *shapes;
	int64_t bytes, duration_ns, rate_Bps, least_ns, most_ns;
	int32_t ranks;
};

struct summary_statistic {
	const char *name;
	struct trace_class class;
	int64_t calls, sum_ns, least_ns, most_ns;
};

struct summary {
	uint32_t n_ranks, n_ops, n_pieces, n_pairs, n_waits, n_cells, n_parts, n_points,
	        n_statistics;
	struct summary_rank *rank;
	struct summary_op *op;               /* by total time */
	struct summary_piece *piece;         /* by flow, phase, op */
	struct summary_pair *pair;           /* by group, source, peer, link */
	struct summary_wait *wait;           /* by name */
	struct summary_cell *cell;           /* by rank, step */
	struct summary_part *part;           /* by name */
	struct summary_point *point;         /* by name, size */
	struct summary_statistic *statistic; /* by total time */
	uint64_t n_events, n_twins; /* n_twins: rows left out, since their collective is there */
	bool cells_full;            /* MOST_CELLS reached: later steps are missing in `cell` */
	int64_t skip_before_step;   /* events of earlier steps are not added; default: none */
	/* private */
	struct arena *a;
	struct map ranks, ops, pairs, waits, cells, parts, statistics;
	uint64_t n_kept_calls;
	bool collectives;
};

struct summary *summary_new(void);
void summary_free(struct summary *s);

/* A sink: data is the summary. RC_DATA when there is more than the bounds above allow. */
enum rc summary_take(void *summary, const struct trace_event *ev, struct err *e);

/* Sorts all lists. No event may follow. */
void summary_finish(struct summary *s);

/* Of a piece: the median over its calls of the least time that any rank took for the call; 0 where
 * ranks called it differently often, or too often. Waiting for peers is in every rank's time but
 * that of the last to come, so this is nearest to the transfer itself. */
int64_t piece_least_rank_ns(const struct summary_piece *p);

/* Least and most over ranks of the ranks' quantile. */
void piece_rank_range(const struct summary_piece *p, double p_ratio, int64_t *least_ns,
                      int64_t *most_ns);
