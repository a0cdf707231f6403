/* An observation: one measured time of a dispatch or combine kernel, and all that a prediction of
 * it needs. Read by traces/observation.h, predicted by sim/predict.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "models/dtype.h"
#include "models/schedule.h"

enum exchange_op { OP_DISPATCH, OP_COMBINE, OPS };

extern const char *const exchange_op_names[]; /* NULL-terminated */

enum { MOST_BATCHES = 16 };

struct observation {
	const char *file;
	long line;
	const char *machine; /* names, as configs and flows[] have them */
	const char *flow;
	const char *source;
	const char *kernel; /* whose time it is: source, implementation, op and phase in one text */
	const char *group;  /* rows that may be left out together; default: "ep 8" */
	enum exchange_op op;
	enum phase phase;
	bool notify; /* the time includes layout, notify and host steps before the kernel */
	int64_t ep;
	size_t n_batches; /* the time is the mean over these, usually one */
	int64_t tokens[MOST_BATCHES];
	int64_t hidden, top_k, experts;
	bool hidden_stated;         /* by the file, not assumed */
	bool flow_assumed;          /* the file names none */
	int64_t groups, top_groups; /* routing is limited to top_groups of the groups; 0: not */
	enum dtype dispatch;
	bool quantised_before;   /* by a kernel of its own, which the time does not include */
	bool rdma_only;          /* no rank reaches another but by RDMA, within a node neither */
	int64_t vector_cores;    /* 0: all */
	double measured_s;       /* 0: a question, of which only the prediction is asked */
	double rounding_ratio;   /* relative sd that the last digit and assumptions leave */
	double assumed_sd_ratio; /* of it: how far off an assumption may put the time */
	double weight_ratio;     /* how much it counts in a fit, 1 as a rule */
	const char *convention;  /* of bytes, when measured_s is from a bandwidth; else NULL */
	const char
	        *assumed; /* "ep 16, experts 256": what the file does not state; "" for nothing */
};
