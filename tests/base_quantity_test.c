#include "models/base/quantity.h"
#include "models/base/rng.h"
#include "tests/unit.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const enum dim all_dims[] = {DIM_TIME,  DIM_BYTES, DIM_RATE, DIM_FLOPS,
                                    DIM_RATIO, DIM_POWER, DIM_COUNT};

enum { N_DIMS = sizeof all_dims / sizeof *all_dims };

static double parse(const char *text, enum dim dim)
{
	struct err e = {.text = ""};
	double si = NAN;

	if (quantity_parse(text, dim, &si, &e) != RC_OK)
		UNIT_TEXT(e.text, "no error");
	return si;
}

static void refuse(const char *text, enum dim dim, const char *message)
{
	struct err e = {.text = ""};
	double si = -1;

	CU_ASSERT_EQUAL(quantity_parse(text, dim, &si, &e), RC_CONFIG);
	CU_ASSERT_EQUAL(si, -1); /* outputs are set only on success */
	UNIT_TEXT(e.text, message);
}

static const struct {
	const char *text;
	enum dim dim;
	double si;
} readings[] = {
        {"929ns", DIM_TIME, 929e-9},
        {"0.929us", DIM_TIME, 929e-9},
        {"2.5 us", DIM_TIME, 2.5e-6},
        {"3ms", DIM_TIME, 3e-3},
        {"4s", DIM_TIME, 4},
        {"2min", DIM_TIME, 120},
        {"1.5h", DIM_TIME, 5400},
        {"1B", DIM_BYTES, 1},
        {"3kB", DIM_BYTES, 3e3},
        {"3MB", DIM_BYTES, 3e6},
        {"64GB", DIM_BYTES, 64e9},
        {"1.6TB", DIM_BYTES, 1.6e12},
        {"1KiB", DIM_BYTES, 1024},
        {"1.5MiB", DIM_BYTES, 1.5 * 1048576},
        {"64GiB", DIM_BYTES, 64.0 * 1073741824},
        {"1TiB", DIM_BYTES, 1099511627776},
        {"1Bps", DIM_RATE, 1},
        {"1kBps", DIM_RATE, 1e3},
        {"1MBps", DIM_RATE, 1e6},
        {"196GBps", DIM_RATE, 196e9},
        {"196 GBps", DIM_RATE, 196e9},
        {"1.6TBps", DIM_RATE, 1.6e12},
        {"1KiBps", DIM_RATE, 1024},
        {"1MiBps", DIM_RATE, 1048576},
        {"1GiBps", DIM_RATE, 1073741824},
        {"1TiBps", DIM_RATE, 1099511627776},
        {"8Mbps", DIM_RATE, 1e6},
        {"400Gbps", DIM_RATE, 50e9},
        {"1.6Tbps", DIM_RATE, 200e9},
        {"1GFLOPS", DIM_FLOPS, 1e9},
        {"376TFLOPS", DIM_FLOPS, 376e12},
        {"1PFLOPS", DIM_FLOPS, 1e15},
        {"1GOPS", DIM_FLOPS, 1e9},
        {"752TOPS", DIM_FLOPS, 752e12},
        {"1POPS", DIM_FLOPS, 1e15},
        {"0.05", DIM_RATIO, 0.05},
        {"5%", DIM_RATIO, 0.05},
        {"5 %", DIM_RATIO, 0.05},
        {"1e-3", DIM_RATIO, 1e-3},
        {"2.5E+1", DIM_RATIO, 25},
        {"310W", DIM_POWER, 310},
        {"1.2kW", DIM_POWER, 1200},
        {"0", DIM_COUNT, 0},
        {"384", DIM_COUNT, 384},
        {"9007199254740992", DIM_COUNT, 9007199254740992},
        {"0s", DIM_TIME, 0},
        {"5e-324s", DIM_TIME, 4.94065645841246544e-324},
        {"0.1234567890123456789012345678901234567", DIM_RATIO,
         0.1234567890123456789012345678901234567},
};

