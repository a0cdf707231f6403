/* What a trace reader gives: one event at a time, so that memory does not grow with the file.
 *
 * Times are whole nanoseconds: the profilers' stamps have 19 digits, more than a double holds. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "models/base/err.h"

enum trace_kind {
	TRACE_KERNEL,     /* a kernel on the device */
	TRACE_COLLECTIVE, /* an operation of the communication library, all of it */
	TRACE_TRANSFER,   /* bytes over a link, from one rank to another where that is known */
	TRACE_STATISTIC,  /* many calls of one op: their number, total, least and most */
	TRACE_PART,       /* what a step's time was spent on, named as in the file */
	TRACE_POINT,      /* of a benchmark: how long a message of some bytes takes */
	TRACE_KINDS
};

enum trace_link {
	LINK_UNKNOWN,
	LINK_HCCS,
	LINK_SIO, /* between the two dies of a package */
	LINK_PCIE,
	LINK_RDMA,
	LINK_LOCAL,
	LINKS
};

enum { TRACE_UNKNOWN = -1 }; /* of any number below that a file does not state, but start_ns */
#define TRACE_NO_TIME INT64_MIN

/* Texts are never NULL, and live until the sink returns. */
struct trace_event {
	enum trace_kind kind;
	int32_t rank, device;
	int64_t step;
	const char *name;    /* as the file has it: "hcom_alltoallv__909_2_1" */
	const char *type;    /* what it is a call of: "hcom_alltoallv_"; "" when not stated */
	const char *group;   /* communicator; "" when not stated */
	const char *core;    /* which engine: "MIX_AIV", "COMMUNICATION"; "" when not stated */
	const char *shapes;  /* of the inputs: "128,7168;128,8" */
	const char *dtypes;  /* of the inputs, or of the message */
	const char *phase;   /* of our own recorder: "dispatch"; "" elsewhere */
	const char *flow;    /* of our own recorder: "relay2"; "" elsewhere */
	int64_t start_ns;    /* since the file's epoch, or TRACE_NO_TIME */
	int64_t duration_ns; /* of STATISTIC: of all calls together */
	int64_t transit_ns, wait_ns; /* of COLLECTIVE: moving bytes, waiting for others */
	int64_t least_ns, most_ns;   /* of STATISTIC, POINT: over its calls */
	int64_t calls;               /* that it stands for; 1 where the file says nothing */
	int64_t bytes;
	int64_t rate_Bps;     /* of POINT, where the file states no time */
	int32_t source, peer; /* of TRANSFER: ranks within the group */
	int32_t ranks;        /* of COLLECTIVE, POINT: that took part */
	enum trace_link link;
	bool twin; /* the kernel of a COLLECTIVE that the file lists as well: not to be added to it
	            */
	bool pick; /* of TRANSFER: one out of calls that another event sums up */
};

/* Where the events go. Whatever `take` returns but RC_OK ends the reading. */
struct trace_sink {
	enum rc (*take)(void *data, const struct trace_event *event, struct err *e);
	void *data;
};

/* An event of which nothing is known. */
struct trace_event trace_event_blank(enum trace_kind kind);

/* "HCCS", "SIO", ... ; trace_link_parse() also takes what profilers call them (HCCS_SW, ROCE). */
const char *trace_link_name(enum trace_link link);
enum trace_link trace_link_parse(const char *text);
