#include "sim/serve_times.h"
#include <math.h>
#include <stdlib.h>
#include "models/base/arena.h"

void step_times_free(struct step_times *t)
{
	if (t)
		t->ops->free(t);
}

struct linear {
	struct step_times times; /* first, so that it is found from there */
	struct linear_times k;
};

static enum rc linear_cost(struct step_times *t, const struct group_load *l, struct step_cost *out,
                           struct err *e)
{
	const struct linear_times *k = &((struct linear *)t)->k;
	double pairs = l->prefill_pairs_count + (l->prefill_square_count + l->prefill_count) / 2;

	(void)e;
	*out = (struct step_cost){
	        .own_s = k->base_s + k->token_s * (l->prefill_count + l->decode_count) +
	                 k->context_s * l->decode_context_count + k->pair_s * pairs};
	return RC_OK;
}

static enum rc linear_line(struct step_times *t, double decode_count, double mean_context_count,
                           struct decode_line *out, struct err *e)
{
	const struct linear_times *k = &((struct linear *)t)->k;
	double slope_s = k->context_s * decode_count;

	(void)e;
	*out = (struct decode_line){.own_s = k->base_s + k->token_s * decode_count +
	                                     slope_s * mean_context_count,
	                            .slope_s = slope_s,
	                            .grow_count = HUGE_VAL};
	return RC_OK;
}

static enum rc linear_shared(struct step_times *t, double decode_count, double *out_s,
                             struct err *e)
{
	(void)t, (void)decode_count, (void)e;
	*out_s = 0;
	return RC_OK;
}

static void linear_free(struct step_times *t)
{
	free(t);
}

static const struct step_times_ops linear_ops = {linear_cost, linear_line, linear_shared,
                                                 linear_free};

struct step_times *linear_times_new(const struct linear_times *k)
{
	struct linear *l = heap_zeroed(1, sizeof *l);

	*l = (struct linear){{&linear_ops}, *k};
	return &l->times;
}