static void every_unit_reads_as_si(void)
{
	for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
		if (parse(readings[i].text, readings[i].dim) != readings[i].si)
			UNIT_TEXT(readings[i].text, "its value");
	}
}

static void a_missing_unit_is_refused(void)
{
	refuse("196", DIM_RATE, "'196' needs a unit of rate, such as GBps");
	refuse("0", DIM_TIME, "'0' needs a unit of time, such as us");
	refuse("64", DIM_BYTES, "'64' needs a unit of size, such as MiB");
	refuse("1e12", DIM_FLOPS, "'1e12' needs a unit of compute rate, such as TFLOPS");
	refuse("300", DIM_POWER, "'300' needs a unit of power, such as W");
}

static void a_wrong_unit_is_refused(void)
{
	refuse("3 GB", DIM_TIME, "'3 GB' is a size, but a time is needed (ns, us, ms, s, min, h)");
	refuse("5ns", DIM_COUNT,
	       "'5ns' is a time, but a count is needed (a whole number, no unit)");
	refuse("5%", DIM_POWER, "'5%' is a ratio, but a power is needed (W, kW)");
	refuse("5kg", DIM_TIME, "'5kg': 'kg' is not a unit of time (ns, us, ms, s, min, h)");
	refuse("5kg", DIM_COUNT, "'5kg' is not a count (a whole number, no unit)");
	refuse("5gb", DIM_BYTES,
	       "'5gb': 'gb' is not a unit of size (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)");
	refuse("5GB/s", DIM_POWER, "'5GB/s': 'GB/s' is not a unit of power (W, kW)");
	refuse("5x", DIM_RATIO, "'5x': 'x' is not a unit of ratio (a bare number, or %)");
}

static void what_is_no_number_is_refused(void)
{
	static const char *const texts[] = {
	        "",       " ",         "GBps",   "+1W",    " 1W",    ".5W",        "inf W",
	        "infW",   "nanW",      "NAN",    "0x1W",   "01W",    "1_0W",       "1,5W",
	        "1.W",    "1..5W",     "1e W",   "1eW",    "1  W",   "1W ",        "1 ",
	        "1\tW",   "1W\n",      "1 W W",  "W1",     "--1W",   "-W",         "1e+W",
	        "1'000W", "\xd9\xa1W", "1.5.2W", "1e1.5W", "1e5e5W", "1\xc2\xa0W", "1 kw",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct err e = {.text = ""};
		double si = -1;

		if (quantity_parse(texts[i], DIM_POWER, &si, &e) != RC_CONFIG || si != -1)
			UNIT_TEXT(texts[i], "refused");
		UNIT_HOLDS(e.text, "'");
	}
	refuse("+1W", DIM_POWER, "'+1W' does not start with a number such as 12 or 0.5");
}

static void a_value_beyond_reach_is_refused(void)
{
	char text[200];

	refuse("-3", DIM_COUNT, "'-3' must not be negative");
	refuse("-0.5us", DIM_TIME, "'-0.5us' must not be negative");
	refuse("1e309W", DIM_POWER, "'1e309W' is too large");
	refuse("1e308h", DIM_TIME, "'1e308h' is too large");
	refuse("1e99999999999999999999W", DIM_POWER, "'1e99999999999999999999W' is too large");
	refuse("1e-324s", DIM_TIME, "'1e-324s' is too small to be told from 0");
	refuse("1e-99999999999999999999W", DIM_POWER,
	       "'1e-99999999999999999999W' is too small to be told from 0");
	CU_ASSERT_EQUAL(parse("0e99999999999W", DIM_POWER), 0);
	memset(text, '7', sizeof text);
	text[sizeof text - 1] = '\0';
	refuse(text, DIM_RATIO,
	       "'7777777777777777777777777777777777777777...' has more than 40 digits");
}

