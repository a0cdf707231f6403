/* Target load shares of experts: even, a power law fitted to a wish, or from a counts file. */
#include <errno.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_roots.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "models/routing.h"

enum { STREAM_PLACES = 1 << 30 }; /* no source rank draws from this stream */

static void power_shares(double exponent_ratio, int64_t n, double *out_ratio)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += out_ratio[i] = pow((double)(i + 1), -exponent_ratio);
	for (int64_t i = 0; i < n; i++)
		out_ratio[i] /= sum;
}

/* The wish, as a function of the exponent that must become zero. */
struct wish {
	double max_mean_ratio, cv_ratio;
	int64_t n;
	double *ratio;
};

static double wish_miss_ratio(double exponent_ratio, void *param)
{
	const struct wish *w = param;
	double mean = 1 / (double)w->n, square = 0;

	power_shares(exponent_ratio, w->n, w->ratio);
	if (w->max_mean_ratio > 0)
		return w->ratio[0] / mean - w->max_mean_ratio;
	for (int64_t i = 0; i < w->n; i++)
		square += (w->ratio[i] - mean) * (w->ratio[i] - mean);
	return sqrt(square / (double)w->n) / mean - w->cv_ratio;
}

static double solve_exponent_ratio(struct wish *w, double most_ratio)
{
	gsl_function f = {wish_miss_ratio, w};
	gsl_root_fsolver *solver = gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
	double root;

	CHECK(solver && gsl_root_fsolver_set(solver, &f, 0, most_ratio) == GSL_SUCCESS);
	for (int i = 0; i < 200; i++) {
		double low = gsl_root_fsolver_x_lower(solver);
		double high = gsl_root_fsolver_x_upper(solver);

		if (gsl_root_test_interval(low, high, 0, 0x1p-43) == GSL_SUCCESS)
			break;
		CHECK(gsl_root_fsolver_iterate(solver) == GSL_SUCCESS);
	}
	root = gsl_root_fsolver_root(solver);
	gsl_root_fsolver_free(solver);
	return root;
}

static enum rc skewed_shares(const struct routing_spec *spec, const struct moe_model *m,
                             double *out_ratio, struct err *e)
{
	const double most_ratio = 60; /* the coldest of 2 experts at 2^-60 */
	const double slack_ratio = 0x1p-30;
	double exponent_ratio = most_ratio, miss_ratio;
	struct wish w = {spec->max_mean_ratio, spec->cv_ratio, m->experts, out_ratio};
	double limit_ratio = (double)m->experts / (double)m->top_k;

	if (spec->max_mean_ratio > limit_ratio)
		return fail(e, RC_CONFIG,
		            "routing.max_mean %g cannot be: a token takes %lld distinct of %lld "
		            "experts, so no expert gets more than %g times the mean",
		            spec->max_mean_ratio, (long long)m->top_k, (long long)m->experts,
		            limit_ratio);
	if (wish_miss_ratio(0, &w) >= 0 || m->experts == 1)
		return power_shares(0, m->experts, out_ratio), RC_OK;
	miss_ratio = wish_miss_ratio(most_ratio, &w);
	if (miss_ratio > 0)
		exponent_ratio = solve_exponent_ratio(&w, most_ratio);
	power_shares(exponent_ratio, m->experts, out_ratio);
	if (out_ratio[0] * (double)m->top_k > 1 + slack_ratio || miss_ratio < -slack_ratio)
		return fail(e, RC_CONFIG,
		            "routing.cv %g cannot be: the hottest expert would need more rows than "
		            "there are tokens",
		            spec->cv_ratio);
	return RC_OK;
}

/* Places of hot experts are shuffled by the seed, so that they fall on any rank. */
static void shuffle_places(double *ratio, int64_t n, uint64_t seed, struct arena *a)
{
	uint32_t *place = arena_alloc(a, (size_t)n * sizeof *place);
	double *sorted = arena_alloc(a, (size_t)n * sizeof *sorted);
	struct rng r;

	rng_init(&r, seed, STREAM_PLACES);
	for (int64_t i = 0; i < n; i++)
		place[i] = (uint32_t)i;
	rng_shuffle(&r, place, (uint64_t)n);
	memcpy(sorted, ratio, (size_t)n * sizeof *sorted);
	for (int64_t i = 0; i < n; i++)
		ratio[place[i]] = sorted[i];
}

enum rc routing_rank_shares(const struct routing_spec *spec, const struct moe_model *model,
                            int64_t n_ranks, struct arena *a, double *out_ratio, struct err *e)
{
	const double most_ratio = 60; /* the coldest of 2 ranks at 2^-60 */
	double limit_ratio = fmin((double)model->experts / (double)model->top_k, (double)n_ranks);
	double *rank_ratio = arena_alloc(a, (size_t)n_ranks * sizeof *rank_ratio);
	struct wish w = {spec->rank_max_mean_ratio, 0, n_ranks, rank_ratio};
	int64_t local = model->experts / n_ranks;
	double exponent_ratio = 0;

	if (local * n_ranks != model->experts)
		return fail(e, RC_CONFIG,
		            "routing.rank_max_mean: %lld ranks do not divide %lld experts",
		            (long long)n_ranks, (long long)model->experts);
	if (w.max_mean_ratio > limit_ratio)
		return fail(
		        e, RC_CONFIG,
		        "routing.rank_max_mean %g cannot be: of %lld ranks with %lld experts each "
		        "none gets more than %g times the mean",
		        w.max_mean_ratio, (long long)n_ranks, (long long)local, limit_ratio);
	if (wish_miss_ratio(0, &w) < 0)
		exponent_ratio = wish_miss_ratio(most_ratio, &w) > 0
		                         ? solve_exponent_ratio(&w, most_ratio)
		                         : most_ratio;
	power_shares(exponent_ratio, n_ranks, rank_ratio);
	shuffle_places(rank_ratio, n_ranks, (uint64_t)spec->seed, a);
	for (int64_t i = 0; i < model->experts; i++)
		out_ratio[i] = rank_ratio[i / local] / (double)local;
	return RC_OK;
}

enum rc routing_known_shares(const struct routing_spec *spec, const struct moe_model *model,
                             struct arena *a, double *out_ratio, struct err *e)
{
	bool stretched;

	if (spec->kind != ROUTING_FILE)
		return routing_shares(spec, model, a, out_ratio, e);
	TRY(routing_file_shares(spec, model, true, a, out_ratio, &stretched, e));
	if (stretched)
		shuffle_places(out_ratio, model->experts, (uint64_t)spec->seed, a);
	return RC_OK;
}

enum rc routing_shares(const struct routing_spec *spec, const struct moe_model *model,
                       struct arena *a, double *out_ratio, struct err *e)
{
	bool falling = spec->kind == ROUTING_SKEWED && !(spec->rank_max_mean_ratio > 0);

	if (spec->kind == ROUTING_FILE)
		TRY(routing_file_shares(spec, model, false, a, out_ratio, &falling, e));
	else if (falling)
		TRY(skewed_shares(spec, model, out_ratio, e));
	else
		power_shares(0, model->experts, out_ratio);
	if (falling)
		shuffle_places(out_ratio, model->experts, (uint64_t)spec->seed, a);
	return RC_OK;
}
