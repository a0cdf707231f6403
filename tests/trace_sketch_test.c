/* Quantiles in little memory, and decimal text to whole numbers: laws, and bounds of error. */
#include "traces/sketch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/rng.h"
#include "tests/unit.h"
#include "traces/decimal.h"

enum { MANY = 20000 };
static const double p_ratios[] = {0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1};
enum { POINTS = sizeof p_ratios / sizeof *p_ratios };

/* Durations over many octaves: 1 ns to 17 min. */
static void draw(int64_t *value, size_t n, uint64_t stream)
{
	struct rng r;

	rng_init(&r, 0, stream);
	for (size_t i = 0; i < n; i++)
		value[i] = (int64_t)rng_below(&r, (uint64_t)1 << (1 + rng_below(&r, 40)));
}

static void fill(struct sketch *s, const int64_t *value, size_t n)
{
	sketch_init(s);
	for (size_t i = 0; i < n; i++)
		sketch_add(s, value[i]);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t sorted_quantile(const int64_t *sorted, size_t n, double p_ratio)
{
	size_t at = (size_t)(p_ratio * (double)n);

	return sorted[at < n ? at : n - 1];
}

static void quantiles_within(size_t n, double error_ratio)
{
	int64_t *value = heap_zeroed(n, sizeof *value);
	struct sketch s;

	draw(value, n, n);
	fill(&s, value, n);
	qsort(value, n, sizeof *value, by_value);
	for (size_t i = 0; i < POINTS; i++) {
		int64_t want = sorted_quantile(value, n, p_ratios[i]);
		int64_t got = sketch_quantile(&s, p_ratios[i]);

		CU_ASSERT_TRUE((double)llabs(got - want) <= error_ratio * (double)want);
	}
	CU_ASSERT_EQUAL(s.least, value[0]);
	CU_ASSERT_EQUAL(s.most, value[n - 1]);
	sketch_fini(&s);
	free(value);
}

static void few_values_are_exact(void)
{
	for (size_t n = 1; n <= SKETCH_EXACT; n += 5)
		quantiles_within(n, 0);
}

static void many_are_within_the_bound(void)
{
	quantiles_within(SKETCH_EXACT + 1, 1.0 / (2 * SKETCH_PARTS));
	quantiles_within(MANY, 1.0 / (2 * SKETCH_PARTS));
}

static void order_does_not_matter(void)
{
	int64_t *value = heap_zeroed(MANY, sizeof *value);
	struct sketch up, down;

	draw(value, MANY, 1);
	fill(&up, value, MANY);
	qsort(value, MANY, sizeof *value, by_value);
	fill(&down, value, MANY);
	for (size_t i = 0; i < POINTS; i++)
		CU_ASSERT_EQUAL(sketch_quantile(&up, p_ratios[i]),
		                sketch_quantile(&down, p_ratios[i]));
	CU_ASSERT_EQUAL(up.sum, down.sum);
	sketch_fini(&up);
	sketch_fini(&down);
	free(value);
}

/* Parts of octaves: twice each value is twice each quantile, but for the half below a middle. */
static void doubling_doubles(void)
{
	int64_t *value = heap_zeroed(MANY, sizeof *value);
	struct sketch once, twice;

	draw(value, MANY, 2);
	fill(&once, value, MANY);
	for (size_t i = 0; i < MANY; i++)
		value[i] *= 2;
	fill(&twice, value, MANY);
	for (size_t i = 0; i < POINTS; i++)
		CU_ASSERT_TRUE(llabs(sketch_quantile(&twice, p_ratios[i]) -
		                     2 * sketch_quantile(&once, p_ratios[i])) <= 1);
	sketch_fini(&once);
	sketch_fini(&twice);
	free(value);
}

static void extremes_are_kept(void)
{
	struct sketch s;

	sketch_init(&s);
	CU_ASSERT_EQUAL(sketch_quantile(&s, 0.5), 0);
	for (int i = 0; i < SKETCH_EXACT + 2; i++)
		sketch_add(&s, i % 2 ? INT64_MAX : 0);
	CU_ASSERT_EQUAL(sketch_quantile(&s, 0), 0);
	CU_ASSERT_EQUAL(sketch_quantile(&s, 1), INT64_MAX);
	CU_ASSERT_EQUAL(s.sum, INT64_MAX);
	sketch_fini(&s);
}

/* ---- decimal text ---------------------------------------------------------------------------- */

static void numbers_are_exact(void)
{
	static const struct {
		const char *text;
		int power;
		int64_t want;
	} rows[] = {
	        {"1736413971558972.912", US_TO_NS, 1736413971558972912},
	        {"1767225600000002.250", US_TO_NS, 1767225600000002250},
	        {"932.0498", US_TO_NS, 932050},
	        {"0.0004", US_TO_NS, 0},
	        {"0.0005", US_TO_NS, 1},
	        {"-0.0005", US_TO_NS, -1},
	        {"1e-05", MS_TO_NS, 10},
	        {"1.5E+3", AS_IS, 1500},
	        {"2.5e-1", 2, 25},
	        {"187.75300000000001", US_TO_NS, 187753},
	        {"9223372036854775807", AS_IS, INT64_MAX},
	        {"0e9999999", AS_IS, 0},
	        {"0.000000000000000000000000000000000001", US_TO_NS, 0},
	        {".5", 1, 5},
	        {"5.", AS_IS, 5},
	        {"+7", AS_IS, 7},
	};
	int64_t got;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		got = -99;
		CU_ASSERT_TRUE(
		        decimal_scaled(rows[i].text, strlen(rows[i].text), rows[i].power, &got));
		CU_ASSERT_EQUAL(got, rows[i].want);
	}
}

static void other_text_is_refused(void)
{
	static const char *const rows[] = {"",
	                                   ".",
	                                   "-",
	                                   "1x",
	                                   "N/A",
	                                   "1e",
	                                   "1e+",
	                                   "--1",
	                                   "1.2.3",
	                                   "0x10",
	                                   "9223372036854775808",
	                                   "1e19",
	                                   "inf",
	                                   "nan",
	                                   " 1",
	                                   "1 ",
	                                   "1e99999999999999999999"};
	int64_t got = 42;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CU_ASSERT_FALSE(decimal_scaled(rows[i], strlen(rows[i]), AS_IS, &got));
	CU_ASSERT_EQUAL(got, 42);
}

/* One power more is ten times as much, wherever no digit is cut. */
static void a_power_is_a_factor_of_ten(void)
{
	struct rng r;
	char text[64];
	int64_t once, ten;

	rng_init(&r, 0, 3);
	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "%llu.%03llu",
		         (unsigned long long)rng_below(&r, 100000000000000),
		         (unsigned long long)rng_below(&r, 1000));
		CU_ASSERT_TRUE_FATAL(decimal_scaled(text, strlen(text), 3, &once));
		CU_ASSERT_TRUE_FATAL(decimal_scaled(text, strlen(text), 4, &ten));
		CU_ASSERT_EQUAL(ten, 10 * once);
	}
}

static const struct unit_test tests[] = {
        {"few values are exact", few_values_are_exact},
        {"many are within the bound", many_are_within_the_bound},
        {"order does not matter", order_does_not_matter},
        {"doubling doubles", doubling_doubles},
        {"extremes are kept", extremes_are_kept},
        {"numbers are exact", numbers_are_exact},
        {"other text is refused", other_text_is_refused},
        {"a power is a factor of ten", a_power_is_a_factor_of_ten},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("trace_sketch", tests);
}
