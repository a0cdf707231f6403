/* A hop after another, part by part: rows go to a node, and from there on within it, while the next
 * part is on its way to the node. What deepep-normal and fusco share. */
#pragma once
#include "sim/flow_build.h"
#include "sim/flow_ship.h"

/* Ends of the stages of one part, and of the same stages of the part before, of each rank. */
struct pipe {
	uint32_t *crossed, *passed, *taken; /* first hop, second, what follows it */
	uint32_t *sent, *arrived;           /* of the stage that is being built */
	double ratio;                       /* of all tokens that are in a part */
};

void pipe_init(struct pipe *p, const struct flow_build *b, int64_t parts, const uint32_t *after);
/* Where all three have ended. Frees what p holds. */
void pipe_end(struct pipe *p, struct flow_build *b, const char *label, uint32_t *done);

/* One part of a hop: puts rows and reads them beside it. at: when the cores that send it are free;
 * p->arrived: when what was sent to a rank is there. */
void pipe_hop(struct flow_build *b, const struct shipment *s, const char *read,
              struct traffic traffic, struct pipe *p, uint32_t *at);
