#include "sim/flow.h"
#include <math.h>
#include <string.h>

const struct flow *const flows[] = {
        &flow_relay3,    &flow_relay2,        &flow_direct,        &flow_one_sided,
        &flow_deepep_ll, &flow_ubep,          &flow_deepep_normal, &flow_hierarchical,
        &flow_two_phase, &flow_allgather,     &flow_pull_packed,   &flow_fused,
        &flow_sdma_mte,  &flow_weight_gather, &flow_fusco,         NULL,
};

const struct flow *flow_find(const char *name, struct err *e)
{
	enum { MOST_FLOWS = sizeof flows / sizeof *flows };
	const char *names[MOST_FLOWS] = {0};
	char slip[128];

	for (size_t i = 0; flows[i]; i++) {
		names[i] = flows[i]->name;
		if (strcmp(flows[i]->name, name) == 0)
			return flows[i];
	}
	fail(e, RC_CONFIG, "no flow is called '%s'%s (see `epsim list flows`)", name,
	     hint(slip, sizeof slip, name, names));
	return NULL;
}

/* Which options the request sets, as bits. */
static unsigned options_set(const struct flow_options *o)
{
	const bool set[FLOW_OPTIONS] = {
	        [OPTION_COMPLETION] = o->completion != COMPLETION_AUTO,
	        [OPTION_ADDRESSES] = o->addresses != ADDRESSES_AUTO,
	        [OPTION_WINDOW] = o->window != WINDOW_AUTO,
	        [OPTION_QUANTISE] = o->quantise != QUANTISE_AUTO,
	        [OPTION_DEDUP] = o->dedup != DEDUP_AUTO,
	        [OPTION_LOCAL] = o->local != LOCAL_AUTO,
	        [OPTION_ROUND] = o->round_tokens != 0,
	        [OPTION_PIPELINE] = o->pipeline != 0,
	};
	unsigned bits = 0;

	for (enum flow_option i = 0; i < FLOW_OPTIONS; i++)
		bits |= set[i] ? 1U << i : 0;
	return bits;
}

#define NO_CHOICE(option) "the flow has no choice of " option "; `epsim list flows` says which have"

static const char *unknown_option(enum flow_option option)
{
	static const char *const text[FLOW_OPTIONS] = {
	        [OPTION_COMPLETION] = NO_CHOICE("completion"),
	        [OPTION_ADDRESSES] = NO_CHOICE("addresses"),
	        [OPTION_WINDOW] = NO_CHOICE("window"),
	        [OPTION_QUANTISE] = NO_CHOICE("quantise"),
	        [OPTION_DEDUP] = NO_CHOICE("dedup"),
	        [OPTION_LOCAL] = NO_CHOICE("local"),
	        [OPTION_ROUND] = NO_CHOICE("round_tokens"),
	        [OPTION_PIPELINE] = NO_CHOICE("pipeline"),
	};

	return text[option];
}

bool flow_applies(const struct flow *f, const struct flow_request *q, const char **why_not)
{
	int64_t n_ranks = q->routing->n_ranks;
	unsigned unknown = options_set(&q->options) & ~f->options;

	*why_not = NULL;
	if (q->model->experts % n_ranks != 0)
		*why_not = "EP does not divide the number of experts";
	else if (n_ranks > machine_dies(q->machine))
		*why_not = "EP is larger than the machine";
	else if (q->vector_cores > q->machine->vector.cores)
		*why_not = "more vector cores than a die has";
	for (enum flow_option i = 0; i < FLOW_OPTIONS && !*why_not; i++)
		*why_not = unknown >> i & 1 ? unknown_option(i) : NULL;
	return *why_not == NULL && (!f->applies || f->applies(q, why_not));
}

int64_t flow_vector_cores(const struct flow *f, const struct machine *m, int64_t wish)
{
	double own_count = f->cores_ratio > 0 ? ceil(f->cores_ratio * (double)m->vector.cores)
	                                      : (double)m->vector.cores;

	return wish > 0 ? wish : (int64_t)own_count;
}

static double aligned_bytes(double bytes, double to_bytes)
{
	return ceil(bytes / to_bytes) * to_bytes;
}

bool flow_quantises(const struct flow_request *q)
{
	return q->dispatch != DTYPE_BF16;
}

double flow_row_bytes(const struct flow_request *q)
{
	return aligned_bytes((double)q->model->hidden * dtype_bytes(q->dispatch), 32);
}

double flow_scaled_row_bytes(const struct flow_request *q)
{
	const double scale_bytes = 4; /* a float; sgl-kernel-npu */

	return flow_row_bytes(q) + (flow_quantises(q) ? scale_bytes : 0);
}

double flow_bf16_row_bytes(const struct flow_request *q)
{
	return (double)q->model->hidden * dtype_bytes(DTYPE_BF16);
}

double flow_slot_bytes(const struct flow_request *q)
{
	return aligned_bytes(flow_row_bytes(q) + 32 + 12, 512);
}

double flow_combine_slot_bytes(const struct flow_request *q)
{
	return aligned_bytes(flow_bf16_row_bytes(q), 512);
}

double flow_rows_out_count(const struct flow_request *q)
{
	return q->routing->rows_per_rank_count;
}

double flow_rows_in_most_count(const struct flow_request *q)
{
	const struct routing *r = q->routing;
	double most = 0;

	if (r->balanced)
		return r->rows_per_rank_count;
	for (int64_t to = 0; to < r->n_ranks; to++) {
		double rows = 0;

		for (int64_t from = 0; from < r->n_ranks; from++)
			rows += routing_rank_rows_count(r, from, to);
		most = fmax(most, rows);
	}
	return most;
}

double flow_rows_in_worst_count(const struct flow_request *q)
{
	int64_t local = q->model->experts / q->routing->n_ranks;
	double per_token = fmin((double)local, (double)q->model->top_k);

	return (double)q->routing->n_ranks * (double)q->tokens * per_token;
}

bool flow_window_is_worst(const struct flow_request *q)
{
	return q->options.window == WINDOW_WORST ||
	       (q->options.window == WINDOW_AUTO && q->phase == PHASE_DECODE);
}

double flow_window_rows_count(const struct flow_request *q)
{
	return flow_window_is_worst(q) ? flow_rows_in_worst_count(q) : flow_rows_in_most_count(q);
}

size_t buffers_list(struct buffer *out, const struct buffer *all, size_t n)
{
	CHECK(n <= MOST_BUFFERS);
	memcpy(out, all, n * sizeof *out);
	return n;
}

double buffers_peak_bytes(const struct buffer *b, size_t n)
{
	double sum_bytes[LIFETIMES] = {0};

	for (size_t i = 0; i < n; i++)
		sum_bytes[b[i].lifetime] += b[i].bytes;
	return sum_bytes[LIFE_DOMAIN] + sum_bytes[LIFE_LAYER] +
	       fmax(sum_bytes[LIFE_DISPATCH], sum_bytes[LIFE_COMBINE]);
}

const char *lifetime_name(enum lifetime life)
{
	static const char *const names[LIFETIMES] = {"domain", "layer", "dispatch", "combine"};

	return names[life];
}