static void a_count_is_whole(void)
{
	refuse("1.5", DIM_COUNT, "'1.5' must be a whole number in plain digits");
	refuse("4e3", DIM_COUNT, "'4e3' must be a whole number in plain digits");
	refuse("4.0", DIM_COUNT, "'4.0' must be a whole number in plain digits");
	refuse("9007199254740993", DIM_COUNT,
	       "'9007199254740993' is above 2^53, the largest exact count");
	refuse("99999999999999999999999999", DIM_COUNT,
	       "'99999999999999999999999999' is above 2^53, the largest exact count");
}

static bool reads_back(double si, enum dim dim)
{
	char text[64];

	quantity_exact(si, dim, text, sizeof text);
	if (strlen(text) + 1 == sizeof text || parse(text, dim) != si)
		return UNIT_TEXT(text, "its value"), false;
	return true;
}

/* Random bit patterns: every magnitude, the smallest and the largest alike. */
static void exact_text_reads_back_to_the_bit(void)
{
	static const double ends[] = {
	        0,         DBL_TRUE_MIN,     DBL_MIN, DBL_MAX,   DBL_EPSILON, 1,       0.1,
	        1.0 / 3,   9007199254740992, 1e15,    1e16,      1e17,        1e22,    1e23,
	        123456789, 0x1p-26,          0x1p70,  0x1.8p-99, 5e-6,        9.999e-6};

	for (int k = 0; k < N_DIMS; k++) {
		struct rng r;
		int left = 100000;

		rng_init(&r, 2024, all_dims[k]);
		while (left > 0) {
			uint64_t bits = (uint64_t)rng_u32(&r) << 32 | rng_u32(&r);
			double si;

			bits &= UINT64_MAX >> 1;
			memcpy(&si, &bits, sizeof si);
			if (all_dims[k] == DIM_COUNT)
				si = (double)(bits >> (10 + rng_below(&r, 53)));
			if (!isfinite(si))
				continue;
			if (!reads_back(si, all_dims[k]))
				return;
			left--;
		}
		for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
			if (all_dims[k] != DIM_COUNT)
				reads_back(ends[i], all_dims[k]);
		}
	}
}

/* What a user would write is what is written back. */
static void exact_text_is_the_short_one(void)
{
	static const struct {
		const char *text;
		enum dim dim;
	} known[] = {
	        {"0s", DIM_TIME},       {"929ns", DIM_TIME},
	        {"1us", DIM_TIME},      {"2.5us", DIM_TIME},
	        {"100ns", DIM_TIME},    {"60s", DIM_TIME},
	        {"0B", DIM_BYTES},      {"64GB", DIM_BYTES},
	        {"64GiB", DIM_BYTES},   {"1.5MiB", DIM_BYTES},
	        {"512B", DIM_BYTES},    {"1KiB", DIM_BYTES},
	        {"100kB", DIM_BYTES},   {"196GBps", DIM_RATE},
	        {"1.6TBps", DIM_RATE},  {"50GBps", DIM_RATE},
	        {"0Bps", DIM_RATE},     {"376TFLOPS", DIM_FLOPS},
	        {"0GFLOPS", DIM_FLOPS}, {"0.05", DIM_RATIO},
	        {"1", DIM_RATIO},       {"1e-7", DIM_RATIO},
	        {"1.25e-7", DIM_RATIO}, {"0.000125", DIM_RATIO},
	        {"310W", DIM_POWER},    {"384", DIM_COUNT},
	        {"1000000", DIM_COUNT}, {"9007199254740992", DIM_COUNT},
	};
	char text[64];

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		quantity_exact(parse(known[i].text, known[i].dim), known[i].dim, text, sizeof text);
		UNIT_TEXT(text, known[i].text);
	}
}

static void human(double si, enum dim dim, int digits, const char *want)
{
	char text[64];

	UNIT_TEXT(quantity_human(si, dim, digits, text, sizeof text), want);
}

