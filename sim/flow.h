/* Flows: the ways to run dispatch and combine. One flow is one file with one const struct, and one
 * row of flows[] in flow.c. A flow builds activities and states buffers; it computes no time.
 *
 * Words: R ranks, E experts, N = tokens x top_k rows leave a rank in dispatch, N' arrive at it.
 * A row is one token's vector for one expert. Forward is the way of dispatch (from the token's rank
 * to the expert's), backward the way of combine. */
#pragma once
#include "models/moe_model.h"
#include "models/routing.h"
#include "models/schedule.h"
#include "sim/topology.h"

/* What one layer's dispatch and combine have to do. */
struct flow_request {
	const struct machine *machine;
	const struct moe_model *model;
	const struct routing *routing; /* n_ranks and rows */
	enum phase phase;
	int64_t tokens;       /* per rank */
	enum dtype dispatch;  /* of rows on the wire; combine carries BF16 */
	enum dtype weights;   /* of the experts */
	int64_t vector_cores; /* 0: all */
	struct flow_options options;
};

/* Which memory a buffer takes, and from when to when it is held. */
enum lifetime {
	LIFE_DOMAIN,   /* as long as the communication domain: always */
	LIFE_LAYER,    /* from dispatch to the end of combine */
	LIFE_DISPATCH, /* during dispatch */
	LIFE_COMBINE,  /* during combine */
	LIFETIMES
};

struct buffer {
	const char *name;   /* "relay window" */
	const char *memory; /* "HCCL window", "symmetric heap", "workspace": all in HBM */
	enum lifetime lifetime;
	double bytes; /* per rank */
};

enum { MOST_BUFFERS = 12 };

struct flow_build;
struct place;

struct flow {
	const char *name; /* as configs and reports write it */
	const char *doc;  /* one line for `epsim list flows` */
	unsigned options; /* those of models/schedule.h that it knows: bits 1 << enum flow_option */
	double cores_ratio; /* of a die's vector cores that it uses where the schedule names no
	                       number; 0: all */
	/* Have ranks different tasks in it, so that one cannot stand for all? NULL: no. */
	bool (*uneven)(const struct flow_request *q);
	/* May it serve this request, beyond what flow_applies() asks of all? NULL: always. No side
	   effects; why_not is set when false. */
	bool (*applies)(const struct flow_request *q, const char **why_not);
	/* Append the activities of dispatch (combine) to the build. ready[i]: what rank i's part
	   must wait for; done[i]: set to what its expert compute (its next layer) must wait for. */
	void (*dispatch)(struct flow_build *b, const uint32_t *ready, uint32_t *done);
	void (*combine)(struct flow_build *b, const uint32_t *ready, uint32_t *done);
	/* Instead of dispatch, experts and combine, when the flow weaves them into one another;
	   NULL: one after the other. Calls b->experts for the compute. dispatch and combine are
	   then the same exchange without overlap. */
	void (*layer)(struct flow_build *b, const uint32_t *ready, uint32_t *done);
	/* What it starts in a layer may end under later ones: a stream of its own. */
	bool carries_over;
	/* No rank waits for another, so that each goes on with its next step at once. */
	bool ranks_apart;
	/* Where experts find their rows and leave their results, for the safety checker. */
	const struct place *window, *result;
	/* Buffers of one rank that never change during a run of such requests. Returns their
	   number, at most MOST_BUFFERS. */
	size_t (*buffers)(const struct flow_request *q, struct buffer *out);
};

extern const struct flow flow_relay3, flow_relay2, flow_direct;
extern const struct flow flow_one_sided, flow_deepep_ll, flow_ubep, flow_deepep_normal;
extern const struct flow flow_hierarchical, flow_two_phase;
extern const struct flow flow_allgather, flow_pull_packed, flow_fused, flow_sdma_mte;
extern const struct flow flow_weight_gather, flow_fusco;
extern const struct flow *const flows[]; /* NULL-terminated */

const struct flow *flow_find(const char *name, struct err *e); /* NULL: RC_CONFIG in e */

/* Can the flow serve the request: experts divide, the machine is large enough, the flow knows the
 * options that are set, and what it asks for itself? */
bool flow_applies(const struct flow *f, const struct flow_request *q, const char **why_not);

/* Vector cores of a die that dispatch and combine use. wish: the schedule's; 0: the flow's own. */
int64_t flow_vector_cores(const struct flow *f, const struct machine *m, int64_t wish);

/* Copies a flow's n buffers to out; returns n. */
size_t buffers_list(struct buffer *out, const struct buffer *all, size_t n);

/* Largest sum of buffers that are held at one time, bytes per rank. */
double buffers_peak_bytes(const struct buffer *b, size_t n);
const char *lifetime_name(enum lifetime life);

/* ---- what flows share ---- */

/* Bytes of a row on the wire in dispatch (32-byte aligned) and of one BF16 row. */
double flow_row_bytes(const struct flow_request *q);
double flow_bf16_row_bytes(const struct flow_request *q);
/* A row with the 4-byte scale that a quantised one travels with. */
double flow_scaled_row_bytes(const struct flow_request *q);
/* A relay slot: row, 32 B scale and 12 B triple, aligned to 512 B; and one of a combine row. */
double flow_slot_bytes(const struct flow_request *q);
double flow_combine_slot_bytes(const struct flow_request *q);
bool flow_quantises(const struct flow_request *q);

double flow_rows_out_count(const struct flow_request *q);      /* N */
double flow_rows_in_most_count(const struct flow_request *q);  /* largest N' of any rank */
double flow_rows_in_worst_count(const struct flow_request *q); /* if all tokens came to one rank */
/* Rows that an expert window must hold: by the window rule asked for; without one, decode, a
 * captured graph of fixed shapes, takes the worst case and prefill the counts. */
bool flow_window_is_worst(const struct flow_request *q);
double flow_window_rows_count(const struct flow_request *q);
