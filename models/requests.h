/* A list of requests: what a request trace says, or what arrivals are drawn for. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prefix blocks are named by numbers: equal number, equal text from the start of the prompt to the
 * end of that block. */
struct request {
	double arrival_s;      /* from the start of the list, never falling */
	int32_t input, output; /* tokens, both at least 1 */
	uint32_t first_block;  /* in request_list.block */
	uint32_t n_blocks;     /* whole blocks that are named; a shorter last one may be */
};

struct request_list {
	struct request *at;
	size_t n, room;
	uint32_t *block;
	size_t n_blocks, blocks_room;
	int64_t block_tokens; /* 0: no block is named */
	bool timed;           /* arrivals were in the trace */
};

void request_list_fini(struct request_list *l); /* of a zeroed or filled list */
/* Replaces what the zeroed or filled list `to` holds. */
void request_list_copy(const struct request_list *from, struct request_list *to);
void request_append(struct request_list *l, const struct request *r);
void request_block_append(struct request_list *l, uint32_t block);

/* How the requests come: one row of arrivals[]. */
struct arrival_spec {
	double rate_count; /* requests a second; 0: as the trace has it (replay alone) */
	double cv_ratio;   /* of the gaps, for gamma */
	uint64_t seed;
};

struct arrival_process {
	const char *name, *describes;
	/* One gap, given a uniform number in [0, 1); NULL: the list's own times, scaled. */
	double (*gap_s)(const struct arrival_spec *s, double uniform_ratio);
};

extern const struct arrival_process arrivals[]; /* ends with a row of NULLs */

const struct arrival_process *arrival_find(const char *name); /* or NULL */

/* Makes the list n requests long, by repeating it in order or cutting it, and sets all arrivals. A
 * repeated list goes on after its last arrival and one mean gap. The list must not be empty. */
void arrivals_make(struct request_list *l, size_t n, const struct arrival_process *p,
                   const struct arrival_spec *s);

/* Share of the named blocks that an unlimited prefix cache would hold when their request comes. */
double request_reuse_ratio(const struct request_list *l);
