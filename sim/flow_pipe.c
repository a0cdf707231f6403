#include "sim/flow_pipe.h"
#include <stdlib.h>

void pipe_init(struct pipe *p, const struct flow_build *b, int64_t parts, const uint32_t *after)
{
	size_t n = (size_t)b->n;

	p->crossed = heap_zeroed(5 * n, sizeof *p->crossed);
	p->passed = p->crossed + n, p->taken = p->passed + n;
	p->sent = p->taken + n, p->arrived = p->sent + n;
	p->ratio = 1 / (double)parts;
	for (size_t i = 0; i < n; i++)
		p->crossed[i] = p->passed[i] = p->taken[i] = after[i];
}

void pipe_end(struct pipe *p, struct flow_build *b, const char *label, uint32_t *done)
{
	stage_join(b, label, p->crossed, p->passed, done);
	stage_join(b, label, done, p->taken, done);
	free(p->crossed);
}

void pipe_hop(struct flow_build *b, const struct shipment *s, const char *read,
              struct traffic traffic, struct pipe *p, uint32_t *at)
{
	stage_put(b, s, at, p->sent, p->arrived);
	stage_copy(b, read, traffic, 0, at, at);
	stage_join(b, s->label, at, p->sent, at);
}
