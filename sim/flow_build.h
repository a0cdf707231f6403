/* The steps that flows are made of. Each appends one stage for all built ranks to the graph: it
 * takes what every rank must wait for and gives what follows must wait for. Arrays have n_built
 * entries; in and out may be the same array. Labels are static text. */
#pragma once
#include "sim/flow.h"
#include "sim/record.h"

/* Expert compute, for flows that place it themselves (struct flow, layer). */
struct expert_part {
	int64_t first, n;    /* of a rank's experts; n 0: all */
	int64_t part, parts; /* the part-th of `parts` shares of the tokens; parts 0: all */
	bool at_source;      /* all experts of the layer, on the rank's own rows */
	bool same_kernel;    /* goes on in the kernel of the part before: nothing is launched */
	const struct place *weights; /* the buffer that holds them; NULL: where they always lie */
};
struct flow_build;
typedef void experts_fn(void *context, struct flow_build *b, const struct expert_part *p,
                        const uint32_t *after, uint32_t *done);

struct flow_build {
	struct graph *graph;
	const struct topology *topology;
	const struct flow_request *request;
	int64_t n;             /* built ranks */
	struct record *record; /* what memory is touched is noted there; NULL: times only */
	experts_fn *experts;   /* and its context: set by who calls flow->layer */
	void *experts_context;
	uint32_t *stream;           /* the flow's own, from layer to layer; NULL in the first */
	int64_t layer, layers_left; /* this one, from 0; how many come after it */
	/* private to flow_build.c, flow_ship.c and flow_segment.c */
	double *rows_count[UNITS]
	                  [HOPS];      /* [holder][needer] in dispatch, as needed; not symmetric */
	uint32_t *forwarder;           /* [source][node], see sim/nodes.h */
	double *segment_mean_count[2]; /* [direction][rank] */
	uint32_t few_cores;            /* first resource, see build_few_cores() */
	uint32_t *scratch, *scratch_in;
};

void flow_build_init(struct flow_build *b, struct graph *g, const struct topology *t,
                     const struct flow_request *q);
void flow_build_fini(struct flow_build *b);

double build_rows_out_count(struct flow_build *b, int64_t rank); /* N of that rank */
double build_rows_in_count(struct flow_build *b, int64_t rank);  /* N' */

double build_tokens_count(const struct flow_build *b, int64_t rank);

/* Rows of a unit that a rank holds before a hop, and has after it, in dispatch. */
double build_held_count(struct flow_build *b, enum unit unit, enum hop hop, int64_t rank);
double build_needed_count(struct flow_build *b, enum unit unit, enum hop hop, int64_t rank);

double build_local_experts_count(const struct flow_build *b); /* E / R */
bool build_one_node(const struct flow_build *b);              /* all ranks are in one */
double build_cores_count(const struct flow_build *b);         /* that dispatch and combine use */

enum direction { FORWARD, BACKWARD }; /* as in dispatch, as in combine */

/* Fixed time on every rank. */
void stage_delay(struct flow_build *b, const char *label, double latency_s, const uint32_t *after,
                 uint32_t *done);

/* The same, spent on waiting for others: SyncAll, polling, host round trips. */
void stage_wait(struct flow_build *b, const char *label, double latency_s, const uint32_t *after,
                uint32_t *done);

struct shipment;

/* HBM traffic of the vector cores: per row that the rank holds before a hop (out) and has after it
 * (in), in dispatch, and per token of the rank. Bytes are read plus written. quantised_bytes: how
 * many BF16 bytes of each row that leaves (of each token) are quantised on the way, which the cores
 * do at a rate of their own. unit and hop tell which rows; left out, they are branches from their
 * source to their owner. */
