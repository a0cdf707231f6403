/* The steps that flows are made of. Each appends one stage for all built ranks to the graph: it
 * takes what every rank must wait for and gives what follows must wait for. Arrays have n_built
 * entries; in and out may be the same array. Labels are static text. */
#pragma once
#include "sim/flow.h"

struct flow_build {
	struct graph *graph;
	const struct topology *topology;
	const struct flow_request *request;
	int64_t n; /* built ranks */
	/* private to flow_build.c */
	double *rows_count;    /* [from][to] forward, when not symmetric */
	double *rows_in_count; /* [rank] */
	uint32_t *scratch, *scratch_in;
};

void flow_build_init(struct flow_build *b, struct graph *g, const struct topology *t,
                     const struct flow_request *q);
void flow_build_fini(struct flow_build *b);

double build_rows_out_count(const struct flow_build *b, int64_t rank); /* N of that rank */
double build_rows_in_count(const struct flow_build *b, int64_t rank);  /* N' */

double build_local_experts_count(const struct flow_build *b); /* E / R */

enum direction { FORWARD, BACKWARD }; /* as in dispatch, as in combine */

/* Fixed time on every rank. */
void stage_delay(struct flow_build *b, const char *label, double latency_s, const uint32_t *after,
                 uint32_t *done);

/* The same, spent on waiting for others: SyncAll, polling, host round trips. */
void stage_wait(struct flow_build *b, const char *label, double latency_s, const uint32_t *after,
                uint32_t *done);

/* HBM traffic of the vector cores: per row that leaves (out) and arrives (in) in dispatch, and per
 * token of the rank. Bytes are read plus written. quantised_bytes: how many BF16 bytes of each row
 * that leaves are quantised on the way, which the cores do at a rate of their own. */
struct traffic {
	double per_row_out_bytes, per_row_in_bytes, per_token_bytes;
	double quantised_bytes;
};
void stage_copy(struct flow_build *b, const char *label, struct traffic traffic, double latency_s,
                const uint32_t *after, uint32_t *done);

/* Rows from their holders to the ranks that need them, row_bytes each.
 * put: the holder writes; its reads are a stage_copy of their own beside it. Waits for the holder.
 *      sent[rank]: all it wrote has arrived; arrived[rank]: all that was meant for it is there.
 * get: the needing rank reads; its writes are a stage_copy beside it. Waits for the reader.
 *      arrived[rank]: all that it needs is there. */
void stage_put(struct flow_build *b, const char *label, enum direction way, double row_bytes,
               const uint32_t *after, uint32_t *sent, uint32_t *arrived);
void stage_get(struct flow_build *b, const char *label, enum direction way, double row_bytes,
               const uint32_t *after, uint32_t *arrived);

/* Small messages: every rank to every other, bytes each; or bytes for each row that it sends to
 * (gets from) it. Occupies links only. Done when they are through, one-way latency included. */
void stage_control(struct flow_build *b, const char *label, double per_peer_bytes,
                   const uint32_t *after, uint32_t *done);
void stage_row_control(struct flow_build *b, const char *label, enum direction way,
                       double per_row_bytes, const uint32_t *after, uint32_t *done);

/* Every rank sends every other a number of small messages that tell it to go on: the cores issue
 * them one after the other, and all wait for all. The message is the flag, so its wire counts
 * once. */
void stage_signal(struct flow_build *b, const char *label, double message_bytes,
                  double messages_per_peer_count, const uint32_t *after, uint32_t *done);

/* The cores issue a small message for each row that the rank sends that way. */
void stage_issue(struct flow_build *b, const char *label, enum direction way, const uint32_t *after,
                 uint32_t *done);

/* All ranks wait for all ranks: with flags (one set and noticed for each peer), with a barrier of
 * ceil(log2 R) rounds, or a host-side control barrier. */
void stage_flags(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done);
void stage_barrier(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done);
void stage_host_barrier(struct flow_build *b, const char *label, int64_t times,
                        const uint32_t *after, uint32_t *done);

/* BF16 bytes of a row that dispatch quantises: all or none. */
double build_quantised_bytes(const struct flow_build *b);

/* done[i] waits for both. */
void stage_join(struct flow_build *b, const char *label, const uint32_t *one, const uint32_t *other,
                uint32_t *done);

/* Farthest one-way latency in the group, s. */
double build_wire_s(const struct flow_build *b);
