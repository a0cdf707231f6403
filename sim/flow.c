#include "sim/flow.h"
#include <math.h>
#include <string.h>

const struct flow *const flows[] = {&flow_relay3, &flow_relay2, &flow_direct, NULL};

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

bool flow_request_possible(const struct flow_request *q, const char **why_not)
{
	int64_t n_ranks = q->routing->n_ranks;

	*why_not = NULL;
	if (q->model->experts % n_ranks != 0)
		*why_not = "EP does not divide the number of experts";
	else if (n_ranks > machine_dies(q->machine))
		*why_not = "EP is larger than the machine";
	else if (q->vector_cores > q->machine->vector.cores)
		*why_not = "more vector cores than a die has";
	return *why_not == NULL;
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