struct traffic {
	double per_row_out_bytes, per_row_in_bytes, per_token_bytes;
	double quantised_bytes, quantised_token_bytes;
	enum unit unit;
	enum hop hop;
	bool remote_only; /* rows that stay on their rank count in neither; instead they cost */
	double per_stay_bytes;     /* this */
	const struct shipment *of; /* only the rows of that shipment; NULL: all */
};
void stage_copy(struct flow_build *b, const char *label, struct traffic traffic, double latency_s,
                const uint32_t *after, uint32_t *done);

/* Each core runs through a table of so many entries, one after the other, to add them up. */
void stage_scan(struct flow_build *b, const char *label, double entries_count,
                const uint32_t *after, uint32_t *done);

/* The cores find the places of the rank's rows in a compact table of all ranks' counts, each for
 * its share of them: one load a row, with a vector sum over what lies before (assumed: the decode
 * kernels that do this are not published; the prefill kernel goes entry by entry). */
void stage_places(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done);

/* Who moves rows: the vector cores, or SDMA engines, which take the segments (what a rank sends to
 * one expert, or back) that are large enough and larger than the mean of those it sends. */
enum plane { PLANE_ANY, PLANE_CORES, PLANE_SDMA };

/* Rows on their way from their holders to the ranks that need them. */
struct shipment {
	const char *label;
	enum direction way;
	enum unit unit;
	enum hop hop;
	double row_bytes;
	const struct place *from, *to;
	enum effect_op op;   /* EFFECT_COPY, EFFECT_QUANTISE */
	int64_t part, parts; /* the part-th of `parts` shares of the tokens; parts 0: all */
	bool remote_only;    /* without the rows that stay on their rank */
	bool stay_only;      /* only those (for note_rows_part()) */
	bool row_messages;   /* over RDMA each row is a message, which a stage_post() beside it
	                        posts; else all rows of a pair are one, posted in turn */
	int64_t first_expert, n_experts; /* only for these of each owner's experts; n 0: all */
	enum plane plane;                /* only rows that go over that one */
	uint32_t few_cores;              /* of build_few_cores(): only those issue it; 0: all do */
	int64_t layer;                   /* UNIT_WEIGHTS: of which they are */
};
/* put: the holder writes; its reads are a stage_copy of their own beside it. Waits for the holder.
 *      sent[rank]: all it wrote has arrived; arrived[rank]: all that was meant for it is there.
 * get: the needing rank reads; its writes are a stage_copy beside it. Waits for the reader.
 *      arrived[rank]: all that it needs is there. */
void stage_put(struct flow_build *b, const struct shipment *s, const uint32_t *after,
               uint32_t *sent, uint32_t *arrived);
void stage_get(struct flow_build *b, const struct shipment *s, const uint32_t *after,
               uint32_t *arrived);

/* Beside a put (get) whose cores take whole tokens: the time of the core that has the most of them.
 * Few tokens leave cores idle. */
void stage_whole_tokens(struct flow_build *b, const struct shipment *s, bool put,
                        const uint32_t *after, uint32_t *done);

/* Vector cores that issue some of the shipments: n_cores of a die and no more. */
uint32_t build_few_cores(struct flow_build *b, int64_t n_cores);

/* Segments of a shipment of branches that a rank sends to others. */
double build_segments_count(struct flow_build *b, const struct shipment *s, int64_t rank);

/* Copy engines are told of the segments they are to move (no time where there are none); one wait
 * for the wire and back after every `issues` segments that a rank sends. */
void stage_submit(struct flow_build *b, const struct shipment *s, const char *label,
                  const uint32_t *after, uint32_t *done);
void stage_quiet(struct flow_build *b, const struct shipment *s, const char *label, int64_t issues,
                 const uint32_t *after, uint32_t *done);

/* Small messages: every rank to every other, bytes each; or bytes for each row that it sends to
 * (gets from) it. Occupies links only. Done when they are through, one-way latency included. */
void stage_control(struct flow_build *b, const char *label, double per_peer_bytes,
                   const uint32_t *after, uint32_t *done);
void stage_row_control(struct flow_build *b, const struct shipment *s, const char *label,
                       double per_row_bytes, const uint32_t *after, uint32_t *done);