static void people_get_a_fitting_unit(void)
{
	human(3.2149e-3, DIM_TIME, 3, "3.21 ms");
	human(1.5e9, DIM_BYTES, 3, "1.5 GB");
	human(0, DIM_TIME, 3, "0 s");
	human(0, DIM_RATE, 3, "0 Bps");
	human(929e-9, DIM_TIME, 3, "929 ns");
	human(1e-6, DIM_TIME, 3, "1 us");
	human(999.6e-6, DIM_TIME, 3, "1 ms");
	human(999.4e-6, DIM_TIME, 3, "999 us");
	human(5400, DIM_TIME, 3, "5400 s");
	human(7234, DIM_TIME, 2, "7234 s");
	human(1e-10, DIM_TIME, 3, "0.1 ns");
	human(1e-20, DIM_TIME, 3, "1e-11 ns");
	human(67108864, DIM_BYTES, 4, "67.11 MB");
	human(0.5, DIM_BYTES, 3, "0.5 B");
	human(196e9, DIM_RATE, 3, "196 GBps");
	human(376e12, DIM_FLOPS, 3, "376 TFLOPS");
	human(5, DIM_FLOPS, 3, "5e-9 GFLOPS");
	human(0.0523449, DIM_RATIO, 3, "0.0523");
	human(12345, DIM_COUNT, 3, "12345");
	human(3.14159, DIM_COUNT, 3, "3.14");
	human(1200, DIM_POWER, 3, "1.2 kW");
	human(1e300, DIM_RATIO, 3, "1e300");
	human(-2e-3, DIM_TIME, 3, "-2 ms");
	human(INFINITY, DIM_TIME, 3, "inf");
	human(-INFINITY, DIM_TIME, 3, "-inf");
	human(NAN, DIM_TIME, 3, "nan");
}

/* dim_units() promises units to users: each of them must be read. */
static void the_units_in_messages_are_read(void)
{
	static const enum dim with_units[] = {DIM_TIME, DIM_BYTES, DIM_RATE, DIM_FLOPS, DIM_POWER};

	for (size_t k = 0; k < sizeof with_units / sizeof *with_units; k++) {
		const char *unit = dim_units(with_units[k]);

		while (*unit) {
			char text[32];
			int n_chars = (int)strcspn(unit, ",");

			snprintf(text, sizeof text, "1%.*s", n_chars, unit);
			CU_ASSERT(parse(text, with_units[k]) > 0);
			unit += n_chars;
			unit += strspn(unit, ", ");
		}
	}
	UNIT_TEXT(dim_name(DIM_BYTES), "size");
}

static void the_locale_changes_nothing(void)
{
	static const char *const with_comma[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE",
	                                         "fr_FR.UTF-8", NULL};
	const char *const *name = with_comma;
	char text[64];

	while (*name && !setlocale(LC_ALL, *name))
		name++;
	if (!*name)
		printf("(no locale with a decimal comma here) ");
	CU_ASSERT_EQUAL(parse("0.5us", DIM_TIME), 0.5e-6);
	UNIT_TEXT(quantity_exact(1.25, DIM_RATIO, text, sizeof text), "1.25");
	UNIT_TEXT(quantity_human(1.25e-3, DIM_TIME, 3, text, sizeof text), "1.25 ms");
	setlocale(LC_ALL, "C");
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"every unit reads as SI", every_unit_reads_as_si},
	        {"a missing unit is refused", a_missing_unit_is_refused},
	        {"a wrong unit is refused", a_wrong_unit_is_refused},
	        {"what is no number is refused", what_is_no_number_is_refused},
	        {"a value beyond reach is refused", a_value_beyond_reach_is_refused},
	        {"a count is whole", a_count_is_whole},
	        {"exact text reads back to the bit", exact_text_reads_back_to_the_bit},
	        {"exact text is the short one", exact_text_is_the_short_one},
	        {"people get a fitting unit", people_get_a_fitting_unit},
	        {"the units in messages are read", the_units_in_messages_are_read},
	        {"the locale changes nothing", the_locale_changes_nothing},
	        {NULL, NULL},
	};

	return unit_main("base_quantity", tests);
}
