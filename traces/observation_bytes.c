/* What published bandwidths count as bytes. A convention is a definition by its source, like a
 * unit; no row of this table is a measurement. */
#include <math.h>
#include <string.h>
#include "traces/observation.h"

enum { SCALE_BLOCK = 128 }; /* elements that share one FP32 scale in DeepEP's FP8 rows */

static double rows(const struct observation *o, int64_t tokens)
{
	return (double)tokens * (double)o->top_k;
}

static double bf16_bytes(const struct observation *o)
{
	return (double)o->hidden * dtype_bytes(DTYPE_BF16);
}

/* One byte an element, a 4-byte scale a block, and `extra` bytes. */
static double scaled_bytes(const struct observation *o, double extra)
{
	return (double)o->hidden * (1 + 4.0 / SCALE_BLOCK) + extra;
}

static double bf16_rows(const struct observation *o, int64_t tokens)
{
	return rows(o, tokens) * bf16_bytes(o);
}

static double bus_rows(const struct observation *o, int64_t tokens)
{
	return bf16_rows(o, tokens) * (double)(o->ep - 1) / (double)o->ep;
}

static double low_latency_rows(const struct observation *o, int64_t tokens)
{
	return rows(o, tokens) * (o->op == OP_DISPATCH ? scaled_bytes(o, 16) : bf16_bytes(o));
}

static double type_rows(const struct observation *o, int64_t tokens)
{
	enum dtype type = o->op == OP_DISPATCH ? o->dispatch : DTYPE_BF16;

	return rows(o, tokens) * (double)o->hidden * dtype_bytes(type);
}

static double message_rows(const struct observation *o, int64_t tokens)
{
	return rows(o, tokens) * (o->op == OP_DISPATCH ? (double)o->hidden + 512 : bf16_bytes(o));
}

/* Expected number of `places` equal places that k distinct draws out of experts meet. */
static double places_met_count(const struct observation *o, int64_t places)
{
	double missed_ratio = 1, experts = (double)o->experts;
	double here = experts / (double)places;

	for (int64_t i = 0; i < o->top_k; i++)
		missed_ratio *= fmax(0, experts - here - (double)i) / (experts - (double)i);
	return (double)places * (1 - missed_ratio);
}

static double dispatch_row_bytes(const struct observation *o)
{
	if (o->op == OP_COMBINE || o->dispatch == DTYPE_BF16)
		return bf16_bytes(o);
	return scaled_bytes(o, 0);
}

static double distinct_rows(const struct observation *o, int64_t tokens)
{
	return (double)tokens * places_met_count(o, o->ep) * dispatch_row_bytes(o);
}

/* DeepEP's own benchmark limits a token to 4 of 8 groups: at most 4 of the ranks of a node, and so
 * all nodes up to 4. */
static double deepep_normal_rows(const struct observation *o, int64_t tokens)
{
	enum { NODE = 8, TOP_GROUPS = 4 };
	int64_t nodes = (o->ep + NODE - 1) / NODE;

	return (double)tokens * (double)(nodes == 1 || nodes > TOP_GROUPS ? TOP_GROUPS : nodes) *
	       dispatch_row_bytes(o);
}

static double capped_rows(const struct observation *o, int64_t tokens)
{
	enum { MOST_RANKS = 8 };
	enum dtype type = o->op == OP_DISPATCH ? o->dispatch : DTYPE_BF16;
	double ranks = (double)(o->ep < MOST_RANKS ? o->ep : MOST_RANKS);

	return (double)tokens * ranks * (double)o->hidden * dtype_bytes(type);
}

const struct byte_convention byte_conventions[] = {
        {"bf16-rows", "sgl-kernel-npu", PHASE_PREFILL,
         "BF16 bytes of all rows received, even when dispatch is INT8", bf16_rows, 0},
        {"low-latency-rows", "sgl-kernel-npu", PHASE_DECODE,
         "dispatch 1 B an element, 4 B a block of 128, 16 B; combine BF16; all rows",
         low_latency_rows, 0},
        {"type-rows", "UBEP", -1, "elements of all rows as sent, no scales", type_rows, 0},
        {"message-rows", "CloudMatrix384", -1, "dispatch messages of hidden + 512 B; combine BF16",
         message_rows, 0},
        {"bus-rows", "StrataCL", -1, "BF16 bytes of all rows times (R - 1) / R", bus_rows, 0},
        {"low-latency-rows", "DeepEP V1", PHASE_DECODE, "as DeepEP's test_low_latency",
         low_latency_rows, 0},
        {"deepep-normal", "DeepEP V", PHASE_PREFILL,
         "rows once a node (once a rank within one node), 4 of 8 groups a token",
         deepep_normal_rows, 0},
        {"distinct-rows", "HybridEP", -1,
         "algorithm bandwidth, taken as rows once a destination rank", distinct_rows, 0.2},
        {"distinct-rows", "deepseek-ai/DeepEP-Ascend", -1,
         "taken as DeepEP's bottleneck bandwidth: rows as sent, once a destination rank",
         distinct_rows, 0.2},
        {"bf16-rows", "DeepEP-Ascend", -1, "BF16 bytes of all rows received", bf16_rows, 0},
        {"capped-rows", "TensorRT-LLM", -1, "batch x min(EP, 8) x bytes of a row", capped_rows, 0},
        {0},
};

const struct byte_convention *byte_convention_find(const char *name, const struct observation *o,
                                                   struct err *e)
{
	const char *names[sizeof byte_conventions / sizeof *byte_conventions] = {0};
	char slip[128];

	for (size_t i = 0; byte_conventions[i].name; i++) {
		const struct byte_convention *c = &byte_conventions[i];

		names[i] = c->name;
		if (*name ? strcmp(name, c->name) == 0
		          : strstr(o->source, c->source) &&
		                    (c->phase < 0 || c->phase == (int)o->phase))
			return c;
	}
	if (*name)
		fail(e, RC_DATA, "%s:%ld: column bytes_convention: '%s' is unknown%s", o->file,
		     o->line, name, hint(slip, sizeof slip, name, names));
	else
		fail(e, RC_DATA,
		     "%s:%ld: column bandwidth_GBps: which bytes source '%s' counts is not "
		     "known; name them in a column bytes_convention, such as bf16-rows",
		     o->file, o->line, o->source);
	return NULL;
}
