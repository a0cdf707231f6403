#include "models/lengths_draw.h"
#include <math.h>
#include "models/base/rng.h"

enum { KNOTS = 5, STEPS = 60 };
static const double share_ratio_at[KNOTS] = {0, 0.5, 0.9, 0.99, 1};

struct curve {
	double knot_count[KNOTS]; /* tokens */
};

/* Mean of a straight line of the logarithm between two values: their logarithmic mean. */
static double line_mean(double from_count, double to_count)
{
	double log_ratio = log(to_count / from_count);

	return fabs(log_ratio) < 0x1p-20 ? from_count : (to_count - from_count) / log_ratio;
}

static double curve_mean(const struct curve *c)
{
	double sum_count = 0;

	for (int i = 0; i + 1 < KNOTS; i++)
		sum_count += (share_ratio_at[i + 1] - share_ratio_at[i]) *
		             line_mean(c->knot_count[i], c->knot_count[i + 1]);
	return sum_count;
}

/* Moves one knot between two values until the mean is right; the mean rises with the knot. */
static void knot_solve(struct curve *c, int knot, double low_count, double high_count,
                       double mean_count)
{
	for (int i = 0; i < STEPS; i++) {
		double middle = sqrt(low_count * high_count);

		c->knot_count[knot] = middle;
		*(curve_mean(c) < mean_count ? &low_count : &high_count) = middle;
	}
}

static struct curve curve_of(const struct lengths *l)
{
	const double longest_ratio = 1024; /* of p99: no trace has longer ones */
	struct curve c = {
	        {fmin(1, l->p50_count), l->p50_count, l->p90_count, l->p99_count, l->p99_count}};

	if (curve_mean(&c) >= l->mean_count)
		return c;
	knot_solve(&c, 0, 1, l->p50_count, l->mean_count);
	if (curve_mean(&c) < l->mean_count * (1 - 0x1p-20))
		knot_solve(&c, KNOTS - 1, l->p99_count, l->p99_count * longest_ratio,
		           l->mean_count);
	return c;
}

static double curve_at(const struct curve *c, double share_ratio)
{
	int i = 0;

	while (i + 2 < KNOTS && share_ratio > share_ratio_at[i + 1])
		i++;
	return c->knot_count[i] *
	       pow(c->knot_count[i + 1] / c->knot_count[i],
	           (share_ratio - share_ratio_at[i]) / (share_ratio_at[i + 1] - share_ratio_at[i]));
}

double lengths_quantile_count(const struct lengths *l, double share_ratio)
{
	struct curve c = curve_of(l);

	return curve_at(&c, share_ratio);
}

static int32_t tokens_drawn(const struct curve *c, struct rng *r)
{
	double count = round(curve_at(c, rng_uniform_ratio(r)));

	return count < 1 ? 1 : count > INT32_MAX / 4 ? INT32_MAX / 4 : (int32_t)count;
}

void lengths_draw(const struct workload *w, size_t n, uint64_t seed, struct request_list *out)
{
	enum { LENGTHS = 0x6c656e }; /* a stream apart from that of the arrivals */
	struct curve input = curve_of(&w->input), output = curve_of(&w->output);
	struct rng r;

	rng_init(&r, seed, LENGTHS);
	for (size_t i = 0; i < n; i++) {
		struct request q = {.input = tokens_drawn(&input, &r)};

		q.output = tokens_drawn(&output, &r);
		request_append(out, &q);
	}
}
