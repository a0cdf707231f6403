/* What rows leave open, from the rest of the row and from configs/. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/config.h"
#include "traces/observation.h"

/* By how much the time may be off when an assumption is: relative sd, by judgement. A width or a
 * type is half of the bytes or all of them. EP and experts hardly tell rows of one kernel apart. */
static const double hidden_sd_ratio = 0.4, type_sd_ratio = 0.2;

static void doubt(struct observation *o, double sd_ratio)
{
	o->assumed_sd_ratio = hypot(o->assumed_sd_ratio, sd_ratio);
}

static void say(struct observations *set, struct observation *o, const char *what, int64_t value)
{
	o->assumed = arena_print(set->arena, "%s%s%s %lld", o->assumed, *o->assumed ? ", " : "",
	                         what, (long long)value);
}

/* The smallest or largest hidden that rows of the same source state; 0: none does. */
static int64_t hidden_stated(const struct observations *set, const struct observation *o,
                             bool largest)
{
	int64_t found = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct observation *other = &set->row[i];

		if (strcmp(other->source, o->source) != 0 || !other->hidden_stated)
			continue;
		if (!found || (other->hidden > found) == largest)
			found = other->hidden;
	}
	return found;
}

/* The first model of configs/models that is as wide as the widest row of the source (and draws as
 * many experts): benchmarks vary the width and keep the experts. */
static bool model_alike(const struct observations *set, const struct observation *o,
                        struct arena *a, struct moe_model *out)
{
	const char **name = config_names(SECTION_MODEL, a);
	int64_t widest = hidden_stated(set, o, true);
	struct err ignored;

	for (; *name; name++) {
		struct config *c = config_new();
		bool found = config_section(c, SECTION_MODEL, *name, &ignored) == RC_OK &&
		             c->model.hidden == (widest ? widest : o->hidden) &&
		             (o->top_k == 0 || c->model.top_k == o->top_k);

		*out = c->model;
		config_free(c);
		if (found)
			return true;
	}
	return false;
}

static enum rc open_row(const struct observation *o, const char *column, const char *why,
                        struct err *e)
{
	return fail(e, RC_DATA, "%s:%ld: column %s is empty, and %s", o->file, o->line, column,
	            why);
}

static enum rc assume_ep(struct observations *set, struct observation *o, struct err *e)
{
	struct config *c = config_new();
	enum rc rc = config_section(c, SECTION_MACHINE, o->machine, e);

	if (rc == RC_OK) {
		o->ep = machine_dies_per_node(&c->machine);
		say(set, o, "ep", o->ep);
	}
	config_free(c);
	return rc;
}

static enum rc assume_model(struct observations *set, struct observation *o, struct err *e)
{
	struct arena *a = arena_new();
	struct moe_model m;
	bool found = model_alike(set, o, a, &m);

	arena_free(a);
	if (!found)
		return open_row(o, o->top_k == 0 ? "topk" : "experts",
		                "no model in configs/models is as wide", e);
	if (o->top_k == 0) {
		o->top_k = m.top_k;
		say(set, o, "topk", o->top_k);
	}
	if (o->experts == 0) {
		/* spare copies fill the ranks where they do not divide the experts */
		o->experts = (m.experts + o->ep - 1) / o->ep * o->ep;
		say(set, o, "experts", o->experts);
	}
	return RC_OK;
}

/* As many tokens as time x bandwidth makes of the convention's bytes. */
static enum rc assume_tokens(struct observations *set, struct observation *o, double bandwidth_Bps,
                             struct err *e)
{
	const struct byte_convention *c;

	if (!(bandwidth_Bps > 0) || !(o->measured_s > 0))
		return open_row(o, "tokens_per_rank", "time and bandwidth do not tell it", e);
	c = byte_convention_find(o->convention ? o->convention : "", o, e);
	if (!c)
		return RC_DATA;
	o->tokens[0] = llround(o->measured_s * bandwidth_Bps / c->bytes(o, 1));
	o->n_batches = 1;
	if (o->tokens[0] < 1)
		return open_row(o, "tokens_per_rank", "time x bandwidth is less than a row", e);
	say(set, o, "tokens", o->tokens[0]);
	return RC_OK;
}

/* Does the source count its bytes as if each token went to as many ranks as it can? Then it is
 * taken by its word, which as few experts as possible do. */
static bool spreads_evenly(const struct observation *o)
{
	struct err ignored;
	const struct byte_convention *c = byte_convention_find("", o, &ignored);

	return c && strcmp(c->name, "capped-rows") == 0;
}

enum rc observation_assume(struct observations *set, struct observation *o, double bandwidth_Bps,
                           struct err *e)
{
	if (*o->assumed) /* the type, by the reader */
		doubt(o, type_sd_ratio);
	if (o->flow_assumed)
		o->assumed = arena_print(set->arena, "flow %s%s%s", o->flow,
		                         *o->assumed ? ", " : "", o->assumed);
	if (o->ep == 0)
		TRY(assume_ep(set, o, e));
	if (o->hidden == 0) {
		o->hidden = hidden_stated(set, o, false); /* the least work */
		if (o->hidden == 0)
			return open_row(o, "hidden", "no row of this source states one", e);
		say(set, o, "hidden", o->hidden);
		doubt(o, hidden_sd_ratio);
	}
	if (spreads_evenly(o) && o->top_k > 0 && o->experts == 0) {
		o->experts = (o->top_k + o->ep - 1) / o->ep * o->ep;
		say(set, o, "each token at min(ep, topk) ranks: experts", o->experts);
	}
	if (o->top_k == 0 || o->experts == 0)
		TRY(assume_model(set, o, e));
	if (o->n_batches == 0)
		TRY(assume_tokens(set, o, bandwidth_Bps, e));
	return RC_OK;
}