/* Every rank sends every other a number of small messages: the cores issue them one after the
 * other. Then, in stage_signal(), all wait for all: the message is the flag, so its wire counts
 * once. */
void stage_send(struct flow_build *b, const char *label, double message_bytes,
                double messages_per_peer_count, const uint32_t *after, uint32_t *done);
void stage_signal(struct flow_build *b, const char *label, double message_bytes,
                  double messages_per_peer_count, const uint32_t *after, uint32_t *done);

/* The cores issue a small message for each row that the rank sends in the shipment. */
void stage_issue(struct flow_build *b, const struct shipment *s, const char *label,
                 const uint32_t *after, uint32_t *done);

/* Posts a message for each row that the rank sends over RDMA in the shipment, one after another. */
void stage_post(struct flow_build *b, const struct shipment *s, const char *label,
                const uint32_t *after, uint32_t *done);

/* All ranks wait for all ranks: with flags (one set and noticed for each peer), with a barrier of
 * ceil(log2 R) rounds, or a host-side control barrier. */
void stage_flags(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done);
void stage_barrier(struct flow_build *b, const char *label, const uint32_t *after, uint32_t *done);
void stage_host_barrier(struct flow_build *b, const char *label, int64_t times,
                        const uint32_t *after, uint32_t *done);

/* Where dispatch takes its rows from: the tokens, quantising each row on the way when it has to; or
 * with the option quantise: separate, rows that a kernel of its own has quantised once for each
 * token, which this appends. */
struct source {
	const struct place *place;
	double read_bytes;      /* of a row */
	double quantised_bytes; /* of a row, on the way */
	enum effect_op op;
};
struct source stage_source(struct flow_build *b, const uint32_t *after, uint32_t *done);

/* The cores read a rank's rows from there (traffic) and put them: at[rank] becomes what waits for
 * all of its own to arrive. A plain copy streams through the cores; a row that is quantised is put
 * when that is done, and the link waits meanwhile. */
void stage_read_put(struct flow_build *b, const char *label, const struct traffic *traffic,
                    const struct shipment *put, uint32_t *at);

/* The first half of that with `separate`: quantises each token once. */
const struct place *stage_quantise(struct flow_build *b, const uint32_t *after, uint32_t *done);

/* done[i] waits for both. */
void stage_join(struct flow_build *b, const char *label, const uint32_t *one, const uint32_t *other,
                uint32_t *done);

/* Farthest one-way latency in the group, s. */
double build_wire_s(const struct flow_build *b);

/* Beside a stage of local work, whose ends are nodes[rank]: what it does to memory, noted when
 * there is a record. Rows of a unit from place to place on one rank; sums of finer rows into
 * coarser ones; each rank's own counts, those counts sent to all ranks or pulled from them. */
void note_rows(struct flow_build *b, const uint32_t *nodes, enum effect_op op, enum unit unit,
               enum direction way, const struct place *from, const struct place *to);
void note_rows_part(struct flow_build *b, const uint32_t *nodes, const struct shipment *s);
void note_sum(struct flow_build *b, const uint32_t *nodes, enum unit fine, const struct place *from,
              enum unit coarse, const struct place *to);
void note_sum_part(struct flow_build *b, const uint32_t *nodes, enum unit fine,
                   const struct place *from, enum unit coarse, const struct place *to,
                   const struct shipment *of); /* its share of the tokens */
void note_counts(struct flow_build *b, const uint32_t *nodes, const struct place *to);
void note_counts_sent(struct flow_build *b, const uint32_t *nodes, const struct place *from,
                      const struct place *to);
void note_counts_pulled(struct flow_build *b, const uint32_t *nodes, const struct place *from,
                        const struct place *to);

/* Does the item belong to the part of the tokens that the shipment moves? */
bool item_in_part(const struct rows *w, const struct item *x, const struct shipment *s);
