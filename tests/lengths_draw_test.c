/* Lengths drawn from a workload have its figures; gaps of gamma arrivals have theirs. */
#include "models/lengths_draw.h"
#include "models/config.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>

enum { DRAWS = 200000 };

static int by_count(const void *a, const void *b)
{
	return *(const int32_t *)a - *(const int32_t *)b;
}

static void near_share(double is, double wanted, double slack_ratio, const char *name)
{
	bool near = fabs(is / wanted - 1) < slack_ratio;

	CU_ASSERT(near);
	if (!near)
		printf("%s: %g, wanted %g\n", name, is, wanted);
}

static void side_is_right(int32_t *value, const struct lengths *l, const char *name)
{
	double sum = 0;

	for (size_t i = 0; i < DRAWS; i++)
		sum += value[i];
	qsort(value, DRAWS, sizeof *value, by_count);
	near_share(value[(size_t)(0.5 * DRAWS)], l->p50_count, 0.02, name);
	near_share(value[(size_t)(0.9 * DRAWS)], l->p90_count, 0.02, name);
	near_share(value[(size_t)(0.99 * DRAWS)], l->p99_count, 0.02, name);
	near_share(sum / DRAWS, l->mean_count, 0.02, name);
}

static void figures_come_back(const char *name)
{
	struct config *c = config_new();
	struct request_list list = {0};
	int32_t *value = malloc(DRAWS * sizeof *value);
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(config_section(c, SECTION_WORKLOAD, name, &e), RC_OK);
	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	lengths_draw(&c->workload, DRAWS, 7, &list);
	CU_ASSERT_EQUAL(list.n, DRAWS);
	for (size_t i = 0; i < DRAWS; i++)
		value[i] = list.at[i].input;
	side_is_right(value, &c->workload.input, name);
	for (size_t i = 0; i < DRAWS; i++)
		value[i] = list.at[i].output;
	side_is_right(value, &c->workload.output, name);
	free(value);
	request_list_fini(&list);
	config_free(c);
}

static void every_workload_is_met(void)
{
	struct arena *a = arena_new();

	for (const char **name = config_names(SECTION_WORKLOAD, a); *name; name++)
		figures_come_back(*name);
	arena_free(a);
}

static size_t n_same(const struct request_list *a, const struct request_list *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n && i < b->n; i++)
		n += a->at[i].input == b->at[i].input && a->at[i].output == b->at[i].output;
	return n;
}

/* More requests begin with the same ones; another seed has others. */
static void draws_are_of_their_seed(void)
{
	const struct workload w = {.input = {200, 100, 400, 900}, .output = {50, 40, 90, 200}};
	struct request_list few = {0}, many = {0}, other = {0};

	lengths_draw(&w, 100, 1, &few);
	lengths_draw(&w, 1000, 1, &many);
	lengths_draw(&w, 100, 2, &other);
	CU_ASSERT_EQUAL(n_same(&few, &many), 100);
	CU_ASSERT(n_same(&few, &other) < 10);
	request_list_fini(&few);
	request_list_fini(&many);
	request_list_fini(&other);
}

/* Known points of the curve, and one where no beginning of it has the mean: then it ends later. */
static void curve_goes_through_its_points(void)
{
	const struct lengths same = {5, 5, 5, 5}, heavy = {1000, 10, 20, 30};

	CU_ASSERT_DOUBLE_EQUAL(lengths_quantile_count(&same, 0.3), 5, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(lengths_quantile_count(&heavy, 0.5), 10, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(lengths_quantile_count(&heavy, 0.9), 20, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(lengths_quantile_count(&heavy, 0.99), 30, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(lengths_quantile_count(&heavy, 0.7), sqrt(10.0 * 20), 1e-9);
	CU_ASSERT(lengths_quantile_count(&heavy, 1) > 30);
}

/* The mean gap and its CV, at all CVs that may be asked for; no draw is too small to be inverted.
 */
static void gamma_gaps_have_their_figures(void)
{
	static const double cvs[] = {0.1, 1, 3, 5};

	for (size_t i = 0; i < sizeof cvs / sizeof *cvs; i++) {
		struct request_list list = {0};
		double sum = 0, square = 0, mean;

		request_append(&list, &(struct request){.input = 1, .output = 1});
		arrivals_make(&list, DRAWS + 1, arrival_find("gamma"),
		              &(struct arrival_spec){.rate_count = 4, .cv_ratio = cvs[i]});
		for (size_t k = 0; k < DRAWS; k++) {
			double gap = list.at[k + 1].arrival_s - list.at[k].arrival_s;

			sum += gap, square += gap * gap;
		}
		mean = sum / DRAWS;
		near_share(mean, 0.25, 0.05, "gap");
		near_share(sqrt(square / DRAWS - mean * mean) / mean, cvs[i], 0.05, "CV");
		request_list_fini(&list);
	}
}

static const struct unit_test tests[] = {
        {"every workload is met", every_workload_is_met},
        {"draws are of their seed", draws_are_of_their_seed},
        {"curve goes through its points", curve_goes_through_its_points},
        {"gamma gaps have their figures", gamma_gaps_have_their_figures},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("lengths_draw", tests);
}
