/* What part of an MoE layer an op is, by its name. */
#pragma once
#include <stddef.h>
#include "traces/event.h"

enum trace_phase {
	DURING_DISPATCH,
	DURING_COMBINE,
	DURING_EXPERT,
	DURING_ATTENTION,
	DURING_EXCHANGE, /* dispatch or combine: the name does not tell, nor what came before */
	DURING_OTHER,
	TRACE_PHASES
};

/* The ways to dispatch and combine that kernels reveal by their names. */
enum trace_flow {
	FLOW_NONE,   /* the name does not tell */
	FLOW_RELAY3, /* pack, library all-to-all, reorder */
	FLOW_RELAY2, /* fused kernels over a staging window */
	FLOW_DIRECT, /* kernels without a staging buffer */
	FLOW_OTHER,  /* dispatch, experts and combine in one kernel; barriers */
	TRACE_FLOWS
};

enum trace_role {
	OP_PIECE,
	OP_ANCHOR,  /* once in each dispatch or combine of its flow: counts them */
	OP_LIBRARY, /* of the communication library, which does not know what for */
};

struct trace_class {
	enum trace_phase phase;
	enum trace_flow flow;
	enum trace_role role;
};

/* By the longest known name that `op` holds, whatever its case; known names are a table. `phase`
 * and `flow`, of our own recorder, come first; "" elsewhere. */
struct trace_class trace_classify(const char *op, const char *phase, const char *flow);

/* The library's all-to-all serves both directions. In a relay it lies between the op that packs
 * rows and the expert GEMM, or between that and the op that sums up. `last` is the side that the
 * kernels of the same rank before it left open: DISPATCH after packing, COMBINE after the GEMM,
 * OTHER outside. */
enum trace_phase trace_side_after(enum trace_phase last, const struct trace_class *c);

const char *trace_phase_name(enum trace_phase phase);
const char *trace_flow_name(enum trace_flow flow);

/* What an event is a call of: its type; else its name without what differs from call to call:
 * "aclnnMatmul_MatMulCommon_MatMulV2" is MatMulV2, "hcom_alltoallv__909_2_1" hcom_alltoallv_,
 * "alltoallvAivKernel" hcom_alltoallv_ too, "trans_Cast_19" trans_Cast. */
void trace_op_name(const struct trace_event *ev, char *name, size_t size);
