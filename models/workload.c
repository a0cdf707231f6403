#include "models/workload.h"

#define AT(member) offsetof(struct workload, member)

static const char *const point_names[] = {"mean", "p50", "p90", "p99", NULL};

/* Token counts may be fractional (means), hence ratios for the parser. */
#define LENGTHS(side)                                                                              \
	{                                                                                          \
		{FIELD_ROW("mean", FIELD_QUANTITY, DIM_RATIO, AT(side.mean_count), NULL,           \
		           "tokens"),                                                              \
		 .least = 1, .most = 1e9},                                                         \
		        {FIELD_ROW("p50", FIELD_QUANTITY, DIM_RATIO, AT(side.p50_count), NULL,     \
		                   "tokens"),                                                      \
		         .least = 1, .most = 1e9},                                                 \
		        {FIELD_ROW("p90", FIELD_QUANTITY, DIM_RATIO, AT(side.p90_count), NULL,     \
		                   "tokens"),                                                      \
		         .least = 1, .most = 1e9},                                                 \
		        {FIELD_ROW("p99", FIELD_QUANTITY, DIM_RATIO, AT(side.p99_count), NULL,     \
		                   "tokens"),                                                      \
		         .least = 1, .most = 1e9},                                                 \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

static const struct field input_fields[] = LENGTHS(input);
static const struct field output_fields[] = LENGTHS(output);

const struct field workload_fields[] = {
        {FIELD_ROW("name", FIELD_TEXT, DIM_COUNT, AT(name), NULL,
                   "short name, as commands use it")},
        {FIELD_ROW("describes", FIELD_TEXT, DIM_COUNT, AT(describes), "", "what it is, in a line")},
        {"input", FIELD_GROUP, .group = input_fields, .doc = "tokens of a prompt"},
        {"output", FIELD_GROUP, .group = output_fields, .doc = "tokens of an answer"},
        {FIELD_ROW("context_spread", FIELD_QUANTITY, DIM_RATIO, AT(context_spread_ratio), "0",
                   "attention groups of a step stand at contexts that lie evenly within their "
                   "mean x (1 +- this); 100%: prompts of many chunks, each at a place of its own"),
         .most = 1},
        {FIELD_ROW("rate", FIELD_QUANTITY, DIM_RATIO, AT(rate_count), "0",
                   "requests a second, mean of the trace; 0: not known"),
         .most = 1e9},
        {FIELD_ROW("prompt", FIELD_CHOICE, DIM_COUNT, AT(prompt), "p90",
                   "the prompt whose TTFT is held against the budget"),
         .names = point_names},
        {0},
};

static enum rc side_check(const struct lengths *l, const char *side, const char *where,
                          struct err *e)
{
	if (l->p50_count > l->p90_count || l->p90_count > l->p99_count)
		return fail(e, RC_CONFIG, "%s: workload.%s: quantiles must rise from p50 to p99",
		            where, side);
	return RC_OK;
}

enum rc workload_check(const struct workload *w, const char *where, struct err *e)
{
	TRY(side_check(&w->input, "input", where, e));
	return side_check(&w->output, "output", where, e);
}

double workload_prompt_count(const struct workload *w)
{
	const double at[] = {w->input.mean_count, w->input.p50_count, w->input.p90_count,
	                     w->input.p99_count};

	return at[w->prompt];
}

double workload_context_count(const struct workload *w)
{
	return w->input.mean_count + w->output.mean_count / 2;
}

double workload_longest_count(const struct workload *w)
{
	return w->input.mean_count + w->output.mean_count;
}
